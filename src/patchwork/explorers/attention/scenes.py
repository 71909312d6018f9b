"""What the attention explorer shows: pictures with the queries and keys of their tokens, checked and encoded."""

import json
from typing import NamedTuple

import torch

from patchwork import _checks
from patchwork.explorers.common.encoding import encode_array, encode_photo, encode_picture, to_picture
from patchwork.explorers.common.photographs import deepest
from patchwork.explorers.common.widget import STATE_LIMIT

BITS = (12, 11, 10, 9, 8)  # of a query's or key's number on the page: the most that fit; 12 keep weights true to 0.003
ROOM = STATE_LIMIT - 1_000  # bytes that all scenes may take there; the settings take the rest
CRISP = 64  # pixels: a smaller image is shown pixel by pixel


class Scene(NamedTuple):
    """A picture, and the queries and keys of its tokens under each model.

    Shapes: image (1 or 3, H, W) in [0, 1]; grid (rows, columns) of its N patches; queries and keys by the model's name,
    each (blocks, heads, T, d), where T − N tokens stand before the patches, the class token first; labels (N,) whole
    numbers, the region of each patch, or None. Used in chapter 2.
    """

    image: torch.Tensor
    grid: tuple[int, int]
    queries: dict[str, torch.Tensor]
    keys: dict[str, torch.Tensor]
    labels: torch.Tensor | None = None


def prefix_length(scene):
    """Return how many tokens stand before the patches: T − N."""
    return next(iter(scene.queries.values())).shape[2] - scene.grid[0] * scene.grid[1]


def start(scene):
    """Return the token that asks first: the patch deepest inside a region, or without regions the first token.

    Of equally deep patches it is the one nearest to the middle of the picture.

    >>> labels = torch.tensor([0, 0, 0, 1]).repeat(4)
    >>> q = torch.rand(1, 1, 16, 2)
    >>> start(Scene(torch.rand(1, 8, 8), (4, 4), {"model": q}, {"model": q}, labels))
    5
    """
    rows, columns = scene.grid
    if scene.labels is None:
        return 0 if prefix_length(scene) else rows // 2 * columns + columns // 2
    return prefix_length(scene) + deepest(scene.labels, scene.grid)


def checked(scenes):
    """Return the scenes. Raises ValueError naming the first thing that does not fit."""
    if not isinstance(scenes, dict) or not scenes:
        raise ValueError(f"scenes must be a dict of Scene by name, not empty; got {type(scenes).__name__}")
    return {name: _checked_scene(name, scene) for name, scene in scenes.items()}


def _checked_scene(name, scene):
    _check_text("the name of a scene", name)
    if not isinstance(scene, Scene):
        raise ValueError(f"scene {name!r} must be a Scene, got {type(scene).__name__}")
    channels = _checks.shape(f"the image of scene {name!r}", scene.image, "C H W")[0]
    if channels not in (1, 3):
        raise ValueError(f"the image of scene {name!r} must have 1 or 3 channels, got {channels}")
    if not isinstance(scene.queries, dict) or not scene.queries or list(scene.queries) != list(scene.keys):
        raise ValueError(f"scene {name!r} needs queries and keys of the same models, got {_names(scene)}")
    for model in scene.queries:
        _check_text(f"the name of a model of scene {name!r}", model)
    rows, columns = _checks.pair("grid", scene.grid)
    shapes = {
        _checked_tokens(f"{part} of {model!r} in scene {name!r}", tensor) for part, model, tensor in _tensors(scene)
    }
    if len(shapes) > 1:
        raise ValueError(f"queries and keys of scene {name!r} must have one shape, got {sorted(shapes)}")
    for model, queries in scene.queries.items():
        _checks.together(queries=queries, keys=scene.keys[model])
    tokens = shapes.pop()[2]
    if tokens < rows * columns:
        raise ValueError(f"scene {name!r} has {tokens} tokens, fewer than the {rows} × {columns} patches of its grid")
    _check_labels(name, scene.labels, rows * columns)
    return scene


def _check_text(what, value):
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what} must be text, got {value!r}")


def _names(scene):
    return " and ".join(str(list(part) if isinstance(part, dict) else type(part).__name__) for part in scene[2:4])


def _tensors(scene):
    return [(part, model, each) for part in ("queries", "keys") for model, each in getattr(scene, part).items()]


def _checked_tokens(name, tensor):
    shape = _checks.shape(name, tensor, "blocks heads T d")
    _checks.floating(name, tensor)
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"{name} must be finite, found {int((~tensor.isfinite()).sum())} numbers that are not")
    return shape


def _check_labels(name, labels, number):
    if labels is None:
        return
    if _checks.shape(f"labels of scene {name!r}", labels, "N") != (number,):
        raise ValueError(f"labels of scene {name!r} must have shape ({number},), got {tuple(labels.shape)}")
    _checks.whole(f"labels of scene {name!r}", labels)


def is_crisp(image):
    """Tell whether an image is so small that its pixels are shown as squares."""
    return max(image.shape[1:]) <= CRISP


def encoded(scenes):
    """Return what each scene brings to the page, queries and keys rounded within each head to the most bits that fit.

    Where none fit, it is those of the fewest bits.
    """
    shown = {name: _encoded_picture(scene) for name, scene in scenes.items()}
    for bits in BITS:
        coded = {name: shown[name] | {"models": _encoded_models(scene, bits)} for name, scene in scenes.items()}
        if len(json.dumps(coded)) <= ROOM:
            break
    return coded


def _encoded_picture(scene):
    image = scene.image.expand(3, -1, -1)
    crisp = is_crisp(image)
    return {
        "picture": encode_picture(to_picture(image), "PNG") if crisp else encode_photo(image, quality=70),
        "crisp": crisp,
        "grid": list(scene.grid),
        "labels": None if scene.labels is None else scene.labels.tolist(),
        "start": start(scene),
    }


def _encoded_models(scene, bits):
    return {
        model: {part: _encoded_heads(getattr(scene, part)[model], bits) for part in ("queries", "keys")}
        for model in scene.queries
    }


def _encoded_heads(tensor, bits):
    return [[encode_array(head, bits=bits) for head in block] for block in tensor]
