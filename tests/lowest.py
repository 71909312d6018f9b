"""Run the library's tests with the lowest versions that pyproject.toml allows: ``make lowest``.

Makes an environment of its own in ``.lowest``. The tools of the tests stay as pinned, and so does what the library is
compared with. transformers is both: it is a peer at first, and then goes down to its bound, with safetensors, which it
shares with us, for the tests of what needs the two.
"""

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".lowest"
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OF_THE_BOOK = ("tests/site", "tests/test_types.py", "tests/test_portable.py", "tests/test_notebooks.py")
OF_PRETRAINED = ("tests/test_pretrained.py", "tests/test_readings.py", "tests/test_packaged.py")
PRETENDED = "not fake_device and not without_float64"  # only a current torch can pretend to have another device


def bounds(*lists):
    """Return the lowest version of each package that some lists of requirements ask for."""
    return dict(each.split(">=") for wanted in lists for each in wanted)


def lowered(requirements, bounds):
    """Return the pins of a requirements file, those in ``bounds`` at their lowest."""
    pins = dict(line.split("==") for line in requirements.splitlines() if re.match(r"\w", line))
    return [f"{name}=={version}" for name, version in (pins | bounds).items()]


def install(*packages):
    """Install packages into the environment."""
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *packages], check=True)


def test(*arguments):
    """Run tests in the environment → their exit status. Old packages may call what newer ones have deprecated."""
    environment = os.environ | {"PATCHWORK_DEVICE": "cpu", "PATCHWORK_PROGRESS": "", "OMP_NUM_THREADS": "1"}
    command = [PYTHON, "-m", "pytest", "-q", "-W", "default::DeprecationWarning", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def main():
    """Make the environment, and run the tests in it → their exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    if not PYTHON.exists():
        venv.create(HOME, with_pip=True)
    lowest = bounds(project["dependencies"], extras["explorers"])
    later = bounds(extras["pretrained"]) | {"safetensors": lowest.pop("safetensors")}
    install("-e", ROOT, *lowered((ROOT / "requirements.txt").read_text("utf-8"), lowest))
    subprocess.run([PYTHON, "-m", "patchwork.pretrained"], check=True)
    left_out = [f"--ignore={path}" for path in OF_THE_BOOK]
    status = test("-n", "2", "--dist", "loadfile", "-k", PRETENDED, *left_out, "tests", "src")
    install(*(f"{name}=={version}" for name, version in later.items()))
    return test(*OF_PRETRAINED, "tests/test_synthesis.py") or status


if __name__ == "__main__":
    sys.exit(main())
