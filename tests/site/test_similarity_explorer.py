"""The similarity explorer in a real browser, on a page with no kernel."""

import math
import re
from dataclasses import replace
from functools import cache, partial

import matplotlib as mpl
import pages
import pytest
import torch
from pages import (
    both_ready,
    centers,
    colors,
    picture_file,
    pixels,
    select,
    sentence,
    status,
    swipe,
    upload_own,
    widths_of,
)

from patchwork.explorers.similarity import SimilarityExplorer
from patchwork.explorers.similarity.look import FEATURES, METRICS
from patchwork.explorers.similarity.rankings import rank_shares
from patchwork.images import load_image, texture_mosaic

pytestmark = pytest.mark.browser
KINDS = [(feature, metric) for metric in METRICS for feature in FEATURES]  # in the order of the maps
press_at = partial(pages.press_at, grid=(16, 16))


@pytest.fixture
def page(visit):
    return visit("similarity")


def python(photo="mosaic", **settings):
    """What the library finds of the page's pictures."""
    return replace(first_look(photo), **settings)


@cache
def first_look(photo):
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
    return SimilarityExplorer({"mosaic": mosaic, "coffee": load_image("coffee", size=256)}, photo=photo).look


# what the page says


def picture(page):
    return page.get_by_role("slider", name="Patch that asks")


def maps(page):
    return page.get_by_role("radio")


def choose(page, feature, metric):
    maps(page).nth(KINDS.index((feature, metric))).click()


def settled(page):
    page.wait_for_selector(".pw-bar[data-old]", state="detached")


def told_scores(page, part):
    texts = page.locator(f".pw-tile-score {part}").all_inner_texts()
    return [math.nan if text.endswith("–") else float(text.split()[-1]) for text in texts]


def number(text):
    return float(text.replace("−", "-"))


def chosen(page):
    return int(re.match(r"Patch (\d+)", sentence(page))[1])


def in_order(scores):
    return [scores[feature][metric] for feature, metric in KINDS]


@pytest.mark.parametrize("over", ["http", "file"])
def test_similarity_mounts_and_answers(visit, over):
    page = visit("similarity", over=over)
    assert chosen(page) == python().selected
    press_at(picture(page), 5, 9)
    assert chosen(page) == 5 * 16 + 9
    picture(page).press("ArrowDown")
    assert chosen(page) == 6 * 16 + 9


def test_the_first_view_teaches_that_the_representation_beats_the_metric(page):
    settled(page)
    scores = dict(zip(KINDS, told_scores(page, "b"), strict=True))
    for feature, beaten in (("spectrum", "gradient energy"), ("gradient energy", "pixels")):
        assert scores[feature, "euclidean"] > max(scores[beaten, metric] for metric in METRICS) + 0.1
    assert sentence(page, "all") == f"Over all 256 patches {scores['pixels', 'euclidean']:.2f}, chance 0.38."


def set_up(page, rng, photo, mode):
    """Choose at random → the same in Python."""
    (feature, metric), asking = rng.choice(KINDS), rng.randrange(256)
    gain, offset = rng.randint(2, 40), rng.randint(-10, 10)
    select(page, "Photograph").select_option(photo)
    select(page, "Show").select_option(mode)
    choose(page, feature, metric)
    page.get_by_label("Gain").fill(str(gain))
    page.get_by_label("Offset").fill(str(offset))
    press_at(picture(page), *divmod(asking, 16))
    page.mouse.move(0, 0)
    settings = {"feature": feature, "metric": metric, "gain": round(gain / 20, 2), "offset": round(offset / 20, 2)}
    return python(photo=photo, mode=mode, selected=asking, **settings)


def test_every_number_of_one_patch_is_the_librarys(page, rng):
    for photo in ("mosaic", "coffee") * 2:
        expected = set_up(page, rng, photo, "patch")
        settled(page)
        assert told_scores(page, "b") == pytest.approx(in_order(expected.scores), abs=0.0051, nan_ok=True)
        assert told_scores(page, "span") == pytest.approx(in_order(expected.row_scores), abs=0.0051, nan_ok=True)
        assert sentence(page, "all").endswith(f"chance {expected.chance:.2f}.")
        told, nearest = sentence(page, "nearest"), expected.nearest
        assert told.startswith(f"Nearest: {', '.join(map(str, nearest.tolist()))}; " if len(nearest) else "")
        assert len(nearest) or not told
        if len(nearest):
            assert f"{int((nearest % 16 >= 8).sum())} in the right half" in told
            inside = expected.regions is not None and expected.regions[nearest] == expected.regions[expected.selected]
            assert expected.regions is None or f"{int(inside.sum())} in its region" in told
        for patch in (rng.randrange(256), (expected.selected + 1) % 256):
            check_pair(page, expected, patch)


