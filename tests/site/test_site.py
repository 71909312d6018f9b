"""The site as a reader meets it: built without a warning, offline, by key and eye, light and dark, wide and narrow."""

import importlib
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))
EVERYDAY = importlib.import_module("build_terms").EVERYDAY
BUDGET = 600_000  # bytes of a chapter's first load, compressed, with all its pictures
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
DOCUMENTS = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
PAGES = [f"{name}.html" for name in DOCUMENTS] + ["search.html"]
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]
ALL_RULES = {"resultTypes": ["violations"]}
COLOR_RULES = {**ALL_RULES, "runOnly": ["color-contrast", "link-in-text-block"]}
LINES = "(all) => all.map(dt => dt.getBoundingClientRect().height / parseFloat(getComputedStyle(dt).lineHeight))"
UNFOLDED = "article > section > section { content-visibility: visible !important }"
TALL = "document.documentElement.scrollHeight"
WEIGHTS = (
    "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    ".filter((entry) => /^http/.test(entry.name)).map((entry) => [entry.transferSize, entry.name])"
)
THIN_OUT = (Path(__file__).parent / "thin_out.js").read_text("utf-8")


class Page(HTMLParser):
    """Collect what a page loads, links to, and can be linked by."""

    def __init__(self, text):
        super().__init__()
        self.assets, self.links, self.ids, self.pictures, self.landmarks = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "img":
            self.pictures.append(given)
        if tag in ("nav", "aside") or "role" in given:
            named = given.get("aria-label") or given.get("aria-labelledby")
            self.landmarks.append((given.get("role", tag), named))
        if tag in ("img", "script", "source", "iframe") and given.get("src"):
            self.assets.append(given["src"])
        if tag == "link" and given["rel"] in ("stylesheet", "icon", "preload"):
            self.assets.append(given["href"])


def place(name, link):
    """Return where in the site's folder a page's link leads; the page for what isn't there counts from its root."""
    return unquote(urljoin(f"/{name}", link)).removeprefix("/")


