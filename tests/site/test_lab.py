"""Explorers and panels in JupyterLab, with Python behind them: those of chapter 1, and cells of our own."""

import functools
import io
import json
import os
import re
import shutil
import subprocess
import symtable
import sys
import time
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))
from set_up_lab import set_up

pytestmark = pytest.mark.browser

CHAPTER = Path(__file__).parents[2] / "chapters" / "01_patches.ipynb"
LISTENER = """
from ipywidgets import HTML, dlink
cutting = next(each for each in Out.values() if type(each).__name__ == "PatchExplorer")
told = HTML()
dlink((cutting, "selected"), (told, "value"),
      lambda patch: f"<p class='told'>Python has patch {patch} of {len(cutting.patches)}</p>")
told
"""
HEARD = """
import torch
from ipywidgets import HTML, IntSlider, link
from patchwork.explorers.answers import AnswersExplorer
from patchwork.explorers.attention import AttentionExplorer, Scene
from patchwork.explorers.convolution import ConvolutionExplorer
from patchwork.explorers.graphs import GraphExplorer
from patchwork.explorers.real_network import RealNetworkExplorer
from patchwork.explorers.relations import RelationsExplorer
from patchwork.explorers.similarity import SimilarityExplorer
from patchwork.explorers.windows import WindowExplorer

torch.manual_seed(0)

def show(explorer, counts, name, least, most):
    # the explorer, a slider of one of its traits, and what Python has
    told, slider = HTML(), IntSlider(getattr(explorer, name), least, most, description="From Python")

    def tell(_):
        told.value = f"<p class='told'>Python has {counts(explorer)}, {explorer!r}</p>"

    explorer.observe(tell)
    tell(None)
    link((slider, "value"), (explorer, name))
    display(explorer, slider, told)
"""
ATTENTION = """
def scene(side, tokens):
    queries, keys = [{name: torch.randn(1, 2, tokens, 4) for name in ("untrained", "trained")} for _ in range(2)]
    return Scene(torch.rand(3, side, side), (side // 16, side // 16), queries, keys)

explorer = AttentionExplorer({"large": scene(128, 64), "small": scene(32, 5)}, query=9)
show(explorer, lambda explorer: explorer.weights.argmax(), "query", 0, 63)
"""
WINDOWS = """
explorer = WindowExplorer(torch.rand(3, 64, 64), grid=(8, 8))
counts = lambda explorer: f"{int(explorer.answers.sum())} answers, {int(explorer.heard.sum())} heard"
show(explorer, counts, "blocks", 0, 8)
"""
CONVOLUTION = """
explorer = ConvolutionExplorer(torch.rand(3, 16, 16), selected=0)
counts = lambda explorer: f"{int((explorer.row != 0).sum())} weights, {explorer.field[0]} wide"
show(explorer, counts, "layers", 1, 8)
"""
SIMILARITY = """
regions = torch.tensor([0, 0, 1, 1]).repeat(4)
explorer = SimilarityExplorer((torch.rand(1, 64, 64), regions), selected=0)
counts = lambda explorer: f"{explorer.nearest.tolist()}, {explorer.scores[explorer.feature][explorer.metric]:.2f}"
show(explorer, counts, "selected", 0, 15)
"""
GRAPHS = """
regions = torch.tensor([0, 0, 1, 1]).repeat(4)
explorer = GraphExplorer((torch.rand(1, 64, 64), regions), radius=1.5, clusters=2, selected=0)
counts = lambda explorer: f"degree {explorer.degrees[explorer.selected]:.2f}, {explorer.score:.2f}"
show(explorer, counts, "selected", 0, 15)
"""
RELATIONS = """
regions = torch.tensor([0, 0, 1, 1]).repeat(4)
explorer = RelationsExplorer((torch.rand(1, 64, 64), regions), selected=0)
scored = lambda explorer: {**explorer.scores, **({"eye": explorer.guess} if explorer.guess else {})}
counts = lambda explorer: ", ".join(f"{auc:.2f} {mass:.2f}" for auc, mass in sorted(scored(explorer).values()))
show(explorer, counts, "selected", 0, 15)
"""
ANSWERS = """
from patchwork.synthesis import trained

explorer = AnswersExplorer({"grid": trained("grid"), "knn": trained("knn", 1)})
counts = lambda explorer: f"{explorer.counts} in scene {explorer.scene}"
show(explorer, counts, "scene", 0, 9)
"""
REAL_NETWORK = """
explorer = RealNetworkExplorer(photo="mosaic", depth=2, selected=0)
counts = lambda explorer: f"AUC {explorer.score or 0:.2f}, reach {explorer.reach:.1f}"
show(explorer, counts, "depth", 0, 12)
"""
PANEL = """
from matplotlib.figure import Figure
from patchwork.explorers.panel import LivePanel

def ask(image, model="none", rows=2, kind="a"):
    return Figure(figsize=(1, 1)), f"model {model}, {rows} rows, kind {kind}"

LivePanel(ask, size=32, model="none", rows=(2, 8), kind=["a", "b"])
"""
WHOLE = {"@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"}}  # cells out of sight are there, too


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own on the loopback address, set up for the book, with two notebooks; gives its address."""
    home = tmp_path_factory.mktemp("lab")
    set_up(home / "environment")
    for name, settings in WHOLE.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), "utf-8")
    (home / "book").mkdir()
    nbformat.write(live_notebook(), home / "book" / "live.ipynb")
    cells = [nbformat.v4.new_code_cell(source) for source in (PANEL, HEARD + WINDOWS)]
    short = nbformat.v4.new_notebook(cells=cells, metadata=live_notebook().metadata)
    nbformat.write(short, home / "book" / "saved.ipynb")
    server = start_lab(home)
    try:
        yield wait_for_address(server, home / "runtime")
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(home)


@functools.cache
def live_notebook():
    """Of chapter 1 what its explorer and its panel need, with the outputs as they are stored, and our own cells."""
    notebook = nbformat.read(CHAPTER, as_version=4)
    notebook.cells = live_cells(notebook) + [nbformat.v4.new_code_cell(source) for source in APPENDED.values()]
    return notebook


def live_cells(chapter):
    """The cells that show an explorer or a panel, after those that define what they use."""
    kept, wanted = [], set()
    for cell in reversed([cell for cell in chapter.cells if cell.cell_type == "code"]):
        made, used = names_in(symtable.symtable(cell.source, "cell", "exec"))
        if wanted & made or re.search(r"^(PatchExplorer|LivePanel)\(", cell.source, re.M):
            kept, wanted = [cell, *kept], (wanted | used) - made
    return kept


def names_in(table):
    """The names that a cell defines, and the global ones that it uses, in its functions too."""
    made = {each.get_name() for each in table.get_symbols() if each.is_assigned() or each.is_imported()}
    used = {each.get_name() for each in table.get_symbols() if each.is_global()}
    return made, used.union(*(names_in(child)[1] for child in table.get_children()))


def start_lab(home):
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_CONFIG_PATH": "environment/etc/jupyter",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = os.environ | {name: str(home / place) for name, place in places.items()} | {"PATCHWORK_DEVICE": "cpu"}
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        "--IdentityProvider.token=",
        "--LanguageServerManager.autodetect=False",
    ]
    options += [f"--LabApp.app_settings_dir={home / 'environment/share/jupyter/lab/settings'}"]
    command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={home / 'book'}"]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def wait_for_address(server, runtime, seconds=40):
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            return json.loads(file.read_text("utf-8"))["url"]
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{(runtime.parent / 'log').read_text('utf-8')[-2000:]}")


def wait_for_kernel(page, sessions, path, seconds=60):
    """Wait until the page listens to the notebook's kernel; it shows one that is idle before it has one at all."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        kernels = [each["kernel"] for each in page.request.get(sessions).json() if each["path"] == path]
        if any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"the kernel of {path} did not come: {kernels}")


