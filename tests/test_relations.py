import math
import warnings

import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.autograd import gradcheck

from patchwork.convolution import shift_matrix
from patchwork.relations import (
    aggregate,
    attention_distance,
    density,
    is_row_stochastic,
    is_symmetric,
    mean_average_precision,
    mean_by_offset,
    offset_share,
    region_mass,
    same_region_auc,
)

SCORES = [same_region_auc, mean_average_precision]


@pytest.fixture
def case(rng, generator):
    """A random relation with many ties, in float64, and labels of at least one row that can be scored."""
    number, regions = rng.randint(3, 30), rng.randint(2, 4)
    relation = torch.randint(0, 6, (number, number), generator=generator).double() / 5
    labels = torch.randint(0, regions, (number,), generator=generator)
    labels[:3] = torch.tensor([0, 0, 1])
    return relation, labels


def rows_by_hand(relation, labels):
    """For each query row that can be scored: is it the same region, and the entries, own patch left out."""
    for i in range(len(labels)):
        others = torch.arange(len(labels)) != i
        same, entries = (labels == labels[i])[others], relation[i][others]
        if same.any() and not same.all():
            yield same, entries


def mean_by_hand(score, relation, labels):
    rows = [score(same.numpy(), entries.numpy()) for same, entries in rows_by_hand(relation, labels)]
    return torch.tensor(sum(rows) / len(rows), dtype=torch.float64)


def test_aggregate_is_the_sum_written_out(rng, generator):
    heads, targets, number, dim, out = (rng.randint(1, 5) for _ in range(5))
    relations = torch.randn(heads, targets, number, dtype=torch.float64, generator=generator)
    values = torch.randn(number, dim, dtype=torch.float64, generator=generator)
    weights = torch.randn(heads, dim, out, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(aggregate(relations, values), sum(a @ values for a in relations))
    expected = sum(a @ values @ w for a, w in zip(relations, weights, strict=True))
    torch.testing.assert_close(aggregate(relations, values, weights), expected)
    assert gradcheck(aggregate, (relations.requires_grad_(), values.requires_grad_(), weights.requires_grad_()))


def test_aggregate_takes_boolean_relations(generator):
    relations = torch.rand(2, 3, 4, generator=generator) > 0.5
    values = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    weights = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    for given in ((values,), (values, weights)):
        assert torch.equal(aggregate(relations, *given), aggregate(relations.double(), *given))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_row_stochastic(dtype, generator):
    relation = torch.randn(50, 70, dtype=torch.float64, generator=generator).softmax(1).to(dtype)
    assert is_row_stochastic(relation)
    assert is_row_stochastic(relation).dtype == torch.bool
    assert not is_row_stochastic(relation * 1.2)
    assert not is_row_stochastic(relation - torch.eye(50, 70, dtype=dtype))
    assert not is_row_stochastic(torch.full((2, 2), torch.nan, dtype=dtype))


def test_row_stochastic_needs_every_row_and_no_negative_entry():
    assert not is_row_stochastic(torch.tensor([[0.5, 0.5], [1.0, 1.0]]))
    assert not is_row_stochastic(torch.tensor([[1.5, -0.5], [1.0, 0.0]]))
    assert is_row_stochastic(torch.eye(3, dtype=torch.bool))
    assert is_row_stochastic(torch.tensor([[0.52, 0.5]]), tolerance=0.05)


def test_symmetric(generator):
    relation = torch.randn(40, 40, generator=generator)
    assert is_symmetric(relation @ relation.T)
    assert not is_symmetric(relation)
    assert not is_symmetric(torch.tensor([[0.0, 1e-3], [0.0, 1.0]], dtype=torch.float64))
    assert not is_symmetric(torch.tensor([[0.0, torch.nan], [torch.nan, 1.0]]))
    assert is_symmetric(torch.zeros(3, 3))
    assert is_symmetric(torch.tensor([[True, False], [False, True]]))
    assert is_symmetric(torch.tensor([[0.0, 1.1], [1.0, 0.0]]), tolerance=0.2)


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_symmetry_does_not_depend_on_the_scale(scale, generator):
    relation = torch.randn(20, 20, dtype=torch.float64, generator=generator)
    symmetric = relation + relation.T
    noise = torch.rand(20, 20, dtype=torch.float64, generator=generator) * 1e-9
    assert is_symmetric(scale * (symmetric + noise))
    assert not is_symmetric(scale * (symmetric + 1e3 * noise))
    assert is_symmetric(scale * (symmetric + 1e3 * noise), tolerance=1e-5)


def test_symmetric_logits_may_be_masked():
    lower = torch.full((4, 4), -torch.inf).triu(1)
    assert not is_symmetric(lower)
    assert is_symmetric(lower + lower.T)


def test_density():
    relation = torch.tensor([[0.0, 2.0, -1.0, 0.0]])
    assert density(relation) == 0.5
    assert density(relation.double()).dtype == torch.float64
    assert density(relation > 0) == 0.25
    assert density(relation > 0).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float64, torch.bool, torch.int64])
