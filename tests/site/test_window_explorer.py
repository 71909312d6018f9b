"""The window explorer in a real browser, on a page with no kernel."""

import re
from functools import partial

import pages
import pytest
import torch
from pages import both_ready, centers, colors, picture_file, pixels, select, sentence, status, swipe, upload_own

from patchwork.explorers.windows import WindowExplorer, window_sizes
from patchwork.explorers.windows.still import STEPS
from patchwork.windows import attention_cost, cyclic_shift

pytestmark = pytest.mark.browser
token, press_at = pages.chosen, partial(pages.press_at, grid=(16, 16))


@pytest.fixture
def page(visit):
    return visit("windows")


# what the page says


def step_canvas(page):
    return page.get_by_role("slider", name="Token that asks")


def window_canvas(page):
    return page.get_by_role("slider", name="Token of its window")


def reach_canvas(page):
    return page.get_by_role("slider", name="Token that listens")


def mask_canvas(page):
    return page.locator(".pw-window > canvas")


def take_step(page, step):
    page.locator(f".pw-radios [value={step}]").check()


@pytest.mark.parametrize("over", ["http", "file"])
def test_windows_mount_and_answer(visit, over):
    page = visit("windows", over=over)
    assert sentence(page).startswith("Token 224 (row 14, column 0) is in window 15")
    press_at(step_canvas(page), 5, 9)
    assert token(page) == 7 * 16 + 11
    step_canvas(page).press("ArrowUp")
    assert token(page) == 6 * 16 + 11


def test_the_first_view_teaches_the_mask(page):
    """A window of the picture's four corners: four of sixteen may answer; the one beside the query is far away."""
    assert page.locator(".pw-step .pw-title").inner_text() == "4. Masked: its own region answers"
    assert "16 tokens from 4 regions of the photograph: 4 of 16 answer, 12 are false neighbors" in sentence(page)
    told = "Token 239 (row 14, column 15), region 1, is a false neighbor: 1 column away in window 15, 15 columns in"
    assert sentence(page, "neighbor") == f"{told} the photograph."
    assert sentence(page, "heard") == "After 3 blocks token 224 has heard of 64 of 256 tokens; without shift 16."
    assert "global attention takes 22.0 million multiply-adds" in sentence(page, "price")


def set_up(page, rng, grid=(16, 16)):
    """Choose at random → the same in Python."""
    size = rng.choice(window_sizes(grid))
    shift, blocks, query = rng.randrange(size), rng.randint(0, 8), rng.randrange(grid[0] * grid[1])
    shifted, merging = (rng.random() < 0.5 for _ in range(2))
    page.get_by_label("Window size M").select_option(str(size))
    page.get_by_label("Shift u").select_option(str(shift))
    page.get_by_label("Blocks L").fill(str(blocks))
    page.get_by_label("Shift every second block").set_checked(shifted)
    page.get_by_label("Merge 2 × 2").set_checked(merging)
    press_at(reach_canvas(page), *divmod(query, grid[1]), grid=grid)
    page.mouse.move(0, 0)
    settings = {"window_size": size, "shift": shift, "blocks": blocks, "selected": query}
    image = torch.zeros(3, 96, 96)
    return WindowExplorer(image, grid=grid, shifted=shifted, merging=merging, **settings)


@pytest.mark.parametrize(("name", "grid"), [("windows", (16, 16)), ("windows narrow", (8, 12))])
def test_every_number_is_the_librarys(visit, rng, name, grid):
    page = visit(name)
    for _ in range(8):
        expected = set_up(page, rng, grid)
        take_step(page, "mask")
        whole, answers = expected.window_size**2, int(expected.answers.sum())
        regions = len(expected.mask.unique(dim=0))
        assert sentence(page).startswith(f"Token {expected.selected} (")
        assert f"in window {expected.window}, with {whole} tokens" in sentence(page)
        one = "answers" if answers == 1 else "answer"
        masked = f"{answers} of {whole} {one}, {whole - answers} are" if answers < whole else f"all {whole} answer"
        assert masked in sentence(page)
        assert (f"from {regions} regions" in sentence(page)) == (regions > 1)
        assert f"has heard of {int(expected.heard.sum())} of {len(expected.heard)} tokens" in sentence(page, "heard")
        growth = page.get_by_role("img", name="Tokens heard after").get_attribute("aria-label")
        for name, shifted in (("Shifted", True), ("Not shifted", False)):
            told = re.search(rf"{name}: ([\d, ]+)\.", growth)[1].split(", ")
            expected.shifted = shifted
            for expected.blocks in range(9):
                assert int(told[expected.blocks]) == int(expected.heard.sum())
        millions = [float(each) for each in re.findall(r"([\d.]+) million", sentence(page, "price"))]
        assert millions == pytest.approx([each / 1e6 for each in expected.costs], rel=0.006)


