"""The still picture of a photograph as patches: the grid, one patch enlarged, and the sequence around it."""

from PIL import Image, ImageDraw

from patchwork.explorers.common.encoding import to_picture
from patchwork.explorers.common.still import draw_outline, write
from patchwork.figures import ACCENT, INK, PAPER

LEFT, TOP, SIDE = 20, 20, 440  # of the photograph, its longer side
ENLARGED = (500, 50, 720, 270)
REACH, ROW, PITCH, THUMB = 4, 500, 79, 68  # neighbors to each side; where they stand, how far apart, how large


def draw_patches(look):
    """Draw a photograph under its grid, the chosen patch enlarged, and its neighbors in the sequence."""
    sheet = Image.new("RGB", (740, 620), PAPER)
    pen = ImageDraw.Draw(sheet)
    left, top, side = _draw_photo(sheet, pen, look)
    pen.line([(left + side + 4, top + side / 2), (500, 140)], fill=ACCENT, width=2)
    sheet.paste(_patch_picture(look, look.selected, ENLARGED[2] - ENLARGED[0]), ENLARGED[:2])
    draw_outline(pen, ENLARGED)
    row, column = divmod(look.place, look.grid[1])
    write(pen, (500, 290), f"patch {look.selected}", 26, ACCENT)
    write(pen, (500, 326), f"row {row}, column {column}", 20, INK)
    write(pen, (500, 354), f"{len(look.vector)} numbers", 20, INK)
    _draw_sequence(sheet, pen, look)
    return sheet


def _draw_photo(sheet, pen, look):
    """Draw the photograph, the grid over it, and the chosen patch outlined → its (left, top, side)."""
    photo = to_picture(look.merged.clamp(0, 1))
    scale = SIDE / max(photo.size)
    width, height = (side * scale for side in photo.size)
    sheet.paste(photo.resize((round(width), round(height)), Image.Resampling.BICUBIC), (LEFT, TOP))
    pitch, side = look.pitch * scale, look.patch_size * scale
    for line in range(1, round(width / pitch)):
        pen.line([(LEFT + line * pitch, TOP), (LEFT + line * pitch, TOP + height)], fill="white")
    for line in range(1, round(height / pitch)):
        pen.line([(LEFT, TOP + line * pitch), (LEFT + width, TOP + line * pitch)], fill="white")
    row, column = divmod(look.place, look.grid[1])
    left, top = LEFT + column * pitch, TOP + row * pitch
    draw_outline(pen, (left, top, left + side, top + side))
    return left, top, side


def _draw_sequence(sheet, pen, look):
    order = look.order.tolist()
    for slot, place in enumerate(range(look.place - REACH, look.place + REACH + 1)):
        if not 0 <= place < len(order):
            continue
        left, chosen = LEFT + slot * PITCH, place == look.place
        sheet.paste(_patch_picture(look, order[place], THUMB), (left, ROW))
        if chosen:
            draw_outline(pen, (left, ROW, left + THUMB, ROW + THUMB))
        write(pen, (left + THUMB / 2, 576), str(order[place]), 20, ACCENT if chosen else INK, anchor="ma")


def _patch_picture(look, patch, side):
    pixels = look.patches[patch].view(3, look.patch_size, look.patch_size)
    return to_picture(pixels).resize((side, side), Image.Resampling.NEAREST)


def describe_patches(look):
    """Say in words what ``draw_patches`` shows."""
    (rows, columns), size = look.grid, look.patch_size
    order = " in shuffled order" if look.shuffled else ""
    return (
        f"The photograph “{look.photo}” as a grid of {rows} × {columns} patches{order}; patch {look.selected} is "
        f"outlined, and drawn large beside it, {size} × {size} pixels; below, its neighbors in the sequence."
    )
