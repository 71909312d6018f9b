"""Where a pretrained model's files are, here or on the hub, and in one line what is wrong with them."""

import importlib
import json
import math
import os
from contextlib import contextmanager
from pathlib import Path

from patchwork import _checks

_FAMILY = ("vit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit")
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_FILES = ("config.json", "preprocessor_config.json", *_WEIGHTS, "model-*-of-*.safetensors")
_IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
_PATIENCE = 5  # seconds


def find(name):
    """Return the folder of a model of the family: as given, else as downloaded before, else downloaded now."""
    folder = _folder(name)
    _check_config(name, _json(folder / "config.json"))
    if not _has_weights(folder):
        raise ValueError(f"{str(name)!r} has no model.safetensors; pickled weights can run code and are not loaded")
    return folder


def colors(folder):
    """Return mean and deviation of the colors as the checkpoint's own preprocessor has them."""
    file = folder / "preprocessor_config.json"
    stored = _json(file) if file.exists() else {}
    if not stored.get("do_normalize", True):
        return {"image_mean": (0.0, 0.0, 0.0), "image_std": (1.0, 1.0, 1.0)}
    values = {name: stored.get(name, default) for name, default in _IMAGENET.items()}
    return {name: color(name, value, where=f" in {str(file)!r}") for name, value in values.items()}


def color(name, value, *, where=""):
    """Return, as floats, the three finite numbers of a color; a deviation, by which one divides, is above 0."""
    above = 0 if name == "image_std" else -math.inf
    try:
        parts = [_checks.number(name, part, above=above) for part in value] if isinstance(value, (list, tuple)) else []
    except ValueError:
        parts = []
    if len(parts) != 3:
        bound = "" if above else " above 0"
        raise ValueError(f"{name}{where} must be three finite numbers{bound}, got {value!r}")
    return tuple(parts)


def optional(package):
    """Import what only pretrained models need."""
    try:
        return importlib.import_module(package)
    except ImportError:
        install = package if package == "onnx" else "transformers"
        raise ValueError(f"pretrained models need {package}: pip install {install}") from None


def first_line(error):
    """Return the first line of an error's text, or its type where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _folder(name):
    if not isinstance(name, (str, os.PathLike)) or not os.fspath(name):
        raise ValueError(f"name_or_folder must be a folder or a model's name, got {name!r}")
    folder = Path(os.path.expanduser(name))
    if folder.is_file():
        raise ValueError(f"{str(folder)!r} is a file; give the folder that holds config.json and model.safetensors")
    return folder if folder.is_dir() else _from_hub(os.fspath(name))


def _from_hub(name):
    hub = optional("huggingface_hub")
    try:
        hub.utils.validate_repo_id(name)
    except ValueError:
        example = "'facebook/dinov2-small'"
        raise ValueError(f"no folder {name!r}, and no name on the hub either: those look like {example}") from None
    return _cached(hub, name) or _downloaded(hub, name)


def _cached(hub, name):
    """Look among earlier downloads without any request."""
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=_FILES, local_files_only=True))
    except hub.errors.LocalEntryNotFoundError:
        return None
    return folder if _has_weights(folder) else None


def _downloaded(hub, name):
    """Ask the hub before the download: that request has a time limit, and its answer tells the family."""
    with _in_one_line(hub.errors, name):
        config = hub.HfApi().model_info(name, timeout=_PATIENCE).config or {}
    if "model_type" in config:
        _check_config(name, config)
    with _in_one_line(hub.errors, name):
        return Path(hub.snapshot_download(name, allow_patterns=_FILES))


@contextmanager
def _in_one_line(errors, name):
    """Turn whatever hub, proxy, cache or disk raise, a hundred lines at times, into one."""
    try:
        yield
    except Exception as error:
        reason = _why(errors, error)
        raise ValueError(f"no model {name!r}: no such folder, not downloaded yet, and {reason}") from None


def _why(errors, error):
    if isinstance(error, errors.GatedRepoError):
        return "its owner asks you to accept a license on the hub and to log in"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub shows no model of that name"
    if isinstance(error, errors.HfHubHTTPError):
        return f"the hub answers: {first_line(error)}"
    if isinstance(error, (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError)):
        return "the hub is out of reach; connect once, or give a folder with config.json and model.safetensors"
    return f"the download failed: {first_line(error)}"


def _check_config(name, config):
    family = config.get("model_type")
    if family not in _FAMILY:
        raise ValueError(f"{str(name)!r} is a model of type {family!r}, not one of {', '.join(_FAMILY)}")
    if config.get("num_channels", 3) != 3:
        raise ValueError(f"{str(name)!r} reads images of {config['num_channels']} channels, not of 3")


def _has_weights(folder):
    return any((folder / file).exists() for file in _WEIGHTS)


def _json(file):
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"the folder {str(file.parent)!r} has no {file.name}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(file)!r} cannot be read: {first_line(error)}") from None
    if not isinstance(stored, dict):
        raise ValueError(f"{str(file)!r} must hold names and values, got a {type(stored).__name__}")
    return stored
