"""The answers explorer in a real browser, on a page with no kernel."""

import re
from functools import partial

import matplotlib as mpl
import pages
import pytest
import torch
from pages import both_ready, centers, colors, pixels, select, sentence, status, swipe

from patchwork import synthesis
from patchwork.explorers.answers import AnswersExplorer
from patchwork.explorers.answers.still import RIGHT, TINTS, WRONG
from patchwork.explorers.common.modules import limits
from patchwork.windows import reach

pytestmark = pytest.mark.browser
RELATIONS, VIEWS = synthesis.RELATIONS, limits("answers")["choices"]["view"]
FIRST = {"network": "convolution", "view": "right", "selected": 56}
PAPER = torch.tensor([251.0, 250, 246], dtype=torch.float64)
press_at = partial(pages.press_at, grid=(12, 12))


@pytest.fixture
def page(visit):
    return visit("answers")


def scene(page):
    return page.get_by_role("slider", name="Marked patch")


def large(page):
    return page.get_by_role("slider", name="Patch that answers")


def tiles(page):
    return page.get_by_role("radio")


def numbers(text):
    return [float(each) for each in re.findall(r"\d+(?:\.\d+)?", text)]


@pytest.fixture(scope="module")
def twin(answering, folder):
    """The page's explorer, in Python, as a test sets it; the page has been written."""
    yield answering
    set_traits(answering, FIRST)


def set_traits(explorer, settings):
    for name, value in settings.items():
        setattr(explorer, name, value)


@pytest.fixture
def python(twin):
    """Return a function that sets the twin."""

    def set_up(**settings):
        set_traits(twin, FIRST | settings)
        return twin

    return set_up


def set_up(page, python, rng, **settings):
    """Set page and twin to the same mark, network and view, at random where none is given."""
    chosen = {"network": rng.choice(RELATIONS), "view": rng.choice(VIEWS), "selected": rng.randrange(144)} | settings
    select(page, "Network").select_option(chosen["network"])
    select(page, "Show").select_option(chosen["view"])
    press_at(scene(page), *divmod(chosen["selected"], 12))
    page.mouse.move(0, 0)
    return python(**chosen)


# the page


def test_the_answers_mount_and_move_with_the_mark_and_the_first_view_already_teaches(visit, python):
    """Each relation has its own shape, and within it nearly every answer is right."""
    for over in ("http", "file"):
        page = visit("answers", over=over)
        assert sentence(page).startswith("The mark: row 4, column 8, grass."), over
        teaches(page, python())
        press_at(scene(page), 2, 3)
        assert sentence(page).startswith("The mark: row 2, column 3, "), over
        scene(page).press("ArrowDown")
        assert sentence(page).startswith("The mark: row 3, column 3, "), over


def teaches(page, expected):
    reached = {}
    for name, tile in zip(RELATIONS, tiles(page).all(), strict=True):
        told = tile.get_attribute("aria-label")
        assert told.startswith(f"{name}: ")
        right, reached[name], others, beyond = numbers(told)
        assert ((right, reached[name]), (others, beyond)) == expected.counts[name]
        assert right >= 0.95 * reached[name] or name == "knn"
    sizes = {name: reached[name] for name in RELATIONS if name != "knn"}
    assert sizes == {"own": 0, "convolution": 48, "local": 48, "window": 15, "shifted": 95, "global": 143, "grid": 24}
    assert re.match(r"The news reaches 48 in three blocks: 4\d answer rightly\.", sentence(page, "shown"))
    assert tiles(page).nth(1).is_checked()


