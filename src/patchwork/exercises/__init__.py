"""Checks for a reader's own answers: what is right, or what differs on the smallest case that fails."""

from patchwork.exercises import (  # noqa: F401  each registers its own
    attention,
    convolution,
    graphs,
    introduction,
    patches,
    similarity,
    synthesis,
    windows,
)
from patchwork.exercises._compare import in_one_line, show
from patchwork.exercises._judges import JUDGES

__all__ = ["check"]


def check(name, answer):
    """Check an answer to an exercise and print ✓, or what was expected and what was got.

    ``name`` is "chapter.exercise"; ``answer`` is the number or the function that the exercise asks for. A function
    is called on a few cases, the smallest first; shapes are compared, then values, to the precision of the dtype, 1%
    at worst. Raises ValueError for an unknown name only: an answer that is wrong, or fails, is explained in one line.

    >>> check("patches.order", lambda grid, index: (index // grid[1], index % grid[1]))
    ✓ patches.order is right
    >>> check("patches.order", lambda grid, index: (index % grid[1], index // grid[1]))
    ✗ patches.order: for grid=(1, 2), index=1 expected (0, 1), got (1, 0)
    """
    if not isinstance(name, str) or name not in JUDGES:
        raise ValueError(f"there is no exercise {show(name)}; the exercises are {', '.join(JUDGES)}")
    try:
        problem = JUDGES[name](answer)
    except Exception as error:  # what is not foreseen is the answer's fault all the same, and no reader's traceback
        problem = f"the answer can't be compared ({type(error).__name__}: {in_one_line(error)})"
    print(f"✗ {name}: {problem}" if problem else f"✓ {name} is right")
