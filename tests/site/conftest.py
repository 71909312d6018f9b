"""The built site, a server for it, and one browser, shared by every test that needs them."""

import contextlib
import gzip
import http.server
import os
import subprocess
import sysconfig
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Error
from servers import serving

from benchmarks.browser import browser_path
from patchwork import synthesis
from patchwork.explorers.answers import AnswersExplorer
from patchwork.explorers.attention import AttentionExplorer
from patchwork.explorers.common import modules
from patchwork.explorers.convolution import ConvolutionExplorer
from patchwork.explorers.graphs import GraphExplorer
from patchwork.explorers.patches import PatchExplorer
from patchwork.explorers.real_network import RealNetworkExplorer
from patchwork.explorers.relations import RelationsExplorer, network
from patchwork.explorers.similarity import SimilarityExplorer
from patchwork.explorers.windows import WindowExplorer
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import patchify

ROOT = Path(__file__).parents[2]
NO_BROWSER = "no Chromium on the PATH"
# Parts of Chromium's own window that no page needs, of which each new context would start a process or two: two thirds
# of the work of a test. The rest is Playwright's own list, for Chromium reads only the last one.
WITHOUT = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "PreloadTopChromeWebUI", "SpareRendererForSitePerProcess"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    *("TcpPortRandomizationWin", "PreconnectToSearch"),
)
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Patches</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="explorers.css">
<style>body {{ margin: 0; background: var(--pw-paper); color: var(--pw-ink) }}
main {{ max-width: 760px; margin: auto; padding: 8px }}</style>
<script defer src="explorers.js"></script></head><body><main><h1>Patches</h1>{body}</main></body></html>"""
BLANK = '<!doctype html><html lang="en"><title>Blank</title><link rel="icon" href="data:,"><main></main></html>'
FIRST_MEDIA = {
    "media": "null",
    "color_scheme": "light",
    "reduced_motion": "no-preference",
    "forced_colors": "none",
    "contrast": "no-preference",
}
COMPRESSED = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


ADDRESSES = ("PATCHWORK_BASE", "PATCHWORK_REPOSITORY", "PATCHWORK_REF")  # what a build takes from its environment


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter):
    left_out = [report for report in terminalreporter.stats.get("skipped", ()) if NO_BROWSER in str(report.longrepr)]
    if left_out:
        terminalreporter.write_line(
            f"Left out: {len(left_out)} browser tests, for there is {NO_BROWSER}. Install Chromium or Chrome (Debian, "
            "Ubuntu: apt install chromium) and run again. With PATCHWORK_REQUIRE_BROWSER=1 a missing browser fails.",
            yellow=True,
        )


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = browser_path(playwright)
        if path is None:
            (pytest.fail if os.environ.get("PATCHWORK_REQUIRE_BROWSER") == "1" else pytest.skip)(NO_BROWSER)
        options = ["--no-sandbox", f"--disable-features={','.join(WITHOUT)}"]
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def build_book():
    """Return a function that builds a book cold, by the command of the README → the finished process."""
    command = Path(sysconfig.get_path("scripts")) / "jupyter-book"

    def build(output, source=ROOT, **addresses):
        options = ["-W", "-n", "--keep-going", "--quiet", "--path-output", output]
        environment = {name: each for name, each in os.environ.items() if name not in ADDRESSES} | addresses
        return subprocess.run(
            [command, "build", source, *options],
            **{"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 300, "env": environment},
        )

    return build


@pytest.fixture(scope="session")
def site(tmp_path_factory, build_book):
    """Return the folder of the pages, built once."""
    output = tmp_path_factory.mktemp("site")
    done = build_book(output)
    if done.returncode != 0 or "WARNING" in done.stderr:
        pytest.fail("the book does not build:\n" + (done.stderr or done.stdout)[-2000:], pytrace=False)
    return output / "_build" / "html"


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serve text compressed, as any web server does."""

    def do_GET(self):
        with contextlib.suppress(ConnectionError):  # the browser left the page
            self.send_page()

    def send_page(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            return super().do_GET()
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", COMPRESSED[path.suffix])
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *details):
        pass


