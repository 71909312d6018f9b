"""The similarity explorer in Python: who is alike."""

import itertools
import math
import re

import pytest
import torch
from sklearn.metrics import average_precision_score

from patchwork.explorers.common import encoding
from patchwork.explorers.similarity.look import FEATURES, LIMITS, METRICS
from patchwork.explorers.similarity.widget import SimilarityExplorer
from patchwork.patches import patchify
from patchwork.relations import mean_average_precision
from patchwork.similarity import (
    correlation,
    cosine_similarity,
    neighbor_similarity,
    squared_distances,
)

SIMILARITIES = {
    "euclidean": lambda features: -squared_distances(features).sqrt(),
    "cosine": cosine_similarity,
    "correlation": correlation,
}


def test_features_and_metrics_are_those_that_the_page_knows():
    assert {"feature": list(FEATURES), "metric": list(METRICS)}.items() <= LIMITS["choices"].items()


def test_relations_and_neighbors_are_the_librarys(comparing, mosaic, rng):
    gain, offset = rng.uniform(0.1, 2), rng.uniform(-0.5, 0.5)
    comparing.gain, comparing.offset = gain, offset
    pixels = (mosaic[0][0].double() * 255).round() / 255
    pixels[:, 128:] = gain * pixels[:, 128:] + offset
    torch.testing.assert_close(comparing.exposed, pixels)
    scores = comparing.scores
    for comparing.feature, comparing.metric in itertools.product(FEATURES, METRICS):
        kind = comparing.feature, comparing.metric
        features = FEATURES[comparing.feature](patchify(pixels[None, None], 16)[0])
        torch.testing.assert_close(comparing.features, features)
        relation = SIMILARITIES[comparing.metric](features)
        torch.testing.assert_close(comparing.relation, relation, atol=1e-9, rtol=0)
        assert torch.equal(comparing.row, comparing.relation[comparing.selected]), kind
        expected = neighbor_similarity(features, (16, 16), comparing.metric)
        assert all(map(torch.equal, comparing.neighbors, expected)), kind
        expected = mean_average_precision(relation.round(decimals=9), mosaic[1]).item()
        assert scores[comparing.feature][comparing.metric] == pytest.approx(expected), kind


def test_the_nearest_are_the_most_related_others(comparing):
    comparing.feature = "spectrum"
    others = [patch for patch in comparing.row.argsort(descending=True).tolist() if patch != comparing.selected]
    assert comparing.nearest.tolist() == others[:5]
    comparing.feature, comparing.metric = "mean color", "correlation"
    assert comparing.nearest.tolist() == []


def test_row_scores_average_to_scores(little):
    """Each is what sklearn finds of its row, or the share of the nearest patches that an equal exposure has too."""
    comparing, number = SimilarityExplorer(little, gain=0.7), 64
    for comparing.photo in ("coffee", "mosaic"):
        rows, even = [], SimilarityExplorer(little, photo=comparing.photo).relation
        for comparing.selected in range(number):
            others = torch.arange(number) != comparing.selected
            if comparing.photo == "mosaic":
                same = comparing.regions[others] == comparing.regions[comparing.selected]
                rows.append(average_precision_score(same, comparing.row[others]))
            else:
                before = even[comparing.selected].where(others, -math.inf).topk(5).indices
                rows.append(torch.isin(comparing.nearest, before).double().mean().item())
        assert comparing.scores["pixels"]["euclidean"] == pytest.approx(sum(rows) / number)
        assert comparing.row_scores["pixels"]["euclidean"] == pytest.approx(rows[-1])
    same = torch.bincount(comparing.regions).double()
    assert comparing.chance == pytest.approx((same * (same - 1)).sum().item() / 64 / 63)


