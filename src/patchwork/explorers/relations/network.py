"""What a real network makes of the explorer's pictures, in few numbers, as a page carries it."""

import functools
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from patchwork._packaged import NAME
from patchwork.explorers.common.encoding import encode_array
from patchwork.explorers.common.modules import limits
from patchwork.pretrained import load_vit
from patchwork.synthesis.families import network_features

NUMBERS, BITS = limits("relations")["numbers"], 6  # principal components of each patch, and of each number
OWN = Path(__file__).with_name("pictures.json")  # of the explorer's own pictures: no page needs the network to be made
_load = functools.lru_cache(maxsize=1)(load_vit)


def own():
    """Return what is stored of the explorer's own pictures, by name."""
    return json.loads(OWN.read_text("utf-8"))


def read_all(pictures):
    """Read gray pictures (H, W), a dict by name → what the network makes of each, and why not, in one line, or ""."""
    try:
        return {name: reduced(pixels) for name, pixels in pictures.items()}, ""
    except ValueError as error:
        return {}, str(error)


def reduced(pixels):
    """Read one gray picture (H, W), and write the directions of its features as 32 numbers of 64 levels a patch."""
    key = tuple(pixels.shape), pixels.float().numpy().tobytes()
    return dict(_reduced(key))


@functools.lru_cache(maxsize=64)
def _reduced(key):
    size, content = key
    pixels = torch.frombuffer(bytearray(content), dtype=torch.float32).view(1, *size)
    return encode_array(components(network_features(pixels, _load(NAME, device="cpu"))), bits=BITS, ends=(-1.0, 1.0))


def components(features):
    """Return the first principal components, not centered, of the features' directions: (N, D) → (N, at most 32).

    Their products are nearly the cosines. The largest number of each component is above 0.

    >>> parts = components(torch.tensor([[3.0, 4.0], [6.0, 8.0], [4.0, 3.0]]))
    >>> [round(product, 2) for product in (parts @ parts.T)[0].tolist()]
    [1.0, 1.0, 0.96]
    """
    left, lengths, _ = torch.linalg.svd(F.normalize(features.double(), dim=1), full_matrices=False)
    parts = (left * lengths)[:, :NUMBERS]
    signs = parts.gather(0, parts.abs().argmax(0, keepdim=True)).sign()
    return parts * torch.where(signs == 0, 1, signs)
