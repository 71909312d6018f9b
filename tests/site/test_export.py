"""A notebook that nbconvert runs and turns into HTML: read from disk, without a network."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))
from set_up_lab import set_up

pytestmark = pytest.mark.browser

EXPLORER = """
from patchwork.explorers.patches import PatchExplorer
from patchwork.images import load_image

PatchExplorer({"astronaut": load_image("astronaut", size=64)}, patch_size=16)
"""
PANEL = """
from matplotlib.figure import Figure
from patchwork.explorers.panel import LivePanel

def ask(image, rows=2):
    return Figure(figsize=(1, 1)), f"{rows} rows"

LivePanel(ask, size=32, rows=(2, 8))
"""
SLIDER = "from ipywidgets import IntSlider\nIntSlider(3)"
OF_ONES_OWN = "--ExecutePreprocessor.store_widget_state=False"  # what the README says for another environment


@pytest.fixture(scope="module", params=[[], [OF_ONES_OWN]], ids=["set up", "of one's own"])
def exported(request, tmp_path_factory):
    """The page that nbconvert writes, in an environment that is set up for the book or isn't."""
    folder = tmp_path_factory.mktemp("export")
    cells = [nbformat.v4.new_code_cell(source) for source in (EXPLORER, PANEL, SLIDER)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "own.ipynb")
    if not request.param:
        set_up(folder)
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", *request.param, "own.ipynb"]
    places = {"JUPYTER_CONFIG_DIR": folder / "none", "JUPYTER_CONFIG_PATH": folder / "etc" / "jupyter"}
    environment = os.environ | {name: str(place) for name, place in places.items()} | {"PATCHWORK_DEVICE": "cpu"}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return folder / "own.html"


def test_an_explorer_is_its_picture_and_a_panel_its_words(exported, browser):
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(exported.as_uri())
    picture = page.get_by_role("img", name="The photograph “astronaut”")
    expect(picture).to_be_visible()
    assert picture.evaluate("node => node.complete && node.naturalWidth") >= 600
    expect(page.locator(".live-panel")).to_contain_text("it needs a running kernel")
    context.close()


def test_other_widgets_are_exported_as_ever(exported, request):
    views = exported.read_text("utf-8").count('<script type="application/vnd.jupyter.widget-view+json">')
    assert views == (1 if "set up" in request.node.callspec.id else 0)
