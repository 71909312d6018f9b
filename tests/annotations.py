"""Calls the numerics while their annotations are enforced, and prints what was refused, as JSON.

A program of its own: in its process, and in no other, jaxtyping wraps each function of the library as it is imported.
"""

import doctest
import importlib
import inspect
import json

import jaxtyping

# A whole number is a float where one is asked for, as for all static checkers.
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"


def main():
    jaxtyping.install_import_hook("patchwork", CHECKER)
    library = importlib.import_module("test_library")
    found = {
        "cases": {thing.__qualname__: complaint(library, thing) for thing in library.CASES},
        "doctests": {thing.__qualname__: examples(thing) for thing in library.PUBLIC},
        "planted": dict(planted(library)),
    }
    print(json.dumps(found))


def complaint(library, thing):
    try:
        library.CASES[thing](library.maker("cpu", library.torch.float64))
    except jaxtyping.TypeCheckError as error:
        return str(error)


def examples(thing):
    """Return what its doctest says that it should not."""
    said = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    names = vars(importlib.import_module(thing.__module__))
    for example in doctest.DocTestFinder(recurse=False).find(inspect.unwrap(thing), thing.__qualname__, globs=names):
        runner.run(example, out=said.append)
    return "".join(said) or None


def planted(library):
    """Break what a signature says, once in an argument and once in each thing that a result has."""
    new = library.maker("cpu", library.torch.float64)
    attention, relations = library.attention, library.relations
    yield "argument", refusal(library.patches.patchify, new(3, 8, 12), 4)
    yield "number", refusal(library.patches.patchify, new(2, 3, 8, 12), 4.0)
    attention._masked_softmax = lambda logits, mask: logits.mT
    yield "shape", refusal(attention.attention_weights, new(2, 4, 3), new(5, 3), mask=new(5))
    relations._result_dtype = lambda relation: library.torch.int64
    yield "dtype", refusal(relations.density, new(4, 5))


def refusal(function, *given, **named):
    try:
        function(*given, **named)
    except jaxtyping.TypeCheckError as error:
        return str(error)


if __name__ == "__main__":
    main()
