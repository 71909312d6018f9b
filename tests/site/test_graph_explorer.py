"""The graph explorer in a real browser, on a page with no kernel."""

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

from patchwork.explorers.graphs import GraphExplorer
from patchwork.explorers.graphs.look import STEPS
from patchwork.explorers.graphs.still import CLUSTERS
from patchwork.images import load_image, texture_mosaic

pytestmark = pytest.mark.browser
VIEWS = ("degrees", "pattern", "clusters", "diffusion")
SLIDERS = {
    "k": ("Neighbors k", int),
    "radius": ("Radius r", lambda radius: round(2 * radius)),
    "bandwidth": ("σ, in medians", lambda bandwidth: 9 if bandwidth is None else round(4 * math.log2(bandwidth))),
    "pattern": ("Pattern number", int),
    "clusters": ("Clusters", int),
    "steps": ("Steps", STEPS.index),
}
press_at = partial(pages.press_at, grid=(16, 16))


@pytest.fixture
def page(visit):
    return visit("graphs")


def python(photo="mosaic", **settings):
    """What the library finds of the page's pictures."""
    return replace(first_look(photo), **settings)


@cache
def first_look(photo):
    mosaic = texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))
    return GraphExplorer({"mosaic": mosaic, "coffee": load_image("coffee", size=256)}, photo=photo).look


# what the page says


def picture(page):
    return page.get_by_role("slider", name="Chosen patch")


def shown(page):
    return page.locator(".pw-view > canvas").first


def settled(page):
    page.wait_for_selector(".pw-explorer:not([data-busy])", state="attached")


def slide(page, name, value):
    label, place = SLIDERS[name]
    page.get_by_label(label, exact=True).fill(str(place(value)))


def number(text):
    return float(text.replace("−", "-").replace("\u202f", ""))


def numbers(text):
    return [number(each) for each in re.findall(r"−?\d+(?:\.\d+)?", text.replace("\u202f", ""))]


def chosen(page):
    return int(re.match(r"Patch (\d+)", sentence(page))[1])


def sizes(page):
    return [int(each) for each in numbers(page.locator(".pw-view > canvas").last.get_attribute("aria-label"))]


@pytest.mark.parametrize("over", ["http", "file"])
def test_graphs_mount_and_answer(visit, over):
    page = visit("graphs", over=over)
    assert chosen(page) == python().selected
    press_at(picture(page), 5, 9)
    assert chosen(page) == 5 * 16 + 9
    picture(page).press("ArrowDown")
    assert chosen(page) == 6 * 16 + 9
    press_at(shown(page), 2, 3)
    assert chosen(page) == 35


def test_the_first_view_teaches_that_edges_find_regions(page):
    score = numbers(sentence(page, "shown"))[2]
    assert score > 0.6
    assert sentence(page, "shown").startswith(
        "3 clusters; 5 % of the weight lies between them.".replace(" %", "\u202f%")
    )
    assert score == pytest.approx(python().score, abs=0.0051)


def set_up(page, rng, **fixed):
    """Choose at random → the same in Python."""
    settings = {
        "photo": rng.choice(["mosaic", "coffee"]),
        "feature": rng.choice(["pixels", "gradient energy", "spectrum"]),
        "graph": rng.choice(["nearest", "grid", "radius"]),
        "k": rng.randint(3, 15),
        "radius": rng.choice([1, 1.5, 2, 2.5, 3, 3.5, 4]),
        "bandwidth": rng.choice([2**0.25, 2**0.5, 2, 4]),
        "view": rng.choice(VIEWS),
        "pattern": rng.randint(1, 12),
        "clusters": rng.randint(2, 8),
        "steps": rng.choice(STEPS),
        "selected": rng.randrange(256),
    } | fixed
    for name, label in {"photo": "Photograph", "feature": "Feature", "graph": "Edges to", "view": "Show"}.items():
        select(page, label).select_option(settings[name])
    unused = {"nearest": {"radius"}, "radius": {"k"}, "grid": {"k", "radius"}}[settings["graph"]]
    unused |= {"pattern", "clusters", "steps"} - {"diffusion": {"clusters", "steps"}}.get(
        settings["view"], {settings["view"]}
    )
    settled(page)
    for name in SLIDERS.keys() - unused:
        slide(page, name, settings[name])
    press_at(picture(page), *divmod(settings["selected"], 16))
    page.mouse.move(0, 0)
    settled(page)
    return python(**settings)


