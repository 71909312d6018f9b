"""Check that a tag is the book's version and that the changelog tells of it: ``python book/version.py v0.1.0``."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def version():
    """Return the version, which stands in pyproject.toml alone."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def obstacle(tag, version, changelog):
    """Return why this tag can't be published, or None."""
    if tag != f"v{version}":
        return f"The tag is {tag}, but pyproject.toml says version {version}: tag v{version}, or change it there."
    if f"\n## {version} " not in changelog:
        return f"CHANGELOG.md has no section that begins with '## {version} '."
    if f"\n## {version} (unreleased)" in changelog:
        return f"CHANGELOG.md calls {version} unreleased: give it the date."
    return None


if __name__ == "__main__":
    sys.exit(obstacle(sys.argv[1], version(), (ROOT / "CHANGELOG.md").read_text("utf-8")))
