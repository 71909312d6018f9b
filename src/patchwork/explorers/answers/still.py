"""The still picture of chapter 7's experiment: the scene with its mark, and who answers rightly in each network."""

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, draw_outline, write
from patchwork.figures import ACCENT, INK, LINES, PAPER

TINTS = (LINES[3], LINES[2])  # brick, grass
RIGHT, WRONG = LINES[0], LINES[5]
TINT, FAINT = 0.42, 0.72  # how strong the tint is; how much paper covers the color of a patch that no news reaches
GRID = (12, 12)
ACROSS, SIDE = 4, 160
PITCH = SIDE + 60


def draw_answers(scene, asked, maps, findings):
    """Draw the scene in the colors of its textures, words beside it, and below it a map for each network.

    ``scene`` is a PIL image, the texture of each patch (N,), and the place of the mark; ``asked`` (N,) tells who is
    asked; ``maps`` holds for each network who is right (N,), whom the news reaches (N,), and words.
    """
    (photo, textures, marked), rows = scene, -(-len(maps) // ACROSS)
    sheet = Image.new("RGB", (740, 400 + PITCH * rows), PAPER)
    tint = _cells(np.array([_channels(color) for color in TINTS])[textures.numpy()], (360, 360))
    sheet.paste(Image.blend(photo.convert("RGB").resize((360, 360), Image.Resampling.BICUBIC), tint, TINT), (20, 20))
    pen = ImageDraw.Draw(sheet)
    _outline_cell(pen, (20, 20, 360, 360), marked)
    for line, text in enumerate(findings):
        write(pen, (410, 30 + 36 * line), text, 24, ACCENT if line == 0 else INK)
    _key(pen, (410, 300))
    for place, (name, (right, reached, words)) in enumerate(maps.items()):
        left, top = 20 + (SIDE + 20) * (place % ACROSS), 400 + PITCH * (place // ACROSS)
        colors = _verdicts(right.numpy(), reached.numpy(), asked.numpy())
        sheet.paste(_cells(colors, (SIDE, SIDE)), (left, top))
        _outline_cell(pen, (left, top, SIDE, SIDE), marked)
        write(pen, (left, top + SIDE + 6), name, 20, INK)
        write(pen, (left, top + SIDE + 30), words, 18, INK)
    return sheet


def _key(pen, place):
    left, top = place
    for line, (color, text) in enumerate(((RIGHT, "right"), (WRONG, "wrong"), (None, "faint: no news"))):
        box = (left, top + 28 * line, left + 20, top + 28 * line + 20)
        if color is None:
            box = (*box[:2], left + 10, box[3])
            pen.rectangle((left + 10, *box[1:2], left + 20, box[3]), fill=_faint(WRONG))
        pen.rectangle(box, fill=color or _faint(RIGHT))
        write(pen, (left + 30, top + 28 * line - 1), text, 18, INK)


def _channels(color):
    return [*bytes.fromhex(color[1:])]


def _faint(color):
    both = zip(_channels(PAPER), _channels(color), strict=True)
    return tuple(round(FAINT * paper + (1 - FAINT) * own) for paper, own in both)


def _verdicts(right, reached, asked):
    """Color each patch: right or wrong, faint where no news arrives, paper where nothing is asked."""
    full = np.where(right[:, None], _channels(RIGHT), _channels(WRONG))
    faint = np.where(right[:, None], _faint(RIGHT), _faint(WRONG))
    return np.where(asked[:, None], np.where(reached[:, None], full, faint), _channels(PAPER))


def _cells(colors, size):
    return Image.fromarray(colors.astype(np.uint8).reshape(*GRID, 3)).resize(size, Image.Resampling.NEAREST)


def _outline_cell(pen, box, place):
    left, top, wide, high = cell_boxes(box, GRID)[place]
    draw_outline(pen, (left, top, left + wide, top + high))
