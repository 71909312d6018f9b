"""The still picture of a photograph as patches: the grid, one patch enlarged, and the sequence around it."""

from PIL import Image, ImageDraw

from patchwork.explorers.common.still import draw_outline, write
from patchwork.figures import ACCENT, INK, PAPER


def draw_patches(photo, patches, order, place, stride):
    """Draw a photograph under its grid, the patch at ``place`` enlarged, and its neighbors in the sequence.

    ``patches`` are PIL images in the sequence's order, ``order`` their numbers.
    """
    patches = list(patches)
    scale = 440 / max(photo.size)
    columns = (photo.width - patches[0].width) // stride + 1
    sheet = Image.new("RGB", (740, 620), PAPER)
    pen = ImageDraw.Draw(sheet)
    sheet.paste(photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BICUBIC), (20, 20))
    _grid(pen, photo, stride * scale)
    row, column = divmod(place, columns)
    side = patches[0].width * scale
    left, top = 20 + column * stride * scale, 20 + row * stride * scale
    draw_outline(pen, (left, top, left + side, top + side))
    pen.line([(left + side + 4, top + side / 2), (500, 140)], fill=ACCENT, width=2)
    sheet.paste(patches[place].resize((220, 220), Image.Resampling.NEAREST), (500, 50))
    draw_outline(pen, (500, 50, 720, 270))
    write(pen, (500, 290), f"patch {order[place]}", 26, ACCENT)
    write(pen, (500, 326), f"row {row}, column {column}", 20, INK)
    write(pen, (500, 354), f"{3 * patches[0].width ** 2} numbers", 20, INK)
    _sequence(sheet, pen, patches, order, place)
    return sheet


def _grid(pen, photo, pitch):
    width, height = (side * 440 / max(photo.size) for side in photo.size)
    for at in range(1, round(width / pitch)):
        pen.line([(20 + at * pitch, 20), (20 + at * pitch, 20 + height)], fill="white")
    for at in range(1, round(height / pitch)):
        pen.line([(20, 20 + at * pitch), (20 + width, 20 + at * pitch)], fill="white")


def _sequence(sheet, pen, patches, order, place):
    for slot, at in enumerate(range(place - 4, place + 5)):
        if not 0 <= at < len(patches):
            continue
        left = 20 + slot * 79
        sheet.paste(patches[at].resize((68, 68), Image.Resampling.NEAREST), (left, 500))
        if at == place:
            draw_outline(pen, (left, 500, left + 68, 568))
        write(pen, (left + 34, 576), str(order[at]), 20, ACCENT if at == place else INK, anchor="ma")
