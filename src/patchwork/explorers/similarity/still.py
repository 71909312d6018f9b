"""The still picture of similarity: twelve maps with their scores."""

import matplotlib as mpl
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, gray_picture, heat_color, write
from patchwork.figures import ACCENT, INK, PAPER


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
