"""What a mistake looks like, from the numbers alone: turned, scaled, squared, in another order, ….

The mistakes of one exercise stand with its cases.
"""

import math

import torch


def look_of_shape(wanted, got):
    """Say what a wrong shape looks like.

    >>> look_of_shape((2, 3), (3, 2))
    'the axes are in another order'
    """
    if sorted(wanted) == sorted(got):
        return "the axes are in another order"
    if [side for side in wanted if side != 1] == [side for side in got if side != 1]:
        return "an axis of size 1 is " + ("missing" if len(got) < len(wanted) else "too many")
    same = math.prod(wanted) == math.prod(got)
    return "these are as many numbers as expected, in another shape" if same else "the shape is another one"


def look_of_numbers(wanted, got):
    """Say what wrong numbers of the right shape, float64, look like, or return None.

    >>> look_of_numbers(torch.tensor([[0.0, 1.0], [3.0, 1.0]]), torch.tensor([[0.0, 3.0], [1.0, 1.0]]))
    'it is the transpose'
    """
    if got.isnan().any() and not wanted.isnan().any():
        return "there is a NaN: 0 divided by 0, or the logarithm or root of a negative number?"
    if got.isinf().any() and not wanted.isinf().any():
        return "there is an infinity: a division by 0, or the logarithm of 0?"
    if not (got.isfinite().all() and wanted.isfinite().all()):
        return None
    changed = (text for text, other in _changes(wanted).items() if other is not None and _near(got, other))
    return (wanted.numel() == 1 and _factor(wanted, got)) or next(changed, None) or _factor(wanted, got)


def _changes(wanted):
    square = wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] > 1
    several = wanted.numel() > 1
    return {
        "all are 0": torch.zeros_like(wanted) if several else None,
        "the sign is the other one": -wanted,
        "it is the transpose": wanted.mT if square else None,
        "it is in the opposite order": wanted.flip(0) if several else None,
        "it looks squared": wanted.square(),
        "it looks as if a square root was taken": wanted.sqrt() if wanted.min() >= 0 else None,
        "it looks like 1 minus what is expected": 1 - wanted,
    }


def _near(one, other):
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def _factor(wanted, got):
    """A factor or a summand that all numbers share, rows that lack one, or the same numbers elsewhere."""
    if wanted.numel() == 1:
        ratio = got.item() / wanted.item() if wanted.item() else 0
        times = max(ratio, 1 / ratio if ratio else 0)
        simple = next((k for k in (2, 3, 4, 10, 100) if math.isclose(times, k, rel_tol=1e-4)), None)
        return simple and f"it is {simple} times too {'large' if ratio > 1 else 'small'}"
    if _near(got.flatten().sort().values, wanted.flatten().sort().values):
        return "these are the right numbers in another order"
    ratio = (got * wanted).sum() / wanted.square().sum()
    if wanted.count_nonzero() > 1 and ratio.abs() > 1e-6 and _near(got, ratio * wanted):
        return f"all are {ratio.item():.4g} times what is expected"
    if _near(got - wanted, (got - wanted).mean().expand_as(got)):
        return f"all are off by {(got - wanted).mean().item():+.4g}"
    if got.ndim < 2 or not _near(wanted.sum(-1), torch.ones_like(wanted.sum(-1))):
        return None
    rows = got / got.sum(-1, keepdim=True)
    return "the rows don't sum to 1" if _near(rows, wanted) else None


def share_off(wanted, got, off):
    """Say how many numbers are off, or of a single one in which direction."""
    wrong, number = int(off.sum()), off.numel()
    if number == 1:
        return f"it is too {'small' if got.item() < wanted.item() else 'large'}"
    return f"{wrong} of {number} numbers {'is' if wrong == 1 else 'are'} off"