@pytest.fixture(scope="module")
def notebook(browser, lab):
    """The page of the notebook, and a list of what it asked for elsewhere and what of ours complained."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page, troubles = context.new_page(), []
    page.set_default_timeout(30_000)
    own, ours = (lab, lab.replace("http", "ws", 1), "data:", "blob:"), "patchwork|explorer|pw-|blob:|data:"

    def complain(text):
        if re.search(ours, text):
            troubles.append(text)

    page.on("request", lambda request: request.url.startswith(own) or troubles.append(request.url))
    page.on("pageerror", lambda error: complain(str(error)))
    page.on("console", lambda entry: entry.type == "error" and complain(entry.text))
    page.goto(f"{lab}doc/tree/live.ipynb")
    wait_for_kernel(page, f"{lab}api/sessions", "live.ipynb")
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(live_notebook().cells))
    cells.evaluate_all("(cells, names) => names.reverse().forEach((own) => cells.pop().dataset.own = own)", [*APPENDED])
    yield page, troubles
    context.close()


@pytest.fixture
def page(notebook):
    """The page; a test may leave no trouble in it."""
    page, troubles = notebook
    yield page
    found, troubles[:] = troubles[:], []
    assert found == []


def ask_within_windows(page, explorer, told, from_python):
    asking, sentence = explorer.get_by_role("slider", name="Token that asks"), explorer.locator(".pw-place")
    asking.scroll_into_view_if_needed()
    expect(sentence).to_contain_text("Token 48 (row 6, column 0) is in window 3")
    expect(told).to_contain_text("Python has 4 answers, 64 heard")
    box = asking.bounding_box()
    asking.click(position={"x": 2.5 / 8 * box["width"], "y": 1.5 / 8 * box["height"]})
    expect(told).to_contain_text("Python has 16 answers")
    expect(told).to_contain_text("selected=28, ")
    asking.press("ArrowDown")
    expect(told).to_contain_text("selected=36, ")
    explorer.get_by_role("radio", name="5 Shift back").check()
    expect(told).to_contain_text("step='unshift'")
    explorer.get_by_label("Window size M").select_option("2")
    expect(told).to_contain_text("shift=1, ")
    expect(told).to_contain_text("window_size=2)")
    type_in_it(page, asking, explorer.get_by_label("Blocks L"), explorer.get_by_label("Shift u"))
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("Python has 4 answers, 64 heard")
    from_python.get_by_role("slider").press("ArrowLeft")
    expect(explorer.locator(".pw-heard")).to_contain_text("After 2 blocks token 48 has heard of 16 of 64")


def convolve(page, explorer, told, from_python):
    asking, sentence = explorer.get_by_role("slider", name="Pixel that asks"), explorer.locator(".pw-place")
    asking.scroll_into_view_if_needed()
    expect(sentence).to_contain_text("Pixel 0 (row 0, column 0)")
    expect(told).to_contain_text("Python has 2 weights, 17 wide")
    explorer.locator("label", has_text="Boundary").locator("select").select_option("circular")
    expect(told).to_contain_text("Python has 6 weights")
    box = asking.bounding_box()
    asking.click(position={"x": 4.5 / 16 * box["width"], "y": 3.5 / 16 * box["height"]})
    expect(told).to_contain_text("selected=52, ")
    asking.press("ArrowDown")
    expect(told).to_contain_text("selected=68, ")
    weight = explorer.get_by_label("Weight at offset (0, 0)")
    weight.fill("0.5")
    expect(told).to_contain_text("[-1.0, 0.5, 1.0]")
    expect(told).to_contain_text("Python has 7 weights")
    weight.press("Control+a")
    weight.press_sequentially("-1.25")
    expect(told).to_contain_text("[-1.0, -1.25, 1.0]")
    expect(weight).to_have_value("-1.25")
    explorer.locator("label", has_text="Dilation").locator("select").select_option("doubling")
    explorer.get_by_label("Stride 2 in layer 2").check()
    expect(told).to_contain_text("dilation='doubling'")
    expect(told).to_contain_text("stride=[1, 2, 1, 1, 1, 1, 1, 1]")
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("Python has 2 weights, 17 wide")
    from_python.get_by_role("slider").press("ArrowLeft")
    expect(explorer.locator(".pw-seen")).to_contain_text("7 layers of 3 × 3 see 15 × 15 pixels")


def compare(page, explorer, told, from_python):
    asking, sentence = explorer.get_by_role("slider", name="Patch that asks"), explorer.locator(".pw-place")
    asking.scroll_into_view_if_needed()
    expect(sentence).to_contain_text("Patch 0 (row 0, column 0) asks.")
    agree(explorer, told)
    box = asking.bounding_box()
    asking.click(position={"x": 2.5 / 4 * box["width"], "y": 1.5 / 4 * box["height"]})
    expect(told).to_contain_text("selected=6)")
    asking.press("ArrowDown")
    expect(told).to_contain_text("selected=10)")
    explorer.get_by_role("radio").nth(3).click()
    page.keyboard.press("ArrowDown")
    expect(told).to_contain_text("feature='spectrum', gain=1.0, metric='cosine'")
    explorer.get_by_label("Gain").fill("12")
    explorer.get_by_label("Offset").fill("-3")
    expect(told).to_contain_text("gain=0.6, metric='cosine', mode='patch', offset=-0.15")
    agree(explorer, told)
    type_in_it(page, asking, explorer.get_by_label("Gain"), explorer.get_by_role("radio").first)
    explorer.locator("label", has_text="Show").locator("select").select_option("neighbors")
    expect(told).to_contain_text("mode='neighbors'")
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("gain=1.0, metric='euclidean', mode='patch', offset=0.0")
    expect(from_python.locator(".widget-readout")).to_have_text("0")
    from_python.get_by_role("slider").press("ArrowRight")
    expect(sentence).to_contain_text("Patch 1 (row 0, column 1) asks.")
    agree(explorer, told)


def agree(explorer, told):
    """The page and Python have the same nearest patches and the same score over all."""
    expect(explorer.locator(".pw-bar[data-old]")).to_have_count(0)
    nearest = re.match(r"Nearest: ([\d, ]+);", explorer.locator(".pw-nearest").inner_text())[1]
    score = re.match(r"Over all 16 patches ([\d.]+), chance", explorer.locator(".pw-all").inner_text())[1]
    expect(told).to_contain_text(f"Python has [{nearest}], {score}, ")  # which answers later than the page


def follow_a_graph(page, explorer, told, from_python):
    asking, sentence = explorer.get_by_role("slider", name="Chosen patch"), explorer.locator(".pw-place")
    asking.scroll_into_view_if_needed()
    same_graph(explorer, told)
    box = asking.bounding_box()
    asking.click(position={"x": 2.5 / 4 * box["width"], "y": 1.5 / 4 * box["height"]})
    expect(told).to_contain_text("selected=6,")
    asking.press("ArrowDown")
    expect(told).to_contain_text("selected=10,")
    explorer.locator("label", has_text="Edges to").locator("select").select_option("nearest")
    explorer.get_by_label("Neighbors k").fill("3")
    expect(told).to_contain_text("graph='nearest', k=3")
    same_graph(explorer, told)
    explorer.locator("label", has_text="Show").locator("select").select_option("diffusion")
    expect(told).to_contain_text("view='diffusion'")
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("graph='radius', k=8")
    same_graph(explorer, told)
    expect(from_python.locator(".widget-readout")).to_have_text("0")
    from_python.get_by_role("slider").press("ArrowRight")
    expect(sentence).to_contain_text("Patch 1 (row 0, column 1)")
    expect(told).to_contain_text("selected=1,")
    same_graph(explorer, told)


def same_graph(explorer, told):
    """The page and Python have the same degree and the same score."""
    degree, score = re.search(r"Python has degree ([\d.]+), (-?[\d.]+)", told.inner_text()).groups()
    expect(explorer).to_contain_text(f"degree {degree}")
    expect(explorer).to_contain_text(f"Adjusted Rand index {score.replace('-', '−')}")


def guess_a_relation(page, explorer, told, from_python):
    picture, sentence = explorer.get_by_role("slider"), explorer.locator(".pw-place")
    picture.scroll_into_view_if_needed()
    expect(sentence).to_contain_text("Which patches belong to the outlined one, patch 0")
    box = picture.bounding_box()
    picture.click(position={"x": 1.5 / 4 * box["width"], "y": 0.5 / 4 * box["height"]})
    expect(told).to_contain_text("marked=[1],")
    picture.press("ArrowDown")
    picture.press("Space")
    expect(told).to_contain_text("marked=[1, 5],")
    type_in_it(page, picture, explorer.get_by_role("button", name="Compare"))
    explorer.get_by_role("button", name="Compare").click()
    expect(told).to_contain_text("revealed=True")
    expect(explorer.locator(".pw-verdict")).to_contain_text("Your eye: 2 patches, AUC 0.64, mass 1.00")
    same_scores(explorer, told)
    from_python.get_by_role("slider").press("ArrowRight")
    expect(sentence).to_contain_text("Patch 1 (row 0, column 1) asks.")
    expect(told).to_contain_text("selected=1)")
    same_scores(explorer, told)
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("marked=[], patch_size=16, photo='photo', revealed=False, selected=0)")


def same_scores(explorer, told):
    """The page and Python have the same scores of each relation and of the guess."""
    cells = explorer.locator("tbody tr").evaluate_all("rows => rows.map((row) => row.innerText.split(/\\s*\\t\\s*/))")
    numbers = sorted([float(text) for text in texts[1:3]] for texts in cells)
    pairs = re.search(r"Python has ([\d., ]+), Relations", told.inner_text())[1].split(", ")
    for found, pair in zip(numbers, pairs, strict=True):
        assert found == pytest.approx([float(number) for number in pair.split()], abs=0.011)


def mark_a_patch(page, explorer, told, from_python):
    mark, sentence = explorer.get_by_role("slider", name="Marked patch"), explorer.locator(".pw-place")
    mark.scroll_into_view_if_needed()
    expect(sentence).to_contain_text("The mark: row 4, column 8,")
    same_counts(explorer, told)
    box = mark.bounding_box()
    mark.click(position={"x": 2.5 / 12 * box["width"], "y": 5.5 / 12 * box["height"]})
    expect(told).to_contain_text("selected=62,")
    mark.press("ArrowDown")
    expect(told).to_contain_text("selected=74,")
    explorer.get_by_role("radio").nth(1).click()
    explorer.locator("label", has_text="Show").locator("select").select_option("steps")
    expect(told).to_contain_text("network='knn', question='same', scene=0, selected=74, view='steps')")
    same_counts(explorer, told)
    type_in_it(page, mark, explorer.get_by_role("radio").first, explorer.get_by_role("slider").last)
    from_python.get_by_role("slider").press("ArrowRight")
    expect(told).to_contain_text("in scene 1,")
    same_counts(explorer, told)
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("network='grid', question='same', scene=0, selected=56, view='right')")
    same_counts(explorer, told)


def same_counts(explorer, told):
    """The page and Python count the same right answers, with news and without."""
    radios = explorer.get_by_role("radio")
    for name, counted in re.findall(r"'(\w+)': \(\((.*?)\)\)", told.inner_text()):
        right, reached, others, beyond = re.findall(r"\d+", counted)
        label = f"{name}: {right} of {reached} with news are right, {others} of {beyond} without"
        expect(radios.nth(("grid", "knn").index(name))).to_have_attribute("aria-label", label)


def use_the_explorer(page, told):
    explorer = page.locator(".pw-patches")
    photo = explorer.locator(".pw-image [role=slider]")
    photo.scroll_into_view_if_needed()
    first = told.inner_text()
    box = photo.bounding_box()
    photo.click(position={"x": 1.5 / 7 * box["width"], "y": 4.5 / 7 * box["height"]})
    expect(explorer.locator(".pw-place")).to_contain_text("Patch 29 is in row 4, column 1")
    expect(told).to_have_text("Python has patch 29 of 49", timeout=20_000)
    cell = page.locator(".jp-Notebook .jp-mod-active").first.element_handle()
    for key, patch in (("ArrowRight", 30), ("ArrowDown", 37), ("Home", 0), ("End", 48)):
        photo.press(key)
        expect(told).to_have_text(f"Python has patch {patch} of 49")
    assert cell.evaluate("node => node.classList.contains('jp-mod-active')")
    type_in_it(page, photo, explorer.get_by_label("Place in the sequence"))
    expect(told).to_have_text("Python has patch 46 of 49")
    explorer.get_by_label("Patch size P").select_option("16")
    expect(told).to_contain_text("of 196")
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_have_text(first)
    explorer.get_by_label("Your own photo…").set_input_files(
        {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}
    )
    expect(explorer.get_by_role("alert")).to_contain_text("is not a picture")


def type_in_it(page, *controls):
    """Single keys are the notebook's commands: insert a cell, cut one, turn one into text, go to the next one."""
    cells = page.locator(".jp-Notebook .jp-Cell")
    controls[0].focus()
    before, active = cells.count(), page.locator(".jp-Notebook .jp-Cell.jp-mod-active").element_handle()
    for control in controls:
        control.focus()
        for key in ("a", "b", "m", "ArrowLeft"):
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert cells.count() == before
    assert active.evaluate("node => node.classList.contains('jp-mod-active') && node.classList.contains('jp-CodeCell')")


