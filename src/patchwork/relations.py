"""The spine Y = Σ_h A_h X W_h, what kind of relation A is, and how well it finds a patch's own region."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Integer, Real
from torch import Tensor

from patchwork import _checks

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
    if _checks.has_values(masses) and not ((masses >= 0) & masses.isfinite()).all():
        raise ValueError("relation must hold finite masses of at least 0; use the scores for logits")
    masses = masses.to(_exact(masses))
    total = masses.sum(1)
    scored = _both_classes(same, reduction) & (total > 0)
    if reduction is not None and _checks.has_values(scored) and not scored.any():
        where = "only in rows without both classes" if total.any() else "in no row"
        raise ValueError(f"nothing to score: {where} there is mass on other patches")
    share = (masses * same).sum(1) / torch.where(total > 0, total, 1)
    uniform = same.to(masses.dtype).mean(1)
    return tuple(_reduced(row, scored, reduction).to(_result_dtype(relation)) for row in (share, uniform))


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


def _off_diagonal(matrix):
    """Drop the diagonal: behind its first entry, every (N+1)-th entry is the next one on it."""
    number = len(matrix)
    behind_first = matrix.flatten().narrow(0, 1, number**2 - 1).view(number - 1, number + 1)
    return behind_first.narrow(1, 0, number).reshape(number, number - 1)


def _both_classes(same, reduction):
    """Tell which rows have other patches both inside and outside their region; for a mean, one at least must."""
    if reduction not in ("mean", None):
        raise ValueError(f'reduction must be "mean" or None, got {reduction!r}')
    both = same.any(1) & same.logical_not().any(1)
    if reduction is not None and _checks.has_values(both) and not both.any():
        raise ValueError("nothing to score: no row has other patches both inside and outside its region")
    return both


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
