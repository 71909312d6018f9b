"""How exercises are registered and judged; the chapters' cases lie beside this module."""

import contextlib
import functools
import inspect
import io
import linecache
import math
import traceback

import torch

from patchwork.attention import attention_weights
from patchwork.exercises._compare import Problem, as_tensor, difference, digits_apart
from patchwork.exercises._limit import TooLongError, call_within
from patchwork.exercises._show import case, in_one_line, show

JUDGES, MISTAKES, TRIED = {}, {}, {}  # by exercise: its judge, its usual mistakes, the wrong numbers of this session


def number(name, expected, *, within, because, mistakes):
    """Register an exercise that asks for a number; ``mistakes`` has a clause for each usual wrong one.

    A first wrong number gets a hint alone. A second, different one gets the number expected, and so does a request.
    """

    def judge(answer, *, reveal, seconds):
        revealed = f"expected  {expected:.4g} ({because})"
        tensor = as_tensor(answer)
        if tensor is None or tensor.numel() != 1 or not math.isfinite(tensor.item()):
            return f"expected a number, got {show(answer)}" + f"\n{revealed}" * reveal
        got = float(tensor.item())
        tried = TRIED.setdefault(name, [])
        if abs(got - expected) <= within:
            tried.clear()
            return None
        again = any(math.isclose(got, each, rel_tol=1e-3) for each in tried)
        tried.extend([] if again else [got])
        more = f"the next number that is wrong, too, shows what is expected, or check({name!r}, …, reveal=True)"
        return f"{_look_of(got, expected, mistakes)}\n{revealed if reveal or len(tried) > 1 else more}"

    JUDGES[name], MISTAKES[name] = judge, mistakes


def _look_of(got, expected, mistakes):
    text = f"{got:.{max(4, digits_apart(expected, got))}g}"
    near = (clause for wrong, clause in mistakes.items() if math.isclose(got, wrong, rel_tol=5e-3, abs_tol=1e-9))
    if clause := next(near, None):
        return f"{text} looks as if {clause}"
    if math.isclose(got, 100 * expected, rel_tol=0.01):
        return f"{text} looks like percent; a share is asked for"
    return f"{text} is too {'small' if got < expected else 'large'}"


def function(name, *, mistakes=None):
    """Register an exercise that asks for a function, by a generator of cases: named arguments, expected result.

    Where the result is not one value but a property, the case holds a judge: result → Problem, or None. ``mistakes``
    has, for each usual wrong answer, a clause that says what was done and the function itself.
    """

    def register(cases):
        @functools.cache
        def usual():
            return {clause: _outcomes(wrong, cases) for clause, wrong in (mistakes or {}).items()}

        def judge(answer, *, reveal, seconds):
            for number, (arguments, expected) in enumerate(cases()):
                if not number and (unfit := _unfit(answer, arguments)):
                    return unfit
                if fault := _fault(answer, arguments, expected, seconds):
                    return _text(_better_look(answer, fault, cases, usual(), seconds), arguments)
            return None

        JUDGES[name], MISTAKES[name] = judge, mistakes or {}
        return cases

    return register


def value(name):
    """Register an exercise that asks for a thing with a property, by a judge: answer → Problem, or None."""

    def register(problem):
        def judge(answer, *, reveal, seconds):
            fault = problem(answer)
            return fault and _text(fault, {})

        JUDGES[name], MISTAKES[name] = judge, {}
        return problem

    return register


def _text(fault, arguments):
    """First what the mistake looks like, then the case, at last what was expected."""
    if isinstance(fault, str):
        return f"{fault}\nfor\n{case(arguments)}"
    looks = fault.looks or fault.else_ or "the result is another one"
    called = f"\nfor\n{case(arguments)}" if arguments else ""
    return f"{looks}{called}\ngot       {fault.got}\nexpected  {fault.expected}"


def _fault(answer, arguments, expected, seconds):
    """Return what is wrong with an answer on one case: a sentence if it gives no result, a Problem, or None."""
    try:
        got = call_within(seconds, answer, *map(copied, arguments.values()))
    except TooLongError as error:
        return f"the function was stopped after {seconds:g} s{_line(answer, error)}"
    except (Exception, SystemExit) as error:
        return f"the function raised {type(error).__name__}: {in_one_line(error)}{_line(answer, error)}"
    if got is None:
        return "the function returned None (is a return missing? What is printed is not returned)"
    problem = expected(got) if callable(expected) else difference(expected, got)
    same = problem and _unchanged(got, arguments)
    return problem._replace(looks=same, else_=None) if same else problem


