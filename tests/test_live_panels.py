"""The live panel of each chapter answers whatever its controls can say."""

import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient

CHAPTERS = sorted((pathlib.Path(__file__).parents[1] / "chapters").glob("*.ipynb"))
TRY_THE_PANEL = """
panel = Out[max(Out)]  # what the last cell shows
for settings in panel.settings():
    png, sentence = panel.compute(**settings)
    assert png.startswith(b"\\x89PNG") and sentence, settings
"""


@pytest.mark.parametrize("path", [path for path in CHAPTERS if path.stem[:2] != "00"], ids=lambda path: path.stem)
def test_the_live_panel_answers_every_setting(path):
    """Every value of each control with the others at default, then 50 random settings, on the panel of the chapter."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = next(index for index, cell in enumerate(cells) if re.search(r"^LivePanel\(", cell.source, re.M))
    notebook.cells = [*cells[: last + 1], nbformat.v4.new_code_cell(TRY_THE_PANEL)]
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
