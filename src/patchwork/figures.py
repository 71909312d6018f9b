"""The chapters' pictures: one paper, one accent for the query patch, cividis for heat."""

import math
from functools import wraps
from io import BytesIO
from itertools import cycle

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import LogLocator
from PIL import Image

from patchwork import _adjacency, _checks
from patchwork.patches import patch_centers

PAPER, INK, QUIET, RULE, ACCENT = "#fbfaf6", "#1b2430", "#5b6470", "#dcd8cd", "#c8401a"
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe and Ito
LABELS = mpl.colors.ListedColormap(LINES)
MARKS = "osD^vP"
HALO = [Stroke(linewidth=4, foreground="white"), Normal()]

WIDTH = 5.2  # inches: 676 pixels, half of that beside a phone's text, so 12 points stay readable
STYLE = {
    "figure.dpi": 130,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "axes.facecolor": PAPER,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 12.5,
    "axes.labelsize": 12.5,
    "axes.prop_cycle": mpl.cycler(color=LINES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 12.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 11.5,
    "ytick.labelsize": 11.5,
    "legend.fontsize": 11.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "cividis",
}


class Picture(Figure):
    """A figure that a notebook shows as a small PNG, without pyplot and its global state.

    >>> show_heat({"one": torch.eye(3)})
    <Picture of 1 panel>
    """

    def __repr__(self):
        panels = sum(axes.get_label() != "<colorbar>" for axes in self.axes)
        return f"<Picture of {panels} panel{'' if panels == 1 else 's'}>"

    def draw(self, renderer):
        """Draw in the book's style, into a notebook or a file."""
        with mpl.rc_context(STYLE):
            super().draw(renderer)

    def _repr_png_(self):
        return _small_png(self), {"width": round(self.bbox.width * 0.82)}


def drawn(figure):
    """Draw a figure once, as a PIL image; ``savefig`` draws twice.

    >>> drawn(Figure(figsize=(2, 1), dpi=10)).size
    (20, 10)
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _small_png(figure):
    """PNG of at most 256 colors: a third of the size, and no difference that the eye finds."""
    small = BytesIO()
    drawn(figure).quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(small, "png", optimize=True)
    return small.getvalue()


def _styled(draw):
    @wraps(draw)
    def in_style(*args, **kwargs):
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return in_style


def _panels(count, *, columns=None, aspect=1.0, width=WIDTH):
    """A picture with `count` axes in rows of `columns`, each panel `aspect` times as high as it is wide."""
    columns = columns or min(count, 3)
    rows = math.ceil(count / columns)
    picture = Picture(figsize=(width, rows * (width / columns * aspect + 0.32)))
    axes = picture.subplots(rows, columns, squeeze=False).ravel()
    for empty in axes[count:]:
        empty.remove()
    return picture, axes[:count]


def _bare(axes, title=None):
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title)


def _named(name, tensors, letters):
    """Refuse what is no dict from titles to tensors of one shape."""
    if not isinstance(tensors, dict) or not tensors:
        raise ValueError(f"{name} must be a dict from titles to tensors, not empty; got {type(tensors).__name__}")
    for title, tensor in tensors.items():
        _checks.shape(f"{name}[{title!r}]", tensor, letters)


def _check_weights(name, tensors, letters):
    _named(name, tensors, letters)
    for title, weights in tensors.items():
        _checks.real(f"{name}[{title!r}]", weights)
        _checks.no_nan(f"{name}[{title!r}]", weights)
        if weights.min() < 0:
            raise ValueError(f"{name}[{title!r}] must be weights of at least 0, got {weights.min().item():g}")


def _pixels(image):
    """(C, H, W) with one or three channels → (H, W, 3) array in [0, 1]; noise may leave the range and is cut off."""
    channels, _, _ = _checks.shape("an image", image, "C H W")
    _checks.floating("an image", image)
    _checks.no_nan("an image", image)
    if channels not in (1, 3):
        raise ValueError(f"a picture has 1 or 3 channels, got {channels}: shape {tuple(image.shape)}")
    if ((image < 0) | (image > 1)).float().mean() > 0.5:
        raise ValueError(f"an image lies in [0, 1], got {image.min().item():g} … {image.max().item():g}")
    return image.detach().cpu().float().clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0).numpy()


def _one_of(name, index, number):
    if not 0 <= _checks.count(name, index, at_least=0) < number:
        raise ValueError(f"{name} must be one of the patches 0 … {number - 1}, got {index}")
    return index


def _mark(axes, row, column, height=1, width=1):
    """Outline one cell whose upper left corner is (row, column) in the accent of the query patch."""
    axes.add_patch(
        Rectangle(
            (column, row), width, height, fill=False, edgecolor=ACCENT, linewidth=2.4, path_effects=HALO, zorder=5
        )
    )


def _grid_lines(axes, height, width, patch_size):
    if height % _checks.count("patch_size", patch_size) or width % patch_size:
        raise ValueError(f"patch_size {patch_size} does not divide the image's height {height} and width {width}")
    axes.vlines(range(0, width + 1, patch_size), 0, height, color="white", linewidth=0.8)
    axes.hlines(range(0, height + 1, patch_size), 0, width, color="white", linewidth=0.8)


@_styled
def show_images(images, *, columns=None, patch_size=None):
    """Draw images side by side at one scale, one titled panel each, with the grid of patch_size if it is given.

    Shapes: images maps a title to a (C, H, W) tensor in [0, 1], C = 1 or 3. Raises ValueError for anything else, and
    where patch_size does not divide an image.

    >>> show_images({"black": torch.zeros(1, 8, 8), "white": torch.ones(3, 8, 8)})
    <Picture of 2 panels>
    """
    _named("images", images, "C H W")
    heights, widths = zip(*(image.shape[1:] for image in images.values()), strict=True)
    picture, panels = _panels(len(images), columns=columns, aspect=max(heights) / max(widths))
    for axes, (title, image) in zip(panels, images.items(), strict=True):
        axes.imshow(_pixels(image), extent=(0, image.shape[2], image.shape[1], 0))
        if patch_size is not None:
            _grid_lines(axes, *image.shape[1:], patch_size)
        axes.set(xlim=(0, max(widths)), ylim=(max(heights), 0))
        _bare(axes, title)
    return picture


@_styled
def show_grid(image, patch_size, *, selected=None, numbered=False):
    """Draw an image (C, H, W) under its patch grid, with the selected patch in the accent.

    Raises ValueError where patch_size does not divide the image, or no patch has the number selected.

    >>> show_grid(torch.rand(3, 32, 48), 16, selected=4, numbered=True)
    <Picture of 1 panel>
    """
    _, height, width = _checks.shape("image", image, "C H W")
    picture, (axes,) = _panels(1, aspect=height / width, width=WIDTH * 0.8)
    axes.imshow(_pixels(image), extent=(0, width, height, 0))
    _grid_lines(axes, height, width, patch_size)
    columns = width // patch_size
    corners = [divmod(n, columns) for n in range(height // patch_size * columns)]
    for n, (row, column) in enumerate(corners if numbered else ()):
        center = ((column + 0.5) * patch_size, (row + 0.5) * patch_size)
        outline = [Stroke(linewidth=2.5, foreground="black"), Normal()]
        axes.text(*center, str(n), color="white", ha="center", va="center", path_effects=outline)
    if selected is not None:
        row, column = corners[_one_of("selected", selected, len(corners))]
        _mark(axes, row * patch_size, column * patch_size, patch_size, patch_size)
    _bare(axes)
    return picture


@_styled
def show_sequence(patches, patch_size, *, indices, columns=7, selected=None):
    """Draw chosen rows of a patch sequence (N, C·P·P) as thumbnails, numbered by their place.

    Raises ValueError where an index is no patch, or a patch is not C squares of P × P.

    >>> show_sequence(torch.rand(9, 3 * 16), 4, indices=range(9), selected=4)
    <Picture of 9 panels>
    """
    number, length = _checks.shape("patches", patches, "N C·P·P")
    indices = [_one_of("an index", index, number) for index in indices]
    if not indices or length % _checks.count("patch_size", patch_size) ** 2:
        raise ValueError(
            f"expected indices and patches of C·{patch_size}·{patch_size} numbers, got {indices}, {length}"
        )
    picture, panels = _panels(len(indices), columns=min(columns, len(indices)))
    for axes, index in zip(panels, indices, strict=True):
        axes.imshow(_pixels(patches[index].view(-1, patch_size, patch_size)), extent=(0, 1, 1, 0), vmin=0, vmax=1)
        _bare(axes)
        axes.set_xlabel(str(index), color=ACCENT if index == selected else INK)
        if index == selected:
            _mark(axes, 0, 0)
    return picture


@_styled
def show_cells(values, groups, *, title=None):
    """Write a small matrix (H, W) of whole numbers into cells, tinted by group (H, W): the picture for a case by hand.

    Raises ValueError where a value is not whole or the shapes differ.

    >>> show_cells(torch.arange(4).view(2, 2), torch.tensor([[0, 0], [1, 1]]))
    <Picture of 1 panel>
    """
    height, width = _checks.shape("values", values, "H W")
    if groups.shape != values.shape or not torch.equal(values, values.round()):
        raise ValueError(f"expected whole numbers and groups of one shape, got {values} and {tuple(groups.shape)}")
    picture, (axes,) = _panels(1, aspect=height / width, width=min(WIDTH, 0.55 * width))
    for row, column in np.ndindex(height, width):
        group = int(groups[row, column])
        tint = mpl.colors.to_rgba(LINES[group % len(LINES)], 0.25)
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=tint, edgecolor=PAPER, linewidth=2))
        axes.text(column + 0.5, row + 0.5, f"{int(values[row, column])}", ha="center", va="center", fontsize=13)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    _bare(axes, title)
    return picture


@_styled
def show_heat(maps, *, query=None, columns=None, shared=False, bar=True):
    """Draw maps (h, w) as heat, one titled panel each, the query cell (row, column) in the accent.

    With ``shared`` all panels have one color scale; otherwise each has its own. A map of whole numbers, such as labels,
    is drawn in the colors of lines instead. Raises ValueError for what is no map.

    >>> show_heat({"rows": torch.arange(6.0).view(2, 3)}, query=(0, 2))
    <Picture of 1 panel>
    """
    _named("maps", maps, "h w")
    aspect = max(m.shape[0] / m.shape[1] for m in maps.values())
    picture, panels = _panels(len(maps), columns=columns, aspect=aspect, width=WIDTH if len(maps) > 1 else WIDTH * 0.75)
    for axes, (title, values) in zip(panels, maps.items(), strict=True):
        height, width = values.shape
        heat = axes.imshow(
            _numbers(values), extent=(0, width, height, 0), **_color_scale(values, maps if shared else None)
        )
        if query is not None:
            _mark(axes, *query)
        _bare(axes, title)
        if bar and not shared:
            picture.colorbar(heat, ax=axes, fraction=0.046 * height / width, pad=0.03).outline.set_visible(False)
    if bar and shared:
        picture.colorbar(heat, ax=list(panels), shrink=0.8, aspect=18).outline.set_visible(False)
    return picture


def _color_scale(values, shared):
    """Return how a map is colored: by label, or on the scale of all maps that share one, or on its own."""
    if not values.is_floating_point() and values.dtype != torch.bool:
        return {"cmap": LABELS, "vmin": 0, "vmax": len(LINES) - 1}
    if shared is None:
        return {}
    arrays = [_numbers(each) for each in shared.values()]
    return {"vmin": min(each.min() for each in arrays), "vmax": max(each.max() for each in arrays)}


def _numbers(values):
    return values.detach().cpu().float().numpy()


@_styled
def show_attention(image, maps, *, query=None):
    """Draw an image (C, H, W), and beside it how much a token takes from each of its patches: maps (rows, columns).

    Each map has its own scale, from 0 up to the weight below it. The patch numbered ``query`` is the one that asks,
    outlined everywhere; without it a class token asks. Raises ValueError for what is no map of weights of at least 0,
    or no patch of a map.

    >>> show_attention(torch.rand(1, 32, 48), {"uniform": torch.full((2, 3), 1 / 6)}, query=4)
    <Picture of 2 panels>
    """
    _check_weights("maps", maps, "rows columns")
    _, height, width = _checks.shape("image", image, "C H W")
    picture, (first, *panels) = _panels(1 + len(maps), aspect=height / width + 0.16)  # 0.16: the line below
    first.imshow(_pixels(image), extent=(0, width, height, 0))
    _bare(first, "image" if query is None else f"patch {query} asks")
    for axes, (title, weights) in zip(panels, maps.items(), strict=True):
        weights = weights.detach().cpu().float().numpy()
        axes.imshow(weights, extent=(0, width, height, 0), vmin=0)
        axes.set_xlabel(f"up to {weights.max():.2g}", color=QUIET)
        _bare(axes, title)
    grids = [weights.shape for weights in maps.values()]
    for axes, (rows, columns) in zip([first, *panels], [grids[0], *grids], strict=True):
        if query is not None:
            row, column = divmod(_one_of("query", query, rows * columns), columns)
            _mark(axes, row * height / rows, column * width / columns, height / rows, width / columns)
    return picture


@_styled
def show_network(image, weights, colors, curve, *, query, depth):
    """Draw what a network makes of an image (C, H, W): a patch's map, main components as colors, a curve over depth.

    Shapes: weights (rows, columns) of at least 0; colors (rows, columns, 3) in [0, 1]; ``curve`` has a number for each
    depth, of which ``depth`` is marked; the patch numbered ``query`` is outlined. Raises ValueError for other shapes,
    and for no such patch or depth.

    >>> show_network(torch.rand(3, 28, 42), torch.rand(2, 3), torch.rand(2, 3, 3), [2.0, 1.0], query=4, depth=1)
    <Picture of 4 panels>
    """
    _check_weights("weights", {"": weights}, "rows columns")
    (rows, columns), (_, height, width) = weights.shape, _checks.shape("image", image, "C H W")
    if _checks.shape("colors", colors, "rows columns 3") != (rows, columns, 3):
        raise ValueError(f"colors must have shape ({rows}, {columns}, 3), got {tuple(colors.shape)}")
    row, column = divmod(_one_of("query", query, rows * columns), columns)
    if not 0 <= _checks.count("depth", depth, at_least=0) < len(curve):
        raise ValueError(f"depth must be one of 0 … {len(curve) - 1}, got {depth}")
    picture, (photo, heat, mixed, axes) = _panels(4, columns=2, aspect=height / width + 0.1)
    extent = (0, width, height, 0)
    photo.imshow(_pixels(image), extent=extent)
    heat.imshow(weights.detach().cpu().float().numpy(), extent=extent, vmin=0)
    mixed.imshow(colors.detach().cpu().float().clamp(0, 1).numpy(), extent=extent)
    for panel, title in ((photo, f"patch {query}"), (heat, "its map"), (mixed, "main components")):
        _bare(panel, title)
        _mark(panel, row * height / rows, column * width / columns, height / rows, width / columns)
    axes.plot(range(len(curve)), curve, marker="o", markersize=4)
    axes.plot(depth, curve[depth], marker="o", markersize=9, color=ACCENT)
    axes.set(xlabel="depth", ylim=(0, None))
    axes.set_title("reach, in patches")
    return picture


@_styled
def show_windows(image, heard, *, at, windows=None, grids=None, columns=None):
    """Draw an image (C, H, W) once for each map of who is heard: the rest is dark, the windows have borders.

    heard maps a title to a boolean (rows, columns); windows maps some of the titles to (window_size, shift), in tokens.
    The token in the accent is the one that holds the pixel ``at`` = (row, column). Tokens are the cells of the map, or
    of another grid (rows, columns) that grids gives for its title.
    Raises ValueError for what is no such map, no pixel of the image, or no window.

    >>> show_windows(torch.rand(3, 32, 32), {"all": torch.ones(4, 4).bool()}, at=(9, 0), windows={"all": (2, 1)})
    <Picture of 1 panel>
    """
    windows, grids = windows or {}, grids or {}
    _, height, width = _checks.shape("image", image, "C H W")
    _check_heard(heard, windows, grids, at, (height, width))
    across = WIDTH if len(heard) > 1 else WIDTH * 0.75
    picture, panels = _panels(len(heard), columns=columns, aspect=height / width, width=across)
    for axes, (title, map_) in zip(panels, heard.items(), strict=True):
        axes.imshow(_darkened(image, map_), extent=(0, width, height, 0))
        grid = grids.get(title, tuple(map_.shape))
        cell = height / grid[0], width / grid[1]
        if title in windows:
            _window_borders(axes, grid, cell, *windows[title])
        row, column = (place // side * side for place, side in zip(at, cell, strict=True))
        _mark(axes, row, column, *cell)
        axes.set(xlim=(0, width), ylim=(height, 0))
        _bare(axes, title)
    return picture


def _darkened(image, heard):
    """The picture, three quarters ink where nothing is heard."""
    shown = torch.nn.functional.interpolate(heard.cpu().float()[None, None], image.shape[1:])[0, 0]
    share = (0.25 + 0.75 * shown).numpy()[:, :, None]
    return share * _pixels(image) + (1 - share) * np.array(mpl.colors.to_rgb(INK))


def _window_borders(axes, grid, cell, size, shift):
    """Lines around the windows of a block: with a shift the first ones are cut."""
    rows, columns = (sorted({0, *range(shift, length, size), length}) for length in grid)
    for color, thickness in ((INK, 2.6), ("white", 1.3)):
        axes.hlines([row * cell[0] for row in rows], 0, grid[1] * cell[1], color=color, linewidth=thickness)
        axes.vlines([column * cell[1] for column in columns], 0, grid[0] * cell[0], color=color, linewidth=thickness)


def _check_heard(heard, windows, grids, at, image_size):
    _named("heard", heard, "rows columns")
    for title, map_ in heard.items():
        if map_.dtype != torch.bool:
            raise ValueError(f"heard[{title!r}] must be boolean, got {map_.dtype}")
    for name, by_title in (("windows", windows), ("grids", grids)):
        if not isinstance(by_title, dict) or set(by_title) - set(heard):
            raise ValueError(f"{name} must be a dict with titles of heard, {list(heard)}, got {by_title!r}")
    for title, grid in grids.items():
        _checks.pair(f"grids[{title!r}]", grid)
    _check_pixel(at, image_size)
    for title, window in windows.items():
        _check_window(f"windows[{title!r}]", window)


def _check_pixel(at, image_size):
    try:
        row, column = (_checks.number("at", place, at_least=0) for place in at)
    except (TypeError, ValueError):
        row, column = image_size
    if row >= image_size[0] or column >= image_size[1]:
        raise ValueError(f"at must be a pixel (row, column) of the image {image_size}, got {at!r}")


def _check_window(name, window):
    if not isinstance(window, (tuple, list)) or len(window) != 2:
        raise ValueError(f"{name} must be a pair (window_size, shift), got {window!r}")
    size, shift = (
        _checks.count(f"{name}: window_size", window[0]),
        _checks.count(f"{name}: shift", window[1], at_least=0),
    )
    if shift >= size:
        raise ValueError(f"shift must be in 0 … {size - 1} for window_size {size}, got {shift}")


@_styled
def show_graphs(image, graphs, *, grid, query=None, columns=None):
    """Draw an image (C, H, W) once for each graph over its patches: graphs maps titles to (N, N), grid (rows, columns).

    An edge is a line between the middles of two patches, the darker the more it weighs, compared with the heaviest of
    its graph. The patch numbered ``query`` and its edges have the accent. Raises ValueError for what is no graph of
    that grid, negative weights, or no patch.

    >>> show_graphs(torch.rand(1, 32, 48), {"all": torch.ones(6, 6)}, grid=(2, 3), query=4)
    <Picture of 1 panel>
    """
    rows, columns_ = _checks.pair("grid", grid)
    graphs = _dense(graphs)
    _check_graphs(graphs, rows * columns_)
    _, height, width = _checks.shape("image", image, "C H W")
    across = WIDTH if len(graphs) > 1 else WIDTH * 0.75
    picture, panels = _panels(len(graphs), columns=columns, aspect=height / width, width=across)
    places = patch_centers((rows, columns_)) * torch.tensor([height / rows, width / columns_])
    for axes, (title, graph) in zip(panels, graphs.items(), strict=True):
        axes.imshow(1 - (1 - _pixels(image)) * 0.45, extent=(0, width, height, 0))
        _edges(axes, places, graph)
        if query is not None:
            row, column = divmod(_one_of("query", query, rows * columns_), columns_)
            _edges(axes, places, graph, query)
            _mark(axes, row * height / rows, column * width / columns_, height / rows, width / columns_)
        axes.set(xlim=(0, width), ylim=(height, 0))
        _bare(axes, title)
    return picture


def _edges(axes, places, graph, query=None):
    """Draw the edges of a graph, or those of one node in the accent."""
    graph = graph.detach().cpu().float()
    both = torch.maximum(graph, graph.T)
    first, second = both.triu(1).nonzero().T
    if query is not None:
        kept = (first == query) | (second == query)
        first, second = first[kept], second[kept]
    share = (both[first, second] / both.max()).sqrt()
    lines = torch.stack([places[first], places[second]], 1).flip(-1).numpy()
    color, thickness, above = (INK, 0.7, 2) if query is None else (ACCENT, 1.4, 4)
    crowd = max(share.sum().item(), 1) / len(graph)
    dark = min(0.8, 1.6 / crowd) if query is None else 0.9
    colors = [(*mpl.colors.to_rgb(color), 0.04 + dark * each) for each in share.tolist()]
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=thickness, zorder=above))


def _dense(graphs):
    if not isinstance(graphs, dict):
        return graphs
    return {title: each.to_dense() if _adjacency.is_sparse(each) else each for title, each in graphs.items()}


def _check_graphs(graphs, number):
    _check_weights("graphs", graphs, "N N")
    for title, graph in graphs.items():
        if tuple(graph.shape) != (number, number):
            raise ValueError(f"graphs[{title!r}] must have shape ({number}, {number}), got {tuple(graph.shape)}")


@_styled
def show_patterns(maps, *, columns=None):
    """Draw maps (rows, columns) of numbers around zero: red above, blue below, white at zero, each in its own scale.

    The color is full at the largest size but for the outermost fiftieth. Raises ValueError for what is no map.

    >>> show_patterns({"a wave": torch.linspace(-1, 1, 12).view(3, 4)})
    <Picture of 1 panel>
    """
    _named("maps", maps, "rows columns")
    aspect = max(m.shape[0] / m.shape[1] for m in maps.values())
    across = WIDTH if len(maps) > 1 else WIDTH * 0.75
    picture, panels = _panels(len(maps), columns=columns, aspect=aspect, width=across)
    for axes, (title, values) in zip(panels, maps.items(), strict=True):
        _checks.no_nan(f"maps[{title!r}]", values)
        values = values.detach().cpu().double().numpy()
        most = np.quantile(abs(values), 0.98) or abs(values).max() or 1
        axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most)
        _bare(axes, title)
    return picture


@_styled
def show_curves(x, curves, *, xlabel, ylabel, log=False, levels=None, predicted=None):
    """Draw one line per entry of curves {label: values} over x, with named horizontal levels {label: value}.

    What was ``predicted`` for some curves, {label: values}, is drawn dashed over them. With ``log`` both axes are
    logarithmic, with ``log="x"`` only the one across. Raises ValueError where a curve has another length than x, where
    something is predicted for a curve that isn't there, and for another ``log``.

    >>> show_curves([1, 2, 4], {"square": [1, 4, 16]}, xlabel="n", ylabel="n²", log=True)
    <Picture of 1 panel>
    """
    _check_curves(x, curves, predicted or {}, log)
    picture, (axes,) = _panels(1, aspect=0.68)
    for mark, (label, values) in zip(cycle(MARKS), curves.items(), strict=False):
        axes.plot(x, torch.as_tensor(values).detach().cpu(), marker=mark, markersize=5, label=label)
    for values in (predicted or {}).values():
        axes.plot(x, torch.as_tensor(values).detach().cpu(), color=INK, linewidth=1, linestyle="--")
    for label, value in (levels or {}).items():
        axes.axhline(value, color=QUIET, linewidth=1, linestyle="--")
        axes.annotate(label, (1, value), (0, 3), ("axes fraction", "data"), "offset points", ha="right", color=QUIET)
    if log:
        _logarithmic(axes, x, both=log != "x")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        axes.legend()
    return picture


def _check_curves(x, curves, predicted, log):
    if log not in (False, True, "x"):
        raise ValueError(f"log must be False, True or 'x', got {log!r}")
    for label, values in curves.items():
        if len(values) != len(x):
            raise ValueError(f"curve {label!r} has {len(values)} values over {len(x)} places x")
    for label, values in predicted.items():
        if label not in curves or len(values) != len(x):
            raise ValueError(
                f"predicted {label!r}, {len(values)} values, is for no curve of {len(x)}: {', '.join(curves)}"
            )


def _logarithmic(axes, x, *, both):
    axes.set(xscale="log", yscale="log" if both else "linear")
    axes.set_xticks(list(x), [f"{value:g}" for value in x], minor=False)
    axes.minorticks_off()
    low, high = axes.get_ylim()
    if both and high < 100 * low:  # too few powers of ten to read off
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
