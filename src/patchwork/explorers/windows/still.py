"""The still picture of windows: the photograph at one step, and the mask of the window that is asked about."""

import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw

from patchwork.explorers.common.still import draw_outline, write
from patchwork.figures import ACCENT, INK, PAPER, RULE

REGIONS = ("#56b4e9", "#f0e442", "#009e73", "#cc79a7")  # Okabe and Ito's that dark digits show on


def draw_windows(photo, setting, asking, findings):
    """Draw a photograph cut into windows at one step, and beside it the mask of the window of the token that asks.

    ``setting`` is (grid, window size, shift, step); ``asking`` the token, the tokens of its window, and their mask.
    """
    (grid, size, shift, step), (query, tokens, mask) = setting, asking
    width, height = (round(length * 400 / max(photo.size)) for length in photo.size)
    sheet = Image.new("RGB", (740, max(height, 330) + 170), PAPER)
    moved, cut = step in ("shift", "windows", "mask"), step in ("windows", "mask")
    cell = (width / grid[1], height / grid[0])
    regions = torch.unique(mask.int().argmax(1), return_inverse=True)[1].tolist()
    boxes = [_cell_box(token, grid, shift if moved else 0, cell) for token in tokens]
    below = photo.resize((width, height), Image.Resampling.BICUBIC)
    if moved:
        below = ImageChops.offset(below, -round(shift * cell[0]), -round(shift * cell[1]))
    pen = ImageDraw.Draw(below)
    _window_lines(pen, below.size, cell, size if cut or step == "unshift" else 1, shift if step == "unshift" else 0)
    if step in ("mask", "unshift"):
        below = _dimmed(below, boxes)
        _cross_out(ImageDraw.Draw(below), [boxes[place] for place in (~mask[tokens.index(query)]).nonzero().flatten()])
    _frame_regions(ImageDraw.Draw(below), boxes, regions)
    draw_outline(ImageDraw.Draw(below), boxes[tokens.index(query)])
    sheet.paste(below, (20, 20))
    _draw_mask(sheet, (460, 62, 260), mask, regions, tokens.index(query))
    pen = ImageDraw.Draw(sheet)
    write(pen, (460, 20), "row asks, column answers", 20, INK)
    for line, text in enumerate(findings):
        write(pen, (20, sheet.height - 130 + 40 * line), text, 22, ACCENT if line == 0 else INK)
    return sheet


def _cell_box(token, grid, shift, cell):
    row, column = ((at - shift) % length for at, length in zip(divmod(token, grid[1]), grid, strict=True))
    return column * cell[0], row * cell[1], (column + 1) * cell[0], (row + 1) * cell[1]


def _window_lines(pen, size, cell, every, shift):
    width, height = size
    for at in np.arange(shift * cell[0] or every * cell[0], width - 1, every * cell[0]):
        pen.line([(at, 0), (at, height)], fill="white", width=1 if every == 1 else 3)
    for at in np.arange(shift * cell[1] or every * cell[1], height - 1, every * cell[1]):
        pen.line([(0, at), (width, at)], fill="white", width=1 if every == 1 else 3)


def _dimmed(photo, boxes):
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
    for region in range(max(regions) + 1):
        members = [box for box, each in zip(boxes, regions, strict=True) if each == region]
        lefts, tops, rights, bottoms = zip(*members, strict=True)
        left, top = min(lefts) + 1, min(tops) + 1
        frame = (left, top, max(max(rights) - 1, left + 1), max(max(bottoms) - 1, top + 1))
        pen.rectangle(frame, outline=INK, width=6)
        pen.rectangle(frame, outline=REGIONS[region], width=4)
        right, bottom = frame[2:]
        if min(right - left, bottom - top) < 24:
            continue
        pen.rectangle((right - 17, bottom - 19, right, bottom), fill=REGIONS[region])
        write(pen, (right - 8, bottom - 18), str(region + 1), 16, INK, anchor="ma")


def _draw_mask(sheet, place, mask, regions, row):
    left, top, side = place
    colors = np.array([[*bytes.fromhex(color[1:])] for color in (*REGIONS, PAPER)], dtype=np.uint8)
    cells = np.where(mask.numpy(), np.array(regions)[None, :], len(REGIONS))
    picture = Image.fromarray(colors[cells]).resize((side, side), Image.Resampling.NEAREST)
    sheet.paste(picture, (left, top))
    pen, pitch = ImageDraw.Draw(sheet), side / len(regions)
    if pitch >= 8:
        for at in range(len(regions) + 1):
            pen.line([(left, top + at * pitch), (left + side, top + at * pitch)], fill=RULE)
            pen.line([(left + at * pitch, top), (left + at * pitch, top + side)], fill=RULE)
    pen.rectangle((left, top, left + side, top + side), outline=INK)
    draw_outline(pen, (left, top + row * pitch, left + side, top + (row + 1) * pitch))
