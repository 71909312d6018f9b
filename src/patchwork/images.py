"""The book's images: photographs of one's own and bundled ones, texture mosaics, a stereo pair, digits."""

import functools
import os
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import skimage
import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwork import _checks
from patchwork._decoding import read_picture
from patchwork._types import Device, Pair
from patchwork.patches import patch_centers

_SAMPLES = ("astronaut", "brick", "camera", "chelsea", "coffee", "grass", "gravel")
_TEXTURES = ("brick", "grass", "gravel")
_TEXTURE_SIDE = 512


@runtime_checkable
class _Readable(Protocol):
    """A binary file object."""

    def read(self) -> bytes: ...


def sample_names() -> list[str]:
    """List the photographs that come with the book, as ``load_image`` takes them.

    Used in every chapter.

    >>> sample_names()
    ['astronaut', 'brick', 'camera', 'chelsea', 'coffee', 'grass', 'gravel']
    """
    return list(_SAMPLES)


def load_image(
    name_or_path: str | os.PathLike[str] | bytes | bytearray | memoryview | _Readable,
    *,
    size: int | Pair | None = None,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "3 H W"]:
    """Load a photograph: a sample's name, a path, or an uploaded file (bytes or a binary file object).

    The picture is turned upright (EXIF), transparency is laid over white, gray becomes three equal channels, and of
    an animation the first frame is taken. Its colors become sRGB as in a browser: by its color profile, or the gamma
    that a PNG declares. Values count from black to white as the file says: by its depth and sample format, 32-bit whole
    numbers up to 65535, and white is zero where it says so. With ``size``, a number or (rows, columns), it is scaled,
    antialiased, to cover that size and cropped at the center.

    Shapes: (3, H, W), floating, in [0, 1]. Raises ValueError, in one line, for what is no readable image, and for
    values that the declared depth does not reach. What Pillow warns of, such as a huge picture, reaches the caller.
    Source of the samples: scikit-image's data folder, no network. Used from chapter 0 on.

    >>> load_image("coffee", size=(96, 128)).shape
    torch.Size([3, 96, 128])
    """
    if size is not None:
        size = _checks.pair("size", size if isinstance(size, (tuple, list)) else (size, size))
    device, dtype = _checks.placement(device, dtype)
    pixels = torch.tensor(read_picture(name_or_path, size, {name: _data(f"{name}.png") for name in _SAMPLES}))
    levels = 1 if pixels.is_floating_point() else 255
    return pixels.permute(2, 0, 1).contiguous().to(device).to(dtype) / levels


