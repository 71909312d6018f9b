"""Stop with one line where the pinned packages have no builds. Runs on any Python, so that an old one gets the line too."""

import platform
import sys

MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64",), "Windows": ("AMD64",)}

if not (3, 11) <= sys.version_info[:2] <= (3, 14):
    sys.exit(
        "Patchwork needs Python 3.11 to 3.14, and {0} is {1}. Name another: make book PYTHON=python3.12".format(
            sys.executable, platform.python_version()
        )
    )
if platform.machine() not in MACHINES.get(platform.system(), ()):
    sys.exit(
        "Patchwork runs on Linux, macOS on Apple silicon and 64-bit Windows; PyTorch has no build for {0} on {1}.".format(
            platform.system(), platform.machine()
        )
    )
