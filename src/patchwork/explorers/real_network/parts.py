"""The parts of which a page has what a network makes of a picture: features of every depth, and each layer's heads."""

import json

import torch

from patchwork import _checks
from patchwork.explorers.common.encoding import decode_photo, encode_array, encode_photo, encode_picture, to_picture
from patchwork.explorers.common.modules import EXPLORERS
from patchwork.explorers.real_network.reduction import exact_heads, reduce_features, reduce_heads
from patchwork.patches import patch_centers
from patchwork.relations import attention_distance, same_region_auc

FOLDER = EXPLORERS / "real_network" / "parts"
SIDE = 16  # patches; the pictures have as many rows as columns
EXACT = {"enough": 0.9999, "finer": 16}  # for a reader's own, which never goes to a page


def stored(name):
    """Read a part that comes with the book: "chelsea" is a picture with its features, "chelsea-8" the heads of layer 8.

    >>> sorted(stored("chelsea"))
    ['curves', 'features', 'grid', 'labels', 'photo']
    """
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def write_picture(reading, image, labels=None, *, exact=False):
    """Write a picture, its features at every depth, and for each head and patch what the curve shows.

    That is the area under the curve of its row where regions are known, and elsewhere its mean distance in patches.
    Shapes: reading of the image (3, H, W), labels (N,).
    """
    layers, heads = len(reading.weights), reading.weights[0].shape[1]
    gray = bool((image[0] == image[1]).all() and (image[1] == image[2]).all())
    relations = [reading.relation(layer, head=head).cpu() for layer in range(layers) for head in range(heads)]
    curve = torch.stack([_curve(each.double(), reading.grid, labels) for each in relations])
    depths = [reading.patch_features(depth) for depth in range(len(reading.tokens))]
    return {
        "photo": _gray_photo(image) if gray else encode_photo(image, quality=75),
        "grid": list(reading.grid),
        "labels": None if labels is None else labels.tolist(),
        "features": [reduce_features(each, **(EXACT if exact else {})) for each in depths],
        "curves": encode_array(curve.view(layers, heads, -1)),
    }


def write_heads(reading, layer, *, exact=False):
    """Write how the heads of a layer, counted from 1, attend over the patches."""
    queries, keys = (part[layer - 1][:, reading.prefix :] for part in (reading.queries, reading.keys))
    return (exact_heads if exact else reduce_heads)(queries.cpu().double(), keys.cpu().double(), reading.grid)


def read_own(text, model):
    """Read a reader's own photograph with the whole model. Raises ValueError for what is no such picture."""
    image = decode_photo(text)
    side = SIDE * model.patch_size
    if _checks.shape("the photograph", image, "3 H W")[1:] != (side, side):
        raise ValueError(f"the photograph must have {side} × {side} pixels, got {tuple(image.shape[1:])}")
    return image, model.read(image.to(next(model.backbone.parameters()).device))


def distances(grid):
    """Return how far apart patches are, in patches, (N, N), float64."""
    centers = patch_centers(grid, dtype=torch.float64)
    return torch.cdist(centers, centers)


def _curve(relation, grid, labels):
    if labels is None:
        return attention_distance(relation, grid, reduction=None)
    return same_region_auc(relation, labels, reduction=None)


def _gray_photo(image):
    return encode_picture(to_picture(image).convert("L"), "JPEG", quality=75)
