"""How fast an explorer answers in the browser, and what it brings to a page."""

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch

from patchwork.explorers.answers import AnswersExplorer
from patchwork.explorers.attention import AttentionExplorer, Scene
from patchwork.explorers.common import modules
from patchwork.explorers.common import widget as base
from patchwork.explorers.convolution import ConvolutionExplorer, preset
from patchwork.explorers.graphs import GraphExplorer
from patchwork.explorers.patches import PatchExplorer
from patchwork.explorers.real_network import RealNetworkExplorer
from patchwork.explorers.relations import RelationsExplorer
from patchwork.explorers.similarity import SimilarityExplorer
from patchwork.explorers.windows import WindowExplorer
from patchwork.images import load_image, texture_mosaic

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FRAME = 16  # ms
PRESSES, FEWEST, PATIENCE = 30, 20, 6.0  # the fewest of what takes longer than so many seconds
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Patches</title>
<link rel="stylesheet" href="explorers.css"><script defer src="explorers.js"></script>
<main style="max-width: 760px">{}</main></html>"""

# The page's own work for one input: its listeners, what they draw in the next frame, style and layout. What the browser
# then does in other processes (raster, composition) is left out: it depends on the machine's screen and GPU alone.
STOPWATCH = """
  window.work = 0;
  let within = false; // a listener may set off another: focus within a click
  const timed = (work) => function (...given) {
    if (within) return work.apply(this, given);
    const start = performance.now();
    within = true;
    Promise.resolve().then(() => {}).then(() => { window.work += performance.now() - start; within = false; });
    return work.apply(this, given);
  };
  const listen = EventTarget.prototype.addEventListener, frame = window.requestAnimationFrame;
  EventTarget.prototype.addEventListener = function (name, work, ...options) {
    return listen.call(this, name, typeof work === "function" ? timed(work) : work, ...options);
  };
  window.requestAnimationFrame = (work) => frame(timed((now) => { work(now); document.body.getBoundingClientRect(); }));
  const later = window.setTimeout;
  window.longest = 0;
  window.setTimeout = (work, ...rest) => later(() => {
    const start = performance.now();
    work();
    window.longest = Math.max(window.longest, performance.now() - start);
  }, ...rest);
  window.answer = () => new Promise((done) => frame(() => frame(() => { done(window.work); window.work = 0; })));
"""


def rows():
    """Measure what each explorer brings to its page, and how long it takes to answer each kind of input."""
    patches = PatchExplorer({name: load_image(name, size=224) for name in ("astronaut", "coffee", "chelsea")})
    windows = WindowExplorer({name: load_image(name, size=256) for name in ("astronaut", "coffee")})
    most = WindowExplorer(load_image("astronaut", size=256), grid=(64, 64), window_size=16)
    kernels = ConvolutionExplorer({name: load_image(name, size=48) for name in ("astronaut", "coffee", "camera")})
    largest = {"kernel": preset("Gaussian", 5), "stride": 2, "dilation": "doubling"}
    largest = ConvolutionExplorer(load_image("astronaut", size=64), **largest)
    explorers = {
        patches: PATCH_ACTS,
        _attention(): ATTENTION_ACTS,
        windows: _window_acts("16 × 16"),
        most: _window_acts("64 × 64"),
        kernels: _convolution_acts("48 × 48"),
        largest: _convolution_acts("64 × 64"),
        _similarity(): SIMILARITY_ACTS,
        _graphs(): GRAPH_ACTS,
        RelationsExplorer(): RELATION_ACTS,
        AnswersExplorer(): ANSWER_ACTS,
        RealNetworkExplorer(): NETWORK_ACTS,
    }
    states = [_size(explorer) for explorer in explorers if explorer not in (most, largest)]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = browser_path(playwright)
        if chromium is None:
            print("No Chromium on the PATH: the explorers' answers to clicks and keys are left out.")
            return states
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        return [*states, *_answers(explorers, browser)]


def browser_path(playwright):
    """Return the path of a Chromium, on the PATH or from ``playwright install chromium``; None where there is none."""
    return next(filter(None, map(shutil.which, (*BROWSERS, playwright.chromium.executable_path))), None)


def _attention():
    """A mosaic of 256 patches under two models of four heads, and a photograph's 785 tokens in two heads."""
    fixed = torch.Generator().manual_seed(0)

    def parts(*shape):
        return [{name: torch.randn(shape, generator=fixed) for name in ("untrained", "trained")} for _ in range(2)]

    image, labels = texture_mosaic(generator=fixed)
    photo = load_image("coffee", size=224)
    scenes = {
        "mosaic": Scene(image, (16, 16), *parts(1, 4, 256, 4), labels),
        "photograph": Scene(photo, (28, 28), *parts(1, 2, 785, 4)),
    }
    return AttentionExplorer(scenes)


