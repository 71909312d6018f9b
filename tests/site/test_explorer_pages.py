"""Explorers in a real browser, on a page with no kernel: mouse, keys and touch."""

import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import (
    both_ready,
    chosen,
    picture_file,
    pixels,
    press_at,
    select,
    sentence,
    status,
    swipe,
    upload,
    upload_own,
)
from PIL import Image

from patchwork.explorers.attention import AttentionExplorer
from patchwork.explorers.common import widget as base
from patchwork.explorers.patches import patch_grid, same_place, shuffled_order
from patchwork.patches import extract_patches

pytestmark = pytest.mark.browser

PALETTE = """
const source = "data:text/javascript," + encodeURIComponent(window.__patchwork_modules["common/canvas.mjs"]);
return (await import(source)).themeColors(document.querySelector(".pw-explorer"));
"""


@pytest.fixture
def page(visit):
    return visit()


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


def canvas(page, panel):
    return page.locator(f".pw-{panel} [role=slider]").first


def counts(page):
    terms, texts = page.locator(".pw-counts i").all_inner_texts(), page.locator(".pw-counts span").all_inner_texts()
    return dict(zip(terms, (text.replace("\u202f", "") for text in texts), strict=True))


def click_patch(page, row, column, act="click"):
    press_at(canvas(page, "image"), row, column, grid=(7, 7), act=act)


# the page


@pytest.mark.parametrize("over", ["http", "file"])
def test_it_mounts_and_answers(visit, over):
    page = visit(over=over)
    assert page.locator(".explorer img").count() == 0
    assert sentence(page) == "Patch 17 is in row 2, column 3: 2 × 7 + 3 = 17."
    click_patch(page, 4, 1)
    assert sentence(page) == "Patch 29 is in row 4, column 1: 4 × 7 + 1 = 29."
    canvas(page, "image").press("ArrowRight")
    assert chosen(page) == 30


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


def test_two_explorers_are_apart(visit):
    page = both_ready(visit("two"))
    click_patch(page, 0, 0)
    assert [text.split()[1] for text in page.locator(".pw-place").all_inner_texts()] == ["0", "17"]


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
    assert canvas(page, "image").is_visible()


# the image


def test_dragging_chooses_and_hovering_only_previews(page):
    before, drawn = sentence(page), pixels(page, canvas(page, "image"))
    click_patch(page, 5, 5, act="hover")
    assert sentence(page) == before
    assert pixels(page, canvas(page, "image")) != drawn
    click_patch(page, 1, 1, act="hover")
    page.mouse.down()
    click_patch(page, 1, 4, act="hover")
    page.mouse.up()
    assert chosen(page) == 11


@pytest.mark.parametrize(
    ("keys", "patch"),
    [
        ("ArrowRight", 18), ("ArrowLeft", 16), ("ArrowUp", 10), ("ArrowDown", 24), ("Home", 0), ("End", 48),
        ("ArrowUp ArrowUp ArrowUp", 3), ("End ArrowRight", 48), ("Home ArrowLeft", 0), ("End ArrowDown", 48),
        ("Home ArrowRight ArrowDown", 8), ("ArrowRight ArrowRight ArrowRight ArrowRight", 21),
    ],
)  # fmt: skip
def test_keys_walk_the_grid(page, keys, patch):
    canvas(page, "image").focus()
    for key in keys.split():
        page.keyboard.press(key)
    assert chosen(page) == patch
    assert canvas(page, "image").get_attribute("aria-valuenow") == str(patch)
    assert canvas(page, "image").get_attribute("aria-valuetext") == sentence(page)


def test_used_keys_do_not_scroll_the_page_and_others_pass(visit):
    page = visit(width=390)
    canvas(page, "image").focus()
    top = page.evaluate("scrollY")
    for key in ("End", "ArrowDown", "Home", "Space"):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") == top
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"


def test_touch_taps_choose_and_scrolling_does_not(visit):
    page = visit(width=390, has_touch=True, is_mobile=True)
    click_patch(page, 6, 2, act="tap")
    assert chosen(page) == 44
    before = page.evaluate("scrollY")
    swipe(page, 0, -150)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert chosen(page) == 44
    swipe(page, 150, 0)
    assert chosen(page) != 44


