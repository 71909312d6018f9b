"""What of a reading is kept, and whom patches may attend to: held against transformers, and plain float64."""

import gc
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
import transformers
from vits import FAMILY, SCALES_WHEN_TOLD, SIZES, random_model

from patchwork import pretrained
from patchwork.pretrained import PretrainedViT, Reading
from patchwork.windows import window_relation

GRAY = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}
LAYERS = SIZES["num_hidden_layers"]
GRID = (3, 4)
assert_close = partial(torch.testing.assert_close, atol=3e-4, rtol=1e-3)  # fused and plain sums differ; three layers
families = pytest.mark.parametrize("name", FAMILY)


@pytest.fixture
def image(generator):
    return torch.rand(3, 8 * GRID[0], 8 * GRID[1], generator=generator)


@pytest.fixture
def model(seed):
    return vit("dinov2")


def vit(name):
    return PretrainedViT(random_model(name), **GRAY)


def run(model, image, name, **told):
    """The backbone itself, on the same pixels."""
    told |= {"interpolate_pos_encoding": True} if name in SCALES_WHEN_TOLD else {}
    with torch.no_grad():
        return model.backbone((image[None] - 0.5) / 0.5, **told)


@families
def test_tokens_are_the_hidden_states_of_each_depth(image, name, seed):
    model = vit(name)
    expected = run(model, image, name, output_hidden_states=True)
    reading = model.read(image)
    assert len(reading.tokens) == len(expected.hidden_states) == LAYERS + 1
    for depth, (ours, state) in enumerate(zip(reading.tokens, expected.hidden_states, strict=True)):
        assert_close(ours, state[0])
        assert_close(reading.patch_features(depth), state[0, reading.prefix :])
    assert_close(reading.patch_features(-1), reading.patch_features(LAYERS))
    with torch.no_grad():
        normalized = next(module for name, module in model.backbone.named_children() if name in ("layernorm", "norm"))(
            reading.tokens[-1]
        )
    assert_close(reading.features, normalized[reading.prefix :])


@families
def test_queries_and_keys_reproduce_the_weights(image, name, seed):
    reading = vit(name).read(image)
    tokens, width = reading.prefix + GRID[0] * GRID[1], SIZES["hidden_size"] // SIZES["num_attention_heads"]
    for weights, queries, keys in zip(reading.weights, reading.queries, reading.keys, strict=True):
        assert queries.shape == keys.shape == (2, tokens, width)
        expected = (queries.double() @ keys.double().mT / width**0.5).softmax(-1)
        assert_close(weights[0].double(), expected)


@families
def test_queries_keys_and_values_are_what_the_projections_give(image, name, seed):
    model, given = vit(name), {"q": [], "k": [], "v": []}
    for path, module in model.backbone.named_modules():
        part = path.rpartition(".")[2]
        if part in ("q_proj", "k_proj", "v_proj", "query", "key", "value"):
            module.register_forward_hook(lambda _, __, output, to=given[part[0]]: to.append(output[0]))
    reading = model.read(image)
    kinds = {"v": reading.values} | ({} if name == "dinov3" else {"q": reading.queries, "k": reading.keys})
    for kind, parts in kinds.items():  # DINOv3 turns queries and keys by their place
        for part, expected in zip(parts, given[kind], strict=True):
            assert_close(part.transpose(0, 1).flatten(1), expected)


def same(kept, everything, chosen):
    for place, (ours, expected) in enumerate(zip(kept, everything, strict=True)):
        assert (ours is not None) == (place in chosen), place
        if ours is not None:
            assert_close(ours, expected)