def _similarity():
    """A mosaic with its regions and a photograph, 256 patches each."""
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(0))
    return SimilarityExplorer({"mosaic": mosaic, "photograph": load_image("coffee", size=256)})


def _graphs():
    """Two mosaics with their regions and a photograph, 256 patches each."""
    mosaics = [texture_mosaic(half="test", generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    photo = load_image("coffee", size=256)
    return GraphExplorer({"mosaic": mosaics[0], "second mosaic": mosaics[1], "photograph": photo})


def _size(explorer):
    return {
        "name": f"{type(explorer).__name__}, state on the page",
        "value": round(len(json.dumps(explorer.state())) / 1000, 1),
        "unit": "kB",
        "reach": base.STATE_LIMIT / 1000,
    }


def _answers(explorers, browser):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "explorers.js").write_text(modules.page_script(), "utf-8")
        shutil.copyfile(modules.STYLE_SHEET, Path(folder, "explorers.css"))
        for name, text in modules.page_parts().items():
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, name).write_text(text, "utf-8")
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        found = []
        for explorer, acts in explorers.items():
            page_file = Path(folder, "page.html")
            page_file.write_text(PAGE.format(explorer._repr_mimebundle_()[0]["text/html"]), "utf-8")
            for size, act, press in acts:
                page = context.new_page()
                page.add_init_script(STOPWATCH)
                page.goto(page_file.as_uri())
                page.wait_for_selector(".explorer[data-ready]")
                number = SIZES[size](page)
                found.append(_row(f"{type(explorer).__name__}, {act}, N = {number}", _measure(page, press)))
                page.close()
        browser.close()
    return found


def _measure(page, press):
    page.evaluate("answer()")
    answers, start = [], time.perf_counter()
    while len(answers) < (PRESSES if time.perf_counter() - start < PATIENCE else FEWEST):
        told = press(page, len(answers))
        answers.append(page.evaluate("answer()") if told is None else told)
    return answers


def _row(name, answers):
    percentiles = statistics.quantiles(answers, n=100)
    return {
        "name": name,
        "value": round(percentiles[94], 1),
        "unit": "ms",
        "reach": FRAME,
        "median": round(percentiles[49], 1),
    }


def _click(page, turn):
    box = page.locator(".pw-image canvas").bounding_box()
    page.mouse.click(box["x"] + (turn * 37 + 5) % box["width"], box["y"] + (turn * 53 + 5) % box["height"])


