"""Run the chapters as other machines would: ``make portable``.

Each setting is a whole strict run of the chapters: with the instructions of other processors, with another number of
threads, and with every rounded digit off by about one in the last place (``jitter.py``). What is stored must come out
each time.

    python tests/portable.py                                            every setting, every chapter
    python tests/portable.py sse jitter-1                               some settings
    python tests/portable.py jitter-7 --chapters chapters/02_attention.ipynb    a seed of one's own
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_dispatch__ as numpys_features  # for which it has code of its own

TESTS = Path(__file__).parent
CHAPTERS = sorted(TESTS.parent.glob("chapters/*.ipynb"), reverse=True)  # the longest first, so that two end together
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
SETTINGS = {
    "as-it-is": ONE_THREAD,
    "two-threads": {"OMP_NUM_THREADS": "2"},
    "avx2": {
        **ONE_THREAD,
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "sse": {
        **ONE_THREAD,
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(numpys_features),
    },
}
SEEDS = ("jitter-1", "jitter-2", "jitter-3")
STARTUP = """
import sys
sys.path.insert(0, {tests!r})
from jitter import Jitter
Jitter({seed}).__enter__()
sys.path.pop(0)
del sys, Jitter
"""


def variables(setting):
    """Return what a setting sets in the environment. Raises ValueError for one that is neither known nor jitter-SEED.

    >>> variables("two-threads")
    {'OMP_NUM_THREADS': '2'}
    """
    if setting in SETTINGS:
        return SETTINGS[setting]
    if re.fullmatch(r"jitter-\d+", setting):
        return ONE_THREAD
    raise ValueError(f"a setting is one of {', '.join(SETTINGS)} or jitter-SEED, got {setting!r}")


def run(setting, notebooks, *options, cwd=TESTS.parent):
    """Run notebooks strictly under one setting → the finished process."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PATCHWORK_")}
    own |= {"PATCHWORK_DEVICE": "cpu", **variables(setting)}
    strict = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", TESTS / "nbval.cfg", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", *strict, *options, *notebooks]
    with tempfile.TemporaryDirectory() as home:
        if setting.startswith("jitter-"):  # IPython runs what lies in its startup folder before the first cell
            startup = Path(home, "profile_default", "startup", "jitter.py")
            startup.parent.mkdir(parents=True)
            startup.write_text(STARTUP.format(tests=str(TESTS), seed=setting.removeprefix("jitter-")), "utf-8")
            own["IPYTHONDIR"] = home
        return subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, encoding="utf-8")


def main():
    """Run what the command line asks for, tell the time of each setting and what differs, and exit with 1 then."""
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reader.add_argument("settings", nargs="*", help=f"of {', '.join(SETTINGS)}, jitter-SEED; none: all, three seeds")
    reader.add_argument("--chapters", nargs="+", type=Path, default=CHAPTERS)
    asked = reader.parse_args()
    settings, red = asked.settings or [*SETTINGS, *SEEDS], []
    try:
        list(map(variables, settings))
    except ValueError as error:
        reader.error(str(error))
    for name in settings:
        began = time.monotonic()
        # without the live panels, which print no number, and show the same on any machine
        done = run(name, asked.chapters, "-n", "2", "--dist", "loadfile", "-k", "not panel")
        if done.returncode:
            red.append(name)
            print(done.stdout, done.stderr, sep="\n")
        print(f"{name}: {'red' if done.returncode else 'green'} after {time.monotonic() - began:.0f} s", flush=True)
    if red:
        sys.exit(f"The chapters don't come out as they are stored under {', '.join(red)}: see above.")


if __name__ == "__main__":
    main()
