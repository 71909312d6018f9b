"""The five families' relations of one picture, each from its patches alone, and a real network's beside them.

The relations explorer shows all six.
"""

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from safetensors.torch import load_file
from torch import Tensor

from patchwork import _checks
from patchwork._types import Pair
from patchwork.attention import attention_weights
from patchwork.graphs import grid_graph, normalize_adjacency, radius_graph, weight_edges
from patchwork.patches import patchify
from patchwork.similarity import cosine_similarity, gaussian_affinity, patch_spectrum, squared_distances, standardize
from patchwork.windows import window_relation

PATCH_SIZE = 16  # pixels: of what the queries and keys were trained on
WINDOW, SHIFT = 4, 2
LAYERS = 8  # of a 3 × 3 mean
NARROW = 0.15  # the bandwidth of similarity, in median distances of two patches
RADIUS, ALIKE, STEPS = 3, 0.25, 64  # of the graph, in patches; its bandwidth, as above; of the walk
DEPTH, TEMPERATURE = 8, 0.05  # of the real network: after which layer, and of the softmax of its cosines
FINEST = 2**-16  # what standardized features are rounded to, so that equal distances are equal everywhere
SETTLED = 13  # decimals: by rounding alone weights differ that are equal by symmetry
WEIGHTS = Path(__file__).parents[1] / "weights" / "attention.safetensors"


