"""The exercises of chapter 3."""

import math

import torch

from patchwork.exercises._judges import counting, function, waves
from patchwork.windows import relative_position_index, shifted_window_mask


@function("windows.index")
def _index():
    for rows, columns in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (4, 3)):
        side = max(rows, columns)
        inside = torch.arange(side**2).view(side, side)[:rows, :columns].flatten()
        square = relative_position_index(side)[inside][:, inside]
        down, right = square // (2 * side - 1) - side + rows, square % (2 * side - 1) - side + columns
        yield {"rows": rows, "columns": columns}, down * (2 * columns - 1) + right


@function("windows.blocks")
def _blocks():
    for side, size, shift in ((1, 1, 0), (2, 1, 0), (2, 2, 1), (4, 2, 1), (4, 2, 0), (9, 3, 1), (9, 3, 2), (12, 4, 2)):
        walls = side // size - 1
        yield {"side": side, "M": size, "u": shift}, 2 * walls + 1 if shift or not walls else math.inf


@function("windows.leak")
def _leak():
    for grid, size, shift in (((2, 2), 2, 1), ((2, 4), 2, 1), ((4, 4), 2, 0), ((8, 4), 4, 2), ((6, 9), 3, 1)):
        mask = shifted_window_mask(grid, size, shift)
        weights = waves(*mask.shape).softmax(-1)
        arguments = {"weights": weights, "grid": grid, "M": size, "u": shift}
        yield arguments, (weights * ~mask).sum() / weights.sum()


@function("windows.break_even")
def _break_even():
    for dim, size, factor in ((1, 1, 1), (1, 2, 2), (96, 7, 1), (96, 7, 2), (96, 7, 10), (768, 4, 3.5)):
        side = next(side for side in range(size, 10**4, size) if 2 * dim + side**2 >= factor * (2 * dim + size**2))
        yield {"D": dim, "M": size, "factor": factor}, side


@function("windows.merging")
def _merging():
    for dim in (1, 2, 3):
        kernel = counting(2 * dim, dim, 2, 2)
        yield {"kernel": kernel}, kernel.permute(0, 3, 2, 1).flatten(1)