def test_every_number_is_the_librarys(page, python, rng):
    for _ in range(8):
        expected = set_up(page, python, rng)
        counts, name, mark = expected.counts, expected.network, expected.selected
        for each, tile in zip(RELATIONS, tiles(page).all(), strict=True):
            assert numbers(tile.get_attribute("aria-label")) == [float(n) for pair in counts[each] for n in pair]
        same = int(expected.labels.sum()) - 1
        assert numbers(sentence(page)) == [*divmod(mark, 12), same, 143]
        (right, reached), (others, beyond) = counts[name]
        told = numbers(sentence(page, "shown"))
        if reached:
            assert told[:2] == [reached, right]
        if name == "knn":
            others_reached = expected.reached.clone()
            others_reached[mark] = False
            assert told[2:4] == [int((expected.labels & others_reached).sum()), reached]
        if beyond:
            assert told[-3:-1] == [others, beyond]
            assert told[-1] == pytest.approx(100 * share_without(expected), abs=0.51)
        check_curve(page, expected)


def share_without(explorer):
    """Over all marks: which share of the answers without news is right."""
    marked, good, number = explorer.selected, 0, 0
    for mark in range(144):
        explorer.selected = mark
        right, asked = explorer.counts[explorer.network][1]
        good, number = good + right, number + asked
    explorer.selected = marked
    return good / number


def check_curve(page, expected):
    told, ceiling = numbers(sentence(page, "chart"))[1:], expected.ceiling
    expected_told = []
    for distance in (1, 4, 8):
        expected_told += [100 * expected.accuracy[distance - 1].item(), distance]
        expected_told += [] if ceiling is None else [100 * ceiling[distance - 1].item()]
    assert told == pytest.approx(expected_told, abs=0.51)
    assert ("no ceiling" in sentence(page, "chart")) == (ceiling is None)
    label = page.locator(".pw-curve canvas").get_attribute("aria-label")
    listed = numbers(label.partition("Right at distances 1 to 11: ")[2])
    assert listed == pytest.approx((100 * expected.accuracy).tolist(), abs=0.51)


def test_every_patch_is_read_out(page, python, rng):
    kinds = ("brick", "grass")
    for patch in rng.sample(range(144), 12):
        expected = set_up(page, python, rng)
        press_at(rng.choice((scene, large))(page), *divmod(patch, 12), act="hover")
        told, mark = sentence(page, "told"), expected.selected
        assert told.startswith(f"Row {patch // 12}, column {patch % 12}")
        if patch == mark:
            assert told.endswith(f"the mark itself, {kinds[expected.textures[mark]]}.")
            continue
        assert f", distance {expected.distances[patch]}: {kinds[expected.textures[patch]]}, " in told
        assert f"the mark is {kinds[expected.textures[mark]]}." in told
        yes = expected.probabilities[patch].item()
        assert f"says “{'same' if yes > 0.5 else 'different'}”, " in told
        assert numbers(told.partition("probability ")[2])[0] == pytest.approx(max(yes, 1 - yes), abs=0.09)
        assert f": {'right' if expected.right[patch] else 'wrong'}. " in told
        assert ("can't arrive in three blocks" in told) != expected.reached[patch].item()


def test_the_news_arrives_after_the_blocks_it_takes(page):
    select(page, "Network").select_option("grid")
    press_at(scene(page), 5, 5)
    for column, told in ((6, "after block 1 of 3"), (7, "after block 2"), (8, "after block 3"), (9, "can't arrive")):
        press_at(large(page), 5, column)
        assert told in sentence(page, "told")


def test_a_press_on_the_map_keeps_the_patch_that_is_read_out(page):
    first = sentence(page, "told")
    press_at(large(page), 9, 2)
    assert sentence(page).startswith("The mark: row 4, column 8")
    kept = sentence(page, "told")
    assert kept.startswith("Row 9, column 2,")
    press_at(scene(page), 0, 0, act="hover")
    assert sentence(page, "told").startswith("Row 0, column 0,")
    page.mouse.move(0, 0)
    assert sentence(page, "told") == kept != first
    assert large(page).get_attribute("aria-valuetext") == kept
    scene(page).press("ArrowUp")
    assert sentence(page, "told").startswith("Row 9, column 2, distance 6")