# the sequence


def test_thumbnails_and_the_track_choose(page):
    strip = page.locator(".pw-sequence > canvas")
    box = strip.bounding_box()
    strip.click(position={"x": box["width"] / 2 + 2 * 54, "y": 40})
    assert chosen(page) == 19
    track = page.get_by_label("Place in the sequence")
    track.fill("30")
    assert chosen(page) == 30
    track.press("ArrowRight")
    assert chosen(page) == 31
    track.press("End")
    assert chosen(page) == 48


@pytest.mark.parametrize("size", [112, 56])
def test_the_track_chooses_the_patch_under_the_pointer(page, size, rng):
    """Also where the columns are wide: each point of the track belongs to the column drawn there."""
    page.get_by_label("Patch size P").select_option(str(size))
    track, number = page.locator(".pw-track canvas"), (224 // size) ** 2
    width = track.bounding_box()["width"]
    for place in range(number):
        for part in (0.06, rng.uniform(0.1, 0.9), 0.94):
            track.click(position={"x": (place + part) / number * width, "y": 20})
            assert chosen(page) == place
    page.keyboard.press("ArrowLeft")
    assert chosen(page) == number - 2
    thumb = page.get_by_label("Place in the sequence").bounding_box()
    middle = thumb["x"] + 12 + (number - 2) / (number - 1) * (thumb["width"] - 24) - track.bounding_box()["x"]
    assert middle == pytest.approx((number - 1.5) / number * width, abs=1)


def test_a_swipe_moves_along_the_sequence_and_the_numbers(visit):
    page = visit(width=390, has_touch=True, is_mobile=True)
    strip, row = page.locator(".pw-sequence > canvas"), page.locator(".pw-runs canvas").last
    strip.tap(position={"x": strip.bounding_box()["width"] / 2 - 46, "y": 40})
    assert chosen(page) == 16
    swipe(page, -46 * 3, 0, over=strip)
    assert chosen(page) == 19
    swipe(page, 46 * 2, 0, over=strip)
    assert chosen(page) == 17
    swipe(page, 46 * 40, 0, over=strip)
    assert chosen(page) == 0
    before = shown_number(page)[1]
    swipe(page, -42 * 2, 0, over=row)
    assert shown_number(page)[1] == before + 2


# the vector


def shown_number(page):
    found = re.fullmatch(
        r"x\[(\d+), (\d+)\] = ([\d.]+) · (\w+), row (\d+), column (\d+)", page.locator(".pw-number").inner_text()
    )
    patch, element, value, color, row, column = found.groups()
    return int(patch), int(element), float(value), ("red", "green", "blue").index(color), int(row), int(column)


@pytest.mark.parametrize("patch_size", [4, 16, 32])
def test_the_number_read_out_is_the_librarys(page, explorer, patch_size, rng):
    page.get_by_label("Patch size P").select_option(str(patch_size))
    image = base.decode_photo(explorer.photos["astronaut"])
    vectors = extract_patches(image[None], patch_size, stride=patch_size)[0]
    box = canvas(page, "vector").bounding_box()
    for _ in range(8):
        canvas(page, "image").press(rng.choice(["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"]))
        canvas(page, "vector").click(
            position={axis: rng.uniform(1, box[side] - 1) for axis, side in (("x", "width"), ("y", "height"))}
        )
        patch, element, value, channel, row, column = shown_number(page)
        assert patch == chosen(page)
        assert element == (channel * patch_size + row) * patch_size + column
        assert value == pytest.approx(vectors[patch, element].item(), abs=0.0051 + 1 / 255)


def test_pixel_and_number_move_together(page):
    pixel, number = canvas(page, "vector"), page.locator(".pw-vector [role=slider]").last
    drawn = [pixels(page, each) for each in (pixel, number)]
    _, element, *_ = shown_number(page)
    for key, by in (("ArrowRight", 1), ("ArrowDown", 32), ("ArrowLeft", -1), ("ArrowUp", -32)):
        pixel.press(key)
        assert shown_number(page)[1] == (element := element + by)
    for key, by in (("ArrowDown", 1024), ("ArrowUp", -1024), ("ArrowRight", 1)):
        number.press(key)
        assert shown_number(page)[1] == (element := element + by)
    number.press("End")
    assert shown_number(page)[1] == 3071
    number.press("ArrowRight")
    assert shown_number(page)[1] == 3071
    number.press("Home")
    assert shown_number(page)[1] == 0
    assert all(pixels(page, each) != before for each, before in zip((pixel, number), drawn, strict=True))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_printed_number_is_chosen_where_it_stands(visit, width):
    page = visit(width=width)
    row, before = page.locator(".pw-runs canvas").last, shown_number(page)[1]
    middle = row.bounding_box()["width"] / 2
    row.click(position={"x": middle + 2 * 42, "y": 20})
    assert shown_number(page)[1] == before + 2
    row.click(position={"x": middle - 42, "y": 20})
    assert shown_number(page)[1] == before + 1


def test_hovering_a_number_previews_it(page):
    number, before = page.locator(".pw-vector [role=slider]").last, shown_number(page)
    number.hover(position={"x": 300, "y": 140})
    assert shown_number(page)[3] == 2
    page.mouse.move(0, 0)
    assert shown_number(page) == before


# the settings


def test_every_cut_on_offer_is_counted_right(page):
    sizes = page.get_by_label("Patch size P")
    offered = sizes.locator("option").evaluate_all("options => options.map((each) => Number(each.value))")
    assert offered == [4, 7, 8, 14, 16, 28, 32, 56, 112, 224]
    for size in offered:
        sizes.select_option(str(size))
        strides = (
            page.get_by_label("Stride")
            .locator("option")
            .evaluate_all("options => options.map((each) => Number(each.value))")
        )
        for stride in strides:
            page.get_by_label("Stride").select_option(str(stride))
            rows, columns = patch_grid((224, 224), size, stride)
            told = counts(page)
            assert told["N"].startswith(f"{rows} × {columns} = {rows * columns} patch")
            assert told["D"] == f"3 × {size} × {size} = {3 * size**2} numbers each"
            assert told["A"].startswith(f"N² = {(rows * columns) ** 2} weight")
            assert chosen(page) < rows * columns
            assert ("exactly as many" in told["N · D"]) == (size == stride)


@pytest.mark.parametrize(("size", "told"), [(4, "39 MB"), (16, "154 kB"), (32, "9.6 kB"), (224, "4 B")])
def test_the_relations_memory_is_told(page, size, told):
    page.get_by_label("Patch size P").select_option(str(size))
    assert counts(page)["A"].endswith(f", {told} in float32")


def test_a_new_cut_keeps_the_place(page):
    page.get_by_label("Patch size P").select_option("16")
    assert chosen(page) == same_place(17, ((224, 224), 32, 32), ((224, 224), 16, 16))
    page.get_by_label("Patch size P").select_option("32")
    assert chosen(page) == 17


def test_shuffling_moves_the_patches_and_keeps_the_vectors(page):
    image, vector = canvas(page, "image"), page.locator(".pw-vector [role=slider]").last
    before = [pixels(page, each) for each in (image, vector)]
    page.get_by_label("Shuffle the patches").check()
    place = shuffled_order(49).index(17)
    assert f"Patch 17 now stands at place {place}" in sentence(page)
    assert pixels(page, image) != before[0]
    assert pixels(page, vector) == before[1]
    click_patch(page, *divmod(20, 7))
    assert chosen(page) == shuffled_order(49)[20]
    page.get_by_label("Shuffle the patches").uncheck()
    page.get_by_label("Place in the sequence").fill("17")
    page.mouse.move(0, 0)
    assert pixels(page, image) == before[0]


def test_reset_brings_the_first_view_back(page):
    first = (
        pixels(page, canvas(page, "image")),
        pixels(page, page.locator(".pw-vector [role=slider]").last),
        counts(page),
    )
    page.get_by_label("Photograph").select_option("coffee")
    page.get_by_label("Patch size P").select_option("8")
    page.get_by_label("Shuffle the patches").check()
    page.get_by_label("Stride").select_option("4")
    canvas(page, "image").press("End")
    page.get_by_role("button", name="Reset").click()
    page.mouse.move(0, 0)
    again = (
        pixels(page, canvas(page, "image")),
        pixels(page, page.locator(".pw-vector [role=slider]").last),
        counts(page),
    )
    assert again == first
    assert page.get_by_label("Photograph").input_value() == "astronaut"
    assert not page.get_by_label("Shuffle the patches").is_checked()


# a photograph of one's own


@pytest.mark.parametrize("over", ["http", "file"])
@pytest.mark.parametrize(
    ("content", "value"),
    [
        (picture_file("PNG", "RGB", (0, 255, 0)), 1.0),
        (picture_file("JPEG", "L", 255, size=(3000, 2000)), 1.0),
        (picture_file("PNG", "RGBA", (0, 0, 0, 0)), 1.0),
        (picture_file("WEBP", "RGB", (255, 0, 255), size=(5, 9)), 0.0),
    ],
    ids=["png", "large gray jpeg", "transparent", "tiny webp"],
)
def test_ones_own_photo_is_cut(visit, over, content, value):
    page = visit(over=over)
    upload_own(page, content)
    assert shown_number(page)[2] == pytest.approx(value, abs=0.03)
    assert page.locator(".pw-message").inner_text() == ""


def test_a_rotated_photo_stands_upright(page):
    picture, exif, file = Image.new("RGB", (64, 64), "white"), Image.Exif(), io.BytesIO()
    picture.paste("black", (0, 0, 64, 32))
    exif[0x0112] = 6  # its top is at the right
    picture.save(file, "JPEG", exif=exif)
    upload_own(page, file.getvalue())
    canvas(page, "image").press("Home")
    assert shown_number(page)[2] > 0.9
    for _ in range(6):
        canvas(page, "image").press("ArrowRight")
    assert shown_number(page)[2] < 0.1


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", picture_file("JPEG")[:300]], ids=["empty", "text", "cut off"]
)
@pytest.mark.parametrize("name", ["light", "windows", "convolution", "similarity", "graphs", "relations"])
def test_a_file_that_is_no_picture_is_told_and_nothing_changes(visit, name, content):
    page = visit(name)
    image = page.locator("canvas[role=slider]").first
    before = pixels(page, image)
    for take_back in (
        lambda: page.get_by_role("button", name="Reset").click(),
        lambda: select(page, "Photograph").select_option("coffee"),
        lambda: upload(page, picture_file()),
    ):
        upload(page, content, "notes.txt")
        page.wait_for_selector(".pw-message:not(:empty)")
        assert page.get_by_role("alert").inner_text().startswith("“notes.txt” is not a picture this browser can read.")
        assert pixels(page, image) == before
        take_back()
        page.wait_for_selector(".pw-message:empty", state="attached")
        page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")
        before = pixels(page, image)


