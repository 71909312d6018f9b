"""How exercises are registered and judged; the chapters' cases lie beside this module."""

import torch

from patchwork.attention import attention_weights
from patchwork.exercises._compare import as_tensor, difference, digits_apart, in_one_line, show

JUDGES = {}


def number(name, expected, *, within, because):
    """Register an exercise that asks for a number."""

    def judge(answer):
        tensor = as_tensor(answer)
        if tensor is None or tensor.numel() != 1:
            return f"expected a number, got {show(answer)}"
        got = float(tensor.item())
        if abs(got - expected) <= within:
            return None
        digits = digits_apart(expected, got)
        return f"expected {expected:.{digits}g} ({because}), got {got:.{digits}g}"

    JUDGES[name] = judge


def function(name):
    """Register an exercise that asks for a function, by a generator of cases: named arguments, expected result.

    Where the result is not one value but a property, the case holds a judge: result → what is wrong, or None.
    """

    def register(cases):
        def judge(answer):
            problems = (_call(answer, arguments, expected) for arguments, expected in cases())
            return next(filter(None, problems), None)

        JUDGES[name] = judge
        return cases

    return register


def _call(answer, arguments, expected):
    if not callable(answer):
        return f"expected a function of ({', '.join(arguments)}), got {show(answer)}"
    case = "for " + ", ".join(f"{name}={show(value)}" for name, value in arguments.items())
    try:
        got = answer(*arguments.values())
    except (Exception, SystemExit) as error:
        return f"{case} the function raised {type(error).__name__}: {in_one_line(error)}"
    if got is None:
        return f"{case} the function returned None (is a return missing?)"
    problem = expected(got) if callable(expected) else difference(expected, got)
    return problem and f"{case} {problem}"


def queries_and_keys(relation, *, scale=None):
    """Return a judge of queries and keys: right are all that make ``relation``, with 1/√d unless a scale is given."""

    def judge(got):
        pair = [as_tensor(part) for part in got] if isinstance(got, (tuple, list)) and len(got) == 2 else [None]
        if any(part is None or part.ndim != 2 for part in pair):
            return f"expected queries and keys, two matrices, got {show(got)}"
        queries, keys = (part.to(relation) for part in pair)
        if queries.shape != (len(relation), keys.shape[1]) or len(keys) != len(relation):
            return f"expected two matrices ({len(relation)}, d), got {tuple(queries.shape)} and {tuple(keys.shape)}"
        problem = difference(relation, attention_weights(queries, keys, scale=scale))
        return problem and f"as attention weights {problem}"

    return judge


def counting(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


def waves(*shape):
    """Numbers without a pattern that a wrong answer could hit by chance, the same everywhere."""
    return (counting(*shape) * 2.4 + 0.7).sin()
