"""The spine Y = Σ_h A_h X W_h, what kind of relation A is, and how well it finds a patch's own region."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Integer, Real
from torch import Tensor

from patchwork import _checks
from patchwork._offsets import offset_places, steps
from patchwork._types import Pair

_Matrix = Real[Tensor, "M N"] | Bool[Tensor, "M N"]
_Square = Real[Tensor, "N N"] | Bool[Tensor, "N N"]
_Labels = Integer[Tensor, " N"] | Bool[Tensor, " N"]
_Score = Float[Tensor, ""] | Float[Tensor, " N"]


def aggregate(
    relations: Float[Tensor, "H M N"] | Bool[Tensor, "H M N"],
    values: Float[Tensor, "N D"],
    weights: Float[Tensor, "H D E"] | None = None,
) -> Float[Tensor, "M E"]:
    """Let every patch gather from the patches it relates to: Y = Σ_h A_h X W_h.

    Row i: y_i = Σ_h Σ_j A_h[i, j] · x_j W_h. Without weights each W_h is the identity.

    Shapes: relations (H, M, N), values (N, D), weights (H, D, E) → (M, E), or (M, D) without weights. The relations
    are dense, and floating as the values are, or boolean: then each patch sums those it relates to.
    Raises ValueError where shapes, devices or dtypes do not fit. The equation of the whole book, chapter 0.

    >>> swap = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    >>> aggregate(swap, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    heads, _, sources = _checks.shape("relations", relations, "H M N")
    number, width = _checks.shape("values", values, "N D")
    _checks.floating("values", values)
    relations = relations.to(values.dtype) if relations.dtype == torch.bool else relations
    _checks.together(relations=relations, values=values)
    if sources != number:
        raise ValueError(f"relations over N = {sources} patches do not fit values of N = {number}")
    if weights is None:
        return relations.sum(0) @ values
    if _checks.shape("weights", weights, "H D E")[:2] != (heads, width):
        raise ValueError(f"weights must have shape ({heads}, {width}, E), got {tuple(weights.shape)}")
    _checks.together(values=values, weights=weights)
    return (relations @ (values @ weights)).sum(0)


def is_row_stochastic(
    relation: _Matrix,
    *,
    tolerance: float | None = None,
) -> Bool[Tensor, ""]:
    """Tell whether no entry is negative and every row sums to 1.

    Shapes: relation (M, N) → a bool tensor (). The tolerance is √ε of the dtype unless given.
    Raises ValueError where the relation is not a matrix. Used from chapter 0 on.

    >>> is_row_stochastic(torch.full((2, 4), 0.25))
    tensor(True)
    """
    _checks.shape("relation", relation, "M N")
    relation = _as_floating(relation)
    tolerance = _checks.tolerance(relation, tolerance)
    off_by = (relation.sum(1) - 1).abs().amax()
    return (relation >= 0).all() & (off_by <= tolerance)


def is_symmetric(
    relation: _Square,
    *,
    tolerance: float | None = None,
) -> Bool[Tensor, ""]:
    """Tell whether A = Aᵀ, up to a share of the largest finite entry.

    Shapes: relation (N, N) → a bool tensor (). The tolerance is √ε of the dtype unless given.
    Raises ValueError where the relation is not square. Used from chapter 0 on.

    >>> is_symmetric(torch.tensor([[1.0, 2.0], [2.0, 5.0]]))
    tensor(True)
    """
    _square(relation)
    relation = _as_floating(relation)
    largest = torch.where(relation.isfinite(), relation.abs(), 0).amax()
    near = (relation - relation.T).abs() <= _checks.tolerance(relation, tolerance) * largest
    return ((relation == relation.T) | near).all()


def density(relation: _Matrix) -> Float[Tensor, ""]:
    """Return the share of entries that are not zero, in [0, 1].

    Shapes: relation (M, N) → a tensor (). Raises ValueError where the relation is not a matrix. Used from chapter 0 on.

    >>> density(torch.eye(4))
    tensor(0.2500)
    """
    _checks.shape("relation", relation, "M N")
    _checks.real("relation", relation)
    return ((relation != 0).sum().to(_exact(relation)) / relation.numel()).to(_result_dtype(relation))


def same_region_auc(
    relation: _Square,
    labels: _Labels,
    *,
    reduction: Literal["mean"] | None = "mean",
) -> _Score:
    """Return the probability that a patch of the query's region outranks one of another region.

    Per query row, over all other patches: AUC = P(a_same > a_other) + ½ P(a_same = a_other); then the mean
    over rows. 1 is perfect, ½ is chance. Larger entries mean more related; −∞ is allowed. ``reduction=None``
    leaves the rows apart.

    Shapes: relation (N, N), labels (N,) whole numbers → a tensor (), in [0, 1], or (N,) by row. The own patch is left
    out, rows without both classes are skipped, or NaN by row. Raises ValueError for NaN, another reduction, or where
    no row can be scored.
    Source: Hanley & McNeil 1982. Used from chapter 0 on.

    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> same_region_auc(labels[:, None] == labels, labels)
    tensor(1.)
    """
    scores, same = _queries(relation, labels)
    ordered = scores.sort(dim=1).values
    below = torch.searchsorted(ordered, scores)
    up_to = torch.searchsorted(ordered, scores, right=True)
    positive, negative = same.sum(1), same.logical_not().sum(1)
    twice_rank_sum = ((below + up_to + 1) * same).sum(1)
    wins = twice_rank_sum - positive * (positive + 1)
    share = wins.to(_exact(scores)) / (2 * positive * negative).clamp(min=1)
    return _reduced(share, _both_classes(same, reduction), reduction).to(_result_dtype(relation))


def mean_average_precision(
    relation: _Square,
    labels: _Labels,
    *,
    reduction: Literal["mean"] | None = "mean",
) -> _Score:
    """Return how pure the ranking stays while all patches of the query's region are collected.

    Per query row, over all other patches: AP = mean over the patches j of the query's region of the precision
    among the patches scored at least a_j (ties share one threshold); then the mean over rows. ``reduction=None``
    leaves the rows apart.

    Shapes: relation (N, N), labels (N,) whole numbers → a tensor (), in (0, 1], or (N,) by row. The own patch is left
    out, rows without both classes are skipped, or NaN by row. Raises ValueError for NaN, another reduction, or where
    no row can be scored.
    Used from chapter 0 on.

    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> mean_average_precision(labels[:, None] == labels, labels)
    tensor(1.)
    """
    scores, same = _queries(relation, labels)
    ordered, order = scores.sort(dim=1)
    below = torch.searchsorted(ordered, scores)
    found_below = torch.nn.functional.pad(same.gather(1, order).cumsum(1), (1, 0)).gather(1, below)
    positive, others = same.sum(1), same.shape[1]
    precision = (positive.unsqueeze(1) - found_below).to(_exact(scores)) / (others - below)
    average = (precision * same).sum(1) / positive.clamp(min=1)
    return _reduced(average, _both_classes(same, reduction), reduction).to(_result_dtype(relation))


def region_mass(
    relation: _Square,
    labels: _Labels,
    *,
    reduction: Literal["mean"] | None = "mean",
) -> tuple[_Score, _Score]:
    """Return the share of a row's mass that stays in the query's region, and that share under a uniform row.

    Per query row i, over j ≠ i: m_i = Σ_(j in the region of i) a_ij / Σ_j a_ij, against the share of patches that
    are in its region; both averaged over the same rows. ``reduction=None`` leaves the rows apart.

    Shapes: relation (N, N), labels (N,) whole numbers → (mass, chance), two tensors (), in [0, 1], or (N,) by row.
    The own patch is left out and the row renormalised; rows without both classes or without mass on other
    patches are skipped, or NaN by row. Raises ValueError for negative, infinite or NaN masses, another reduction, or
    where no row can be scored.
    Used from chapter 0 on.

    >>> mass, chance = region_mass(torch.ones(4, 4), torch.tensor([0, 0, 0, 1]))
    >>> mass == chance
    tensor(True)
    """
    masses, same = _queries(relation, labels)
    _check_masses(masses)
    masses = masses.to(_exact(masses))
    total = masses.sum(1)
    scored = _both_classes(same, reduction) & (total > 0)
    if reduction is not None and _checks.has_values(scored) and not scored.any():
        where = "only in rows without both classes" if total.any() else "in no row"
        raise ValueError(f"nothing to score: {where} there is mass on other patches")
    share = (masses * same).sum(1) / torch.where(total > 0, total, 1)
    uniform = same.to(masses.dtype).mean(1)
    return tuple(_reduced(row, scored, reduction).to(_result_dtype(relation)) for row in (share, uniform))


def attention_distance(
    relation: _Square,
    grid: Pair,
    *,
    reduction: Literal["mean"] | None = "mean",
) -> _Score:
    """Return how far from each patch what it takes lies, on average: the mean attention distance, in patches.

    Per query row: d_i = Σ_j a_ij |p_j − p_i| / Σ_j a_ij, with p_i the place (row, column) of patch i; then the mean
    over rows. ``reduction=None`` leaves the rows apart.

    Shapes: relation (N, N) of masses, grid (rows, columns) of the N patches → a tensor (), or (N,) by row. Rows
    without mass are skipped, or NaN by row. Raises ValueError for negative, infinite or NaN masses, another reduction,
    where the grid has not N patches, or where no row has mass.
    Source: Dosovitskiy et al. 2021, section 4.5; Raghu et al. 2021. Derived in chapter 8.

    >>> right = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    >>> attention_distance(right, (1, 3), reduction=None)
    tensor([1., 1., 0.])
    """
    grid, masses = _on_grid(relation, grid)
    _check_masses(masses)
    rows, columns = (steps(side, masses.device).to(masses.dtype) for side in grid)
    apart = (rows[:, None, :, None].square() + columns[None, :, None, :].square()).sqrt().view_as(masses)
    total = masses.sum(1)
    scored = _any_scored(total > 0, reduction, "there is no mass")
    distances = (masses * apart).sum(1) / torch.where(total > 0, total, 1)
    return _reduced(distances, scored, reduction).to(_result_dtype(relation))


def mean_by_offset(relation: _Square, grid: Pair) -> Float[Tensor, "rows columns"]:
    """Return the mean weight of all pairs of patches that are one offset apart: the kernel of the nearest convolution.

    f(δ) = mean of A_ij over the pairs with p_j − p_i = δ. Of all relations that depend on the offset alone,
    B_ij = f(p_j − p_i), this one is nearest to A by the sum of squares.

    Shapes: relation (N, N), grid (R, S) of the N patches → (2R − 1, 2S − 1), the offset (0, 0) in the middle, rows
    down and columns to the right, as the offsets of ``shift_matrix`` count. Raises ValueError for NaN, or where the
    grid has not N patches.
    Derived in chapter 8.

    >>> mean_by_offset(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), (1, 3))
    tensor([[0.0000, 0.0000, 0.3333, 1.0000, 0.0000]])
    """
    (rows, columns), values = _on_grid(relation, grid)
    place = offset_places((rows, columns), values.device).flatten()
    total = torch.zeros((2 * rows - 1) * (2 * columns - 1), dtype=values.dtype, device=values.device)
    total = total.index_add(0, place, values.flatten()).view(2 * rows - 1, 2 * columns - 1)
    down, right = (side - _offsets(side, values.device).abs() for side in (rows, columns))
    return (total / (down[:, None] * right)).to(_result_dtype(relation))


def offset_share(relation: _Square, grid: Pair) -> Float[Tensor, ""]:
    """Return the share of a relation's variance that the offset between two patches explains: 1 for a convolution.

    1 − Σ_ij (A_ij − f(p_j − p_i))² / Σ_ij (A_ij − m)², with f from ``mean_by_offset`` and m the mean of all entries,
    which is 1/N where rows sum to 1: the R² of the best convolution.

    Shapes: relation (N, N), grid (rows, columns) of the N patches → a tensor (), in [0, 1]. Raises ValueError for NaN,
    where the grid has not N patches, or where all entries are equal: then there is nothing to explain.
    Derived in chapter 8.

    >>> offset_share(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), (1, 3))
    tensor(0.6667)
    """
    grid, values = _on_grid(relation, grid)
    explained = mean_by_offset(values, grid).flatten()[offset_places(grid, values.device)]
    variance, left = (values - values.mean()).square().mean(), (values - explained).square().mean()
    rounding = torch.finfo(_result_dtype(relation)).eps * values.abs().amax()
    if _checks.has_values(values) and not variance > rounding.square():
        raise ValueError(f"nothing to explain: all entries of the relation are {values.mean().item():g}")
    return (1 - left / variance).to(_result_dtype(relation))


def _on_grid(relation, grid):
    """Return the checked grid, and the relation's entries in full precision."""
    number, grid = _square(relation), _checks.pair("grid", grid)
    _checks.real("relation", relation)
    if grid[0] * grid[1] != number:
        raise ValueError(f"a grid of {grid[0]} × {grid[1]} patches does not fit a relation over N = {number}")
    values = relation.to(_exact(relation))
    _checks.no_nan("relation", values)
    return grid, values


def _offsets(side, device):
    return torch.arange(1 - side, side, device=device)


def _square(relation):
    rows, columns = _checks.shape("relation", relation, "N N")
    if rows != columns:
        raise ValueError(f"relation must be square (N, N), got ({rows}, {columns})")
    return rows


def _queries(relation, labels):
    """Return the (N, N−1) entries off the diagonal, and which of them are in the row's region."""
    number = _square(relation)
    _checks.real("relation", relation)
    if _checks.shape("labels", labels, "N") != (number,):
        raise ValueError(f"labels must have shape ({number},), got {tuple(labels.shape)}")
    _checks.whole("labels", labels)
    _checks.real("labels", labels)
    _checks.on_one_device(relation=relation, labels=labels)
    if number == 1:
        raise ValueError("nothing to score: one patch has no other patches")
    scores = _off_diagonal(relation.to(torch.uint8) if relation.dtype == torch.bool else relation)
    _checks.no_nan("relation off the diagonal", scores)
    return scores, _off_diagonal(labels.unsqueeze(1) == labels)


def _check_masses(masses):
    if _checks.has_values(masses) and not ((masses >= 0) & masses.isfinite()).all():
        raise ValueError("relation must hold finite masses of at least 0; use the scores for logits")


def _off_diagonal(matrix):
    """Drop the diagonal: behind its first entry, every (N+1)-th entry is the next one on it."""
    number = len(matrix)
    behind_first = matrix.flatten().narrow(0, 1, number**2 - 1).view(number - 1, number + 1)
    return behind_first.narrow(1, 0, number).reshape(number, number - 1)


def _both_classes(same, reduction):
    """Tell which rows have other patches both inside and outside their region; for a mean, one at least must."""
    both = same.any(1) & same.logical_not().any(1)
    return _any_scored(both, reduction, "no row has other patches both inside and outside its region")


def _any_scored(scored, reduction, otherwise):
    """Return which rows are scored; for a mean, one at least must be."""
    if reduction not in ("mean", None):
        raise ValueError(f'reduction must be "mean" or None, got {reduction!r}')
    if reduction is not None and _checks.has_values(scored) and not scored.any():
        raise ValueError(f"nothing to score: {otherwise}")
    return scored


def _reduced(rows, scored, reduction):
    """Return the mean of the rows that are scored, or each row, NaN where it is not."""
    if reduction is None:
        return torch.where(scored, rows, torch.nan)
    return torch.where(scored, rows, 0).sum() / scored.sum()


def _exact(tensor):
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def _result_dtype(relation):
    return relation.dtype if relation.is_floating_point() else torch.get_default_dtype()


def _as_floating(relation):
    _checks.real("relation", relation)
    return relation.to(_result_dtype(relation))
