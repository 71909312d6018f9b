"""The formulas of the real network explorer's page, held against Python."""

import pytest
import torch

from patchwork.explorers.real_network.parts import distances
from patchwork.explorers.real_network.reduction import (
    exact_heads,
    pack,
    reduce_features,
    restore_features,
    restore_head,
)
from patchwork.relations import same_region_auc

MODULE = "real_network/formulas.mjs"
HEAD = """({ unpacked, attentionRow }, code, grid, patch) => {
    const number = grid[0] * grid[1], rows = { offsets: (2 * grid[0] - 1) * (2 * grid[1] - 1) };
    const names = ["offsets", "keys", "left", "right"];
    const parts = names.map((name) => [name, unpacked(code[name], rows[name] ?? number)]);
    return attentionRow(Object.fromEntries(parts), grid, patch);
}"""


def tensor(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("step", [0.01, 0.3, 40.0])
def test_columns_are_read_as_they_were_written(formulas, rng, step):
    rows, columns = rng.randint(1, 40), rng.randint(1, 9)
    matrix = 50 * torch.randn(rows, columns, dtype=torch.float64)
    matrix[:, rng.randrange(columns)] = 0
    read = formulas(MODULE, "unpacked", pack(matrix, step), rows)
    assert read["columns"] == columns
    assert (tensor(read["values"]).view(rows, columns) - matrix).abs().max() <= step / 2 + 1e-9


def test_cosines_are_the_librarys(formulas, in_module, rng):
    features = torch.randn(30, 12) + torch.randn(12)
    code, patch = reduce_features(features), rng.randrange(30)
    script = "({ unpacked, cosineRow }, code, patch) => cosineRow(unpacked(code, 30), patch)"
    row = tensor(in_module(MODULE, script, code, patch))
    torch.testing.assert_close(row, restore_features(code, 30)[patch])
    whole = torch.nn.functional.cosine_similarity(features[patch], features, dim=1)
    assert torch.corrcoef(torch.stack([row.float(), whole]))[0, 1] > 0.97


def test_attention_is_the_librarys(in_module, rng):
    grid = rng.randint(1, 5), rng.randint(2, 5)
    queries, keys = torch.randn(2, 1, grid[0] * grid[1], 6, dtype=torch.float64)
    code, patch = exact_heads(queries, keys, grid)[0], rng.randrange(grid[0] * grid[1])
    code["offsets"] = pack(torch.randn((2 * grid[0] - 1) * (2 * grid[1] - 1), 1), 0.125)
    code["keys"] = pack(torch.randn(grid[0] * grid[1], 1), 0.125)
    row = tensor(in_module(MODULE, HEAD, code, list(grid), patch))
    torch.testing.assert_close(row, restore_head(code, grid)[patch])


def test_distances_and_their_means_are_pythons(formulas, rng):
    grid = rng.randint(2, 6), rng.randint(2, 6)
    number, patch = grid[0] * grid[1], rng.randrange(grid[0] * grid[1])
    away = tensor(formulas(MODULE, "distancesFrom", patch, list(grid)))
    torch.testing.assert_close(away, distances(grid)[patch])
    row, nearest = torch.rand(number, dtype=torch.float64), rng.randint(1, number - 1)
    order = [place for place in row.argsort(descending=True).tolist() if place != patch][:nearest]
    found = formulas(MODULE, "nearestMean", row.tolist(), away.tolist(), patch, nearest)
    assert found == pytest.approx(away[order].mean().item())
    found = formulas(MODULE, "weightedMean", away.tolist(), row.tolist())
    assert found == pytest.approx((away * row).sum().item())


def test_the_area_under_the_curve_is_the_librarys_with_ties(formulas, rng):
    number = rng.randint(3, 40)
    labels, row = torch.randint(0, 3, (number,)), torch.randint(0, 6, (number,)).double()
    patch = rng.randrange(number)
    relation = torch.rand(number, number, dtype=torch.float64)
    relation[patch] = row
    found = formulas(MODULE, "rowAuc", row.tolist(), labels.tolist(), patch)
    others = torch.arange(number) != patch
    same = labels[others] == labels[patch]
    if same.all() or not same.any():
        assert found is None
    else:
        expected = same_region_auc(relation, labels, reduction=None)[patch].item()
        assert found == pytest.approx(expected)