@pytest.mark.parametrize(
    ("layers", "depths"),
    [
        ((), ()),
        ([1], [0]),
        ({0, 2}, range(1, 3)),
        ([-1], [-1, 0]),
        ([-3, 0, 0], np.array([2])),
        (torch.tensor([2]), dict.fromkeys((1, 3)).keys()),
        (None, ()),
        ((), None),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["vit", "dinov3"])
def test_kept_is_what_was_asked_for_and_no_more(image, name, layers, depths, seed):
    depths = None if depths is None else list(depths)
    model = vit(name)
    everything, reading = model.read(image), model.read(image, layers=layers, depths=depths)
    layers = {int(each) % LAYERS for each in (range(LAYERS) if layers is None else layers)}
    depths = {int(each) % (LAYERS + 1) for each in (range(LAYERS + 1) if depths is None else depths)}
    for part in ("weights", "queries", "keys", "values"):
        same(getattr(reading, part), getattr(everything, part), layers)
    same(reading.tokens, everything.tokens, depths)
    assert_close(reading.features, everything.features)
    assert (reading.grid, reading.prefix) == (everything.grid, everything.prefix)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"layers": [3]}, "layers must be a whole number from -3 to 2, got 3"),
        ({"layers": [0, -4]}, "layers must be a whole number from -3 to 2, got -4"),
        ({"layers": [0.0]}, "layers must be a whole number from -3 to 2, got 0.0"),
        ({"layers": [True]}, "layers must be a whole number from -3 to 2, got True"),
        ({"layers": [None]}, "layers must be a whole number from -3 to 2, got None"),
        ({"layers": [[1]]}, "layers must be a whole number from -3 to 2, got [1]"),
        ({"layers": 1}, "layers must be whole numbers from -3 to 2, or None for all, got 1"),
        ({"layers": torch.tensor(1)}, "layers must be whole numbers from -3 to 2, or None for all, got tensor(1)"),
        ({"layers": "12"}, "layers must be whole numbers from -3 to 2, or None for all, got '12'"),
        ({"layers": b"1"}, "layers must be whole numbers from -3 to 2, or None for all, got b'1'"),
        ({"layers": ["1"]}, "layers must be a whole number from -3 to 2, got '1'"),
        ({"depths": [4]}, "depths must be a whole number from -4 to 3, got 4"),
        ({"depths": [-5]}, "depths must be a whole number from -4 to 3, got -5"),
        ({"depths": "last"}, "depths must be whole numbers from -4 to 3, or None for all, got 'last'"),
        ({"depths": 0}, "depths must be whole numbers from -4 to 3, or None for all, got 0"),
    ],
    ids=str,
)
def test_layers_and_depths_that_there_are_not(model, image, asked, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.read(image, **asked)


def test_what_was_not_kept_is_said(model, image):
    reading = model.read(image, layers=[1], depths=[2])
    assert reading.relation(1).shape == (12, 12)
    assert reading.patch_features(2).shape == (12, 16)
    for call, message in (
        (lambda: reading.relation(0), "layer 0 was not kept; ask for it: read(image, layers=[0])"),
        (lambda: reading.attention_map(-1), "layer -1 was not kept; ask for it: read(image, layers=[-1])"),
        (lambda: reading.patch_features(3), "depth 3 was not kept; ask for it: read(image, depths=[3])"),
        (lambda: reading.patch_features(4), "depth must be a whole number from -4 to 3, got 4"),
        (lambda: Reading([], torch.zeros(6, 4), (2, 3), 1).patch_features(0), "depth 0 was not kept; ask for it: "),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            call()


# masks


def masked_by_hand(monkeypatch, model, image, name, masks):
    """The backbone with masks (T, T), or None, layer by layer, in float64 → weights of each layer, features, tokens."""
    weights = []

    def attend(module, query, key, value, attention_mask=None, **_):
        scores = query.double() @ key.double().mT / query.shape[-1] ** 0.5
        if masks[len(weights)] is not None:
            scores = scores.masked_fill(~masks[len(weights)], -torch.inf)
        weights.append(scores.softmax(-1))
        return (weights[-1] @ value.double()).transpose(1, 2).to(value.dtype), None

    transformers.AttentionInterface.register("by hand", attend)
    monkeypatch.setattr(model.backbone.config, "_attn_implementation", "by hand")
    output = run(model, image, name, output_hidden_states=True)
    monkeypatch.undo()
    return weights, output.last_hidden_state[0], output.hidden_states


def over_tokens(mask, prefix):
    return None if mask is None else torch.nn.functional.pad(mask, (prefix, 0, prefix, 0), value=True)


def random_mask(generator):
    return torch.rand(12, 12, generator=generator) < 0.4


@pytest.mark.parametrize("kind", ["one", "list", "some", "tuple of windows", "nobody", "everybody"])
@families
def test_masks_say_which_patches_may_attend(monkeypatch, image, name, kind, generator):
    model, one = vit(name), random_mask(generator)
    mask = {
        "one": one,
        "list": [random_mask(generator) for _ in range(LAYERS)],
        "some": [None, one, None],
        "tuple of windows": tuple(window_relation(GRID, 2, shift=shift) for shift in (0, 1, 0)),
        "nobody": torch.zeros(12, 12, dtype=torch.bool),
        "everybody": torch.ones(12, 12, dtype=torch.bool),
    }[kind]
    each = mask if isinstance(mask, (list, tuple)) else [mask] * LAYERS
    whole = [over_tokens(one, model.prefix) for one in each]
    weights, features, tokens = masked_by_hand(monkeypatch, model, image, name, whole)
    for layers in (None, (), [1]):
        reading = model.read(image, layers=layers, mask=mask)
        assert_close(reading.features, features[reading.prefix :])
        for ours, expected in zip(reading.tokens, tokens, strict=True):
            assert_close(ours, expected[0])
        for ours, expected in zip(reading.weights, weights, strict=True):
            if ours is not None:
                assert_close(ours.double(), expected)
    for ours, may in zip(model.read(image, mask=mask).weights, whole, strict=True):
        if may is not None:
            assert not ours[0, :, ~may].any()
            assert (ours[0, :, : model.prefix] > 0).all()
            assert (ours[0, :, :, : model.prefix] > 0).all()


@families
def test_masks_over_all_tokens_hold_for_the_special_ones_too(monkeypatch, image, name, generator):
    model = vit(name)
    tokens = model.prefix + 12
    mask = torch.rand(tokens, tokens, generator=generator) < 0.5
    mask.fill_diagonal_(True)
    each = [mask, None, random_mask(generator)]
    whole = [mask, None, over_tokens(each[2], model.prefix)]
    weights, features, _ = masked_by_hand(monkeypatch, model, image, name, whole)
    for layers in (None, ()):
        reading = model.read(image, layers=layers, mask=each)
        assert_close(reading.features, features[reading.prefix :])
    reading = model.read(image, mask=each)
    assert_close(reading.weights[0].double(), weights[0])
    assert not reading.weights[0][0, :, ~mask].any()


def test_without_masks_all_attend_to_all(model, image):
    plain = model.read(image)
    for mask in (None, [None] * LAYERS, torch.ones(12, 12, dtype=torch.bool)):
        assert_close(model.read(image, mask=mask).features, plain.features)
    local = model.read(image, mask=window_relation(GRID, 2))
    assert not torch.allclose(local.features, plain.features, atol=0.05)


EVERYBODY = torch.ones(12, 12, dtype=torch.bool)
BOOLEAN = "mask must be boolean, (12, 12) or over all tokens (13, 13), True = may attend"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (EVERYBODY[:11, :11], f"{BOOLEAN}, got torch.bool (11, 11)"),
        (EVERYBODY[:, :6], f"{BOOLEAN}, got torch.bool (12, 6)"),
        (EVERYBODY.float(), f"{BOOLEAN}, got torch.float32 (12, 12)"),
        (EVERYBODY.long(), f"{BOOLEAN}, got torch.int64 (12, 12)"),
        (torch.ones(14, 14).bool(), f"{BOOLEAN}, got torch.bool (14, 14)"),
        (EVERYBODY[None], "mask must have shape (N, N), got (1, 12, 12)"),
        (EVERYBODY[:0], "mask must not be empty: expected (N, N), got (0, 12)"),
        (EVERYBODY.to("meta"), "devices differ: mask on meta, image on cpu"),
        (EVERYBODY.numpy(), "mask must be a tensor (N, N), got ndarray"),
        ("windows", "mask must be a tensor (N, N), got str"),
        ([EVERYBODY] * 2, "mask must be one for all layers or a list of 3, got a list of 2"),
        ([], "mask must be one for all layers or a list of 3, got a list of 0"),
        ([None, EVERYBODY, False], "mask must be a tensor (N, N), got bool"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_masks_that_are_none(model, image, mask, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.read(image, mask=mask)


# memory, errors, threads


def test_the_limit_of_memory_counts_the_layers_that_are_kept(monkeypatch, model, image):
    one_layer = 4 * SIZES["num_attention_heads"] * 12**2
    monkeypatch.setattr(pretrained, "_MOST_BYTES", 2 * one_layer)
    for layers in ((), [0], [0, 2], [1, 1, -2]):
        model.read(image, layers=layers)
    with pytest.raises(ValueError, match=r"^the weights between 3×4 patches in 3 layers would take .*ask for fewer"):
        model.read(image)


def test_nothing_holds_a_reading_that_nobody_holds(model, image):
    reading = model.read(image)
    watched = [weakref.ref(part) for part in (reading.weights[0], reading.keys[1], reading.tokens[2])]
    assert all(each() is not None for each in watched)
    del reading
    gc.collect()
    assert [each() for each in watched] == [None] * 3


def test_after_an_error_inside_the_next_reading_is_as_ever(monkeypatch, model, image):
    expected = model.read(image)

    def fail(*_, **__):
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(pretrained.Attending, "__call__", fail)
        with pytest.raises(MemoryError, match="no room"):
            model.read(image)
    assert model.backbone.config._attn_implementation == "eager"
    assert_close(model.read(image).features, expected.features)
    attentions = run(model, image, "dinov2", output_attentions=True).attentions
    assert_close(expected.weights[1], attentions[1])


def test_threads_that_read_at_once(seed):
    """One table of attention functions serves all models: nobody may get another's."""
    models = [vit(name) for name in ("vit", "dinov2", "dinov2")]
    images = [torch.rand(3, 8 * rows, 32) for rows in (2, 3, 4)]
    tasks = [(model, image, layers) for model in models for image in images for layers in ([0], [1, 2], ())] * 3
    alone = [model.read(image, layers=layers) for model, image, layers in tasks]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda task: task[0].read(task[1], layers=task[2]), tasks))
    for ours, expected in zip(together, alone, strict=True):
        assert_close(ours.features, expected.features)
        same(ours.weights, expected.weights, {place for place, each in enumerate(expected.weights) if each is not None})