def use_the_panel(page):
    cell = page.locator(".jp-Cell", has=page.locator(".pw-live-panel")).first
    panel = cell.locator(".jp-OutputArea-output", has=page.get_by_label("or its path")).last
    picture, path = panel.locator("img"), panel.get_by_label("or its path")
    picture.scroll_into_view_if_needed()
    before, words = picture.get_attribute("src"), picture.get_attribute("alt")
    assert words
    panel.get_by_label("Photograph").select_option("coffee")
    expect(picture).not_to_have_attribute("src", before, timeout=20_000)
    path.fill("nowhere.png")
    path.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("nowhere.png", timeout=20_000)
    expect(picture).to_be_visible()


def ask_for_attention(page, explorer, told, from_python):
    trained = explorer.get_by_role("group", name="Trained", exact=True)
    token, reading = trained.get_by_role("slider").first, explorer.locator(".pw-place")
    token.scroll_into_view_if_needed()
    expect(reading).to_contain_text("Patch 9 (row 1, column 1) asks")
    assert each_finding_on_its_own_lines(trained)
    box = token.bounding_box()
    token.click(position={"x": 4.5 / 8 * box["width"], "y": 2.5 / 8 * box["height"]})
    expect(told).to_contain_text("query=20,")
    token.press("ArrowDown")
    expect(told).to_contain_text("query=28,")
    explorer.get_by_label("Scale of the logits").press("ArrowLeft")
    expect(told).to_contain_text("temperature=1.189")
    explorer.get_by_label("Head").select_option("1")
    expect(told).to_contain_text("head=1,")
    expect(told).to_contain_text(f"Python has {strongest(trained)},")
    type_in_it(page, token, explorer.get_by_label("Scale of the logits"), explorer.get_by_label("Head"))
    explorer.get_by_label("Picture").select_option("small")
    expect(told).to_contain_text("query=0, scene='small'")
    expect(reading).to_contain_text("The class token asks, 5 tokens answer.")
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("(block=0, head=None, model=None, query=9, scene='large', temperature=1.0)")
    from_python.get_by_role("slider").press("ArrowRight")
    expect(reading).to_contain_text("Patch 10 ")


