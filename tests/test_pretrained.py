import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import huggingface_hub
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file
from vits import FAMILY, IMAGENET, SIZES, random_model, theirs

from patchwork.pretrained import PretrainedViT, Reading, load_vit


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path_factory):
    """No test asks the network, or finds what was downloaded to this machine before."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("PATCHWORK_PROGRESS", raising=False)


@pytest.fixture
def save(tmp_path, seed):
    """Save a small random model of a family to a folder, and return both."""

    def save(name="vit", model_class=None):
        model = random_model(name, model_class)
        model.save_pretrained(tmp_path)
        return model, tmp_path

    return save


def assert_equal(reading, attentions, features):
    assert len(reading.weights) == len(attentions) == SIZES["num_hidden_layers"]
    for ours, expected in zip(reading.weights, attentions, strict=True):
        torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(reading.features, features)


@pytest.mark.parametrize("size", [(32, 32), (24, 56), (64, 16)], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_a_reading_is_what_transformers_computes(save, name, size):
    model, folder = save(name)
    image = torch.rand(3, *size)
    reading = load_vit(folder).read(image)
    assert_equal(reading, *theirs(model, image, name))
    assert reading.grid == (size[0] // 8, size[1] // 8)
    assert reading.prefix == FAMILY[name][3]
    patches = reading.grid[0] * reading.grid[1]
    assert reading.features.shape == (patches, 16)
    assert {part.shape for part in reading.weights} == {(1, 2, reading.prefix + patches, reading.prefix + patches)}
    assert not reading.features.requires_grad


def test_the_models_tell_patches_apart(save):
    """Otherwise the equalities above would hold for a model that has forgotten its weights."""
    _, folder = save()
    reading = load_vit(folder).read(torch.rand(3, 32, 32))
    assert reading.weights[0].std() > 0.02
    assert reading.features.std(0).mean() > 0.05


@pytest.mark.parametrize(
    ("name", "classifier", "part"),
    [
        ("vit", transformers.ViTForImageClassification, "vit"),
        ("dinov2", transformers.Dinov2ForImageClassification, "dinov2"),
    ],
)
def test_of_a_classifier_the_head_is_left_out(save, name, classifier, part):
    model, folder = save(name, classifier)
    image = torch.rand(3, 32, 40)
    assert_equal(load_vit(folder).read(image), *theirs(getattr(model, part), image, name))


@pytest.mark.parametrize("name", ["vit", "dinov2"])
def test_weights_under_the_names_of_older_checkpoints(save, name):
    """Most models on the hub were saved before transformers renamed its layers."""
    model, folder = save(name)
    older = {"q_proj": "attention.query", "k_proj": "attention.key", "v_proj": "attention.value"}
    older |= {"o_proj": "output.dense"}
    older |= {"vit": {"layers.": "encoder.layer.", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}}.get(
        name, {}
    )
    renamed = {}
    for key, weight in load_file(folder / "model.safetensors").items():
        for new, old in older.items():
            key = key.replace(new, old)
        renamed[key] = weight
    assert any(key.startswith("encoder.layer.0.attention.attention.query") for key in renamed)
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    image = torch.rand(3, 32, 32)
    assert_equal(load_vit(folder).read(image), *theirs(model, image, name))


def test_weights_in_shards_and_in_half_precision(save):
    model, folder = save()
    model.half().save_pretrained(folder, max_shard_size="10KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    image = torch.rand(3, 32, 32)
    reading = load_vit(str(folder)).read(image)
    assert reading.features.dtype == torch.float32
    assert_equal(reading, *theirs(model.float(), image))


@pytest.mark.parametrize(
    ("size", "grid"),
    [((32, 35), (4, 4)), ((36, 37), (5, 5)), ((8, 100), (1, 13)), ((11, 13), (1, 2))],
    ids=str,
)
def test_a_photo_is_scaled_to_the_nearest_multiple(save, size, grid):
    model, folder = save()
    image = torch.rand(3, *size, dtype=torch.float64)
    fitting = F.interpolate(image[None].float(), (grid[0] * 8, grid[1] * 8), mode="bilinear", antialias=True)[0]
    reading = load_vit(folder).read(image)
    assert reading.grid == grid
    assert_equal(reading, *theirs(model, fitting))


@pytest.mark.parametrize(
    ("stored", "colors"),
    [
        ({"image_mean": [0.5, 0.25, 0.125], "image_std": [0.5, 1, 2]}, ([0.5, 0.25, 0.125], [0.5, 1.0, 2.0])),
        ({"do_normalize": True, "image_mean": [0.5] * 3}, ([0.5] * 3, IMAGENET[1].flatten().tolist())),
        ({"do_normalize": False, "image_mean": [0.5] * 3}, ([0.0] * 3, [1.0] * 3)),
        ({}, [color.flatten().tolist() for color in IMAGENET]),
    ],
    ids=["its own", "its own mean", "none", "unnamed"],
)
def test_colors_are_normalized_as_the_checkpoint_asks(save, stored, colors):
    model, folder = save()
    (folder / "preprocessor_config.json").write_text(json.dumps(stored))
    image = torch.rand(3, 32, 32)
    expected = theirs(model, image, colors=[torch.tensor(color).view(3, 1, 1) for color in colors])
    assert_equal(load_vit(folder).read(image), *expected)


def test_a_mask_over_all_tokens_says_it_for_the_special_ones_too(save, generator):
    _, folder = save("registers")
    ours, image, prefix = load_vit(folder), torch.rand(3, 32, 32, generator=generator), 4
    patches = torch.rand(16, 16, generator=generator) > 0.4
    over_all = torch.rand(20, 20, generator=generator) > 0.4
    over_all.fill_diagonal_(True)
    for weights in ours.read(image, mask=over_all).weights:
        assert torch.equal(weights[0] > 0, over_all.expand(2, -1, -1))
    spread = torch.ones(20, 20, dtype=torch.bool)
    spread[prefix:, prefix:] = patches
    short, long = (ours.read(image, mask=mask) for mask in (patches, spread))
    torch.testing.assert_close(short.features, long.features, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(17, 17), (16, 20), (19, 19)], ids=str)
def test_a_mask_of_no_such_tokens(save, shape):
    _, folder = save("registers")
    message = rf"mask must be boolean, \(16, 16\) or over all tokens \(20, 20\), .* got torch.bool \({shape[0]}, "
    with pytest.raises(ValueError, match=message):
        load_vit(folder).read(torch.rand(3, 32, 32), mask=torch.ones(shape, dtype=torch.bool))


def test_relation_and_map_leave_the_special_tokens_out(generator):
    weights = [torch.rand(1, 2, 8, 8, generator=generator) for _ in range(3)]
    reading = Reading(weights, torch.zeros(6, 4), (2, 3), 2)
    relation = reading.relation(1, head=0)
    expected = weights[1][0, 0, 2:, 2:]
    torch.testing.assert_close(relation, expected / expected.sum(1, keepdim=True))
    mean = weights[-1][0].mean(0)
    torch.testing.assert_close(reading.relation(-1), mean[2:, 2:] / mean[2:, 2:].sum(1, keepdim=True))
    torch.testing.assert_close(reading.attention_map(1, head=0, query=4), relation[4].view(2, 3))
    torch.testing.assert_close(reading.attention_map(-1), (mean[0, 2:] / mean[0, 2:].sum()).view(2, 3))


READING = Reading([torch.full((1, 2, 7, 7), 1 / 7)] * 3, torch.zeros(6, 4), (2, 3), 1)


def test_layer_head_and_patch_are_whole_numbers_of_any_kind():
    chosen = READING.attention_map(np.int64(2), head=torch.tensor(1), query=np.uint8(5))
    torch.testing.assert_close(chosen, torch.full((2, 3), 1 / 6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: READING.relation(3), r"^layer must be a whole number from -3 to 2, got 3$"),
        (lambda: READING.relation(-4), r"^layer must be a whole number from -3 to 2, got -4$"),
        (lambda: READING.relation(None), r"^layer must be a whole number from -3 to 2, got None$"),
        (lambda: READING.relation(1.0), r"^layer must be a whole number from -3 to 2, got 1.0$"),
        (lambda: READING.relation(0, head=2), r"^head must be a whole number from -2 to 1, got 2$"),
        (lambda: READING.attention_map(0, head=True), r"^head must be a whole number from -2 to 1, got True$"),
        (lambda: READING.attention_map(0, query=6), r"^query must be one of the patches 0 … 5, got 6$"),
        (lambda: READING.attention_map(0, query=-1), r"^query must be a whole number of at least 0, got -1$"),
    ],
)
def test_no_such_layer_head_or_patch(call, message):
    with pytest.raises(ValueError, match=message):
        call()


HALF = (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("kind", "training", "mean", "std", "message"),
    [
        ("sdpa", False, HALF, HALF, r"^backbone must have eager attention, which alone shows its weights; got 'sdpa'$"),
        ("eager", True, HALF, HALF, r"^backbone must be in evaluation mode: call its eval\(\)$"),
        ("eager", False, 0.5, HALF, r"^image_mean must be three finite numbers, got 0.5$"),
        ("eager", False, HALF[:2], HALF, r"^image_mean must be three finite numbers, got \(0.5, 0.5\)$"),
        ("eager", False, HALF, (0.5, 0.5, 0), r"^image_std must be three finite numbers above 0, got \(0.5, 0.5, 0\)$"),
    ],
)
def test_a_backbone_or_colors_that_do_not_serve(kind, training, mean, std, message):
    backbone = transformers.ViTModel(transformers.ViTConfig(**SIZES, attn_implementation=kind)).train(training)
    with pytest.raises(ValueError, match=message):
        PretrainedViT(backbone, image_mean=mean, image_std=std)


def test_a_patch_that_attends_to_no_patch_has_zeros():
    weights = torch.zeros(1, 1, 3, 3)
    weights[..., 0] = 1
    reading = Reading([weights], torch.zeros(2, 4), (1, 2), 1)
    assert reading.relation(0).tolist() == [[0, 0], [0, 0]]


def test_repr_and_device(save):
    _, folder = save()
    model = load_vit(folder, device="cpu")
    assert repr(model) == "<PretrainedViT vit: 3 layers of 2 heads, patches of 8×8 pixels>"
    assert not any(module.training for module in model.backbone.modules())
    with torch.device("meta"):
        assert next(load_vit(folder).backbone.parameters()).device.type == "meta"
        model = load_vit(folder, device="cpu")
    assert model.read(torch.rand(3, 32, 32)).features.device.type == "cpu"


def test_verbosity_is_put_back(save):
    _, folder = save()
    logs = transformers.logging, huggingface_hub.utils.logging
    before = [log.get_verbosity() for log in logs]
    try:
        for log in logs:
            log.set_verbosity(log.CRITICAL)
        load_vit(folder)
        with pytest.raises(ValueError, match="no folder"):
            load_vit("no/such/folder")
        assert [log.get_verbosity() for log in logs] == [log.CRITICAL for log in logs]
    finally:
        for log, level in zip(logs, before, strict=True):
            log.set_verbosity(level)
    assert transformers.logging.is_progress_bar_enabled()


OUT_OF_REACH = (
    r"^no model 'facebook/dinov2-small': no such folder, not downloaded yet, and the hub is out of reach; "
    r"connect once, or give a folder with config.json and model.safetensors$"
)


def test_offline_in_one_line():
    with pytest.raises(ValueError, match=OUT_OF_REACH):
        load_vit("facebook/dinov2-small")


@pytest.mark.parametrize("name", [None, 3, "", b""])
def test_no_name(name):
    with pytest.raises(ValueError, match=r"^name_or_folder must be a folder or a model's name, got "):
        load_vit(name)


@pytest.mark.parametrize("name", ["/no/such/folder", "no/such/folder", "..", "a name", "C:\\models\\vit", "~no", "x\n"])
def test_neither_folder_nor_name(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    expected = f"no folder {name!r}, and no name on the hub either: those look like 'facebook/dinov2-small'"
    with pytest.raises(ValueError) as caught:
        load_vit(name if name != ".." else "../no/where")
    assert str(caught.value) == expected.replace("'..'", "'../no/where'")


def test_a_file_is_no_folder(save):
    _, folder = save()
    with pytest.raises(ValueError, match=r"model.safetensors' is a file; give the folder that holds config.json"):
        load_vit(folder / "model.safetensors")


def test_a_folder_in_the_home_folder(save, monkeypatch):
    _, folder = save()
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    assert load_vit(f"~/{folder.name}").layers == 3


def edit(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def truncate(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def drop(folder, ending):
    kept = {key: weight for key, weight in load_file(folder / "model.safetensors").items() if not key.endswith(ending)}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def pickle_only(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def colors(text):
    """A change that writes the file of the colors."""
    return lambda folder: (folder / "preprocessor_config.json").write_text(text)


def spoil(change, message):
    return pytest.param(change, message, id=message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        spoil(lambda f: (f / "config.json").unlink(), r"^the folder '.*' has no config.json$"),
        spoil(
            lambda f: (f / "config.json").write_text("{"), r"^'.*config.json' cannot be read: Expecting property name"
        ),
        spoil(lambda f: (f / "config.json").write_bytes(b"\xff"), r"^'.*config.json' cannot be read: .*can't decode"),
        spoil(lambda f: (f / "config.json").write_text("[1]"), r"config.json' must hold names and values, got a list$"),
        spoil(
            lambda f: edit(f, model_type="swin"), r"is a model of type 'swin', not one of vit, deit, dinov2, dinov2_"
        ),
        spoil(lambda f: edit(f, model_type=None), r"is a model of type None, not one of vit, deit, dinov2, dinov2_"),
        spoil(lambda f: edit(f, num_channels=1), r"reads images of 1 channels, not of 3$"),
        spoil(lambda f: edit(f, patch_size=[8, 8]), r"patch_size must be a whole number of at least 1, got \[8, 8\]"),
        spoil(lambda f: edit(f, hidden_size="wide"), r"^'.*' cannot be loaded: "),
        spoil(lambda f: edit(f, hidden_size=24), r"lacks weights that its config.json asks for: embeddings\."),
        spoil(
            lambda f: edit(f, num_hidden_layers=4),
            r"lacks weights that its config.json asks for: (encoder\.)?layers?\.3\.",
        ),
        spoil(lambda f: drop(f, "cls_token"), r"lacks weights that its config.json asks for: embeddings.cls_token$"),
        spoil(truncate, r"^'.*' cannot be loaded: .*[Ii]ncomplete"),
        spoil(lambda f: (f / "model.safetensors").write_bytes(b""), r"^'.*' cannot be loaded: "),
        spoil(
            lambda f: (f / "model.safetensors").unlink(), r"^'.*' has no model.safetensors; pickled weights can run "
        ),
        spoil(pickle_only, r"^'.*' has no model.safetensors; pickled weights can run code and are not loaded$"),
        spoil(
            colors('{"image_mean": 0.5}'),
            r"^image_mean in '.*' must be three finite numbers, got 0.5$",
        ),
        spoil(
            colors('{"image_mean": [0, 1, NaN]}'),
            r"^image_mean in '.*' must be three finite numbers, got \[0, 1, nan\]$",
        ),
        spoil(
            colors('{"image_std": [0, 0, 0]}'),
            r"^image_std in '.*' must be three finite numbers above 0, got \[0, 0, 0\]$",
        ),
        spoil(
            colors('{"image_std": ["a", 1, 2]}'),
            r"^image_std in '.*' must be three finite numbers above 0, got \['a', 1, 2\]$",
        ),
        spoil(
            colors("?"),
            r"preprocessor_config.json' cannot be read: Expec",
        ),
    ],
)
def test_a_folder_that_is_no_model(save, change, message):
    _, folder = save()
    change(folder)
    with pytest.raises(ValueError, match=message) as caught:
        load_vit(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("package", ["transformers", "huggingface_hub"])
def test_a_missing_package_in_one_line(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=f"^pretrained models need {package}: pip install transformers$"):
        load_vit("facebook/dinov2-small")


@pytest.mark.parametrize("device", ["gpu", "hpu"])
def test_a_device_that_is_none(save, device):
    with pytest.raises(ValueError, match=f"^device .*{device}"):
        load_vit(save()[1], device=device)


IMAGE = torch.full((3, 16, 24), 0.5)


def bad(image, message):
    """One image that is none, and what its error must say."""
    return pytest.param(image, message, id=message)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        bad("photo.jpg", r"image must be a tensor \(3, H, W\), got str"),
        bad(IMAGE[None], r"image must have shape \(3, H, W\), got \(1, 3, 16, 24\)"),
        bad(IMAGE[:0], r"image must not be empty: expected \(3, H, W\), got \(0, 16, 24\)"),
        bad(IMAGE[:1], r"^image must be \(3, H, W\) in \[0, 1\], got \(1, 16, 24\) in \[0.5, 0.5\]$"),
        bad(IMAGE.movedim(0, 2), r"^image must be \(3, H, W\) in \[0, 1\], got \(16, 24, 3\) in \[0.5, 0.5\]$"),
        bad(IMAGE * 510, r"^image must be \(3, H, W\) in \[0, 1\], got \(3, 16, 24\) in \[255, 255\]$"),
        bad(IMAGE - 1, r"^image must be \(3, H, W\) in \[0, 1\], got \(3, 16, 24\) in \[-0.5, -0.5\]$"),
        bad(IMAGE * torch.inf, r"^image must be \(3, H, W\) in \[0, 1\], got .* in \[inf, inf\]$"),
        bad(IMAGE * torch.nan, r"image must not hold NaN, found 1152 of 1152"),
        bad(IMAGE.mul(255).byte(), r"image must hold floating-point numbers, got torch.uint8"),
        bad(IMAGE.to("meta"), r"devices differ: image on meta, model on cpu"),
        bad(IMAGE[:, :7], r"^an image of 7×24 pixels has no room for a patch of 8×8$"),
        bad(IMAGE[:, :, :1], r"^an image of 16×1 pixels has no room for a patch of 8×8$"),
    ],
)
def test_an_image_that_is_none(save, image, message):
    model = load_vit(save()[1])
    with pytest.raises(ValueError, match=message):
        model.read(image)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (
            (1000, 2400),
            r"between 125×300 patches in 3 layers would take 31.4 GiB; ask for fewer .* at most 592×1432 pixels$",
        ),
        (
            (8, 160000),
            r"between 1×20000 patches in 3 layers would take 8.94 GiB; ask for fewer .* at most 8×107016 pixels$",
        ),
    ],
)
def test_more_patches_than_memory_has_room_for(save, size, message):
    model = load_vit(save()[1])
    with pytest.raises(ValueError, match=f"^the weights {message}") as caught:
        model.read(torch.zeros(1).expand(3, *size))
    fitting = torch.zeros(1).expand(3, *map(int, str(caught.value).split()[-2].split("×")))
    model._grid(fitting, layers=3)
    model._grid(torch.zeros(1).expand(3, *size), layers=0)


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does: what a model is, which files it has, and the files."""

    protocol_version = "HTTP/1.1"
    SHA = "0123456789abcdef0123456789abcdef01234567"

    def do_GET(self):
        folder, asked = self.server.folder, self.server.asked
        asked.append(f"{self.command} {self.path}")
        files = [file for file in sorted(folder.iterdir()) if file.is_file()]
        if self.path.startswith(("/api/models/book/missing", "/book/missing")):
            self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif self.path.startswith("/api/models/book/busy"):
            self.answer(500, b"{}", {})
        elif "/tree/" in self.path:
            entries = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": f.name} for f in files]
            self.answer(200, json.dumps(entries).encode(), {})
        elif self.path.startswith("/api/models/"):
            family = "bert" if "book/bert" in self.path else "vit"
            about = {"id": "book/vit", "sha": self.SHA, "siblings": [], "config": {"model_type": family}}
            self.answer(200, json.dumps(about).encode(), {})
        elif self.path.startswith("/book/gated"):
            self.answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif self.path.startswith("/api/"):
            self.answer(404, b"{}", {})
        else:
            self.answer(200, (folder / self.path.rsplit("/")[-1]).read_bytes(), {"ETag": f'"{self.path[-30:]}"'})

    do_HEAD = do_GET

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {"X-Repo-Commit": self.SHA, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


PROCESS = """
import os, sys, torch
from patchwork.pretrained import load_vit
print({"transformers", "huggingface_hub"} & set(sys.modules))
print(end="\\0", file=sys.stderr)
for name in sys.argv[1:]:
    os.environ["PATCHWORK_PROGRESS"] = "1" if name == "book/bar" else ""
    try:
        print(load_vit(name).read(torch.full((3, 32, 32), 0.5)).features.sum().item())
    except ValueError as error:
        print(error)
    print(end="\\0", file=sys.stderr)
"""


class Visit(NamedTuple):
    """What a fresh process printed, on stdout and on stderr, when it had imported ours and after each name, by name.

    ``asked`` is what the hub was asked for.
    """

    out: dict
    err: dict
    asked: list


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """A hub of our own with one model under any name, visited by two processes of one home; and the features' sum."""
    torch.manual_seed(0)
    folder, home = tmp_path_factory.mktemp("hub"), tmp_path_factory.mktemp("home")
    model = random_model("vit", transformers.ViTForImageClassification)  # without a pooler, which is worth a warning
    model.save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"never asked for")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder, server.asked = folder, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    first = visit(server, home, "book/missing", "book/gated", "book/busy", "book/bert", "book/vit", "book/bar")
    later = visit(server, home, "book/vit")
    server.shutdown()
    server.server_close()
    return first, later, theirs(model.vit, torch.full((3, 32, 32), 0.5))[1].sum().item()