# for everyone


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


def test_an_error_is_red_and_bold(page):
    upload(page, b"x", "x.txt")
    page.wait_for_selector(".pw-message:not(:empty)")
    look = "node => [getComputedStyle(node).color, getComputedStyle(node).fontWeight]"
    assert page.locator(".pw-message").evaluate(look) == ["rgb(179, 51, 31)", "600"]


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


def test_what_is_heard_is_said_once(page):
    """Hovering is silent, a focused slider speaks for itself, and the one status tells of the rest."""
    assert page.locator(".pw-explorer [aria-live]").count() == 0
    assert status(page) == ""
    number = page.locator(".pw-vector [role=slider]").last
    heard = number.get_attribute("aria-valuetext")
    number.hover(position={"x": 300, "y": 140})
    assert number.get_attribute("aria-valuetext") == heard
    click_patch(page, 5, 5, act="hover")
    canvas(page, "image").press("ArrowRight")
    assert status(page) == ""
    page.get_by_label("Patch size P").focus()
    page.get_by_label("Patch size P").select_option("16")
    assert status(page) == "14 × 14 = 196 patches. " + sentence(page)
    page.locator(".pw-sequence > canvas").click(position={"x": 20, "y": 40})
    assert status(page) == sentence(page)


def test_parts_are_named(visit):
    page = both_ready(visit("two"))
    assert page.get_by_role("group", name="Patch explorer").count() == 2
    assert page.get_by_role("group", name="Patch 17 as a vector of 3\u202f072 numbers").count() == 2


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