@pytest.fixture(scope="session")
def served(site):
    """Return the address of the site on a server of this machine."""

    with serving(Pages, site) as address:
        yield address


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def explorer():
    return PatchExplorer({name: load_image(name, size=224) for name in ("astronaut", "coffee")})


@pytest.fixture(scope="session")
def asking(scenes):
    return AttentionExplorer(scenes)


@pytest.fixture(scope="session")
def regions(scenes):
    """Regions and tokens before the patches: a digit's ink and its ground, a class token, a register."""
    digit = scenes["digit"]
    ink = patchify(digit.image[None], 2)[0].mean(1)[:15] > 0.3
    return AttentionExplorer({"ink": digit._replace(grid=(3, 5), labels=ink.long())}, query=4)


@pytest.fixture(scope="session")
def looking():
    """Windows: two photographs, the query in the window where the corners meet."""
    return WindowExplorer({name: load_image(name, size=256) for name in ("astronaut", "coffee")})


@pytest.fixture(scope="session")
def convolving():
    """A kernel: two photographs, the pixel with the largest answer."""
    return ConvolutionExplorer({name: load_image(name, size=48) for name in ("astronaut", "coffee")})


@pytest.fixture(scope="session")
def comparing():
    """Similarity: a mosaic with its regions and a photograph without any."""
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
    return SimilarityExplorer({"mosaic": mosaic, "coffee": load_image("coffee", size=256)})


@pytest.fixture(scope="session")
def tying():
    """Graphs: a mosaic with its regions and a photograph without any."""
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
    return GraphExplorer({"mosaic": mosaic, "coffee": load_image("coffee", size=256)})


@pytest.fixture(scope="session")
def guessing():
    """Relations: a mosaic with its regions and a photograph without any, before the guess and after."""
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
    images = {"mosaic": mosaic, "coffee": load_image("coffee", size=256)}
    first = RelationsExplorer(images)
    assert not first.missing, first.missing  # `make test` fetches the real network
    return {"relations": first, "relations revealed": RelationsExplorer(images, revealed=True)}


@pytest.fixture(scope="session")
def lacking(tmp_path_factory):
    """Relations as on a machine where nobody has run ``make model``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATCHWORK_MODELS", str(tmp_path_factory.mktemp("models")))
        for known in (network._load, network._reduced):
            known.cache_clear()
        mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
        return RelationsExplorer({"mosaic": mosaic, "coffee": load_image("coffee", size=256)}, revealed=True)


@pytest.fixture(scope="session")
def answering():
    """Answers: every network of the book, and one patch marked."""
    return AnswersExplorer()


@pytest.fixture(scope="session")
def reading():
    """A real network: the cat's eye, features at depth 8."""
    return RealNetworkExplorer()


def markup(explorer):
    return explorer._repr_mimebundle_()[0]["text/html"]


