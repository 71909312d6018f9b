"""What holds for every explorer in a real browser, on a page with no kernel."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import both_ready, pixels

from patchwork.explorers.common.modules import EXPLORERS, widget_module

pytestmark = pytest.mark.browser

NAMES = ["attention", "windows", "convolution", "similarity", "graphs", "relations", "answers", "real network"]
REVEALED = "relations revealed"
PALETTE = """async () => {
    const source = "data:text/javascript," + encodeURIComponent(window.__patchwork_modules["common/theme.mjs"]);
    return (await import(source)).themeColors(document.querySelector(".pw-explorer"));
}"""

# As Jupyter Book 2 mounts a widget: in a shadow root, whose style sheet loads late. Its model tells each listener
# of the one event that bears the listener's name, and throws where it has nothing to do. JupyterLab's has a kernel.
MOUNT = """async ([source, state, host]) => {
    const listeners = new EventTarget(), known = { on: (name, listener) => listeners.addEventListener(name, listener) };
    known.get = (name) => state[name];
    known.set = (name, value) => {
        state[name] = value;
        for (const event of [`change:${name}`, "change"]) listeners.dispatchEvent(new Event(event));
    };
    const fail = () => { throw new Error("not implemented yet"); };
    const model = {
        none: known,
        MyST: { ...known, off: fail, save_changes: fail, send: fail, get widget_manager() { return fail(); } },
        JupyterLab: { ...known, off: fail, save_changes: fail, send: fail, widget_manager: {} },
    }[host];
    const root = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" });
    const el = root.appendChild(document.createElement("div")), link = document.createElement("link");
    el.append(Object.assign(link, { rel: "stylesheet" }));
    const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    window.unmount = await widget.render({ model, el });
    link.href = "explorers.css";
}"""
# How a page says that it is dark, and then that it is light.
THEMES = {
    "site": "dark => { document.documentElement.dataset.theme = dark ? 'dark' : 'light' }",
    "JupyterLab": "dark => { document.body.dataset.jpThemeLight = !dark }",
    "MyST": "dark => { document.documentElement.className = dark ? 'dark' : 'light' }",
    "system": "dark => { document.documentElement.style.colorScheme = 'light dark' }",
}
LIGHT, DARK = "rgb(251, 250, 246)", "rgb(18, 22, 29)"


@pytest.fixture(scope="module", params=["dark", *(f"{name} dark" for name in [*NAMES, REVEALED])])
def kept(request, visiting):
    """The page of each explorer, opened once, in the dark."""
    with visiting() as opened:
        yield opened(request.param)


@pytest.fixture
def page(kept):
    """The page of each explorer in turn, brought back to where it began after each test."""
    yield kept
    kept.set_viewport_size({"width": 1280, "height": 900})
    kept.emulate_media(reduced_motion="no-preference", forced_colors="none")
    turn(kept, "dark")
    kept.evaluate("scrollTo(0, 0)")
    kept.mouse.click(0, 0)  # from where Tab goes on
    assert kept.troubles == []


@pytest.fixture(scope="module", params=["two", *(f"{name} two" for name in NAMES)])
def two(request, visiting):
    """A page with the same explorer twice."""
    with visiting() as opened:
        yield both_ready(opened(request.param))


def turn(page, theme):
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)


def resize(page, width):
    page.set_viewport_size({"width": width, "height": 900})


def test_it_leaves_one_global(page):
    before = page.evaluate("""() => {
        const frame = document.body.appendChild(document.createElement("iframe"));
        const names = Object.getOwnPropertyNames(frame.contentWindow);
        frame.remove();
        return names;
    }""")
    own = page.evaluate("() => Object.keys(window)")
    assert set(own) - set(before) - {"axe"} == {"__patchwork_modules"}


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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(page, theme):
    turn(page, theme)
    for width in (1280, 390):
        resize(page, width)
        violations = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_targets_are_large_and_labeled(page):
    measures = """nodes => nodes.map((node) => {
        const { width, height } = node.getBoundingClientRect();
        const label = node.labels?.[0]?.textContent || node.textContent || node.getAttribute("aria-label");
        return { html: node.outerHTML, side: Math.min(width, height), label };
    })"""
    for width in (1280, 390, 320):
        resize(page, width)
        controls = page.locator(".pw-explorer :is(input, select, button, [role=slider]):visible")
        for control in controls.evaluate_all(measures):
            assert control["side"] >= 24, (width, control)
            assert control["label"], (width, control)


def test_focus_is_visible(page):
    ring = "node => getComputedStyle(node.matches('[type=file]') ? node.parentElement : node).outline"
    for stop in range(8):
        page.keyboard.press("Tab")
        if stop > 4 and page.evaluate("document.activeElement === document.body"):
            break  # the last control
        focused = page.locator(":focus")
        assert "solid 3px" in focused.evaluate(ring), focused.evaluate("node => node.outerHTML")


def test_dark_and_light_are_drawn_with_their_own_colors(page):
    vector = page.locator("[role=slider]").last
    before = pixels(page, vector)
    turn(page, "light")
    assert pixels(page, vector) != before
    turn(page, "dark")
    assert pixels(page, vector) == before


def test_paper_is_light_whoever_hears_of_the_print_first(page):
    """The page turns light on ``beforeprint``; no frame is drawn between that and the paper."""
    vector = page.locator("[role=slider]").last
    dark = pixels(page, vector)
    printed = """() => new Promise((done) => {
        const turn = (theme) => () => { document.documentElement.dataset.theme = theme; };
        addEventListener("beforeprint", turn("light"), { once: true });
        addEventListener("afterprint", turn("dark"), { once: true });
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
    turn(page, "light")
    guess_is_open = page.url.endswith("/relations%20dark.html")  # on paper it is over
    assert (pixels(page, vector) == paper) != guess_is_open


def test_forced_colors_are_drawn_whatever_the_theme(page):
    background = "node => [getComputedStyle(node).backgroundColor, getComputedStyle(document.body).color]"
    for theme, accent in {"dark": "rgb(255, 138, 92)", "light": "rgb(200, 64, 26)"}.items():
        turn(page, theme)
        page.emulate_media(forced_colors="active")
        paper, ink = page.locator(".pw-explorer").evaluate(background)
        assert paper != ink
        colors = page.evaluate(PALETTE)
        assert {colors["paper"], colors["accent-wash"]} == {paper}
        assert {colors["ink"], colors["blue"]} == {ink}
        page.emulate_media(forced_colors="none")
        assert page.evaluate(PALETTE)["accent"] == accent


def test_it_stays_sharp_on_a_fine_screen_and_after_a_resize(page):
    image, size = page.locator("[role=slider]").first, "node => [node.width, Math.round(2 * node.clientWidth)]"
    session = page.context.new_cdp_session(page)
    for width in (390, 1280, 390):
        fine = {"width": width, "height": 900, "deviceScaleFactor": 2, "mobile": False}
        session.send("Emulation.setDeviceMetricsOverride", fine)
        pixels(page, image)
        drawn, shown = image.evaluate(size)
        assert drawn == shown
    session.detach()


def test_nothing_moves_by_itself(page):
    page.emulate_media(reduced_motion="reduce")
    page.locator("[role=slider]").first.press("End")
    page.locator("select").first.select_option(index=1)
    assert page.evaluate("document.getAnimations().length") == 0
    page.get_by_role("button", name="Reset").click()


def test_two_share_no_id_and_every_picture_and_slider_is_told(two):
    ids = two.locator("[id]").evaluate_all("nodes => nodes.map((each) => each.id)")
    assert len(set(ids)) == len(ids)
    assert two.locator(".pw-explorer canvas:not([aria-label], [aria-hidden])").count() == 0
    for slider in two.locator("[role=slider]").all():
        help = "node => document.getElementById(node.getAttribute('aria-describedby')).textContent"
        assert slider.evaluate(help) == "Arrow keys move, Home and End jump"


def test_two_side_by_side_in_a_flexible_box_share_it(two):
    widths = """() => {
        const box = document.createElement("div"), roots = [...document.querySelectorAll(".pw-explorer")];
        box.style.display = "flex";
        for (const root of roots) box.appendChild(document.createElement("div")).append(root);
        document.querySelector("main").append(box);
        return roots.map((root) => root.clientWidth);
    }"""
    assert min(two.evaluate(widths)) > 300


@pytest.fixture
def mounted(visit):
    """Return a function that mounts a widget's module in a shadow root of a blank page, as a host without a kernel."""

    def mount(explorer, host="MyST", prepare="() => {}", **options):
        page = visit("blank", ready=False, **options)
        page.evaluate(prepare, True)
        source = widget_module(EXPLORERS / explorer.module / "page.mjs")
        page.evaluate(MOUNT, [source, explorer.state(), host])
        page.wait_for_selector(".pw-explorer:not([data-busy])")
        page.wait_for_function("node => node.getRootNode().querySelector('link').sheet", arg=root_of(page))
        return page

    return mount


def root_of(page):
    return page.locator(".pw-explorer").element_handle()


def paper(page):
    return root_of(page).evaluate("node => getComputedStyle(node).backgroundColor")


def moves_on(page):
    """Press a key on the first picture: another patch is chosen, and drawn."""
    picture = page.locator("[role=slider]").first
    chosen, drawn = int(picture.get_attribute("aria-valuenow")), pixels(page, picture)
    picture.press("ArrowRight")
    assert pixels(page, picture) != drawn
    assert int(picture.get_attribute("aria-valuenow")) == chosen + 1


@pytest.mark.parametrize(
    "made", ["explorer", "asking", "looking", "convolving", "comparing", "tying", "guessing", "answering", "reading"]
)
def test_its_widget_answers_in_a_shadow_root(mounted, request, made):
    explorer = request.getfixturevalue(made)
    page = mounted(explorer["relations"] if made == "guessing" else explorer)
    assert paper(page) == LIGHT
    moves_on(page)
    page.evaluate("unmount()")


def test_a_host_may_leave_out_what_only_a_kernel_needs(mounted, explorer):
    page = mounted(explorer, "none")
    moves_on(page)
    page.evaluate("unmount()")


def test_what_fails_with_a_kernel_is_told(mounted, explorer):
    page = mounted(explorer, "JupyterLab")
    page.locator("[role=slider]").first.press("ArrowRight")
    page.wait_for_timeout(50)
    assert page.troubles == ["not implemented yet"]
    page.troubles.clear()


@pytest.mark.parametrize("host", THEMES)
def test_in_a_shadow_root_it_is_as_dark_as_the_page(mounted, looking, host):
    """The widget is mounted on a dark page, which turns light, and dark again; paper is light."""

    def seen():
        picture = pixels(page, drawn)  # a media query is told with a frame
        return paper(page), picture

    def turned(dark):
        page.evaluate(THEMES[host], dark)
        page.emulate_media(color_scheme="dark" if dark and host == "system" else "light")
        return seen()

    page = mounted(looking, prepare=THEMES[host], color_scheme="dark" if host == "system" else "light")
    drawn = page.locator("canvas").last
    first, light = seen(), turned(dark=False)
    assert (first[0], light[0]) == (DARK, LIGHT)
    assert light[1] != first[1]
    assert turned(dark=True) == first
    printed = "([node, event]) => { dispatchEvent(new Event(event)); return getComputedStyle(node).backgroundColor }"
    assert page.evaluate(printed, [root_of(page), "beforeprint"]) == LIGHT
    assert drawn.evaluate("node => node.toDataURL()") == light[1]
    assert page.evaluate(printed, [root_of(page), "afterprint"]) == DARK


def test_on_a_white_page_it_stays_light_whatever_the_system_is(mounted, explorer):
    page = mounted(explorer)
    page.emulate_media(color_scheme="dark")
    assert paper(page) == LIGHT
