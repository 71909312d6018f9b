"""Store what the real network makes of the relations explorer's own pictures, which pages show without it.

Run ``make model`` first. Whoever changes the pictures, the depth or the numbers kept of a patch runs this again.
"""

import json
import sys

from patchwork.explorers.relations.network import OWN
from patchwork.explorers.relations.widget import RelationsExplorer, pictures


def main():
    """Read the pictures and write the file → why not, in one line, or None."""
    explorer = RelationsExplorer(pictures())
    if not explorer.missing:
        lines = (f"{json.dumps(name)}: {json.dumps(each)}" for name, each in explorer.network.items())
        OWN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return explorer.missing or None


if __name__ == "__main__":
    sys.exit(main())
