"""The attention explorer in a real browser: mouse, keys and touch."""

import re

import pytest
from pages import both_ready, pixels, sentence, status, swipe

from patchwork.explorers.attention import AttentionExplorer

pytestmark = pytest.mark.browser


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


def test_attention_mounts_and_answers_and_the_first_view_already_teaches(visit):
    """Untrained the region gets about its share, trained nearly everything."""
    for over in ("http", "file"):
        page = visit("attention", over=over)
        assert sentence(page) == "Patch 115 (row 7, column 3) asks, 256 patches answer.", over
        [untrained, chance], [trained, _] = (
            numbers(findings(page, model)["Mass in its region"]) for model in ("Untrained", "Trained")
        )
        assert abs(untrained - chance) < 10
        assert trained > 2 * chance
        assert numbers(findings(page, "Untrained")["Entropy"])[1] > 150
        assert numbers(findings(page)["Entropy"])[1] < 100
        ask(page, 2, 5)
        assert sentence(page).startswith("Patch 37 (row 2, column 5) asks"), over
        token_map(page, "Untrained").press("ArrowDown")
        assert sentence(page).startswith("Patch 53 (row 3, column 5) asks"), over


def test_every_number_is_the_librarys(talk, scenes, rng):
    expected = AttentionExplorer(scenes)
    for name, side, prefix in [("mosaic", 16, 0), ("digit", 4, 1)] * 6:
        scene = scenes[name]
        blocks, heads, tokens, _ = scene.queries["trained"].shape
        block, head, query = rng.randrange(blocks), rng.choice(["", *range(heads)]), rng.randrange(tokens)
        power = rng.randint(-8, 4) / 2
        talk.get_by_label("Picture").select_option(name)
        if blocks > 1:
            talk.get_by_label("Block").select_option(str(block))
        talk.get_by_label("Head").select_option(str(head))
        talk.get_by_label("Scale of the logits").fill(str(power))
        if query < prefix:
            token_map(talk).press("Home")
        else:
            ask(talk, *divmod(query - prefix, side), side=side)
            talk.mouse.move(0, 0)
        expected.scene = name
        expected.block, expected.head, expected.query = block, head if head != "" else None, query
        expected.temperature = 2**-power
        for model in ("untrained", "trained"):
            expected.model = model
            compare(findings(talk, model.capitalize()), expected, scene)


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
    page, explorer = visit("attention regions"), AttentionExplorer(regions._given)
    for query in range(17):
        page.get_by_label("Token that asks, trained").press("ArrowRight" if query else "Home")
        explorer.query = query
        expected = explorer.region_mass
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


def test_a_sharper_scale_concentrates_and_snaps_to_its_marks(talk):
    scale, entropies = talk.get_by_label("Scale of the logits"), []
    for power in (*range(-4, 5), 0):
        scale.fill(str(power))
        entropies.append(numbers(findings(talk)["Entropy"])[0])
    usual = entropies.pop()
    assert entropies == sorted(entropies, reverse=True)
    assert entropies[0] - entropies[-1] > 3
    assert usual == entropies[4]
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


def test_the_marks_stand_where_their_values_are(talk):
    scale = talk.get_by_label("Scale of the logits")
    for width in (1280, 390):
        talk.set_viewport_size({"width": width, "height": 900})
        track, boxes = scale.bounding_box(), []
        for name, power in {"1/√d": 0, "no scaling": 1.5}.items():
            mark = talk.get_by_role("button", name=name)
            line = mark.evaluate("node => parseFloat(getComputedStyle(node, '::before').left)")
            boxes.append(mark.bounding_box())
            scale.click(position={"x": boxes[-1]["x"] + line - track["x"], "y": track["height"] / 2})
            assert float(scale.input_value()) == power, (width, name)
        assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"], width


def test_one_model_or_all_and_a_new_picture_starts_at_its_own_query(talk):
    talk.get_by_label("Model").select_option("trained")
    assert place(talk, "Untrained").count() == 0  # nor is it read aloud
    assert token_map(talk).bounding_box()["width"] > 300
    ask(talk, 0, 0)
    assert sentence(talk).startswith("Patch 0 ")
    talk.get_by_label("Model").select_option("")
    assert place(talk, "Untrained").count() == 1
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


def test_attention_stays_in_its_place_and_within_a_screen_and_a_half(talk):
    height = "() => document.querySelector('.pw-explorer').clientHeight"
    for width in (760, 390):
        talk.set_viewport_size({"width": width, "height": 900})
        talk.get_by_role("button", name="Reset").click()
        tall = talk.evaluate(height)
        assert tall <= 1.5 * 844, width
        for head in ("1", "3", ""):
            talk.get_by_label("Head").select_option(head)
            answers(talk).press("End")
            for power in ("-4", "1.25", "4", "0"):
                talk.get_by_label("Scale of the logits").fill(power)
                token_map(talk).press("ArrowRight")
                assert talk.evaluate(height) == tall, (width, head, power)
