"""The relations explorer in a real browser, on a page with no kernel."""

import functools
import re

import matplotlib as mpl
import pages
import pytest
import torch
from pages import both_ready, centers, colors, picture_file, pixels, select, sentence, status, swipe, upload_own

from patchwork.explorers.relations import RelationsExplorer
from patchwork.explorers.relations.look import NAMES, share_below
from patchwork.images import load_image, texture_mosaic
from patchwork.synthesis import families
from patchwork.synthesis.families import learned

WITHOUT = "'dinov2-small-packaged' is not on this machine yet: run `make model`"
# An explorer with a kernel behind it, which window.set plays.
MOUNT = """async ([source, state]) => {
    const listeners = new EventTarget(), model = {
        get: (name) => state[name],
        on: (name, listen) => listeners.addEventListener(name, listen),
        off: (name, listen) => listeners.removeEventListener(name, listen),
        set: (name, value) => { state[name] = value; listeners.dispatchEvent(new Event(`change:${name}`)); },
        save_changes() {},
    };
    const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    await widget.render({ model, el: document.querySelector("main") });
    window.set = model.set;
}"""
pytestmark = pytest.mark.browser
press_at = functools.partial(pages.press_at, grid=(16, 16))


@pytest.fixture
def page(visit):
    return visit("relations")


@pytest.fixture
def opened(visit):
    return visit("relations revealed")


@functools.cache
def library():
    """The same explorer as the page's, in Python."""
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
    return RelationsExplorer({"mosaic": mosaic, "coffee": load_image("coffee", size=256)})


def python(*, photo="mosaic", selected=124, marked=()):
    """Its look at these settings."""
    explorer = library()
    explorer.photo, explorer.selected, explorer.marked = photo, selected, list(marked)
    return explorer.look


# what the page says


def eye(page):
    return page.locator(".pw-map > canvas").first


def settled(page):
    page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")


def mark(page, patches):
    """Press many patches, one after the other."""
    eye(page).scroll_into_view_if_needed()
    box = eye(page).bounding_box()
    for patch in patches:
        row, column = divmod(patch, 16)
        page.mouse.click(box["x"] + (column + 0.5) / 16 * box["width"], box["y"] + (row + 0.5) / 16 * box["height"])


def press(page, name):
    page.get_by_role("button", name=name).click()


def marked(page):
    return int(re.match(r"(\d+) of 255 patches? marked", sentence(page, "marked"))[1])


def asking(page):
    return int(re.search(r"[Pp]atch (\d+) \(", sentence(page))[1])


