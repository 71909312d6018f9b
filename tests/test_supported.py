"""Where the pinned packages have no builds, `make` says so in one line."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "book"))
from supported import obstacle


@pytest.mark.parametrize(
    "here",
    [
        ("3.11.7", "Linux", "x86_64", "2.36"),
        ("3.14.0", "Linux", "aarch64", "2.28"),
        ("3.12.1", "Darwin", "arm64", "14.5"),
        ("3.13.0", "Windows", "AMD64", "0"),
    ],
)
def test_supported(here):
    assert obstacle(*here) is None


@pytest.mark.parametrize(
    ("here", "why"),
    [
        (("3.10.13", "Linux", "x86_64", "2.36"), "Python 3.11 to 3.14, this is 3.10.13"),
        (("3.15.0", "Linux", "x86_64", "2.36"), "Python 3.11 to 3.14, this is 3.15.0"),
        (("3.12.1", "Darwin", "x86_64", "14.5"), "not on Darwin on x86_64"),
        (("3.12.1", "Darwin", "arm64", "13.7"), "macOS 14 or newer"),
        (("3.12.1", "Linux", "riscv64", "2.36"), "not on Linux on riscv64"),
        (("3.12.1", "Linux", "x86_64", ""), "glibc 2.28 or newer"),
        (("3.12.1", "FreeBSD", "amd64", "0"), "not on FreeBSD"),
    ],
)
def test_not_supported_in_one_line(here, why):
    message = obstacle(*here)
    assert why in message
    assert "\n" not in message