def each_finding_on_its_own_lines(group):
    """JupyterLab floats the terms of a list; here each stands before its number, in one line of text."""
    return group.locator(".pw-findings > div").evaluate_all(
        """lines => lines.length > 2 && lines.every(line => {
            const [term, number] = [...line.children].map(each => each.getClientRects()[0]);
            return Math.abs(term.top - number.top) < 2 && number.left >= term.right && number.left - term.right < 12;
        })"""
    )


def strongest(group):
    """The patch that the first of the sorted answers is."""
    answers = group.get_by_role("slider").last
    answers.press("Home")
    return re.match(r"Patch (\d+)", answers.get_attribute("aria-valuetext"))[1]


def use_every_kind_of_control(page, panel):
    sentence = panel.get_by_role("status")
    expect(sentence).to_have_text("model none, 2 rows, kind a")
    text = panel.get_by_label("Model")
    text.fill("vit-small")
    page.wait_for_timeout(300)
    expect(sentence).to_have_text("model none, 2 rows, kind a")
    text.press("Enter")
    expect(sentence).to_have_text("model vit-small, 2 rows, kind a")
    slider = panel.get_by_role("slider", name="Rows")
    slider.press("ArrowRight")
    expect(sentence).to_have_text("model vit-small, 3 rows, kind a")
    expect(panel.get_by_role("textbox", name="Rows, as a number")).to_have_text("3")
    type_in_it(page, slider, panel.get_by_label("Kind"), panel.get_by_label("Photograph"))