def five_relations(image: Float[Tensor, "1 H W"]) -> dict[str, Float[Tensor, "N N"]]:
    """Return who relates to whom in a gray picture by each of the five families, all rows with sum 1.

    "attention": the mean of two heads of queries and keys, learned with labels on mosaics of brick, grass and gravel
    (chapters 2 and 3); "windows": the same in 4 × 4 windows, then in shifted ones; "convolution": eight layers of a
    3 × 3 mean; "similarity": a Gaussian of the distance of two standardized spectra, 0.15 median distances wide;
    "graph": a walk of 64 steps along edges to all patches at most 3 away, which weigh such a Gaussian, 0.25 wide.

    On test mosaics the first two have an advantage: their labels were those of the same three textures, cut from other
    halves. The other three relations learn nothing. In other pictures none of the five knows any texture.

    Shapes: image (1, H, W) in [0, 1], H and W multiples of 16 → a dict of (N, N), float64, N = HW/256 patches.
    Raises ValueError for other shapes. Used in chapters 0 and 7.

    >>> relations = five_relations(torch.rand(1, 64, 96))
    >>> {name: (each.shape, each.sum(1).allclose(torch.ones(24).double())) for name, each in relations.items()}["graph"]
    (torch.Size([24, 24]), True)
    >>> list(relations)
    ['attention', 'windows', 'convolution', 'similarity', 'graph']
    """
    _, height, width = _checks.shape("image", image, "1 H W")
    spectra, grid = patch_spectra(image), (height // PATCH_SIZE, width // PATCH_SIZE)
    features = fine(spectra)
    median = squared_distances(features).median().sqrt().item() or 1.0  # 1 where all patches are alike
    return {
        "attention": attention(spectra),
        "windows": windows(spectra, grid),
        "convolution": convolution(grid),
        "similarity": similarity(features, NARROW * median),
        "graph": walk(features, grid, ALIKE * median),
    }


def network_features(image: Float[Tensor, "1 H W"], model) -> Float[Tensor, "N D"]:
    """Return what a pretrained network makes of each patch of a gray picture: its features after layer 8.

    The picture is scaled so that 16 of its pixels become one patch of the network. ``model`` is a ``PretrainedViT`` of
    at least eight layers.

    Shapes: image (1, H, W) in [0, 1], H and W multiples of 16 → (N, D), N = HW/256 patches, on the model's device.
    Raises ValueError for other shapes, and for a network of fewer layers. Used in chapters 0 and 7.

    >>> from transformers import ViTConfig, ViTModel
    >>> from patchwork.pretrained import PretrainedViT
    >>> sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 8, "num_attention_heads": 2}
    >>> backbone = ViTModel(ViTConfig(**sizes, patch_size=14, attn_implementation="eager")).eval()
    >>> model = PretrainedViT(backbone, image_mean=(0.5, 0.5, 0.5), image_std=(0.5, 0.5, 0.5))
    >>> network_features(torch.rand(1, 64, 96), model).shape
    torch.Size([24, 16])
    """
    _, height, width = _checks.shape("image", image, "1 H W")
    if height % PATCH_SIZE or width % PATCH_SIZE:
        raise ValueError(f"image must be (1, H, W), H and W multiples of {PATCH_SIZE}, got {tuple(image.shape)}")
    size = [side // PATCH_SIZE * model.patch_size for side in (height, width)]
    scaled = F.interpolate(image[None].float(), size, mode="bilinear", antialias=True)[0].clamp(0, 1)
    return model.read(scaled.expand(3, -1, -1), layers=(), depths=[DEPTH]).patch_features(DEPTH)


def network_relation(features: Float[Tensor, "N D"]) -> Float[Tensor, "N N"]:
    """Return how alike a network's patches are: the softmax of cosine / 0.05, all rows with sum 1.

    A_ij ∝ exp(cos(f_i, f_j) / τ). The AUC is that of the cosine itself. Of τ = 0.05, 0.1 and 0.2 the first gives
    regions the most mass on training mosaics.

    Shapes: (N, D) → (N, N). Raises ValueError for other shapes. Used in chapters 0 and 7.

    >>> network_relation(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])).round(decimals=2)
    tensor([[0.5000, 0.5000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.0000, 0.0000, 1.0000]])
    """
    return (cosine_similarity(features) / TEMPERATURE).softmax(1)


def patch_spectra(image: Float[Tensor, "1 H W"]) -> Float[Tensor, "N 143"]:
    """Return the spectrum of each patch of a gray picture (1, H, W): (N, 143), float64."""
    return patch_spectrum(patchify(image[None].double(), PATCH_SIZE)[0]).round(decimals=9)


def fine(spectra: Float[Tensor, "N F"]) -> Float[Tensor, "N F"]:
    """Standardize over the picture, in steps of 2⁻¹⁶."""
    return (standardize(spectra) / FINEST).round() * FINEST


@cache
def learned() -> dict[str, Tensor]:
    """Read what attention has learned, as ``book/train_attention.py`` stores it: queries and keys, mean, deviation.

    >>> {name: tuple(each.shape) for name, each in sorted(learned().items())}
    {'deviation': (143,), 'mean': (143,), 'projections': (2, 2, 143, 8)}
    """
    return {name: each.double() for name, each in load_file(WEIGHTS).items()}


def attention(spectra: Float[Tensor, "N 143"], mask: Bool[Tensor, "N N"] | None = None) -> Float[Tensor, "N N"]:
    """Return how much each patch attends to each, the mean over the heads."""
    known = learned()
    x = (spectra - known["mean"]) / known["deviation"]
    queries, keys = (x @ each for each in known["projections"])
    return attention_weights(queries, keys, mask=mask).mean(0)


def windows(spectra: Float[Tensor, "N 143"], grid: Pair) -> Float[Tensor, "N N"]:
    """Return whom each patch hears in two blocks: in windows, then in shifted ones."""
    first, second = (attention(spectra, window_relation(grid, WINDOW, shift=shift)) for shift in (0, SHIFT))
    return second @ first


def convolution(grid: Pair) -> Float[Tensor, "N N"]:
    """Return whom each patch hears through layers of a 3 × 3 mean, of fewer patches at the border."""
    mean = normalize_adjacency(grid_graph(grid, connectivity=8, dtype=torch.float64), mode="row")
    return torch.linalg.matrix_power(mean, LAYERS).round(decimals=SETTLED)


def similarity(features: Float[Tensor, "N F"], bandwidth: float) -> Float[Tensor, "N N"]:
    """Return how alike patches are, every row divided by its sum."""
    affinity = gaussian_affinity(features, bandwidth=bandwidth)
    return affinity / affinity.sum(1, keepdim=True)


def walk(features: Float[Tensor, "N F"], grid: Pair, bandwidth: float) -> Float[Tensor, "N N"]:
    """Return where a walk along the edges is after its steps."""
    rows, columns = (torch.arange(length, dtype=torch.float64) for length in grid)
    edges = radius_graph(torch.cartesian_prod(rows, columns), RADIUS)
    step = normalize_adjacency(weight_edges(edges, features, bandwidth=bandwidth), mode="row")
    return torch.linalg.matrix_power(step, STEPS)
