"""Checks for a reader's own answers: what is right, or what differs on the smallest case that fails."""

import difflib

from patchwork.exercises import (  # noqa: F401  each registers its own
    attention,
    convolution,
    graphs,
    introduction,
    patches,
    real_network,
    similarity,
    synthesis,
    windows,
)
from patchwork.exercises._judges import JUDGES
from patchwork.exercises._show import in_one_line, show

__all__ = ["check"]


def check(name, answer, *, reveal=False, seconds=10):
    """Check an answer to an exercise and print ✓, or what the mistake looks like.

    ``name`` is "chapter.exercise"; ``answer`` is the number or the function that the exercise asks for.

    A *function* is called on a few cases, the smallest first, each time on copies of the arguments; shapes are
    compared, then values, to the precision of the dtype, 1% at worst. Of a wrong one are printed what the mistake looks
    like, the case as code that can be pasted, what came, and last what was expected. A call that takes more than
    ``seconds`` is stopped. The check sees results only: it can't tell which functions the answer used, so "without …"
    in an exercise is up to the reader.

    A *number* is judged in stages. The first wrong one gets a hint on what it looks like. A second, different one gets
    the number expected, with the reason, and so does ``reveal=True`` at once; what is no number counts for nothing.

    Nothing is raised: an answer that fails is explained, and so is a name that no exercise has.

    >>> check("patches.order", lambda grid, index: (index // grid[1], index % grid[1]))
    ✓ patches.order is right
    >>> check("patches.order", lambda grid, index: (index % grid[1], index // grid[1]))
    ✗ patches.order: it looks as if the column came first
    for
        grid = (1, 2)
        index = 1
    got       (1, 0)
    expected  (0, 1)
    >>> check("patches.ordre", None)
    ✗ there is no exercise 'patches.ordre'; did you mean patches.order?
    """
    if not isinstance(name, str) or name not in JUDGES:
        print(f"✗ there is no exercise {show(name)}; {_nearest(name)}")
        return
    try:
        problem = JUDGES[name](answer, reveal=reveal, seconds=seconds)
    except Exception as error:  # what is not foreseen is the answer's fault all the same, and no reader's traceback
        problem = f"the answer can't be compared ({type(error).__name__}: {in_one_line(error)})"
    print(f"✗ {name}: {problem}" if problem else f"✓ {name} is right")


def _nearest(name):
    """Name the exercises with the nearest names, with a chapter or without; else those of the chapter, or one."""
    chapter, _, own = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    names = {each: each for each in JUDGES} if chapter else {each.split(".")[1]: each for each in JUDGES}
    if near := difflib.get_close_matches(name if chapter else own, names, n=3, cutoff=0.8):
        return f"did you mean {' or '.join(names[each] for each in near)}?"
    same = [each for each in JUDGES if each.startswith(f"{chapter}.")]
    return f"that chapter has {', '.join(same)}" if same else "they are named like introduction.auc"
