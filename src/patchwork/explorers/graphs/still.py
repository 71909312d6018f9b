"""The still picture of a graph of patches: its edges over the photograph, and what they tell beside it."""

import math

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, draw_borders, draw_outline, gray_picture, heat_color, write
from patchwork.figures import ACCENT, INK, LINES, PAPER

CLUSTERS = (*LINES, "#f0e442", "#f2f2f2")
PLUS, MINUS = (178, 24, 43), (33, 102, 172)  # a pattern above and below 0
SIDE = 340
CROWD = 0.3  # of the picture that edges may cover before they are drawn paler
FAINT = 0.08  # an edge of less weight, against the largest, is left out


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
    edges = Image.blend(photo, Image.new("RGB", photo.size, heat_color(0.0)), 0.75)
    edges = _with_edges(edges, grid, weights.numpy(), selected)
    shown = Image.blend(photo, _cell_picture(view, grid, photo.size), 0.7)
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


def _with_edges(picture, grid, weights, selected):
    """Draw the edges, the heaviest last, and over them those of the chosen patch; twice as large first, so smoothly."""
    ground = picture.resize([2 * side for side in picture.size])
    large, boxes = ground.copy(), cell_boxes((0, 0, *ground.size), grid)
    middles = [(x + wide / 2, y + high / 2) for x, y, wide, high in boxes]
    shares = np.triu(weights) / (weights.max() or 1)
    ends = (shares > 0).nonzero()
    edges = sorted(zip(shares[ends].tolist(), *(each.tolist() for each in ends), strict=True))
    pen, covered = ImageDraw.Draw(large), 0.0
    for share, one, other in edges:
        if share > FAINT:
            pen.line([middles[one], middles[other]], fill=heat_color(share**0.5), width=1 + round(3 * share))
            covered += math.dist(middles[one], middles[other]) * (1 + 3 * share) / (large.width * large.height)
    large = Image.blend(ground, large, min(1, (CROWD / max(covered, CROWD)) ** 0.5))
    pen, own = ImageDraw.Draw(large), [edge for edge in edges if selected in edge[1:]]
    for wider, color in ((6, "white"), (0, ACCENT)):
        for share, one, other in own:
            pen.line([middles[one], middles[other]], fill=color, width=2 + round(6 * share) + wider)
    return large.resize(picture.size, Image.Resampling.LANCZOS)


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