def test_overlapping_patches_are_not_shuffled(page):
    shuffle = page.get_by_label("Shuffle the patches")
    shuffle.check()
    page.get_by_label("Stride").select_option("16")
    assert not shuffle.is_checked()
    assert shuffle.is_disabled()
    assert page.get_by_label("Shuffle the patches (without overlap only)").count() == 1
    page.get_by_label("Stride").select_option("32")
    assert shuffle.is_enabled()


def test_one_patch_is_not_many(page):
    page.get_by_label("Patch size P").select_option("224")
    assert page.locator(".pw-title").all_inner_texts()[:2] == [
        "The image: 1 row × 1 column",
        "The sequence: 1 patch, row after row",
    ]
    assert counts(page)["A"] == "N² = 1 weight, 4 B in float32"


@pytest.mark.parametrize("width", [760, 390])
def test_a_choice_does_not_move_the_page(visit, width):
    page = visit(width=width)
    height = "() => document.querySelector('.pw-explorer').clientHeight"
    tall = page.evaluate(height)
    for size in ("8", "56", "16"):
        page.get_by_label("Patch size P").select_option(size)
        for key in ("Home", "ArrowDown", "ArrowRight", "End"):
            canvas(page, "image").press(key)
            assert page.evaluate(height) == tall


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