def test_edges_between_regions_are_scored_against_their_share(comparing, mosaic):
    comparing.mode, comparing.feature = "neighbors", "spectrum"
    labels = mosaic[1].view(16, 16)
    borders = torch.cat([(labels[:, 1:] != labels[:, :-1]).flatten(), (labels[1:] != labels[:-1]).flatten()])
    apart = torch.cat([part.flatten() for part in comparing.neighbors])
    order = borders[apart.argsort(descending=True)].double()
    by_hand = (order.cumsum(0) / torch.arange(1, 481) * order).sum() / order.sum()
    assert comparing.scores["spectrum"]["euclidean"] == pytest.approx(by_hand.item())
    assert comparing.chance == pytest.approx(borders.double().mean().item())
    assert comparing.row_scores == comparing.scores


def test_what_an_exposure_leaves_is_told_without_regions(comparing):
    comparing.photo = "coffee"
    for mode in ("patch", "neighbors"):
        comparing.mode, comparing.gain, comparing.offset = mode, 1, 0
        scores = [score for each in comparing.scores.values() for score in each.values()]
        assert scores == pytest.approx([1, 1, 1, 1, float("nan"), float("nan"), 1, 1, 1, 1, 1, 1], nan_ok=True)
        comparing.gain = 0.7
        pixels = comparing.scores["pixels"]
        assert pixels["cosine"] == pixels["correlation"] == 1 > pixels["euclidean"]
        comparing.offset = 0.2
        assert comparing.scores["pixels"]["correlation"] == 1 > comparing.scores["pixels"]["cosine"]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 60, 64), "patches of 16 × 16 must cut the images of 60 × 64 pixels into 2 columns at least"),
        (torch.rand(3, 64, 16), "into 2 columns at least"),
        (torch.rand(3, 512, 512), "and 256 patches at most"),
        (torch.rand(2, 64, 64), "the image 'photo' must have 1 or 3 channels, got 2"),
        (torch.rand(64, 64), "the image 'photo' must have shape (C, H, W), got (64, 64)"),
        ((torch.rand(1, 64, 64),), "'photo' must be an image, or a pair of one and its labels, got 1 things"),
        ((torch.rand(1, 64, 64), torch.zeros(3).long()), "the labels of 'photo' must have shape (16,), got (3,)"),
        ((torch.rand(1, 64, 64), torch.zeros(16)), "the labels of 'photo' must be whole numbers"),
        ((torch.rand(1, 64, 64), torch.zeros(16).long()), "nothing to score"),
        ((torch.rand(1, 64, 64), torch.arange(16)), "nothing to score"),
        ({"a": torch.rand(3, 64, 64), "b": torch.rand(3, 32, 32)}, "the images must have one size, 8 to 512 pixels"),
        ({}, "not among the images"),
        (torch.full((3, 64, 64), 2.0), "an image must lie in [0, 1]"),
    ],
)
def test_what_similarity_can_not_show_is_named(images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SimilarityExplorer(images)


@pytest.mark.parametrize("patch_size", [0, 1, 2.5, None])
def test_patches_that_have_no_gradient_are_refused(patch_size):
    with pytest.raises(ValueError, match="patch_size must be a whole number of at least 2"):
        SimilarityExplorer(torch.rand(3, 64, 64), patch_size=patch_size)


def test_similaritys_own_photo_has_no_regions(comparing):
    own = encoding.encode_photo(torch.rand(3, 256, 256))
    comparing.set_state({"photos": {**comparing.photos, "your photo": own}, "photo": "your photo"})
    assert comparing.regions is None
    assert "at equal exposure" in comparing.alt()
    comparing.mode = "neighbors"
    comparing.gain = 0.5
    assert "gain 0.5, offset 0" in comparing.alt()
    assert comparing.picture().size[0] == 740


def test_similarity_computes_with_the_pages_numbers(comparing, mosaic):
    assert torch.equal(comparing.pixels, (mosaic[0][0].double() * 255).round() / 255)
    assert comparing.state()["labels"] == {"mosaic": mosaic[1].tolist()}
