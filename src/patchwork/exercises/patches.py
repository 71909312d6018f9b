"""The exercises of chapter 1."""

import math

import torch
import torch.nn.functional as F

from patchwork.exercises._compare import Problem, as_tensor
from patchwork.exercises._judges import counting, function, number
from patchwork.exercises._show import show
from patchwork.patches import patchify, sincos_position_embedding, unpatchify

number(
    "patches.smallest",
    16,
    within=0,
    because="P = 8 needs 16384² × 4 bytes = 1.07 GB, P = 16 needs 4096² × 4 bytes = 0.07 GB",
    mistakes={
        8: "a little more than 1 GB, 1.07, was allowed",
        8.14: "P was not rounded up to a divisor of 1024",
        9: "P was not rounded up to a divisor of 1024",
        32: "a divisor was left out: a smaller one fits too",
        4096: "this was the number of patches; the side of a patch is asked for",
    },
)


@function(
    "patches.inverse",
    mistakes={
        "rows and columns of the grid were swapped": lambda patches, grid, channels: unpatchify(
            patches, grid[::-1], channels=channels
        ),
        "the channels lay last in a patch; they lie first": lambda patches, grid, channels: unpatchify(
            patches.unflatten(2, (-1, channels)).mT.flatten(2), grid, channels=channels
        ),
        "the numbers were put into the new shape as they lie, without a permute": lambda patches, grid, channels: (
            patches.reshape(unpatchify(patches, grid, channels=channels).shape)
        ),
    },
)
def _inverse():
    for batch, channels, rows, columns, size in ((1, 1, 1, 2, 1), (1, 1, 2, 2, 2), (1, 3, 1, 2, 2), (2, 3, 3, 2, 4)):
        images = counting(batch, channels, rows * size, columns * size)
        yield {"patches": patchify(images, size), "grid": (rows, columns), "channels": channels}, images


def _tokens(images, weight, bias):
    return F.conv2d(images, weight, bias, stride=weight.shape[-1]).flatten(2).mT


@function(
    "patches.convolution",
    mistakes={
        "the bias was missing": lambda images, weight, bias: _tokens(images, weight, None),
        "the tokens were not the rows: (B, E, N)": lambda images, weight, bias: _tokens(images, weight, bias).mT,
        "the kernel's rows and columns were swapped": lambda images, weight, bias: _tokens(images, weight.mT, bias),
    },
)
def _convolution():
    for batch, channels, size, dim in ((1, 1, 1, 1), (1, 1, 2, 1), (1, 3, 2, 2), (2, 3, 4, 5)):
        images = counting(batch, channels, size, 2 * size) % 5
        weight, bias = counting(dim, channels, size, size) % 3 + 1, counting(dim) + 1
        yield {"images": images, "weight": weight, "bias": bias}, _tokens(images, weight, bias)


def _coverage(image_size, patch_size, stride):
    windows = F.unfold(torch.ones(1, 1, *image_size), patch_size, stride=stride)
    return F.fold(windows, image_size, patch_size, stride=stride).view(image_size)


@function(
    "patches.overlap",
    mistakes={
        "the windows were moved by one pixel each time": lambda size, patch, stride: _coverage(size, patch, 1),
        "the windows did not overlap": lambda size, patch, stride: _coverage(size, patch, patch),
        "height and width were swapped": lambda size, patch, stride: _coverage(size[::-1], patch, stride),
        "the counts of rows and columns were added; they multiply": lambda size, patch, stride: (
            (counts := _coverage(size, patch, stride))[:, :1] + counts[:1]
        ),
    },
)
def _overlap():
    for image_size, size, stride in (((1, 3), 1, 1), ((3, 3), 2, 1), ((2, 4), 2, 2), ((5, 7), 3, 2), ((12, 16), 4, 1)):
        yield {"image_size": image_size, "patch_size": size, "stride": stride}, _coverage(image_size, size, stride)


def _mean_position(grid, dim):
    halves = sincos_position_embedding(grid, dim).chunk(2, dim=1)
    return (halves[0] + halves[1]).repeat(1, 2)


@function(
    "patches.positions",
    mistakes={
        "e(r) and e(s) were added": _mean_position,
        "only the column counted": lambda grid, dim: sincos_position_embedding((1, grid[1]), dim).repeat(grid[0], 1),
        "the patches were numbered, and the number embedded": lambda grid, dim: sincos_position_embedding(
            (1, math.prod(grid)), dim
        ),
    },
)
def _positions():
    for grid, dim in (((1, 2), 4), ((2, 2), 4), ((2, 3), 8), ((3, 2), 8), ((14, 14), 64)):
        yield {"grid": grid, "dim": dim}, lambda got, grid=grid, dim=dim: _position_problem(got, grid, dim)


@function(
    "patches.order",
    mistakes={
        "n was divided by the number of rows": lambda grid, index: divmod(index, grid[0]),
        "the column came first": lambda grid, index: divmod(index, grid[1])[::-1],
        "the grid was counted down its columns": lambda grid, index: divmod(index, grid[0])[::-1],
    },
)
def _order():
    for rows, columns in ((1, 2), (2, 2), (2, 3), (4, 3)):
        for index in range(rows * columns):
            yield {"grid": (rows, columns), "index": index}, divmod(index, columns)


def _position_problem(got, grid, dim):
    """Right are e(r) and e(s) side by side, with the columns in any order: all that have the same inner products."""
    number, table = math.prod(grid), as_tensor(got)
    if table is None or table.shape != (number, dim):
        return Problem("the shape is another one", show(got), f"a tensor {(number, dim)}")
    if not table.isfinite().all():
        return Problem("there is a NaN or an infinity", show(got), "finite numbers")
    table = table.double()
    apart = (table.unsqueeze(1) - table).abs().amax(2).fill_diagonal_(torch.inf)
    if apart.min() <= 1e-6:
        first, second = (divmod(index, grid[1]) for index in divmod(int(apart.argmin()), number))
        places = f"for the positions (row, column) = {first} and {second}"
        return Problem("two positions look alike", f"the same {places}", f"different rows {places}")
    right = sincos_position_embedding(grid, dim, dtype=torch.float64)
    off = ((table @ table.T) - (right @ right.T)).abs()
    if off.max() < 1e-3:
        return None
    first, second = divmod(int((off > 1e-3).int().argmax()), number)
    products = (f"{(each[first] @ each[second]).item():.4g}" for each in (table, right))
    places = " and ".join(str(divmod(index, grid[1])) for index in (first, second))
    return Problem(
        "all positions differ, but these are not e(r) and e(s) side by side, each of dim / 2 numbers",
        *(f"the inner product {each} of the rows for {places}" for each in products),
    )
