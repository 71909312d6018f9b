"""The real network explorer's widget: what is stored for its page, how it is reduced, and a reader's own photograph."""

import base64
import functools
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import traitlets

from patchwork._offsets import offset_places
from patchwork.explorers import site
from patchwork.explorers.common import encoding, modules
from patchwork.explorers.real_network import RealNetworkExplorer, parts, reduction, widget
from patchwork.explorers.real_network.look import LIMITS
from patchwork.pretrained import PretrainedViT, load_vit

PICTURES = list(LIMITS["starts"])
SCRIPT = Path(__file__).parents[2] / "book" / "reduce_real_network.py"


@functools.cache
def packaged():
    return load_vit("dinov2-small-packaged", device="cpu")


@functools.cache
def small_model():
    """A network of twelve layers of six heads, whose weights are random."""
    from transformers import Dinov2Config, Dinov2Model

    sizes = {"hidden_size": 24, "num_hidden_layers": 12, "num_attention_heads": 6, "image_size": 224, "patch_size": 14}
    torch.manual_seed(0)
    backbone = Dinov2Model(Dinov2Config(**sizes, attn_implementation="eager")).eval()
    return PretrainedViT(backbone, image_mean=(0.5, 0.5, 0.5), image_std=(0.5, 0.5, 0.5))


def photograph(side=224):
    return encoding.encode_photo(torch.rand(3, side, side, generator=torch.Generator().manual_seed(0)))


# Reduction.


def test_columns_are_kept_to_half_a_step(rng):
    matrix, step = 9 * torch.randn(rng.randint(1, 50), rng.randint(1, 8), dtype=torch.float64), 10 ** rng.uniform(-2, 1)
    read = reduction.unpack(reduction.pack(matrix, step), len(matrix))
    assert (read - matrix).abs().max() <= step / 2 + 1e-9


@pytest.mark.parametrize(("matrix", "step"), [(torch.ones(2, 2), 0), (torch.ones(2, 2), 1e-6), (torch.ones(2), 1.0)])
def test_what_can_not_be_packed_is_refused(matrix, step):
    with pytest.raises(ValueError, match=r"step|column|matrix"):
        reduction.pack(matrix, step)


def test_offsets_count_the_steps_between_patches(rng):
    rows, columns = rng.randint(1, 6), rng.randint(1, 6)
    found = offset_places((rows, columns))
    for one in range(rows * columns):
        for other in range(rows * columns):
            down, right = other // columns - one // columns, other % columns - one % columns
            assert found[one, other] == (down + rows - 1) * (2 * columns - 1) + right + columns - 1


def test_the_likeness_is_numpys_correlation(rng):
    one, other = torch.rand(2, 8, 8, dtype=torch.float64)
    rows = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(one, other, strict=True)]
    assert reduction.map_fit(one, other) == pytest.approx([sum(rows).item() / 8, min(rows).item()], abs=1e-4)


def test_heads_that_see_offsets_keys_and_few_directions_are_fitted(generator):
    """What is made of just these three is found again."""
    grid, number = (6, 6), 36
    shares = torch.randn(2, 121, generator=generator, dtype=torch.float64)[:, offset_places(grid)]
    left, right = torch.randn(2, 2, number, 3, generator=generator, dtype=torch.float64)
    logits = shares + torch.randn(2, 1, number, generator=generator, dtype=torch.float64) + left @ right.mT
    code = reduction.reduce_heads(logits, torch.eye(number).double().expand(2, -1, -1) * number**0.5, grid)
    for head, each in enumerate(code):
        whole = logits[head].softmax(1)
        assert reduction.map_fit(whole, reduction.restore_head(each, grid)) == each["fit"]
        assert each["fit"][0] > 0.99


def test_features_take_the_fewest_columns(generator):
    features = torch.randn(64, 3, generator=generator) @ torch.randn(3, 20, generator=generator)
    code = reduction.reduce_features(features)
    assert code["fit"][0] >= 0.99
    assert sum(bits > 0 for bits in code["bits"]) <= 4