def test_the_pair_is_the_librarys(page, rng):
    expected = set_up(page, rng)
    window_canvas(page).press("Home")
    for place, other in enumerate(expected.tokens.tolist()):
        told = sentence(page, "neighbor")
        assert told.startswith(f"Token {other} "), place
        own = other == expected.selected
        assert ("answers" in told) == bool(expected.answers[other])
        assert ("false neighbor" in told) == (not expected.answers[other])
        assert ("itself" in told) == own
        row, column = (abs(a - b) for a, b in zip(divmod(other, 16), divmod(expected.selected, 16), strict=True))
        if not expected.answers[other]:
            far = [f"{each} {name}{'s' * (each > 1)}" for each, name in ((row, "row"), (column, "column")) if each]
            assert told.endswith(f", {' and '.join(far)} in the photograph.")
        assert window_canvas(page).get_attribute("aria-valuetext") == told
        window_canvas(page).press("ArrowRight")


# the steps


def test_the_steps_follow_each_other(page):
    radios = page.get_by_role("radio")
    assert [each.get_attribute("value") for each in radios.all()] == list(STEPS)
    titles, drawn = [], []
    for _ in STEPS:
        page.get_by_role("button", name="Next").click()
        titles.append(page.locator(".pw-step .pw-title").inner_text())
        drawn.append(pixels(page, step_canvas(page)))
        assert page.locator(".pw-radios :checked").get_attribute("value") == list(STEPS)[len(titles) % 5 - 2]
    assert [title[0] for title in titles] == ["5", "1", "2", "3", "4"]
    assert len(set(drawn)) == 5
    for title in reversed(titles[:-1]):
        page.get_by_role("button", name="Previous").click()
        assert page.locator(".pw-step .pw-title").inner_text() == title
    radios.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".pw-radios :checked").get_attribute("value") == "shift"


def test_each_step_says_what_happened(page):
    for step, told in {
        "tokens": "asks. The frames hold the 16 tokens of its window, from 4 regions of the photograph.",
        "shift": "now stands at row 12, column 14: the grid moved up and left by 2, around the border.",
        "windows": "is in window 15: 4 × 4 tokens from 4 regions of the photograph.",
        "mask": "is in window 15, with 16 tokens from 4 regions of the photograph: 4 of 16 answer, 12 are false "
        "neighbors and masked.",
        "unshift": "is back in its place: the 4 that answer lie around it, the 12 false neighbors on other sides of "
        "the photograph.",
    }.items():
        take_step(page, step)
        assert sentence(page) == f"Token 224 (row 14, column 0) {told}", step
        assert step_canvas(page).get_attribute("aria-valuetext") == sentence(page), step


def test_without_a_shift_nothing_is_masked(page):
    page.get_by_label("Shift u").select_option("0")
    assert "with 16 tokens which lie together in the photograph too: all 16 answer, nothing is masked" in sentence(page)
    take_step(page, "tokens")
    assert "asks. The frame holds the 16 tokens of its window, which lie together" in sentence(page)
    take_step(page, "shift")
    assert sentence(page).endswith("stays where it is: nothing moves by a shift of 0.")
    assert page.locator(".pw-step .pw-title").inner_text() == "2. Shifted by 0: nothing moves"
    take_step(page, "unshift")
    assert "all 16 that answer lie around it" in sentence(page)


def test_a_token_that_answers_alone(page):
    page.get_by_label("Window size M").select_option("2")
    reach_canvas(page).press("Home")
    assert sentence(page).endswith(
        "from 4 regions of the photograph: 1 of 4 answers, 3 are false neighbors and masked."
    )
    take_step(page, "unshift")
    assert sentence(page).endswith("it answers alone, the 3 false neighbors on other sides of the photograph.")


def test_a_merged_token_is_named(page):
    page.get_by_label("Merge 2 × 2").check()
    told = "After 3 blocks token 224, as part of a merged token of 2 × 2, has heard of 144 of 256 tokens; "
    assert sentence(page, "heard") == f"{told}without shift 64."