@pytest.fixture(scope="module")
def parsed(site):
    return {path.relative_to(site).as_posix(): Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def test_every_page_of_the_table_of_contents_is_built(parsed):
    assert set(PAGES) <= set(parsed)
    assert not any(page.startswith(("tests", ".venv", "README", "CONTRIBUTING")) for page in parsed)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapters_first_use_of_a_term_leads_to_the_glossary(site, name):
    text = (site / name).read_text("utf-8")
    links = re.findall(
        r'<(\w+)[^<>]*><a class="glossed[^>]*#term-([\w-]+)" title="[^"]+">|<a class="glossed[^>]*#term-([\w-]+)" ti',
        text,
    )
    terms = [first or other for _, first, other in links]
    assert len(terms) == text.count('class="glossed') > 15
    assert len(terms) == len(set(terms))
    assert {tag for tag, term, _ in links if term in EVERYDAY} <= {"strong"}
    assert not {other for _, _, other in links} & EVERYDAY


def test_links_and_anchors_lead_somewhere(site, parsed):
    lost = []
    for name, page in parsed.items():
        for link in page.links:
            if urlsplit(link).scheme:
                continue
            target, _, anchor = place(name, link).partition("#")
            if not (site / target).is_file() or (anchor and target in parsed and anchor not in parsed[target].ids):
                lost.append((name, link))
    assert not lost


def test_pages_name_no_asset_of_another_host(parsed):
    named = {source for page in parsed.values() for source in page.assets}
    assert named
    assert not [source for source in named if urlsplit(source).scheme not in ("", "data")]


def test_every_asset_is_there(site, parsed):
    for name, page in parsed.items():
        named = {place(name, each) for each in page.assets if not urlsplit(each).scheme}
        assert any("favicon" in each for each in named), f"{name} names no icon, so that a browser asks for one in vain"
        assert not [each for each in named if not (site / each.partition("?")[0]).is_file()], name


def test_landmarks_of_a_kind_have_names_of_their_own(parsed):
    kinds = {"nav", "aside", "banner", "main", "contentinfo", "complementary", "navigation", "region", "search", "form"}
    for name, page in parsed.items():
        landmarks = [each for each in page.landmarks if each[0] in kinds]
        assert len(landmarks) == len(set(landmarks)), name


def test_every_picture_has_words_and_a_size(parsed):
    pictures = [(name, each) for name, page in parsed.items() for each in page.pictures]
    assert not [(name, each["src"][:60]) for name, each in pictures if not each.get("alt", "").strip()]
    drawn = [(name, each) for name, each in pictures if not each["src"].startswith("data:")]
    assert not [(name, each["src"]) for name, each in drawn if not {"width", "height"} <= set(each)]
    assert not [each["src"] for _, each in drawn if not each["src"].endswith(".webp")]


def test_math_is_drawn_at_build_time_and_loaded_where_it_stands(site, parsed):
    for name in PAGES:
        text = (site / name).read_text("utf-8")
        assert ('class="katex' in text) == ("katex/katex.css" in text), name
        assert "MathJax" not in text
        assert "math notranslate" not in text, "a formula went to the page as TeX"


def test_explorers_bring_their_script_only_where_they_stand(site):
    for name in PAGES:
        text = (site / name).read_text("utf-8")
        assert ('class="explorer"' in text) == ("patchwork-explorers.js" in text), name


def test_hidden_code_is_named_for_what_it_is(site):
    cell = r'tag_(hide-\w+)[^>]*>\s*<details class="cell-details[^>]*>\s*<summary>(.*?)</summary>'
    names = {"hide-cell": "Solution: the code", "hide-input": "Show the code"}
    for name in CHAPTERS:
        cells = re.findall(cell, (site / name).read_text("utf-8"))
        assert {kind for kind, _ in cells} == set(names)
        assert all(names[kind] == words for kind, words in cells)


def test_pictures_are_no_links_to_themselves(parsed):
    assert not [link for page in parsed.values() for link in page.links if "_images/" in link]


class Visit:
    """One page in one browser context, with all it asked for and complained of."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda told: told.type in ("error", "warning") and self.complaints.append(told.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self.note_failure)
        self.page.goto(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def note_failure(self, request):
        if request.failure != "net::ERR_ABORTED":  # given up, because the page was left
            self.complaints.append(f"{request.failure}: {request.url}")

    def see_all(self):
        """Lay out every section, load every picture, mount every explorer."""
        self.page.add_style_tag(content=UNFOLDED)
        self.page.evaluate("document.querySelectorAll('img').forEach((picture) => { picture.loading = 'eager' })")
        for explorer in self.page.locator(".explorer[data-explorer]").all():
            explorer.scroll_into_view_if_needed()
            explorer.and_(self.page.locator("[data-ready]")).wait_for()
        self.page.wait_for_load_state("networkidle")

    def assert_quiet(self, home):
        foreign = [url for url in self.requests if not url.startswith((home, "data:", "blob:"))]
        assert not foreign
        assert not self.complaints

    def assert_light(self, budget):
        """All that came so far is little."""
        weights = self.page.evaluate(WEIGHTS)
        print(f"{self.page.url}: {sum(size for size, _ in weights) / 1000:.0f} kB in {len(weights)} requests")
        assert all(size for size, _ in weights)
        assert sum(size for size, _ in weights) <= budget, sorted(weights)[-5:]

    def thin_out(self):
        """Leave three of each kind of word, formula, line and box: axe reads thousands alike, half a minute a page."""
        self.page.evaluate(THIN_OUT)

    def assert_sound(self, rules=ALL_RULES):
        """No violation that axe knows of."""
        violations = Axe().run(self.page, options=rules).response["violations"]
        told = [(each["id"], each["help"], [node["target"] for node in each["nodes"][:4]]) for each in violations]
        assert not told

    def assert_fits(self):
        """Nothing sticks out sideways."""
        wide = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1]

    def assert_paper_keeps_explorers(self):
        """What explorers show is printed too, and the numbers that set it."""
        drawn = "document.querySelectorAll('.explorer :is(canvas, svg)')"
        shown = f"() => [...{drawn}].filter((each) => each.checkVisibility()).length"
        before = self.page.evaluate(shown)
        self.page.emulate_media(media="print")
        assert self.page.evaluate(shown) == before > 0
        assert all(each.is_visible() for each in self.page.locator(".explorer input[type=number]").all())
        self.page.emulate_media(media="screen")

    def assert_about_as_tall(self, told):
        """What the page believed of its height, before all of it was laid out, is nearly true."""
        true = self.page.evaluate(TALL)
        print(f"{self.page.url}: {told} of {true} pixels tall")
        assert 0.85 < told / true < 1.15

    def assert_large_text_fits(self):
        """Narrow screens and letters twice as large: nothing sticks out, the bar's parts stand side by side."""
        for width, text in ((320, 100), (375, 100), (390, 200), (1280, 100)):
            self.page.set_viewport_size({"width": width, "height": 844})
            self.page.evaluate("(text) => { document.documentElement.style.fontSize = `${text}%` }", text)
            sizes = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert sizes[0] <= sizes[1] == width
            if width < 400:
                assert_apart(self.page.locator(".top-menu, .brand .logo, .top-search, .top-theme").all(), width)
                heights = self.page.locator("dl.glossary > dt:lang(zh)").evaluate_all(LINES)
                assert all(height < 2 for height in heights)
        self.page.evaluate("document.documentElement.style.fontSize = ''")

    def assert_explorers_answer(self):
        for explorer in self.page.locator(".explorer[data-explorer]").all():
            canvas = explorer.locator("canvas[tabindex='0']").first
            canvas.scroll_into_view_if_needed()
            before = explorer.inner_text()
            canvas.focus()
            self.page.keyboard.press("ArrowRight")
            by_key = explorer.inner_text()
            box = canvas.bounding_box()
            canvas.click(position={"x": box["width"] * 0.1, "y": box["height"] * 0.1})
            assert before != by_key != explorer.inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_page_over_http(browser, served, name):
    with Visit(browser, f"{served}/{name}", viewport={"width": 1280, "height": 900}) as visit:
        told = visit.page.evaluate(TALL)
        visit.see_all()
        if name in CHAPTERS:
            visit.assert_light(BUDGET)
            visit.assert_about_as_tall(told)
            visit.assert_paper_keeps_explorers()
        visit.assert_explorers_answer()
        for width in (390, 1280):
            visit.page.set_viewport_size({"width": width, "height": 844})
            visit.assert_fits()
        visit.assert_large_text_fits()
        visit.thin_out()
        for width in (1280, 390):
            visit.page.set_viewport_size({"width": width, "height": 844})
            for scheme, rules in {
                "light": ALL_RULES,
                "dark": COLOR_RULES,
            }.items():  # the dark page differs in colors alone
                visit.page.emulate_media(color_scheme=scheme)
                visit.page.locator(f"html[data-theme={scheme}]").wait_for()
                visit.assert_sound(rules)
        visit.assert_quiet(served)


@pytest.mark.parametrize("name", PAGES)
def test_page_from_disk(browser, site, name):
    with Visit(browser, (site / name).as_uri(), viewport={"width": 390, "height": 844}, has_touch=True) as visit:
        visit.see_all()
        visit.assert_explorers_answer()
        visit.assert_quiet(site.as_uri())


@pytest.fixture
def landing(browser, served):
    with Visit(browser, f"{served}/{PAGES[0]}", viewport={"width": 1280, "height": 900}) as visit:
        yield visit.page


def test_the_sites_address_leads_to_the_first_page(browser, served):
    with Visit(browser, served) as visit:
        visit.page.wait_for_url(f"{served}/{PAGES[0]}")
        visit.assert_quiet(served)


FAULTS = {
    "color-contrast": ("p", "each.style.color = '#bbb'"),
    "image-alt": ("p", "each.append(new Image(20, 20))"),
    "scrollable-region-focusable": (
        ".cell pre",
        "each.style.overflow = 'auto'; each.removeAttribute('tabindex'); each.textContent = 'wide '.repeat(99)",
    ),
    "link-name": ("p", "each.insertAdjacentHTML('beforeend', '<a href=\"#main\"></a>')"),
    "aria-required-children": ("p", "each.setAttribute('role', 'list')"),
    "definition-list": ("p", "each.insertAdjacentHTML('afterend', '<dl><p>no term</p></dl>')"),
}


def test_a_fault_among_many_alike_is_still_found(browser, served):
    """What makes axe quick may not hide the last of a hundred."""
    with Visit(browser, f"{served}/{CHAPTERS[1]}", viewport={"width": 1280, "height": 900}) as visit:
        visit.see_all()
        before = visit.page.locator("main *").count()
        for place, (element, change) in enumerate(FAULTS.values()):
            seen = f"[...document.querySelectorAll('section > {element}')].filter((each) => each.checkVisibility())"
            visit.page.evaluate(f"() => {{ const each = {seen}.at(-{2 * place + 5}); {change} }}")
        visit.thin_out()
        assert visit.page.locator("main *").count() < before / 3
        violations = Axe().run(visit.page, options=ALL_RULES).response["violations"]
        assert {each["id"] for each in violations} == set(FAULTS)


def test_first_key_offers_the_way_to_the_text(landing):
    landing.keyboard.press("Tab")
    landing.keyboard.press("Enter")
    assert landing.evaluate("document.activeElement.id") == "main"


def test_colors_follow_the_system_until_chosen_and_the_choice_stays(landing):
    html = landing.locator("html")
    landing.emulate_media(color_scheme="dark")
    landing.locator("html[data-theme=dark]").wait_for()
    landing.get_by_role("button", name="Colors: as on this device").click()
    assert html.get_attribute("data-theme") == "light"
    landing.reload()
    assert html.get_attribute("data-theme") == "light"
    with landing.context.expect_page() as opened:
        landing.evaluate("open(location.href)")
    opened.value.get_by_role("button", name="Colors: light").click()
    opened.value.get_by_role("button", name="Colors: dark").wait_for()
    landing.locator("html[data-theme=dark]").wait_for()
    landing.get_by_role("button", name="Colors: dark").click()
    landing.emulate_media(color_scheme="light")
    landing.locator("html[data-theme=light]").wait_for()
    opened.value.close()


@pytest.mark.parametrize("home", ["served", "disk"])
def test_search_finds_a_term(browser, served, site, home):
    address = served if home == "served" else site.as_uri()
    with Visit(browser, f"{address}/{PAGES[0]}") as visit:
        visit.page.keyboard.press("/")
        assert visit.page.evaluate("document.activeElement === document.body"), "one key alone does nothing"
        visit.page.keyboard.press("Control+k")
        visit.page.keyboard.type("row-stochastic")
        visit.page.keyboard.press("Enter")
        visit.page.locator("ul.search a", has_text="Glossary: row-stochastic").click()
        visit.page.wait_for_url("**/book/glossary.html*#term-row-stochastic")
        visit.assert_quiet(address)


def test_search_names_chinese_terms_ranks_chapters_first_and_owns_its_words(browser, served):
    with Visit(browser, f"{served}/search.html?q=像素") as visit:
        visit.page.locator("ul.search a", has_text="Glossary: 像素").wait_for()
        visit.page.goto(f"{served}/search.html?q=patches")
        found = visit.page.locator("#search-results h2", has_text="Search Results")
        found.wait_for()
        links = visit.page.locator("ul.search a").all_inner_texts()
        assert "Patches: a photograph becomes a sequence" in links[0]
        assert not [link for link in links if "PatchExplorer." in link]
        visit.page.goto(f"{served}/search.html?q=rotation")
        visit.page.locator("ul.search a", has_text="Patches: a photograph").first.click()
        visit.page.wait_for_url("**/01_patches.html*")
        visit.page.wait_for_function("scrollY > 500")
        visit.page.goto(f"{served}/search.html?q=nowhereinthisbook")
        visit.page.get_by_text("Nothing found. Try fewer").wait_for()


def test_contents_open_on_a_phone(browser, served):
    with Visit(browser, f"{served}/{PAGES[0]}", viewport={"width": 390, "height": 844}) as visit:
        contents = visit.page.get_by_role("navigation", name="The book")
        assert not contents.is_visible()
        visit.page.get_by_role("button", name="Contents").click()
        assert contents.is_visible()
        visit.assert_sound()
        contents.get_by_role("link", name="Glossary").click()
        visit.page.wait_for_url("**/book/glossary.html")
        assert not contents.is_visible()


def assert_apart(parts, width):
    """Four parts side by side, inside the width."""
    sides = [(box["x"], box["x"] + box["width"]) for box in (part.bounding_box() for part in parts)]
    assert len(sides) == 4
    assert sides[-1][1] <= width
    assert all(right <= left for (_, right), (left, _) in pairwise(sides))


def test_terms_stand_on_one_line_where_there_is_room(browser, served):
    with Visit(browser, f"{served}/book/glossary.html", viewport={"width": 1280, "height": 844}) as visit:
        visit.page.add_style_tag(content=UNFOLDED)
        heights = visit.page.locator("dl.glossary > dt").evaluate_all(LINES)
        assert len(heights) > 100
        assert max(heights) < 2


def test_copying_says_so(browser, served):
    with Visit(browser, f"{served}/{CHAPTERS[-1]}", permissions=["clipboard-write"]) as visit:
        visit.page.get_by_role("button", name="Copy").nth(1).click()
        visit.page.get_by_role("status").get_by_text("Copied").wait_for(state="attached")


def test_paper_shows_what_is_folded_away(browser, served):
    for name in CHAPTERS:
        with Visit(browser, f"{served}/{name}", color_scheme="dark") as visit:
            visit.page.emulate_media(media="print", color_scheme="dark")
            visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
            boxes = visit.page.locator("article details:not(.explorer *)")  # an explorer may come while it is printed
            opened = boxes.and_(visit.page.locator("[open]"))
            assert opened.count() == boxes.count() > 0
            assert visit.page.locator("html[data-theme=light]").count() == 1
            sections = visit.page.locator("article > section > section").all()
            drawn = {section.evaluate("(each) => getComputedStyle(each).contentVisibility") for section in sections}
            assert drawn == {"visible"}
            visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
            assert opened.count() == 0
            assert visit.page.locator("html[data-theme=dark]").count() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_paper_shows_formulas_nobody_scrolled_to(browser, served, width):
    with Visit(browser, f"{served}/{CHAPTERS[-1]}", viewport={"width": width, "height": 844}) as visit:
        loaded = "[...document.fonts].filter((face) => face.status === 'loaded').length"
        visit.page.wait_for_load_state("networkidle")
        visit.page.evaluate("document.fonts.ready.then(() => {})")
        unscrolled = visit.page.evaluate(loaded)
        assert unscrolled > 0
        formula = visit.page.locator(".katex").last
        visible = "(each) => each.checkVisibility({ contentVisibilityAuto: true })"
        assert not formula.evaluate(visible)
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert formula.evaluate(visible)
        visit.see_all()
        assert visit.page.evaluate(loaded) == unscrolled, "a formula out of sight has a font of its own"


def test_long_formulas_scroll_within_themselves_by_key(browser, served):
    with Visit(browser, f"{served}/chapters/01_patches.html", viewport={"width": 390, "height": 844}) as visit:
        visit.see_all()
        scrolling = visit.page.locator(".equation-body.scrolls-now")
        assert scrolling.count() > 0
        assert {each.get_attribute("tabindex") for each in scrolling.all()} == {"0"}
        assert visit.page.locator(".equation-body:not(.scrolls-now)[tabindex]").count() == 0
        scrolling.first.focus()
        visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_function("document.activeElement.scrollLeft > 0")


WORDS_READ = """() => {
  const all = [...document.querySelectorAll("article :is(p, h2, h3, pre)")].filter((each) => each.checkVisibility());
  const first = all.find((each) => each.getBoundingClientRect().top > 100);
  return [first.textContent.slice(0, 80), Math.round(first.getBoundingClientRect().top)];
}"""


@pytest.mark.parametrize("name", CHAPTERS[-2:])
def test_a_phone_knows_about_how_tall_a_page_is(browser, served, name):
    with Visit(browser, f"{served}/{name}", viewport={"width": 390, "height": 844}) as visit:
        told = visit.page.evaluate(TALL)
        visit.see_all()
        visit.assert_about_as_tall(told)


@pytest.mark.parametrize("width", [1280, 390])
def test_reloading_comes_back_to_the_same_words(browser, served, width):
    with Visit(browser, f"{served}/chapters/07_synthesis.html", viewport={"width": width, "height": 844}) as visit:
        box = visit.page.locator(".exercise.admonition").nth(2)
        box.evaluate("(each) => each.scrollIntoView()")
        visit.page.wait_for_timeout(300)
        before = visit.page.evaluate(WORDS_READ)
        visit.page.reload()
        visit.page.wait_for_load_state("networkidle")
        visit.page.wait_for_timeout(300)
        words, top = visit.page.evaluate(WORDS_READ)
        assert words == before[0]
        assert abs(top - before[1]) < 12


def test_end_reaches_the_end(browser, served):
    with Visit(browser, f"{served}/chapters/05_similarity.html", viewport={"width": 390, "height": 844}) as visit:
        visit.page.keyboard.press("End")
        visit.page.wait_for_timeout(500)
        assert visit.page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2")


def test_the_first_page_leads_back_to_what_was_read(browser, served):
    with Visit(browser, f"{served}/{PAGES[0]}") as visit:
        assert visit.page.get_by_text("Continue where you were").count() == 0
        visit.page.goto(f"{served}/chapters/03_windows.html")
        visit.page.locator("#counting-the-cost").evaluate("(each) => each.scrollIntoView()")
        visit.page.wait_for_function("localStorage.getItem('patchwork-last')?.includes('counting-the-cost')")
        visit.page.goto(f"{served}/{PAGES[0]}")
        visit.page.get_by_role("link", name="Counting the cost").click()
        visit.page.wait_for_url("**/03_windows.html#counting-the-cost")


@pytest.mark.parametrize("width", [390, 1000])
def test_the_bar_names_the_section_and_leads_to_others(browser, served, width):
    with Visit(browser, f"{served}/chapters/03_windows.html", viewport={"width": width, "height": 844}) as visit:
        visit.page.locator("#reach-how-news-travels").evaluate("(each) => each.scrollIntoView()")
        bar = visit.page.get_by_role("button", name="On this page: 3.9 Reach: how news travels")
        heading = visit.page.locator("#reach-how-news-travels h2")
        stands = heading.bounding_box()["y"]
        bar.evaluate("(each) => each.click()")  # a click of Playwright scrolls what is sticky
        assert abs(heading.bounding_box()["y"] - stands) < 2, "opening the list moves the page"
        sections = visit.page.get_by_role("navigation", name="On this page")
        sections.get_by_role("link", name="Counting the cost").click()
        visit.page.get_by_role("button", name="On this page: 3.3 Counting the cost").wait_for()
        assert not sections.is_visible()
        heading, below = (visit.page.locator(each).bounding_box() for each in ("#counting-the-cost h2", ".here"))
        assert heading["y"] >= below["y"] + below["height"]


def test_a_phones_menu_lists_the_chapters_sections(browser, served):
    with Visit(browser, f"{served}/chapters/03_windows.html", viewport={"width": 390, "height": 844}) as visit:
        visit.page.get_by_role("button", name="Contents").click()
        menu = visit.page.get_by_role("navigation", name="The book")
        assert menu.get_by_role("link", name="Counting the cost").is_visible()
        assert menu.locator(".sections a:visible").count() > 10


def test_a_source_leads_to_its_entry_and_back(browser, served):
    with Visit(browser, f"{served}/chapters/03_windows.html") as visit:
        visit.page.get_by_role("link", name="Liu et al. (2021)").first.click()
        visit.page.wait_for_url("**/bibliography.html#source-liu2021")
        entry = visit.page.locator(".citation:has(#source-liu2021)")
        box = entry.bounding_box()
        assert 0 < box["y"] < 700
        assert "Swin" in entry.inner_text()
        entry.get_by_role("link", name="chapter 3").click()
        visit.page.wait_for_url("**/03_windows.html#names-liu2021")


def test_each_source_named_in_a_chapter_is_linked(parsed):
    leading = [link for name in CHAPTERS for link in parsed[name].links if "bibliography.html" in link]
    whole = [link for link in leading if "#source-" not in link]
    assert len(leading) > 100
    assert len(whole) <= 2 * len(CHAPTERS)  # the menu's, and a sentence about the page itself


def test_copying_covers_no_code_on_touch(browser, served):
    with Visit(
        browser,
        f"{served}/chapters/01_patches.html",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    ) as visit:
        visit.page.add_style_tag(content=UNFOLDED)
        for place in range(4):
            button = visit.page.locator(".copies > .copy:visible").nth(place)
            code = button.locator("xpath=preceding-sibling::pre").bounding_box()
            assert button.bounding_box()["y"] >= code["y"] + code["height"]
            assert button.bounding_box()["height"] >= 32


def test_an_exercise_has_an_address(browser, served):
    with Visit(browser, f"{served}/chapters/03_windows.html") as visit:
        boxes, links = (visit.page.locator(f".exercise.admonition{each}") for each in ("", " .headerlink"))
        assert links.count() == boxes.count() > 3
        assert visit.page.locator(links.first.get_attribute("href")).count() == 1


def test_place_on_the_page_is_marked_while_scrolling(browser, served):
    with Visit(browser, f"{served}/{CHAPTERS[-1]}", viewport={"width": 1280, "height": 900}) as visit:
        links = visit.page.locator(".page-toc > ul > li > ul > li > a")
        for place in (2, 7, 4):
            target = links.nth(place)
            target.click()
            heading = f"{target.get_attribute('href')} > h2"
            top = f"document.querySelector('{heading}').getBoundingClientRect().top"
            visit.page.wait_for_function(f"Math.abs({top} - 76) < 9")
            visit.page.wait_for_function("(link) => link.getAttribute('aria-current')", arg=target.element_handle())