def check_pair(page, expected, patch):
    press_at(picture(page), *divmod(patch, 16), act="hover")
    told, value = sentence(page, "told"), expected.row[patch].item()
    if patch == expected.selected:
        assert told.endswith("itself, in no ranking.")
        return
    found = re.match(r"Patch (\d+) \(row \d+, column \d+\): (\w+) (−?[\d.]+), (?:rank (\d+) of 255|as all)", told)
    assert int(found[1]) == patch
    assert found[2] == {"euclidean": "distance"}.get(expected.metric, expected.metric)
    value = -value if expected.metric == "euclidean" else value
    assert number(found[3]) == pytest.approx(value, abs=0.051 if value >= 10 else 0.00051)
    others = torch.arange(256) != expected.selected
    if found[4]:
        assert int(found[4]) == 1 + int((expected.row[others] > expected.row[patch]).sum())
    if expected.regions is not None:
        same = bool(expected.regions[patch] == expected.regions[expected.selected])
        assert told.endswith("same region." if same else "another region.")


def test_every_number_of_neighbors_is_the_librarys(page, rng):
    for photo in ("mosaic", "coffee") * 4:
        expected = set_up(page, rng, photo, "neighbors")
        assert told_scores(page, "b") == pytest.approx(in_order(expected.scores), abs=0.0051, nan_ok=True)
        assert sentence(page, "all") == f"Chance {expected.chance:.2f}."
        (right, down), (row, column) = expected.neighbors, divmod(expected.selected, 16)
        values = [*right[row, column : column + 1], *down[row : row + 1, column]]
        found = [number(each) for each in re.findall(r"(−?[\d.]+) (?:to the right|below)", sentence(page))]
        assert found == pytest.approx([value.item() for value in values], abs=0.051)
        assert ("to the right" in sentence(page)) == (column < 15)
        press_at(picture(page), 15, 3, act="hover")
        assert number(re.search(r"(−?[\d.]+) to the right\.", sentence(page, "told"))[1]) == pytest.approx(
            right[15, 3].item(), abs=0.051
        )
    picture(page).press("End")
    assert sentence(page) == "Patch 255 (row 15, column 15): the last, with none at its right or below."


def test_what_ranks_nothing_says_why(page):
    for metric, told in (
        ("correlation", "its correlation is 0 by definition"),
        ("cosine", "no direction, only a sign"),
    ):
        choose(page, "mean color", metric)
        assert told in sentence(page, "score")
        assert sentence(page, "nearest") == ""
        assert sentence(page, "told").endswith("itself, in no ranking.")
        press_at(picture(page), 2, 14, act="hover")
        value = {"correlation": "0.000", "cosine": "1.000"}[metric]
        assert f": {metric} {value}, as all, " in sentence(page, "told")
    upload_own(page, picture_file(color=(90, 90, 90)))
    choose(page, "spectrum", "euclidean")
    assert sentence(page, "score") == "Every value is 0: nothing is ranked."
    settled(page)
    assert told_scores(page, "b") == [pytest.approx(math.nan, nan_ok=True)] * 12


# exposure


def test_a_gain_leaves_the_cosine_and_correlation_of_pixels_and_an_offset_only_correlation(page):
    select(page, "Photograph").select_option("coffee")
    for name, steps, stays in (("Gain", "10", {"cosine", "correlation"}), ("Offset", "6", {"correlation"})):
        page.get_by_label("Gain").fill("20")
        page.get_by_label(name).fill(steps)
        settled(page)
        scores = dict(zip(KINDS, told_scores(page, "b"), strict=True))
        assert {metric for metric in METRICS if scores["pixels", metric] == 1} == stays


def test_the_seam_is_drawn_where_the_exposure_changes(page):
    before = colors(page, picture(page), centers(16, 16))
    page.get_by_label("Offset").fill("5")
    drawn = colors(page, picture(page), [(0.5, (step + 0.5) / 200) for step in range(200)])
    assert (drawn.amin(1) > 150).sum() > 60
    assert (drawn.amax(1) < 60).sum() > 30
    page.get_by_role("button", name="Reset").click()
    torch.testing.assert_close(colors(page, picture(page), centers(16, 16)), before)