def test_the_token_under_the_pointer_is_the_one_drawn_there(page, rng):
    page.get_by_label("Shift u").select_option("3")
    tokens = torch.arange(256).view(1, 16, 16, 1)
    for step in STEPS:
        take_step(page, step)
        shown = (cyclic_shift(tokens, 3) if step in ("shift", "windows", "mask") else tokens).view(16, 16)
        for _ in range(5):
            row, column = rng.randrange(16), rng.randrange(16)
            press_at(step_canvas(page), row, column)
            assert token(page) == shown[row, column], step
            assert step_canvas(page).get_attribute("aria-valuenow") == str(row * 16 + column), step


# the drawings


def test_the_photograph_is_rolled_by_the_shift(page):
    take_step(page, "tokens")
    page.get_by_label("Shift u").select_option("1")
    press_at(reach_canvas(page), 8, 8)
    page.mouse.move(0, 0)
    still = colors(page, step_canvas(page), centers(16, 16)).view(1, 16, 16, 3)
    take_step(page, "windows")
    moved = colors(page, step_canvas(page), centers(16, 16)).view(1, 16, 16, 3)
    off = (cyclic_shift(still, 1) - moved).abs().amax(-1)[0, :15, :15]
    off[7:12, 7:12] = 0  # the frame of the window and its number
    assert off.flatten().quantile(0.95) < 12  # a sharp edge may fall on the other side of a pixel
    assert (still - moved).abs().amax(-1)[0].median() > 3


def test_the_mask_is_drawn_cell_by_cell(page, rng):
    """Colored where the column's token may answer the row's, paper where not; also beside the outlined row."""
    for size in (2, 4):
        page.get_by_label("Window size M").select_option(str(size))
        for shift in range(size):
            page.get_by_label("Shift u").select_option(str(shift))
            press_at(reach_canvas(page), rng.choice([0, 5, 15]), rng.choice([0, 6, 15]))
            page.mouse.move(0, 0)
            expected = WindowExplorer(torch.zeros(3, 16, 16), window_size=size, shift=shift, selected=token(page))
            count, width = size**2, mask_canvas(page).bounding_box()["width"]
            edge = min(max(width / count, 14), 22)
            spots = [[(edge + share * (width - edge)) / width for share in spot] for spot in centers(count, count, 0.2)]
            found = colors(page, mask_canvas(page), spots).view(count, count, 3)
            row = expected.tokens.tolist().index(expected.selected)
            others = [place for place in range(count) if abs(place - row) > 1]  # the outline lies on its neighbors too
            answers = (found.amax(-1) - found.amin(-1) > 40)[others]
            assert torch.equal(answers, expected.mask[others])


def test_what_is_heard_is_lit(page):
    reach_canvas(page).press("Home")
    page.get_by_label("Blocks L").fill("8")
    assert "heard of 256 of 256" in sentence(page, "heard")
    spots = centers(16, 16, 0.8)
    lit = colors(page, reach_canvas(page), spots)
    for blocks in (0, 1, 3, 5):
        page.get_by_label("Blocks L").fill(str(blocks))
        same = (colors(page, reach_canvas(page), spots) - lit).abs().amax(1) < 3
        expected = WindowExplorer(torch.zeros(3, 16, 16), selected=0, blocks=blocks).heard
        assert (same != expected).sum() <= 4, blocks  # the numbers of the blocks cover some


def test_the_numbers_of_the_blocks_lie_on_top(page):
    """Also on the frame of the token that four by four have become."""
    page.get_by_label("Blocks L").fill("5")
    spots = [(x / 330, 12 / 16 + y / 330) for x in range(3, 15, 2) for y in range(3, 15, 2)]
    found = []
    for merged in (False, True):
        page.get_by_label("Merge 2 × 2").set_checked(merged)
        found.append(colors(page, reach_canvas(page), spots))
    assert (found[0] - found[1]).abs().max() < 3


