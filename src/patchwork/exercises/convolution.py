"""The exercises of chapter 4."""

import math
from statistics import fmean, linear_regression

import torch

from patchwork.convolution import convolution_matrix
from patchwork.exercises._judges import function, queries_and_keys, waves
from patchwork.patches import patch_centers


def _matrix_of(kernel, grid):
    return convolution_matrix(kernel[None, None], grid, padding=len(kernel) // 2).to_dense()


@function(
    "convolution.matrix",
    mistakes={
        "the distance was i − j": lambda kernel, grid: _matrix_of(kernel, grid).T,
        "the kernel's rows and columns were swapped": lambda kernel, grid: _matrix_of(kernel.T, grid),
        "grid was (columns, rows)": lambda kernel, grid: _matrix_of(kernel, grid[::-1]),
    },
)
def _matrix():
    for grid, size in (((1, 1), 1), ((1, 3), 3), ((3, 1), 3), ((2, 3), 3), ((4, 3), 3), ((2, 2), 5), ((5, 6), 5)):
        kernel = waves(size, size)
        yield {"kernel": kernel, "grid": grid}, _matrix_of(kernel, grid)


def _found(side, margin, by, *, around=True):
    """The share of places along one axis whose field lies inside the picture before and after the move."""
    fine = [margin <= place < side - margin for place in range(side)]
    return sum(fine[i] and fine[(i + by) % side] for i in range(side) if around or i + by < side) / side


def _found_share(side, K, L, by, **how):
    """At a move by 0 everything is found again, at the border too."""
    return _found(side, L * (K // 2), by, **how) ** 2 if by else 1.0


@function(
    "convolution.rim",
    mistakes={
        "a move by 0 spoiled something": lambda side, K, L, by: _found(side, L * (K // 2), by) ** 2,
        "nothing came around the border": lambda side, K, L, by: _found_share(side, K, L, by, around=False),
        "there was one layer": lambda side, K, L, by: _found_share(side, K, 1, by),
        "a single axis was counted": lambda side, K, L, by: _found_share(side, K, L, by) ** 0.5,
        "only the field before the move mattered": lambda side, K, L, by: (
            _found(side, L * (K // 2), 0) ** 2 if by else 1.0
        ),
    },
)
def _rim():
    cases = (
        (4, 1, 1, 0),
        (4, 1, 1, 1),
        (4, 3, 1, 0),
        (4, 3, 1, 1),
        (16, 5, 2, 3),
        (9, 3, 4, 0),
        (9, 3, 4, 2),
        (16, 3, 1, 5),
        (16, 3, 1, 15),
    )
    for side, size, layers, by in cases:
        yield {"side": side, "K": size, "L": layers, "by": by}, _found_share(side, size, layers, by)


def _slopes(x, y):
    x, y = ([math.log(each) for each in axis] for axis in (x, y))
    return [(y[i + 1] - y[i]) / (x[i + 1] - x[i]) for i in range(len(x) - 1)]


def _fit(x, y):
    return linear_regression([math.log(each) for each in x], [math.log(each) for each in y]).slope


@function(
    "convolution.exponent",
    mistakes={
        "the line was fitted without logarithms": lambda x, y: linear_regression(x, y).slope,
        "x and y were swapped": lambda x, y: _fit(y, x),
        "the line went through the first and the last point": lambda x, y: (
            math.log(y[-1] / y[0]) / math.log(x[-1] / x[0])
        ),
        "the slopes from point to point were averaged": lambda x, y: fmean(_slopes(x, y)),
        "the line went through (1, 1)": lambda x, y: (
            sum(math.log(a) * math.log(b) for a, b in zip(x, y, strict=True)) / sum(math.log(a) ** 2 for a in x)
        ),
    },
)
def _exponent():
    for x, power, factor in (((1, 2), 1, 1), ((1, 2, 4), 2, 1), ((1, 3, 5), -0.5, 7), ((2, 3, 7, 11), 0.5, 0.1)):
        yield {"x": x, "y": tuple(factor * each**power for each in x)}, float(power)
    for x, y in (((1, 2, 8), (1.0, 3.0, 3.5)), ((1, 2, 3, 5, 8), (2.0, 1.0, 6.0, 4.0, 5.0))):
        yield {"x": x, "y": y}, _fit(x, y)


def _pair(p, delta, alpha, *, square=True):
    target = p + p.new_tensor(delta)
    last = torch.full((len(p), 1), -alpha if square else 0.0)
    return torch.cat([2 * alpha * target, last], 1), torch.cat([p, p.square().sum(1, keepdim=True)], 1)


@function(
    "convolution.head",
    mistakes={
        "the head looked the opposite way": lambda p, delta, alpha: _pair(p, [-each for each in delta], alpha),
        "the offset was (right, down)": lambda p, delta, alpha: _pair(p, delta[::-1], alpha),
        "the square of p_j was missing": lambda p, delta, alpha: _pair(p, delta, alpha, square=False),
        "queries and keys were swapped": lambda p, delta, alpha: _pair(p, delta, alpha)[::-1],
        "α was not used": lambda p, delta, alpha: _pair(p, delta, 1.0),
    },
)
def _head():
    cases = ((1, 2), (0, 0), 1.0), ((1, 3), (0, 1), 2.0), ((3, 2), (-1, 0), 0.5), ((3, 4), (1, -1), 1.0)
    for grid, delta, alpha in cases:
        positions = patch_centers(grid)
        away = positions[None] - positions[:, None] - positions.new_tensor(delta)
        head = (-alpha * away.square().sum(-1)).softmax(1)
        yield {"p": positions, "delta": delta, "alpha": alpha}, queries_and_keys(head, scale=1)


@function(
    "convolution.depth",
    mistakes={
        "it was not rounded up to whole layers": lambda side, kind: {
            "plain": (side - 1) / 2,
            "doubling": math.log2((side + 1) / 2),
            "effective": 3 * side**2 / 32,
        }[kind],
        "it was rounded down": lambda side, kind: {
            "plain": (side - 1) // 2,
            "doubling": int(math.log2((side + 1) / 2)),
            "effective": 3 * side**2 // 32,
        }[kind],
        "the dilations began with 2": lambda side, kind: (
            math.ceil(math.log2((side + 3) / 4)) if kind == "doubling" else _layers(side, kind)
        ),
        "two standard deviations had to reach the side": lambda side, kind: (
            _layers(2 * side, kind) if kind == "effective" else _layers(side, kind)
        ),
        "every layer added 2, whatever its dilation": lambda side, kind: _layers(
            side, "plain" if kind == "doubling" else kind
        ),
    },
)
def _depth():
    for side in (1, 3, 4, 9, 32, 33):
        for kind in ("plain", "doubling", "effective"):
            yield {"side": side, "kind": kind}, _layers(side, kind)


def _layers(side, kind):
    if kind == "plain":
        return math.ceil((side - 1) / 2)
    return math.ceil(math.log2((side + 1) / 2)) if kind == "doubling" else math.ceil(3 * side**2 / 32)