def test_density_is_as_exact_as_its_dtype(dtype):
    relation = torch.tensor([[1, 0, 0]]).to(dtype)
    share = density(relation)
    assert share.item() == pytest.approx(1 / 3, rel=torch.finfo(share.dtype).eps)


def test_auc_equals_sklearn(case):
    torch.testing.assert_close(same_region_auc(*case), mean_by_hand(roc_auc_score, *case))


def test_average_precision_equals_sklearn(case):
    torch.testing.assert_close(mean_average_precision(*case), mean_by_hand(average_precision_score, *case))


def test_region_mass_is_the_share_written_out(case):
    relation, labels = case
    relation[0] = 0
    rows = [row for row in rows_by_hand(relation, labels) if row[1].sum() > 0]
    mass, chance = region_mass(relation, labels)
    torch.testing.assert_close(mass, torch.stack([a[same].sum() / a.sum() for same, a in rows]).mean())
    torch.testing.assert_close(chance, torch.stack([same.double().mean() for same, _ in rows]).mean())


@pytest.mark.parametrize("score", SCORES)
def test_only_the_ranking_counts(case, score):
    relation, labels = case
    torch.testing.assert_close(score(relation.exp(), labels), score(relation, labels))
    torch.testing.assert_close(score(relation.log(), labels), score(relation, labels))  # zeros become −∞
    torch.testing.assert_close(score((5 * relation).round().long(), labels).double(), score(relation, labels))


@pytest.mark.parametrize("score", [*SCORES, region_mass])
def test_the_own_patch_does_not_count(case, score):
    relation, labels = case
    changed = relation.clone().fill_diagonal_(9.0)
    torch.testing.assert_close(score(changed, labels), score(relation, labels))


@pytest.mark.parametrize("own", [torch.nan, torch.inf, -1.0])
@pytest.mark.parametrize("score", [*SCORES, region_mass])
def test_the_own_patch_may_hold_anything(case, score, own):
    relation, labels = case
    torch.testing.assert_close(score(relation.clone().fill_diagonal_(own), labels), score(relation, labels))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("score", [*SCORES, region_mass])
def test_scores_of_whole_numbers(case, score, dtype):
    relation, labels = case
    whole = (5 * relation).round()
    torch.testing.assert_close(score(whole.to(dtype), labels.to(dtype)), score(whole.float(), labels))


@pytest.mark.parametrize("score", [*SCORES, region_mass])
def test_the_order_of_patches_and_the_names_of_regions_do_not_count(case, score, generator):
    relation, labels = case
    order = torch.randperm(len(labels), generator=generator)
    shuffled = score(relation[order][:, order], labels[order] * 7 - 3)
    torch.testing.assert_close(shuffled, score(relation, labels))