def check_graph(page, expected):
    place, told = sentence(page), numbers(sentence(page, "graph"))
    edges, degree = expected.edges.sum(1), expected.degrees[expected.selected]
    found = re.match(r".*: (\d+) edges?, degree ([\d.]+)\. Most edges: patch (\d+), (\d+)\.", place)
    assert (int(found[1]), int(found[3]), int(found[4])) == (edges[expected.selected], edges.argmax(), edges.max())
    assert float(found[2]) == pytest.approx(degree.item(), abs=0.0051)
    assert told[:3] == [256, edges.sum() / 2, expected.components]
    if expected.bandwidth is None:
        assert sentence(page, "graph").endswith("All edges weigh 1.")
    else:
        assert told[3:] == pytest.approx([expected.sigma, expected.bandwidth], abs=0.051)


def test_every_number_of_the_graph_is_the_librarys(page, rng):
    for graph in ("nearest", "grid", "radius") * 2:
        expected = set_up(page, rng, graph=graph, view="degrees")
        check_graph(page, expected)
        told = numbers(sentence(page, "shown"))
        degrees = expected.degrees
        ends = [degrees.min().item(), degrees.max().item(), degrees[expected.selected].item()]
        assert [told[0], told[1], told[3]] == pytest.approx(ends, abs=0.0051)
        assert degrees[int(told[2])].item() == pytest.approx(ends[1])
        tied = expected.adjacency[expected.selected]
        for patch in (tied.argmax().item(), int((expected.edges[expected.selected] == 0).nonzero()[-1])):
            press_at(picture(page), *divmod(patch, 16), act="hover")
            text = sentence(page, "told")
            assert text.startswith(f"Patch {patch} (row {patch // 16}, column {patch % 16}): ")
            assert text.endswith(f"; degree {degrees[patch]:.2f}.")
            if tied[patch]:
                assert numbers(text)[3] == pytest.approx(tied[patch].item(), abs=0.00051)
            else:
                assert "no edge to patch" in text or patch == expected.selected


def gap_after(values, place):
    return (values[place] - values[place - 1]).item() if place < len(values) else 0


def test_every_number_of_patterns_and_clusters_is_the_librarys(page, rng):
    for view in ("pattern", "clusters") * 3:
        expected = set_up(page, rng, view=view)
        values = expected.eigenvalues
        check_graph(page, expected)
        gaps = values.diff()
        widest = re.search(r"follows number (\d+)", sentence(page, "chart"))
        assert int(widest[1]) == gaps.argmax() + 1 if widest else values[-1] < 1e-9
        if view == "pattern":
            told, place = numbers(sentence(page, "shown")), expected.pattern
            assert told[1] == pytest.approx(values[place - 1].item(), abs=0.00051)
            alone = min(gap_after(values, place), gap_after(values, place - 1) if place > 1 else 1) > 1e-6
            if place > expected.components and alone:
                pattern = expected.patterns[expected.selected, place - 1].item()
                assert told[2] == pytest.approx(pattern, abs=0.00051)
        elif gap_after(values, expected.clusters) > 1e-6:
            labels = expected.cluster_labels
            assert sizes(page) == labels.bincount().tolist()
            cut = expected.adjacency[labels[:, None] != labels].sum() / expected.adjacency.sum()
            told = numbers(sentence(page, "shown"))
            assert told[:2] == [len(sizes(page)), pytest.approx(100 * cut.item(), abs=0.51)]
            if expected.regions is not None:
                assert told[2] == pytest.approx(expected.score, abs=0.0051)


