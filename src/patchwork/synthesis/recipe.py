"""What the relations of chapter 7 learned under one recipe: the table that ``book/measure_synthesis.py`` makes."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from patchwork import _checks, measured
from patchwork.synthesis.network import RELATIONS, STARTS, Relation, Start
from patchwork.synthesis.scenes import Scenes, marked_textures, texture_features

FILE = measured.FOLDER / "synthesis.csv"
SEEDS, STEPS, SIZE, EVERY = 10, 400, 16, 40
SCENES = 800
EQUAL = [start for start in STARTS if start != "tuned"]
RUNS = [(start, relation, seed) for seed in range(SEEDS) for start in EQUAL for relation in RELATIONS]


class Learned(NamedTuple):
    """What ``under_one_recipe`` returns, one seed per row."""

    accuracy: Float[Tensor, "10 11"]
    curve: Float[Tensor, "10 9 3"]


def under_one_recipe(relation: Relation, *, start: Start = "identity") -> Learned:
    """Return what a relation's network had learned in ten trainings that are alike for all relations.

    Each took 400 steps of 16 scenes, at a learning rate of 5e-3, from one ``start`` of ``RelationNetwork``, "identity"
    or "random". The accuracies are those on 800 scenes from the test halves, at the distances 1 to 11. The curve has
    those on the way, on 100 of the scenes, after 40, 80, … 360 steps at the distances 1, 2 and 3.
    ``python book/measure_synthesis.py`` makes the table anew.

    Shapes: a named tuple: accuracy (10, 11) and curve (10, 9, 3), one seed per row. Raises ValueError for an unknown
    relation, and for a start with which the table was not made. Used in chapter 7.

    >>> (under_one_recipe("convolution").accuracy[:, 2] > 0.95).sum()  # that arrive at distance 3
    tensor(7)
    """
    _checks.choice("relation", relation, RELATIONS)
    _checks.choice("start", start, EQUAL)
    rows = [row for row in measured.load("synthesis") if (row["start"], row["relation"]) == (start, relation)]
    rows.sort(key=lambda row: int(row["seed"]))
    accuracy = torch.tensor([_shares(row["accuracy"]) for row in rows])
    return Learned(accuracy, torch.tensor([[_shares(part) for part in row["curve"].split("|")] for row in rows]))


def measuring_scenes() -> Scenes:
    """Return the scenes on which all were measured, from the test halves."""
    return marked_textures(texture_features("test"), SCENES, generator=torch.Generator().manual_seed(77))


def _shares(text):
    return [int(number) / 1000 for number in text.split()]