@pytest.mark.parametrize(
    "by_hand", [(same_region_auc, roc_auc_score), (mean_average_precision, average_precision_score)]
)
def test_scores_by_row_are_those_of_each_row(case, by_hand):
    score, expected = by_hand
    relation, labels = case
    rows = score(relation, labels, reduction=None)
    scored = rows.isfinite()
    by_row = [expected(same.numpy(), entries.numpy()) for same, entries in rows_by_hand(relation, labels)]
    torch.testing.assert_close(rows[scored], torch.tensor(by_row, dtype=torch.float64))
    torch.testing.assert_close(rows[scored].mean(), score(relation, labels))
    assert rows[~scored].isnan().all()


def test_masses_by_row_are_those_of_each_row(case):
    relation, labels = case
    relation[0] = 0
    masses, chances = region_mass(relation, labels, reduction=None)
    scored = masses.isfinite()
    assert not scored[0]
    assert torch.equal(scored, chances.isfinite())
    for one, other in zip((masses, chances), region_mass(relation, labels), strict=True):
        torch.testing.assert_close(one[scored].mean(), other)


@pytest.mark.parametrize("score", [*SCORES, region_mass])
def test_by_row_nothing_needs_to_be_scored(score):
    rows = score(torch.ones(3, 3), torch.zeros(3, dtype=torch.int64), reduction=None)
    assert torch.stack(rows if isinstance(rows, tuple) else (rows,)).isnan().all()
    with pytest.raises(ValueError, match="reduction must be \"mean\" or None, got 'sum'"):
        score(torch.ones(3, 3), torch.tensor([0, 0, 1]), reduction="sum")


def test_known_scores():
    labels = torch.tensor([0, 0, 1, 1])
    same = labels[:, None] == labels
    assert same_region_auc(same, labels) == 1
    assert same_region_auc(~same, labels) == 0
    assert same_region_auc(torch.ones(4, 4), labels) == 0.5
    assert mean_average_precision(torch.ones(4, 4), labels) == pytest.approx(1 / 3)
    assert [float(share) for share in region_mass(same, labels)] == pytest.approx([1, 1 / 3])
    assert [float(share) for share in region_mass(torch.ones(4, 4), labels)] == pytest.approx([1 / 3, 1 / 3])


def test_rows_without_both_classes_are_skipped():
    labels = torch.tensor([0, 0, 1])  # patch 2 is alone in its region
    relation = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [5.0, 0.0, 0.0]])
    assert same_region_auc(relation, labels) == 0.5
    assert mean_average_precision(relation, labels) == 0.75
    assert [float(share) for share in region_mass(relation, labels)] == [0.5, 0.5]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("score", [*SCORES, region_mass])
def test_scores_have_the_dtype_of_the_relation(case, score, dtype):
    relation, labels = case
    results = score(relation.to(dtype), labels)
    for result in results if isinstance(results, tuple) else (results,):
        assert result.shape == ()
        assert result.dtype == dtype
        assert 0 <= result <= 1


