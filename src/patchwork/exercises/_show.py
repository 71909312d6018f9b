"""How a value is said: in one short line, or as code that can be pasted into a cell."""

import numpy as np
import torch

_LONGEST = 160
LISTED = 16  # numbers: a tensor that has more is named by its shape


def show(value):
    """Describe a value in one short line."""
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}" + " without values (device meta)" * value.is_meta
    plain = isinstance(value, (int, float, str, bytes, tuple, type(None)))
    return in_one_line(value, repr) if plain else _kind(value)


def in_one_line(value, text=str):
    """Return the text of a value in one short line; of one that has none, its type."""
    try:
        line = " ".join(text(value).split())
    except Exception:
        return _kind(value)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _kind(value):
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' or name == 'ndarray' else 'a'} {name}" if name != "type" else "a class"


def code(value):
    """Return Python code that makes a value of a case, or None where it would be long or there is none.

    >>> code([torch.tensor([0.1, 2]), torch.eye(2, dtype=torch.float64)])
    '[torch.tensor([0.1, 2.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)]'
    """
    if isinstance(value, torch.Tensor):
        if value.numel() > LISTED:
            return None
        default = value.dtype in (torch.float32, torch.int64, torch.bool)
        return f"torch.tensor({_numbers(value)}{'' if default else f', dtype={value.dtype}'})"
    if isinstance(value, (list, tuple)):
        parts = [code(part) for part in value]
        return None if None in parts else _brackets(value, parts)
    return None if callable(value) else literal(value)


def literal(value):
    """Return the code of numbers and texts, alone or in lists and tuples.

    >>> literal((float("inf"), [1, 0.5]))
    '(math.inf, [1, 0.5])'
    """
    if isinstance(value, (list, tuple)):
        return _brackets(value, [literal(part) for part in value])
    odd = isinstance(value, float) and not np.isfinite(value)
    return f"{'-' * (value < 0)}math.{abs(value)!s}" if odd else repr(value)


def _brackets(value, parts):
    inside = ", ".join(parts)
    return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(parts) == 1)})"


def _numbers(tensor):
    single = tensor.dtype == torch.float32
    return literal(_map(lambda x: float(str(np.float32(x))) if single else x, tensor.tolist()))


def rounded(value, digits):
    """Round the floats in nested lists to so many significant digits."""
    return _map(lambda x: float(f"{x:.{digits}g}") if isinstance(x, float) else x, value)


def _map(change, value):
    return [_map(change, part) for part in value] if isinstance(value, list) else change(value)


def case(arguments):
    """Return the arguments of a case as lines of code; what is too long for that is named in a comment.

    >>> print(case({"image": torch.zeros(9, 9), "grid": (1, 2)}))
        # image: a tensor (9, 9)
        grid = (1, 2)
    """
    lines = []
    for name, value in arguments.items():
        source = code(value)
        named = value.__doc__ if callable(value) and value.__doc__ else show(value)
        lines.append(f"    # {name}: {named}" if source is None else f"    {name} = {source}")
    return "\n".join(lines)
