"""What holds for every explorer in a real browser, on a page with no kernel."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import (
    both_ready,
    pixels,
)

pytestmark = pytest.mark.browser


PALETTE = """
const source = "data:text/javascript," + encodeURIComponent(window.__patchwork_modules["common/canvas.mjs"]);
return (await import(source)).themeColors(document.querySelector(".pw-explorer"));
"""


EACH = pytest.mark.parametrize(
    "name",
    [
        "light",
        "attention",
        "windows",
        "convolution",
        "similarity",
        "graphs",
        "relations",
        "relations revealed",
        "answers",
    ],
)  # every explorer's page


@EACH
def test_it_leaves_one_global(visit, name):
    page = visit(name)
    before = page.evaluate(
        "() => { const frame = document.createElement('iframe'); document.body.append(frame);"
        "return Object.getOwnPropertyNames(frame.contentWindow) }"
    )
    own = page.evaluate("() => Object.keys(window)")
    assert set(own) - set(before) - {"0"} == {"__patchwork_modules"}


def test_it_mounts_near_the_viewport_only(visit):
    page = visit("below", ready=False)
    page.wait_for_load_state("networkidle")
    assert page.locator(".explorer[data-ready]").count() == 0
    assert page.locator(".explorer img").get_attribute("alt").startswith("The photograph “astronaut”")
    page.locator(".explorer").scroll_into_view_if_needed()
    page.wait_for_selector(".explorer[data-ready]")


@pytest.mark.parametrize("name", ["broken", "unknown", "windows broken"])
def test_where_it_fails_the_picture_stays_and_the_console_tells(visit, name):
    page = visit(name, ready=False)
    page.wait_for_selector(".explorer[data-failed]")
    assert page.locator(".explorer img").is_visible()
    assert page.locator(".pw-explorer").count() == 0
    assert "could not start" in page.troubles.pop()


def test_print_shows_picture_and_explorer(visit):
    page = visit("below", ready=False)
    page.emulate_media(media="print")
    assert page.locator(".explorer img").is_visible()
    page = visit()
    page.emulate_media(media="print")
    assert page.locator(".pw-image [role=slider]").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "theme",
    [
        f"{name}{dark}"
        for name in (
            "attention",
            "windows",
            "convolution",
            "similarity",
            "graphs",
            "relations",
            "relations revealed",
            "answers",
        )
        for dark in ("", " dark")
    ]
    + ["light", "dark"],
)
def test_axe_finds_nothing(visit, theme, width):
    page = visit(theme, width=width)
    assert [(each["id"], each["nodes"][0]["html"]) for each in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@EACH
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_targets_are_large_and_labeled(visit, name, width):
    page = visit(name, width=width)
    for control in page.locator(".pw-explorer :is(input, select, button, [role=slider]):visible").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 24, control.evaluate("node => node.outerHTML")
        assert control.evaluate(
            "node => node.labels?.[0]?.textContent || node.textContent || node.getAttribute('aria-label')"
        )


@EACH
def test_focus_is_visible(visit, name):
    page = visit(name)
    ring = "node => getComputedStyle(node.matches('[type=file]') ? node.parentElement : node).outline"
    for stop in range(8):
        page.keyboard.press("Tab")
        if stop > 4 and page.evaluate("document.activeElement === document.body"):
            break  # the last control
        focused = page.locator(":focus")
        assert "solid 3px" in focused.evaluate(ring), focused.evaluate("node => node.outerHTML")


@EACH
def test_dark_and_light_are_drawn_with_their_own_colors(visit, name):
    page = visit(name)
    vector = page.locator("[role=slider]").last
    before = pixels(page, vector)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert pixels(page, vector) != before
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert pixels(page, vector) == before


@pytest.mark.parametrize(
    "name",
    [
        "dark",
        "attention dark",
        "windows dark",
        "convolution dark",
        "similarity dark",
        "graphs dark",
        "relations revealed dark",
        "answers dark",
    ],
)
def test_paper_is_light_whoever_hears_of_the_print_first(visit, name):
    """The page turns light on ``beforeprint``; no frame is drawn between that and the paper."""
    page = visit(name)
    vector = page.locator("[role=slider]").last
    dark = pixels(page, vector)
    printed = """() => new Promise((done) => {
        addEventListener("beforeprint", () => { document.documentElement.dataset.theme = "light"; });
        addEventListener("afterprint", () => { document.documentElement.dataset.theme = "dark"; });
        const canvas = [...document.querySelectorAll("[role=slider]")].at(-1);
        dispatchEvent(new Event("beforeprint"));
        queueMicrotask(() => {
            const paper = canvas.toDataURL();
            dispatchEvent(new Event("afterprint"));
            done(paper);
        });
    })"""
    paper = page.evaluate(printed)
    assert paper != dark
    assert pixels(page, vector) == dark
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert pixels(page, vector) == paper


@pytest.mark.parametrize(
    "stored",
    [
        f"{name}{dark}"
        for name in ("windows", "convolution", "similarity", "graphs", "relations", "answers")
        for dark in ("", " dark")
    ]
    + ["light", "dark"],
)
def test_forced_colors_are_drawn_whatever_theme_is_stored(visit, stored):
    page = visit(stored, forced_colors="active")
    background = "node => [getComputedStyle(node).backgroundColor, getComputedStyle(document.body).color]"
    paper, ink = page.locator(".pw-explorer").evaluate(background)
    assert paper != ink
    colors = page.evaluate("async () => {" + PALETTE + "}")
    assert {colors["paper"], colors["accent-wash"]} == {paper}
    assert {colors["ink"], colors["blue"]} == {ink}
    page.emulate_media(forced_colors="none")
    usual = page.evaluate("async () => {" + PALETTE + "}")
    assert usual["accent"] == ("rgb(255, 138, 92)" if stored.endswith("dark") else "rgb(200, 64, 26)")


@pytest.mark.parametrize(
    "name",
    [
        "two",
        "attention two",
        "windows two",
        "convolution two",
        "similarity two",
        "graphs two",
        "relations two",
        "answers two",
    ],
)
def test_two_side_by_side_in_a_flexible_box_share_it(visit, name):
    page = both_ready(visit(name))
    widths = """() => {
        const box = document.createElement("div"), roots = [...document.querySelectorAll(".pw-explorer")];
        box.style.display = "flex";
        for (const root of roots) box.appendChild(document.createElement("div")).append(root);
        document.querySelector("main").append(box);
        return roots.map((root) => root.clientWidth);
    }"""
    assert min(page.evaluate(widths)) > 300


@pytest.mark.parametrize(
    "name",
    [
        "two",
        "attention two",
        "windows two",
        "convolution two",
        "similarity two",
        "graphs two",
        "relations two",
        "answers two",
    ],
)
def test_two_share_no_id_and_every_picture_and_slider_is_told(visit, name):
    page = both_ready(visit(name))
    ids = page.locator("[id]").evaluate_all("nodes => nodes.map((each) => each.id)")
    assert len(set(ids)) == len(ids)
    assert page.locator(".pw-explorer canvas:not([aria-label], [aria-hidden])").count() == 0
    for slider in page.locator("[role=slider]").all():
        help = "node => document.getElementById(node.getAttribute('aria-describedby')).textContent"
        assert slider.evaluate(help) == "Arrow keys move, Home and End jump"


@EACH
def test_nothing_moves_by_itself(visit, name):
    page = visit(name, reduced_motion="reduce")
    page.locator("[role=slider]").first.press("End")
    page.locator("select").first.select_option(index=1)
    assert page.evaluate("document.getAnimations().length") == 0


@EACH
def test_it_stays_sharp_on_a_fine_screen_and_after_a_resize(visit, name):
    page = visit(name, device_scale_factor=2)
    image, size = page.locator("[role=slider]").first, "node => [node.width, Math.round(2 * node.clientWidth)]"
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        pixels(page, image)
        drawn, shown = image.evaluate(size)
        assert drawn == shown
