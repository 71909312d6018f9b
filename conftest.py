"""What a whole run shares: the live panel's test in its chapter's own kernel, and long files before short ones."""

from collections import defaultdict

import nbformat
import pytest

TRY_THE_PANEL = """
import gc
from patchwork.explorers.panel import LivePanel

panel, = (each for each in gc.get_objects() if type(each) is LivePanel)
for settings in panel.settings():
    png, sentence = panel.compute(**settings)
    assert png.startswith(b"\\x89PNG") and sentence, settings
"""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """After the cells of a chapter: each value of each control of its panel, the others at default, then 50 at random.

    They run where nbval ran the chapter, for the panel asks models that the chapter has trained.
    """
    report = yield
    if type(collector).__name__ == "IPyNbFile" and report.passed and not collector.path.name.startswith("00"):
        last = report.result[-1]
        cell = nbformat.v4.new_code_cell(TRY_THE_PANEL)
        details = {"cell_num": last.cell_num + 1, "cell": cell, "options": defaultdict(bool)}
        panel = type(last).from_parent(collector, name="The live panel answers every setting", **details)
        report.result.append(panel)
    return report


def pytest_collection_modifyitems(items):
    """Files that drive a browser come first, then chapters: with few workers, a long file must not be the last."""
    items.sort(key=lambda item: ("site" not in item.path.parts, item.path.suffix != ".ipynb"))