def test_auc_is_exact_to_the_last_digits():
    number, half = 1000, 500
    columns = torch.arange(number)
    rising = columns.double().expand(number, number)  # column a is above the ⌈a/2⌉ columns of the other parity
    won = sum(sum((a + 1) // 2 for a in range(i % 2, number, 2) if a != i) for i in range(number))
    expected = won / ((half - 1) * half * number)
    assert float(same_region_auc(rising, columns % 2)) == pytest.approx(expected, rel=1e-14)


def test_region_mass_is_differentiable(case):
    relation, labels = case
    relation[0] = 0
    assert gradcheck(lambda a: region_mass(a.square(), labels)[0], (relation + 0.1).requires_grad_())
    relation.requires_grad_()
    region_mass(relation, labels)[0].backward()
    assert relation.grad.isfinite().all()


def compressed(matrix):
    with warnings.catch_warnings(action="ignore"):  # torch calls its compressed rows a beta
        return matrix.to_sparse_csr()


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


A, X = torch.arange(1.0, 33).view(2, 4, 4) / 32, torch.arange(1.0, 13).view(4, 3) / 12
LABELS = torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(lambda: aggregate(A[0], X), r"relations must have shape \(H, M, N\), got \(4, 4\)"),
        bad(lambda: aggregate(A[:0], X), r"relations must not be empty"),
        bad(lambda: aggregate(A, X[:3]), r"relations over N = 4 patches do not fit values of N = 3"),
        bad(lambda: aggregate(A, X[0]), r"values must have shape \(N, D\), got \(3,\)"),
        bad(lambda: aggregate(A, X.numpy()), r"values must be a tensor \(N, D\), got ndarray"),
        bad(lambda: aggregate(A, X.double()), r"dtypes differ: relations torch.float32, values torch.float64"),
        bad(lambda: aggregate(A > 0, X > 0), r"values must hold floating-point .* got torch.bool"),
        bad(lambda: aggregate(A.long(), X.long()), r"values must hold floating-point .* got torch.int64"),
        bad(lambda: aggregate(A.long(), X), r"dtypes differ: relations torch.int64, values torch.float32"),
        bad(
            lambda: aggregate(A.to(torch.float8_e5m2), X.to(torch.float8_e5m2)),
            r"values must hold floating-point numbers, got torch.float8_e5m2; convert it, as with .float\(\)",
        ),
        bad(
            lambda: aggregate(A.to_sparse_coo(), X),
            r"relations must be dense, got torch.sparse_coo; use .to_dense\(\)",
        ),
        bad(lambda: aggregate(A, compressed(X)), r"values must be dense, got torch.sparse_csr"),
        bad(lambda: density(compressed(A[0])), r"relation must be dense, got torch.sparse_csr; use .to_dense\(\)"),
        bad(lambda: density(A[0].to_sparse_coo()), r"relation must be dense, got torch.sparse_coo"),
        bad(lambda: is_symmetric(A[0].to(torch.uint16)), r"relation must be real, .* got torch.uint16"),
        bad(lambda: aggregate(A, X.to("meta")), r"devices differ: relations on cpu, values on meta"),
        bad(lambda: aggregate(A, X, torch.rand(3, 3, 5)), r"weights must have shape \(2, 3, E\), got \(3, 3, 5\)"),
        bad(lambda: aggregate(A, X, torch.rand(2, 4, 5)), r"weights must have shape \(2, 3, E\), got \(2, 4, 5\)"),
        bad(lambda: aggregate(A, X, torch.rand(3, 5)), r"weights must have shape \(H, D, E\), got \(3, 5\)"),
        bad(lambda: aggregate(A, X, torch.rand(2, 3, 5).half()), r"dtypes differ: values torch.float32, weights"),
        bad(lambda: is_row_stochastic(A), r"relation must have shape \(M, N\), got \(2, 4, 4\)"),
        bad(lambda: is_row_stochastic(A[0], tolerance=-1.0), r"tolerance must be a number of at least 0, got -1.0"),
        bad(lambda: is_row_stochastic(A[0].to(torch.complex64)), r"relation must be real, .* got torch.complex64"),
        bad(lambda: is_symmetric(A[0, :3]), r"relation must be square \(N, N\), got \(3, 4\)"),
        bad(lambda: is_symmetric(A[0], tolerance="1"), r"tolerance must be a number of at least 0, got '1'"),
        bad(lambda: is_symmetric(A[0].to(torch.complex64)), r"relation must be real, .* got torch.complex64"),
        bad(lambda: density(A), r"relation must have shape \(M, N\), got \(2, 4, 4\)"),
        bad(lambda: density(A[0, :0]), r"relation must not be empty"),
        bad(lambda: region_mass(-A[0], LABELS), r"relation must hold finite masses of at least 0"),
        bad(lambda: region_mass(A[0] * torch.inf, LABELS), r"relation must hold finite masses of at least 0"),
        bad(
            lambda: region_mass(torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 1, 0]]), LABELS[:3]),
            r"nothing to score: only in rows without both classes there is mass on other patches",
        ),
        bad(lambda: region_mass(A[0] * 0, LABELS), r"nothing to score: in no row there is mass on other patches"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("score", [*SCORES, region_mass])
@pytest.mark.parametrize(
    ("relation", "labels", "message"),
    [
        (A, LABELS, r"relation must have shape \(N, N\), got \(2, 4, 4\)"),
        (A[0, :3], LABELS, r"relation must be square \(N, N\), got \(3, 4\)"),
        (A[0, :0, :0], LABELS, r"relation must not be empty"),
        (A[0].tolist(), LABELS, r"relation must be a tensor \(N, N\), got list"),
        (A[0].to(torch.complex64), LABELS, r"relation must be real, .* got torch.complex64"),
        (A[0] * torch.nan, LABELS, r"relation off the diagonal must not hold NaN, found 12 of 12"),
        (compressed(A[0]), LABELS, r"relation must be dense, got torch.sparse_csr; use .to_dense\(\)"),
        (A[0].to(torch.uint16), LABELS, r"relation must be real, of a dtype that torch .* with, got torch.uint16"),
        (A[0].to(torch.float8_e4m3fn), LABELS, r"relation must be real, .* got torch.float8_e4m3fn"),
        (A[0], LABELS.to(torch.uint64), r"labels must be real, .* got torch.uint64"),
        (A[0], LABELS[:3], r"labels must have shape \(4,\), got \(3,\)"),
        (A[0], LABELS[None], r"labels must have shape \(N\), got \(1, 4\)"),
        (A[0], LABELS.float(), r"labels must be whole numbers, got torch.float32"),
        (A[0], LABELS.to("meta"), r"devices differ: relation on cpu, labels on meta"),
        (A[0], LABELS * 0, r"nothing to score: no row has other patches both inside and outside its region"),
        (A[0], torch.arange(4), r"nothing to score: no row has other patches both inside and outside its region"),
        (A[0, :1, :1], LABELS[:1], r"nothing to score: one patch has no other patches"),
    ],
)
def test_bad_input_of_scores(score, relation, labels, message):
    with pytest.raises(ValueError, match=message):
        score(relation, labels)


@pytest.fixture
def on_grid(rng, generator):
    """A random relation in float64 over a small grid, its rows not of one sum, and the places of its patches."""
    grid = rng.randint(1, 5), rng.randint(3, 5)
    places = [divmod(patch, grid[1]) for patch in range(grid[0] * grid[1])]
    return torch.rand(len(places), len(places), generator=generator, dtype=torch.float64), grid, places


def test_attention_distance_is_the_mean_written_out(on_grid):
    relation, grid, places = on_grid
    rows = [
        sum(float(mass) * math.dist(here, there) for mass, there in zip(row, places, strict=True)) / float(row.sum())
        for row, here in zip(relation, places, strict=True)
    ]
    expected = torch.tensor(rows, dtype=torch.float64)
    torch.testing.assert_close(attention_distance(relation, grid, reduction=None), expected)
    torch.testing.assert_close(attention_distance(relation, grid), expected.mean())
    assert gradcheck(lambda masses: attention_distance(masses, grid), relation.requires_grad_())


def test_attention_distance_of_a_shift_is_its_length(generator):
    shift = shift_matrix((5, 6), (-1, 2))
    rows = attention_distance(shift, (5, 6), reduction=None)
    assert torch.equal(rows.isnan(), shift.sum(1) == 0)
    torch.testing.assert_close(attention_distance(shift, (5, 6)), torch.tensor(5.0).sqrt())
    assert attention_distance(torch.eye(30), (5, 6)) == 0


def test_mean_by_offset_is_the_mean_written_out(on_grid):
    relation, grid, places = on_grid
    groups = {}
    for i, (row, column) in enumerate(places):
        for j, (other_row, other_column) in enumerate(places):
            place = other_row - row + grid[0] - 1, other_column - column + grid[1] - 1
            groups.setdefault(place, []).append(relation[i, j])
    found = mean_by_offset(relation, grid)
    assert len(groups) == found.numel()
    for place, group in groups.items():
        torch.testing.assert_close(found[place], torch.stack(group).mean())
    assert gradcheck(lambda entries: mean_by_offset(entries, grid), relation.requires_grad_())


def test_mean_by_offset_gives_a_convolution_its_kernel(generator):
    kernel = torch.rand(3, 3, generator=generator, dtype=torch.float64)
    offsets = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    shifts = torch.stack([shift_matrix((6, 7), each, dtype=torch.float64) for each in offsets])
    convolution = (kernel.view(-1, 1, 1) * shifts).sum(0)
    found = mean_by_offset(convolution, (6, 7))
    torch.testing.assert_close(found[4:7, 5:8], kernel)
    torch.testing.assert_close(found.sum(), kernel.sum())
    torch.testing.assert_close(offset_share(convolution, (6, 7)), torch.tensor(1.0, dtype=torch.float64))


def test_offset_share_is_the_r_squared_of_a_regression(on_grid):
    relation, grid, places = on_grid
    offsets = [(b[0] - a[0], b[1] - a[1]) for a in places for b in places]
    kinds = {offset: number for number, offset in enumerate(dict.fromkeys(offsets))}
    design = torch.nn.functional.one_hot(torch.tensor([kinds[each] for each in offsets])).double()
    y = relation.flatten()
    fitted = design @ torch.linalg.lstsq(design, y).solution
    expected = (fitted - y.mean()).square().sum() / (y - y.mean()).square().sum()
    torch.testing.assert_close(offset_share(relation, grid), expected)
    assert gradcheck(lambda entries: offset_share(entries, grid), relation.requires_grad_())


def test_offset_share_does_not_mind_gain_and_a_constant(on_grid, rng):
    relation, grid, _ = on_grid
    expected = offset_share(relation, grid)
    torch.testing.assert_close(
        offset_share(rng.uniform(1e-6, 1e6) * relation + 1, grid), expected, rtol=1e-4, atol=1e-6
    )


def test_offset_share_of_what_has_no_offset_is_small(generator):
    relation = torch.rand(256, 256, generator=generator, dtype=torch.float64)
    expected = (31 * 31 - 1) / (256 * 256 - 1)  # as many free numbers as offsets, over noise
    assert abs(offset_share(relation, (16, 16)).item() / expected - 1) < 0.3


@pytest.mark.parametrize("function", [attention_distance, mean_by_offset, offset_share])
@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool, torch.int64]
)
def test_relations_on_a_grid_have_a_floating_dtype(function, dtype):
    relation = torch.tensor([[0, 1, 1], [1, 0, 1], [1, 0, 1]]).to(dtype)
    found = function(relation, (1, 3))
    assert found.dtype == (dtype if dtype.is_floating_point else torch.float32)
    expected = function(relation.double(), (1, 3)).to(found.dtype)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: attention_distance(torch.eye(6), (2, 2)),
            "a grid of 2 × 2 patches does not fit a relation over N = 6",
        ),
        (lambda: mean_by_offset(torch.eye(6), (6, 6)), "a grid of 6 × 6 patches does not fit a relation over N = 6"),
        (lambda: offset_share(torch.ones(4, 5), (2, 2)), r"relation must be square \(N, N\), got \(4, 5\)"),
        (lambda: offset_share(torch.eye(4), 4), r"grid must be a pair \(rows, columns\), got 4"),
        (lambda: offset_share(torch.eye(4), (4, 0)), "must be a whole number of at least 1, got 0"),
        (lambda: mean_by_offset(torch.full((4, 4), torch.nan), (2, 2)), "relation"),
        (lambda: attention_distance(torch.full((4, 4), torch.nan), (2, 2)), "relation"),
        (lambda: attention_distance(-torch.eye(4), (2, 2)), "finite masses of at least 0"),
        (lambda: attention_distance(torch.zeros(4, 4), (2, 2)), "nothing to score: there is no mass"),
        (
            lambda: attention_distance(torch.eye(4), (2, 2), reduction="sum"),
            "reduction must be \"mean\" or None, got 'sum'",
        ),
        (
            lambda: offset_share(torch.full((6, 6), 1 / 6), (2, 3)),
            "nothing to explain: all entries of the relation are 0.16",
        ),
        (lambda: offset_share(torch.ones(1, 1), (1, 1)), "nothing to explain"),
    ],
)
def test_bad_input_on_a_grid(call, message):
    with pytest.raises(ValueError, match=message):
        call()