# Each explorer in a cell of its own, and what is done with it there.
def look_into_a_network(page, explorer, told, from_python):
    asking, sentence = explorer.get_by_role("slider", name="Chosen patch"), explorer.locator(".pw-place")
    asking.scroll_into_view_if_needed()
    expect(sentence).to_contain_text("Patch 0 (row 0, column 0), depth 2 of 12")
    agree_on_the_network(explorer, told)
    box = asking.bounding_box()
    asking.click(position={"x": 5.5 / 16 * box["width"], "y": 2.5 / 16 * box["height"]})
    expect(told).to_contain_text("selected=37)")
    agree_on_the_network(explorer, told)
    asking.press("ArrowDown")
    expect(told).to_contain_text("selected=53)")
    explorer.locator("label", has_text="Show").locator("select").select_option("3")  # its heads come from Python
    expect(told).to_contain_text("head=3, ")
    expect(explorer.locator(".pw-shown")).to_contain_text("It attends")
    agree_on_the_network(explorer, told)
    from_python.get_by_role("slider").press("ArrowRight")
    expect(sentence).to_contain_text("depth 3 of 12")
    agree_on_the_network(explorer, told)
    explorer.get_by_role("button", name="Reset").click()
    expect(told).to_contain_text("depth=2, head=None, photo='mosaic', selected=0)")
    sky = Image.linear_gradient("L").resize((224, 224)).convert("RGB")
    file = io.BytesIO()
    sky.save(file, "PNG")
    own = {"name": "sky.png", "mimeType": "image/png", "buffer": file.getvalue()}
    explorer.get_by_label("Your own photo…").set_input_files(own)  # read by the network of `make model`
    expect(told).to_contain_text("photo='your photo'", timeout=60_000)
    expect(explorer.locator(".pw-shown")).to_contain_text("patches away on average", timeout=60_000)


