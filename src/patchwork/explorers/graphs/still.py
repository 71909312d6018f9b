"""The still picture of a graph of patches: its edges over the photograph, and what they tell beside it."""

import math

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import (
    cell_boxes,
    channels,
    draw_borders,
    draw_outline,
    gray_picture,
    heat_color,
    heat_colors,
    write,
)
from patchwork.figures import ACCENT, INK, LINES, PAPER

CLUSTERS = (*LINES, "#f0e442", "#f2f2f2")
PLUS, MINUS = (178, 24, 43), (33, 102, 172)  # a pattern above and below 0
SIDE = 340
CROWD = 0.3  # of the picture that edges may cover before they are drawn paler
FAINT = 0.08  # an edge of less weight, against the largest, is left out


def draw_graph(look):
    """Draw a gray photograph under the edges of a graph, and under what a view shows of each patch."""
    photo = gray_picture(look.pixels).convert("RGB")
    width, height = (round(length * SIDE / max(photo.size)) for length in photo.size)
    photo, findings = photo.resize((width, height), Image.Resampling.BICUBIC), _findings(look)
    sheet = Image.new("RGB", (740, height + 56 + 34 * len(findings)), PAPER)
    boxes = cell_boxes((0, 0, width, height), look.grid)
    edges = Image.blend(photo, Image.new("RGB", photo.size, heat_color(0.0)), 0.75)
    edges = _with_edges(edges, look)
    shown = Image.blend(photo, _cell_picture(look, photo.size), 0.7)
    if look.regions is not None:
        draw_borders(ImageDraw.Draw(shown), boxes, look.regions.view(look.grid).numpy())
    for left, picture in ((20, edges), (380, shown)):
        pen, (x, y, wide, high) = ImageDraw.Draw(picture), boxes[look.selected]
        draw_outline(pen, (x, y, x + wide, y + high))
        sheet.paste(picture, (left, 20))
    pen = ImageDraw.Draw(sheet)
    for line, text in enumerate(findings):
        write(pen, (20, height + 40 + 34 * line), text, 20, ACCENT if line == 0 else INK)
    return sheet


def _with_edges(picture, look):
    """Draw the edges, the heaviest last, and over them those of the chosen patch; twice as large first, so smoothly."""
    ground = picture.resize([2 * side for side in picture.size])
    large, boxes = ground.copy(), cell_boxes((0, 0, *ground.size), look.grid)
    middles = [(x + wide / 2, y + high / 2) for x, y, wide, high in boxes]
    weights = look.adjacency.numpy()
    shares = np.triu(weights) / (weights.max() or 1)
    ends = (shares > 0).nonzero()
    edges = sorted(zip(shares[ends].tolist(), *(each.tolist() for each in ends), strict=True))
    clear = [edge for edge in edges if edge[0] > FAINT]
    colors = heat_colors(np.array([share for share, *_ in clear]) ** 0.5).tolist()
    pen, covered = ImageDraw.Draw(large), 0.0
    for (share, one, other), color in zip(clear, colors, strict=True):
        pen.line([middles[one], middles[other]], fill=tuple(color), width=1 + round(3 * share))
        covered += math.dist(middles[one], middles[other]) * (1 + 3 * share) / (large.width * large.height)
    large = Image.blend(ground, large, min(1, (CROWD / max(covered, CROWD)) ** 0.5))
    pen, own = ImageDraw.Draw(large), [edge for edge in edges if look.selected in edge[1:]]
    for wider, color in ((6, "white"), (0, ACCENT)):
        for share, one, other in own:
            pen.line([middles[one], middles[other]], fill=color, width=2 + round(6 * share) + wider)
    return large.resize(picture.size, Image.Resampling.LANCZOS)


def _cell_picture(look, size):
    if look.view == "clusters":
        colors = np.array([channels(color) for color in CLUSTERS])[look.cluster_labels.numpy()]
    elif look.view == "pattern":
        numbers = look.patterns[:, look.pattern - 1].numpy()
        share = numbers[:, None] / (np.abs(numbers).max() or 1)
        colors = 255 + np.abs(share) * (np.where(share > 0, PLUS, MINUS) - 255)
    else:
        numbers = (look.spread if look.view == "diffusion" else look.degrees).numpy()
        shares = numbers / (numbers.max() or 1)
        colors = heat_colors(shares**0.5 if look.view == "diffusion" else shares)
    cells = Image.fromarray(colors.round().astype(np.uint8).reshape(*look.grid, 3))
    return cells.resize(size, Image.Resampling.NEAREST)


def describe_graph(look):
    """Say in words what ``draw_graph`` shows."""
    tied = {
        "nearest": f"the {look.k} most like it by {look.feature}",
        "grid": "the four that touch it",
        "radius": f"all at most {look.radius:g} patches away",
    }[look.graph]
    shown = {
        "degrees": "degree of each patch",
        "pattern": f"pattern number {look.pattern} of the graph",
        "clusters": f"{look.clusters} clusters of the graph",
        "diffusion": f"spread of a walk from patch {look.selected} after {look.steps} steps",
    }[look.view]
    return (
        f"The picture “{look.photo}”, cut into {look.grid[0]} × {look.grid[1]} patches, with the edges of a graph "
        f"over it: each patch is tied to {tied}. Beside it the {shown}. {'. '.join(_findings(look))}."
    )


def _findings(look):
    edges, parts = int(look.edges.sum()) // 2, look.components
    lines = [f"{len(look.edges)} patches, {edges} edges, {parts} component{'' if parts == 1 else 's'}"]
    if look.view == "clusters" and look.regions is not None:
        lines.append(f"Adjusted Rand index {look.score:.2f} against the regions")
    elif look.view == "pattern":
        lines.append(f"Eigenvalue {look.eigenvalues[look.pattern - 1]:.4f}")
    return lines
