"""Windows: patches attend within small squares, and squares that move let the news travel."""

import itertools

import torch

from patchwork import _checks


def window_partition(x, window_size):
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


def window_merge(windows, grid):
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
        raise ValueError(f"grid {height}×{width} has {rows * columns} windows of {size}×{size}, got {number} windows")
    cells = windows.reshape(-1, rows, columns, size, size, channels)
    return _copy(cells.transpose(2, 3)).view(-1, height, width, channels)


def cyclic_shift(x, shift):
    """Move a map of tokens up and to the left; what leaves at one border comes back at the other.

    y[:, r, c] = x[:, (r + s) mod H, (c + s) mod W]: a permutation, and a shift by −s undoes it.

    Shapes: x (B, H, W, C) → (B, H, W, C). Any dtype. Raises ValueError where shift is not a whole number.
    Source: Liu et al. 2021, section 3.2. Derived in chapter 3.

    >>> cyclic_shift(torch.arange(9).view(1, 3, 3, 1), 1).view(3, 3)
    tensor([[4, 5, 3],
            [7, 8, 6],
            [1, 2, 0]])
    """
    _checks.shape("x", x, "B H W C")
    shift = _checks.count("shift", shift, at_least=-torch.inf)
    return x.roll((-shift, -shift), (1, 2))


def shifted_window_mask(grid, window_size, shift, *, device=None):
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


def relative_position_index(window_size, *, device=None):
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


def window_relation(grid, window_size, *, shift=0, device=None):
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


def merging_relation(grid, *, device=None):
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


def reach(relations):
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


def attention_cost(grid, dim, *, window_size=None):
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
    return rows.unsqueeze(1) * (grid[1] + 1) + columns


def _fitting(grid, size, shift):
    """Return window size and shift of a block on this grid: one that is no larger than the window needs no shift."""
    return (size, shift) if min(grid) > size else (min(grid), 0)


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
        _checks.shape(name, layer, "M N")
        if layer.dtype != torch.bool:
            raise ValueError(f"{name} must be boolean, got {layer.dtype}; write A > 0 for the positive entries of A")
    _checks.on_one_device(**layers)
    for place, (before, after) in enumerate(itertools.pairwise(relations)):
        if after.shape[1] != before.shape[0]:
            found = f"{tuple(before.shape)} and relations[{place + 1}] {tuple(after.shape)}"
            raise ValueError(f"relations[{place}] {found} do not chain: (N_1, N_0) is followed by (N_2, N_1)")