def test_the_graph_of_the_most_alike_says_that_to_be_reached_is_an_answer(page):
    assert "an answer itself" not in sentence(page, "shown")
    select(page, "Network").select_option("knn")
    told = sentence(page, "shown")
    reached, _, kin, again = numbers(told)[:4]
    assert kin > 0.8 * reached == 0.8 * again
    assert "grass like the mark: to be reached is an answer itself." in told
    assert "So is not to be: " in told


def test_the_left_question_is_put_in_words(visit):
    models = {"convolution": synthesis.trained("convolution", question="left")}
    page, expected = visit("answers left"), AnswersExplorer(models, question="left", selected=40)
    (right, reached), (others, beyond) = expected.counts["convolution"]
    asked = f"{reached + beyond} patches are asked whether it lies in a column left of theirs."
    assert sentence(page).endswith(asked)
    assert numbers(sentence(page, "shown"))[:4] == [reached, right, others, beyond]
    key = page.locator(".pw-large canvas[role=img]").get_attribute("aria-label")
    assert key == "Colors: right, wrong, faint: no news, not asked"
    assert "To be reached is not enough here: where the news came from must be heard too." in sentence(page, "shown")
    press_at(large(page), 3, 7)
    assert "says “left”, probability " in sentence(page, "told")
    press_at(large(page), 3, 2)
    assert "says “not left”, probability " in sentence(page, "told")
    press_at(large(page), 5, 4)
    assert sentence(page, "told").startswith("Row 5, column 4: not asked.")
    label = page.locator(".pw-curve canvas").get_attribute("aria-label").partition("1 to 11: ")[2]
    told = [None if each == "–" else float(each) for each in re.findall(r"–|\d+", label)]
    accuracy = [None if each.isnan() else round(100 * each.item()) for each in expected.accuracy]
    assert told == pytest.approx(accuracy, abs=0.51)
    guesses_without_a_place(page)


def guesses_without_a_place(page):
    """A network that hears all, but not from where, guesses left or right."""
    shares = {}
    for name in ("global", "global + place"):
        select(page, "Network").select_option(name)
        shares[name] = numbers(sentence(page, "chart"))[1]
        assert "(ceiling 100\u202f%)" in sentence(page, "chart")
    assert shares["global"] < 65 < 95 < shares["global + place"]


def test_a_mean_brings_the_news_to_everyone(visit):
    page = visit("answers pooled")
    assert sentence(page, "shown").startswith("The news reaches 143 in three blocks and a mean: ")
    assert not tiles(page).first.is_visible()  # where there is one network there is nothing to choose
    assert page.get_by_label("Network", exact=True).first.is_hidden()
    assert "over all marks" not in sentence(page, "shown")
    press_at(large(page), 11, 0)
    assert sentence(page, "told").endswith("The news arrives by the mean at the end.")
    assert "(ceiling 100\u202f%)" in sentence(page, "chart")
    select(page, "Show").select_option("steps")
    key = page.locator(".pw-large canvas[role=img]").get_attribute("aria-label")
    assert key == "Colors: block 1, 2, 3, the mean"


# the drawings


def rgb(color):
    return torch.tensor([*bytes.fromhex(color[1:])], dtype=torch.float64)


def faded(color, paper):
    return (1 - paper) * color + paper * PAPER