def test_whole_heads_are_nearly_exact(generator):
    queries, keys = 3 * torch.randn(2, 6, 16, 8, generator=generator, dtype=torch.float64)
    for code in reduction.exact_heads(queries, keys, (4, 4)):
        assert code["fit"][1] > 0.999


# What is stored.


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_and_true(name):
    part = parts.stored(name)
    heads = [parts.stored(f"{name}-{layer}") for layer in range(1, 13)]
    assert len(json.dumps(part)) < 150_000
    assert max(len(json.dumps(each)) for each in heads) < 60_000
    assert len(part["features"]) == 13
    assert all(code["fit"][0] >= 0.99 for code in part["features"])
    means = [code["fit"][0] for layer in heads for code in layer]
    assert len(means) == 72
    assert sum(means) / 72 > 0.99
    assert min(means) > 0.985


@functools.cache
def read_again(name):
    spec = importlib.util.spec_from_file_location("reduce_real_network", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    image, labels = script.picture(name, 14)
    return image, labels, packaged().read(image)


@pytest.mark.parametrize(("name", "layer"), [("chelsea", 8), ("mosaic", 3)])
def test_the_model_gives_what_is_stored(name, layer):
    image, labels, reading = read_again(name)
    part, codes = parts.stored(name), parts.stored(f"{name}-{layer}")
    assert part["labels"] == (None if labels is None else labels.tolist())
    assert (encoding.decode_photo(part["photo"]) - image).abs().mean() < 0.03
    for depth, code in enumerate(part["features"]):
        units = torch.nn.functional.normalize(reading.patch_features(depth), dim=1)
        told = reduction.map_fit(units @ units.T, reduction.restore_features(code, 256), own=False)
        assert told == pytest.approx(code["fit"], abs=0.002)
    for head, code in enumerate(codes):
        told = reduction.map_fit(reading.relation(layer - 1, head=head), reduction.restore_head(code, (16, 16)))
        assert told == pytest.approx(code["fit"], abs=0.002)


def test_the_curve_is_the_models():
    _, labels, reading = read_again("mosaic")
    curves = parts.stored("mosaic")["curves"]
    bytes_ = torch.frombuffer(bytearray(base64.b64decode(curves["data"])), dtype=torch.uint8)
    found = curves["low"] + bytes_.view(12, 6, 256).double() / 255 * (curves["high"] - curves["low"])
    expected = parts._curve(reading.relation(4, head=2), (16, 16), labels)
    assert (found[4, 2] - expected).abs().max() < 0.01


# The widget.


def test_its_numbers_follow_from_the_map(reading):
    reading.head, reading.depth, reading.selected = 3, 5, 40
    row, away = reading.weights, parts.distances((16, 16))[40]
    assert row.sum().item() == pytest.approx(1)
    assert reading.reach == pytest.approx((row * away).sum().item())
    assert reading.entropy == pytest.approx(-(row * row.log2()).sum().item())
    assert (reading.mean_cosine, reading.score) == (None, None)
    reading.head = None
    order = [patch for patch in reading.weights.argsort(descending=True).tolist() if patch != 40]
    assert reading.reach == pytest.approx(away[order[:25]].mean().item())
    assert reading.curve[5] == pytest.approx(reading.reach)
    assert reading.entropy is None
    assert reading.likeness[0] > 0.99


def test_depth_0_has_no_heads(reading):
    reading.head, reading.depth = 3, 0
    assert reading.entropy is None
    assert "features at depth 0" in reading.alt()


def test_on_a_mosaic_the_score_rises_with_depth():
    explorer = RealNetworkExplorer(photo="mosaic")
    assert explorer.curve[0] < 0.75
    assert explorer.score > 0.85
    assert explorer.curve[8] == explorer.score
    assert "AUC" in explorer.alt()


def test_picture_and_words_follow_every_setting(reading):
    for name, value in {"depth": 3, "head": 2, "selected": 7, "photo": "mosaic"}.items():
        before = reading.picture().tobytes(), reading.alt()
        setattr(reading, name, value)
        assert reading.picture().tobytes() != before[0]
        assert reading.alt() != before[1]


def test_the_site_lays_the_parts_beside_its_script(tmp_path):
    config = SimpleNamespace(html_static_path=[])
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(builder=builder, doctreedir=tmp_path, config=config, add_css_file=lambda *_, **__: None)
    site.write_assets(app)
    [static] = map(Path, config.html_static_path)
    assert (static / "patchwork-explorers.js").is_file()
    assert {each.stem for each in (static / "patchwork-parts" / "real_network").iterdir()} == {
        *PICTURES,
        *(f"{name}-{layer}" for name in PICTURES for layer in range(1, 13)),
    }


def test_every_part_is_a_script_beside_the_page():
    texts = modules.page_parts()
    assert {f"patchwork-parts/real_network/{name}.js" for name in PICTURES} < set(texts)
    assert texts["patchwork-parts/real_network/coffee-3.js"].startswith(
        'window.__patchwork_modules["parts/real_network/coffee-3"] = [{'
    )


# With a kernel.


def ask(explorer, name, number=1):
    explorer.asked = [name, number]
    return explorer.part


def test_the_page_is_given_the_parts_it_asks_for(reading):
    assert ask(reading, "coffee") == {"name": "coffee", "number": 1, "content": parts.stored("coffee")}
    assert ask(reading, "coffee-3", 2)["content"] == parts.stored("coffee-3")
    assert "error" in ask(reading, "nobody-3", 3)


def test_own_photographs_are_read_by_the_whole_model():
    explorer = RealNetworkExplorer(small_model())
    with pytest.raises(traitlets.TraitError, match="photo must be one of"):
        explorer.photo = "your photo"
    explorer.own = photograph()
    answer = ask(explorer, "your photo")["content"]
    assert min(code["fit"][0] for code in answer["features"]) > 0.999
    heads = ask(explorer, "your photo-4", 2)["content"]
    image, reading = parts.read_own(explorer.own, small_model())
    explorer.photo, explorer.depth, explorer.head, explorer.selected = "your photo", 4, 5, 100
    torch.testing.assert_close(explorer.weights.float(), reading.relation(3, head=5)[100], rtol=0.02, atol=1e-4)
    assert min(code["fit"][0] for code in heads) > 0.999
    assert image.shape == (3, 224, 224)


@pytest.mark.parametrize(
    ("own", "told"),
    [(photograph(64), "224 × 224 pixels, got (64, 64)"), ("no picture", "identify|base64|padding")],
)
def test_what_is_no_such_photograph_is_told_in_one_line(own, told):
    explorer = RealNetworkExplorer(small_model())
    explorer.own = own
    error = ask(explorer, "your photo")["error"]
    assert "\n" not in error
    assert any(each in error for each in told.split("|"))


def test_another_own_photograph_takes_the_first_ones_place():
    explorer = RealNetworkExplorer(small_model(), depth=2)
    assert "no photograph of your own" in ask(explorer, "your photo")["error"]
    explorer.own = photograph()
    explorer.photo = "your photo"
    before = explorer.weights.clone()
    explorer.own = encoding.encode_photo(torch.eye(224).expand(3, -1, -1))
    assert not torch.allclose(explorer.weights, before, atol=1e-3)


def test_a_missing_model_is_told_in_one_line(monkeypatch):
    def missing(name):
        raise ValueError(f"no model {name!r} on this machine: make model")

    monkeypatch.setattr(widget, "load_vit", missing)
    explorer = RealNetworkExplorer()
    explorer.own = photograph()
    assert ask(explorer, "your photo")["error"] == "no model 'dinov2-small-packaged' on this machine: make model"