def _key(page, turn):
    page.locator(".pw-image canvas").press(("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp")[turn // 5 % 4])


def _slide(page, turn):
    page.get_by_label("Place in the sequence").fill(str(turn * 37 % 196))


def _number(page, turn):
    page.locator(".pw-vector [role='slider']").last.press(("ArrowRight", "ArrowLeft")[turn // 5 % 2])


def _shuffle(page, turn):
    page.get_by_label("Shuffle the patches").click()


def _cut(page, turn):
    page.get_by_label("Patch size P").select_option(("8", "4")[turn % 2])


def _map(page):
    return page.locator(".pw-column").last.locator("canvas").first


def _spot(page, turn):
    box = _map(page).bounding_box()
    return box["x"] + (turn * 37 + 5) % box["width"], box["y"] + (turn * 53 + 5) % box["height"]


def _ask(page, turn):
    page.mouse.click(*_spot(page, turn))


def _hover(page, turn):
    page.mouse.move(*_spot(page, turn))


def _step(page, turn):
    _map(page).press(("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp")[turn // 5 % 4])


def _scale(page, turn):
    page.get_by_label("Scale of the logits").fill(str(turn % 33 / 4 - 4))


def _head(page, turn):
    page.get_by_label("Head").select_option(index=turn % 3)


def _models(page, turn):
    page.get_by_label("Model").select_option(("trained", "")[turn % 2])


def _token(name, act):
    """Aim at a canvas found by its name."""

    def press(page, turn):
        canvas = page.get_by_role("slider", name=name)
        box = canvas.bounding_box()
        spot = {"x": (turn * 37 + 5) % box["width"], "y": (turn * 53 + 5) % box["height"]}
        getattr(canvas, act)(position=spot)

    return press


def _walk(page, turn):
    page.get_by_role("slider", name="Token that asks").press(
        ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp")[turn // 5 % 4]
    )


def _next(page, turn):
    page.get_by_role("button", name="Next").click()


def _blocks(page, turn):
    page.get_by_label("Blocks L").fill(str(turn % 9))


def _merge(page, turn):
    page.get_by_label("Merge 2 × 2").click()


def _window(page, turn):
    page.get_by_label("Window size M").select_option(index=1 + turn % 2)


def _side(page, turn):
    page.get_by_label("Side of the grid, in tokens").fill(str(turn * 16 % 113))


def _window_acts(side):
    acts = {
        "click": _token("Token that asks", "click"),
        "hover": _token("Token that asks", "hover"),
        "key": _walk,
        "next step": _next,
        "blocks": _blocks,
        "merging": _merge,
        "window size": _window,
        "side": _side,
    }
    return [(side, act, press) for act, press in acts.items()]


def _pixel(act):
    return _token("Pixel that asks", act)


def _weight(page, turn):
    page.get_by_label("Weight at offset (0, 1)").fill(str(turn % 5 - 2))


def _kernel(page, turn):
    page.locator("label", has_text="Kernel").locator("select").select_option(index=turn % 7)


def _boundary(page, turn):
    page.locator("label", has_text="Boundary").locator("select").select_option(index=(turn + 1) % 2)


def _layers(page, turn):
    page.get_by_label("Layers L").fill(str(1 + turn % 8))


def _stride(page, turn):
    page.get_by_label(f"Stride 2 in layer {1 + turn % 8}").click()


def _dilation(page, turn):
    page.locator("label", has_text="Dilation").locator("select").select_option(index=turn % 3)


def _convolution_acts(side):
    acts = {
        "click": _pixel("click"),
        "hover": _pixel("hover"),
        "weight": _weight,
        "kernel": _kernel,
        "boundary": _boundary,
        "layers": _layers,
        "stride": _stride,
        "dilation": _dilation,
    }
    return [(side, act, press) for act, press in acts.items()]


def _patch(act):
    return _token("Patch that asks", act)


def _exposure(name):
    def press(page, turn):
        slider = page.get_by_label(name)
        least, most = (int(slider.get_attribute(end)) for end in ("min", "max"))
        slider.fill(str(least + turn * 7 % (most - least + 1)))

    return press


def _kind(page, turn):
    page.get_by_role("radio").nth(turn * 5 % 12).click()


def _mode(page, turn):
    page.get_by_label("Show").select_option(("neighbors", "patch")[turn % 2])


def _without_regions(page):
    page.get_by_label("Photograph").select_option("photograph")
    return "256, no regions"


def _slice(page, turn):
    """Return the longest that the page works in one go while it scores all patches after a change of exposure."""
    page.evaluate("longest = 0")
    _exposure("Gain")(page, turn)
    page.wait_for_selector(".pw-bar[data-old]", state="attached")
    page.wait_for_selector(".pw-bar[data-old]", state="detached")
    return page.evaluate("longest")


def _cut_to(size, number):
    def cut(page):
        page.get_by_label("Patch size P").select_option(str(size))
        return number

    return cut


def _picture(name, number):
    def change(page):
        page.get_by_label("Picture").select_option(name)
        return number

    return change


def _node(act):
    return _token("Chosen patch", act)


def _chosen(label, *values):
    def press(page, turn):
        page.locator("label", has_text=label).locator("select").first.select_option(values[turn % len(values)])

    return press


def _moved(label):
    def press(page, turn):
        slider = page.get_by_label(label, exact=True)
        least, most = (int(slider.get_attribute(end)) for end in ("min", "max"))
        slider.fill(str(least + turn * 3 % (most - least + 1)))

    return press


def _longest(press):
    """Return the longest that the page works in one go until it has found all that an act asks for."""

    def watched(page, turn):
        page.evaluate("longest = 0")
        press(page, turn)
        page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")
        return page.evaluate("longest")

    return watched


def _showing(view, graph):
    def show(page):
        page.locator("label", has_text="Edges to").locator("select").select_option(graph)
        page.locator("label", has_text="Show").locator("select").select_option(view)
        page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")
        return f"256, {view}"

    return show


def _marking(page):
    return "256, marking"


def _answered(page):
    page.get_by_role("button", name="Skip the guess").click()
    page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")
    return "256, answers"


def _reveal(page, turn):
    page.get_by_role("button", name=("Compare", "Change the marks")[turn % 2]).click()


def _another(page, turn):
    page.get_by_role("button", name="Another patch").click()


def _network(page, turn):
    page.get_by_role("radio").nth(turn * 3 % 8).click()


def _mark(page, turn):
    page.get_by_role("slider", name="Marked patch").press(("ArrowRight", "ArrowDown", "ArrowLeft")[turn // 5 % 3])


def _deeper(page, turn):
    page.get_by_role("slider", name="Depth", exact=True).fill(str((8, 3, 11, 0)[turn % 4]))


SIZES = {
    "marking": _marking,
    "answers": _answered,
    "clusters": _showing("clusters", "nearest"),
    "diffusion": _showing("diffusion", "radius"),
    "16": _cut_to(16, 196),
    "4": _cut_to(4, 3136),
    "mosaic": _picture("mosaic", 256),
    "photograph": _picture("photograph", 785),
    "16 × 16": lambda page: 256,
    "64 × 64": lambda page: 4096,
    "48 × 48": lambda page: 2304,
    "regions": lambda page: "256, regions",
    "no regions": _without_regions,
    "12 × 12": lambda page: "144, 8 networks",
    "network": lambda page: "256, 13 depths",
}
PATCH_ACTS = [
    (size, act, press)
    for size in ("16", "4")
    for act, press in (
        ("click", _click),
        ("key", _key),
        ("slider", _slide),
        ("number", _number),
        ("shuffle", _shuffle),
        ("new patch size", _cut),
    )
]
ATTENTION_ACTS = [
    (size, act, press)
    for size in ("mosaic", "photograph")
    for act, press in (
        ("click", _ask),
        ("hover", _hover),
        ("key", _step),
        ("scale", _scale),
        ("head", _head),
        ("model", _models),
    )
]

SIMILARITY_ACTS = [
    (size, act, press)
    for size in ("regions", "no regions")
    for act, press in (
        ("click", _patch("click")),
        ("hover", _patch("hover")),
        ("map", _kind),
        ("gain", _exposure("Gain")),
        ("offset", _exposure("Offset")),
        ("mode", _mode),
        ("a slice of all scores", _slice),
    )
]
GRAPH_ACTS = [
    (view, act, press)
    for view, acts in {
        "clusters": {
            "click": _node("click"),
            "hover": _node("hover"),
            "k": _moved("Neighbors k"),
            "bandwidth": _moved("σ, in medians"),
            "clusters": _moved("Clusters"),
            "graph": _chosen("Edges to", "radius", "nearest"),
            "feature": _chosen("Feature", "pixels", "spectrum"),
            "photograph": _chosen("Photograph", "photograph", "mosaic"),
            "a slice of eigenvectors": _longest(_moved("Neighbors k")),
            "a slice of a photograph": _longest(_chosen("Photograph", "photograph", "mosaic")),
        },
        "diffusion": {
            "click": _node("click"),
            "radius": _moved("Radius r"),
            "steps": _moved("Steps"),
            "a slice of the curve": _longest(_moved("Radius r")),
        },
    }.items()
    for act, press in acts.items()
]
RELATION_ACTS = [
    (phase, act, press)
    for phase, acts in {
        "marking": {
            "mark": _token("Patch to mark", "click"),
            "hover": _token("Patch to mark", "hover"),
            "compare, and back": _reveal,
            "another patch": _another,
        },
        "answers": {
            "click": _token("Patch that asks", "click"),
            "hover": _token("Patch that asks", "hover"),
            "photograph": _chosen("Photograph", "coffee", "mosaic"),
            "a slice of a photograph": _longest(_chosen("Photograph", "coffee", "second mosaic", "mosaic")),
        },
    }.items()
    for act, press in acts.items()
]

ANSWER_ACTS = [
    ("12 × 12", act, press)
    for act, press in (
        ("click", _token("Marked patch", "click")),
        ("hover", _token("Patch that answers", "hover")),
        ("key", _mark),
        ("network", _network),
        ("view", _chosen("Show", "answers", "steps", "right")),
    )
]


NETWORK_ACTS = [
    ("network", act, press)
    for act, press in (
        ("click", _token("Chosen patch", "click")),
        ("hover", _token("Chosen patch", "hover")),
        ("depth", _deeper),
    )
]

if __name__ == "__main__":
    for row in rows():
        print(row)
