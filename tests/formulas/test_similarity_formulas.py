"""The formulas of the similarity explorer's page, and what it counts in Python, held against the library."""

import itertools
import math

import pytest
import torch
from linker import floats
from sklearn.metrics import average_precision_score

from patchwork.explorers.similarity.look import FEATURES, METRICS, SimilarityLook, strongest
from patchwork.explorers.similarity.rankings import average_precision, kept, largest, rank_shares
from patchwork.patches import patchify
from patchwork.relations import mean_average_precision


@pytest.fixture(params=range(4))
def features(request, rng):
    """Random patches, one of zeros, one constant, one twice."""
    patches = torch.randn(9, rng.randint(2, 20), dtype=torch.float64) * 10 ** rng.uniform(-3, 3)
    patches[1], patches[2], patches[4] = 0, rng.uniform(-3, 3), patches[3]
    return patches


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_is_the_librarys(formulas, features, metric):
    ready = [formulas("similarity/formulas.mjs", "readyFor", floats(each), metric) for each in features]
    assert all(number is not None for vector in ready for number in vector)  # JSON's NaN
    found = [
        [formulas("similarity/formulas.mjs", "relatedness", one, other, metric) for other in ready] for one in ready
    ]
    expected = METRICS[metric](features)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected, atol=1e-9, rtol=1e-9)
    assert found[3][4] == (0 if metric == "euclidean" else 1)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("side", [2, 3, 8, 16])
def test_each_feature_is_the_librarys(formulas, name, side):
    patch = torch.rand(1, side**2, dtype=torch.float64) * 3 - 1
    found = formulas("similarity/formulas.mjs", "patchFeature", floats(patch), name)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), FEATURES[name](patch)[0])


def test_gray_patches_are_the_librarys(formulas, rng):
    side, rows, columns = rng.randint(1, 6), rng.randint(1, 4), rng.randint(1, 4)
    picture = torch.rand(rows * side, columns * side, dtype=torch.float64)
    found = formulas("similarity/formulas.mjs", "grayPatches", floats(picture), list(picture.shape), side)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), patchify(picture[None, None], side)[0])


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_scores_are_the_librarys(formulas, rng, levels):
    """With many ties and with few."""
    number = rng.randint(3, 40)
    relation, labels = torch.randint(levels, (number, number)).double(), torch.arange(number) % 2
    labels[0] = 1 - labels[0]
    rows = []
    for query in range(number):
        others = torch.arange(number) != query
        scores, same = relation[query, others], (labels == labels[query])[others]
        precision = formulas("similarity/formulas.mjs", "averagePrecision", scores.tolist(), same.tolist())
        rows.append(math.nan if precision is None else precision)
        if precision is not None:
            assert precision == pytest.approx(average_precision(scores, same).item())
            assert precision == pytest.approx(average_precision_score(same, scores))
    assert torch.tensor(rows).nanmean().item() == pytest.approx(mean_average_precision(relation, labels).item())


def test_a_score_without_both_classes_is_none(formulas):
    for same in ([True, True], [False, False]):
        assert formulas("similarity/formulas.mjs", "averagePrecision", [1, 2], same) is None
        assert average_precision(torch.tensor([1.0, 2.0]), torch.tensor(same)).isnan()


@pytest.mark.parametrize("levels", [1, 2, 5, 1000])
def test_ranks_are_pythons(formulas, rng, levels):
    scores = torch.randint(levels, (rng.randint(1, 40),)).double()
    assert formulas("similarity/formulas.mjs", "rankShares", scores.tolist()) == pytest.approx(
        rank_shares(scores).tolist()
    )
    count = rng.randint(1, 6)
    assert (
        formulas("similarity/formulas.mjs", "largestPlaces", floats(scores), count) == largest(scores, count).tolist()
    )


def test_what_stays_is_counted(rng):
    before, now = torch.rand(4, 30), torch.rand(4, 30)
    before[1], before[2], now[2] = 0.5, -torch.arange(30), 0.5
    by_hand = [len({*largest(n, 7).tolist()} & {*largest(b, 7).tolist()}) / 7 for n, b in zip(now, before, strict=True)]
    by_hand[1], by_hand[2] = math.nan, 0
    assert kept(now, before, 7).tolist() == pytest.approx(by_hand, nan_ok=True)


def test_as_many_edges_are_strongest(formulas):
    for edges in range(1, 200):
        assert formulas("similarity/formulas.mjs", "strongest", edges) == strongest(edges), edges


MAPS = """function* (module, gray, size, patchSize, edges, labels, settings) {
    const source = { gray, size },
      even = module.describeAll(source, patchSize),
      { described, gray: exposed } = module.describeExposed(source, patchSize, even, settings),
      exposure = { described, even, edges, labels, count: even.length };
    const { maps, nearest, farthest, chance } = module.look(exposure, settings),
      means = yield* module.meanScores(exposure),
      small = maps.map(({ feature, metric, shares, score }) => ({ feature, metric, shares, score }));
    return { maps: small, means, nearest, farthest, chance, exposed };
}"""


@pytest.mark.parametrize("exposure", [{"gain": 1.0, "offset": 0.0}, {"gain": 0.7, "offset": 0.2}])
@pytest.mark.parametrize("labeled", [True, False])
def test_maps_and_scores_are_pythons(in_module, formulas, rng, labeled, exposure):
    """With 130 edges, of which one in 20 are six and a half."""
    grid, side = rng.choice([(5, 15), (15, 5)]), 3
    pixels = torch.rand(grid[0] * side, grid[1] * side, dtype=torch.float64)
    labels = torch.randint(3, (75,)) if labeled else None
    settings = {"feature": "spectrum", "metric": "euclidean", "selected": rng.randrange(75), **exposure}
    picture = [floats(pixels), list(pixels.shape), side, formulas("common/formulas.mjs", "neighborPairs", grid)]
    for mode in ("patch", "neighbors"):
        look = SimilarityLook(pixels, grid, labels, side, photo="", mode=mode, **settings)
        regions = labels.tolist() if labeled else None
        found = in_module("similarity/maps.mjs", MAPS, *picture, regions, {"mode": mode, **settings})
        maps, scores = look.maps, look.row_scores
        for map, (metric, feature) in zip(found["maps"], itertools.product(METRICS, FEATURES), strict=True):
            assert (map["feature"], map["metric"]) == (feature, metric)
            assert number(map["score"]) == pytest.approx(scores[feature][metric], nan_ok=True), (mode, feature, metric)
            assert map["shares"] == pytest.approx(maps[feature][metric].tolist()), (mode, feature, metric)
        assert found["exposed"] == pytest.approx(look.exposed.flatten().tolist())
        assert found["chance"] == pytest.approx(look.chance)
        if mode == "patch":
            means = [look.scores[feature][metric] for metric, feature in itertools.product(METRICS, FEATURES)]
            assert [number(each) for each in found["means"]] == pytest.approx(means, nan_ok=True)
            assert (found["nearest"], found["farthest"]) == (look.nearest.tolist(), None)
        else:
            apart = torch.cat([part.flatten() for part in look.neighbors])
            assert (found["nearest"], found["farthest"]) == ([], apart.argmax().item())


def number(score):
    return math.nan if score is None else score
