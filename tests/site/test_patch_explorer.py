"""The patch explorer in a real browser: mouse, keys and touch."""

import io
import re
from itertools import product

import pytest
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
from pictures import ADOBE, GRAY, LINEAR
from PIL import Image

from patchwork.explorers.common import encoding
from patchwork.explorers.patches import patch_grid, same_place, shuffled_order
from patchwork.images import load_image
from patchwork.patches import extract_patches

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit):
    return visit()


def canvas(page, panel):
    return page.locator(f".pw-{panel} [role=slider]").first


def counts(page):
    terms, texts = page.locator(".pw-counts i").all_inner_texts(), page.locator(".pw-counts span").all_inner_texts()
    return dict(zip(terms, (text.replace("\u202f", "") for text in texts), strict=True))


def click_patch(page, row, column, act="click"):
    press_at(canvas(page, "image"), row, column, grid=(7, 7), act=act)


@pytest.mark.parametrize("over", ["http", "file"])
def test_it_mounts_and_answers(visit, over):
    page = visit(over=over)
    assert page.locator(".explorer img").count() == 0
    assert sentence(page) == "Patch 17 is in row 2, column 3: 2 × 7 + 3 = 17."
    click_patch(page, 4, 1)
    assert sentence(page) == "Patch 29 is in row 4, column 1: 4 × 7 + 1 = 29."
    canvas(page, "image").press("ArrowRight")
    assert chosen(page) == 30


def test_two_explorers_are_named_and_apart(visit):
    page = both_ready(visit("two"))
    assert page.get_by_role("group", name="Patch explorer").count() == 2
    assert page.get_by_role("group", name="Patch 17 as a vector of 3\u202f072 numbers").count() == 2
    click_patch(page, 0, 0)
    assert [text.split()[1] for text in page.locator(".pw-place").all_inner_texts()] == ["0", "17"]


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


WALKS = {
    "ArrowRight": 18, "ArrowLeft": 16, "ArrowUp": 10, "ArrowDown": 24, "Home": 0, "End": 48,
    "ArrowUp ArrowUp ArrowUp": 3, "End ArrowRight": 48, "Home ArrowLeft": 0, "End ArrowDown": 48,
    "Home ArrowRight ArrowDown": 8, "ArrowRight ArrowRight ArrowRight ArrowRight": 21,
}  # fmt: skip


def test_keys_walk_the_grid(page):
    image = canvas(page, "image")
    for keys, patch in WALKS.items():
        page.get_by_label("Place in the sequence").fill("17")
        for key in keys.split():
            image.press(key)
        assert chosen(page) == patch, keys
        assert image.get_attribute("aria-valuenow") == str(patch), keys
        assert image.get_attribute("aria-valuetext") == sentence(page), keys


def test_used_keys_do_not_scroll_the_page_and_others_pass(visit):
    page = visit(width=390)
    canvas(page, "image").focus()
    top = page.evaluate("scrollY")
    for key in ("End", "ArrowDown", "Home", "Space"):
        page.keyboard.press(key)
    pixels(page, canvas(page, "image"))
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


def test_the_track_chooses_the_patch_under_the_pointer(page, rng):
    """Also where the columns are wide: each point of the track belongs to the column drawn there."""
    track, thumb = page.locator(".pw-track canvas"), page.get_by_label("Place in the sequence")
    left, width = (track.bounding_box()[name] for name in ("x", "width"))
    for size, number in ((112, 4), (56, 16)):
        page.get_by_label("Patch size P").select_option(str(size))
        for place in range(number):
            for part in (0.06, rng.uniform(0.1, 0.9), 0.94):
                track.click(position={"x": (place + part) / number * width, "y": 20})
                assert chosen(page) == place, (size, part)
        page.keyboard.press("ArrowLeft")
        assert chosen(page) == number - 2, size
        box = thumb.bounding_box()
        middle = box["x"] + 12 + (number - 2) / (number - 1) * (box["width"] - 24) - left
        assert middle == pytest.approx((number - 1.5) / number * width, abs=1), size


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


def shown_number(page):
    found = re.fullmatch(
        r"x\[(\d+), (\d+)\] = ([\d.]+) · (\w+), row (\d+), column (\d+)", page.locator(".pw-number").inner_text()
    )
    patch, element, value, color, row, column = found.groups()
    return int(patch), int(element), float(value), ("red", "green", "blue").index(color), int(row), int(column)


def test_the_number_read_out_is_the_librarys(page, explorer, rng):
    image, box = encoding.decode_photo(explorer.photos["astronaut"]), canvas(page, "vector").bounding_box()
    for patch_size in (4, 16, 32):
        page.get_by_label("Patch size P").select_option(str(patch_size))
        vectors = extract_patches(image[None], patch_size, stride=patch_size)[0]
        for _ in range(8):
            canvas(page, "image").press(rng.choice(["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"]))
            canvas(page, "vector").click(
                position={axis: rng.uniform(1, box[side] - 1) for axis, side in (("x", "width"), ("y", "height"))}
            )
            patch, element, value, channel, row, column = shown_number(page)
            assert patch == chosen(page), patch_size
            assert element == (channel * patch_size + row) * patch_size + column, patch_size
            assert value == pytest.approx(vectors[patch, element].item(), abs=0.0051 + 1 / 255), patch_size


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


def test_a_printed_number_is_chosen_where_it_stands(page):
    row = page.locator(".pw-runs canvas").last
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        middle, before = row.bounding_box()["width"] / 2, shown_number(page)[1]
        row.click(position={"x": middle + 2 * 42, "y": 20})
        assert shown_number(page)[1] == before + 2, width
        row.click(position={"x": middle - 42, "y": 20})
        assert shown_number(page)[1] == before + 1, width


