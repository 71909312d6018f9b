"""Stop with one line where the pinned packages have no builds."""

import platform
import sys

MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64",), "Windows": ("AMD64",)}
TOO_OLD = {"Linux": ("glibc", "2.28"), "Darwin": ("macOS", "14")}


def version(text):
    """Return "2.28" as (2, 28), to be compared."""
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def obstacle(python, system, machine, release):
    """Return why the book can't be built with this Python on this machine, or None."""
    if not (3, 11) <= version(python) <= (3, 14):
        return f"Patchwork needs Python 3.11 to 3.14, this is {python}. Name another: make book PYTHON=python3.12"
    if machine not in MACHINES.get(system, ()):
        return f"Patchwork runs on Linux, macOS on Apple silicon and 64-bit Windows, not on {system} on {machine}."
    name, least = TOO_OLD.get(system, ("", "0"))
    if version(release) < version(least):
        return f"Patchwork needs {name} {least} or newer, which PyTorch is built for; this is {release or 'another'}."
    return None


if __name__ == "__main__":
    release = {"Linux": platform.libc_ver()[1], "Darwin": platform.mac_ver()[0]}.get(platform.system(), "0")
    sys.exit(obstacle(platform.python_version(), platform.system(), platform.machine(), release))
