"""The still picture of chapter 7's experiment: the scene with its mark, and who answers rightly in each network."""

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.modules import limits
from patchwork.explorers.common.still import cell_boxes, channels, draw_outline, gray_picture, write
from patchwork.figures import ACCENT, INK, LINES, PAPER
from patchwork.synthesis.scenes import GRID, TEXTURES

TINTS = (LINES[3], LINES[2])  # brick, grass
RIGHT, WRONG = LINES[0], LINES[5]
TINT, FAINT = 0.42, 0.72  # how strong the tint is; how much paper covers the color of a patch that no news reaches
ACROSS = limits("answers")["across"]  # maps in a row
SIDE = 160
PITCH = SIDE + 60


def draw_answers(look):
    """Draw the scene in the colors of its textures, words beside it, and below it a map for each network."""
    rows = -(-len(look.models) // ACROSS)
    sheet = Image.new("RGB", (740, 400 + PITCH * rows), PAPER)
    photo = gray_picture(look.image[0]).convert("RGB").resize((360, 360), Image.Resampling.BICUBIC)
    tint = _cells(np.array([channels(color) for color in TINTS])[look.textures.numpy()], photo.size)
    sheet.paste(Image.blend(photo, tint, TINT), (20, 20))
    pen = ImageDraw.Draw(sheet)
    _outline_cell(pen, (20, 20, 360, 360), look.selected)
    for line, text in enumerate(_findings(look)):
        write(pen, (410, 30 + 36 * line), text, 24, ACCENT if line == 0 else INK)
    _draw_key(pen, (410, 300))
    for place, network in enumerate(look.models):
        left, top = 20 + (SIDE + 20) * (place % ACROSS), 400 + PITCH * (place // ACROSS)
        sheet.paste(_cells(_verdicts(look, network), (SIDE, SIDE)), (left, top))
        _outline_cell(pen, (left, top, SIDE, SIDE), look.selected)
        write(pen, (left, top + SIDE + 6), network, 20, INK)
        write(pen, (left, top + SIDE + 30), _count_text(look, network), 18, INK)
    return sheet


def _draw_key(pen, place):
    left, top = place
    for line, (color, text) in enumerate(((RIGHT, "right"), (WRONG, "wrong"), (None, "faint: no news"))):
        box = (left, top + 28 * line, left + 20, top + 28 * line + 20)
        if color is None:
            box = (*box[:2], left + 10, box[3])
            pen.rectangle((left + 10, *box[1:2], left + 20, box[3]), fill=_faint(WRONG))
        pen.rectangle(box, fill=color or _faint(RIGHT))
        write(pen, (left + 30, top + 28 * line - 1), text, 18, INK)


def _faint(color):
    both = zip(channels(PAPER), channels(color), strict=True)
    return tuple(round(FAINT * paper + (1 - FAINT) * own) for paper, own in both)


def _verdicts(look, network):
    """Color each patch: right or wrong, faint where no news arrives, paper where nothing is asked."""
    right, reached = look.right_of(network).numpy()[:, None], look.reached_by(network).numpy()[:, None]
    full = np.where(right, channels(RIGHT), channels(WRONG))
    faint = np.where(right, _faint(RIGHT), _faint(WRONG))
    return np.where(look.distances.numpy()[:, None] > 0, np.where(reached, full, faint), channels(PAPER))


def _cells(colors, size):
    return Image.fromarray(colors.astype(np.uint8).reshape(*GRID, 3)).resize(size, Image.Resampling.NEAREST)


def _outline_cell(pen, box, place):
    left, top, wide, high = cell_boxes(box, GRID)[place]
    draw_outline(pen, (left, top, left + wide, top + high))


def describe_answers(look):
    """Say in words what ``draw_answers`` shows."""
    row, column = divmod(look.selected, GRID[1])
    asked = "am I of its texture?" if look.question == "same" else "is it in a column left of mine?"
    told = "; ".join(f"{network}: {_count_text(look, network)}" for network in look.models)
    return (
        f"A mosaic of 12 × 12 patches of brick or grass; one, in row {row}, column {column}, is marked, and every "
        f"other answers: {asked} For each network a map of who is right. Right of those the news reaches: {told}."
    )


def _count_text(look, network):
    right, number = look.counts[network][0]
    return f"{right} of {number}" if number else "nobody"


def _findings(look):
    row, column = divmod(look.selected, GRID[1])
    asked = ("Am I of", "its texture?") if look.question == "same" else ("Is it in a column", "left of mine?")
    marked = f"Marked: {TEXTURES[look.textures[look.selected]]}", f"row {row}, column {column}"
    return [*marked, "", "Every other patch", "answers:", *asked]
