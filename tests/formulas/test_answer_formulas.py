"""The formulas of the answers explorer's page, held against the library."""

from functools import partial

import pytest
import torch

from patchwork import synthesis
from patchwork.explorers.common.modules import limits
from patchwork.synthesis import scenes as drawn
from patchwork.windows import reach


@pytest.fixture
def call(formulas):
    return partial(formulas, "answers/formulas.mjs")


def heard(call, relation, features=None):
    """The page's masks, (3, 144, 144)."""
    masks = torch.zeros(3, 144, 144, dtype=torch.bool)
    edges = None if features is None else synthesis.relation_masks("knn", features=features)[0].int().flatten().tolist()
    lists = call("hearersOf", relation, [12, 12], edges)
    for block, rows in enumerate(lists):
        for patch, hearers in enumerate(rows):
            masks[block, hearers, patch] = True
    return lists, masks


@pytest.mark.parametrize("relation", synthesis.RELATIONS)
def test_who_hears_whom_and_when_is_the_librarys(call, relation, rng):
    features = torch.randn(144, 16) if relation == "knn" else None
    lists, masks = heard(call, relation, features)
    expected = synthesis.relation_masks(relation, features=features)
    assert torch.equal(masks, expected)
    for mark in (0, 143, rng.randrange(144)):
        steps = call("arrivals", lists, mark)
        for blocks in (1, 2, 3):
            reached = reach(list(expected[:blocks]))[:, mark].tolist()
            assert [step is not None and step <= blocks for step in steps] == reached
        assert steps[mark] == 0


@pytest.mark.parametrize("question", ["same", "left"])
def test_what_is_asked_where_is_the_librarys(call, question):
    bank = torch.arange(2.0).view(2, 1, 1)
    scenes = synthesis.marked_textures(bank, 12, question=question)
    for textures, mark, labels, distances in zip(*scenes, strict=True):
        assert call("askedDistances", mark.item(), [12, 12], question) == distances.tolist()
        assert call("truths", mark.item(), 12, question, textures.flatten().tolist()) == labels.tolist()


@pytest.mark.parametrize("question", ["same", "left"])
@pytest.mark.parametrize("relation", [each for each in synthesis.RELATIONS if each != "knn"])
def test_ceilings_are_the_librarys(call, question, relation):
    reached = reach(list(synthesis.relation_masks(relation))).mT.int().tolist()
    found = call("ceilings", drawn.distances(question, "cpu").tolist(), reached)
    expected = synthesis.ceiling(relation, question=question, dtype=torch.float64)
    found = torch.tensor([torch.nan if each is None else each for each in found], dtype=torch.float64)
    torch.testing.assert_close(found, expected, equal_nan=True)


def test_the_grid_and_the_blocks_are_the_librarys():
    known = limits("answers")
    assert (tuple(known["grid"]), known["blocks"]) == (synthesis.GRID, synthesis.BLOCKS)
    assert known["counts"]["selected"] == [0, drawn.TOKENS - 1]
