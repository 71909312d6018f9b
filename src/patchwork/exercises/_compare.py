"""What a reader's answer holds, and how to say it in one line, whatever the answer is."""

import numpy as np
import torch

_LONGEST = 160


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
        return value.cpu().to_dense()
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
    """Say how an answer differs from the numbers expected, or return None where it does not.

    Shapes are compared first, then values, to the precision of the dtypes, 1% at worst; of a small tensor the whole is
    named, of a large one the first entry that is off.

    >>> difference((0, 1), [0, 2])
    'expected (0, 1), got (0, 2)'
    """
    wanted, actual = torch.as_tensor(expected), as_tensor(got)
    if actual is None:
        return f"expected {show(expected)}, got {show(got)}"
    if actual.shape != wanted.shape:
        return f"expected shape {tuple(wanted.shape)}, got {tuple(actual.shape)}"
    rounding = max(torch.finfo(t.dtype).eps if t.is_floating_point() else 0 for t in (wanted, actual))
    tolerance = min(0.01, 100 * rounding)
    off = ~torch.isclose(actual.double(), wanted.double(), rtol=tolerance, atol=tolerance)
    if not off.any():
        return None
    place = tuple(off.nonzero()[0].tolist())
    digits = digits_apart(wanted[place].item(), actual[place].item())
    if wanted.numel() <= 16:
        return f"expected {_listed(wanted, expected, digits)}, got {_listed(actual, expected, digits)}"
    one, other = (_rounded(each[place].item(), digits) for each in (wanted, actual))
    return f"expected {one} at {list(place)}, got {other}"


def digits_apart(wanted, got):
    """Return how many digits tell two numbers apart: four, or as many as it takes.

    >>> digits_apart(0.8333, 0.75), digits_apart(1.0, 1.00002)
    (4, 6)
    """
    return next((digits for digits in range(4, 17) if f"{wanted:.{digits}g}" != f"{got:.{digits}g}"), 17)


def _listed(tensor, like, digits):
    numbers = _rounded(tensor.tolist(), digits)
    return tuple(numbers) if isinstance(like, tuple) else numbers


def _rounded(value, digits):
    if isinstance(value, list):
        return [_rounded(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def show(value):
    """Describe a value in one short line."""
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    plain = isinstance(value, (int, float, str, bytes, tuple, type(None)))
    return in_one_line(value, repr) if plain else f"a {type(value).__name__}"


def in_one_line(value, text=str):
    """Return the text of a value in one short line; of one that has none, its type."""
    try:
        line = " ".join(text(value).split())
    except Exception:
        return f"a {type(value).__name__}"
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