# attention


def place(page, model="Trained"):
    return page.get_by_role("group", name=model, exact=True)


def token_map(page, model="Trained"):
    return place(page, model).get_by_role("slider").first


def answers(page, model="Trained"):
    return place(page, model).get_by_role("slider").last


def findings(page, model="Trained"):
    lines = place(page, model).locator("dl > div").all()
    return {line.locator("dt").inner_text(): line.locator("dd").inner_text() for line in lines}


def numbers(text):
    text = text.replace("−", "-").replace(" · 10⁻", "e-").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?(?:e-\d+)?", text)]


def ask(page, row, column, *, side=16, act="click", model="Trained"):
    box = token_map(page, model).bounding_box()
    left = box["width"] - box["height"]  # the class token's strip
    spot = {"x": left + (column + 0.5) * box["height"] / side, "y": (row + 0.5) * box["height"] / side}
    getattr(token_map(page, model), act)(position=spot)


def scale_text(page):
    return page.locator(".pw-scale-text").inner_text()


@pytest.fixture
def talk(visit):
    return visit("attention")


@pytest.mark.parametrize("over", ["http", "file"])
def test_attention_mounts_and_answers(visit, over):
    page = visit("attention", over=over)
    assert sentence(page) == "Patch 115 (row 7, column 3) asks, 256 patches answer."
    ask(page, 2, 5)
    assert sentence(page).startswith("Patch 37 (row 2, column 5) asks")
    token_map(page, "Untrained").press("ArrowDown")
    assert sentence(page).startswith("Patch 53 (row 3, column 5) asks")


def test_the_first_view_already_teaches(talk):
    """Untrained the region gets about its share, trained nearly everything."""
    [untrained, chance], [trained, _] = (
        numbers(findings(talk, model)["Mass in its region"]) for model in ("Untrained", "Trained")
    )
    assert abs(untrained - chance) < 10
    assert trained > 2 * chance
    assert numbers(findings(talk, "Untrained")["Entropy"])[1] > 150
    assert numbers(findings(talk)["Entropy"])[1] < 100