def test_every_number_of_the_diffusion_is_the_librarys(page, rng):
    for photo in ("mosaic", "coffee"):
        expected = set_up(page, rng, view="diffusion", photo=photo, graph="grid", bandwidth=2**0.5, feature="spectrum")
        spread, curve = expected.spread, expected.curve
        told = numbers(sentence(page, "shown"))
        assert told[:2] == [expected.steps, expected.selected]
        entropy = torch.special.entr(spread).sum().exp().item()
        assert told[2] == pytest.approx(entropy, abs=0.51)
        ends = [curve[expected.steps], expected.steps, curve[256], 256]
        if photo == "mosaic":
            own = expected.regions == expected.regions[expected.selected]
            shares = [100 * spread[own].sum().item(), 100 * own.double().mean().item()]
            assert told[4:] == pytest.approx(shares, abs=0.51)
            ends = [expected.clusters, curve[0], *ends]
        else:
            assert told[4] == pytest.approx(100 * spread[expected.selected].item(), abs=0.51)
        assert numbers(sentence(page, "chart")) == pytest.approx(ends, abs=0.0051)


def test_too_many_steps_run_over_everything(page):
    select(page, "Edges to").select_option("grid")
    select(page, "Show").select_option("diffusion")
    slide(page, "bandwidth", 1)
    scores = []
    for steps in (0, 2, 256):
        slide(page, "steps", steps)
        settled(page)
        scores.append(numbers(sentence(page, "chart"))[2])
    assert scores[1] > max(scores[0], scores[2]) + 0.2


def test_a_slider_of_another_view_is_not_there(page):
    used = {
        "nearest": {"k"}, "radius": {"radius"}, "grid": {"radius"},
        "degrees": set(), "pattern": {"pattern"}, "clusters": {"clusters"}, "diffusion": {"clusters", "steps"},
    }  # fmt: skip
    for graph in ("nearest", "grid", "radius"):
        for view in VIEWS:
            select(page, "Edges to").select_option(graph)
            select(page, "Show").select_option(view)
            settled(page)
            visible = {
                name for name, (label, _) in SLIDERS.items() if page.get_by_label(label, exact=True).is_visible()
            }
            assert visible == {"bandwidth"} | used[graph] | used[view]
    select(page, "Edges to").select_option("grid")
    settled(page)
    assert page.get_by_label("Radius r").is_disabled()
    assert page.locator(".pw-range b").nth(1).inner_text() == "1"


def test_pieces_are_counted(page):
    select(page, "Feature").select_option("mean color")
    select(page, "Edges to").select_option("nearest")
    slide(page, "k", 1)
    settled(page)
    expected = python(feature="mean color", graph="nearest", k=1)
    assert expected.components > 12
    assert numbers(sentence(page, "graph"))[2] == expected.components
    assert sentence(page, "chart").endswith(f"All are 0, for there are {expected.components} components.")
    select(page, "Show").select_option("pattern")
    settled(page)
    assert sentence(page, "shown").endswith("The pattern is constant on one component and 0 elsewhere.")
    assert sentence(page, "shown").startswith("Eigenvalue 2 of the Laplacian is 0.000.")


def test_a_picture_of_one_color_has_a_graph_too(page):
    upload_own(page, picture_file(color=(90, 90, 90)))
    settled(page)
    assert "No regions are known here" in sentence(page, "shown")
    select(page, "Show").select_option("diffusion")
    settled(page)
    assert (
        sentence(page, "chart") == "Mean length of an edge, against what it was before: – after 4 steps, – after 256."
    )
    select(page, "Edges to").select_option("nearest")
    for view in VIEWS:
        select(page, "Show").select_option(view)
        settled(page)
        assert "NaN" not in page.locator(".pw-explorer").inner_text()


# slices


def test_the_page_answers_while_the_diffusion_is_found(page):
    select(page, "Show").select_option("diffusion")
    assert sentence(page, "chart").endswith(", … after 256.")
    picture(page).press("Home")
    assert chosen(page) == 0
    settled(page)
    assert numbers(sentence(page, "chart"))[1] == pytest.approx(python().curve[0], abs=0.0051)


