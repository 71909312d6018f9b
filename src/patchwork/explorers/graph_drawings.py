"""The still picture of a graph of patches: its edges over the photograph, and what they tell beside it."""

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.drawings import cell_boxes, draw_borders, draw_outline, gray_picture, heat_color, write
from patchwork.figures import ACCENT, INK, PAPER

CLUSTERS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#f2f2f2")  # Okabe and Ito's
PLUS, MINUS = (224, 138, 0), (47, 134, 209)  # a pattern above and below 0
SIDE = 340
FAINT = 0.04  # an edge of less weight, against the largest, is left out


def draw_graph(pixels, grid, selected, weights, view, regions, findings):
    """Draw a gray photograph under the edges of a graph, and under what a view shows of each patch.

    ``pixels`` is (H, W), ``weights`` (N, N), ``view`` its name and a number for each patch (N,); ``regions`` (N,) or
    None.
    """
    photo = gray_picture(pixels).convert("RGB")
    width, height = (round(length * SIDE / max(photo.size)) for length in photo.size)
    photo = photo.resize((width, height), Image.Resampling.BICUBIC)
    sheet = Image.new("RGB", (740, height + 56 + 34 * len(findings)), PAPER)
    boxes = cell_boxes((0, 0, width, height), grid)
    edges, shown = Image.blend(photo, Image.new("RGB", photo.size, heat_color(0.0)), 0.6), photo
    _draw_edges(ImageDraw.Draw(edges), boxes, weights.numpy(), selected)
    shown = Image.blend(photo, _cell_picture(view, grid, photo.size), 0.65)
    if regions is not None:
        draw_borders(ImageDraw.Draw(shown), boxes, regions.view(grid).numpy())
    for left, picture in ((20, edges), (380, shown)):
        pen, (x, y, wide, high) = ImageDraw.Draw(picture), boxes[selected]
        draw_outline(pen, (x, y, x + wide, y + high))
        sheet.paste(picture, (left, 20))
    pen = ImageDraw.Draw(sheet)
    for line, text in enumerate(findings):
        write(pen, (20, height + 40 + 34 * line), text, 20, ACCENT if line == 0 else INK)
    return sheet


def _draw_edges(pen, boxes, weights, selected):
    """Draw the edges, the heaviest last; those of the chosen patch over all others."""
    middles = [(x + wide / 2, y + high / 2) for x, y, wide, high in boxes]
    shares = np.triu(weights) / (weights.max() or 1)
    first, second = (shares > FAINT).nonzero()
    own = (first == selected) | (second == selected)
    for at in np.lexsort((shares[first, second], own)):
        ends, share = [middles[first[at]], middles[second[at]]], shares[first[at], second[at]]
        if own[at]:
            pen.line(ends, fill="white", width=5)
        pen.line(ends, fill=ACCENT if own[at] else heat_color(share**0.5), width=3 if own[at] else 1 + round(share))


def _cell_picture(view, grid, size):
    name, numbers = view
    numbers = numbers.numpy()
    if name == "clusters":
        colors = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in CLUSTERS])[numbers]
    elif name == "pattern":
        share = numbers[:, None] / (np.abs(numbers).max() or 1)
        colors = 255 + np.abs(share) * (np.where(share > 0, PLUS, MINUS) - 255)
    else:
        shares = numbers / (numbers.max() or 1)
        colors = np.array([heat_color(share) for share in (shares**0.5 if name == "diffusion" else shares)])
    cells = Image.fromarray(colors.round().astype(np.uint8).reshape(*grid, 3))
    return cells.resize(size, Image.Resampling.NEAREST)