def table(page):
    """Rows of numbers by the relation's name, best first; None for a dash."""
    rows = page.locator(".pw-scores-table tbody tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {name: [None if text in ("–", "") else float(text) for text in texts] for name, *texts in cells}


@pytest.mark.parametrize("over", ["http", "file"])
def test_a_guess_comes_before_the_answers(visit, over):
    page = visit("relations", over=over)
    assert sentence(page) == "Which patches belong to the outlined one, patch 124 (row 7, column 12)?"
    assert page.locator(".pw-map:visible").count() == 1
    assert not page.locator(".pw-scores-table").is_visible()
    press_at(eye(page), 7, 13)
    press_at(eye(page), 6, 12)
    assert marked(page) == 2
    press(page, "Compare")
    assert page.locator(".pw-map:visible").count() == 7
    assert sentence(page, "verdict").startswith("Your eye: 2 patches, AUC 0.")
    assert page.locator(".pw-name").all_inner_texts() == ["Your eye", *NAMES.values()]


def test_skipping_shows_the_answers_at_once(page):
    press_at(eye(page), 7, 13)
    press(page, "Skip the guess")
    assert page.locator(".pw-map:visible").count() == 7
    assert sentence(page, "verdict").endswith("You marked nothing.")
    assert page.locator(".pw-name").first.inner_text() == "The picture"


def test_a_press_marks_or_takes_a_mark_back_and_the_outlined_patch_takes_none(page):
    unmarked = colors(page, eye(page), centers(16, 16))
    press_at(eye(page), 3, 3)
    page.mouse.move(0, 0)
    before = pixels(page, eye(page))
    changed = (colors(page, eye(page), centers(16, 16)) - unmarked).abs().sum(1) > 20
    assert changed.nonzero().flatten().tolist() == [51]
    press_at(eye(page), 7, 12)
    page.mouse.move(0, 0)
    assert marked(page) == 1
    assert pixels(page, eye(page)) == before
    press_at(eye(page), 3, 3)
    assert marked(page) == 0
    press_at(eye(page), 3, 3)
    press_at(eye(page), 3, 4)
    press(page, "Clear marks")
    assert marked(page) == 0


def test_a_stroke_marks_all_it_passes_or_takes_their_marks(page):
    box = eye(page).bounding_box()
    for start, end, number in (((2, 3), (2, 9), 7), ((2, 9), (2, 6), 3)):
        press_at(eye(page), *start, act="hover")
        page.mouse.down()
        spot = [box["x"] + (end[1] + 0.5) / 16 * box["width"], box["y"] + (end[0] + 0.5) / 16 * box["height"]]
        page.mouse.move(*spot, steps=30)
        assert sentence(page, "marked").endswith(f"Here: patch {16 * end[0] + end[1]} (row {end[0]}, column {end[1]}).")
        page.mouse.up()
        assert marked(page) == number


def test_keys_walk_and_mark(page):
    eye(page).focus()
    for key in ("ArrowRight", "Space", "ArrowDown", "Enter", "ArrowLeft", "ArrowUp", "Space"):
        page.keyboard.press(key)
    assert marked(page) == 2
    told = "Patch 124 (row 7, column 12), the outlined one. 2 of 255 patches marked."
    assert eye(page).get_attribute("aria-valuetext") == told
    page.keyboard.press("ArrowRight")
    assert eye(page).get_attribute("aria-valuetext").startswith("Patch 125 (row 7, column 13), marked.")
    assert sentence(page, "marked") == "2 of 255 patches marked. Here: patch 125 (row 7, column 13)."
    page.locator(".pw-file input").focus()
    assert sentence(page, "marked") == "2 of 255 patches marked."
    press_at(eye(page), 0, 3, act="hover")
    assert sentence(page, "marked") == "2 of 255 patches marked. Here: patch 3 (row 0, column 3)."
    eye(page).focus()
    page.keyboard.press("Home")
    assert eye(page).get_attribute("aria-valuenow") == "0"
    assert status(page) == ""


def test_where_keys_are_is_drawn_and_where_the_mouse_was_is_not(page):
    press_at(eye(page), 3, 3)
    press_at(eye(page), 3, 3)
    page.mouse.move(0, 0)
    first = pixels(page, eye(page))
    page.keyboard.press("ArrowRight")
    assert pixels(page, eye(page)) != first
    page.keyboard.press("Tab")
    assert pixels(page, eye(page)) == first


def test_what_is_read_first_comes_into_sight(visit):
    page = visit("relations", width=390)
    page.set_viewport_size({"width": 390, "height": 400})
    for name in ("Compare", "Change the marks", "Another patch", "Skip the guess"):
        press(page, name)
        assert page.evaluate("scrollY") > 0
        box = page.locator(".pw-place").bounding_box()
        assert 0 <= box["y"] <= 400 - box["height"], name
        assert eye(page).evaluate("node => node === document.activeElement")


def test_after_the_answers_keys_choose_who_asks(opened):
    for key, patch in (("Home", 0), ("ArrowRight", 1), ("ArrowDown", 17), ("End", 255), ("Space", 255)):
        eye(opened).press(key)
        assert asking(opened) == patch
        told = f"{sentence(opened)} {sentence(opened, 'verdict')}"
        assert eye(opened).get_attribute("aria-valuetext") == told
    press_at(opened.locator(".pw-map > canvas").nth(3), 2, 5)
    assert asking(opened) == 37


def check_scores(page, expected):
    settled(page)
    found, means = table(page), expected.mean_scores
    exact = 2 if expected.regions is not None else 0
    for name, title in NAMES.items():
        scores = [*expected.scores[name], *means[name]]
        room = [0.0051, 0.51 * 10**-exact, 0.0051, 0.51 * 10**-exact]
        for one, other, most in zip(found[title], scores, room, strict=True):
            assert (one is None) == (other != other)
            assert one is None or one == pytest.approx(other, abs=most), (name, found[title], scores)
    assert ("Your eye" in found) == (expected.guess is not None)
    if expected.guess is not None:
        assert found["Your eye"][:2] == pytest.approx(expected.guess, abs=0.51 * 10**-exact)
    near, mass = expected.chance
    if expected.regions is None:
        assert f"{near:.2f} if all got the same" in sentence(page, "note")
        return
    order = [scores[0] for scores in found.values()]
    assert order == sorted(order, reverse=True)
    assert f"its region; chance {mass:.2f}" in sentence(page, "note")
    if expected.guess is not None:
        place = list(found).index("Your eye") + 1
        assert ("the best of 7" if place == 1 else f"place {place} of 7") in sentence(page, "verdict")


def test_every_number_is_the_librarys(page, rng):
    for photo in ("mosaic", "coffee", "mosaic"):
        select(page, "Photograph").select_option(photo)
        settled(page)
        if page.get_by_role("button", name="Change the marks").is_visible():
            press(page, "Change the marks")
        press(page, "Another patch")
        query = asking(page)
        patches = {rng.randrange(256) for _ in range(12)} - {query}
        mark(page, patches)
        assert marked(page) == len(patches)
        press(page, "Compare")
        check_scores(page, python(photo=photo, selected=query, marked=patches))


def under(page):
    return page.locator(".pw-how").all_inner_texts()


def test_places_are_read_where_the_pointer_is(page):
    press_at(eye(page), 7, 13)
    press(page, "Compare")
    expected, calm = python(), under(page)
    for patch in (5, 107, 125):
        press_at(page.locator(".pw-map > canvas").nth(2), *divmod(patch, 16), act="hover")
        same = expected.regions[patch] == expected.regions[124]
        region = "the same region" if same else "another region"
        assert sentence(page, "told") == f"Patch {patch} (row {patch // 16}, column {patch % 16}): {region}."
        places = ["marked" if patch == 125 else "not marked"]
        for row in expected.rows.values():
            place = 1 + int((row[torch.arange(256) != 124] > row[patch]).sum())
            places.append("not reached" if row[patch] == 0 else f"place {place} of 255")
        assert under(page) == places
    press_at(eye(page), 7, 12, act="hover")
    assert sentence(page, "told").endswith("the one that asks, in no order.")
    page.mouse.move(0, 0)
    assert under(page) == calm
    assert calm[0] == "what you marked, all alike"


def test_the_first_view_of_the_answers_teaches_and_says_what_each_relation_is(opened):
    settled(opened)
    found = table(opened)
    assert min(found[name][2] for name in ("Self-attention", "Graph walk")) > 0.9
    assert found["Similarity"][2] > found["Convolution"][2]
    assert found["Convolution"][2] > found["Shifted windows"][2]
    assert found["Shifted windows"][3] > 0.85
    assert not opened.locator(".pw-recipes dd").first.is_visible()
    opened.locator(".pw-recipes summary").press("Enter")
    assert opened.locator(".pw-recipes dt").all_inner_texts() == list(NAMES.values())
    told = opened.locator(".pw-recipes").inner_text()
    for number in (families.WINDOW, families.SHIFT, families.RADIUS, families.NARROW, families.ALIKE, families.STEPS):
        assert re.search(rf"\b{number}\b", told), number
    assert ("eight times" in told) == (families.LAYERS == 8)
    assert f"{learned()['mean'].numel()} numbers" in told
    assert f"keys of {learned()['projections'].shape[-1]} numbers" in told


def test_without_the_network_the_page_says_why(visit):
    page = visit("relations without")
    settled(page)
    assert page.locator(".pw-name:visible").all_inner_texts()[1:] == list(NAMES.values())[:-1]
    assert sentence(page, "note").partition(" The real network is left out. ")[2].startswith(WITHOUT)
    assert len(table(page)) == 5


def test_what_a_kernel_reads_later_is_shown(visit):
    """A reader's own photograph: the network's features follow it."""
    page, state = visit("blank", ready=False), library().state() | {"network": {}, "revealed": True}
    page.evaluate(MOUNT, [RelationsExplorer._esm, state])
    settled(page)
    assert len(table(page)) == 5
    page.evaluate("(network) => set('network', network)", library().network)
    page.wait_for_function("() => document.querySelectorAll('.pw-map:not([hidden])').length === 7")
    settled(page)
    check_scores(page, python())


def test_another_patch_is_another_guess(opened):
    seen = {asking(opened)}
    for _ in range(4):
        press(opened, "Another patch")
        assert opened.locator(".pw-map:visible").count() == 1
        assert marked(opened) == 0
        seen.add(asking(opened))
    assert len(seen) == 5
    assert eye(opened).evaluate("node => node === document.activeElement")


def test_the_marks_can_be_changed_after_the_answers_and_whoever_asks_anew_has_none(page):
    press_at(eye(page), 7, 13)
    press(page, "Compare")
    press(page, "Change the marks")
    assert marked(page) == 1
    press_at(eye(page), 7, 11)
    press(page, "Compare")
    assert sentence(page, "verdict").startswith("Your eye: 2 patches")
    press_at(eye(page), 1, 1)
    assert sentence(page, "verdict").endswith("You marked nothing.")


def test_marks_belong_to_one_picture(page):
    press_at(eye(page), 7, 13)
    select(page, "Photograph").select_option("coffee")
    settled(page)
    assert marked(page) == 0
    assert "No regions are known here" in sentence(page, "ask")
    select(page, "Photograph").select_option("mosaic")
    assert marked(page) == 0
    assert sentence(page, "ask").endswith("your eye is scored as they are.")


def test_a_perfect_eye_is_first(page):
    labels = python().regions
    mark(page, [patch for patch in (labels == labels[124]).nonzero().flatten().tolist() if patch != 124])
    press(page, "Compare")
    settled(page)
    assert next(iter(table(page))) == "Your eye"
    assert "AUC 1.00, mass 1.00, the best of 7." in sentence(page, "verdict")


# slices


def test_the_page_answers_while_the_means_are_found(page):
    press(page, "Skip the guess")
    assert page.locator(".pw-explorer[data-busy]").count() == 1
    eye(page).press("Home")
    assert asking(page) == 0
    settled(page)
    check_scores(page, python(selected=0))


# the drawings


def test_maps_have_the_colors_of_the_ranks(page):
    marks = [0, 35, 36, 200]
    mark(page, marks)
    press(page, "Compare")
    page.mouse.move(0, 0)
    expected, calm = python(marked=marks), torch.ones(256).bool()
    places = torch.cartesian_prod(torch.arange(16), torch.arange(16))
    calm &= (places - torch.tensor([7, 12])).abs().sum(1) > 3
    gray = expected.pixels.view(16, 16, 16, 16).transpose(1, 2)[:, :, 6:10, 6:10].mean((-1, -2)).flatten()
    for tile, row in enumerate([expected.marks, *expected.rows.values()]):
        heat = mpl.colormaps["cividis"](share_below(row, 124).numpy(), bytes=True)[:, :3]
        mixed = 0.7 * torch.tensor(heat).double() + 0.3 * 255 * gray[:, None]
        found = colors(page, page.locator(".pw-map > canvas").nth(tile), centers(16, 16))
        assert (found - mixed)[calm].abs().mean() < 12


def test_print_shows_the_answers(page):
    canvases = """() => new Promise((done) => {
        dispatchEvent(new Event("beforeprint"));
        const canvases = [...document.querySelectorAll(".pw-map canvas")];
        const drawn = canvases.filter((each) => each.clientWidth > 0 && each.width > 0).length;
        const texts = document.querySelector(".pw-verdict").innerText;
        dispatchEvent(new Event("afterprint"));
        done([drawn, texts, document.querySelectorAll(".pw-map:not([hidden])").length]);
    })"""
    drawn, text, left = page.evaluate(canvases)
    assert drawn == 7
    assert text.startswith("Best here is")
    assert left == 1
    assert status(page) == ""


# touch, reset, own photo


def test_a_finger_marks_and_a_scroll_does_not(visit):
    page = visit("relations", width=390, has_touch=True, is_mobile=True)
    press_at(eye(page), 2, 3, act="tap")
    assert marked(page) == 1
    page.set_viewport_size({"width": 390, "height": 500})
    before = page.evaluate("scrollY")
    swipe(page, 0, -150)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert marked(page) == 1
    swipe(page, 150, 0)
    assert marked(page) > 4


def test_reset_brings_the_first_question_back(page):
    seen = sentence(page), sentence(page, "marked"), pixels(page, eye(page))
    select(page, "Photograph").select_option("coffee")
    press(page, "Another patch")
    press_at(eye(page), 2, 2)
    press(page, "Compare")
    press(page, "Reset")
    page.mouse.move(0, 0)
    settled(page)
    assert (sentence(page), sentence(page, "marked"), pixels(page, eye(page))) == seen
    assert page.locator(".pw-map:visible").count() == 1


def test_ones_own_photo_gets_five_answers_where_no_kernel_reads_it(visit):
    page = visit("relations oblong")
    upload_own(page, picture_file(color=(200, 30, 90), middle=(0, 90, 255), size=(100, 300)))
    settled(page)
    press_at(eye(page), 0, 0, grid=(8, 4))
    press(page, "Compare")
    assert sentence(page, "verdict").startswith("No regions are known in this picture, so no answer is right")
    eye(page).press("End")
    assert asking(page) == 31
    assert list(table(page)) == [title for name, title in NAMES.items() if name != "network"]
    assert page.locator(".pw-map:visible").count() == 6
    told = "The real network is left out. It reads your own photograph in JupyterLab alone."
    assert sentence(page, "note").endswith(told)
    assert "NaN" not in page.locator(".pw-explorer").inner_text()


def test_a_picture_of_one_color_has_answers_too(page):
    upload_own(page, picture_file(color=(90, 90, 90)))
    settled(page)
    press(page, "Skip the guess")
    assert "NaN" not in page.locator(".pw-explorer").inner_text()


def test_what_is_found_is_heard_once(page):
    assert status(page) == ""
    for key in ("ArrowRight", "Space"):
        eye(page).press(key)
    page.get_by_role("button", name="Compare").press("Enter")
    assert status(page) == ""
    assert eye(page).get_attribute("aria-label") == "Patch that asks"
    assert eye(page).get_attribute("aria-valuetext") == f"{sentence(page)} {sentence(page, 'verdict')}"
    select(page, "Photograph").focus()
    select(page, "Photograph").select_option("coffee")
    settled(page)
    assert status(page) == sentence(page, "verdict")


def test_a_relations_parts_are_named_and_apart(visit):
    page = both_ready(visit("relations two"))
    assert page.get_by_role("group", name="Relations explorer").count() == 2
    page.get_by_role("button", name="Skip the guess").first.click()
    assert page.locator(".pw-map:visible").count() == 8
    labels = [each.get_attribute("aria-label") for each in page.get_by_role("img").all()]
    assert labels[:3] == [
        "Self-attention: AUC 1.00, mass 1.00",
        "Shifted windows: AUC 0.80, mass 1.00",
        "Convolution: AUC 0.91, mass 0.93",
    ]


def test_the_answers_stay_in_their_place(opened):
    place = "() => [...document.querySelectorAll('.pw-map, .pw-panel, .pw-answer')].map((each) => each.offsetTop)"
    inside = """() => [...document.querySelectorAll('.pw-explorer p, .pw-explorer table')].every(
        (each) => each.scrollWidth <= each.clientWidth + 1 || getComputedStyle(each).position === 'absolute')"""
    for width in (1280, 760, 640, 390, 320):
        opened.set_viewport_size({"width": width, "height": 900})
        press(opened, "Reset")
        settled(opened)
        places = opened.evaluate(place)
        for photo in ("mosaic", "coffee"):
            select(opened, "Photograph").select_option(photo)
            settled(opened)
            for key in ("Home", "End", "ArrowUp"):
                eye(opened).press(key)
                press_at(opened.locator(".pw-map > canvas").nth(1), 3, 3, act="hover")
                assert opened.evaluate(place) == places, (width, photo, key)
                assert opened.evaluate(inside), (width, photo, key)
