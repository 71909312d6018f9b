"""Chapter 1: cutting images into patches and back, and the embedding."""

import einops
import torch
import torch.nn.functional as F
from transformers import ViTConfig
from transformers.models.vit.modeling_vit import ViTPatchEmbeddings

from benchmarks.measure import compare, growth
from patchwork.patches import PatchEmbedding, extract_patches, merge_patches, patchify, unpatchify

P, SIDE, DIM = 16, 224, 768
GRID = (SIDE // P, SIDE // P)


def comparisons(device):
    """Return a row per function, size and peer."""
    rows = []
    for batch in (1, 8):
        images = torch.rand(batch, 3, SIDE, SIDE, device=device)
        rows += _patchify(images, device) + _unpatchify(images, device) + _embedding(images, device)
    rows += _overlapping(images[:4], device)
    return rows + _patchify(torch.rand(32, 3, SIDE, SIDE, device=device), device)


def growths(device):
    """Return how the time of patchify grows with the number of patches of one image."""
    images = {side: torch.rand(1, 3, side, side, device=device) for side in (224, 448, 896, 1792, 3584)}
    cases = {(side // P) ** 2: lambda image=image: patchify(image, P) for side, image in images.items()}
    return [growth("patchify", "N", cases, device)]


def _size(images):
    return f"{' × '.join(map(str, images.shape))}, P = {P}"


def _patchify(images, device):
    pattern = "b c (r p) (s q) -> b (r s) (c p q)"
    # A fifth of F.unfold is a reach for one image only: from batch 8 on fresh memory sets the pace, a bare copy already
    # takes 0.17 to 0.22 of F.unfold, and memcpy is the bound to hold ours against.
    peers = {
        "einops": (lambda: einops.rearrange(images, pattern, p=P, q=P), 1.0),
        "F.unfold": (lambda: F.unfold(images, P, stride=P).mT, 0.2 if len(images) < 8 else None),
        "memcpy": (images.clone, 2.5),
    }
    return compare("patchify", _size(images), lambda: patchify(images, P), peers, device)


def _unpatchify(images, device):
    patches = patchify(images, P)
    peers = {"F.fold": (lambda: F.fold(patches.mT, (SIDE, SIDE), P, stride=P), 0.35)}
    return compare("unpatchify", _size(images), lambda: unpatchify(patches, GRID, channels=3), peers, device)


def _embedding(images, device):
    config = ViTConfig(image_size=SIDE, patch_size=P, num_channels=3, hidden_size=DIM)
    theirs, ours = ViTPatchEmbeddings(config).to(device), PatchEmbedding(3, P, DIM, device=device)
    peers = {"transformers ViTPatchEmbeddings": (lambda: theirs(images), 1.02)}
    return compare("PatchEmbedding", f"{_size(images)}, D = {DIM}", lambda: ours(images), peers, device)


def _overlapping(images, device):
    stride, size = P // 2, f"{_size(images)}, stride {P // 2}"
    patches = extract_patches(images, P, stride=stride)
    unfold = {"F.unfold": (lambda: F.unfold(images, P, stride=stride).mT, None)}
    counts = F.fold(torch.ones_like(patches).mT, (SIDE, SIDE), P, stride=stride)
    fold = {"F.fold": (lambda: F.fold(patches.mT, (SIDE, SIDE), P, stride=stride) / counts, None)}
    return [
        *compare("extract_patches", size, lambda: extract_patches(images, P, stride=stride), unfold, device),
        *compare("merge_patches", size, lambda: merge_patches(patches, (SIDE, SIDE), P, stride=stride), fold, device),
    ]
