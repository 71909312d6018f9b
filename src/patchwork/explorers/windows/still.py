"""The still picture of windows: the photograph at one step, and the mask of the window that is asked about."""

import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw

from patchwork.explorers.common.encoding import to_picture
from patchwork.explorers.common.still import channels, draw_outline, write
from patchwork.explorers.windows.look import DIM
from patchwork.figures import ACCENT, INK, PAPER, RULE

REGIONS = ("#56b4e9", "#f0e442", "#009e73", "#cc79a7")  # Okabe and Ito's that dark digits show on
STEPS = {
    "tokens": "in place",
    "shift": "after the cyclic shift",
    "windows": "cut into windows after the cyclic shift",
    "mask": "cut into windows after the cyclic shift, and masked",
    "unshift": "shifted back",
}


def draw_windows(look):
    """Draw the photograph at the step shown, and beside it the mask of the window of the token that asks."""
    photo = to_picture(look.image)
    width, height = (round(length * 400 / max(photo.size)) for length in photo.size)
    sheet = Image.new("RGB", (740, max(height, 330) + 170), PAPER)
    regions = torch.unique(look.mask.int().argmax(1), return_inverse=True)[1].tolist()
    sheet.paste(_at_step(photo.resize((width, height), Image.Resampling.BICUBIC), look, regions), (20, 20))
    _draw_mask(sheet, (460, 62, 260), look, regions)
    pen = ImageDraw.Draw(sheet)
    write(pen, (460, 20), "row asks, column answers", 20, INK)
    for line, text in enumerate(_findings(look)):
        write(pen, (20, sheet.height - 130 + 40 * line), text, 22, ACCENT if line == 0 else INK)
    return sheet


def _at_step(photo, look, regions):
    """Return the photograph as it stands at the step shown, with windows, regions and the token that asks."""
    tokens, step = look.tokens.tolist(), look.step
    moved, masked = step in ("shift", "windows", "mask"), step in ("mask", "unshift")
    wide, high = cell = (photo.width / look.grid[1], photo.height / look.grid[0])
    boxes = [_cell_box(token, look.grid, look.shift if moved else 0, cell) for token in tokens]
    if moved:
        photo = ImageChops.offset(photo, -round(look.shift * wide), -round(look.shift * high))
    every = look.window_size if masked or step == "windows" else 1
    _window_lines(ImageDraw.Draw(photo), photo.size, cell, every, look.shift if step == "unshift" else 0)
    if masked:
        photo = _dimmed(photo, boxes)
        silent = (~look.answers[look.tokens]).nonzero().flatten()
        _cross_out(ImageDraw.Draw(photo), [boxes[place] for place in silent])
    pen = ImageDraw.Draw(photo)
    _frame_regions(pen, boxes, regions)
    draw_outline(pen, boxes[tokens.index(look.selected)])
    return photo


def _cell_box(token, grid, shift, cell):
    row, column = ((place - shift) % length for place, length in zip(divmod(token, grid[1]), grid, strict=True))
    return column * cell[0], row * cell[1], (column + 1) * cell[0], (row + 1) * cell[1]


def _window_lines(pen, size, cell, every, shift):
    width, height = size
    for x in np.arange(shift * cell[0] or every * cell[0], width - 1, every * cell[0]):
        pen.line([(x, 0), (x, height)], fill="white", width=1 if every == 1 else 3)
    for y in np.arange(shift * cell[1] or every * cell[1], height - 1, every * cell[1]):
        pen.line([(0, y), (width, y)], fill="white", width=1 if every == 1 else 3)


def _dimmed(photo, boxes):
    """Return the photograph paler, but for the boxes."""
    pale = Image.blend(photo, Image.new("RGB", photo.size, PAPER), 0.72)
    for box in boxes:
        whole = tuple(round(edge) for edge in box)
        pale.paste(photo.crop(whole), whole[:2])
    return pale


def _cross_out(pen, boxes):
    for box in boxes:
        inset = 0.22 * min(box[2] - box[0], box[3] - box[1])
        left, top, right, bottom = (edge + side * inset for edge, side in zip(box, (1, 1, -1, -1), strict=True))
        for line in ([(left, top), (right, bottom)], [(left, bottom), (right, top)]):
            pen.line(line, fill="white", width=5)
            pen.line(line, fill=INK, width=2)


def _frame_regions(pen, boxes, regions):
    """Frame the boxes of each region as one, and number it where there is room."""
    for region in range(max(regions) + 1):
        members = [box for box, each in zip(boxes, regions, strict=True) if each == region]
        lefts, tops, rights, bottoms = zip(*members, strict=True)
        left, top = min(lefts) + 1, min(tops) + 1
        right, bottom = max(max(rights) - 1, left + 1), max(max(bottoms) - 1, top + 1)
        pen.rectangle((left, top, right, bottom), outline=INK, width=6)
        pen.rectangle((left, top, right, bottom), outline=REGIONS[region], width=4)
        if min(right - left, bottom - top) >= 24:
            pen.rectangle((right - 17, bottom - 19, right, bottom), fill=REGIONS[region])
            write(pen, (right - 8, bottom - 18), str(region + 1), 16, INK, anchor="ma")


def _draw_mask(sheet, place, look, regions):
    left, top, side = place
    colors = np.array([channels(color) for color in (*REGIONS, PAPER)], dtype=np.uint8)
    cells = np.where(look.mask.numpy(), np.array(regions)[None, :], len(REGIONS))
    picture = Image.fromarray(colors[cells]).resize((side, side), Image.Resampling.NEAREST)
    sheet.paste(picture, (left, top))
    pen, pitch = ImageDraw.Draw(sheet), side / len(regions)
    if pitch >= 8:
        for along in (line * pitch for line in range(len(regions) + 1)):
            pen.line([(left, top + along), (left + side, top + along)], fill=RULE)
            pen.line([(left + along, top), (left + along, top + side)], fill=RULE)
    pen.rectangle((left, top, left + side, top + side), outline=INK)
    row = look.tokens.tolist().index(look.selected)
    draw_outline(pen, (left, top + row * pitch, left + side, top + (row + 1) * pitch))


def describe_windows(look):
    """Say in words what ``draw_windows`` shows."""
    rows, columns = look.grid
    return (
        f"The photograph “{look.photo}” as {rows} × {columns} tokens, {STEPS[look.step]}; token {look.selected} is "
        f"outlined, the tokens of its window that may not answer are crossed out; beside it, the mask of the "
        f"window. {'. '.join(_findings(look))}."
    )


def _findings(look):
    answer, whole, (most, least) = int(look.answers.sum()), len(look.tokens), look.costs
    return [
        f"{answer} of the {whole} tokens of window {look.window} answer{'s' * (answer == 1)} token {look.selected}",
        f"After {look.blocks} block{'' if look.blocks == 1 else 's'} it has heard of {int(look.heard.sum())} "
        f"of {len(look.heard)}",
        f"Global attention takes {most / least:.1f} times the multiply-adds (D = {DIM})",
    ]
