"""Windows: patches attend within small squares, and squares that move let the news travel."""

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from patchwork import _checks
from patchwork._cached import SizeCache
from patchwork._types import Device, Pair
from patchwork.attention import MultiHeadSelfAttention
from patchwork.patches import PatchEmbedding


def window_partition(x: Shaped[Tensor, "B H W C"], window_size: int) -> Shaped[Tensor, "Bn M M C"]:
    """Cut a map of tokens into windows of M×M, row by row.

    Window n = r·(W/M) + c holds x[:, rM:(r+1)M, cM:(c+1)M]: a permutation of the tokens, none changed.

    Shapes: x (B, H, W, C) → (B·n, M, M, C) with n = (H/M)·(W/M), all windows of the first image first. Any dtype.
    Raises ValueError where M does not divide H and W.
    Source: Liu et al. 2021, section 3.2. Derived in chapter 3.

    >>> window_partition(torch.arange(16).view(1, 4, 4, 1), 2)[1].flatten()
    tensor([2, 3, 6, 7])
    """
    _, height, width, channels = _checks.shape("x", x, "B H W C")
    size = _checks.count("window_size", window_size)
    _check_divides(size, (height, width))
    cells = x.reshape(-1, height // size, size, width // size, size, channels)
    return _copy(cells.transpose(2, 3)).view(-1, size, size, channels)


def window_merge(windows: Shaped[Tensor, "Bn M M C"], grid: Pair) -> Shaped[Tensor, "B H W C"]:
    """Put windows back in their places: the inverse of ``window_partition``.

    Shapes: windows (B·n, M, M, C), grid (H, W) with n = (H/M)·(W/M) → (B, H, W, C). Any dtype.
    Raises ValueError where windows are not square, M does not divide the grid, or n the number of windows.
    Derived in chapter 3.

    >>> x = torch.arange(48).view(2, 4, 6, 1)
    >>> torch.equal(window_merge(window_partition(x, 2), (4, 6)), x)
    True
    """
    number, size, across, channels = _checks.shape("windows", windows, "B·n M M C")
    height, width = _checks.pair("grid", grid)
    if size != across:
        raise ValueError(f"windows must be square, got {size}×{across}")
    _check_divides(size, (height, width))
    rows, columns = height // size, width // size
    if number % (rows * columns):
        raise ValueError(
            f"grid {height}×{width} has {rows * columns} windows of {size}×{size} per image, got {number} windows"
        )
    cells = windows.reshape(-1, rows, columns, size, size, channels)
    return _copy(cells.transpose(2, 3)).view(-1, height, width, channels)


def cyclic_shift(x: Shaped[Tensor, "B H W C"], shift: int) -> Shaped[Tensor, "B H W C"]:
    """Move a map of tokens up and to the left; what leaves at one border comes back at the other.

    y[:, r, c] = x[:, (r + s) mod H, (c + s) mod W]: a permutation, and a shift by −s undoes it.

    Shapes: x (B, H, W, C) → (B, H, W, C). Any dtype. Raises ValueError where shift is not a whole number.
    Source: Liu et al. 2021, section 3.2. Derived in chapter 3.

    >>> cyclic_shift(torch.arange(9).view(1, 3, 3, 1), 1).view(3, 3)
    tensor([[4, 5, 3],
            [7, 8, 6],
            [1, 2, 0]])
    """
    _, *grid, _ = _checks.shape("x", x, "B H W C")
    shift = _checks.count("shift", shift, at_least=None)
    return x.roll([-shift % length for length in grid], (1, 2))


def shifted_window_mask(grid: Pair, window_size: int, shift: int, *, device: Device = None) -> Bool[Tensor, "n MM MM"]:
    """Return which tokens of a window of the shifted grid were neighbors before the shift: these may attend.

    A window at the lower or right border holds tokens that came round from the other side. Two tokens may
    attend where both came round, or neither, along the rows and along the columns.

    Shapes: grid (H, W) → boolean (n, M², M²) with n = (H/M)·(W/M), True = may attend; all True where shift is 0.
    Raises ValueError where M does not divide the grid, or where shift is not in 0 … M−1.
    Source: Liu et al. 2021, section 3.2. Derived in chapter 3.

    >>> shifted_window_mask((2, 2), 2, 1).int()
    tensor([[[1, 0, 0, 0],
             [0, 1, 0, 0],
             [0, 0, 1, 0],
             [0, 0, 0, 1]]], dtype=torch.int32)
    """
    grid, size = _checks.pair("grid", grid), _checks.count("window_size", window_size)
    shift = _check_shift(shift, size)
    _check_divides(size, grid)
    regions = _regions(grid, size, shift, _checks.placement(device)[0])
    regions = window_partition(cyclic_shift(regions[None, :, :, None], shift), size).flatten(1)
    return regions.unsqueeze(2) == regions.unsqueeze(1)


def relative_position_index(window_size: int, *, device: Device = None) -> Int[Tensor, "MM MM"]:
    """Return which of the (2M−1)² relative positions each pair of a window's tokens has.

    The tokens i, which asks, and j lie Δ = position of i − position of j apart, Δ in −(M−1) … M−1 along each axis;
    the index is (Δrow + M − 1)(2M − 1) + (Δcolumn + M − 1).

    Shapes: M → whole numbers (M², M²) in [0, (2M−1)²).
    Raises ValueError where window_size is not a positive whole number.
    Source: Liu et al. 2021, section 3.2. Derived in chapter 3.

    >>> relative_position_index(2)
    tensor([[4, 3, 1, 0],
            [5, 4, 2, 1],
            [7, 6, 4, 3],
            [8, 7, 5, 4]])
    """
    size = _checks.count("window_size", window_size)
    place = torch.arange(size**2, device=_checks.placement(device)[0])
    row, column = place // size, place % size
    number = row * (2 * size - 1) + column
    return number.unsqueeze(1) - number + (size - 1) * 2 * size


class WindowAttention(MultiHeadSelfAttention):
    """Let the tokens of each window attend to each other: A_h = softmax(Q_h K_hᵀ/√d + B_h + mask).

    It is attention as in chapter 2, with windows in place of images and a learned bias B that depends on nothing but
    the relative position of two tokens: ``bias_table`` ((2M−1)², heads), read by ``relative_position_index``. It
    starts normal with a standard deviation of .02.

    Shapes: windows (B·n, M², dim) → the same; with ``return_weights`` also the weights (B·n, heads, M², M²). The mask
    (n, M², M²) is boolean, True = may attend, or floating and added to the logits, and repeats for each image. Smaller
    windows of m×m tokens use the inner (2m−1)² entries of the table.
    Raises ValueError where heads do not divide dim, or where shapes, devices or dtypes do not fit.
    Source: Liu et al. 2021, equation 4. Derived in chapter 3.

    >>> y, weights = WindowAttention(8, 2, 3)(torch.zeros(4, 9, 8), return_weights=True)
    >>> y.shape, weights.shape
    (torch.Size([4, 9, 8]), torch.Size([4, 2, 9, 9]))
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        window_size: int,
        *,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a layer with torch's initial weights for ``nn.Linear``; the bias table is normal."""
        device, dtype = _checks.placement(device, dtype)
        super().__init__(dim, heads, device=device, dtype=dtype)
        self.window_size = _checks.count("window_size", window_size)
        table = torch.empty((2 * self.window_size - 1) ** 2, self.heads, device=device, dtype=dtype)
        self.bias_table = nn.Parameter(table.normal_(std=0.02))

    def forward(
        self,
        windows: Float[Tensor, "Bn MM dim"],
        *,
        mask: Float[Tensor, "n MM MM"] | Bool[Tensor, "n MM MM"] | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "Bn MM dim"] | tuple[Float[Tensor, "Bn MM dim"], Float[Tensor, "Bn heads MM MM"]]:
        """Return the mixed tokens, or these and the weights that mixed them."""
        number, size = self._check_windows(windows)
        added = self.bias(size).unsqueeze(0)
        if mask is not None:
            _check_window_mask(mask, windows, self.bias_table)
            mask = mask.unsqueeze(1)
            added = torch.where(mask, added, -torch.inf) if mask.dtype == torch.bool else added + mask
            added = added.expand(number // len(mask), *added.shape).flatten(0, 1)
        return super().forward(windows, mask=added, return_weights=return_weights)

    def bias(self, window_size: int | None = None) -> Float[Tensor, "heads MM MM"]:
        """Return the bias (heads, M², M²) of each pair of a window's tokens; M is the layer's own unless given."""
        size = self.window_size if window_size is None else _checks.count("window_size", window_size)
        outside, across = self.window_size - size, 2 * self.window_size - 1
        if outside < 0:
            raise ValueError(f"window_size must be at most {self.window_size}, for which the bias table is, got {size}")
        inner = slice(outside, across - outside)
        table = self.bias_table.T.reshape(self.heads, across, across)[:, inner, inner].flatten(1)
        return table[:, relative_position_index(size, device=table.device)]

    def _check_windows(self, windows):
        number, tokens, width = _checks.shape("windows", windows, "B·n M² C")
        size, dim = math.isqrt(tokens), self.projection.in_features
        if width != dim or size**2 != tokens or size > self.window_size:
            most = self.window_size
            raise ValueError(f"windows must be (B·n, M², {dim}) with M up to {most}, got {tuple(windows.shape)}")
        _checks.together(windows=windows, weight=self.projection.weight)
        return number, size

    def extra_repr(self) -> str:
        """Show the number of heads and the window size."""
        return f"{super().extra_repr()}, window_size={self.window_size}"


class SwinBlock(nn.Module):
    """Let the tokens attend within their windows, then apply an mlp to each, as in ``TransformerBlock``.

    x + merge(attention(partition(norm(x)))), then x + mlp(norm(x)). With a shift s the map moves up and left by s
    before it is cut, and back after it is merged; the mask keeps apart what came round. Where M does not divide the
    grid, zeros are added right and below after the norm; they answer like other tokens, as in the authors' code for
    segmentation and in transformers (their classifier pads nothing at 224 pixels, where M = 7 divides every grid).
    A grid no larger than M is cut into windows of its shorter side, without shift.

    Shapes: x (B, H, W, dim) → the same; with ``return_weights`` also the weights (B, n, heads, M², M²), n windows of
    the padded, shifted grid row by row.
    Raises ValueError where shift is not in 0 … M−1, heads do not divide dim, or shapes, devices or dtypes do not fit.
    Source: Liu et al. 2021, equation 3. Derived in chapter 3.

    >>> y, weights = SwinBlock(8, 2, 4, shift=2)(torch.zeros(1, 8, 10, 8), return_weights=True)
    >>> y.shape, weights.shape
    (torch.Size([1, 8, 10, 8]), torch.Size([1, 6, 2, 16, 16]))
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        window_size: int,
        *,
        shift: int = 0,
        mlp_ratio: int = 4,
        eps: float = 1e-5,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a block with torch's initial weights; the bias table is normal."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        made = {"device": device, "dtype": dtype}
        dim, eps = _checks.count("dim", dim), _checks.number("eps", eps, at_least=0)
        hidden = dim * _checks.count("mlp_ratio", mlp_ratio)
        self.attention = WindowAttention(dim, heads, window_size, **made)
        self.shift = _check_shift(shift, self.attention.window_size)
        self.attention_norm, self.mlp_norm = (nn.LayerNorm(dim, eps=eps, **made) for _ in range(2))
        self.mlp = nn.Sequential(nn.Linear(dim, hidden, **made), nn.GELU(), nn.Linear(hidden, dim, **made))
        self._plan = SizeCache()

    def forward(
        self,
        x: Float[Tensor, "B H W dim"],
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "B H W dim"] | tuple[Float[Tensor, "B H W dim"], Float[Tensor, "B n heads MM MM"]]:
        """Return the map after both steps, or this and the weights of the first."""
        _check_map(x, self.attention_norm.weight)
        gathered, weights = self._gather(self.attention_norm(x), return_weights)
        x = x + gathered
        x = x + self.mlp(self.mlp_norm(x))
        return (x, weights) if return_weights else x

    def _gather(self, x, return_weights):
        batch, *grid, _ = x.shape
        size, shift = _fitting(grid, self.attention.window_size, self.shift)
        there, back, mask = self._plan.get(_plan, tuple(grid), size, shift, like=self.attention.bias_table)
        windows = _pad(x, size).flatten(1, 2).index_select(1, there).unflatten(1, (-1, size**2)).flatten(0, 1)
        attended = self.attention(windows, mask=mask, return_weights=return_weights)
        mixed, weights = attended if return_weights else (attended, None)
        mixed = mixed.view(batch, -1, mixed.shape[-1]).index_select(1, back).unflatten(1, grid)
        return mixed, weights if weights is None else weights.unflatten(0, (batch, -1))

    def extra_repr(self) -> str:
        """Show the shift, which no weight shows."""
        return f"shift={self.shift}"


class PatchMerging(nn.Module):
    """Make one token of four neighbors: y = W · norm(the 2×2 cell), half the grid and twice the width.

    The four are stacked column by column, (0, 0), (1, 0), (0, 1), (1, 1), as the published weights expect. At an odd
    border zeros stand in for the missing ones.

    Shapes: x (B, H, W, dim) → (B, ⌈H/2⌉, ⌈W/2⌉, 2·dim). Raises ValueError where shapes, devices or dtypes do not fit.
    Source: Liu et al. 2021, section 3.1. Derived in chapter 3.

    >>> PatchMerging(8)(torch.zeros(1, 5, 6, 8)).shape
    torch.Size([1, 3, 3, 16])
    """

    def __init__(self, dim: int, *, device: Device = None, dtype: torch.dtype | None = None) -> None:
        """Make a layer with torch's initial weights for ``nn.Linear``, without bias."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        self.dim = _checks.count("dim", dim)
        self.norm = nn.LayerNorm(4 * self.dim, device=device, dtype=dtype)
        self.reduction = nn.Linear(4 * self.dim, 2 * self.dim, bias=False, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "B H W dim"]) -> Float[Tensor, "B (H+1)//2 (W+1)//2 2*dim"]:
        """Return the merged map."""
        _check_map(x, self.reduction.weight, self.dim)
        cells = _pad(x, 2).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        return self.reduction(self.norm(cells.permute(0, 1, 3, 4, 2, 5).flatten(3)))


class SwinTransformer(nn.Module):
    """Classify an image by stages of windows: between two stages the grid halves and the width doubles.

    Stage l has ``depths[l]`` blocks of width 2^l·dim and ``heads[l]`` heads, every second one shifted by ⌊M/2⌋;
    ``PatchMerging`` stands between stages. First the patches are embedded and normalized; last come a norm, the mean
    over the map and a linear layer.

    Shapes: images (B, C, H, W) → logits (B, classes); with ``return_weights`` also a list of the weights
    (B, n, heads, M², M²) of each block. Images may be of any size that P divides.
    Raises ValueError where depths and heads differ in length, heads[l] does not divide 2^l·dim, or images do not fit.
    Source: Liu et al. 2021, section 3.1. Derived in chapter 3.

    >>> model = SwinTransformer(3, 4, 8, (2, 2), (1, 2), 4, classes=5)
    >>> images = torch.zeros(1, 3, 32, 32)
    >>> model(images).shape, [map.shape[1:] for map in model.features(images)]
    (torch.Size([1, 5]), [torch.Size([8, 8, 8]), torch.Size([4, 4, 16])])
    """

    def __init__(
        self,
        channels: int,
        patch_size: int,
        dim: int,
        depths: Sequence[int],
        heads: Sequence[int],
        window_size: int,
        classes: int,
        *,
        mlp_ratio: int = 4,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a model with torch's initial weights; the bias tables are normal."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        made = {"device": device, "dtype": dtype}
        depths, heads = _check_stages(depths, heads)
        self.embed = PatchEmbedding(channels, patch_size, dim, **made)
        dims = [self.embed.projection.out_features * 2**stage for stage in range(len(depths))]
        self.embed_norm = nn.LayerNorm(dims[0], **made)
        self.stages = nn.ModuleList(
            _stage(*sizes, window_size, mlp_ratio=mlp_ratio, **made) for sizes in zip(dims, depths, heads, strict=True)
        )
        self.mergings = nn.ModuleList(PatchMerging(dim, **made) for dim in dims[:-1])
        self.norm = nn.LayerNorm(dims[-1], **made)
        self.head = nn.Linear(dims[-1], _checks.count("classes", classes), **made)

    def forward(
        self,
        images: Float[Tensor, "B C H W"],
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "B classes"] | tuple[Float[Tensor, "B classes"], list[Float[Tensor, "B _n _heads _MM _MM"]]]:
        """Return the logits, or these and the weights of each block."""
        maps, weights = self._run(images, return_weights)
        logits = self.head(self.norm(maps[-1]).mean((1, 2)))
        return (logits, weights) if return_weights else logits

    def features(self, images: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B _H _W _dim"]]:
        """Return the maps (B, H_l, W_l, 2^l·dim) of each stage, as they leave its blocks."""
        return self._run(images, False)[0]

    def _run(self, images, return_weights):
        tokens, size = self.embed(images), self.embed.patch_size
        x = self.embed_norm(tokens).unflatten(1, (images.shape[2] // size, -1))
        maps, weights = [], []
        for stage, blocks in enumerate(self.stages):
            x = self.mergings[stage - 1](x) if stage else x
            for block in blocks:
                x = block(x, return_weights=return_weights)
                if return_weights:
                    x, of_block = x
                    weights.append(of_block)
            maps.append(x)
        return maps, weights


def window_relation(grid: Pair, window_size: int, *, shift: int = 0, device: Device = None) -> Bool[Tensor, "N N"]:
    """Return who may attend to whom in one block, patches in their own order: a block-diagonal matrix, permuted.

    Undoing the shift and leaving out the masked pairs, the windows are those that start at row and column s, with
    cut ones before them: i and j relate where ⌊(r − s)/M⌋ and ⌊(c − s)/M⌋ are the same for both.

    Shapes: grid (rows, columns) → boolean (N, N), True = may attend, symmetric. Where M does not divide the grid the
    block pads it, but only real patches appear here; a grid no larger than M is one band of windows of its
    shorter side, without shift, as in ``SwinBlock``.
    Raises ValueError where shift is not in 0 … M−1. Source: Liu et al. 2021, section 3.2. Derived in chapter 3.

    >>> window_relation((4, 4), 2, shift=1)[5].view(4, 4).int()
    tensor([[0, 0, 0, 0],
            [0, 1, 1, 0],
            [0, 1, 1, 0],
            [0, 0, 0, 0]], dtype=torch.int32)
    """
    grid, size = _checks.pair("grid", grid), _checks.count("window_size", window_size)
    size, shift = _fitting(grid, size, _check_shift(shift, size))
    regions = _regions(grid, size, shift, _checks.placement(device)[0]).flatten()
    return regions.unsqueeze(1) == regions


def merging_relation(grid: Pair, *, device: Device = None) -> Bool[Tensor, "M N"]:
    """Return which patches a merged patch hears: the up to four of its 2×2 cell.

    Shapes: grid (R, C) → boolean (⌈R/2⌉·⌈C/2⌉, R·C), one True per column; a cell that ends outside hears fewer.
    Raises ValueError where the grid is not a pair of positive whole numbers. Used in chapter 3.

    >>> merging_relation((2, 3)).int()
    tensor([[1, 1, 0, 1, 1, 0],
            [0, 0, 1, 0, 0, 1]], dtype=torch.int32)
    """
    rows, columns = _checks.pair("grid", grid)
    place = torch.arange(rows * columns, device=_checks.placement(device)[0])
    across = -(-columns // 2)
    cell = place // columns // 2 * across + place % columns // 2
    cells = torch.arange(-(-rows // 2) * across, device=place.device)
    return cells.unsqueeze(1) == cell


def reach(relations: Sequence[Bool[Tensor, "_M _N"]]) -> Bool[Tensor, "M N"]:
    """Follow who hears whom through several layers: the Boolean product R_L … R_1, first applied first.

    Entry (i, j) is True where news of patch j of the input can arrive at patch i of the last layer, by any path.

    Shapes: relations, boolean (N_(l+1), N_l) each → boolean (N_L, N_0); rectangular where merging shrinks the grid.
    Raises ValueError where the relations are not boolean or do not chain. Derived in chapter 3.

    >>> still, shifted = window_relation((4, 4), 2), window_relation((4, 4), 2, shift=1)
    >>> reach([still, shifted]).sum(1).view(4, 4)
    tensor([[ 4,  8,  8,  4],
            [ 8, 16, 16,  8],
            [ 8, 16, 16,  8],
            [ 4,  8,  8,  4]])
    """
    _check_chain(relations)
    # A sum of ones may lose its count in floating point, but never becomes zero: the answer is exact.
    heard = relations[0].float()
    for relation in relations[1:]:
        heard = (relation.float() @ heard).clamp(max=1)
    return heard > 0


def attention_cost(grid: Pair, dim: int, *, window_size: int | None = None) -> int:
    """Count the multiply-adds of attention over h×w tokens of width C, whole or in windows.

    Whole: 4hwC² + 2(hw)²C. In windows: 4hwC² + 2M²hwC. The first term is the four projections (queries, keys,
    values, output), the second the two products QKᵀ and AV; softmax, biases and mlp are left out.

    Shapes: grid (h, w) → an int. Where M does not divide the grid, h and w are those of the padded one; a grid no
    larger than M has windows of its shorter side: both as ``SwinBlock`` does.
    Raises ValueError where a size is not a positive whole number.
    Source: Liu et al. 2021, equations 1 and 2. Derived in chapter 3.

    >>> round(attention_cost((56, 56), 96) / attention_cost((56, 56), 96, window_size=7), 1)
    13.8
    """
    grid, dim = _checks.pair("grid", grid), _checks.count("dim", dim)
    if window_size is None:
        number = heard = grid[0] * grid[1]
    else:
        size, _ = _fitting(grid, _checks.count("window_size", window_size), 0)
        height, width = (-(-length // size) * size for length in grid)
        number, heard = height * width, size**2
    return 4 * number * dim**2 + 2 * heard * number * dim


def _regions(grid, size, shift, device):
    """Number, for each patch, the window it is in after a shift; one that comes round starts a number of its own."""
    rows, columns = ((torch.arange(length, device=device) + size - shift) // size for length in grid)
    return rows.unsqueeze(1) * grid[1] + columns


def _fitting(grid, size, shift):
    """Return window size and shift of a block on this grid: one that is no larger than the window needs no shift."""
    return (size, shift) if min(grid) > size else (min(grid), 0)


def _stage(dim, depth, heads, window_size, **options):
    size = _checks.count("window_size", window_size)
    shifts = (size // 2 * (place % 2) for place in range(depth))
    return nn.ModuleList(SwinBlock(dim, heads, size, shift=shift, **options) for shift in shifts)


def _pad(x, size):
    """Add zeros right and below until ``size`` divides the map."""
    below, right = (-length % size for length in x.shape[1:3])
    return F.pad(x, (0, 0, 0, right, 0, below)) if below or right else x


def _plan(grid, size, shift, like):
    """Shift and partition as one order of the tokens, its inverse without the padding, and the mask as logits."""
    rows, columns = (-(-length // size) * size for length in grid)
    place = torch.arange(rows * columns, device=like.device).view(1, rows, columns, 1)
    there = window_partition(cyclic_shift(place, shift), size).flatten()
    back = there.argsort().view(rows, columns)[: grid[0], : grid[1]].flatten()
    if not shift:
        return there, back, None
    allowed = shifted_window_mask((rows, columns), size, shift, device=like.device)
    return there, back, torch.zeros_like(allowed, dtype=like.dtype).masked_fill(~allowed, -torch.inf)


def _copy(view):
    """Lay out a view anew, always: a window of borrowed memory would change its map."""
    return view.clone(memory_format=torch.contiguous_format)


def _check_divides(size, grid):
    if grid[0] % size or grid[1] % size:
        raise ValueError(f"window_size {size} does not divide the grid {grid[0]}×{grid[1]}")


def _check_shift(shift, size):
    shift = _checks.count("shift", shift, at_least=0)
    if shift >= size:
        raise ValueError(f"shift must be in 0 … {size - 1} for window_size {size}, got {shift}")
    return shift


def _check_chain(relations):
    if not isinstance(relations, (list, tuple)) or not relations:
        got = "an empty one" if isinstance(relations, (list, tuple)) else type(relations).__name__
        raise ValueError(f"relations must be a list of boolean (N_(l+1), N_l), first applied first, got {got}")
    layers = {f"relations[{place}]": layer for place, layer in enumerate(relations)}
    for name, layer in layers.items():
        _checks.shape(name, layer, "N_(l+1) N_l")
        if layer.dtype != torch.bool:
            raise ValueError(f"{name} must be boolean, got {layer.dtype}; write A > 0 for the positive entries of A")
    _checks.on_one_device(**layers)
    for place, (before, after) in enumerate(itertools.pairwise(relations)):
        if after.shape[1] != before.shape[0]:
            earlier, later = (f"relations[{place + n}] {tuple(layer.shape)}" for n, layer in enumerate((before, after)))
            raise ValueError(f"{later} does not follow {earlier}: its columns must be the rows of that one")


def _check_window_mask(mask, windows, table):
    number, tokens, _ = windows.shape
    count, rows, columns = _checks.shape("mask", mask, "n M² M²")
    if rows != tokens or columns != tokens or number % count:
        expected = f"(n, {tokens}, {tokens}), n a divisor of the {number} windows"
        raise ValueError(f"mask must have shape {expected}, got {tuple(mask.shape)}")
    if mask.dtype == torch.bool:
        _checks.on_one_device(mask=mask, bias_table=table)
    else:
        _checks.floating("mask", mask)
        _checks.together(mask=mask, bias_table=table)


def _check_map(x, weight, dim=None):
    dim = weight.shape[0] if dim is None else dim
    if _checks.shape("x", x, "B H W C")[3] != dim:
        raise ValueError(f"x must have shape (B, H, W, {dim}), got {tuple(x.shape)}")
    _checks.together(x=x, weight=weight)


def _check_stages(depths, heads):
    for name, value in (("depths", depths), ("heads", heads)):
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError(f"{name} must hold one number per stage, got {value!r}")
    if len(depths) != len(heads):
        raise ValueError(f"depths and heads must have one number per stage, got {depths!r} and {heads!r}")
    numbers = ("depths", depths), ("heads", heads)
    return tuple(
        [_checks.count(f"{name}[{stage}]", number) for stage, number in enumerate(value)] for name, value in numbers
    )
