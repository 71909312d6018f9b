"""What a reader's answer holds, and how it differs from the numbers expected."""

from typing import NamedTuple

import numpy as np
import torch

from patchwork.exercises._looks import look_of_numbers, look_of_shape, share_off
from patchwork.exercises._show import LISTED, literal, rounded, show


class Problem(NamedTuple):
    """What is wrong with an answer: what the mistake looks like, what came, what was expected.

    A look that has something ``else_`` to say may be chance; it is for the mistake that looks alike in every case.
    """

    looks: str | None
    got: str
    expected: str
    else_: str | None = None


def as_tensor(value):
    """Return the numbers of an answer as a dense tensor on the CPU, or None where it holds no real numbers.

    >>> as_tensor([torch.ones(2), (3, 4)])
    tensor([[1., 1.],
            [3., 4.]])
    """
    try:
        tensor = _dense(value)
    except Exception:  # a reader's object can fail in any way
        return None
    return None if tensor.is_complex() else tensor


def _dense(value):
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().to_dense()
    if isinstance(value, (list, tuple)) and not all(isinstance(part, (bool, int, float)) for part in value):
        return torch.stack([_dense(part) for part in value])
    array = np.array(value, order="C")  # a copy: torch takes no negative strides and warns of read-only memory
    if array.dtype.kind == "O":
        return _from_objects(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{array.dtype} is no kind of number")
    longer = array.dtype.kind == "f" and array.dtype.itemsize > 8
    return torch.from_numpy(array.astype(np.float64 if longer else array.dtype.newbyteorder("=")))


def _from_objects(array):
    if array.ndim == 0:
        return torch.tensor(float(array.item()), dtype=torch.float64)
    return torch.stack([_dense(part) for part in array.flat]).view(array.shape)


def difference(expected, got):
    """Return the problem of an answer that differs from the numbers expected, or None.

    Shapes are compared first, then values, to the precision of the dtypes, 1% at worst; of a small tensor the whole is
    named, of a large one the first entry that is off.

    >>> difference((0, 1), [0, 2])
    Problem(looks=None, got='(0, 2)', expected='(0, 1)', else_='1 of 2 numbers is off')
    """
    wanted, actual = torch.as_tensor(expected), as_tensor(got)
    if actual is None:
        return Problem(f"these are no real numbers of shape {tuple(wanted.shape)}", show(got), _whole(wanted, expected))
    if actual.shape != wanted.shape:
        shapes = (f"shape {tuple(each.shape)}" for each in (actual, wanted))
        return Problem(look_of_shape(tuple(wanted.shape), tuple(actual.shape)), *shapes)
    rounding = max(torch.finfo(t.dtype).eps if t.is_floating_point() else 0 for t in (wanted, actual))
    tolerance = min(0.01, 100 * rounding)
    off = ~torch.isclose(actual.double(), wanted.double(), rtol=tolerance, atol=tolerance)
    if not off.any():
        return None
    place = tuple(off.nonzero()[0].tolist())
    digits = digits_apart(wanted[place].item(), actual[place].item())
    if wanted.numel() <= LISTED:
        got, right = (_whole(each, expected, digits) for each in (actual, wanted))
    else:
        got, right = (literal(rounded(each[place].item(), digits)) for each in (actual, wanted))
        got = f"{got} at {list(place)}"
    if wanted.dtype == torch.bool and wanted.numel() == 1:
        return Problem("the answer is the other one", got, right)
    wanted, actual = wanted.double(), actual.double()
    return Problem(look_of_numbers(wanted, actual), got, right, share_off(wanted, actual, off))


def digits_apart(wanted, got):
    """Return how many digits tell two numbers apart: four, or as many as it takes.

    >>> digits_apart(0.8333, 0.75), digits_apart(1.0, 1.00002)
    (4, 6)
    """
    return next((digits for digits in range(4, 17) if f"{wanted:.{digits}g}" != f"{got:.{digits}g}"), 17)


def _whole(tensor, like, digits=4):
    if tensor.numel() > LISTED:
        return f"shape {tuple(tensor.shape)}"
    numbers = rounded(tensor.tolist(), digits)
    return literal(tuple(numbers) if isinstance(like, tuple) else numbers)
