"""The numbers that the scripts ``book/measure_*.py`` store: all there, and what needs no training measured again."""

import csv
import json
import sys
from pathlib import Path

import pytest
import torch

from patchwork import measured
from patchwork.relations import same_region_auc

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import measure_attention as measuring
import measure_convolution as filtering
import measure_variants
import train


@pytest.fixture(scope="module")
def stored():
    return measured.load("attention")


def test_each_table_is_what_its_file_says():
    files = {file.stem: file for file in measured.FOLDER.iterdir() if file.suffix in (".json", ".csv")}
    assert {"attention", "convolution", "graphs", "synthesis"} <= files.keys()
    for name, file in files.items():
        if file.suffix == ".json":
            assert measured.load(name) == json.loads(file.read_bytes())
        else:
            header, *rows = csv.reader(file.read_text("utf8").splitlines())
            assert measured.load(name) == [dict(zip(header, row, strict=True)) for row in rows]


@pytest.mark.parametrize("name", ["swin", "attention.json", "../measured/attention", None, 2, torch.tensor(0)])
def test_an_unknown_table_is_named(name):
    with pytest.raises(ValueError, match=r"name must be one of \['attention', 'convolution', 'graphs'.*\], got "):
        measured.load(name)


def test_each_part_has_a_run_for_each_seed(stored):
    assert list(stored) == ["hold_out", "digits", "agreement"]
    assert all(len(runs) == len(measuring.SEEDS) for runs in stored.values())
    for run in stored["hold_out"]:
        assert list(run) == ["none", *measuring.TEXTURES]
        assert all(0 <= auc <= 1 for found in run.values() for aucs in found.values() for auc in aucs)
    for run in stored["digits"]:
        assert list(run) == [*measuring.STARTS, "none", "all 0.5, 440", "all 0.02, 440"]
        assert all(run["none"] < share < 1 for name, share in run.items() if name != "none")
    for run in stored["agreement"]:
        assert {name.split(", ")[1] for name in run} == {"paper", "average"}
        assert all(-1 <= rank <= 1 for rank in run.values())


def test_inner_products_are_measured_again(stored):
    generator = torch.Generator().manual_seed(5)
    (x, _), (unseen, truth) = (measuring.mosaics(half, n, generator) for half, n in (("train", 40), ("test", 10)))
    model = measuring.QueriesAndKeys(x.flatten(0, 1), generator)
    found = measuring.by_texture(lambda x: model.standardize(x) @ model.standardize(x).T, unseen, truth)
    assert found == pytest.approx(stored["hold_out"][0]["none"]["inner"], abs=0.002)


def test_the_mean_of_the_rows_is_the_score_of_the_relation(generator):
    relation, labels = torch.rand(24, 24, generator=generator, dtype=torch.float64), torch.arange(24) % 3
    torch.testing.assert_close(measuring.row_aucs(relation, labels).mean(), same_region_auc(relation, labels))


def test_a_texture_left_out_neither_asks_nor_answers(generator):
    x, labels = torch.randn(1, 12, 6, generator=generator), torch.arange(12)[None] % 3
    model = measuring.QueriesAndKeys(x[0], generator)
    changed = torch.where(labels[..., None] == 2, torch.randn(1, 12, 6, generator=generator), x)
    seen, other = (measuring.loss(model, each, labels, 2) for each in (x, changed))
    assert torch.equal(seen, other)
    assert not torch.isclose(seen, measuring.loss(model, changed, labels, -1))


@pytest.fixture(scope="module")
def filters():
    return measured.load("convolution")["filters"]


def test_the_widths_of_a_filter_are_those_that_are_best_on_the_other_photographs(filters):
    assert filters["widths"] == json.loads(json.dumps(filtering.WIDTHS))
    for photograph, chosen in filters["chosen"].items():
        for method, widths in filters["widths"].items():
            table = torch.tensor([filters["decibels"][method][each] for each in filtering.PHOTOGRAPHS])
            own = filtering.PHOTOGRAPHS.index(photograph)
            best = (table.sum(0) - table[own]).argmax().item()
            assert chosen[method] == widths[best]


@pytest.mark.parametrize("method", filtering.WIDTHS)
def test_decibels_are_measured_again(filters, method):
    index = -2
    again = filtering.decibels("coffee", method, filtering.WIDTHS[method][index])
    assert again == pytest.approx(filters["decibels"][method]["coffee"][index], abs=0.02)


def test_three_seeds_of_each_variant_are_stored():
    stored = measured.load("variants")
    assert list(stored) == [measure_variants.named(relation, options) for relation, _, options in train.MORE]
    for runs in stored.values():
        assert len(runs) == len(set(map(tuple, runs))) == len(measure_variants.SEEDS)  # no seed twice
        assert all(len(run) == 11 and 0 <= min(run) <= max(run) <= 1 for run in runs)


@pytest.mark.parametrize(("relation", "seed", "options"), train.MORE, ids=lambda each: str(each))
def test_what_is_shipped_is_the_first_seed_of_its_variant(relation, seed, options):
    again = measure_variants.shares(relation, seed, options)
    assert again == pytest.approx(measured.load("variants")[measure_variants.named(relation, options)][seed], abs=0.004)


def test_what_is_not_shipped_is_trained_and_rounded_to_half_precision(monkeypatch):
    made = []
    monkeypatch.setattr(train, "network", lambda *given, **options: made.append(given[:2]) or torch.nn.Linear(2, 2))
    network = measure_variants.network("grid", 7, {"question": "left"})
    assert made == [("grid", 7)]
    assert all(torch.equal(weight, weight.half().float()) for weight in network.parameters())
