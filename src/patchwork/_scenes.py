"""The scenes of chapter 7's experiment: features of real patches, places, and what is asked at which distance."""

from typing import NamedTuple

import torch

from patchwork._mixing import GRID
from patchwork.images import load_image
from patchwork.patches import extract_patches
from patchwork.similarity import patch_spectrum

QUESTIONS = ("same", "left")
FEATURES = 16
TOKENS = GRID[0] * GRID[1]

TEXTURES = ("brick", "grass")
PATCH, _STRIDE = 16, 8


class Scenes(NamedTuple):
    """What ``marked_textures`` draws, one scene per row."""

    features: torch.Tensor
    marked: torch.Tensor
    labels: torch.Tensor
    distances: torch.Tensor


def patches(half):
    """Return the pixels of the patches of half of each texture, (2, K, 256)."""
    images = torch.stack([load_image(name, device="cpu", dtype=torch.float64)[:1] for name in TEXTURES])
    return extract_patches(images.chunk(2, 3)[half == "test"], PATCH, stride=_STRIDE)


def spectra(half):
    """Return their spectra, (2, K, 143)."""
    return patch_spectrum(patches(half))


def principal_axes(scores):
    """Return the directions of the largest variance and the largest variance itself; the largest entry is positive."""
    variances, axes = torch.linalg.eigh(scores.mT @ scores / len(scores))
    axes = axes[:, -FEATURES:].flip(1)
    return axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign(), variances[-1]


def offsets(device):
    """Return how many rows below and columns right of the mark each patch lies, (mark, patch) twice."""
    place = torch.arange(TOKENS, device=device)
    row, column = place // GRID[1], place % GRID[1]
    return row - row.unsqueeze(1), column - column.unsqueeze(1)


def distances(question, device):
    """Return the distances (mark, patch) along the longer axis, 0 where the question is not put."""
    down, right = offsets(device)
    apart = torch.maximum(down.abs(), right.abs())
    if question == "same":
        return apart
    mirrored = torch.arange(TOKENS, device=device) % GRID[1] + right
    return apart * ((right != 0) & (mirrored >= 0) & (mirrored < GRID[1]))


def counts(which, distances):
    """Count by scene and distance the patches chosen and all of them, (scenes, 12) twice."""
    empty = distances.new_zeros(len(distances), max(GRID))
    return tuple(empty.scatter_add(1, distances, each) for each in (which.long(), torch.ones_like(distances)))
