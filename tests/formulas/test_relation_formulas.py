"""The formulas of the relations explorer's page, held against the library."""

from functools import partial

import pytest
import torch
from linker import floats

from patchwork.explorers.common import encoding
from patchwork.explorers.relations.look import row_spread, share_below
from patchwork.explorers.relations.widget import encoded_heads
from patchwork.relations import region_mass, same_region_auc
from patchwork.similarity import squared_distances
from patchwork.synthesis.families import five_relations, learned, network_relation
from patchwork.windows import window_relation


@pytest.fixture
def call(formulas):
    return partial(formulas, "relations/formulas.mjs")


def test_halves_are_numpys(call):
    numbers = torch.cat([torch.randn(200), torch.randn(50) * 1e-6, torch.tensor([0.0, -0.0, 6e-8, 65504.0])]).half()
    text = encoding.encode_bytes(numbers.numpy().tobytes())
    assert call("decodeHalves", text) == numbers.tolist()
    assert call("decodeHalves", encoded_heads()["projections"]) == learned()["projections"].flatten().tolist()


@pytest.fixture
def read(generator):
    """What a network has of a picture, at random: features of each patch as the page gets them, and decoded."""

    def read(count):
        encoded = encoding.encode_array(torch.rand(count, 32, generator=generator) * 2 - 1, bits=6, ends=(-1.0, 1.0))
        return encoded, encoding.decode_array(encoded)

    return read


@pytest.mark.parametrize("size", [(256, 256), (64, 128), (160, 32)])
def test_rows_are_the_librarys(in_module, size, rng, read):
    gray = torch.randint(256, size).double() / 255
    gray[:32, :32] = 0.5
    queries = [0, rng.randrange(size[0] * size[1] // 256)]
    encoded, features = read(size[0] * size[1] // 256)
    script = """(math, gray, size, learned, queries, network) => {
        const steps = math.prepare({ gray, size }, 16, math.learnedHeads(learned), network);
        let step;
        do step = steps.next(); while (!step.done);
        const rows = (query) => math.relationsOf(step.value).map((name) => [...math.rowOf(step.value, name, query)]);
        return queries.map(rows);
    }"""
    found = in_module("relations/formulas.mjs", script, floats(gray), size, encoded_heads(), queries, encoded)
    relations = five_relations(gray[None]) | {"network": network_relation(features)}
    for query, rows in zip(queries, found, strict=True):
        for (name, relation), row in zip(relations.items(), rows, strict=True):
            torch.testing.assert_close(torch.tensor(row).double(), relation[query], atol=1e-7, rtol=1e-6, msg=name)
            assert [weight == 0 for weight in row] == (relation[query] == 0).tolist()


def test_the_median_distance_is_torchs(call, rng):
    features = torch.randint(4, (rng.randint(2, 30), 2)).double()
    squared = squared_distances(features).round()
    found = call("medianDistance", floats(squared), len(features))
    assert found == pytest.approx(squared.median().sqrt().item())


@pytest.mark.parametrize("shift", [0, 2])
def test_windows_are_the_librarys(call, rng, shift):
    grid = rng.randint(1, 17), rng.randint(2, 17)
    found, expected = call("windowsOf", grid, shift), window_relation(grid, 4, shift=shift)
    assert found == [row.nonzero().flatten().tolist() for row in expected]


def test_scores_and_shares_are_the_librarys(call, rng):
    labels = torch.randint(3, (24,))
    for levels in (1, 2, 5, 1000):
        relation = torch.randint(levels, (24, 24)).double() + (levels == 1)
        query = rng.randrange(24)
        row, view = relation[query], {"labels": labels.tolist(), "grid": [4, 6]}
        expected = same_region_auc(relation, labels, reduction=None), region_mass(relation, labels, reduction=None)[0]
        found = [each if each is not None else torch.nan for each in call("scoresOf", floats(row), view, query)]
        assert found == pytest.approx([each[query].item() for each in expected], nan_ok=True)
        expected = row_spread(relation, (4, 6))
        found = call("scoresOf", floats(row), {**view, "labels": None}, query)
        found = [each if each is not None else torch.nan for each in found]
        assert found == pytest.approx([each[query].item() for each in expected], nan_ok=True)
        other = rng.choice([each for each in range(24) if each != query])
        place = 1 + int((row[torch.arange(24) != query] > row[other]).sum())
        assert call("placeOf", floats(row), other, query) == (place if row[other] > 0 else None)
        assert call("shareBelow", floats(row), query) == pytest.approx(share_below(row, query).tolist(), abs=1e-6)


@pytest.mark.parametrize("known", [True, False])
def test_means_are_those_of_the_library(in_module, read, known):
    """Also where a patch is alone in its region, and so can't be scored."""
    gray, labels = torch.randint(256, (64, 128)).double() / 255, torch.randint(2, (32,))
    labels[5] = 2
    encoded, features = read(32) if known else (None, None)
    script = """(math, gray, learned, labels, network) => {
        const all = (steps) => { let step; do step = steps.next(); while (!step.done); return step.value; };
        const prepared = all(math.prepare({ gray, size: [64, 128] }, 16, math.learnedHeads(learned), network));
        return math.meanScores(prepared, labels);
    }"""
    found = in_module("relations/formulas.mjs", script, floats(gray), encoded_heads(), labels.tolist(), encoded)
    relations = five_relations(gray[None]) | ({"network": network_relation(features)} if known else {})
    assert list(found) == list(relations)
    for name, relation in relations.items():
        expected = same_region_auc(relation, labels).item(), region_mass(relation, labels)[0].item()
        assert found[name] == pytest.approx(expected)