@pytest.fixture(scope="session")
def folder(
    explorer,
    asking,
    regions,
    looking,
    convolving,
    comparing,
    tying,
    guessing,
    answering,
    reading,
    lacking,
    tmp_path_factory,
):
    folder = tmp_path_factory.mktemp("page")
    narrow = WindowExplorer(load_image("coffee", size=96)[:, :64], grid=(8, 12), window_size=2, shift=1, step="unshift")
    oblong = {"kernel": [[1, -2, 0.5], [0, 3, 0], [0.25, 0, -1]], "boundary": "circular", "selected": 0, "layers": 3}
    oblong = ConvolutionExplorer(load_image("coffee", size=48)[:, :32], **oblong)
    figure, windows = markup(explorer), markup(looking)
    pages = {
        "light": figure,
        "dark": figure,
        "two": figure + figure,
        "broken": figure.replace('data-state="{', 'data-state="{{'),
        "unknown": figure.replace('"patches"', '"nothing"', 1),
        "below": f'<div style="height: 5000px"></div>{figure}',
        "windows broken": windows.replace('data-state="{', 'data-state="{{'),
        "windows narrow": markup(narrow),
        "convolution oblong": markup(oblong),
        "similarity oblong": markup(SimilarityExplorer(load_image("coffee", size=64)[:, :32], patch_size=8)),
        "graphs oblong": markup(GraphExplorer(load_image("coffee", size=64)[:, :32], patch_size=8)),
        "attention regions": markup(regions),
        "relations without": markup(lacking),
        "relations oblong": markup(RelationsExplorer(load_image("coffee", size=128)[:, :64])),
        "real network mosaic": markup(RealNetworkExplorer(photo="mosaic", head=1)),
        "answers left": markup(AnswersExplorer(question="left", selected=40)),
        "answers pooled": markup(AnswersExplorer({"mean": synthesis.trained("grid", pooling=True)}, scene=5)),
    }
    named = {"attention": asking, "windows": looking, "convolution": convolving, "similarity": comparing}
    named |= {"graphs": tying, **guessing, "answers": answering, "real network": reading}
    for name, each in named.items():
        figure = markup(each)
        pages |= {name: figure, f"{name} dark": figure, f"{name} two": 2 * figure}
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(
            PAGE.format(theme="dark" if name.endswith("dark") else "light", body=body), "utf-8"
        )
    (folder / "blank.html").write_text(BLANK, "utf-8")
    (folder / "explorers.js").write_text(modules.page_script(), "utf-8")
    for name, text in modules.page_parts().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "explorers.css").write_text(modules.STYLE_SHEET.read_text("utf-8"), "utf-8")
    return folder


@pytest.fixture(scope="session")
def address(folder):
    with serving(Quiet, folder) as http:
        yield {"http": http, "file": folder.as_uri()}


@pytest.fixture(scope="session")
def tabs():
    """Free pages by their options: each serves one test after the other, for a new one costs as much as a visit."""
    return defaultdict(list)


@pytest.fixture(scope="session")
def visiting(browser, address, tabs):
    """A context that gives a function to open pages of the harness, and takes them back at its end.

    Nothing may have gone wrong in a page by then, nor been asked from elsewhere: ``troubles`` must be empty.
    """
    known = (*address.values(), "data:", "blob:")

    @contextlib.contextmanager
    def visits():
        taken, troubles = [], []

        def tell(told):
            if told.type in ("error", "warning"):
                troubles.append(told.text)

        listeners = {
            "request": lambda request: request.url.startswith(known) or troubles.append(request.url),
            "pageerror": lambda error: troubles.append(str(error)),
            "console": tell,
        }

        def opened(name="light", *, over="http", ready=True, width=1280, **options):
            key = tuple(sorted(options.items()))
            page = tabs[key].pop() if tabs[key] else browser.new_context(**options).new_page()
            taken.append((key, page))
            page.set_viewport_size({"width": width, "height": 900})
            page.set_default_timeout(10_000)
            for event, listener in listeners.items():
                page.on(event, listener)
            page.goto(f"{address[over]}/{name}.html")
            if ready:
                page.wait_for_selector(".explorer[data-ready]")
            page.troubles = troubles
            return page

        yield opened
        for key, page in taken:
            for event, listener in listeners.items():
                page.remove_listener(event, listener)
            if left_as_new(page, dict(key)):
                tabs[key].append(page)
            else:
                page.context.close()
        assert troubles == []

    return visits


@pytest.fixture
def visit(visiting):
    """Open a page of the harness for one test."""
    with visiting() as opened:
        yield opened


def left_as_new(page, options):
    """Bring a page back to where it began; False where it isn't to be trusted any more."""
    try:
        page.mouse.up()
        page.mouse.move(0, 0)
        page.emulate_media(**FIRST_MEDIA | {name: each for name, each in options.items() if name in FIRST_MEDIA})
        page.goto("about:blank", timeout=5_000)
    except Error:
        return False
    return len(page.context.pages) == 1
