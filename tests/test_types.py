"""What signatures say is complete, and true: the library runs once with its annotations enforced."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_library import CASES, PUBLIC


def annotated(thing):
    """Return a function, or what a class defines that its readers call."""
    if inspect.isfunction(thing):
        return [thing]
    methods = {name: each for name, each in vars(thing).items() if inspect.isfunction(each)}
    return [each for name, each in methods.items() if not name.startswith("_") or name == "__init__"]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__qualname__)
def test_signatures_are_complete(thing):
    for function in annotated(thing):
        signature = inspect.signature(function)
        given = [parameter for name, parameter in signature.parameters.items() if name != "self"]
        assert [parameter.name for parameter in given if parameter.annotation is parameter.empty] == []
        assert signature.return_annotation is not signature.empty


@pytest.fixture(scope="module")
def found():
    """What was refused while the annotations were enforced, by name."""
    program = Path(__file__).with_name("annotations.py")
    finished = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    return json.loads(finished.stdout)


def test_calls_are_as_annotated(found):
    assert found["cases"] == dict.fromkeys((thing.__qualname__ for thing in CASES), None)


def test_examples_are_as_annotated(found):
    assert found["doctests"] == dict.fromkeys((thing.__qualname__ for thing in PUBLIC), None)


@pytest.mark.parametrize("plant", ["argument", "number", "shape", "dtype"])
def test_what_is_not_as_annotated_is_refused(found, plant):
    assert "Type-check error" in found["planted"][plant]
