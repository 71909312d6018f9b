"""The exercises of the introduction."""

import torch

from patchwork.exercises._judges import function, number

number(  # query: patch 0 of the regions [0, 0, 1, 0, 1, 1]; its row of the relation: [1, .9, .8, .6, .3, .1]
    "introduction.auc",
    5 / 6,
    within=0.005,
    because="of 2 × 3 pairs, only .6 against .8 is ranked wrongly; the own patch is left out",
    mistakes={
        8 / 9: "the own patch was counted; it is left out",
        1 / 6: "the pairs that are ranked wrongly were counted",
        4 / 6: "two of the six pairs were taken for wrong; compare each patch of the region with each of the others",
        5: "the pairs were counted; their share is asked for",
    },
)
number(  # the same with .2 for patch 3: [1, .9, .8, .2, .3, .1]
    "introduction.precision",
    3 / 4,
    within=0.005,
    because="1 of 1 at the first patch of the region, 2 of 4 at the second",
    mistakes={
        5 / 6: "patch 3 still had .6",
        2 / 3: "this was the AUC; average precision stops at each patch of the region",
        (1 + 1 + 3 / 5) / 3: "the own patch was counted; it is left out",
        1 / 2: "only the last stop was counted; it is the mean over both",
        2 / 5: "all five patches were one stop",
    },
)
number(
    "introduction.sign",
    0.81,
    within=0.001,
    because="a change of sign turns every pair around and leaves ties as they are: 1 − 0.19",
    mistakes={
        0.19: "nothing changed with the sign; what becomes of a pair that was ranked wrongly?",
        -0.19: "the AUC itself changed its sign; it stays between 0 and 1",
        0.5: "the ranking was lost; it is turned around",
    },
)


def _by_distance(grid, *, divide, near):
    places = torch.cartesian_prod(torch.arange(grid[0]), torch.arange(grid[1])).view(-1, 2)
    relation = near((places[:, None] - places).abs().sum(-1)).float()
    return relation / divide(relation)


@function(
    "introduction.neighbors",
    mistakes={
        "the rows were not divided by their sums": lambda grid: _by_distance(
            grid, divide=lambda relation: 1, near=lambda far: far == 1
        ),
        "each patch was among its neighbors": lambda grid: _by_distance(
            grid, divide=lambda relation: relation.sum(1, keepdim=True), near=lambda far: far <= 1
        ),
        "all rows were divided by 4, those at the border too": lambda grid: _by_distance(
            grid, divide=lambda relation: 4, near=lambda far: far == 1
        ),
    },
)
def _neighbors():
    for rows, columns in ((1, 2), (2, 2), (2, 3), (4, 3)):
        relation = torch.zeros(rows * columns, rows * columns)
        for r in range(rows):
            for c in range(columns):
                around = [(r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)]
                inside = [i * columns + j for i, j in around if 0 <= i < rows and 0 <= j < columns]
                relation[r * columns + c, inside] = 1 / len(inside)
        yield {"grid": (rows, columns)}, relation
