"""The scenes of chapter 7's experiment: features of real patches, places, and what is asked at which distance."""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from patchwork import _checks
from patchwork._types import Device
from patchwork.images import load_image
from patchwork.patches import extract_patches
from patchwork.similarity import patch_spectrum, standardize

GRID = (12, 12)
Question = Literal["same", "left"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
FEATURES = 16
TOKENS = GRID[0] * GRID[1]

Half = Literal["train", "test"]
TEXTURES = ("brick", "grass")
PATCH, _STRIDE = 16, 8


class Scenes(NamedTuple):
    """What ``marked_textures`` draws, one scene per row."""

    features: Float[Tensor, "S N F"]
    marked: Int[Tensor, " S"]
    labels: Bool[Tensor, "S N"]
    distances: Int[Tensor, "S N"]


def texture_features(half: Half, *, device: Device = None, dtype: torch.dtype | None = None) -> Float[Tensor, "2 K 16"]:
    """Describe the patches of brick and grass: their spectra, along the 16 directions in which those differ most.

    Patches of 16 × 16 pixels, 8 apart, are cut from the left halves of the textures ("train") or the right ones
    ("test"). ``standardize(patch_spectrum(…))`` is projected on the largest principal components. Mean, deviation and
    components are those of the training half, always; the first component has variance 1 there.

    Shapes: (2, 1953, 16), brick first. Raises ValueError where half is not "train" or "test". Used in chapter 7.

    >>> texture_features("train").flatten(0, 1).square().mean(0)[:3].round(decimals=2)
    tensor([1.0000, 0.0600, 0.0400])
    """
    _checks.choice("half", half, ("train", "test"))
    device, dtype = _checks.placement(device, dtype)
    with torch.device("cpu"):
        known = spectra("train")
        wanted = known if half == "train" else spectra("test")
        axes, variance = principal_axes(standardize(known.flatten(0, 1)))
        features = standardize(wanted, reference=known.flatten(0, 1)) @ axes / variance.sqrt()
    return features.to(dtype).to(device)


def marked_textures(
    features: Float[Tensor, "2 K F"],
    number: int,
    *,
    question: Question = "same",
    generator: torch.Generator | None = None,
) -> Scenes:
    """Draw scenes: 12 × 12 patches of random textures, one of them marked, and what the others are to answer.

    The question "same": am I of the marked one's texture? The question "left": is the marked one in a column left of
    mine? The second is put only where the mirror image of the mark, seen from the patch that answers, lies on the
    grid too. So half of the answers is yes at every distance and every place, and nothing but the mark tells which.

    Shapes: features (2, K, F), as ``texture_features`` gives them → a named tuple: features (number, N, F), marked
    (number,) the places of the marks, labels (number, N) bool, and distances (number, N), those to the mark along the
    longer axis, in 1 … 11, and 0 where nothing is asked. N = 144. Drawn where the generator is.
    Raises ValueError where the question has another name, or shapes do not fit. Used in chapter 7.

    >>> bank = torch.zeros(2, 5, 16)
    >>> scenes = marked_textures(bank, 3, generator=torch.Generator().manual_seed(0))
    >>> scenes.features.shape, scenes.distances[0, scenes.marked[0]]
    (torch.Size([3, 144, 16]), tensor(0))
    """
    textures, patches, _ = _checks.shape("features", features, "2 K F")
    if textures != 2:
        raise ValueError(f"features must be those of two textures, (2, K, F), got {tuple(features.shape)}")
    _checks.floating("features", features)
    number, _ = _checks.count("number", number), _checks.choice("question", question, QUESTIONS)
    source = _checks.random_source(generator)

    def draw(below, *shape):
        return torch.randint(below, shape, generator=generator, device=source).to(features.device)

    texture, patch, marked = draw(2, number, TOKENS), draw(patches, number, TOKENS), draw(TOKENS, number)
    same = texture == texture.gather(1, marked.unsqueeze(1))
    labels = same if question == "same" else offsets(features.device)[1][marked] > 0
    return Scenes(features[texture, patch], marked, labels, distances(question, features.device)[marked])


def patches(half: Half) -> Float[Tensor, "2 K 256"]:
    """Return the pixels of the patches of half of each texture, (2, K, 256)."""
    images = torch.stack([load_image(name, device="cpu", dtype=torch.float64)[:1] for name in TEXTURES])
    return extract_patches(images.chunk(2, 3)[half == "test"], PATCH, stride=_STRIDE)


def spectra(half: Half) -> Float[Tensor, "2 K 143"]:
    """Return their spectra, (2, K, 143)."""
    return patch_spectrum(patches(half))


def principal_axes(scores: Float[Tensor, "N F"]) -> tuple[Float[Tensor, "F 16"], Float[Tensor, ""]]:
    """Return the directions of the largest variance and the largest variance itself; the largest entry is positive."""
    variances, axes = torch.linalg.eigh(scores.mT @ scores / len(scores))
    axes = axes[:, -FEATURES:].flip(1)
    return axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign(), variances[-1]


def offsets(device: Device) -> tuple[Int[Tensor, "N N"], Int[Tensor, "N N"]]:
    """Return how many rows below and columns right of the mark each patch lies, (mark, patch) twice."""
    place = torch.arange(TOKENS, device=device)
    row, column = place // GRID[1], place % GRID[1]
    return row - row.unsqueeze(1), column - column.unsqueeze(1)


def distances(question: Question, device: Device) -> Int[Tensor, "N N"]:
    """Return the distances (mark, patch) along the longer axis, 0 where the question is not put."""
    down, right = offsets(device)
    apart = torch.maximum(down.abs(), right.abs())
    if question == "same":
        return apart
    mirrored = torch.arange(TOKENS, device=device) % GRID[1] + right
    return apart * ((right != 0) & (mirrored >= 0) & (mirrored < GRID[1]))


def counts(
    which: Bool[Tensor, "S N"] | Integer[Tensor, "S N"],
    distances: Int[Tensor, "S N"],
) -> tuple[Int[Tensor, "S 12"], Int[Tensor, "S 12"]]:
    """Count by scene and distance the patches chosen and all of them, (scenes, 12) twice."""
    empty = distances.new_zeros(len(distances), max(GRID))
    return tuple(empty.scatter_add(1, distances, each) for each in (which.long(), torch.ones_like(distances)))