@pytest.mark.parametrize("name", ["mosaic", "digit"])
def test_every_number_is_the_librarys(talk, scenes, name, rng):
    for _ in range(6):
        shape = scenes[name].queries["trained"].shape
        block, head, query = rng.randrange(shape[0]), rng.choice(["", *range(shape[1])]), rng.randrange(shape[2])
        power = rng.randint(-8, 4) / 2
        talk.get_by_label("Picture").select_option(name)
        if shape[0] > 1:
            talk.get_by_label("Block").select_option(str(block))
        talk.get_by_label("Head").select_option(str(head))
        talk.get_by_label("Scale of the logits").fill(str(power))
        token_map(talk).press("Home")
        for _ in range(query // (16 if name == "mosaic" else 99)):
            token_map(talk).press("ArrowDown")
        for _ in range(query % (16 if name == "mosaic" else 99)):
            token_map(talk).press("ArrowRight")
        settings = {"scene": name, "block": block, "head": head if head != "" else None, "query": query}
        for model in ("untrained", "trained"):
            expected = AttentionExplorer(scenes, model=model, temperature=2**-power, **settings)
            compare(findings(talk, model.capitalize()), expected, scenes[name])


def compare(told, expected, scene):
    nats, spread = numbers(told["Entropy"])[:2]
    assert nats == pytest.approx(expected.entropy.item(), abs=0.02)
    assert spread == pytest.approx(expected.entropy.exp().item(), rel=0.06)
    assert numbers(told["Largest weight"])[0] == pytest.approx(expected.weights.max().item(), rel=0.06)
    if scene.labels is not None:
        mass, chance = (100 * each.item() for each in expected.region_mass)
        assert numbers(told["Mass in its region"]) == pytest.approx([mass, chance], abs=1.5)
    patch, pair = list(told.items())[-1]
    token = 0 if patch.startswith("Class") else int(numbers(patch)[0]) + len(expected.weights) - len_patches(scene)
    assert numbers(pair.partition("weight ")[2])[0] == pytest.approx(expected.weights[token].item(), rel=0.1, abs=2e-3)
    if expected.head is not None:
        queries, keys = (part[expected.model][expected.block, expected.head] for part in (scene.queries, scene.keys))
        product = (queries[expected.query] @ keys[token]).item()
        scale = 1 / expected.temperature / queries.shape[1] ** 0.5
        told_product, logit = numbers(pair)[:2]
        assert (told_product, logit) == (
            pytest.approx(product, abs=0.05),
            pytest.approx(product * scale, abs=0.06 * max(scale, 1)),
        )


def test_the_mass_leaves_out_what_is_no_patch(visit, regions):
    page, scene = visit("attention regions"), regions._given["ink"]
    for query in range(17):
        page.get_by_label("Token that asks, trained").press("ArrowRight" if query else "Home")
        expected = AttentionExplorer({"ink": scene}, query=query).region_mass
        told = findings(page)["Mass in its region"]
        assert (expected is None) == (told == "—") == (query < 2)
        if expected is not None:
            assert numbers(told) == pytest.approx([100 * each.item() for each in expected], abs=1)


def len_patches(scene):
    return scene.grid[0] * scene.grid[1]


def test_keys_reach_the_class_token_and_every_patch(talk):
    talk.get_by_label("Picture").select_option("digit")
    assert sentence(talk) == "The class token asks, 17 tokens answer."
    walk = [
        ("ArrowRight", "Patch 0 (token 1, row 0, column 0)"),
        ("ArrowUp", "Patch 0 (token 1"),
        ("ArrowDown", "Patch 4 (token 5, row 1, column 0)"),
        ("End", "Patch 15 (token 16, row 3, column 3)"),
        ("ArrowUp ArrowLeft", "Patch 10 (token 11"),
        ("Home", "The class token"),
        ("ArrowLeft", "The class token"),
        ("ArrowDown", "The class token"),
    ]
    for keys, told in walk:
        for key in keys.split():
            token_map(talk).press(key)
        assert sentence(talk).startswith(told), keys
        assert token_map(talk).get_attribute("aria-valuetext").startswith(sentence(talk))


def test_a_finger_reaches_the_class_token_and_a_scroll_chooses_nothing(visit):
    page = visit("attention", width=390, has_touch=True, is_mobile=True)
    page.get_by_label("Picture").select_option("digit")
    ask(page, 2, 1, side=4, act="tap")
    assert sentence(page).startswith("Patch 9 (token 10, row 2, column 1)")
    token_map(page).tap(position={"x": 12, "y": 12})
    assert sentence(page).startswith("The class token")
    before = page.evaluate("scrollY")
    swipe(page, 0, -150, over=token_map(page))
    page.wait_for_function("before => scrollY > before", arg=before)
    assert sentence(page).startswith("The class token")
    swipe(page, 60, 0, over=token_map(page))
    assert sentence(page).startswith("Patch ")


def test_the_scale_snaps_to_its_marks(talk):
    scale = talk.get_by_label("Scale of the logits")
    assert scale_text(talk) == "scale = 1/√d = 1/√8 = 0.35"
    scale.press("ArrowRight")
    assert scale_text(talk) == "scale = 1/√d · 1.2 = 0.42"
    for told in ("1.4 = 0.5", "1.7 = 0.59", "2.0 = 0.71"):
        scale.press("ArrowRight")
        assert scale_text(talk) == f"scale = 1/√d · {told}"
    for _ in range(2):
        scale.press("ArrowRight")
    assert scale_text(talk) == "scale = 1/√d · 2.8 = 1: no scaling"
    talk.get_by_role("button", name="1/√d").click()
    assert scale_text(talk).startswith("scale = 1/√d = ")
    talk.get_by_role("button", name="no scaling").click()
    assert scale_text(talk) == "scale = 1/√d · 2.8 = 1: no scaling"
    talk.get_by_label("Head").select_option("0")
    product, logit = numbers(list(findings(talk).values())[-1])[:2]
    assert product == logit
    scale.press("Home")
    assert scale_text(talk) == "scale = 1/√d · 0.063 = 0.022"
    assert float(numbers(findings(talk)["Entropy"])[1]) > 230


@pytest.mark.parametrize("width", [1280, 390])
def test_the_marks_stand_where_their_values_are(visit, width):
    page = visit("attention", width=width)
    scale = page.get_by_label("Scale of the logits")
    track, boxes = scale.bounding_box(), []
    for name, power in {"1/√d": 0, "no scaling": 1.5}.items():
        mark = page.get_by_role("button", name=name)
        line = mark.evaluate("node => parseFloat(getComputedStyle(node, '::before').left)")
        boxes.append(mark.bounding_box())
        scale.click(position={"x": boxes[-1]["x"] + line - track["x"], "y": track["height"] / 2})
        assert float(scale.input_value()) == power
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]


