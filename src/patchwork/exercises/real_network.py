"""The exercises of chapter 8."""

import torch
import torch.nn.functional as F

from patchwork.exercises._judges import counting, function, waves
from patchwork.patches import patch_centers
from patchwork.similarity import cosine_similarity


@function(
    "real_network.token",
    mistakes={
        "the class token was forgotten": lambda row, column, grid, registers: registers + row * grid[1] + column,
        "the registers were forgotten": lambda row, column, grid, registers: 1 + row * grid[1] + column,
        "the patches were counted column by column": lambda row, column, grid, registers: (
            1 + registers + column * grid[0] + row
        ),
        "a row had as many patches as there are rows": lambda row, column, grid, registers: (
            1 + registers + row * grid[0] + column
        ),
    },
)
def _token():
    for row, column, grid, registers in ((0, 0, (1, 1), 0), (0, 1, (1, 2), 0), (1, 0, (2, 3), 0), (2, 1, (3, 5), 4)):
        arguments = {"row": row, "column": column, "grid": grid, "registers": registers}
        yield arguments, 1 + registers + row * grid[1] + column


def _beside(weight, bias):
    return torch.cat([weight, bias[:, None]], dim=1)


@function(
    "real_network.fold",
    mistakes={
        "the bias was left as it was": lambda weight, bias, gamma: _beside(gamma[:, None] * weight, bias),
        "γ was added to the bias": lambda weight, bias, gamma: _beside(gamma[:, None] * weight, gamma + bias),
        "W was left as it was": lambda weight, bias, gamma: _beside(weight, gamma * bias),
        "the bias came first": lambda weight, bias, gamma: torch.cat(
            [(gamma * bias)[:, None], gamma[:, None] * weight], dim=1
        ),
    },
)
def _fold():
    for out, dim in ((1, 1), (2, 1), (2, 2), (3, 5)):
        weight, bias, gamma = waves(out, dim), waves(out + 1)[1:], counting(out) + 2
        arguments = {"weight": weight, "bias": bias, "gamma": gamma}
        yield arguments, _beside(torch.diag(gamma) @ weight, gamma * bias)


def _steps(grid):
    places = patch_centers(grid)
    return places - places[:, None]


@function(
    "real_network.distance",
    mistakes={
        "the squares of the distances were averaged": lambda A, grid: (A * _steps(grid).square().sum(2)).sum(1).mean(),
        "steps down and to the right were added up": lambda A, grid: (A * _steps(grid).abs().sum(2)).sum(1).mean(),
        "the rows were added up, not averaged": lambda A, grid: (A * _steps(grid).norm(dim=2)).sum(),
        "the weights were not used": lambda A, grid: _steps(grid).norm(dim=2).mean(),
        "the places were numbers of patches, in one row": lambda A, grid: (
            (A * _steps((1, len(A))).norm(dim=2)).sum(1).mean()
        ),
    },
)
def _distance():
    for grid in ((1, 2), (1, 3), (2, 2), (3, 2), (2, 5)):
        relation = waves(grid[0] * grid[1], grid[0] * grid[1]).softmax(-1)
        yield {"A": relation, "grid": grid}, (relation * _steps(grid).norm(dim=2)).sum(1).mean()


def _means(A, group):
    """Give each pair the mean over all pairs of its group."""
    same = (group[:, :, None, None] == group).all(-1)
    return (same * A).sum((2, 3)) / same.sum((2, 3))


@function(
    "real_network.offset",
    mistakes={
        "pairs at the same distance shared a number, not those of one offset": lambda A, grid: _means(
            A, _steps(grid).square().sum(2, keepdim=True)
        ),
        "an offset and its opposite shared a number": lambda A, grid: _means((A + A.T) / 2, _steps(grid)),
        "the picture had one row": lambda A, grid: _means(A, _steps((1, len(A)))),
        "the sum over the pairs stands there, not their mean": lambda A, grid: (
            _means(A, _steps(grid)) * (_steps(grid)[:, :, None, None] == _steps(grid)).all(-1).sum((2, 3))
        ),
    },
)
def _offset():
    for grid in ((1, 2), (2, 1), (1, 3), (2, 2), (2, 3), (4, 3)):
        relation = waves(grid[0] * grid[1], grid[0] * grid[1]).softmax(-1)
        yield {"A": relation, "grid": grid}, _means(relation, _steps(grid))


def _resized(positions, grid, **options):
    side = round((len(positions) - 1) ** 0.5)
    square = positions[1:].view(1, side, side, -1).permute(0, 3, 1, 2)
    scaled = F.interpolate(square, grid, **({"mode": "bicubic", "align_corners": False} | options))
    return torch.cat([positions[:1], scaled[0].flatten(1).T])


def _reshaped(positions, grid):
    side = round((len(positions) - 1) ** 0.5)
    square = positions[1:].reshape(1, -1, side, side)
    scaled = F.interpolate(square, grid, mode="bicubic", align_corners=False)
    return torch.cat([positions[:1], scaled[0].flatten(1).T])


@function(
    "real_network.positions",
    mistakes={
        "height and width were swapped": lambda positions, grid: _resized(positions, grid[::-1]),
        "reshape stood where permute belongs": _reshaped,
        "align_corners was True": lambda positions, grid: _resized(positions, grid, align_corners=True),
        "the mode was bilinear": lambda positions, grid: _resized(positions, grid, mode="bilinear"),
        "the class token's position was lost": lambda positions, grid: _resized(positions, grid)[1:],
    },
)
def _positions():
    for side, grid, dim in ((2, (2, 2), 1), (2, (1, 3), 2), (3, (2, 4), 3), (4, (6, 5), 2)):
        positions = waves(1 + side**2, dim)
        planes = [positions[1:, k].view(1, 1, side, side) for k in range(dim)]
        scaled = [F.interpolate(plane, grid, mode="bicubic", align_corners=False).flatten() for plane in planes]
        yield {"positions": positions, "grid": grid}, torch.cat([positions[:1], torch.stack(scaled, dim=1)])


def _best(scores):
    there = scores.argmax(1)
    return torch.stack([torch.arange(len(scores)), there], dim=1)


def _agreeing(scores):
    pairs = _best(scores)
    return pairs[scores.argmax(0)[pairs[:, 1]] == pairs[:, 0]]


@function(
    "real_network.mutual",
    mistakes={
        "one direction was enough": lambda a, b: _best(cosine_similarity(a, b)),
        "inner products were compared, not cosines": lambda a, b: _agreeing(a @ b.T),
        "the pairs were (j, i)": lambda a, b: _agreeing(cosine_similarity(a, b)).flip(1),
        "the least similar patches were paired": lambda a, b: _agreeing(-cosine_similarity(a, b)),
    },
)
def _mutual():
    for first, second, dim in ((1, 1, 2), (2, 2, 2), (3, 2, 2), (4, 6, 3), (9, 7, 3)):
        a, b = waves(first, dim), (counting(second)[:, None] + 1) * waves(second + 1, dim)[1:]
        cosines = cosine_similarity(a, b)
        best = (cosines == cosines.amax(1, keepdim=True)) & (cosines == cosines.amax(0))
        yield {"a": a, "b": b}, best.nonzero()
