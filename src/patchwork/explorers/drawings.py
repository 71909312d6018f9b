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


def draw_attention(photo, grid, query, columns, *, crisp):
    """Draw the answers to one query as heat over a photograph, one column for each model, on one scale.

    ``columns`` holds (title, weights of all tokens, lines to write below); tokens before the patches stand at the left.
    """
    side = (740 - 20) / max(len(columns), 2) - 20
    lines = max(len(findings) for _, _, findings in columns)
    sheet = Image.new("RGB", (740, round(110 + side * photo.height / photo.width + 30 * lines)), PAPER)
    top = max(max(max(weights), 4 / len(weights)) for _, weights, _ in columns)
    for place, (title, weights, findings) in enumerate(columns):
        left = 20 + place * (side + 20)
        bottom = _heat_map(sheet, photo, grid, (left, 54, side), [weight / top for weight in weights], query, crisp)
        pen = ImageDraw.Draw(sheet)
        _words(pen, (left, 14), title, 26, INK)
        for line, text in enumerate(findings):
            _words(pen, (left, bottom + 12 + 30 * line), text, 20, INK)
    _legend(sheet, top, len(columns[0][1]))
    return sheet


def _heat_map(sheet, photo, grid, place, values, query, crisp):
    left, top, side = place
    prefix = len(values) - grid[0] * grid[1]
    strip = side * 0.2 if prefix else 0
    width, height = round(side - strip * 1.2), round((side - strip * 1.2) * photo.height / photo.width)
    heat = Image.fromarray(mpl.colormaps["cividis"](np.array(values), bytes=True)[None, :, :3])
    patches = heat.crop((prefix, 0, len(values), 1))
    cells = Image.fromarray(np.asarray(patches).reshape(*grid, 3)).resize((width, height), Image.Resampling.NEAREST)
    below = photo.resize((width, height), Image.Resampling.NEAREST if crisp else Image.Resampling.BICUBIC)
    sheet.paste(Image.blend(below, cells, 0.7), (round(left + side - width), top))
    boxes = [(left, top + each * strip * 1.2, strip, strip) for each in range(prefix)]
    for each, (x, y, wide, high) in enumerate(boxes):
        ImageDraw.Draw(sheet).rectangle((x, y, x + wide, y + high), fill=heat.getpixel((each, 0)))
    cell, (row, column) = (width / grid[1], height / grid[0]), divmod(max(query - prefix, 0), grid[1])
    boxes += [(left + side - width + column * cell[0], top + row * cell[1], *cell)] * (query >= prefix)
    x, y, wide, high = boxes[query] if query < prefix else boxes[-1]
    _outline(ImageDraw.Draw(sheet), (x, y, x + wide, y + high))
    return top + height


def _legend(sheet, top, tokens):
    bar = mpl.colormaps["cividis"](np.linspace(0, 1, 240), bytes=True)[None, :, :3]
    sheet.paste(Image.fromarray(bar).resize((240, 14)), (440, sheet.height - 34))
    pen = ImageDraw.Draw(sheet)
    _words(pen, (430, sheet.height - 27), "0", 18, INK, anchor="rm")
    _words(pen, (690, sheet.height - 27), f"{top:.2g}", 18, INK, anchor="lm")


def _outline(pen, box):
    left, top, right, bottom = box
    pen.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline="white", width=2)
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=ACCENT, width=4)


def _words(pen, at, text, size, color, anchor=None):
    pen.text(at, text, fill=color, font=ImageFont.load_default(size), anchor=anchor)