def test_a_sharper_scale_concentrates(talk):
    entropies = []
    for power in range(-4, 5):
        talk.get_by_label("Scale of the logits").fill(str(power))
        entropies.append(numbers(findings(talk)["Entropy"])[0])
    assert entropies == sorted(entropies, reverse=True)
    assert entropies[0] - entropies[-1] > 3


def test_one_model_or_all(talk):
    talk.get_by_label("Model").select_option("trained")
    assert place(talk, "Untrained").count() == 0  # nor is it read aloud
    assert token_map(talk).bounding_box()["width"] > 300
    ask(talk, 0, 0)
    assert sentence(talk).startswith("Patch 0 ")
    talk.get_by_label("Model").select_option("")
    assert place(talk, "Untrained").count() == 1


def test_a_new_picture_starts_at_its_own_query(talk):
    assert not talk.get_by_label("Block").is_visible()
    talk.get_by_label("Picture").select_option("digit")
    talk.get_by_label("Block").select_option("2")
    talk.get_by_label("Head").select_option("3")
    talk.get_by_label("Picture").select_option("mosaic")
    assert sentence(talk).startswith("Patch 115 ")
    assert talk.get_by_label("Head").input_value() == "3"


def test_reset_brings_attentions_first_view_back(talk):
    def view():
        return [pixels(talk, token_map(talk)), pixels(talk, answers(talk)), findings(talk), scale_text(talk)]

    first = view()
    talk.get_by_label("Head").select_option("2")
    talk.get_by_label("Scale of the logits").fill("3")
    ask(talk, 15, 15)
    talk.get_by_label("Picture").select_option("digit")
    answers(talk).press("End")
    talk.get_by_role("button", name="Reset").click()
    talk.mouse.move(0, 0)
    assert view() == first