def expected_colors(explorer):
    """What each patch of the large map is painted with."""
    reached, asked = explorer.reached[:, None], (explorer.distances > 0)[:, None]
    if explorer.view == "right":
        full = torch.where(explorer.right[:, None], rgb(RIGHT), rgb(WRONG))
        return torch.where(asked, torch.where(reached, full, faded(full, 0.72)), PAPER)
    if explorer.view == "answers":
        yes, own = explorer.probabilities, explorer.textures[explorer.selected]
        claimed = torch.where(yes > 0.5, own, 1 - own)
        sure = (torch.maximum(yes, 1 - yes) * 15).round() / 15
        tones = torch.stack([rgb(color) for color in TINTS])[claimed]
        return torch.where(asked, faded(tones, (2 - 2 * sure)[:, None]), PAPER)
    masks = synthesis.relation_masks(
        explorer._given[explorer.network].relation,
        features=explorer.features if explorer.network == "knn" else None,
    )
    after = [reach(list(masks[:blocks]))[:, explorer.selected] for blocks in (1, 2, 3)]
    steps = 4 - sum(each.int() for each in after)
    steps[explorer.selected] = 0
    heat = torch.tensor(mpl.colormaps["cividis"]([1, 0.9, 0.62, 0.34, 0.05], bytes=True)[:, :3].astype(float))
    return torch.where((steps == 4)[:, None], faded(heat[4], 0.86), heat[steps])


def test_each_map_has_its_colors_and_the_scene_those_of_its_textures(page, python, rng):
    found = colors(page, scene(page), centers(12, 12, off=0.3))
    pinker = found[:, 0] > found[:, 1]
    assert torch.equal(pinker, python().textures == 0)
    places = torch.cartesian_prod(*[torch.arange(12)] * 2)
    for view in 3 * VIEWS:
        expected = set_up(page, python, rng, view=view)
        tones = expected_colors(expected)
        read = torch.tensor(divmod(int(large(page).get_attribute("aria-valuenow")), 12))
        mark = torch.tensor(divmod(expected.selected, 12))
        clear = ((places - mark).abs().amax(1) > 1) & ((places - read).abs().amax(1) > 1)
        found = colors(page, large(page), centers(12, 12, off=0.24))
        assert (found - tones)[clear].abs().max() < 12, view
        found = colors(page, page.locator(".pw-tile:has(:checked) canvas"), centers(12, 12))
        assert (found - tones)[clear].abs().max() < 12, view


def test_wrong_answers_with_news_are_crossed(page, python):
    select(page, "Network").select_option("knn")
    expected = python(network="knn")
    page.mouse.move(0, 0)
    dark = colors(page, large(page), centers(12, 12)).sum(1) < 200
    crossed = ~expected.right & expected.reached & (expected.distances > 0)
    others = torch.ones(144, dtype=torch.bool)
    others[expected.selected] = False
    assert torch.equal(dark[others], crossed[others])


def test_the_key_tells_what_the_colors_mean_and_the_curve_follows_the_network(page):
    key = page.locator(".pw-large canvas[role=img]")
    before = pixels(page, key)
    assert key.get_attribute("aria-label") == "Colors: right, wrong, faint: no news"
    select(page, "Show").select_option("answers")
    assert key.get_attribute("aria-label") == "Colors: “I am brick”, “I am grass”, faint: unsure"
    assert pixels(page, key) != before
    select(page, "Show").select_option("steps")
    assert key.get_attribute("aria-label") == "Colors: block 1, 2, 3, never"
    chart = page.locator(".pw-curve canvas")
    before = pixels(page, chart)
    scene(page).press("Home")
    assert pixels(page, chart) == before
    tiles(page).nth(4).click()
    assert pixels(page, chart) != before


# keys, touch, reset


def test_keys_move_the_mark_and_the_patch_that_is_read_out_and_walk_the_networks(page):
    walk = (("Home", 0), ("ArrowUp", 0), ("ArrowLeft", 0), ("ArrowRight", 1), ("ArrowDown", 13), ("End", 143))
    for canvas in (scene(page), large(page)):
        for key, patch in walk:
            canvas.press(key)
            assert canvas.get_attribute("aria-valuenow") == str(patch)
    assert sentence(page).startswith("The mark: row 11, column 11,")
    assert scene(page).get_attribute("aria-valuetext") == f"{sentence(page)} {sentence(page, 'shown')}"
    assert large(page).get_attribute("aria-valuetext") == sentence(page, "told")
    tiles(page).nth(1).focus()
    walk = (("ArrowDown", 5), ("ArrowDown", 5), ("ArrowLeft", 4), ("ArrowUp", 0), ("ArrowUp", 0), ("ArrowRight", 1))
    for key, place in (*walk, ("End", 7), ("ArrowRight", 7), ("Home", 0)):
        page.keyboard.press(key)
        assert tiles(page).nth(place).is_checked()
        assert tiles(page).nth(place).evaluate("node => node === document.activeElement")
        assert select(page, "Network").input_value() == RELATIONS[place]


