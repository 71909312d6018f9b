"""The answers explorer in Python: one patch is marked."""

import functools
import re

import pytest
import torch
from stored import decoded
from torch import nn

from patchwork import synthesis
from patchwork.explorers.answers import AnswersExplorer, solved
from patchwork.images import load_image
from patchwork.patches import extract_patches, patchify
from patchwork.windows import reach


@functools.cache
def bank():
    return synthesis.texture_features("test")


@functools.cache
def distances(question):
    """The distances to every mark, as the library draws them."""
    scenes = synthesis.marked_textures(torch.zeros(2, 1, 1), 20_000, question=question)
    found = torch.zeros(144, 144, dtype=torch.long)
    found[scenes.marked] = scenes.distances
    return found


def scene_of(seed, question="same"):
    """The library's scene of this seed, with every mark in turn."""
    drawn = synthesis.marked_textures(bank(), 1, generator=torch.Generator().manual_seed(seed))
    by_texture = drawn.labels[0] == drawn.labels[0, drawn.marked[0]]  # of the marked one's texture, so yes
    marks = torch.arange(144)
    labels = by_texture == by_texture[:, None] if question == "same" else marks % 12 > (marks % 12)[:, None]
    features = drawn.features.expand(144, -1, -1)
    return drawn._replace(features=features, marked=marks, labels=labels, distances=distances(question))


@pytest.fixture
def marked(networks, rng):
    """An explorer of a random scene, network and mark, and the library's scene."""
    seed, mark, network = rng.randrange(1000), rng.randrange(144), rng.choice(list(networks))
    return AnswersExplorer({network: networks[network]}, scene=seed, selected=mark), scene_of(seed)


def test_a_scene_is_the_librarys(marked):
    explorer, scene = marked
    torch.testing.assert_close(explorer.features, scene.features[0])
    assert torch.equal(explorer.labels, scene.labels[explorer.selected])
    assert torch.equal(explorer.distances, scene.distances[explorer.selected])
    assert torch.equal(explorer.textures == explorer.textures[explorer.selected], explorer.labels)


def test_the_pixels_are_those_of_the_same_patches(marked):
    """The spectrum of each patch of the picture leads to its features, in the place of the bank where it stands."""
    explorer, _ = marked
    patches = patchify(explorer.image[None], 16)[0]
    halves = [load_image(name, dtype=torch.float64)[:1, :, 256:] for name in ("brick", "grass")]
    pixels = extract_patches(torch.stack(halves), 16, stride=8)
    features = bank()
    for patch, texture, expected in zip(patches, explorer.textures, explorer.features, strict=True):
        at = (pixels[texture] - patch).abs().sum(1).argmin()
        assert torch.equal(pixels[texture, at], patch)
        torch.testing.assert_close(features[texture, at], expected)


def test_the_answers_are_the_networks(marked, networks):
    explorer, scene = marked
    mark, model = explorer.selected, networks[explorer.network]
    with torch.no_grad():
        logits = model(scene.features[:1], scene.marked[mark : mark + 1])[0]
    torch.testing.assert_close(explorer.probabilities.float(), logits.sigmoid(), atol=1e-5, rtol=1e-4)
    clear = logits.abs() > 1e-4
    assert torch.equal(explorer.right[clear], ((logits > 0) == scene.labels[mark])[clear])
    accuracy, _ = synthesis.accuracy_by_distance(model, scene)
    torch.testing.assert_close(explorer.accuracy, accuracy, atol=2e-3, rtol=0)


def test_whom_the_news_reaches_is_the_librarys(networks, rng):
    seed, mark = rng.randrange(1000), rng.randrange(144)
    explorer, scene = AnswersExplorer(networks, scene=seed, selected=mark), scene_of(seed)
    for name, model in networks.items():
        explorer.network = name
        masks = synthesis.relation_masks(model.relation, features=scene.features[0] if name == "knn" else None)
        heard = reach(list(masks))[:, mark]
        assert torch.equal(explorer.reached, heard)
        asked, right = scene.distances[mark] > 0, explorer.right
        expected = tuple((int(right[asked & each].sum()), int((asked & each).sum())) for each in (heard, ~heard))
        assert explorer.counts[name] == expected
        if name == "knn":
            assert explorer.ceiling is None
        else:
            torch.testing.assert_close(explorer.ceiling, synthesis.ceiling(name))


def test_the_left_question_is_put_where_the_library_puts_it():
    models = {"convolution": synthesis.trained("convolution", question="left")}
    explorer, scene = AnswersExplorer(models, question="left", selected=40), scene_of(0, "left")
    assert torch.equal(explorer.labels, scene.labels[40])
    assert torch.equal(explorer.distances, scene.distances[40])
    assert sum(number for _, number in explorer.counts["convolution"]) == (scene.distances[40] > 0).sum()
    torch.testing.assert_close(explorer.ceiling, synthesis.ceiling("convolution", question="left"), equal_nan=True)
    accuracy, _ = synthesis.accuracy_by_distance(models["convolution"], scene)
    torch.testing.assert_close(explorer.accuracy, accuracy, equal_nan=True, atol=2e-3, rtol=0)
    assert "is it in a column left of mine?" in explorer.alt()


