"""The formulas of the attention explorer's page and its bars of answers, held against the library."""

import matplotlib as mpl
import numpy as np
import pytest
import torch

from patchwork.attention import attention_weights
from patchwork.explorers.common import encoding
from patchwork.relations import region_mass


@pytest.mark.parametrize("bits", [1, 7, 8, 12, 16])
def test_arrays_are_read_as_they_were_written(formulas, bits):
    values = torch.randn(3, 5)
    code = encoding.encode_array(values, bits=bits)
    script = formulas("common/formulas.mjs", "decodeArray", code)
    assert script["shape"] == [3, 5]
    read = torch.tensor(script["values"]).view(3, 5)
    assert (read - values).abs().max() <= (code["high"] - code["low"]) / (2 ** (bits + 1) - 2.01) + 1e-6


@pytest.mark.parametrize("size", [0.1, 3, 1000])
def test_attention_is_the_librarys_for_every_head_and_their_mean(formulas, rng, size):
    heads, tokens, dim, scale = rng.randint(1, 4), rng.randint(1, 30), rng.randint(1, 20), 2 ** rng.uniform(-4, 4)
    queries, keys = size * torch.randn(2, heads, tokens, dim, dtype=torch.float64)
    query, expected = rng.randrange(tokens), attention_weights(queries, keys, scale=scale)
    given = [(queries[head, query].tolist(), keys[head].flatten().tolist()) for head in range(heads)]
    products = [formulas("common/formulas.mjs", "dotProducts", *each) for each in given]
    torch.testing.assert_close(torch.tensor(products, dtype=torch.float64), (queries @ keys.mT)[:, query])
    rows = [formulas("common/formulas.mjs", "softmaxRow", [scale * each for each in row]) for row in products]
    torch.testing.assert_close(torch.tensor(rows, dtype=torch.float64), expected[:, query], atol=1e-9, rtol=1e-6)
    mean = torch.tensor(formulas("common/formulas.mjs", "meanRow", rows), dtype=torch.float64)
    torch.testing.assert_close(mean, expected.mean(0)[query], atol=1e-9, rtol=1e-6)


def test_the_softmax_of_huge_logits_is_finite(formulas):
    assert formulas("common/formulas.mjs", "softmaxRow", [1e300, 1e300, -1e300]) == [0.5, 0.5, 0]
    assert formulas("common/formulas.mjs", "softmaxRow", [-1e300]) == [1]


def test_the_entropy_is_torchs(formulas, rng):
    row = torch.randn(rng.randint(1, 50), dtype=torch.float64).mul(20).softmax(0)
    row[0] = 0
    assert formulas("common/formulas.mjs", "entropy", row.tolist()) == pytest.approx(
        torch.special.entr(row).sum().item()
    )


def test_the_region_mass_is_the_librarys(formulas, rng):
    number = rng.randint(3, 40)
    query, labels = rng.randrange(number), torch.randint(0, 3, (number,))
    labels[(query + 1) % number], labels[(query + 2) % number] = labels[query], labels[query] + 1
    row = torch.rand(number, dtype=torch.float64)
    relation = torch.zeros(number, number, dtype=torch.float64)
    relation[query] = row
    found = formulas("common/formulas.mjs", "regionMass", row.tolist(), labels.tolist(), query)
    mass, chance = region_mass(relation, labels)
    assert (found["mass"], found["chance"]) == (pytest.approx(mass.item()), pytest.approx(chance.item()))
    for none in ([1] * number, list(range(number))):
        assert formulas("common/formulas.mjs", "regionMass", row.tolist(), none, query) is None


def test_cividis_is_matplotlibs(formulas):
    for value in np.linspace(-0.1, 1.1, 41):
        expected = np.array(mpl.colormaps["cividis"](float(np.clip(value, 0, 1)), bytes=True)[:3], dtype=int)
        assert np.abs(np.array(formulas("common/canvas.mjs", "cividis", float(value))) - expected).max() <= 3


def test_the_answers_show_mass_as_area_own_region_up_the_others_down(in_module, rng):
    """Bars above the axis add up to the mass of the region, bars below it to the rest; the dashed line is uniform."""
    weights = torch.randn(20).mul(2).softmax(0).tolist()
    same, query, top = [rng.random() < 0.5 for _ in range(20)], rng.randrange(20), max(weights)
    same[query] = True
    order = sorted(range(20), key=lambda token: -weights[token])
    largest = {"same": top, "others": max([w for w, s in zip(weights, same, strict=True) if not s], default=0)}
    view = {"query": query, "same": same, "tokens": 20, "top": top, "largest": largest}
    colors = {name: name for name in ("blue", "quiet", "accent", "edge", "ink", "paper")}
    script = """({ drawAnswers }, view, weights, order, colors) => {
        const bars = [];
        const context = new Proxy({}, {
            get: (kept, name) => name === "fillRect" ? (...box) => bars.push([kept.fillStyle, ...box])
                : kept[name] ?? (() => {}),
            set: (kept, name, value) => { kept[name] = value; return true; },
        });
        drawAnswers(context, 200, 120, { view, weights, order, marked: order[3], colors });
        return bars;
    }"""
    bars = in_module("attention/drawings.mjs", script, view, weights, order, colors)
    base_line = next(top + 0.5 for color, _, top, _, _ in bars if color == "edge")
    tall = {color: sum(bar[4] for bar in bars if bar[0] == color) for color in ("blue", "accent", "quiet")}
    assert all(top >= base_line - 0.01 for color, _, top, _, _ in bars if color == "quiet")
    assert all(top <= base_line for color, _, top, _, _ in bars if color in ("blue", "accent"))
    inside = sum(weight for weight, s in zip(weights, same, strict=True) if s)
    assert (tall["blue"] + tall["accent"]) / sum(tall.values()) == pytest.approx(inside)
    assert max(bar[4] for bar in bars if bar[0] != "ink") < 120