def test_a_finger_marks_a_patch_and_a_scroll_does_not(visit):
    page = visit("answers", width=390, has_touch=True, is_mobile=True)
    press_at(scene(page), 2, 3, act="tap")
    assert sentence(page).startswith("The mark: row 2, column 3,")
    press_at(large(page), 7, 1, act="tap")
    assert sentence(page, "told").startswith("Row 7, column 1,")
    tiles(page).nth(5).tap()
    assert page.locator(".pw-large .pw-title").inner_text() == "Global: attention to all"
    scene(page).scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    swipe(page, 0, -150)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert sentence(page).startswith("The mark: row 2, column 3,")
    swipe(page, 150, 0)
    assert not sentence(page).startswith("The mark: row 2, column 3,")


def test_reset_brings_the_first_answers_back(page, python, rng):
    names = ("place", "shown", "told", "chart")

    def view():
        return [sentence(page, name) for name in names], [pixels(page, each(page)) for each in (scene, large)]

    first = view()
    press_at(large(page), 11, 11)
    set_up(page, python, rng, network="shifted", view="steps", selected=0)
    assert view() != first
    page.get_by_role("button", name="Reset").click()
    page.mouse.move(0, 0)
    assert view() == first
    assert tiles(page).nth(1).is_checked()


def test_what_the_answers_say_is_heard_once(page):
    assert status(page) == ""
    scene(page).press("ArrowRight")
    large(page).press("ArrowRight")
    tiles(page).nth(2).focus()
    page.keyboard.press("ArrowRight")
    assert status(page) == ""
    select(page, "Network").focus()
    select(page, "Network").select_option("grid")
    assert status(page) == f"{sentence(page, 'shown')} {sentence(page, 'chart')}"


def test_the_answers_parts_are_named_and_apart(visit):
    page = both_ready(visit("answers two"))
    assert page.get_by_role("group", name="Answers explorer").count() == 2
    tiles(page).nth(4).click()
    titles = page.locator(".pw-large .pw-title").all_inner_texts()
    assert titles == ["Shifted: windows that shift", "Convolution: a 3 × 3 kernel"]
    scene(page).first.press("Home")
    assert scene(page).last.get_attribute("aria-valuenow") == "56"


def test_the_answers_stay_in_their_place_and_patches_are_large_enough_for_a_finger(page):
    place = "() => [...document.querySelectorAll('.pw-panel, .pw-told, .pw-tile')].map((each) => each.offsetTop)"
    inside = """() => [...document.querySelectorAll('.pw-explorer p, .pw-tile-count > *')].every(
        (each) => each.scrollWidth <= each.clientWidth + 1 || getComputedStyle(each).position === 'absolute')"""
    for width in (1280, 760, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.get_by_role("button", name="Reset").click()
        places = page.evaluate(place)
        if width == 390:
            for canvas in (scene(page), large(page)):
                box = canvas.bounding_box()
                assert min(box["width"], box["height"]) / 12 >= 24
        for network in RELATIONS:
            select(page, "Network").select_option(network)
            for view in VIEWS:
                select(page, "Show").select_option(view)
            for canvas, keys in (
                (scene, ("Home", "End", "ArrowUp", "ArrowLeft", *["ArrowUp"] * 5)),
                (large, ("Home", "End", "ArrowUp")),
            ):
                canvas(page).focus()
                for key in keys:
                    page.keyboard.press(key)
                    assert page.evaluate(place) == places, (width, network, key)
            assert page.evaluate(inside), (width, network)