def test_hovering_reads_a_patch_out_and_a_press_on_the_answers_keeps_it(talk):
    def patch():
        return list(findings(talk))[-1]

    strongest, heard = patch(), answers(talk).get_attribute("aria-valuetext")
    ask(talk, 15, 0, act="hover")
    assert patch() == "Patch 240"
    assert sentence(talk).startswith("Patch 115 ")
    assert answers(talk).get_attribute("aria-valuetext") == heard
    talk.mouse.move(0, 0)
    assert patch() == strongest
    answers(talk).press("End")
    last = patch()
    assert last != strongest
    assert list(findings(talk, "Untrained"))[-1] == last
    answers(talk).press("ArrowLeft")
    assert patch() != last
    answers(talk).press("Home")
    box = answers(talk).bounding_box()
    answers(talk).click(position={"x": box["width"] - 0.5, "y": 30})
    assert patch() == last
    talk.mouse.move(0, 0)
    assert patch() == last
    ask(talk, 7, 3, act="hover")
    assert patch() == "Patch 115, itself"


def test_a_key_wins_over_a_pointer_at_rest(talk):
    """Whoever leaves the mouse on the map and goes on by keys sees and hears the answer that the keys chose."""
    ask(talk, 15, 0, act="hover")
    answers(talk).press("Home")
    strongest = list(findings(talk))[-1]
    assert strongest != "Patch 240"
    assert answers(talk).get_attribute("aria-valuetext").startswith(f"{strongest}:")
    ask(talk, 15, 1, act="hover")
    assert list(findings(talk))[-1] == "Patch 241"
    token_map(talk).press("ArrowDown")
    assert answers(talk).get_attribute("aria-valuetext").startswith(f"{list(findings(talk))[-1]}:")


def test_what_attention_says_is_heard_once(talk):
    assert status(talk) == ""
    ask(talk, 5, 5, act="hover")
    token_map(talk).press("ArrowRight")
    assert status(talk) == ""
    talk.get_by_label("Head").focus()
    talk.get_by_label("Head").select_option("1")
    assert status(talk).startswith("Patch 116 (row 7, column 4) asks, 256 patches answer. untrained: as if spread over")
    before = status(talk)
    talk.get_by_label("Scale of the logits").fill("2")
    assert status(talk) != before
    assert talk.get_by_label("Scale of the logits").get_attribute("aria-valuetext") == scale_text(talk)


def test_attentions_parts_are_named(visit):
    page = both_ready(visit("attention two"))
    assert page.get_by_role("group", name="Attention explorer").count() == 2
    names = [each.get_attribute("aria-label") for each in page.get_by_role("slider").all()[1:5]]
    assert names == [
        f"{what}, {name}" for name in ("untrained", "trained") for what in ("Token that asks", "Answers by weight")
    ]
    legend = page.locator(".pw-legend canvas").first.get_attribute("aria-label")
    assert legend.startswith("Colors from weight 0 to")
    assert "uniform 1/256 = 0.0039" in legend


@pytest.mark.parametrize("width", [760, 390])
def test_attention_stays_in_its_place_and_within_a_screen_and_a_half(visit, width):
    page = visit("attention", width=width)
    height = "() => document.querySelector('.pw-explorer').clientHeight"
    tall = page.evaluate(height)
    assert tall <= 1.5 * 844
    for head in ("1", "3", ""):
        page.get_by_label("Head").select_option(head)
        answers(page).press("End")
        for power in ("-4", "1.25", "4", "0"):
            page.get_by_label("Scale of the logits").fill(power)
            token_map(page).press("ArrowRight")
            assert page.evaluate(height) == tall, (head, power)
