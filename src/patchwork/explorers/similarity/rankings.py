"""Rankings: ranks as shares, who comes first, and how good a ranking is."""

import torch


def average_precision(scores, those):
    """Return the average precision of one ranking as ``mean_average_precision`` has it of a row; NaN where all are, or
    none.

    Shapes: scores (E,), those (E,) boolean → a tensor (), float64.

    >>> average_precision(torch.tensor([3.0, 2.0, 1.0]), torch.tensor([True, False, True]))
    tensor(0.8333, dtype=torch.float64)
    """
    if those.all() or not those.any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    at_least = scores >= scores[those].unsqueeze(1)
    return ((at_least & those).sum(1) / at_least.sum(1).double()).mean()


def rank_shares(scores):
    """Return which share of the others each score exceeds, those that equal it counted half: 0 … 1.

    >>> rank_shares(torch.tensor([5.0, 7.0, 7.0]))
    tensor([0.0000, 0.7500, 0.7500], dtype=torch.float64)
    """
    ordered = scores.sort().values
    twice = torch.searchsorted(ordered, scores) + torch.searchsorted(ordered, scores, right=True) - 1
    return twice.double() / (2 * (len(scores) - 1)) if len(scores) > 1 else torch.full((1,), 0.5).double()


def largest(scores, number):
    """Return the places of the largest scores, of equal ones the first; none where all are equal.

    >>> largest(torch.tensor([1.0, 3.0, 3.0]), 2), largest(torch.ones(3), 2)
    (tensor([1, 2]), tensor([], dtype=torch.int64))
    """
    return scores.argsort(descending=True, stable=True)[: 0 if _flat(scores) else number]


def kept(scores, before, number):
    """Return which share of the largest scores are among the largest before: 0 where all are equal, NaN where all were.

    Shapes: scores and before (…, N) → (…).

    >>> kept(torch.tensor([4.0, 1.0, 3.0]), torch.tensor([4.0, 3.0, 1.0]), 2)
    tensor(0.5000, dtype=torch.float64)
    """
    now, then = (each.argsort(dim=-1, descending=True, stable=True)[..., :number] for each in (scores, before))
    share = (now.unsqueeze(-1) == then.unsqueeze(-2)).any(-1).double().mean(-1)
    share = torch.where(_flat(scores), 0, share)
    return torch.where(_flat(before), torch.nan, share)


def _flat(scores):
    return scores.amax(-1) == scores.amin(-1)
