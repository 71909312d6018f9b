"""What the still pictures are drawn with, which stand where an explorer can't run."""

import matplotlib as mpl
import numpy as np
import torch
from PIL import Image, ImageFont

from patchwork.figures import ACCENT


def cell_boxes(box, grid):
    """Return (left, top, width, height) of each cell of a grid within a box, row by row."""
    left, top, width, height = box
    (rows, columns), (wide, high) = grid, (width / grid[1], height / grid[0])
    return [(left + column * wide, top + row * high, wide, high) for row in range(rows) for column in range(columns)]


def draw_borders(pen, boxes, labels):
    """Draw white lines between cells of different labels, (rows, columns)."""
    for (row, column), label in np.ndenumerate(labels):
        x, y, wide, high = boxes[row * labels.shape[1] + column]
        if column + 1 < labels.shape[1] and labels[row, column + 1] != label:
            pen.line([(x + wide, y), (x + wide, y + high)], fill="white", width=2)
        if row + 1 < labels.shape[0] and labels[row + 1, column] != label:
            pen.line([(x, y + high), (x + wide, y + high)], fill="white", width=2)


def gray_picture(values):
    """Turn a tensor (H, W) in [0, 1] into a PIL image; what lies outside is black or white."""
    return Image.fromarray((values.clamp(0, 1) * 255).round().to(torch.uint8).numpy())


def heat_color(value):
    """Return the color of a heat from 0 to 1."""
    return tuple(heat_colors(np.array([value]))[0].tolist())


def heat_colors(values):
    """Return the colors of heats from 0 to 1, (N,) → (N, 3) in 0 … 255."""
    return mpl.colormaps["cividis"](values, bytes=True)[..., :3]


def channels(color):
    """Return red, green and blue of a color such as "#56b4e9".

    >>> channels("#56b4e9")
    [86, 180, 233]
    """
    return [*bytes.fromhex(color[1:])]


def draw_outline(pen, box):
    """Outline a box in the accent, so that it shows on any photograph."""
    left, top, right, bottom = box
    pen.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline="white", width=2)
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=ACCENT, width=4)


def write(pen, point, text, size, color, anchor=None):
    """Write words."""
    pen.text(point, text, fill=color, font=ImageFont.load_default(size), anchor=anchor)
