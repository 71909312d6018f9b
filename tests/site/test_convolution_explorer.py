"""The convolution explorer in a real browser, on a page with no kernel."""

import itertools
import re
from functools import partial

import pages
import pytest
import torch
from kernel_relation import flat, relation
from pages import both_ready, centers, colors, picture_file, pixels, select, sentence, status, swipe, upload_own

from patchwork.explorers.common.modules import limits
from patchwork.explorers.convolution import PRESETS, ConvolutionExplorer, preset, presets
from patchwork.explorers.convolution.kernels import KERNEL_SIZES
from patchwork.images import load_image

pytestmark = pytest.mark.browser
BOUNDARIES, DILATIONS = (limits("convolution")["choices"][name] for name in ("boundary", "dilation"))
pixel, press_at = pages.chosen, partial(pages.press_at, grid=(48, 48))


@pytest.fixture
def page(visit):
    return visit("convolution")


def python(**settings):
    """The same explorer as the page's, in Python, on its first photograph."""
    return ConvolutionExplorer(load_image("astronaut", size=48), **settings)


# what the page says


def number(text):
    return float(text.replace("−", "-"))


def picture(page, name="Pixel that asks"):
    return page.get_by_role("slider", name=name)


def weights(page):
    return page.locator(".pw-kernel-table input")


def cells(page):
    return page.locator(".pw-products td")


@pytest.mark.parametrize("over", ["http", "file"])
def test_convolution_mounts_and_answers(visit, over):
    page = visit("convolution", over=over)
    assert pixel(page) == python().selected
    press_at(picture(page), 5, 9)
    assert pixel(page) == 5 * 48 + 9
    picture(page, "Its answer").press("ArrowDown")
    assert pixel(page) == 6 * 48 + 9


def test_the_first_view_teaches_kernel_and_field(page):
    assert [weights(page).nth(at).input_value() for at in range(9)] == ["-1", "0", "1"] * 3
    assert sentence(page, "listens").startswith("Row 2000 of A: 6 of 2\u202f304 weights are not zero.")
    assert sentence(page, "grays").startswith("Zero is the middle gray")
    told = "8 layers of 3 × 3 see 17 × 17 pixels; 11 × 11 hold 95\u202f% of the influence. Outputs stand 1 pixel apart."
    assert sentence(page, "seen") == told


TICK = "(boxes, ticks) => boxes.forEach((box, layer) => box.checked === ticks[layer] || box.click())"


