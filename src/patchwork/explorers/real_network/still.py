"""The still picture of a real network: a patch in a photograph, its map, and the curve over depth."""

import io
import math
from base64 import b64decode

import numpy as np
import torch
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, draw_borders, draw_outline, heat_colors, write
from patchwork.figures import ACCENT, INK, LINES, PAPER

SIDE = 340
COVER = 0.7  # of the photograph that the map covers
QUIET = "#8a8f96"


def draw_real_network(look):
    """Draw a photograph with its chosen patch, the patch's map over it, the curve over depth, and what they tell."""
    findings = _findings(look)
    sheet = Image.new("RGB", (740, SIDE + 260 + 32 * len(findings)), PAPER)
    with Image.open(io.BytesIO(b64decode(look.part["photo"]))) as file:
        photo = file.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    cells = Image.fromarray(heat_colors(_heat(look)).reshape(*look.grid, 3)).resize(
        (SIDE, SIDE), Image.Resampling.NEAREST
    )
    boxes = cell_boxes((0, 0, SIDE, SIDE), look.grid)
    for left, shown in ((20, photo), (380, Image.blend(photo, cells, COVER))):
        pen, (x, y, wide, high) = ImageDraw.Draw(shown), boxes[look.selected]
        if look.part["labels"] is not None:
            draw_borders(pen, boxes, np.array(look.part["labels"]).reshape(look.grid))
        draw_outline(pen, (x, y, x + wide, y + high))
        sheet.paste(shown, (left, 20))
    pen = ImageDraw.Draw(sheet)
    _draw_curve(pen, look, (70, SIDE + 50, 700, SIDE + 190))
    for line, text in enumerate(findings):
        write(pen, (20, SIDE + 240 + 32 * line), text, 20, ACCENT if line == 0 else INK)
    return sheet


def _heat(look):
    """Return heats from 0 to 1: the root of a weight's share of the largest, or a cosine between the others' ends."""
    row = look.weights
    if look.heads is not None:
        return (row / row.max()).sqrt().numpy()
    others = row[torch.arange(len(row)) != look.selected]
    low, high = others.min(), others.max()
    return ((row - low) / ((high - low) or 1)).clamp(0, 1).numpy()


def _draw_curve(pen, look, box):
    left, top, right, bottom = box
    scored = look.part["labels"] is not None
    most = 1 if scored else math.ceil(max(look.curve))
    x, y = lambda depth: left + (right - left) * depth / 12, lambda value: bottom - (bottom - top) * value / most
    for value in (0, most / 2, most):
        pen.line([(left, y(value)), (right, y(value))], fill="#d5d2c8", width=1)
        write(pen, (left - 8, y(value)), f"{value:g}", 16, INK, anchor="rm")
    points = [(x(depth), y(value)) for depth, value in enumerate(look.curve)]
    pen.line([(x(look.depth), top), (x(look.depth), bottom)], fill=ACCENT, width=3)
    pen.line(points, fill=LINES[0], width=3)
    for depth, (across, down) in enumerate(points):
        pen.ellipse((across - 5, down - 5, across + 5, down + 5), fill=ACCENT if depth == look.depth else LINES[0])
        write(pen, (across, bottom + 6), str(depth), 16, INK, anchor="ma")
    what = "AUC" if scored else "patches away, the 25 most alike"
    write(pen, ((left + right) / 2, bottom + 26), f"features by depth: {what}", 16, INK, anchor="ma")


def describe_real_network(look):
    """Say in words what ``draw_real_network`` shows."""
    row, column = divmod(look.selected, look.grid[1])
    what = f"features at depth {look.depth}" if look.heads is None else f"head {look.head} of layer {look.depth}"
    ends = f"{look.curve[0]:.2g} at depth 0, {look.curve[-1]:.2g} at depth {len(look.curve) - 1}"
    return (
        f"The picture “{look.photo}” in {look.grid[0]} × {look.grid[1]} patches, one of them chosen, patch "
        f"{look.selected} in row {row}, column {column}, and its map by the {what} of a DINOv2-small backbone. "
        f"{'. '.join(_findings(look))}. Below, the curve of the features over depth: {ends}."
    )


def _findings(look):
    reach = f"{look.reach:.1f} patches away"
    if look.heads is None:
        lines = [f"features, depth {look.depth}: the 25 most alike are {reach}", f"mean cosine {look.mean_cosine:.2f}"]
    else:
        lines = [f"head {look.head} of layer {look.depth} attends {reach}", f"entropy {look.entropy:.1f} bits"]
    return lines if look.score is None else [*lines, f"AUC {look.score:.2f}, chance 0.5"]