def agree_on_the_network(explorer, told):
    """The page's AUC is Python's."""
    shown = re.search(r"AUC (\d\.\d\d)", explorer.locator(".pw-shown").inner_text())[1]
    expect(told).to_contain_text(f"AUC {shown}")


LIVE = {
    "real-network": (REAL_NETWORK, look_into_a_network),
    "attention": (ATTENTION, ask_for_attention),
    "windows": (WINDOWS, ask_within_windows),
    "convolution": (CONVOLUTION, convolve),
    "similarity": (SIMILARITY, compare),
    "graphs": (GRAPHS, follow_a_graph),
    "relations": (RELATIONS, guess_a_relation),
    "answers": (ANSWERS, mark_a_patch),
}
APPENDED = {"listener": LISTENER, "panel": PANEL} | {name: HEARD + source for name, (source, _) in LIVE.items()}


def appended(page, name):
    """The cell of our own, selected."""
    cell = page.locator(f"[data-own={name}]")
    cell.locator(".jp-InputPrompt").first.click()
    return cell


def run(cell):
    cell.page.keyboard.press("Control+Enter")
    cell.locator(".told, .pw-live-panel").first.wait_for(timeout=60_000)


def test_chapter_1_lives_in_jupyterlab(page):
    stored = page.locator(".jp-OutputArea img[alt^='The photograph']")
    expect(stored).to_be_visible(timeout=30_000)
    cell = appended(page, "listener")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Above Selected Cell", exact=True).click()
    run(cell)
    use_the_explorer(page, cell.locator(".told"))
    use_the_panel(page)