def test_without_models_those_of_the_book_answer(monkeypatch):
    monkeypatch.setattr(solved, "_probabilities", lambda model, features: torch.zeros(144, 144))
    assert list(AnswersExplorer()._given) == list(synthesis.RELATIONS)
    assert {model.relation for model in AnswersExplorer(question="left")._given.values()} >= {"convolution"}


def test_pooling_brings_the_news_to_everyone():
    explorer = AnswersExplorer({"pooled": synthesis.trained("grid", pooling=True)}, selected=0)
    assert explorer.reached.all()
    assert explorer.counts["pooled"][1] == (0, 0)
    assert torch.equal(explorer.ceiling, torch.ones(11))
    assert explorer.network == "pooled"
    left = AnswersExplorer({"m": synthesis.RelationNetwork("knn", pooling=True)}, question="left")
    assert left.ceiling.isnan().tolist() == synthesis.ceiling("own", question="left").isnan().tolist()


def test_another_scene_brings_new_answers_and_an_old_one_the_old(answering):
    first = answering.state()
    answering.scene = 7
    state = answering.state()
    assert list(state["scenes"]) == ["7"]
    assert state["scenes"]["7"]["textures"] == answering.textures.tolist() != first["scenes"]["0"]["textures"]
    answering.set_state({"scene": 0, "selected": 3, "network": "knn"})
    assert answering.state()["scenes"] == first["scenes"]
    assert (answering.selected, answering.network) == (3, "knn")


def test_a_new_mark_asks_no_network_again(answering, monkeypatch):
    monkeypatch.setattr(solved, "_probabilities", lambda *_: pytest.fail("a network was asked"))
    before = answering.right
    answering.selected, answering.network, answering.view = 3, "grid", "steps"
    assert not torch.equal(answering.right, before)
    assert answering.picture().size[0] == 740
    assert answering.state()["selected"] == 3


@pytest.mark.parametrize("number", [1, 4, 8, 11])
def test_the_pages_answers_are_rounded_to_what_fits_and_none_is_turned(networks, number):
    names = list(networks)
    explorer = AnswersExplorer({f"{at}": networks[names[at % 4]] for at in range(number)}, scene=5)
    coded = explorer.state()["scenes"]["5"]["networks"]
    bits = {each["answers"]["bits"] for each in coded.values()}
    assert bits == {{1: 8, 4: 8, 8: 4, 11: 3}[number]}
    for name, each in coded.items():
        explorer.network = name
        for mark in (0, 77, 143):
            explorer.selected = mark
            read = decoded(each["answers"])[mark]
            assert (read - explorer.probabilities).abs().max() <= 0.501 / (2 ** bits.copy().pop() - 1)
            assert torch.equal(read > 0.5, explorer.probabilities > 0.5)
    edges = coded[str(names.index("knn"))]["edges"] if number > 3 else None
    if edges:
        explorer.network = str(names.index("knn"))
        assert torch.equal(decoded(edges) > 0.5, synthesis.relation_masks("knn", features=explorer.features)[0])


def test_an_answer_of_exactly_one_half_is_no():
    read = decoded(solved.encode_probabilities(torch.tensor([0.5, 0.5000001, 0.0, 1.0]), 8)) > 0.5
    assert read.tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ({}, {}, "models must be a dict of RelationNetwork by name, not empty; got dict"),
        ([], {}, "models must be a dict of RelationNetwork by name, not empty; got list"),
        ({"": synthesis.RelationNetwork("own")}, {}, "the name of a network must be text, got ''"),
        ({"a": nn.Linear(2, 2)}, {}, "the network 'a' must be a RelationNetwork, got Linear"),
        (None, {"question": "right"}, "question must be one of ['same', 'left'], got 'right'"),
        (dict.fromkeys("abcdefghijklmn", synthesis.RelationNetwork("own")), {}, "use fewer networks"),
    ],
)
def test_what_the_answers_can_not_be_of_is_named(models, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        AnswersExplorer(models, **options)


def test_a_network_keeps_its_mode_and_its_precision():
    model = synthesis.RelationNetwork("grid", pooling=True, dtype=torch.float64).train()
    AnswersExplorer({"own": model})
    assert model.training
    assert model.pool_norm.num_batches_tracked == 0


def test_the_still_picture_follows_mark_and_scene(answering):
    before = answering.picture().tobytes()
    answering.selected = 0
    moved = answering.picture().tobytes()
    answering.scene = 3
    assert len({before, moved, answering.picture().tobytes()}) == 3
