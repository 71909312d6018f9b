"""The exercises of chapter 4."""

import math

import torch

from patchwork.convolution import convolution_matrix
from patchwork.exercises._judges import function, queries_and_keys, waves
from patchwork.patches import patch_centers


@function("convolution.matrix")
def _matrix():
    for grid, size in (((1, 1), 1), ((1, 3), 3), ((3, 1), 3), ((2, 3), 3), ((4, 3), 3), ((2, 2), 5), ((5, 6), 5)):
        kernel = waves(size, size)
        relation = convolution_matrix(kernel[None, None], grid, padding=size // 2).to_dense()
        yield {"kernel": kernel, "grid": grid}, relation


@function("convolution.rim")
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
    )
    for side, size, layers, by in cases:
        fine = torch.zeros(side)
        fine[layers * (size // 2) : side - layers * (size // 2)] = 1
        overlap = (fine * fine.roll(by)).sum().item()
        yield {"side": side, "K": size, "L": layers, "by": by}, (overlap / side) ** 2


@function("convolution.exponent")
def _exponent():
    for x, power, factor in (((1, 2), 1, 1), ((1, 2, 4), 2, 1), ((1, 3, 5), -0.5, 7), ((2, 3, 7, 11), 0.5, 0.1)):
        yield {"x": x, "y": tuple(factor * each**power for each in x)}, float(power)
    yield {"x": (1, 2, 4), "y": (1.0, 3.0, 3.5)}, math.log(3.5) / math.log(4)


@function("convolution.head")
def _head():
    cases = ((1, 2), (0, 0), 1.0), ((1, 3), (0, 1), 2.0), ((3, 2), (-1, 0), 0.5), ((3, 4), (1, -1), 1.0)
    for grid, delta, alpha in cases:
        positions = patch_centers(grid)
        away = positions[None] - positions[:, None] - positions.new_tensor(delta)
        head = (-alpha * away.square().sum(-1)).softmax(1)
        yield {"p": positions, "delta": delta, "alpha": alpha}, queries_and_keys(head, scale=1)


@function("convolution.depth")
def _depth():
    for side in (1, 3, 4, 9, 32, 33):
        for kind in ("plain", "doubling", "effective"):
            yield {"side": side, "kind": kind}, _layers(side, kind)


def _layers(side, kind):
    if kind == "plain":
        return math.ceil((side - 1) / 2)
    return math.ceil(math.log2((side + 1) / 2)) if kind == "doubling" else math.ceil(3 * side**2 / 32)
