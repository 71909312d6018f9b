"""The still pictures that stand where an explorer can't run."""

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

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
    _outline(pen, (left, top, left + side, top + side))
    pen.line([(left + side + 4, top + side / 2), (500, 140)], fill=ACCENT, width=2)
    sheet.paste(patches[place].resize((220, 220), Image.Resampling.NEAREST), (500, 50))
    _outline(pen, (500, 50, 720, 270))
    _words(pen, (500, 290), f"patch {order[place]}", 26, ACCENT)
    _words(pen, (500, 326), f"row {row}, column {column}", 20, INK)
    _words(pen, (500, 354), f"{3 * patches[0].width ** 2} numbers", 20, INK)
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
            _outline(pen, (left, 500, left + 68, 568))
        _words(pen, (left + 34, 576), str(order[at]), 20, ACCENT if at == place else INK, anchor="ma")


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
        _words(pen, (left, 14), title.capitalize(), 26, INK)
        for line, text in enumerate(findings):
            _words(pen, (left, bottom + 12 + 30 * line), text, 20, INK)
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
    boxes += _cells((start, top, width, height), grid)
    for token, (x, y, wide, high) in enumerate(boxes[:prefix]):
        pen.rectangle((x, y, x + wide, y + high), fill=heat.getpixel((token, 0)))
    if labels is not None:
        _borders(pen, boxes[prefix:], np.reshape(labels, grid))
    x, y, wide, high = boxes[query]
    _outline(pen, (x, y, x + wide, y + high))
    return top + height


def _cells(box, grid):
    left, top, width, height = box
    (rows, columns), (wide, high) = grid, (width / grid[1], height / grid[0])
    return [(left + column * wide, top + row * high, wide, high) for row in range(rows) for column in range(columns)]


def _borders(pen, boxes, labels):
    for (row, column), label in np.ndenumerate(labels):
        x, y, wide, high = boxes[row * labels.shape[1] + column]
        if column + 1 < labels.shape[1] and labels[row, column + 1] != label:
            pen.line([(x + wide, y), (x + wide, y + high)], fill="white", width=2)
        if row + 1 < labels.shape[0] and labels[row + 1, column] != label:
            pen.line([(x, y + high), (x + wide, y + high)], fill="white", width=2)


def _legend(sheet, top, tokens, *, above):
    left, right, y = 20, 720, sheet.height - 50
    sheet.paste(_heat(np.linspace(0, 1, 700) ** 2).resize((right - left, 14)), (left, y))
    pen, uniform = ImageDraw.Draw(sheet), left + (right - left) * (1 / tokens / top) ** 0.5
    pen.rectangle((uniform - 1, y - 3, uniform + 1, y + 16), fill=INK)
    _words(pen, (left, y + 20), "weight 0", 18, INK)
    _words(pen, (max(uniform, 200), y + 20), f"uniform 1/{tokens}", 18, INK, anchor="ma")
    _words(pen, (right, y + 20), f"{top:.2g}{' or more' if above else ''}", 18, INK, anchor="ra")


def _outline(pen, box):
    left, top, right, bottom = box
    pen.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline="white", width=2)
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=ACCENT, width=4)


def _words(pen, at, text, size, color, anchor=None):
    pen.text(at, text, fill=color, font=ImageFont.load_default(size), anchor=anchor)
