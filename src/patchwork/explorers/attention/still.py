"""The still picture of attention: every model's answers to one query, as heat over the photograph."""

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, draw_borders, draw_outline, write
from patchwork.figures import INK, PAPER

ROOM = 4  # full color takes this many times the uniform weight, and the largest at most so many times as much


def draw_attention(photo, grid, query, columns, *, crisp, labels=None):
    """Draw the answers to one query as heat over a photograph, one column for each model, on one scale.

    ``columns`` holds (title, weights of all tokens, lines to write below); tokens before the patches stand at the left.
    """
    side = (740 - 20) / max(len(columns), 2) - 20
    lines = max(len(findings) for _, _, findings in columns)
    sheet = Image.new("RGB", (740, round(150 + side * photo.height / photo.width + 30 * lines)), PAPER)
    tokens = len(columns[0][1])
    top = max(ROOM / tokens, *(max(weights) / ROOM for _, weights, _ in columns))
    pen = ImageDraw.Draw(sheet)
    for place, (title, weights, findings) in enumerate(columns):
        left, heat = 20 + place * (side + 20), _heat([weight / top for weight in weights])
        bottom = _heat_map(sheet, photo, (left, 54, side), (heat, grid, query, labels), crisp)
        write(pen, (left, 14), title.capitalize(), 26, INK)
        for line, text in enumerate(findings):
            write(pen, (left, bottom + 12 + 30 * line), text, 20, INK)
    _legend(sheet, top, tokens, above=any(max(weights) > top for _, weights, _ in columns))
    return sheet


def _heat(shares):
    """Color shares of the top weight, by their square root → a PIL image one pixel high."""
    return Image.fromarray(mpl.colormaps["cividis"](np.sqrt(shares), bytes=True)[None, :, :3])


def _heat_map(sheet, photo, place, shown, crisp):
    (left, top, side), (heat, grid, query, labels) = place, shown
    prefix, pen = heat.width - grid[0] * grid[1], ImageDraw.Draw(sheet)
    strip = side * 0.2 if prefix else 0
    width = round(side - 1.2 * strip)
    height, start = round(width * photo.height / photo.width), round(left + side - width)
    patches = np.asarray(heat)[0, prefix:].reshape(*grid, 3)
    cells = Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)
    below = photo.resize((width, height), Image.Resampling.NEAREST if crisp else Image.Resampling.BICUBIC)
    sheet.paste(Image.blend(below, cells, 0.65 if crisp else 0.8), (start, top))
    boxes = [(left, top + 1.2 * strip * token, strip, strip) for token in range(prefix)]
    boxes += cell_boxes((start, top, width, height), grid)
    for token, (x, y, wide, high) in enumerate(boxes[:prefix]):
        pen.rectangle((x, y, x + wide, y + high), fill=heat.getpixel((token, 0)))
    if labels is not None:
        draw_borders(pen, boxes[prefix:], np.reshape(labels, grid))
    x, y, wide, high = boxes[query]
    draw_outline(pen, (x, y, x + wide, y + high))
    return top + height


def _legend(sheet, top, tokens, *, above):
    left, right, y = 20, 720, sheet.height - 50
    sheet.paste(_heat(np.linspace(0, 1, 700) ** 2).resize((right - left, 14)), (left, y))
    pen, uniform = ImageDraw.Draw(sheet), left + (right - left) * (1 / tokens / top) ** 0.5
    pen.rectangle((uniform - 1, y - 3, uniform + 1, y + 16), fill=INK)
    write(pen, (left, y + 20), "weight 0", 18, INK)
    write(pen, (max(uniform, 200), y + 20), f"uniform 1/{tokens}", 18, INK, anchor="ma")
    write(pen, (right, y + 20), f"{top:.2g}{' or more' if above else ''}", 18, INK, anchor="ra")