def set_up(page, rng):
    """Choose at random → the same in Python."""
    size, boundary, chosen = rng.choice(KERNEL_SIZES), rng.choice(BOUNDARIES), rng.randrange(48 * 48)
    layers, dilation = rng.randint(1, 8), rng.choice(DILATIONS)
    stride, name = [rng.randint(1, 2) for _ in range(8)], rng.choice(presets(size))
    select(page, "Size K").select_option(str(size))
    select(page, "Kernel").select_option(name)
    select(page, "Boundary").select_option(boundary)
    select(page, "Dilation").select_option(str(dilation))
    page.locator(".pw-strides input").evaluate_all(TICK, [each == 2 for each in stride])
    page.get_by_label("Layers L").fill(str(layers))
    press_at(picture(page), *divmod(chosen, 48))
    page.mouse.move(0, 0)
    settings = {"boundary": boundary, "selected": chosen, "layers": layers, "stride": stride, "dilation": dilation}
    kernel = preset(name, size)
    at = rng.randrange(size**2)
    kernel[at // size][at % size] = rng.choice([-3.0, 0.25, 1.5])
    weights(page).nth(at).fill(str(kernel[at // size][at % size]))
    return python(kernel=kernel, **settings)


def test_every_number_is_the_librarys(page, rng):
    for _ in range(8):
        expected = set_up(page, rng)
        chosen, size = expected.selected, len(expected.kernel)
        value, answer = map(number, re.search(r"is ([−\d.]+); its answer is ([−\d.]+)\.", sentence(page)).groups())
        assert value == pytest.approx(float(expected.pixels.flatten()[chosen]), abs=6e-4)
        assert answer == pytest.approx(float(expected.result.flatten()[chosen]), abs=6e-4)
        above, below, total = map(number, re.findall(r"−?\d+\.\d{3}", sentence(page, "total")))
        assert above == pytest.approx(float(expected.products.clamp(min=0).sum()), abs=6e-4)
        assert below == pytest.approx(float(expected.products.clamp(max=0).sum()), abs=6e-4)
        assert total == answer
        inside = [[word.lstrip("×= ") for word in text.split("\n")] for text in cells(page).all_inner_texts()]
        assert len(inside) == size**2
        for texts, parts in zip(
            inside,
            zip(
                *(
                    each.flatten().tolist()
                    for each in (expected.neighborhood, expected.weight[0, 0], expected.products)
                ),
                strict=True,
            ),
            strict=True,
        ):
            found = [0.0 if text == "outside" else number(text) for text in texts]
            assert found == pytest.approx(parts, abs=6e-4)
        heard, count = int((expected.row != 0).sum()), "2\u202f304"
        assert sentence(page, "listens").startswith(f"Row {chosen} of A: {heard} of {count} weights")
        (sees, jump), width = expected.field, expected.width
        wide, held = (f"{number:,}".replace(",", "\u202f") for number in (sees, width))
        assert f" {wide} × {wide} pixels" in sentence(page, "seen")
        assert f"; {held} × {held} hold" in sentence(page, "seen")
        assert f"Outputs stand {jump} pixel" in sentence(page, "seen")
        asked = int((expected.influence > 0).sum()) ** 2
        assert ("only" in sentence(page, "seen")) == (asked < sees**2)
        assert ("more than the picture" in sentence(page, "seen")) == (sees > 48)


def test_each_neighbor_is_read_out_under_the_pointer(page):
    press_at(picture(page), 0, 20)
    for boundary in BOUNDARIES:
        select(page, "Boundary").select_option(boundary)
        expected = python(boundary=boundary, selected=20)
        for row, column in ((0, 19), (0, 21), (1, 21), (47, 21), (30, 3)):
            press_at(page.locator(".pw-row canvas"), row, column, act="hover")
            told, other = sentence(page, "listens"), row * 48 + column
            assert told.startswith(f"Pixel {other} (row {row}, column {column}) "), boundary
            weight = float(expected.row[other])
            end = "0" if weight == 0 else f"{'−' * (weight < 0)}{abs(weight):.0f}"
            assert told.endswith(f"row 20 is {end}."), boundary
        page.mouse.move(0, 0)
        assert sentence(page, "listens").startswith("Row 20 of A"), boundary


def test_what_lies_outside_is_told(page):
    picture(page).press("Home")
    texts = cells(page).all_inner_texts()
    assert [text.startswith("outside") for text in texts] == [True] * 4 + [False, False, True, False, False]
    assert sentence(page, "total").endswith("5 neighbors outside count as 0.")
    select(page, "Boundary").select_option("circular")
    assert not any(text.startswith("outside") for text in cells(page).all_inner_texts())
    assert "outside" not in sentence(page, "total")


# the kernel


def kernel(page):
    return [float(each.input_value()) for each in weights(page).all()]


def test_kernels_on_offer(page):
    names = select(page, "Kernel").locator("option").all_inner_texts()
    assert names == list(PRESETS)
    for name in names:
        select(page, "Kernel").select_option(name)
        assert kernel(page) == pytest.approx(flat(preset(name)), abs=1e-4)
    select(page, "Size K").select_option("1")
    assert select(page, "Kernel").locator("option").all_inner_texts() == ["identity"]
    assert kernel(page) == [1]


def test_a_named_kernel_keeps_its_name_and_ones_own_its_middle(page):
    select(page, "Kernel").select_option("Laplacian")
    select(page, "Size K").select_option("5")
    assert select(page, "Kernel").input_value() == "Laplacian"
    assert kernel(page) == flat(preset("Laplacian", 5))
    weights(page).nth(12).fill("7")
    assert select(page, "Kernel").input_value() == "your own"
    select(page, "Size K").select_option("3")
    assert kernel(page) == [0, 1, 0, 1, 7, 1, 0, 1, 0]
    select(page, "Size K").select_option("5")
    assert kernel(page)[12] == 7
    assert sum(kernel(page)) == 11
    select(page, "Kernel").select_option("mean")
    assert "your own" not in select(page, "Kernel").locator("option").all_inner_texts()


def test_typing_a_weight_answers_at_once_and_waits_for_what_is_no_number(page):
    field, before = weights(page).nth(2), pixels(page, picture(page, "Its answer"))
    field.press("Control+a")
    for key, value in (("-", None), ("0", 0), (".", None), ("5", -0.5)):
        field.press(key)
        if value is not None:
            assert cells(page).nth(2).inner_text().split("\n")[1] == f"× {value}".replace("-", "−")
    assert field.input_value() == "-0.5"
    assert pixels(page, picture(page, "Its answer")) != before
    for text in ("", "100"):
        field.fill(text)
        assert field.get_attribute("aria-invalid") is not None
        assert cells(page).nth(2).inner_text().split("\n")[1] == "× −0.5"
    field.blur()
    assert (field.input_value(), field.get_attribute("aria-invalid")) == ("-0.5", None)
    field.press("ArrowUp")
    assert cells(page).nth(2).inner_text().split("\n")[1] == "× 0.5"


def test_each_weight_is_named_by_its_offset(page):
    names = [each.get_attribute("aria-label") for each in weights(page).all()]
    assert names[0] == "Weight at offset (−1, −1)"
    assert names[4:6] == ["Weight at offset (0, 0)", "Weight at offset (0, 1)"]


def test_zero_is_the_middle_only_where_weights_are_below_it(page):
    for name, told in (
        ("mean", "Black is 0, white 1.000, the sum of the weights."),
        ("Laplacian", f"Zero is the middle gray, black −{(most := python(kernel='Laplacian').result.abs().max()):.3f}, "
         f"white {most:.3f}."),
    ):  # fmt: skip
        select(page, "Kernel").select_option(name)
        assert sentence(page, "grays") == told
    for field in weights(page).all():
        field.fill("0")
    assert sentence(page, "grays") == "Every weight is 0, and so is every answer: black."


def test_rounding_is_not_shown_as_an_answer(page):
    """On one gray 0.3 + 0.6 − 0.9 is not quite 0, and that is all there is."""
    upload_own(page, picture_file(color=(200, 200, 200)))
    select(page, "Boundary").select_option("circular")
    for field, weight in zip(weights(page).all(), [0.3, 0.6, -0.9, 0, 0, 0, 0, 0, 0], strict=True):
        field.fill(str(weight))
    assert sentence(page, "grays") == "Zero is the middle gray, black −1.000, white 1.000."
    found = colors(page, picture(page, "Its answer"), centers(48, 48)).view(48, 48, 3)
    assert (found[far(python(selected=pixel(page)))] - 128).abs().max() <= 1


def test_a_tiny_weight_is_not_taken_for_none(page):
    for text, shown, told in (("0.00002", 2e-5, "2e−5"), ("-1e-10", -1e-10, "−1e−10"), ("0.12345", 0.1235, "0.123")):
        weights(page).first.fill(text)
        weights(page).first.blur()
        assert float(weights(page).first.input_value()) == shown
        assert cells(page).first.inner_text().split("\n")[1] == f"× {told}"


def test_every_cell_holds_the_largest_numbers(page):
    select(page, "Photograph").select_option("coffee")
    select(page, "Size K").select_option("5")
    for field in weights(page).all():
        field.fill("-98.765")
    widest = "nodes => Math.max(...nodes.map((each) => each.scrollWidth - each.clientWidth))"
    for width in (1280, 620, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(".pw-products td, .pw-products span").evaluate_all(widest) <= 0, width
        assert weights(page).evaluate_all(widest) <= 0, width
        assert cells(page).nth(12).inner_text().split("\n")[1] == "× −98.77", width


# the drawings


def far(expected, reach=4):
    """Which pixels lie so far from the one that asks that no outline covers them."""
    row, column = divmod(expected.selected, 48)
    rows, columns = torch.arange(48).view(-1, 1), torch.arange(48)
    return ((rows - row).abs() > reach) | ((columns - column).abs() > reach)


def test_both_pictures_show_the_librarys_numbers(page):
    for name in ("identity", "Gaussian", "edge top–bottom", "shift by one"):
        select(page, "Kernel").select_option(name)
        page.mouse.move(0, 0)
        expected = python(kernel=name, selected=pixel(page))
        answers, most = expected.result, float(expected.result.abs().max())
        levels = answers / most / 2 + 0.5 if name.startswith("edge") else answers
        for canvas, shown in ((picture(page), expected.pixels), (picture(page, "Its answer"), levels)):
            found = colors(page, canvas, centers(48, 48)).view(48, 48, 3)
            assert ((found - 255 * shown[..., None]).abs().amax(-1)[far(expected)] <= 1).all(), name


def test_the_matrix_is_drawn_entry_by_entry(page):
    """Orange above zero, blue below, gray where A holds nothing."""
    picture(page).press("Home")
    for name, boundary in itertools.product(("edge left–right", "Laplacian"), BOUNDARIES):
        select(page, "Kernel").select_option(name)
        select(page, "Boundary").select_option(boundary)
        found = colors(page, page.locator(".pw-matrix canvas"), centers(64, 64)).view(64, 64, 3)
        warmth = found[..., 0] - found[..., 2]
        signs = (warmth > 25).int() - (warmth < -25).int()
        expected = relation(preset(name), (8, 8), boundary).sign().int()
        assert torch.equal(signs[2:], expected[2:]), (name, boundary)


def test_the_row_lights_its_neighbors_only(page):
    select(page, "Boundary").select_option("circular")
    picture(page).press("End")
    found = colors(page, page.locator(".pw-row canvas"), centers(48, 48)).view(-1, 3)
    warmth = found[:, 0] - found[:, 2]
    expected = python(boundary="circular", selected=48 * 48 - 1).row
    corner = torch.tensor([46 * 48 + 46, 48 - 2])  # those that no line at the canvas's edge covers
    assert (warmth[corner] < -25).all()
    assert (expected[corner] < 0).all()
    quiet = torch.ones(48, 48, dtype=torch.bool)
    quiet[:3], quiet[44:], quiet[:, :3], quiet[:, 44:] = False, False, False, False
    assert warmth[quiet.flatten()].abs().max() < 12


def test_the_heat_is_the_influence(page, formulas):
    """Cividis of the share against the largest one; where no path leads, the paled picture."""
    select(page, "Dilation").select_option("2")
    page.get_by_label("Layers L").fill("3")
    press_at(picture(page, "Output that listens"), 24, 24)
    expected = python(selected=24 * 48 + 24, layers=3, dilation=2)
    found = colors(page, page.locator(".pw-depth canvas").first, centers(48, 48)).view(48, 48, 3)
    pale = 0.38 * 255 * expected.pixels[..., None] + 0.62 * torch.tensor([251, 250, 246])
    shares = expected.influence / expected.influence.max()
    seen = 0
    for row in range(18, 31):
        for column in range(18, 31):
            if max(abs(row - 24), abs(column - 24)) in (0, 1, 4, 5, 6):  # lines lie over these
                continue
            share, under = float(shares[row - 18] * shares[column - 18]), pale[row, column]
            heat = torch.tensor(formulas("common/canvas.mjs", "cividis", share))
            shown = 0.92 * heat + 0.08 * under if share else under
            assert (found[row, column] - shown).abs().max() < 4, (row, column)
            seen += share > 0
    assert seen == 8
    assert ((found - pale).abs().amax(-1)[far(expected, 10)] < 3).all()


# keys, pointer, touch


def test_keys_walk_each_picture(page):
    for name in ("Pixel that asks", "Its answer", "Output that listens"):
        for key, chosen in (
            ("Home", 0), ("ArrowUp", 0), ("ArrowLeft", 0), ("ArrowDown", 48), ("ArrowRight", 49), ("End", 2303),
            ("ArrowDown", 2303), ("ArrowRight", 2303), ("ArrowUp", 2255),
        ):  # fmt: skip
            picture(page, name).press(key)
            assert pixel(page) == chosen, (name, key)
            assert picture(page, name).get_attribute("aria-valuenow") == str(chosen), (name, key)


def test_a_key_wins_over_a_pointer_at_rest(page):
    press_at(picture(page), 3, 3, act="hover")
    assert sentence(page, "listens").startswith("Pixel 147 ")
    picture(page).press("Home")
    assert sentence(page, "listens").startswith("Row 0 of A")


def test_a_press_on_the_matrix_asks_for_that_row(page):
    press_at(page.locator(".pw-matrix canvas"), 19, 5, grid=(64, 64))
    assert divmod(pixel(page), 48) == (2 * 6 + 3, 3 * 6 + 3)
    assert "Row 19 is outlined" in sentence(page, "bands")


def test_touch_chooses_and_scrolling_does_not(visit):
    page = visit("convolution", width=390, has_touch=True, is_mobile=True)
    press_at(picture(page), 5, 9, act="tap")
    assert pixel(page) == 249
    before = page.evaluate("scrollY")
    swipe(page, 0, -150, over=page.locator(".pw-row canvas"))
    page.wait_for_function("before => scrollY > before", arg=before)
    assert pixel(page) == 249
    swipe(page, 100, 0, over=picture(page, "Output that listens"))
    assert pixel(page) != 249


# the settings


def test_an_oblong_picture_and_a_kernel_of_ones_own(visit):
    page = visit("convolution oblong")
    assert not select(page, "Photograph").is_visible()
    assert select(page, "Kernel").input_value() == "your own"
    assert sentence(page, "listens").startswith("Row 0 of A: 6 of 1\u202f536 weights")
    box = picture(page).bounding_box()
    assert box["width"] / box["height"] == pytest.approx(48 / 32, abs=0.02)
    press_at(picture(page), 31, 40, grid=(32, 48))
    assert pixel(page) == 31 * 48 + 40


def view(page):
    names = ("place", "grays", "total", "listens", "bands", "seen")
    told = [sentence(page, name) for name in names] + [cells(page).all_inner_texts(), kernel(page)]
    return told + [pixels(page, each) for each in page.locator("canvas").all()]


def test_reset_brings_the_first_view_of_convolution_back(page):
    first = view(page)
    select(page, "Photograph").select_option("coffee")
    select(page, "Size K").select_option("5")
    weights(page).nth(3).fill("2.5")
    select(page, "Boundary").select_option("circular")
    select(page, "Dilation").select_option("doubling")
    page.get_by_label("Stride 2 in layer 3").check()
    page.get_by_label("Layers L").fill("4")
    picture(page).press("Home")
    assert all(one != other for one, other in zip(view(page), first, strict=True))
    page.get_by_role("button", name="Reset").click()
    page.mouse.move(0, 0)
    assert view(page) == first


def test_ones_own_photo_turns_gray_and_takes_the_shape_of_the_first(page):
    upload_own(page, picture_file(color=(0, 0, 255), middle=(255, 0, 0), size=(500, 300)))
    picture(page).press("End")
    middle, edge = colors(page, picture(page), [(0.51, 0.51), (0.03, 0.3)])
    assert middle.tolist() == pytest.approx([76] * 3, abs=4)  # .299 of 255
    assert edge.tolist() == pytest.approx([29] * 3, abs=4)  # .114 of 255


# for everyone


def test_paper_shows_every_picture_and_the_kernel(page):
    page.emulate_media(media="print")
    assert all(each.is_visible() for each in page.locator(".pw-explorer canvas").all())
    assert weights(page).first.is_visible()
    assert not page.get_by_role("button", name="Reset").is_visible()


def test_what_convolution_says_is_heard_once(page):
    assert status(page) == ""
    press_at(picture(page), 3, 3, act="hover")
    picture(page).press("ArrowRight")
    page.get_by_label("Layers L").press("ArrowLeft")
    assert status(page) == ""
    select(page, "Dilation").focus()
    select(page, "Dilation").select_option("2")
    assert status(page) == sentence(page, "seen")
    select(page, "Boundary").select_option("circular")
    assert status(page) == sentence(page, "bands")


def test_the_parts_of_convolution_are_named_and_apart(visit):
    page = both_ready(visit("convolution two"))
    for name in ("The kernel, 9 weights", "One answer: pixels × weights", "How far 8 layers see"):
        assert page.get_by_role("group", name=name).count() == 2
    weights(page).first.fill("4")
    assert cells(page).nth(0).inner_text().split("\n")[1] == "× 4"
    assert cells(page).nth(9).inner_text().split("\n")[1] == "× −1"


# Every kernel and boundary, at each some keys: where a part of the page moved.
SWEEP = """async ([kernels, boundaries, keys]) => {
    const places = () => String([...document.querySelectorAll('.pw-panel')].map((each) => each.offsetTop));
    const [kernel, boundary] = ['Kernel', 'Boundary'].map((name) =>
        [...document.querySelectorAll('select')].find((each) => each.labels[0].innerText.startsWith(name)));
    const canvas = document.querySelector('.pw-input canvas'), first = places(), moved = [];
    for (kernel.value of kernels) {
        kernel.dispatchEvent(new Event('change'));
        for (boundary.value of boundaries) {
            boundary.dispatchEvent(new Event('change'));
            for (const key of keys) {
                canvas.dispatchEvent(new KeyboardEvent('keydown', { key }));
                await new Promise((done) => setTimeout(done));
                if (places() !== first) moved.push([kernel.value, boundary.value, key]);
            }
        }
    }
    return moved;
}"""
WIDE = """() => [...document.querySelectorAll('.pw-explorer :is(p, td, td span, .pw-kernel-table)')].filter(
    (each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).position !== 'absolute'
).map((each) => each.className)"""


def test_nothing_moves_while_the_kernel_keeps_its_size(page):
    place = "() => [...document.querySelectorAll('.pw-panel')].map((each) => each.offsetTop)"
    for width, size in itertools.product((1280, 760, 390, 320), ("3", "5")):
        page.get_by_role("button", name="Reset").click()
        page.set_viewport_size({"width": width, "height": 900})
        select(page, "Size K").select_option(size)
        places = page.evaluate(place)
        moved = page.evaluate(SWEEP, [["sharpen", "Gaussian"], BOUNDARIES, ["Home", "End", "ArrowUp"]])
        assert moved == [], (width, size)
        assert pixel(page) == 2255, (width, size)
        assert page.evaluate(WIDE) == [], (width, size)
        page.get_by_label("Stride 2 in layer 1").check()
        select(page, "Dilation").select_option("doubling")
        assert page.evaluate(place) == places, (width, size)
