"""The exercises of the introduction."""

import torch

from patchwork.exercises._judges import function, number

number(  # query: patch 0 of the regions [0, 0, 1, 0, 1, 1]; its row of the relation: [1, .9, .8, .6, .3, .1]
    "introduction.auc",
    5 / 6,
    within=0.005,
    because="of 2 × 3 pairs, only .6 against .8 is ranked wrongly; the own patch is left out",
)
number(
    "introduction.precision",
    5 / 6,
    within=0.005,
    because="1 of 1 at the first own patch, 2 of 3 at the second",
)
number(
    "introduction.sign",
    0.81,
    within=0.001,
    because="a change of sign turns every pair around and leaves ties as they are: 1 − 0.19",
)


@function("introduction.neighbors")
def _neighbors():
    for rows, columns in ((1, 2), (2, 2), (2, 3), (4, 3)):
        relation = torch.zeros(rows * columns, rows * columns)
        for r in range(rows):
            for c in range(columns):
                around = [(r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)]
                inside = [i * columns + j for i, j in around if 0 <= i < rows and 0 <= j < columns]
                relation[r * columns + c, inside] = 1 / len(inside)
        yield {"grid": (rows, columns)}, relation
