"""The exercises of chapter 3."""

import itertools
import math

import torch

from patchwork.exercises._judges import counting, function, waves
from patchwork.windows import relative_position_index, shifted_window_mask


def _index_of(rows, columns):
    side = max(rows, columns)
    inside = torch.arange(side**2).view(side, side)[:rows, :columns].flatten()
    square = relative_position_index(side)[inside][:, inside]
    down, right = square // (2 * side - 1) - side + rows, square % (2 * side - 1) - side + columns
    return down * (2 * columns - 1) + right


def _steps(rows, columns):
    place = torch.arange(rows * columns)
    return (each[:, None] - each for each in (place // columns, place % columns))


def _index_with(factor, rows, columns):
    down, right = _steps(rows, columns)
    return (down + rows - 1) * factor + right + columns - 1


@function(
    "windows.index",
    mistakes={
        "Δ was j − i": lambda rows, columns: _index_of(rows, columns).T,
        "a step down jumped over 2 · rows − 1 entries": lambda rows, columns: _index_with(2 * rows - 1, rows, columns),
        "a step down jumped over as many entries as there are columns": lambda rows, columns: _index_with(
            columns, rows, columns
        ),
        "the summands were missing, so that Δ starts below 0": lambda rows, columns: (
            _index_with(2 * columns - 1, rows, columns) - (rows - 1) * (2 * columns - 1) - columns + 1
        ),
    },
)
def _index():
    for rows, columns in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (4, 3)):
        yield {"rows": rows, "columns": columns}, _index_of(rows, columns)


@function(
    "windows.blocks",
    mistakes={
        "every grid needed a shift, and had one": lambda side, M, u: 2 * (side // M) - 1,
        "the first block was shifted": lambda side, M, u: (
            2 * (side // M) - (1 if side > M or not u else 0) if u or side == M else math.inf
        ),
        "the count went one block too far": lambda side, M, u: 2 * (side // M) if u or side == M else math.inf,
        "one block reached one window further": lambda side, M, u: side // M if u or side == M else math.inf,
    },
)
def _blocks():
    for side, size, shift in ((1, 1, 0), (2, 1, 0), (2, 2, 1), (4, 2, 1), (4, 2, 0), (9, 3, 1), (9, 3, 2), (12, 4, 2)):
        walls = side // size - 1
        yield {"side": side, "M": size, "u": shift}, 2 * walls + 1 if shift or not walls else math.inf


def _leak_of(weights, may):
    return (weights * ~may).sum() / weights.sum()


@function(
    "windows.leak",
    mistakes={
        "the weight of the true neighbors was counted": lambda weights, grid, M, u: (
            1 - _leak_of(weights, shifted_window_mask(grid, M, u))
        ),
        "the pairs were counted, not their weight": lambda weights, grid, M, u: _leak_of(
            torch.ones_like(weights), shifted_window_mask(grid, M, u)
        ),
        "the weight was not divided by all weight": lambda weights, grid, M, u: (
            weights * ~shifted_window_mask(grid, M, u)
        ).sum(),
        "grid was (columns, rows)": lambda weights, grid, M, u: _leak_of(
            weights, shifted_window_mask(grid[::-1], M, u)
        ),
    },
)
def _leak():
    for grid, size, shift in (((2, 2), 2, 1), ((2, 4), 2, 1), ((4, 4), 2, 0), ((8, 4), 4, 2), ((6, 9), 3, 1)):
        mask = shifted_window_mask(grid, size, shift)
        weights = waves(*mask.shape).softmax(-1)
        yield {"weights": weights, "grid": grid, "M": size, "u": shift}, _leak_of(weights, mask)


def _first_side(M, pays):
    return next(side for side in itertools.count(M, M) if pays(side))


@function(
    "windows.break_even",
    mistakes={
        "the same cost was not enough": lambda D, M, factor: _first_side(
            M, lambda side: 2 * D + side**2 > factor * (2 * D + M**2)
        ),
        "the projections were free": lambda D, M, factor: _first_side(M, lambda side: side**2 >= factor * M**2),
        "D was counted once": lambda D, M, factor: _first_side(M, lambda side: D + side**2 >= factor * (D + M**2)),
        "any side would do, not the multiples of M alone": lambda D, M, factor: math.ceil(
            math.sqrt(factor * (2 * D + M**2) - 2 * D)
        ),
        "the number of patches was asked for": lambda D, M, factor: (
            _first_side(M, lambda side: 2 * D + side**2 >= factor * (2 * D + M**2)) ** 2
        ),
    },
)
def _break_even():
    for dim, size, factor in ((1, 1, 1), (1, 2, 2), (96, 7, 1), (96, 7, 2), (96, 7, 10), (768, 4, 3.5)):
        side = next(side for side in range(size, 10**4, size) if 2 * dim + side**2 >= factor * (2 * dim + size**2))
        yield {"D": dim, "M": size, "factor": factor}, side


@function(
    "windows.merging",
    mistakes={
        "the cells went along the rows first": lambda kernel: kernel.permute(0, 2, 3, 1).flatten(1),
        "the channel changed slowest": lambda kernel: kernel.flatten(1),
        "the channel changed slowest, and the row fastest": lambda kernel: kernel.mT.flatten(1),
    },
)
def _merging():
    for dim in (1, 2, 3):
        kernel = counting(2 * dim, dim, 2, 2)
        yield {"kernel": kernel}, kernel.permute(0, 3, 2, 1).flatten(1)