MEASURE = r"""() => {
    const { fillText } = CanvasRenderingContext2D.prototype;
    window.words = [];
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const wide = this.measureText(text).width, share = { left: 0, center: 0.5, right: 1 }[this.textAlign];
        const moved = (at) => new DOMPoint(at, y).matrixTransform(this.getTransform());
        const within = (at, length) => at >= -1 && at <= length + 1, { width, height } = this.canvas;
        const ends = [x - share * wide, x + (1 - share) * wide].map(moved);
        const inside = ends.every((at) => within(at.x, width) && within(at.y, height));
        window.words.push([String(text), parseFloat(this.font.match(/[\d.]+px/)[0]), inside]);
        fillText.call(this, text, x, y);
    };
}"""
# Every size, at each every step, at each some keys: where a part of the page moved. Once drawn, or as fast as it goes.
SWEEP = """async ([sizes, steps, keys, drawn]) => {
    const places = () => String([...document.querySelectorAll('.pw-panel')].map((each) => each.offsetTop));
    const later = drawn ? (done) => requestAnimationFrame(() => setTimeout(done)) : setTimeout;
    const size = [...document.querySelectorAll('select')].find((each) => each.labels[0].innerText.startsWith('Window'));
    const canvas = document.querySelector('.pw-step canvas'), first = places(), moved = [];
    for (size.value of sizes) {
        size.dispatchEvent(new Event('change'));
        for (const step of steps) {
            document.querySelector(`.pw-radios [value=${step}]`).click();
            for (const key of keys) {
                canvas.dispatchEvent(new KeyboardEvent('keydown', { key }));
                await new Promise(later);
                if (places() !== first) moved.push([size.value, step, key]);
            }
        }
    }
    return moved;
}"""
SIZES = ["2", "8", "4"]


