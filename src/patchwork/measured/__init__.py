"""What takes too long for a chapter to measure: the tables that ``book/measure_*.py`` make and chapters show."""

import csv
import json
from pathlib import Path
from typing import Any

from patchwork import _checks

FOLDER = Path(__file__).parent


def load(name: str) -> Any:
    """Return a table of measured results, as its script stored it.

    The tables are named after the chapters: "attention", "convolution", "graphs", "synthesis"; "variants" belongs to
    chapter 7 too. What each entry says, and over which seeds, splits or pictures, stands in ``book/measure_NAME.py``,
    which makes it anew.

    Returns what a JSON file holds, dicts and lists with numbers at the ends; of a CSV file the rows, each a dict of
    texts. Raises ValueError, with the names that there are, for another one. Used in chapters 2, 4, 6 and 7.

    >>> len(load("attention")["digits"])  # one entry for each seed
    8
    >>> load("synthesis")[0]["relation"]
    'own'
    """
    tables = {path.stem: path for path in sorted(FOLDER.glob("*.json")) + sorted(FOLDER.glob("*.csv"))}
    file = tables[_checks.choice("name", name, sorted(tables))]
    with file.open(encoding="utf8", newline="") as text:
        return json.load(text) if file.suffix == ".json" else list(csv.DictReader(text))