def test_hovering_a_number_previews_it(page):
    number, before = page.locator(".pw-vector [role=slider]").last, shown_number(page)
    number.hover(position={"x": 300, "y": 140})
    assert shown_number(page)[3] == 2
    page.mouse.move(0, 0)
    assert shown_number(page) == before


def values(select):
    return select.locator("option").evaluate_all("options => options.map((each) => Number(each.value))")


def test_every_cut_on_offer_is_counted_right(page):
    sizes, strides = page.get_by_label("Patch size P"), page.get_by_label("Stride")
    memory = {4: "39 MB", 16: "154 kB", 32: "9.6 kB", 224: "4 B"}
    assert values(sizes) == [4, 7, 8, 14, 16, 28, 32, 56, 112, 224]
    for size in values(sizes):
        sizes.select_option(str(size))
        if size in memory:
            assert counts(page)["A"].endswith(f", {memory[size]} in float32"), size
        for stride in values(strides):
            strides.select_option(str(stride))
            rows, columns = patch_grid((224, 224), size, stride)
            told, case = counts(page), (size, stride)
            assert told["N"].startswith(f"{rows} × {columns} = {rows * columns} patch"), case
            assert told["D"] == f"3 × {size} × {size} = {3 * size**2} numbers each", case
            assert told["A"].startswith(f"N² = {(rows * columns) ** 2} weight"), case
            assert chosen(page) < rows * columns, case
            assert ("exactly as many" in told["N · D"]) == (size == stride), case
    assert page.locator(".pw-title").all_inner_texts()[:2] == [
        "The image: 1 row × 1 column",
        "The sequence: 1 patch, row after row",
    ]
    assert told["A"] == "N² = 1 weight, 4 B in float32"


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


OWN_PHOTOS = {
    "png": (picture_file("PNG", "RGB", (0, 255, 0)), 1.0),
    "large gray jpeg": (picture_file("JPEG", "L", 255, size=(3000, 2000)), 1.0),
    "transparent": (picture_file("PNG", "RGBA", (0, 0, 0, 0)), 1.0),
    "tiny webp": (picture_file("WEBP", "RGB", (255, 0, 255), size=(5, 9)), 0.0),
}


@pytest.mark.parametrize("over", ["http", "file"])
def test_ones_own_photo_is_cut(visit, over):
    page = visit(over=over)
    for name, (content, value) in OWN_PHOTOS.items():
        select(page, "Photograph").select_option("astronaut")
        upload_own(page, content)
        assert shown_number(page)[2] == pytest.approx(value, abs=0.03), name
        assert page.locator(".pw-message").inner_text() == "", name


def test_ones_own_photo_has_the_colors_that_load_image_gives(page):
    for kind, mode, color, embedded in (
        ("PNG", "RGB", (60, 160, 90), ADOBE),
        ("JPEG", "RGB", (60, 160, 90), LINEAR),
        ("WEBP", "RGB", (60, 160, 90), LINEAR),
        ("JPEG", "L", 60, GRAY),
        ("PNG", "I;16", 60 * 257, GRAY),
    ):
        content = picture_file(kind, mode, color, icc_profile=embedded)
        select(page, "Photograph").select_option("astronaut")
        upload_own(page, content)
        _, _, value, color, *_ = shown_number(page)
        assert value == pytest.approx(load_image(content)[color, 0, 0].item(), abs=0.03), (kind, mode)


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


@pytest.mark.parametrize("name", ["light", "windows", "convolution", "similarity", "graphs", "relations"])
def test_a_file_that_is_no_picture_is_told_and_nothing_changes(visit, name):
    page = visit(name)
    image = page.locator("canvas[role=slider]").first
    told, empty = page.get_by_role("alert"), page.locator(".pw-message:empty")
    take_back = (
        lambda: page.get_by_role("button", name="Reset").click(),
        lambda: select(page, "Photograph").select_option("coffee"),
        lambda: upload(page, picture_file()),
    )
    before = pixels(page, image)
    for content, undo in product((b"", b"not a picture", picture_file("JPEG")[:300]), take_back):
        upload(page, content, "notes.txt")
        page.wait_for_selector(".pw-message:not(:empty)")
        assert told.inner_text().startswith("“notes.txt” is not a picture this browser can read."), content
        assert pixels(page, image) == before, content
        undo()
        empty.wait_for(state="attached")
        page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")
        before = pixels(page, image)


def test_an_error_is_red_and_bold(page):
    upload(page, b"x", "x.txt")
    page.wait_for_selector(".pw-message:not(:empty)")
    look = "node => [getComputedStyle(node).color, getComputedStyle(node).fontWeight]"
    assert page.locator(".pw-message").evaluate(look) == ["rgb(179, 51, 31)", "600"]


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


def test_overlapping_patches_are_not_shuffled(page):
    shuffle = page.get_by_label("Shuffle the patches")
    shuffle.check()
    page.get_by_label("Stride").select_option("16")
    assert not shuffle.is_checked()
    assert shuffle.is_disabled()
    assert page.get_by_label("Shuffle the patches (without overlap only)").count() == 1
    page.get_by_label("Stride").select_option("32")
    assert shuffle.is_enabled()


def test_a_choice_does_not_move_the_page(page):
    height = "() => document.querySelector('.pw-explorer').clientHeight"
    for width in (760, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.get_by_role("button", name="Reset").click()
        tall = page.evaluate(height)
        for size in ("8", "56", "16"):
            page.get_by_label("Patch size P").select_option(size)
            for key in ("Home", "ArrowDown", "ArrowRight", "End"):
                canvas(page, "image").press(key)
                assert page.evaluate(height) == tall, (width, size, key)