def copied(value):
    """Copy an argument, so that an answer that changes it in place changes nobody else's."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    return type(value)(map(copied, value)) if isinstance(value, (list, tuple)) else value


def _unfit(answer, arguments):
    """Say why an answer can't be called with such arguments, or return None."""
    if not callable(answer):
        return f"expected a function of ({', '.join(arguments)}), got {show(answer)}"
    try:
        takes = inspect.signature(answer)
    except (TypeError, ValueError):  # some callables of C say nothing
        return None
    with contextlib.suppress(TypeError):
        takes.bind(*arguments)
        return None
    return f"the function takes {takes}; it is called with ({', '.join(arguments)})"


def _line(answer, error):
    """Name the last line of the reader's own code that ran."""
    own = getattr(inspect.unwrap(answer), "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if own and frame.filename == own.co_filename]
    if not frames:
        return ""
    source = in_one_line(linecache.getline(frames[-1].filename, frames[-1].lineno))
    return f", in line {frames[-1].lineno}" + f": {source}" * bool(source)


def _unchanged(got, arguments):
    """Say which argument came back as it was."""
    tensor = as_tensor(got)
    many = {name: each for name, each in arguments.items() if isinstance(each, torch.Tensor) and each.numel() > 1}
    same = (name for name, each in many.items() if tensor is not None and torch.equal(each.double(), tensor.double()))
    return next((f"it is {name}, unchanged" for name in same), None)


def _better_look(answer, fault, cases, usual, seconds):
    """Find the usual mistake that gives what the answer gives, in every case; what it prints meanwhile is left out.

    Without one, a look that is not the same in every case that fails is taken for chance.
    """
    if isinstance(fault, str) or not usual:
        return fault
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            own = call_within(seconds, _outcomes, answer, cases)
    except TooLongError:
        return fault
    for clause, outcomes in usual.items():
        if all(map(_alike, own, outcomes)):
            return fault._replace(looks=f"it looks as if {clause}")
    looks = {outcome[0] for outcome in own if outcome and outcome[0] != "raised"}
    return fault._replace(looks=None) if fault.else_ and len(looks) > 1 else fault


def _outcomes(answer, cases):
    return [_outcome(answer, *each) for each in cases()]


def _outcome(answer, arguments, expected):
    """Return nothing for what is right, else the look, and what came: numbers, or a judge's words."""
    try:
        got = answer(*map(copied, arguments.values()))
        problem = expected(got) if callable(expected) else difference(expected, got)
    except (Exception, SystemExit) as error:
        return "raised", type(error).__name__
    numbers = None if callable(expected) else as_tensor(got)
    return problem and (problem.looks, problem.got if numbers is None else numbers)


def _alike(one, other):
    if not one or not other:
        return one is other
    if isinstance(one[1], torch.Tensor) and isinstance(other[1], torch.Tensor):
        near = one[1].shape == other[1].shape
        return near and torch.allclose(one[1].double(), other[1].double(), rtol=1e-3, atol=1e-5, equal_nan=True)
    return type(one[1]) is type(other[1]) and one[1] == other[1]


def queries_and_keys(relation, *, scale=None):
    """Return a judge of queries and keys: right are all that make ``relation``, with 1/√d unless a scale is given."""
    wanted = "queries and keys, two matrices " + f"({len(relation)}, d)"

    def judge(got):
        pair = [as_tensor(part) for part in got] if isinstance(got, (tuple, list)) and len(got) == 2 else [None]
        if any(part is None or part.ndim != 2 for part in pair):
            return Problem("these are not two matrices", show(got), wanted)
        queries, keys = (part.to(relation) for part in pair)
        if queries.shape != (len(relation), keys.shape[1]) or len(keys) != len(relation) or not keys.shape[1]:
            got = " and ".join(str(tuple(part.shape)) for part in pair)
            return Problem("the matrices have other shapes", got, wanted)
        problem = difference(relation, attention_weights(queries, keys, scale=scale))
        return problem and problem._replace(got=f"{problem.got}, as attention weights")

    return judge


def counting(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


def waves(*shape):
    """Numbers of three digits without a pattern that a wrong answer could hit by chance, the same everywhere."""
    return ((counting(*shape) * 2.4 + 0.7).sin() * 1000).round() / 1000
