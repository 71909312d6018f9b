"""The attention explorer in Python: who answers, its settings, and what the page gets."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from stored import decoded

from patchwork.attention import attention_weights
from patchwork.explorers.attention import AttentionExplorer, Scene
from patchwork.explorers.common import widget as base
from patchwork.relations import region_mass


def expected_rows(scene, model, block, temperature):
    queries, keys = scene.queries[model][block], scene.keys[model][block]
    logits = queries.double() @ keys.double().mT / queries.shape[-1] ** 0.5 / temperature
    return logits.softmax(-1)


@pytest.mark.parametrize("name", ["mosaic", "digit"])
@pytest.mark.parametrize("model", [None, "untrained", "trained"])
def test_the_answers_are_the_softmax_of_the_settings(scenes, name, model, rng):
    scene = scenes[name]
    blocks, heads, tokens, _ = scene.queries["trained"].shape
    block, head, query = rng.randrange(blocks), rng.choice([None, *range(heads)]), rng.randrange(tokens)
    temperature = 2 ** rng.uniform(-4, 4)
    explorer = AttentionExplorer(
        scenes, scene=name, model=model, block=block, head=head, query=query, temperature=temperature
    )
    rows = expected_rows(scene, model or "trained", block, temperature)
    rows = rows.mean(0) if head is None else rows[head]
    torch.testing.assert_close(explorer.relation.double(), rows, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(explorer.weights.double(), rows[query], atol=1e-5, rtol=1e-3)
    entropy = -(rows[query] * rows[query].clamp(min=1e-300).log()).sum()
    torch.testing.assert_close(explorer.entropy.double(), entropy, atol=1e-4, rtol=1e-3)
    assert explorer.entropy.shape == ()


def test_the_answers_are_the_librarys(asking, scenes):
    queries, keys = scenes["mosaic"].queries["trained"], scenes["mosaic"].keys["trained"]
    torch.testing.assert_close(asking.relation, attention_weights(queries, keys)[0].mean(0))
    asking.temperature = 1 / 8**0.5  # no scaling
    torch.testing.assert_close(asking.relation, attention_weights(queries, keys, scale=1.0)[0].mean(0))


def test_the_region_mass_is_that_of_the_row(asking, scenes):
    labels = scenes["mosaic"].labels
    mass, chance = asking.region_mass
    row = torch.zeros(256, 256).index_copy(0, torch.tensor([asking.query]), asking.weights[None])
    assert (mass, chance) == region_mass(row, labels)
    others = torch.arange(256) != asking.query
    same = labels[others] == labels[asking.query]
    by_hand = asking.weights[others][same].sum() / asking.weights[others].sum()
    torch.testing.assert_close(mass, by_hand)
    torch.testing.assert_close(chance, same.float().mean())


def tiny(labels=None, tokens=4, **parts):
    qk = {"m": torch.randn(1, 1, tokens, 2)}
    return Scene(**{"image": torch.rand(3, 8, 8), "grid": (2, 2), "queries": qk, "keys": qk, "labels": labels, **parts})


def named(model):
    """A scene whose only model has this name."""
    qk = {model: torch.zeros(1, 1, 4, 2)}
    return tiny(queries=qk, keys=qk)


@pytest.mark.parametrize(
    ("labels", "tokens", "query"),
    [
        (None, 4, 0),  # no regions
        ([0, 0, 1, 1], 5, 0),  # the class token
        ([0, 1, 1, 1], 4, 0),  # alone in its region
        ([0, 0, 0, 0], 4, 1),  # one region
    ],
)
def test_where_no_region_is_there_is_no_mass(labels, tokens, query):
    labels = None if labels is None else torch.tensor(labels)
    explorer = AttentionExplorer({"s": tiny(labels, tokens)}, query=query)
    assert explorer.region_mass is None
    assert "region" not in explorer.alt()
    assert explorer.picture().size[0] == 740


def test_a_patch_alone_has_no_mass():
    qk = {"m": torch.zeros(1, 1, 1, 2)}
    alone = Scene(torch.rand(3, 8, 8), (1, 1), qk, qk, torch.tensor([0]))
    assert AttentionExplorer({"s": alone}).region_mass is None


def test_the_mass_of_a_patch_leaves_the_class_token_out():
    labels = torch.tensor([0, 0, 1, 1])
    explorer = AttentionExplorer({"s": tiny(labels, 5)}, query=1)
    row = explorer.weights[1:]
    torch.testing.assert_close(explorer.region_mass[0], row[1] / row[1:].sum())
    torch.testing.assert_close(explorer.region_mass[1], torch.tensor(1 / 3))


def test_the_first_query_is_deep_inside_a_region(asking, scenes):
    row, column = divmod(asking.query, 16)
    labels = scenes["mosaic"].labels.view(16, 16)
    around = labels[row - 2 : row + 3, column - 2 : column + 3]
    assert around.shape == (5, 5)
    assert (around == labels[row, column]).all()
    asking.scene = "digit"
    assert asking.query == 0
    assert AttentionExplorer({"s": tiny()}).query == 3


def test_a_new_scene_keeps_what_it_can(asking):
    asking.head, asking.temperature, asking.model = 3, 2.0, "untrained"
    asking.scene = "digit"
    asking.block, asking.query = 2, 16
    assert repr(asking).endswith("(block=2, head=3, model='untrained', query=16, scene='digit', temperature=2.0)")
    asking.scene = "mosaic"
    assert (asking.block, asking.head, asking.model) == (0, 3, "untrained")
    assert asking.weights.shape == (256,)


def test_a_scene_with_other_models_shows_all_and_with_fewer_blocks_and_heads_the_last_block_and_their_mean(scenes):
    qk = {"m": torch.randn(2, 2, 4, 2)}
    explorer = AttentionExplorer({**scenes, "other": tiny(queries=qk, keys=qk)}, model="trained", scene="digit")
    explorer.block, explorer.head = 2, 3
    explorer.scene = "other"
    assert (explorer.model, explorer.block, explorer.head) == (None, 1, None)


@pytest.mark.parametrize(("name", "value"), [("query", "1"), ("model", ["trained"]), ("scene", ["mosaic"])])
def test_arguments_of_another_kind_are_named(scenes, name, value):
    with pytest.raises(ValueError, match=name):
        AttentionExplorer(scenes, **{name: value})


def test_a_change_of_scene_from_the_page_is_taken_as_it_is(asking):
    asking.set_state({"scene": "digit", "query": 5, "block": 2})
    assert (asking.scene, asking.query, asking.block, asking.weights.shape) == ("digit", 5, 2, (17,))
    before = repr(asking)
    with pytest.raises(traitlets.TraitError):
        asking.set_state({"scene": "mosaic", "query": 300})
    assert repr(asking) == before


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (torch.zeros(3, 8, 8), "scene 's' must be a Scene, got Tensor"),
        (tiny(image=torch.rand(2, 8, 8)), "must have 1 or 3 channels, got 2"),
        (tiny(image=torch.rand(8, 8)), "the image of scene 's' must have shape (C, H, W), got (8, 8)"),
        (tiny(image=torch.full((1, 8, 8), 2.0)), "an image must lie in [0, 1]"),
        (tiny(grid=(2, 0)), "grid (rows, columns) must be a whole number of at least 1, got 0"),
        (tiny(grid=4), "grid must be a pair"),
        (tiny(tokens=3), "scene 's' has 3 tokens, fewer than the 2 × 2 patches of its grid"),
        (tiny(queries={}), "needs queries and keys of the same models, got [] and ['m']"),
        (tiny(keys={"n": torch.zeros(1, 1, 4, 2)}), "of the same models, got ['m'] and ['n']"),
        (tiny(keys=torch.zeros(1, 1, 4, 2)), "of the same models, got ['m'] and Tensor"),
        (named(1), "the name of a model of scene 's' must be text, got 1"),
        (named(""), "the name of a model of scene 's' must be text, got ''"),
        (tiny(keys={"m": torch.zeros(1, 1, 4, 3)}), "one shape, got [(1, 1, 4, 2), (1, 1, 4, 3)]"),
        (tiny(keys={"m": torch.zeros(4, 2)}), "in scene 's' must have shape (blocks, heads, T, d), got (4, 2)"),
        (tiny(keys={"m": torch.zeros(1, 0, 4, 2)}), "must not be empty"),
        (tiny(keys={"m": torch.full((1, 1, 4, 2), torch.nan)}), "must be finite, found 8 numbers that are not"),
        (tiny(keys={"m": torch.zeros(1, 1, 4, 2).long()}), "must hold floating-point numbers, got torch.int64"),
        (tiny(keys={"m": torch.zeros(1, 1, 4, 2).double()}), "dtypes differ"),
        (tiny(torch.zeros(3).long()), "labels of scene 's' must have shape (4,), got (3,)"),
        (tiny(torch.zeros(4)), "labels of scene 's' must be whole numbers, got torch.float32"),
    ],
)  # fmt: skip
def test_a_scene_that_does_not_fit_is_named(scene, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        AttentionExplorer({"s": scene})


@pytest.mark.parametrize("name", [1, "", None])
def test_the_name_of_a_scene_is_text(name):
    with pytest.raises(ValueError, match=f"the name of a scene must be text, got {name!r}"):
        AttentionExplorer({name: tiny()})


def test_a_temperature_of_any_kind():
    assert AttentionExplorer({"s": tiny()}, temperature=np.float32(2)).temperature == 2.0


@pytest.mark.parametrize("scenes", [{}, [tiny()], None])
def test_scenes_come_by_name(scenes):
    with pytest.raises(ValueError, match="scenes must be a dict of Scene by name, not empty; got"):
        AttentionExplorer(scenes)


@pytest.mark.parametrize("name", ["mosaic", "digit"])
def test_the_pages_weights_are_true(asking, scenes, name):
    """Rounded to 12 bits, a weight is off by 0.003 at most, at the usual scale."""
    for model in ("untrained", "trained"):
        parts = asking.scenes[name]["models"][model]
        queries, keys = (decoded(parts[part][0][1]) for part in ("queries", "keys"))
        rounded = (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(-1)
        assert (rounded - expected_rows(scenes[name], model, 0, 1)[1]).abs().max() < 0.003


def test_numbers_are_rounded_more_where_the_page_would_be_too_large(scenes):
    mosaic = scenes["mosaic"]
    larger = {"queries": {}, "keys": {}}
    for part, models in larger.items():
        models |= {name: each.repeat(1, 1, 1, 3)[..., :20] for name, each in getattr(mosaic, part).items()}
    explorer = AttentionExplorer({"mosaic": mosaic._replace(**larger)})
    bits = explorer.scenes["mosaic"]["models"]["trained"]["keys"][0][0]["bits"]
    assert 8 <= bits < 12
    assert len(json.dumps(explorer.state())) <= base.STATE_LIMIT
    largest = {part: {name: each.repeat(2, 2, 1, 1) for name, each in larger[part].items()} for part in larger}
    with pytest.raises(ValueError, match=r"more than 150000: use smaller images, or fewer blocks, heads or dimensions"):
        AttentionExplorer({"mosaic": mosaic._replace(**largest)})


def test_a_small_picture_stays_exact(asking, scenes):
    code = asking.scenes["digit"]
    with Image.open(io.BytesIO(base64.b64decode(code["picture"]))) as picture:
        levels = torch.tensor(list(picture.convert("L").tobytes())).view(8, 8)
    assert code["crisp"]
    assert not asking.scenes["mosaic"]["crisp"]
    assert (levels / 255 - scenes["digit"].image[0]).abs().max() <= 0.501 / 255


@pytest.mark.parametrize("setting", [{"query": 3}, {"head": 1}, {"temperature": 0.25}, {"scene": "digit"}])
def test_the_still_picture_follows_the_settings(asking, setting):
    before, words = asking.picture().tobytes(), asking.alt()
    for name, value in setting.items():
        setattr(asking, name, value)
    assert asking.picture().tobytes() != before
    assert asking.alt() != words


def test_the_words_hold_the_numbers(asking):
    mass, chance = asking.region_mass
    spread, largest = asking.entropy.exp(), asking.weights.max()
    told = f"Trained: {mass:.0%} in its region, chance {chance:.0%}, as if spread over {spread:.0f} of 256, largest"
    assert f"{told} weight {largest:.2g}." in asking.alt()
    asking.scene = "digit"
    assert asking.alt().startswith("Attention of the class token over the picture “digit” as heat, block 0")


def test_registers_are_named_and_drawn():
    explorer = AttentionExplorer({"s": tiny(tokens=7)}, query=2)
    assert "register 2" in explorer.alt()
    assert explorer.picture().size[0] == 740