def test_while_a_slider_moves_the_graph_follows_and_the_last_place_counts(page):
    """Faster than patterns are found."""
    seen = page.get_by_label("Radius r").evaluate("""async (slider) => {
        const seen = new Set();
        for (let turn = 0; turn < 60; turn++) {
            slider.value = turn < 59 ? 2 + (turn % 6) : 8;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((done) => setTimeout(done, 2));
            seen.add(document.querySelector(".pw-graph").textContent);
        }
        return [...seen];
    }""")
    assert len(seen) > 3
    settled(page)
    assert page.get_by_label("Radius r").input_value() == "8"
    expected = python(radius=4)
    check_graph(page, expected)
    assert sizes(page) == expected.cluster_labels.bincount().tolist()


# the drawings


def test_clusters_patterns_and_heat_have_their_colors(page, rng):
    light = (
        torch.tensor([[row, column] for row in range(16) for column in range(16)]) - torch.tensor([7, 12])
    ).abs().sum(1) > 3
    expected = python()
    gray = expected.pixels.view(16, 16, 16, 16).transpose(1, 2)[:, :, 7:9, 7:9].mean((-1, -2)).flatten()
    tones = torch.tensor([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in CLUSTERS]).double()

    def check(layer):
        found = colors(page, shown(page), centers(16, 16))
        mixed = 0.66 * layer + 0.34 * 255 * gray[:, None]
        assert (found - mixed)[light].abs().max() < 25
        assert (found - mixed)[light].abs().mean() < 5

    check(tones[expected.cluster_labels])
    select(page, "Show").select_option("degrees")
    settled(page)
    heat = mpl.colormaps["cividis"]((expected.degrees / expected.degrees.max()).numpy(), bytes=True)[:, :3]
    check(torch.tensor(heat).double())
    select(page, "Show").select_option("pattern")
    settled(page)
    share = (expected.patterns[:, 1] / expected.patterns[:, 1].abs().max())[:, None]
    full = torch.where(share > 0, torch.tensor([178, 24, 43]), torch.tensor([33, 102, 172]))
    check(255 + share.abs() * (full - 255))