def texture_mosaic(
    *,
    grid: Pair = (16, 16),
    patch_size: int = 16,
    regions: int = 3,
    half: Literal["train", "test"] = "train",
    generator: torch.Generator | None = None,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> tuple[Float[Tensor, "1 H W"], Int[Tensor, " N"]]:
    """Draw a mosaic of real textures whose regions are known exactly, patch by patch.

    Brick, grass and gravel (with fewer regions, a random choice of them) fill the cells of a random Voronoi diagram,
    drawn until each region has at least a quarter of an even share. Each texture as a whole has mean ½ and standard
    deviation ⅛, so brightness is hardly a cue. The contrast of a single patch still tells a little: ranking 16×16
    patches by it alone has an AUC of about 0.6, where chance has 0.5. Training mosaics come from the left halves of
    the textures, test mosaics from the right ones.

    Shapes: image (1, rows·P, columns·P) in [0, 1], labels (N,) int64 in 0 … regions−1.
    Raises ValueError where the image does not fit half a texture, 512 × 256 pixels. Used from chapter 0 on.

    >>> image, labels = texture_mosaic(generator=torch.Generator().manual_seed(0))
    >>> image.shape, labels.bincount().min() >= 256 / 12
    (torch.Size([1, 256, 256]), tensor(True))
    """
    grid, patch_size = _checks.pair("grid", grid), _checks.count("patch_size", patch_size)
    regions = _checks.count("regions", regions)
    _check_mosaic(grid, patch_size, regions, half)
    device, dtype = _checks.placement(device, dtype)
    with torch.device("cpu"):
        labels = _voronoi_labels(grid, regions, generator)
        crops = _texture_crops([number * patch_size for number in grid], regions, half, generator)
        owner = labels.view(1, *grid).repeat_interleave(patch_size, 1).repeat_interleave(patch_size, 2)
        image = crops.gather(0, owner)
    return image.to(dtype).to(device), labels.to(device)


def stereo_pair(
    *,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> tuple[Float[Tensor, "3 500 741"], Float[Tensor, "3 500 741"], Float[Tensor, "500 741"]]:
    """Load two photographs of one scene, taken side by side, and the true disparity.

    The left pixel (r, c) and the right pixel (r, c − disparity[r, c]) show the same point.

    Shapes: left and right (3, 500, 741) in [0, 1], disparity (500, 741) in pixels, NaN where unknown.
    Raises ValueError for a dtype that is not floating.
    Source: Scharstein et al. 2014 (Middlebury, motorcycle). Used in chapter 5.

    >>> left, right, disparity = stereo_pair()
    >>> left.shape, disparity.shape
    (torch.Size([3, 500, 741]), torch.Size([500, 741]))
    """
    device, dtype = _checks.placement(device, dtype)
    left, right = (
        load_image(_data(f"motorcycle_{side}.png"), device=device, dtype=dtype) for side in ("left", "right")
    )
    with np.load(_data("motorcycle_disp.npz")) as archive:
        disparity = torch.tensor(archive["arr_0"])
    return left, right, torch.where(disparity.isfinite(), disparity, torch.nan).to(dtype).to(device)


def digits(
    *,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> tuple[Float[Tensor, "1797 1 8 8"], Int[Tensor, " 1797"]]:
    """Load small handwritten digits.

    Shapes: images (1797, 1, 8, 8) in [0, 1], labels (1797,) int64 in 0 … 9.
    Raises ValueError for a dtype that is not floating.
    Source: scikit-learn's copy of the UCI digits. Used in chapters 2 and 4.

    >>> images, labels = digits()
    >>> images.shape, labels[:3]
    (torch.Size([1797, 1, 8, 8]), tensor([0, 1, 2]))
    """
    from sklearn.datasets import load_digits

    device, dtype = _checks.placement(device, dtype)
    images, labels = (torch.tensor(numbers.astype(np.uint8)) for numbers in load_digits(return_X_y=True))
    return images.view(-1, 1, 8, 8).to(device).to(dtype) / 16, labels.long().to(device)


def _data(file):
    return os.path.join(skimage.data_dir, file)


def _check_mosaic(grid, patch_size, regions, half):
    height, width = (number * patch_size for number in grid)
    if height > _TEXTURE_SIDE or width > _TEXTURE_SIDE // 2:
        raise ValueError(f"a mosaic has at most {_TEXTURE_SIDE} × {_TEXTURE_SIDE // 2} pixels, got {height} × {width}")
    most = min(len(_TEXTURES), grid[0] * grid[1])
    if regions > most:
        raise ValueError(f"regions must be 1 to {most} on a grid {grid[0]}×{grid[1]}, got {regions}")
    if half not in ("train", "test"):
        raise ValueError(f"half must be 'train' or 'test', got {half!r}")


@functools.cache
def _textures():
    """The textures (3, 512, 512), each with mean ½ and standard deviation ⅛ before they are clipped to [0, 1]."""
    from PIL import Image

    gray = np.stack([np.asarray(Image.open(_data(f"{name}.png")), dtype=np.float64) for name in _TEXTURES])
    scores = (gray - gray.mean((1, 2), keepdims=True)) / gray.std((1, 2), keepdims=True)
    return (0.5 + scores / 8).clip(0, 1).astype(np.float32)


def _uniform(generator, *shape):
    device = _checks.random_source(generator)
    return torch.rand(shape, generator=generator, device=device, dtype=torch.float32).cpu()


def _voronoi_labels(grid, regions, generator, tries=64):
    """Label patches by the nearest of some random points; of many draws, take the first with fair shares."""
    while True:
        points = _uniform(generator, tries, regions, 2) * torch.tensor(grid)
        labels = torch.cdist(patch_centers(grid, dtype=points.dtype), points).argmin(2)
        sizes = torch.nn.functional.one_hot(labels, regions).sum(1)
        fair = sizes.amin(1) >= grid[0] * grid[1] / (4 * regions)
        if not _checks.has_values(fair) or fair.any():
            return labels.index_select(0, fair.int().argmax(0, keepdim=True))[0]


def _texture_crops(image_size, regions, half, generator):
    """Crop each of ``regions`` textures at a random place of its half: (regions, H, W)."""
    texture = _uniform(generator, len(_TEXTURES)).argsort()[:regions].sort().values
    farthest = (torch.tensor([_TEXTURE_SIDE, _TEXTURE_SIDE // 2]) - torch.tensor(image_size))[:, None]
    top, left = (_uniform(generator, 2, regions) * (farthest + 1)).long().minimum(farthest)
    row = top[:, None] + torch.arange(image_size[0])
    column = left[:, None] + torch.arange(image_size[1]) + (half == "test") * (_TEXTURE_SIDE // 2)
    return torch.tensor(_textures())[texture[:, None, None], row[:, :, None], column[:, None, :]]