def visit(server, home, *names):
    clean = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and key[:3] != "HF_"}
    here = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", PROCESS, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=clean | here, check=True)
    steps, (*err, end) = ("imported", *names), done.stderr.split("\0")
    assert end == ""
    asked, server.asked = server.asked, []
    return Visit(*(dict(zip(steps, each, strict=True)) for each in (done.stdout.splitlines(), err)), asked)


def test_transformers_is_imported_for_a_model_only(visits):
    for each in visits[:2]:
        assert (each.out["imported"], each.err["imported"]) == ("set()", "")


def test_a_name_is_downloaded_once(visits):
    first, later, expected = visits
    assert float(first.out["book/vit"]) == pytest.approx(expected, rel=1e-4)
    assert first.err["book/vit"] == ""
    assert any("book/vit" in asked and "model.safetensors" in asked for asked in first.asked)
    assert not any("pytorch_model.bin" in asked for asked in first.asked)
    assert (later.out["book/vit"], later.err["book/vit"]) == (first.out["book/vit"], "")
    assert later.asked == []


def test_a_bar_shows_the_download_where_asked(visits):
    first, _, expected = visits
    assert float(first.out["book/bar"]) == pytest.approx(expected, rel=1e-4)
    assert "100%" in first.err["book/bar"]


def test_what_the_hub_refuses_in_one_line(visits):
    out, err, asked = visits[0]
    absent = "no such folder, not downloaded yet, and"
    assert out["book/missing"] == f"no model 'book/missing': {absent} the hub shows no model of that name"
    assert out["book/gated"].startswith(f"no model 'book/gated': {absent} its owner asks you to accept a license")
    assert out["book/busy"].startswith(f"no model 'book/busy': {absent} the hub answers: Server error '500")
    assert out["book/bert"].startswith("'book/bert' is a model of type 'bert', not one of vit, deit, dinov2, ")
    assert [each for each in asked if "bert" in each] == ["GET /api/models/book/bert"]
    assert {name for name, told in err.items() if told} <= {"book/bar"}


def test_a_hub_that_does_not_answer_is_given_up(monkeypatch):
    given = {}

    def model_info(self, name, *, timeout):
        given.update(name=name, timeout=timeout)
        raise huggingface_hub.errors.HTTPError("silence")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    with pytest.raises(ValueError, match=OUT_OF_REACH):
        load_vit("facebook/dinov2-small")
    assert given == {"name": "facebook/dinov2-small", "timeout": 5}
