"""The checks that the modules share; each raises ``ValueError`` naming the values and what was expected."""

import math
import numbers
import operator

import torch
from torch._subclasses.fake_tensor import FakeTensor

_FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_REAL = (*_FLOATING, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def shape(name, tensor, letters):
    """Unpack the shape of a dense tensor whose axes are named by ``letters``, none empty; … is any number of axes.

    >>> shape("images", torch.zeros(2, 3, 8, 8), "B C H W")
    (2, 3, 8, 8)
    """
    axes = letters.split()
    expected = f"({', '.join(axes)})"
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"{name} must be a tensor {expected}, got {type(tensor).__name__}")
    if tensor.ndim < len(axes) - 1 if "…" in axes else tensor.ndim != len(axes):
        raise ValueError(f"{name} must have shape {expected}, got {tuple(tensor.shape)}")
    if 0 in tensor.shape:
        raise ValueError(f"{name} must not be empty: expected {expected}, got {tuple(tensor.shape)}")
    if tensor.layout is not torch.strided:
        raise ValueError(f"{name} must be dense, got {tensor.layout}; use .to_dense()")
    return tuple(tensor.shape)


def count(name, value, *, at_least=1, at_most=None):
    """Return, as an int, a whole number within the bounds that are given; a bool is none, nor is an array."""
    try:
        number = operator.index(value)
    except (TypeError, RuntimeError):  # a tensor without values raises the second
        number = None
    several = getattr(value, "ndim", 0) > 0
    boolean = isinstance(value, bool) or getattr(value, "dtype", None) == torch.bool
    whole = number is not None and not several and not boolean
    if whole and at_most is not None and not at_least <= number <= at_most:
        raise ValueError(f"{name} must be one of {at_least} … {at_most}, got {number}")
    if not whole or (at_least is not None and number < at_least):
        least = "" if at_least is None else f" of at least {at_least}"
        got = f"a {type(value).__name__} {tuple(value.shape)}" if several else repr(value)
        raise ValueError(f"{name} must be a whole number{least}, got {got}")
    return number


def number(name, value, *, at_least=-math.inf, above=-math.inf, within=None):
    """Return, as a float, a finite real number of at least one bound or above the other; no bool and no tensor.

    ``within`` are two ends, both included, between which it must lie.
    """
    try:
        real = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # a whole number of hundreds of digits
        real = math.inf
    if not math.isfinite(real) or real < at_least or real <= above:
        least = f" of at least {at_least}" if at_least > -math.inf else f" above {above}" if above > -math.inf else ""
        raise ValueError(f"{name} must be a finite number{least}, got {value!r}")
    if within is not None and not within[0] <= real <= within[1]:
        raise ValueError(f"{name} must lie in {within[0]:g} … {within[1]:g}, got {value:g}")
    return real


def choice(name, value, choices):
    """Return the one of ``choices`` that a text or whole number equals; a bool is none of them, nor is an array."""
    kind = str if isinstance(value, str) else numbers.Integral
    if isinstance(value, kind) and not isinstance(value, bool):
        for each in choices:
            if isinstance(each, kind) and value == each:
                return each
    raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")


def pair(name, value, letters="rows, columns"):
    """Return, as ints, two positive whole numbers, such as a grid (rows, columns)."""
    if not isinstance(value, (tuple, list, torch.Size)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair ({letters}), got {value!r}")
    return tuple(count(f"{name} ({letters})", number) for number in value)


def floating(name, tensor):
    """Refuse a tensor of whole numbers, bools or complex numbers, and floats too short to compute with."""
    if tensor.dtype not in _FLOATING:
        raise ValueError(f"{name} must hold floating-point numbers, got {tensor.dtype}; convert it, as with .float()")


def whole(name, tensor, *, boolean=True):
    """Refuse what holds no whole numbers, and bools too where ``boolean`` is False."""
    if tensor.is_floating_point() or tensor.is_complex() or (tensor.dtype == torch.bool and not boolean):
        raise ValueError(f"{name} must be whole numbers, got {tensor.dtype}")


def real(name, tensor):
    """Refuse complex numbers, and the dtypes that torch stores but does not sort or multiply."""
    if tensor.dtype not in _REAL:
        raise ValueError(f"{name} must be real, of a dtype that torch computes with, got {tensor.dtype}")


def tolerance(tensor, value):
    """Return the tolerance given, else the square root of the rounding error of the dtype."""
    if value is None:
        return torch.finfo(tensor.dtype).eps ** 0.5
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"tolerance must be a number of at least 0, got {value!r}")
    return value


def together(**tensors):
    """Refuse tensors on different devices or of different dtypes, unless autocast gives them one."""
    on_one_device(**tensors)
    if len({tensor.dtype for tensor in tensors.values()}) > 1 and not _autocast(*tensors.values()):
        dtypes = ", ".join(f"{name} {tensor.dtype}" for name, tensor in tensors.items())
        raise ValueError(f"dtypes differ: {dtypes}")


def on_one_device(**tensors):
    """Refuse tensors on different devices."""
    if len({tensor.device for tensor in tensors.values()}) > 1:
        devices = ", ".join(f"{name} on {tensor.device}" for name, tensor in tensors.items())
        raise ValueError(f"devices differ: {devices}")


def _autocast(*tensors):
    """Tell whether autocast is on where the tensors are, and casts all of them: it leaves double precision alone."""
    kind = tensors[0].device.type
    active = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return active and all(tensor.dtype in _FLOATING and tensor.dtype != torch.float64 for tensor in tensors)


def multiplied_in(*tensors):
    """Return the dtype in which torch multiplies tensors that are together: that of autocast where it casts them."""
    return torch.get_autocast_dtype(tensors[0].device.type) if _autocast(*tensors) else tensors[0].dtype


def placement(device, dtype=None):
    """Resolve ``device=None`` and ``dtype=None`` to torch's defaults; the device must be on this machine."""
    if dtype is not None and dtype not in _FLOATING:
        raise ValueError(f"dtype must be a floating-point torch.dtype of 16 to 64 bits, got {dtype!r}")
    default = torch.empty(0).device  # get_default_device() of older torch knows nothing of `with torch.device(…)`
    return default if device is None else _present(device), dtype or torch.get_default_dtype()


def _present(device):
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must name a torch device, got {device!r}") from error
    try:
        torch.empty(0, device=device)
    except (AssertionError, ImportError, RuntimeError) as error:  # how torch says it depends on the device
        raise ValueError(f"device {device} is not on this machine") from error
    return device


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


def transformed():
    """Tell whether a transform of ``torch.func`` is at work, where tensors may hide what they are."""
    return torch._C._are_functorch_transforms_active()


def recorded(tensor):
    """Tell whether a transform, a compiler or a CUDA graph records this call: tensors are no one else's, nor seen."""
    if torch.compiler.is_compiling() or transformed() or not has_values(tensor):
        return True
    return tensor.is_cuda and torch.cuda.is_current_stream_capturing()


def no_nan(name, tensor):
    """Refuse NaN."""
    if tensor.is_floating_point() and has_values(tensor) and tensor.isnan().any():
        raise ValueError(f"{name} must not hold NaN, found {int(tensor.isnan().sum())} of {math.prod(tensor.shape)}")