def test_a_panel_lives_in_jupyterlab(page):
    cell = appended(page, "panel")
    run(cell)
    use_every_kind_of_control(page, cell.locator(".pw-live-panel"))


@pytest.mark.parametrize("name", LIVE)
def test_an_explorer_lives_in_jupyterlab(page, name):
    cell = appended(page, name)
    run(cell)
    _, use = LIVE[name]
    from_python = cell.locator(".widget-slider", has_text="From Python")
    use(page, cell.locator(f".pw-{name}"), cell.locator(".told"), from_python)


@pytest.fixture(scope="module")
def saved(browser, lab):
    """The page of a notebook that was run, saved with its widgets, and opened again with another kernel."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{lab}doc/tree/saved.ipynb")
    wait_for_kernel(page, f"{lab}api/sessions", "saved.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".told").wait_for()
    with page.expect_response(re.compile("/checkpoints")):  # which follows what was saved
        page.keyboard.press("Control+s")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_text("Shut Down Kernel", exact=True).click()
    page.goto("about:blank")
    page.goto(f"{lab}doc/tree/saved.ipynb")
    yield page
    context.close()


def test_a_saved_notebook_shows_its_explorers_and_panels_without_their_kernel(saved):
    expect(saved.locator(".pw-windows .pw-place")).to_contain_text("Token 48 ", timeout=30_000)
    expect(saved.locator(".pw-live-panel").get_by_role("status")).to_contain_text("kind a")
    expect(saved.get_by_text("model not found")).to_have_count(0)


def test_the_menu_exports_an_explorers_picture_and_a_panels_words(saved, lab):
    """Though the widgets were saved, whose views need a network."""
    xsrf = next(each["value"] for each in saved.context.cookies() if each["name"] == "_xsrf")
    exported = saved.request.get(f"{lab}nbconvert/html/saved.ipynb?_xsrf={xsrf}").text()
    assert 'data-explorer="windows"' in exported
    assert 'class="live-panel"' in exported