def test_while_scores_are_computed_the_page_answers_and_shows_none_that_come_too_late(page):
    settled(page)
    page.get_by_label("Gain").fill("12")
    assert page.locator(".pw-bar[data-old]").count() == 12
    assert sentence(page, "all").startswith("Over all 256 patches …,")
    choose(page, "spectrum", "cosine")
    settled(page)
    expected = python(gain=0.6).scores["spectrum"]["cosine"]
    assert sentence(page, "all") == f"Over all 256 patches {expected:.2f}, chance 0.38."
    page.get_by_label("Gain").fill("5")
    page.wait_for_timeout(170)  # until scoring has begun
    page.get_by_label("Gain").fill("20")
    settled(page)
    assert told_scores(page, "b") == pytest.approx(in_order(python().scores), abs=0.0051)


# the drawings


def test_the_heat_is_the_rank(page):
    for at, (feature, metric) in enumerate(KINDS):
        expected = python(feature=feature, metric=metric)
        others = torch.arange(256) != expected.selected
        levels = mpl.colormaps["cividis"](rank_shares(expected.row[others]).numpy(), bytes=True)[:, :3]
        found = colors(page, page.locator(".pw-tile canvas").nth(at), centers(16, 16))[others]
        row, column = divmod(expected.selected, 16)
        near = (torch.arange(256) // 16 - row).abs() + (torch.arange(256) % 16 - column).abs() <= 6
        flat = metric != "euclidean" and feature == "mean color"
        clear = ~near[others] & (torch.arange(256)[others] // 16 < 5 if flat else True)  # words on a flat map
        assert (found - torch.tensor(levels).double())[clear].abs().max() <= 6, (feature, metric)


def test_edges_are_brighter_the_more_they_set_apart(page):
    select(page, "Show").select_option("neighbors")
    choose(page, "spectrum", "euclidean")
    expected = python(mode="neighbors", feature="spectrum")
    right, _ = expected.neighbors
    spots = [((column + 1) / 16, (row + 0.5) / 16) for row in range(16) for column in range(15)]
    light = colors(page, picture(page), spots).sum(1)
    values, (row, column) = right.flatten(), divmod(expected.selected, 16)
    clear = torch.tensor([abs(place // 15 - row) + abs(place % 15 - column) > 2 for place in range(240)])
    order = values[clear].argsort()
    assert light[clear][order[-40:]].mean() > light[clear][order[:100]].mean() + 150


def test_the_nearest_are_outlined(page):
    before = pixels(page, picture(page))
    choose(page, "spectrum", "euclidean")
    assert pixels(page, picture(page)) != before
    nearest = python(feature="spectrum").nearest.tolist()
    spots = [((place % 16 + 0.06) / 16, (place // 16 + 0.5) / 16) for place in nearest]
    assert (colors(page, picture(page), spots).amin(1) > 200).sum() >= 3  # white within the dark lines


# maps, keys, touch


def test_maps_are_chosen_by_press_and_by_keys_in_both_directions_and_keys_walk_the_patches(page):
    maps(page).nth(5).click()
    assert page.locator(".pw-large .pw-title").inner_text() == "Mean color by cosine"
    for key, kind in (
        ("ArrowRight", 6), ("ArrowDown", 10), ("ArrowLeft", 9), ("ArrowUp", 5), ("ArrowUp", 1), ("ArrowUp", 1),
        ("Home", 0), ("ArrowLeft", 0), ("End", 11), ("ArrowRight", 11), ("ArrowDown", 11),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert [each.is_checked() for each in maps(page).all()] == [at == kind for at in range(12)]
        assert page.evaluate("document.activeElement.checked")
    assert page.locator(".pw-large .pw-title").inner_text() == "Spectrum by correlation"
    for key, patch in (("Home", 0), ("ArrowUp", 0), ("ArrowRight", 1), ("ArrowDown", 17), ("End", 255)):
        picture(page).press(key)
        assert chosen(page) == patch
        assert picture(page).get_attribute("aria-valuenow") == str(patch)
        assert picture(page).get_attribute("aria-valuetext") == f"{sentence(page)} {sentence(page, 'score')}"


def test_a_finger_chooses_and_a_scroll_does_not(visit):
    page = visit("similarity", width=390, has_touch=True, is_mobile=True)
    maps(page).nth(3).tap()
    assert page.locator(".pw-large .pw-title").inner_text() == "Spectrum by Euclidean distance"
    press_at(picture(page), 2, 3, act="tap")
    assert chosen(page) == 35
    before = page.evaluate("scrollY")
    swipe(page, 0, -150)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert chosen(page) == 35
    swipe(page, 150, 0)
    assert chosen(page) != 35


def test_reset_brings_similaritys_first_view_back(page):
    settled(page)
    seen = [sentence(page, name) for name in ("place", "score", "all", "nearest", "told", "read")]
    before = pixels(page, picture(page))
    select(page, "Photograph").select_option("coffee")
    select(page, "Show").select_option("neighbors")
    choose(page, "spectrum", "cosine")
    page.get_by_label("Gain").fill("10")
    page.get_by_label("Offset").fill("3")
    press_at(picture(page), 1, 1)
    page.get_by_role("button", name="Reset").click()
    settled(page)
    assert [sentence(page, name) for name in ("place", "score", "all", "nearest", "told", "read")] == seen
    assert pixels(page, picture(page)) == before


def test_another_size_of_patches_and_ones_own_photo_are_compared_in_gray(visit):
    page = visit("similarity oblong")
    assert maps(page).first.get_attribute("aria-label").startswith("Pixels by Euclidean distance: all")
    dims = page.locator(".pw-feature span").all_inner_texts()
    assert dims == ["D = 64", "D = 1", "D = 2", "D = 39"]
    upload_own(page, picture_file(color=(200, 30, 90), size=(100, 300)))
    assert "nothing is ranked" in sentence(page, "score")
    select(page, "Photograph").select_option("photo")
    upload_own(page, picture_file(color=(200, 30, 90), middle=(0, 90, 255), size=(100, 300)))
    assert sentence(page, "score") == "5 of its 5 nearest patches are so at equal exposure too."
    assert sentence(page).startswith("Patch 19 (row 2, column 3)")
    picture(page).press("End")
    assert chosen(page) == 31


def test_what_similarity_says_is_heard_once(page):
    settled(page)
    assert status(page) == ""
    picture(page).press("ArrowRight")
    maps(page).nth(3).click()
    page.get_by_label("Gain").fill("12")
    assert status(page) == ""
    told = page.get_by_label("Gain").get_attribute("aria-valuetext")
    assert told == f"gain 0.60. {sentence(page, 'score')}"
    settled(page)
    assert status(page) == sentence(page, "all")
    name = maps(page).nth(3).get_attribute("aria-label")
    assert name.startswith("Spectrum by Euclidean distance: all ")
    select(page, "Show").focus()
    select(page, "Show").select_option("neighbors")
    assert status(page).startswith("Patch 125 (row 7, column 13): distance")


def test_similaritys_parts_are_named_and_apart(visit):
    page = both_ready(visit("similarity two"))
    for role, name in (("group", "Similarity explorer"), ("radiogroup", "Feature and metric")):
        assert page.get_by_role(role, name=name).count() == 2
    assert page.get_by_role("group", name="Exposure of the right half").count() == 2
    maps(page).nth(7).click()
    titles = page.locator(".pw-large .pw-title").all_inner_texts()
    assert titles == ["Spectrum by cosine", "Pixels by Euclidean distance"]
    assert [at for at, each in enumerate(maps(page).all()) if each.is_checked()] == [7, 12]


def test_similarity_stays_in_its_place(page):
    place = "() => [...document.querySelectorAll('.pw-panel, .pw-tile')].map((each) => each.offsetTop)"
    inside = """() => [...document.querySelectorAll('.pw-explorer p, .pw-tile span')].every(
        (each) => each.scrollWidth <= each.clientWidth + 1 || getComputedStyle(each).position === 'absolute')"""
    settled(page)
    places = {width: page.evaluate(place) for width in widths_of(page)}
    for photo in ("mosaic", "coffee"):
        select(page, "Photograph").select_option(photo)
        for mode in ("patch", "neighbors"):
            select(page, "Show").select_option(mode)
            for at in (1, 9, 3):
                maps(page).nth(at).click()
                picture(page).press("End" if at == 9 else "ArrowLeft")
                page.get_by_label("Gain").fill(str(at + 3))
                for width in widths_of(page):
                    assert page.evaluate(place) == places[width], (width, photo, mode, at)
                    assert page.evaluate(inside), (width, photo, mode, at)