def test_edges_are_drawn_where_they_are(page):
    """Between two patches one above the other in a grid, brighter the more they are alike."""
    select(page, "Edges to").select_option("grid")
    settled(page)
    expected = python(graph="grid").adjacency
    spots = [((column + 0.5) / 16, (row + 1) / 16) for row in range(15) for column in range(16)]
    found = colors(page, picture(page), spots).sum(1)
    weights = torch.stack([expected[at, at + 16] for at in range(240)])
    clear = torch.tensor([abs(at // 16 - 7) + abs(at % 16 - 12) > 2 for at in range(240)])
    order = weights[clear].argsort()
    assert found[clear][order[-40:]].mean() > found[clear][order[:60]].mean() + 120


def test_the_chosen_patchs_edges_stand_out(page):
    select(page, "Edges to").select_option("nearest")
    settled(page)
    press_at(picture(page), 12, 3)
    page.mouse.move(0, 0)
    own = python(graph="nearest", selected=12 * 16 + 3).edges[12 * 16 + 3].nonzero().flatten().tolist()
    middle = torch.tensor([3.5, 12.5])
    spots = []
    for patch in own:
        end = torch.tensor([patch % 16 + 0.5, patch // 16 + 0.5])
        spots += [tuple(((middle + part * (end - middle)) / 16).tolist()) for part in (0.45, 0.5, 0.55, 0.6)]
    red, green, blue = colors(page, picture(page), spots).T
    accent = ((red - 200).abs() < 45) & ((green - 64).abs() < 60) & ((blue - 26).abs() < 60)
    assert accent.view(-1, 4).any(1).double().mean() > 0.7


def test_the_chart_marks_what_is_shown(page):
    chart = page.locator(".pw-spectrum canvas")
    before = pixels(page, chart)
    slide(page, "clusters", 5)
    settled(page)
    changed = pixels(page, chart)
    assert changed != before
    select(page, "Show").select_option("diffusion")
    settled(page)
    assert pixels(page, chart) != changed


# keys, touch, reset


def test_keys_walk_the_nodes(page):
    for key, patch in (("Home", 0), ("ArrowUp", 0), ("ArrowRight", 1), ("ArrowDown", 17), ("End", 255)):
        picture(page).press(key)
        assert chosen(page) == patch
        assert picture(page).get_attribute("aria-valuenow") == str(patch)
        assert picture(page).get_attribute("aria-valuetext") == f"{sentence(page)} {sentence(page, 'shown')}"


def test_a_finger_chooses_a_node_and_a_scroll_does_not(visit):
    page = visit("graphs", width=390, has_touch=True, is_mobile=True)
    press_at(picture(page), 2, 3, act="tap")
    assert chosen(page) == 35
    before = page.evaluate("scrollY")
    swipe(page, 0, -150)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert chosen(page) == 35
    swipe(page, 150, 0)
    assert chosen(page) != 35


def test_reset_brings_the_first_graph_back(page, rng):
    names = ("place", "graph", "shown", "told", "chart")
    seen, before = (
        [sentence(page, name) for name in names],
        [pixels(page, each) for each in (picture(page), shown(page))],
    )
    set_up(page, rng, photo="coffee", view="diffusion", graph="nearest")
    page.get_by_role("button", name="Reset").click()
    settled(page)
    assert [sentence(page, name) for name in names] == seen
    assert [pixels(page, each) for each in (picture(page), shown(page))] == before


def test_ones_own_photo_becomes_a_graph(visit):
    page = visit("graphs oblong")
    assert numbers(sentence(page, "graph"))[0] == 32
    upload_own(page, picture_file(color=(200, 30, 90), middle=(0, 90, 255), size=(100, 300)))
    settled(page)
    assert "No regions are known here" in sentence(page, "shown")
    picture(page).press("End")
    assert chosen(page) == 31


def test_what_a_graph_says_is_heard_once(page):
    assert status(page) == ""
    picture(page).press("ArrowRight")
    slide(page, "clusters", 4)
    settled(page)
    assert status(page) == ""
    told = page.get_by_label("Clusters", exact=True).get_attribute("aria-valuetext")
    assert told == f"Clusters 4. {sentence(page, 'shown')}"
    select(page, "Edges to").focus()
    select(page, "Edges to").select_option("grid")
    settled(page)
    assert status(page) == " ".join(sentence(page, name) for name in ("place", "graph", "shown"))
    select(page, "Show").select_option("diffusion")
    settled(page)
    assert status(page) == sentence(page, "chart")


def test_a_graphs_parts_are_named_and_apart(visit):
    page = both_ready(visit("graphs two"))
    assert page.get_by_role("group", name="Graph explorer").count() == 2
    page.get_by_label("Clusters", exact=True).first.fill("5")
    settled(page)
    assert page.locator(".pw-view .pw-title").all_inner_texts() == ["5 clusters", "3 clusters"]
    labels = [each.get_attribute("aria-label") for each in page.get_by_role("img").all()]
    assert labels[0].startswith("5 clusters. 5 clusters; ")
    assert labels[1].startswith("Clusters of ")
    assert labels[2].startswith("The 12 smallest eigenvalues.")


def test_a_graph_stays_in_its_place(page):
    place = "() => [...document.querySelectorAll('.pw-panel, .pw-slot, .pw-told')].map((each) => each.offsetTop)"
    inside = """() => [...document.querySelectorAll('.pw-explorer p, .pw-range')].every(
        (each) => each.scrollWidth <= each.clientWidth + 1 || getComputedStyle(each).position === 'absolute')"""
    settings = ("mosaic", "nearest", 1), ("mosaic", "grid", 1), ("coffee", "nearest", 15), ("coffee", "radius", 1)
    places = {width: page.evaluate(place) for width in widths_of(page)}
    for photo, graph, k in settings:
        select(page, "Photograph").select_option(photo)
        select(page, "Edges to").select_option(graph)
        if graph == "nearest":
            slide(page, "k", k)
        for view in VIEWS:
            select(page, "Show").select_option(view)
            picture(page).press("End" if view == "pattern" else "ArrowLeft")
            settled(page)
            for width in widths_of(page):
                assert page.evaluate(place) == places[width], (width, photo, graph, view)
                assert page.evaluate(inside), (width, photo, graph, view)