def test_the_words_in_the_pictures_are_whole_and_readable(page):
    page.evaluate(MEASURE)
    for width in (1280, 640, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("words = []")
        page.evaluate(SWEEP, [SIZES, list(STEPS), ["none"], True])
        words = page.evaluate("words")
        assert [word for word in words if word[1] < 11 or not word[2]] == [], width
        assert {"from the top", "100\u202f%", "without shift", "4"} <= {text for text, _, _ in words}, width


def test_only_the_window_stays_in_color_where_it_is_masked(page):
    take_step(page, "tokens")
    spots = centers(16, 16)
    plain = colors(page, step_canvas(page), spots)
    take_step(page, "unshift")
    kept = (colors(page, step_canvas(page), spots) - plain).abs().amax(1) < 3
    expected = WindowExplorer(torch.zeros(3, 16, 16))
    veiled = torch.ones(256, dtype=torch.bool)
    veiled[expected.tokens] = False
    assert kept[expected.answers].all()
    assert kept[veiled].float().mean() < 0.2  # pale spots of the photograph look like paper
    crossed = expected.tokens[~expected.answers[expected.tokens]]
    assert kept[crossed].sum() <= 3  # the numbers of their regions


# keys, pointer, touch


def test_keys_walk_the_grid_as_it_is_drawn(page):
    for keys, chosen in (
        ("ArrowRight", 225), ("ArrowLeft", 239), ("ArrowUp", 208), ("ArrowDown", 240), ("Home", 34), ("End", 17),
        ("Home ArrowLeft", 34), ("End ArrowRight", 17), ("Home ArrowUp", 34), ("End ArrowDown", 17),
        ("ArrowRight ArrowRight", 242),
    ):  # fmt: skip
        page.get_by_role("button", name="Reset").click()
        for key in keys.split():
            step_canvas(page).press(key)
        assert token(page) == chosen, keys
        assert step_canvas(page).get_attribute("aria-valuetext") == sentence(page), keys


def test_keys_walk_the_picture_below_in_its_own_order(page):
    for key, chosen in (("Home", 0), ("ArrowDown", 16), ("ArrowRight", 17), ("End", 255), ("ArrowUp", 239)):
        reach_canvas(page).press(key)
        assert token(page) == chosen
        assert reach_canvas(page).get_attribute("aria-valuetext") == sentence(page, "heard")
        assert reach_canvas(page).get_attribute("aria-valuenow") == str(chosen)


def test_the_mask_is_pressed_and_read(page):
    tokens, width = WindowExplorer(torch.zeros(3, 16, 16)).tokens.tolist(), mask_canvas(page).bounding_box()["width"]
    edge = min(max(width / 16, 14), 22)

    def spot(row, column):
        pitch = (width - edge) / 16
        return {"x": edge + (column + 0.5) * pitch, "y": edge + (row + 0.5) * pitch}

    mask_canvas(page).hover(position=spot(3, 7))
    assert token(page) == tokens[2]
    assert sentence(page, "neighbor").startswith(f"Token {tokens[7]} ")
    mask_canvas(page).click(position=spot(9, 4))
    assert token(page) == tokens[9]
    assert sentence(page, "neighbor").startswith(f"Token {tokens[4]} ")
    page.mouse.move(0, 0)
    assert sentence(page, "neighbor").startswith(f"Token {tokens[4]} ")
    assert (
        mask_canvas(page)
        .get_attribute("aria-label")
        .startswith(f"The mask of window 15, 16 × 16: token {tokens[9]} is answered by 4. Token {tokens[4]} ")
    )


def test_hovering_reads_a_token_out(page):
    before, drawn = sentence(page, "neighbor"), pixels(page, step_canvas(page))
    press_at(step_canvas(page), 3, 3, act="hover")
    assert sentence(page, "neighbor") == "Token 85 (row 5, column 5) is in another window: it is not asked."
    assert token(page) == 224
    assert pixels(page, step_canvas(page)) != drawn
    page.mouse.move(0, 0)
    assert sentence(page, "neighbor") == before
    assert pixels(page, step_canvas(page)) == drawn
    press_at(window_canvas(page), 3, 3, grid=(4, 4), act="hover")
    assert sentence(page, "neighbor").startswith("Token 17 (row 1, column 1), region 4, is a false neighbor")
    press_at(window_canvas(page), 1, 3, grid=(4, 4))
    page.mouse.move(0, 0)
    assert sentence(page, "neighbor") == "Token 241 (row 15, column 1) answers: same window, region 2 like token 224."


def test_a_key_wins_over_a_pointer_at_rest(page):
    press_at(step_canvas(page), 3, 3, act="hover")
    window_canvas(page).press("End")
    assert sentence(page, "neighbor").startswith("Token 17 ")
    press_at(step_canvas(page), 3, 4, act="hover")
    step_canvas(page).press("ArrowRight")
    assert sentence(page, "neighbor") == window_canvas(page).get_attribute("aria-valuetext")


def test_touch_chooses_and_scrolling_does_not(visit):
    page = visit("windows", width=390, has_touch=True, is_mobile=True)
    press_at(step_canvas(page), 5, 9, act="tap")
    assert token(page) == 123
    mask_canvas(page).tap(position={"x": 300, "y": 300})
    assert token(page) != 123
    before, chosen = page.evaluate("scrollY"), token(page)
    swipe(page, 0, -150, over=reach_canvas(page))
    page.wait_for_function("before => scrollY > before", arg=before)
    assert token(page) == chosen
    swipe(page, 150, 0, over=reach_canvas(page))
    assert token(page) != chosen


# the settings


def options(page, label):
    return page.get_by_label(label).locator("option").all_inner_texts()


def test_windows_and_shifts_on_offer_fit(page):
    assert options(page, "Window size M") == ["2 × 2", "4 × 4", "8 × 8"]
    assert options(page, "Shift u") == ["0, none", "1", "2, half of M", "3"]
    for size, shift in ((8, 4), (2, 1), (4, 2)):  # the shift stays half of M
        page.get_by_label("Window size M").select_option(str(size))
        assert page.get_by_label("Shift u").input_value() == str(shift)
        assert len(options(page, "Shift u")) == size
    page.get_by_label("Shift u").select_option("3")
    page.get_by_label("Window size M").select_option("2")
    assert page.get_by_label("Shift u").input_value() == "1"


def test_the_side_moves_the_cost_alone(page):
    side = page.get_by_label("Side of the grid, in tokens")
    before = sentence(page), sentence(page, "heard"), pixels(page, page.locator(".pw-cost canvas").last)
    assert [side.get_attribute(name) for name in ("min", "max", "step")] == ["4", "112", "4"]
    for length in (4, 56, 112):
        side.fill(str(length))
        whole, windows = attention_cost((length,) * 2, 96), attention_cost((length,) * 2, 96, window_size=4)
        told = f"{length} × {length} tokens: global"
        assert sentence(page, "price").startswith(told)
        more = f"{whole / windows:.1f} times as many" if length > 4 else "multiply-adds, as many"
        assert f"{more} as windows of 4 × 4 with " in sentence(page, "price")
        assert side.get_attribute("aria-valuetext") == sentence(page, "price")
    assert (sentence(page), sentence(page, "heard")) == before[:2]
    assert pixels(page, page.locator(".pw-cost canvas").last) != before[2]
    side.fill("60")
    page.get_by_label("Window size M").select_option("8")
    assert sentence(page, "price").startswith("64 × 64 tokens")
    assert [side.get_attribute(name) for name in ("min", "max", "step")] == ["8", "112", "8"]


def test_a_grid_that_is_not_square_and_one_photograph(visit):
    page = visit("windows narrow")
    assert not select(page, "Photograph").is_visible()
    assert page.get_by_label("Window size M").input_value() == "2"
    assert sentence(page).startswith("Token 84 (row 7, column 0) is back in its place")
    assert sentence(page, "price").startswith("8 × 12 tokens")
    box = step_canvas(page).bounding_box()
    assert box["width"] / box["height"] == pytest.approx(96 / 64, abs=0.02)
    press_at(step_canvas(page), 2, 11, grid=(8, 12))
    assert token(page) == 35


def test_reset_brings_the_first_view_of_windows_back(page):
    def view():
        names = ("place", "neighbor", "heard", "price")
        return [sentence(page, name) for name in names] + [pixels(page, each) for each in page.locator("canvas").all()]

    first = view()
    select(page, "Photograph").select_option("coffee")
    page.get_by_label("Window size M").select_option("8")
    page.get_by_label("Blocks L").fill("6")
    page.get_by_label("Merge 2 × 2").check()
    page.get_by_label("Side of the grid, in tokens").fill("56")
    take_step(page, "tokens")
    press_at(step_canvas(page), 3, 3)
    window_canvas(page).press("End")
    assert all(one != other for one, other in zip(view(), first, strict=True))
    page.get_by_role("button", name="Reset").click()
    page.mouse.move(0, 0)
    assert view() == first


@pytest.mark.parametrize(("name", "size"), [("windows", (256, 256)), ("windows narrow", (96, 64))])
def test_ones_own_photo_takes_the_shape_of_the_first(visit, name, size):
    page = visit(name)
    upload_own(page, picture_file(color=(0, 0, 255), middle=(255, 0, 0), size=(500, 300)))
    take_step(page, "tokens")
    middle, edge = colors(page, step_canvas(page), [(0.51, 0.51), (0.03, 0.3)])
    assert middle[0] > 200 > 60 > middle[2]
    assert edge[2] > 200 > 60 > edge[0]
    box = step_canvas(page).bounding_box()
    assert box["width"] / box["height"] == pytest.approx(size[0] / size[1], abs=0.02)


# for everyone


def test_paper_shows_every_picture_and_sentence_and_nothing_to_press(page):
    page.emulate_media(media="print")
    assert all(each.is_visible() for each in page.locator(".pw-explorer canvas").all())
    assert all(each.is_visible() for each in page.locator(".pw-explorer p[class]:not(:empty, .pw-hidden)").all())
    assert not any(
        each.is_visible() for each in page.locator("button, input, select, label, .pw-range b, fieldset").all()
    )


def test_what_windows_say_is_heard_once(page):
    assert status(page) == ""
    press_at(step_canvas(page), 3, 3, act="hover")
    step_canvas(page).press("ArrowRight")
    page.get_by_label("Blocks L").press("ArrowRight")
    assert status(page) == ""
    page.get_by_role("button", name="Next").click()
    assert status(page) == sentence(page)
    page.get_by_label("Merge 2 × 2").check()
    assert status(page) == sentence(page, "heard")
    page.get_by_label("Window size M").select_option("8")
    assert status(page) == " ".join(sentence(page, name) for name in ("place", "heard", "price"))


def test_the_parts_of_windows_are_named_and_apart(visit):
    page = both_ready(visit("windows two"))
    assert page.get_by_role("group", name="Step", exact=True).count() == 2
    for name in ("4. Masked: its own region answers", "Window 15, enlarged", "How far token 224 hears"):
        assert page.get_by_role("group", name=name).count() == 2
    page.locator("[value=tokens]").first.check()
    checked = page.locator(".pw-radios :checked")
    assert [each.get_attribute("value") for each in checked.all()] == ["tokens", "mask"]


WIDE = """() => [...document.querySelectorAll('.pw-explorer p')].filter(
    (each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).position !== 'absolute'
).map((each) => each.className)"""


def test_nothing_moves_when_it_changes(page):
    place = "() => [...document.querySelectorAll('.pw-panel')].map((each) => each.offsetTop)"
    for width in (1280, 760, 390, 320):
        page.get_by_role("button", name="Reset").click()
        page.set_viewport_size({"width": width, "height": 900})
        places = page.evaluate(place)
        moved = page.evaluate(SWEEP, [SIZES, list(STEPS), ["Home", "ArrowRight", "End"], False])
        assert moved == [], width
        assert sentence(page).startswith("Token 255 "), width
        page.get_by_label("Merge 2 × 2").check()
        page.get_by_label("Blocks L").fill("8")
        page.get_by_label("Side of the grid, in tokens").fill("112")
        assert page.evaluate(place) == places, width
        assert page.evaluate(WIDE) == [], width
