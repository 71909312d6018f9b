"""What the answers explorer shows: a scene that every network has answered, and what the page gets of it."""

import functools
import json
from typing import NamedTuple

import torch

from patchwork import synthesis
from patchwork._training_mode import mode
from patchwork.explorers.common.encoding import encode_array, encode_picture
from patchwork.explorers.common.still import gray_picture
from patchwork.patches import unpatchify
from patchwork.synthesis.scenes import FEATURES, GRID, PATCH, TOKENS, patches
from patchwork.windows import reach

BITS = (8, 7, 6, 5, 4, 3)  # of a probability on the page: the most that fit
ROOM = 148_000  # bytes that a solved scene may take there


class Solved(NamedTuple):
    """A scene and, by the network's name, how probable it calls yes and whom the news reaches: (mark, patch).

    Shapes: features (N, 16), image (1, 192, 192), textures (N,), each of probabilities and of reached (N, N).
    """

    features: torch.Tensor
    image: torch.Tensor
    textures: torch.Tensor
    probabilities: dict[str, torch.Tensor]
    reached: dict[str, torch.Tensor]


def shipped(question):
    """Return the networks without pooling that come with the book for a question, of seed 0, by name."""
    kinds = [(relation, coordinates) for coordinates in (False, True) for relation in synthesis.RELATIONS]
    return {
        f"{relation}{' + place' * coordinates}": synthesis.trained(relation, question=question, coordinates=coordinates)
        for relation, coordinates in kinds
        if synthesis.weights_file(relation, 0, question=question, coordinates=coordinates).exists()
    }


def checked(models):
    """Return networks by name. Raises ValueError naming what is none."""
    if not isinstance(models, dict) or not models:
        raise ValueError(f"models must be a dict of RelationNetwork by name, not empty; got {type(models).__name__}")
    for name, model in models.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a network must be text, got {name!r}")
        if not isinstance(model, synthesis.RelationNetwork):
            raise ValueError(f"the network {name!r} must be a RelationNetwork, got {type(model).__name__}")
    return dict(models)


def solve(models, seed):
    """Draw the scene of a seed from the test halves, and let every network answer to every mark."""
    features, pixels, texture = _draw(seed).split([FEATURES, PATCH**2, 1], 1)
    image = unpatchify(pixels[None], GRID, channels=1)[0]
    probabilities = {name: _probabilities(model, features) for name, model in models.items()}
    reached = {name: _reached(model, features) for name, model in models.items()}
    return Solved(features, image, texture.flatten().long(), probabilities, reached)


@functools.cache
def _bank():
    """Return features, pixels and texture of each patch of the test halves side by side, (2, K, 16 + 256 + 1)."""
    features = synthesis.texture_features("test", device="cpu", dtype=torch.float64)
    texture = torch.arange(2, device="cpu", dtype=torch.float64).view(2, 1, 1).expand(-1, features.shape[1], -1)
    return torch.cat([features, patches("test"), texture], 2)


def _draw(seed):
    return synthesis.marked_textures(_bank(), 1, generator=torch.Generator("cpu").manual_seed(seed)).features[0]


@torch.no_grad()
def _probabilities(model, features):
    features = features.to(model.head.weight).expand(TOKENS, -1, -1)
    with mode(model, training=False):
        return model(features, torch.arange(TOKENS, device=features.device)).cpu().double().sigmoid()


def _masks(model, features):
    return synthesis.relation_masks(model.relation, features=features if model.relation == "knn" else None)


def _reached(model, features):
    reached = reach(list(_masks(model, features))).mT.cpu()
    return torch.ones_like(reached) if model.pooling else reached


def encoded(models, solved):
    """Return what the page gets of a scene: picture, textures, and of each network the probabilities of yes.

    They are rounded to the most bits that fit; where none fit, to the fewest.
    """
    picture = encode_picture(gray_picture(solved.image[0]), "JPEG", quality=80)
    relations = {name: _encoded_relation(model, solved.features) for name, model in models.items()}
    for bits in BITS:
        networks = {
            name: {**relation, "answers": encode_probabilities(solved.probabilities[name], bits)}
            for name, relation in relations.items()
        }
        scene = {"picture": picture, "textures": solved.textures.tolist(), "networks": networks}
        if len(json.dumps(scene)) < ROOM:
            break
    return scene


def _encoded_relation(model, features):
    """Return what the page must know of a network to find whom it reaches; of the graph "knn" the edges."""
    edges = encode_array(_masks(model, features)[0], bits=1) if model.relation == "knn" else None
    return {"relation": model.relation, "pooling": bool(model.pooling), "edges": edges}


def encode_probabilities(probabilities, bits):
    """Round probabilities; what is no yes stays a little below ½, so that no rounding turns an answer."""
    decided = torch.where(probabilities > 0.5, probabilities, probabilities.clamp(max=0.4999))
    return encode_array(decided, bits=bits, ends=(0, 1))
