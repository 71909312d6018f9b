"""How fast an explorer answers in the browser, and what it brings to a page."""

import json
import shutil
import statistics
import tempfile
from pathlib import Path

from patchwork.explorers import base, modules
from patchwork.explorers.patches import PatchExplorer
from patchwork.images import load_image

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FRAME = 16  # ms
PRESSES = 60
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Patches</title>
<link rel="stylesheet" href="explorers.css"><script defer src="explorers.js"></script>
<main style="max-width: 760px">{}</main></html>"""

# The page's own work for one input: its listeners, what they draw in the next frame, style and layout. What the browser
# then does in other processes (raster, composition) is left out: it depends on the machine's screen and GPU alone.
STOPWATCH = """
  window.work = 0;
  const timed = (work) => function (...given) {
    const start = performance.now();
    Promise.resolve().then(() => {}).then(() => { window.work += performance.now() - start; });
    return work.apply(this, given);
  };
  const listen = EventTarget.prototype.addEventListener, frame = window.requestAnimationFrame;
  EventTarget.prototype.addEventListener = function (name, work, ...options) {
    return listen.call(this, name, typeof work === "function" ? timed(work) : work, ...options);
  };
  window.requestAnimationFrame = (work) => frame(timed((now) => { work(now); document.body.getBoundingClientRect(); }));
  window.answer = () => new Promise((done) => frame(() => frame(() => { done(window.work); window.work = 0; })));
"""


def rows():
    """Measure clicks, keys and the slider at N = 196 and 3136, and the state's size."""
    explorer = PatchExplorer({name: load_image(name, size=224) for name in ("astronaut", "coffee", "chelsea")})
    size = len(json.dumps(explorer.state())) / 1000
    state = {
        "name": "PatchExplorer, state on the page",
        "value": round(size, 1),
        "unit": "kB",
        "reach": base.STATE_LIMIT / 1000,
    }
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        print("No Chromium on the PATH: the explorers' answers to clicks and keys are left out.")
        return [state]
    return [state, *_answers(explorer, chromium)]


def _answers(explorer, chromium):
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "page.html")
        page_file.write_text(PAGE.format(explorer._repr_mimebundle_()[0]["text/html"]), "utf-8")
        Path(folder, "explorers.js").write_text(modules.page_script(), "utf-8")
        shutil.copyfile(modules.STATIC / "explorers.css", Path(folder, "explorers.css"))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        found = []
        for patch_size, number in ((16, 196), (4, 3136)):
            for act, press in ACTS.items():
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                page.add_init_script(STOPWATCH)
                page.goto(page_file.as_uri())
                page.wait_for_selector(".explorer[data-ready]")
                page.get_by_label("Patch size P").select_option(str(patch_size))
                found.append(_row(f"PatchExplorer, {act}, N = {number}", _measure(page, press)))
                page.close()
        browser.close()
    return found


def _measure(page, press):
    page.evaluate("answer()")
    answers = []
    for turn in range(PRESSES):
        press(page, turn)
        answers.append(page.evaluate("answer()"))
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


ACTS = {"click": _click, "key": _key, "slider": _slide, "number": _number, "shuffle": _shuffle, "new patch size": _cut}

if __name__ == "__main__":
    for row in rows():
        print(row)
