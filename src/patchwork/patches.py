"""Images as sequences of patches, and back; the positions that a sequence loses."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from patchwork import _checks
from patchwork._types import Device, Pair


def patchify(images: Shaped[Tensor, "B C H W"], patch_size: int) -> Shaped[Tensor, "B N CPP"]:
    """Cut images into non-overlapping patches, one row per patch.

    Patch n = r·(W/P) + c holds the pixels images[:, :, rP:(r+1)P, cP:(c+1)P].

    Shapes: images (B, C, H, W) → (B, N, C·P·P) with N = (H/P)·(W/P), patches row by row,
    each flattened (C, P, P), as ``F.unfold`` does. Any dtype.
    Raises ValueError where P does not divide H and W.
    Source: Dosovitskiy et al. 2021, section 3.1. Derived in chapter 1.

    >>> patchify(torch.arange(16.0).view(1, 1, 4, 4), 2)[0, 1]
    tensor([2., 3., 6., 7.])
    """
    batch, channels, height, width = _checks.shape("images", images, "B C H W")
    size = _checks.count("patch_size", patch_size)
    if height % size or width % size:
        raise ValueError(f"patch_size {size} does not divide the image size H, W = {height}, {width}")
    rows, columns = height // size, width // size
    cells = images.reshape(batch, channels, rows, size, columns, size)
    return _copy(cells.permute(0, 2, 4, 1, 3, 5)).view(batch, rows * columns, channels * size * size)


def unpatchify(patches: Shaped[Tensor, "B N CPP"], grid: Pair, *, channels: int) -> Shaped[Tensor, "B C H W"]:
    """Put non-overlapping patches back in their places: the inverse of ``patchify``.

    Shapes: patches (B, N, C·P·P), grid (rows, columns) with N = rows·columns → (B, C, rows·P, columns·P).
    Raises ValueError where N differs from rows·columns, or where a patch is not ``channels`` squares.
    Derived in chapter 1.

    >>> image = torch.arange(32.0).view(1, 2, 4, 4)
    >>> torch.equal(unpatchify(patchify(image, 2), (2, 2), channels=2), image)
    True
    """
    batch, number, length = _checks.shape("patches", patches, "B N C·P·P")
    rows, columns = _checks.pair("grid", grid)
    channels = _checks.count("channels", channels)
    size = _side(length, channels)
    if number != rows * columns:
        raise ValueError(f"grid {rows}×{columns} has {rows * columns} patches, got N = {number}")
    cells = patches.reshape(batch, rows, columns, channels, size, size)
    return _copy(cells.permute(0, 3, 1, 4, 2, 5)).view(batch, channels, rows * size, columns * size)


def extract_patches(images: Shaped[Tensor, "B C H W"], patch_size: int, *, stride: int) -> Shaped[Tensor, "B N CPP"]:
    """Cut patches whose corners lie ``stride`` pixels apart: they overlap where stride < P.

    Shapes: images (B, C, H, W) → (B, N, C·P·P) with N = ((H−P)/s + 1)·((W−P)/s + 1), ordered and
    flattened as in ``patchify``. Raises ValueError where the last patch would not end at the border,
    so that no pixel is lost unnoticed. Derived in chapter 1.

    >>> extract_patches(torch.arange(16.0).view(1, 1, 4, 4), 2, stride=1)[0, :3]
    tensor([[0., 1., 4., 5.],
            [1., 2., 5., 6.],
            [2., 3., 6., 7.]])
    """
    batch, channels, height, width = _checks.shape("images", images, "B C H W")
    size, stride = _checks.count("patch_size", patch_size), _checks.count("stride", stride)
    rows, columns = _overlapping_grid(height, width, size, stride)
    windows = images.unfold(2, size, stride).unfold(3, size, stride)
    return _copy(windows.permute(0, 2, 3, 1, 4, 5)).view(batch, rows * columns, channels * size**2)


def merge_patches(
    patches: Float[Tensor, "B N CPP"],
    image_size: Pair,
    patch_size: int,
    *,
    stride: int,
) -> Float[Tensor, "B C H W"]:
    """Put overlapping patches back; a pixel is the average of the patches that cover it.

    merge(extract(x)) = x, for each copy of a pixel is the same; patches that disagree are averaged, in float32
    at least: the sum of many half-precision numbers is none.

    Shapes: patches (B, N, C·P·P) floating, image_size (H, W) → (B, C, H, W).
    Raises ValueError where stride > P leaves pixels uncovered, or where the sizes do not fit.
    Derived in chapter 1.

    >>> ones, twos = torch.ones(1, 1, 4), torch.full((1, 1, 4), 2.0)
    >>> merge_patches(torch.cat([ones, twos], dim=1), (2, 3), 2, stride=1)[0, 0, 0]
    tensor([1.0000, 1.5000, 2.0000])
    """
    _, number, length = _checks.shape("patches", patches, "B N C·P·P")
    _checks.floating("patches", patches)
    image_size = _checks.pair("image_size", image_size, "H, W")
    size, stride = _checks.count("patch_size", patch_size), _checks.count("stride", stride)
    rows, columns = _overlapping_grid(*image_size, size, stride)
    if stride > size:
        raise ValueError(f"stride {stride} > patch_size {size} leaves pixels uncovered")
    if number != rows * columns or length % size**2:
        raise ValueError(f"expected patches (B, {rows * columns}, C·{size**2}), got {tuple(patches.shape)}")
    precise = torch.promote_types(patches.dtype, torch.float32)
    total = F.fold(patches.to(precise).transpose(1, 2), image_size, size, stride=stride)
    covering = [_coverage(pixels, size, stride, total.device) for pixels in image_size]
    return (total / torch.outer(*covering).to(precise)).to(patches.dtype)


def patch_centers(grid: Pair, *, device: Device = None, dtype: torch.dtype | None = None) -> Float[Tensor, "N 2"]:
    """Return the centers of the patches of a grid, (row, column), in units of one patch.

    Shapes: grid (rows, columns) → (rows·columns, 2), row by row; the first center is (½, ½).
    Raises ValueError where the grid is not a pair of positive whole numbers. Used from chapter 1 on.

    >>> patch_centers((1, 3))
    tensor([[0.5000, 0.5000],
            [0.5000, 1.5000],
            [0.5000, 2.5000]])
    """
    rows, columns = _checks.pair("grid", grid)
    device, dtype = _checks.placement(device, dtype)
    centers = [torch.arange(number, device=device, dtype=dtype) + 0.5 for number in (rows, columns)]
    return torch.cartesian_prod(*centers)


def sincos_position_embedding(
    grid: Pair,
    dim: int,
    *,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "N D"]:
    """Return fixed sine–cosine embeddings of the 2-D positions of a grid.

    A position (r, c) becomes [sin cω, cos cω, sin rω, cos rω] with the D/4 frequencies
    ω_k = 10000^(−4k/D): columns first, then rows, as the Masked Autoencoder stores them.

    Shapes: grid (rows, columns), dim D → (rows·columns, D), in [−1, 1].
    Raises ValueError where 4 does not divide D.
    Source: Vaswani et al. 2017, section 3.5; He et al. 2022. Derived in chapter 1.

    >>> sincos_position_embedding((1, 2), 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0000, 1.0000]])
    """
    rows, columns = _checks.pair("grid", grid)
    dim = _checks.count("dim", dim)
    if dim % 4:
        raise ValueError(f"dim must be a multiple of 4 (sine and cosine, columns and rows), got {dim}")
    device, dtype = _checks.placement(device, dtype)
    exact = {"device": "cpu", "dtype": torch.float64}
    frequencies = 10000 ** (-torch.arange(dim // 4, **exact) / (dim // 4))
    row, column = torch.cartesian_prod(torch.arange(rows, **exact), torch.arange(columns, **exact)).unbind(1)
    angles = torch.outer(column, frequencies), torch.outer(row, frequencies)
    return torch.cat([part(angle) for angle in angles for part in (torch.sin, torch.cos)], dim=1).to(dtype).to(device)


class PatchEmbedding(nn.Module):
    """Map each patch linearly to a token: y_n = W x_n + b.

    ``projection`` is the linear layer over flattened patches. The forward pass runs the same weights as a
    convolution with stride P, which is quicker than cutting the patches first and equal to it.

    Shapes: images (B, C, H, W) → tokens (B, N, dim). Raises ValueError where the channels differ or
    P does not divide H and W. Source: Dosovitskiy et al. 2021, equation 1. Derived in chapter 1.

    >>> embed = PatchEmbedding(3, 16, 192)
    >>> embed(torch.zeros(2, 3, 32, 64)).shape
    torch.Size([2, 8, 192])
    """

    def __init__(
        self,
        channels: int,
        patch_size: int,
        dim: int,
        *,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a layer with torch's initial weights for ``nn.Linear``."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        self.channels = _checks.count("channels", channels)
        self.patch_size = _checks.count("patch_size", patch_size)
        length = self.channels * self.patch_size**2
        self.projection = nn.Linear(length, _checks.count("dim", dim), device=device, dtype=dtype)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N dim"]:
        """Return one token per patch."""
        _, channels, height, width = _checks.shape("images", images, "B C H W")
        _checks.together(images=images, weight=self.projection.weight)
        size = self.patch_size
        if channels != self.channels or height % size or width % size:
            expected = f"(B, {self.channels}, multiple of {size}, multiple of {size})"
            raise ValueError(f"images must have shape {expected}, got {tuple(images.shape)}")
        kernels = self.projection.weight.unflatten(1, (channels, size, size))
        return F.conv2d(images, kernels, self.projection.bias, stride=size).flatten(2).transpose(1, 2)

    def extra_repr(self) -> str:
        """Show the two sizes that ``projection`` hides in their product."""
        return f"channels={self.channels}, patch_size={self.patch_size}"


def _copy(view):
    """Lay out a view anew, always: overlapping or borrowed memory would be changed twice by one write."""
    return view.clone(memory_format=torch.contiguous_format)


def _side(length, channels):
    side = math.isqrt(length // channels)
    if channels * side * side != length or side == 0:
        raise ValueError(f"a patch of {length} numbers is not {channels} channel(s) of P×P pixels")
    return side


def _overlapping_grid(height, width, size, stride):
    steps = [max(math.ceil((pixels - size) / stride), 0) for pixels in (height, width)]
    fitting = tuple(size + number * stride for number in steps)
    if fitting != (height, width):
        raise ValueError(
            f"patches of {size} pixels, {stride} apart, do not end at the border of H, W = {height}, {width}; "
            f"padded to {fitting[0]}, {fitting[1]} they would"
        )
    return steps[0] + 1, steps[1] + 1


def _coverage(pixels, size, stride, device):
    """Count the patches that cover each pixel of one axis: those from ⌈(p−P+1)/s⌉ to ⌊p/s⌋ that exist."""
    position = torch.arange(pixels, device=device)
    last = (position // stride).clamp(max=(pixels - size) // stride)
    first = (torch.div(position - size, stride, rounding_mode="floor") + 1).clamp(min=0)
    return last - first + 1
