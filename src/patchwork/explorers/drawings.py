"""The still pictures that stand where an explorer can't run."""

import matplotlib as mpl
import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw, ImageFont

from patchwork.figures import ACCENT, INK, PAPER, RULE


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


def _legend(sheet, top, tokens, *, above):
    left, right, y = 20, 720, sheet.height - 50
    sheet.paste(_heat(np.linspace(0, 1, 700) ** 2).resize((right - left, 14)), (left, y))
    pen, uniform = ImageDraw.Draw(sheet), left + (right - left) * (1 / tokens / top) ** 0.5
    pen.rectangle((uniform - 1, y - 3, uniform + 1, y + 16), fill=INK)
    write(pen, (left, y + 20), "weight 0", 18, INK)
    write(pen, (max(uniform, 200), y + 20), f"uniform 1/{tokens}", 18, INK, anchor="ma")
    write(pen, (right, y + 20), f"{top:.2g}{' or more' if above else ''}", 18, INK, anchor="ra")


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


PLUS, MINUS = "#e08a00", "#2f86d1"  # weights above and below 0


def draw_convolution(pixels, result, selected, sums, findings):
    """Draw a gray photograph and its answers side by side, and one pixel's neighborhood, weights and products.

    ``pixels`` and ``result`` are (H, W) tensors; ``sums`` the neighborhood, the weights and their products, (K, K).
    """
    scale = 340 / max(pixels.shape)
    width, height = (round(length * scale) for length in reversed(pixels.shape))
    sheet = Image.new("RGB", (740, height + 420), PAPER)
    pen = ImageDraw.Draw(sheet)
    row, column = divmod(selected, pixels.shape[1])
    signed = bool((sums[1] < 0).any())
    most = float(result.abs().max()) if signed else float(sums[1].sum())
    answers = result / (most or 1)
    for left, gray, reach in ((20, pixels, len(sums[1]) // 2), (380, answers / 2 + 0.5 if signed else answers, 0)):
        sheet.paste(gray_picture(gray).resize((width, height), Image.Resampling.BICUBIC), (left, 20))
        box = (column - reach, row - reach, column + reach + 1, row + reach + 1)
        around = zip(box, (left - 3, 17, left + 3, 23), strict=True)
        draw_outline(pen, [at * scale + start for at, start in around])
    write(pen, (380, height + 30), f"black {-most if signed else 0:.3g}, white {most:.3g}", 18, INK)
    _draw_products(pen, (20, height + 70, 400, 210), sums)
    for line, text in enumerate(("In each cell:", "the pixel,", "the kernel's weight,", "and their product")):
        write(pen, (450, height + 112 + 30 * line), text, 20, INK)
    for line, text in enumerate(findings):
        write(pen, (20, height + 300 + 36 * line), text, 22, ACCENT if line == 0 else INK)
    return sheet


def gray_picture(values):
    """Turn a tensor (H, W) in [0, 1] into a PIL image; what lies outside is black or white."""
    return Image.fromarray((values.clamp(0, 1) * 255).round().to(torch.uint8).numpy())


def _draw_products(pen, box, sums):
    (left, top, width, height), size = box, len(sums[1])
    wide, high = width / size, height / size
    for (row, column), weight in np.ndenumerate(sums[1].numpy()):
        x, y = left + column * wide, top + row * high
        color = RULE if weight == 0 else PLUS if weight > 0 else MINUS
        pen.rectangle((x, y, x + wide - 4, y + high - 4), outline=color, width=1 if weight == 0 else 3)
        for line, number in enumerate(float(part[row, column]) for part in sums):
            middle = (x + wide / 2 - 2, y + high / 2 - 2 + (line - 1) * 0.28 * high)
            write(pen, middle, f"{number + 0:.3g}", min(18, 0.28 * high), INK, anchor="mm")


def draw_similarity(pixels, grid, query, chosen, maps, scores, findings):
    """Draw a gray picture and, feature by feature and metric by metric, how related its patches are, with scores.

    ``pixels`` is (H, W); ``maps`` and ``scores`` are dicts by feature and metric, of ranks 0 … 1 of the patches, or of
    all neighbors, those to the right first, where ``query`` is None.
    """
    photo = gray_picture(pixels).convert("RGB")
    side, high = 128, round(128 * photo.height / photo.width)  # on JPEG's blocks of 16 pixels, the cells stay sharp
    pitch = -(-(high + 52) // 16) * 16
    sheet = Image.new("RGB", (740, 92 + 3 * pitch + 36 * len(findings)), PAPER)
    pen = ImageDraw.Draw(sheet)
    small = photo.resize((side, high), Image.Resampling.BICUBIC)
    sheet.paste(small, (16, 80))
    for column, (feature, metrics) in enumerate(maps.items()):
        left = 160 + 144 * column
        write(pen, (left, 14), feature.capitalize(), 18, INK)
        for row, (metric, shares) in enumerate(metrics.items()):
            top = 80 + row * pitch
            if column == 0:
                write(pen, (left, top - 28), metric.capitalize(), 18, INK)
            tile = _cell_heat(small.size, grid, shares) if query is not None else _edge_heat(small.size, grid, shares)
            sheet.paste(tile, (left, top))
            if query is not None:
                x, y, wide, tall = cell_boxes((left, top, side, high), grid)[query]
                pen.rectangle((x, y, x + wide, y + tall), outline=ACCENT, width=3)
            if (feature, metric) == chosen:
                pen.rectangle((left - 5, top - 5, left + side + 4, top + high + 4), outline=ACCENT, width=3)
            write(pen, (left, top + high + 6), f"{scores[feature][metric]:.2f}".replace("nan", "–"), 18, INK)
    for line, text in enumerate(findings):
        write(pen, (20, sheet.height - 36 * len(findings) - 8 + 36 * line), text, 18, ACCENT if line == 0 else INK)
    return sheet


def _cell_heat(size, grid, shares):
    colors = mpl.colormaps["cividis"](shares.numpy(), bytes=True)[:, :3].reshape(*grid, 3)
    return Image.fromarray(colors).resize(size, Image.Resampling.NEAREST)


def _edge_heat(size, grid, shares):
    """Draw the edges between neighbors, the brighter and wider the more they set apart; the weaker half is left out."""
    tile = Image.new("RGB", size, heat_color(0.0))
    pen, (rows, columns), boxes = ImageDraw.Draw(tile), grid, cell_boxes((0, 0, *size), grid)
    across = [(row * columns + column, 0) for row in range(rows) for column in range(columns - 1)]
    down = [(patch, 1) for patch in range((rows - 1) * columns)]
    for (patch, axis), share in zip(across + down, shares.tolist(), strict=True):
        if share < 0.5:
            continue
        x, y, wide, high = boxes[patch]
        ends = [(x + wide, y), (x + wide, y + high)] if axis == 0 else [(x, y + high), (x + wide, y + high)]
        pen.line(ends, fill=heat_color(share**2), width=1 + round(2 * share**6))
    return tile


def heat_color(value):
    """Return the color of a heat from 0 to 1."""
    return tuple(int(channel) for channel in mpl.colormaps["cividis"](float(value), bytes=True)[:3])


def draw_outline(pen, box):
    """Outline a box in the accent, so that it shows on any photograph."""
    left, top, right, bottom = box
    pen.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline="white", width=2)
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=ACCENT, width=4)


def write(pen, at, text, size, color, anchor=None):
    """Write words."""
    pen.text(at, text, fill=color, font=ImageFont.load_default(size), anchor=anchor)
