"""Stop with one line where the pinned packages have no builds."""

import platform
import sys

MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64",), "Windows": ("AMD64",)}

if not (3, 11) <= sys.version_info[:2] <= (3, 14):
    sys.exit(
        f"Patchwork needs Python 3.11 to 3.14, and {sys.executable} is {platform.python_version()}. "
        "Name another: make book PYTHON=python3.12"
    )
if platform.machine() not in MACHINES.get(platform.system(), ()):
    sys.exit(
        "Patchwork runs on Linux, macOS on Apple silicon and 64-bit Windows; "
        f"PyTorch has no build for {platform.system()} on {platform.machine()}."
    )
