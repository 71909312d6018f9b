"""The still picture of similarity: twelve maps with their scores."""

import math

from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, gray_picture, heat_color, heat_colors, write
from patchwork.explorers.similarity.look import FEATURES, METRICS
from patchwork.figures import ACCENT, INK, PAPER

SIDE, BLOCK = 128, 16  # a map's width; on JPEG's blocks of 16 pixels, its cells stay sharp
LEFT, TOP, ACROSS, BETWEEN = 160, 80, 144, 52  # where the maps begin, how far apart they are, and how far below


def draw_similarity(look):
    """Draw a gray picture and, feature by feature and metric by metric, how related its patches are, with scores."""
    photo, findings = gray_picture(look.exposed).convert("RGB"), _findings(look)
    size = SIDE, round(SIDE * photo.height / photo.width)
    down = math.ceil((size[1] + BETWEEN) / BLOCK) * BLOCK
    sheet = Image.new("RGB", (740, TOP + 12 + len(METRICS) * down + 36 * len(findings)), PAPER)
    pen, maps = ImageDraw.Draw(sheet), look.maps
    sheet.paste(photo.resize(size, Image.Resampling.BICUBIC), (BLOCK, TOP))
    for column, feature in enumerate(FEATURES):
        write(pen, (LEFT + ACROSS * column, 14), feature.capitalize(), 18, INK)
        for row, metric in enumerate(METRICS):
            box = (LEFT + ACROSS * column, TOP + row * down, *size)
            _draw_map(sheet, pen, box, maps[feature][metric], look)
            _write_score(pen, box, look.scores[feature][metric])
            if (feature, metric) == (look.feature, look.metric):
                _mark_chosen(pen, box)
    for row, metric in enumerate(METRICS):
        write(pen, (LEFT, TOP + row * down - 28), metric.capitalize(), 18, INK)
    for line, text in enumerate(findings):
        corner = 20, sheet.height - 36 * len(findings) - 8 + 36 * line
        write(pen, corner, text, 18, ACCENT if line == 0 else INK)
    return sheet


def _draw_map(sheet, pen, box, shares, look):
    left, top, *size = box
    if look.mode == "neighbors":
        sheet.paste(_edge_heat(size, look.grid, shares), (left, top))
        return
    sheet.paste(_cell_heat(size, look.grid, shares), (left, top))
    x, y, wide, high = cell_boxes(box, look.grid)[look.selected]
    pen.rectangle((x, y, x + wide, y + high), outline=ACCENT, width=3)


def _write_score(pen, box, score):
    left, top, _, high = box
    write(pen, (left, top + high + 6), "–" if math.isnan(score) else f"{score:.2f}", 18, INK)


def _mark_chosen(pen, box):
    left, top, wide, high = box
    pen.rectangle((left - 5, top - 5, left + wide + 4, top + high + 4), outline=ACCENT, width=3)


def _cell_heat(size, grid, shares):
    colors = heat_colors(shares.numpy()).reshape(*grid, 3)
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


def describe_similarity(look):
    """Say in words what ``draw_similarity`` shows."""
    shown = {"patch": f"patch {look.selected} and all others", "neighbors": "each patch and its neighbors"}[look.mode]
    best = ", ".join(f"{feature} {_best(scores):.2f}" for feature, scores in look.scores.items())
    return (
        f"How alike {shown} of the picture “{look.photo}” are, in twelve maps: four features by three metrics. "
        f"{'. '.join(_findings(look))}. The best metric of each feature: {best}."
    )


def _best(scores):
    return max((score for score in scores.values() if not math.isnan(score)), default=math.nan)


def _findings(look):
    scored = {"patch": ", over all patches", "neighbors": ""}[look.mode]
    kind = "Share that stays as at equal exposure" if look.regions is None else "Average precision"
    lines = [f"{kind}{scored}; chance {look.chance:.2f}"]
    if (look.gain, look.offset) != (1, 0):
        lines.append(f"The right half is exposed otherwise: gain {look.gain:g}, offset {look.offset:g}")
    return lines
