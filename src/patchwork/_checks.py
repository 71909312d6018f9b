"""The checks that the modules share; each raises ``ValueError`` naming the values and what was expected."""

import math
import operator

import torch
from torch._subclasses.fake_tensor import FakeTensor


def shape(name, tensor, letters):
    """Unpack the shape of a tensor whose axes are named by ``letters``, none of them empty.

    >>> shape("images", torch.zeros(2, 3, 8, 8), "B C H W")
    (2, 3, 8, 8)
    """
    expected = f"({', '.join(letters.split())})"
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"{name} must be a tensor {expected}, got {type(tensor).__name__}")
    if tensor.ndim != len(letters.split()):
        raise ValueError(f"{name} must have shape {expected}, got {tuple(tensor.shape)}")
    if 0 in tensor.shape:
        raise ValueError(f"{name} must not be empty: expected {expected}, got {tuple(tensor.shape)}")
    return tuple(tensor.shape)


def count(name, value, *, at_least=1):
    """Return a whole number of at least ``at_least``; a bool is none."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < at_least:
        raise ValueError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return number


def pair(name, value, letters="rows, columns"):
    """Return two positive whole numbers, such as a grid (rows, columns)."""
    if not isinstance(value, (tuple, list, torch.Size)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair ({letters}), got {value!r}")
    return tuple(count(f"{name} ({letters})", number) for number in value)


def floating(name, tensor):
    """Refuse a tensor of whole numbers, bools or complex numbers."""
    if not tensor.is_floating_point():
        raise ValueError(f"{name} must hold floating-point numbers, got {tensor.dtype}")


def real(name, tensor):
    """Refuse complex numbers."""
    if tensor.is_complex():
        raise ValueError(f"{name} must be real, got {tensor.dtype}")


def tolerance(tensor, value):
    """Return the tolerance given, else the square root of the rounding error of the dtype."""
    if value is None:
        return torch.finfo(tensor.dtype).eps ** 0.5
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"tolerance must be a number of at least 0, got {value!r}")
    return value


def together(**tensors):
    """Refuse tensors on different devices or of different dtypes."""
    on_one_device(**tensors)
    if len({tensor.dtype for tensor in tensors.values()}) > 1:
        found = ", ".join(f"{name} {tensor.dtype}" for name, tensor in tensors.items())
        raise ValueError(f"dtypes differ: {found}")


def on_one_device(**tensors):
    """Refuse tensors on different devices."""
    if len({tensor.device for tensor in tensors.values()}) > 1:
        found = ", ".join(f"{name} on {tensor.device}" for name, tensor in tensors.items())
        raise ValueError(f"devices differ: {found}")


def placement(device, dtype=None):
    """Resolve ``device=None`` and ``dtype=None`` to torch's defaults; the dtype must be floating."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype must be a floating-point torch.dtype, got {dtype!r}")
    try:
        device = torch.get_default_device() if device is None else torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must name a torch device, got {device!r}") from error
    return device, dtype or torch.get_default_dtype()


def random_source(generator):
    """Return the device on which ``generator`` draws; the default generator draws on the CPU."""
    if generator is None:
        return torch.device("cpu")
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator or None, got {type(generator).__name__}")
    return generator.device


def has_values(*tensors):
    """Tell whether values can be looked at; fake and meta tensors have shapes only."""
    return not any(isinstance(tensor, FakeTensor) or tensor.is_meta for tensor in tensors)


def no_nan(name, tensor):
    """Refuse NaN."""
    if tensor.is_floating_point() and has_values(tensor) and tensor.isnan().any():
        raise ValueError(f"{name} must not hold NaN, found {int(tensor.isnan().sum())} of {math.prod(tensor.shape)}")
