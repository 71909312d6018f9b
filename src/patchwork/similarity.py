"""Similarity: a formula decides how alike two patches are, and what it measures decides what it sees."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwork import _checks, _distances
from patchwork._arithmetic import box_means, precise_dtype, without_autocast
from patchwork._types import Pair

_STRIP = 2  # rows of a grid at once
_CACHED = 2**16  # pixels at once


def squared_distances(
    a: Float[Tensor, "... M D"],
    b: Float[Tensor, "... N D"] | None = None,
) -> Float[Tensor, "... M N"]:
    """Return the squared Euclidean distances between all patches of ``a`` and ``b``, or between those of ``a``.

    ‖a_i − b_j‖² = |a_i|² + |b_j|² − 2 a_i·b_j by one matrix product, which loses the digits that the three terms share.
    So the mean is taken off first, all is float64, and pairs that are still too near for it are subtracted number by
    number: a patch and its copy, or itself, are exactly 0 apart.

    Shapes: a (…, M, D), b (…, N, D) → (…, M, N), at least 0; leading axes broadcast.
    Raises ValueError where shapes, devices or dtypes do not fit. Derived in chapter 5.

    >>> squared_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    tensor([[ 0., 25.],
            [25.,  0.]])
    """
    return _distances.over_pairs(*_check_pairs(a, b), lambda squared: squared)


def cosine_similarity(
    a: Float[Tensor, "... M D"],
    b: Float[Tensor, "... N D"] | None = None,
) -> Float[Tensor, "... M N"]:
    """Return the cosines of the angles between all patches of ``a`` and ``b``, or between those of ``a``.

    cos_ij = a_i·b_j / (|a_i| |b_j|): no gain changes it. A patch of zeros has no direction; its cosine is 0, with
    itself too.

    Shapes: a (…, M, D), b (…, N, D) → (…, M, N), in [−1, 1]; leading axes broadcast.
    Raises ValueError where shapes, devices or dtypes do not fit. Derived in chapter 5.

    >>> cosine_similarity(torch.tensor([[1.0, 0.0], [2.0, 0.0], [-3.0, 4.0]]))[0].round(decimals=3)
    tensor([ 1.0000,  1.0000, -0.6000])
    """
    a, b = _check_pairs(a, b)
    return _cosines(a, b)


def correlation(a: Float[Tensor, "... M D"], b: Float[Tensor, "... N D"] | None = None) -> Float[Tensor, "... M N"]:
    """Return the correlations between all patches of ``a`` and ``b``: the cosines of patches minus their own mean.

    ρ_ij = cos(a_i − mean(a_i), b_j − mean(b_j)), also called ZNCC: neither gain nor offset changes it. A constant
    patch has nothing left; its correlation is 0, with itself too.

    Shapes: a (…, M, D), b (…, N, D) → (…, M, N), in [−1, 1]; leading axes broadcast.
    Raises ValueError where shapes, devices or dtypes do not fit. Derived in chapter 5.

    >>> correlation(torch.tensor([[1.0, 2.0, 3.0], [5.0, 7.0, 9.0], [4.0, 4.0, 4.0]]))[0].round(decimals=3)
    tensor([1., 1., 0.])
    """
    a, b = _check_pairs(a, b)
    return _cosines(a, b, _centered)


def mahalanobis_distances(
    a: Float[Tensor, "... M D"],
    b: Float[Tensor, "... N D"] | None = None,
    *,
    covariance: Float[Tensor, "D D"],
) -> Float[Tensor, "... M N"]:
    """Return the distances between all patches in units of the spread of the data, not squared.

    d_ij² = (a_i − b_j)ᵀ Σ⁻¹ (a_i − b_j) with the covariance Σ = L Lᵀ: the Euclidean distance of whitened patches L⁻¹ x.
    No invertible linear map of patches changes it, where Σ is mapped too.

    Shapes: a (…, M, D), b (…, N, D), covariance (D, D) → (…, M, N), at least 0; leading axes broadcast. The gradient at
    distance 0 is 0. Raises ValueError where the covariance is not symmetric and positive definite, or where shapes,
    devices or dtypes do not fit.
    Source: Mahalanobis 1936. Derived in chapter 5.

    >>> mahalanobis_distances(torch.tensor([[0.0, 0.0], [2.0, 0.0]]), covariance=torch.tensor([[4.0, 0.0], [0.0, 1.0]]))
    tensor([[0., 1.],
            [1., 0.]])
    """
    a, b = _check_pairs(a, b)
    factor = _factor(covariance, a)
    return _distances.over_pairs(
        a, b, _root, lambda patches: torch.linalg.solve_triangular(factor, patches.mT, upper=False).mT
    )


def gaussian_affinity(
    a: Float[Tensor, "... M D"],
    b: Float[Tensor, "... N D"] | None = None,
    *,
    bandwidth: float,
) -> Float[Tensor, "... M N"]:
    """Return how near all patches are to each other, from 1 for equal ones down to 0: a Gaussian of their distance.

    w_ij = exp(−‖a_i − b_j‖² / 2σ²), σ the bandwidth. Divided by its row sums it is the softmax of −‖a_i − b_j‖² / 2σ².

    Shapes: a (…, M, D), b (…, N, D) → (…, M, N), in [0, 1], 0 where the dtype has nothing smaller; leading axes
    broadcast. Raises ValueError where the bandwidth is not above 0, or where shapes, devices or dtypes do not fit.
    Derived in chapter 5.

    >>> gaussian_affinity(torch.tensor([[0.0], [1.0], [2.0]]), bandwidth=1.0)[0]
    tensor([1.0000, 0.6065, 0.1353])
    """
    factor = _distances.gaussian_factor(bandwidth)
    return _distances.over_pairs(*_check_pairs(a, b), lambda squared: (squared * factor).exp())


def structural_similarity(
    a: Float[Tensor, "... H W"],
    b: Float[Tensor, "... H W"],
    *,
    window_size: int = 7,
    data_range: float | None = None,
) -> Float[Tensor, " B"] | Float[Tensor, ""]:
    """Return how alike two images are in brightness, contrast and structure, window by window: the mean SSIM.

    SSIM = (2 μ_a μ_b + c₁)(2 σ_ab + c₂) / ((μ_a² + μ_b² + c₁)(σ_a² + σ_b² + c₂)) for each square window inside the
    images, all its pixels weighted alike, with sample variances (divided by n − 1), c₁ = (.01 L)², c₂ = (.03 L)² and
    L = ``data_range``; then the mean over windows and channels. It equals scikit-image's, with its defaults. L is the
    distance between the least and the largest value that an image can have: 1 unless given, for images in [0, 1], which
    noise may leave by ½.

    Shapes: a and b (B, C, H, W) → (B,), one image (C, H, W) or (H, W) → (), in [−1, 1].
    Raises ValueError where shapes, devices or dtypes differ, the window has one pixel or does not fit, or without
    ``data_range`` for values beyond −½ … 1½, such as 0 … 255.
    Source: Wang et al. 2004. Derived in chapter 5.

    >>> image = torch.arange(64.0).view(8, 8) / 64
    >>> structural_similarity(image, image), structural_similarity(image, 1 - image)
    (tensor(1.), tensor(-0.9550))
    """
    size = _check_images(a, b, window_size)
    if data_range is None:
        _check_unit_range(a=a, b=b)
    span = 1.0 if data_range is None else _checks.number("data_range", data_range, above=0)
    constants = [(share * span) ** 2 for share in (0.01, 0.03)]
    pictures = [_distances.exact(part).reshape(-1, *a.shape[-2:]) for part in (a, b)]
    several = max(1, _CACHED // math.prod(a.shape[-2:]))
    parts = zip(*(picture.split(several) for picture in pictures), strict=True)
    means = torch.cat([_mean_ssim(*part, size, *constants) for part in parts]).view(a.shape[:-2])
    return (means.mean(-1) if a.ndim > 2 else means).to(a)


def neighbor_similarity(
    features: Float[Tensor, "... N D"],
    grid: Pair,
    metric: Literal["euclidean", "cosine", "correlation"],
) -> tuple[Float[Tensor, "... {grid[0]} {grid[1]-1}"], Float[Tensor, "... {grid[0]-1} {grid[1]}"]]:
    """Compare each patch of a grid with the one to its right and the one below it, by slices and not by all pairs.

    ``metric`` is "euclidean" (the distance: 0 is alike), "cosine" or "correlation" (1 is alike; 0 for patches of zeros,
    or constant ones).

    Shapes: features (…, N, D), grid (rows, columns) → to the right (…, rows, columns − 1), downward (…, rows − 1,
    columns). The gradient at distance 0 is 0.
    Raises ValueError where N differs from rows·columns, or the metric has another name. Derived in chapter 5.

    >>> right, down = neighbor_similarity(torch.tensor([[0.0], [3.0], [1.0], [1.0]]), (2, 2), "euclidean")
    >>> right, down
    (tensor([[3.],
            [0.]]), tensor([[1., 2.]]))
    """
    *lead, number, _ = _check_patches("features", features)
    grid = _checks.pair("grid", grid)
    if number != math.prod(grid):
        raise ValueError(f"grid {grid[0]}×{grid[1]} has {math.prod(grid)} patches, got N = {number}")
    _checks.choice("metric", metric, _METRICS)
    cells = _squarable(features.to(precise_dtype(features)))[0].reshape(-1, *grid, features.shape[-1])
    # A few rows at a time stay in the cache; fresh memory for all of them would take longer than the arithmetic.
    strips = [cells[:, row : row + _STRIP + 1] for row in range(0, grid[0], _STRIP)]
    with without_autocast(features):
        parts = zip(*(_METRICS[metric](strip) for strip in strips), strict=True)
    right, down = (torch.cat(part, 1).to(features) for part in parts)
    return right.view(*lead, grid[0], grid[1] - 1), down.view(*lead, grid[0] - 1, grid[1])


def nearest_neighbors(
    queries: Float[Tensor, "... M D"],
    database: Float[Tensor, "... N D"],
    k: int,
    *,
    chunk_size: int = 1024,
) -> tuple[Float[Tensor, "... M k"], Int[Tensor, "... M k"]]:
    """Find the k nearest patches of a database for each query: exactly, and never all distances at once.

    A product in float32 proposes k + 3 candidates; their distances are computed number by number in float64. Where
    these do not prove, by the bound on the product's rounding error, that no other patch is nearer, a product in
    float64 proposes anew, and then all distances are computed. Among equally near ones the first come first.

    Shapes: queries (…, M, D), database (…, N, D) → distances (…, M, k), ascending, not squared, and indices (…, M, k);
    leading axes broadcast. Beside copies of its inputs it holds (chunk_size, N) numbers. The distances are
    differentiable; the gradient at distance 0 is 0. A query that is in the database finds itself.
    Raises ValueError where k > N, for numbers that are not finite, or where shapes, devices or dtypes do not fit.
    Derived in chapter 5.

    >>> nearest_neighbors(torch.tensor([[0.9]]), torch.tensor([[0.0], [1.0], [2.0]]), 2)
    (tensor([[0.1000, 0.9000]]), tensor([[1, 0]]))
    """
    queries, database = _check_pairs(queries, database, "queries", "database")
    k, size = _checks.count("k", k), _checks.count("chunk_size", chunk_size)
    if k > database.shape[-2]:
        raise ValueError(f"k = {k} neighbors are more than the N = {database.shape[-2]} patches of the database")
    _check_finite(queries=queries, database=database)
    lead = torch.broadcast_shapes(queries.shape[:-2], database.shape[:-2])
    precise = (_distances.with_float64(part.to(precise_dtype(part))) for part in (queries, database))
    asked, known = (_distances.stacked(part, lead) for part in precise)
    with torch.no_grad(), without_autocast(queries):
        nearest = [_distances.search(*pair, k, size) for pair in zip(asked, known, strict=True)]
    squared, indices = (torch.stack(part) for part in zip(*nearest, strict=True))
    if asked.requires_grad or known.requires_grad:
        squared = torch.stack([_distances.to_some(*three) for three in zip(asked, known, indices, strict=True)])
    distances = _root(squared).to(queries)
    return tuple(part.view(*lead, -1, k) for part in (distances, indices.to(queries.device)))


def patch_spectrum(
    patches: Float[Tensor, "... N CPP"],
    *,
    channels: int = 1,
    floor: float = 0.1,
) -> Float[Tensor, "... N CF"]:
    """Return the logarithms of a patch's Fourier magnitudes: what it is made of, and hardly where it stands.

    log(|FFT(x − mean(x))| + floor), the half of the frequencies that tells the rest and the mean's own left out, so
    that an offset changes nothing. A cyclic shift of the patch changes only phases, which are not in it.

    Shapes: patches (…, N, C·P·P), as ``patchify`` cuts them → (…, N, C·F) with F = P·(⌊P/2⌋ + 1) − 1.
    Raises ValueError where a patch is not ``channels`` squares of 2×2 pixels at least, or the floor is not above 0.
    Derived in chapter 5.

    >>> patch = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    >>> (patch_spectrum(patch, floor=1.0).exp() - 1).round(decimals=5)
    tensor([[2., 4., 0.]])
    """
    squares = _squares(patches, channels)
    floor = _checks.number("floor", floor, above=0)
    squares = squares - squares.mean((-2, -1), keepdim=True)
    magnitudes = torch.fft.rfft2(squares).abs().flatten(-2)[..., 1:]
    return (magnitudes + floor).log().flatten(-2).to(patches.dtype)


def gradient_energy(patches: Float[Tensor, "... N CPP"], *, channels: int = 1) -> Float[Tensor, "... N {2*channels}"]:
    """Return how much a patch changes from pixel to pixel, down and to the right: two numbers per channel.

    e = mean((x_(i+1) − x_i)²) over the pairs of pixels that touch: no offset changes it, a gain does by its square.

    Shapes: patches (…, N, C·P·P), as ``patchify`` cuts them → (…, N, 2·C): down then right, channel by channel.
    Raises ValueError where a patch is not ``channels`` squares of 2×2 pixels at least. Derived in chapter 5.

    >>> gradient_energy(torch.tensor([[0.0, 1.0, 0.0, 1.0]]))
    tensor([[0., 1.]])
    """
    squares = _squares(patches, channels)
    energies = [squares.diff(dim=axis).square().mean((-2, -1)) for axis in (-2, -1)]
    return torch.stack(energies, -1).flatten(-2).to(patches.dtype)


def mean_color(patches: Float[Tensor, "... N CPP"], *, channels: int = 1) -> Float[Tensor, "... N {channels}"]:
    """Return the mean of each channel of a patch.

    Shapes: patches (…, N, C·P·P), as ``patchify`` cuts them → (…, N, C).
    Raises ValueError where a patch is not ``channels`` squares. Derived in chapter 5.

    >>> mean_color(torch.tensor([[1.0, 2.0, 3.0, 6.0]]))
    tensor([[3.]])
    """
    return _squares(patches, channels, least=1).mean((-2, -1)).to(patches.dtype)


def standardize(
    features: Float[Tensor, "... N D"],
    *,
    reference: Float[Tensor, "... M D"] | None = None,
) -> Float[Tensor, "... N D"]:
    """Bring each feature to mean 0 and variance 1 over the patches, so that none outweighs the others by its unit.

    z_nd = (x_nd − μ_d) / σ_d, with the mean and the standard deviation (divided by N) of feature d over the N patches
    of ``reference``, the features themselves unless given. A feature that is constant there is only centered.

    Shapes: features (…, N, D), reference (…, M, D) → (…, N, D); leading axes broadcast.
    Raises ValueError where shapes, devices or dtypes do not fit. Derived in chapter 5.

    >>> standardize(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """
    features, reference = _check_pairs(features, reference, "features", "reference")
    known = _distances.exact(reference)
    spread = _root(_centered(known.mT).square().mean(-1)).unsqueeze(-2)
    scores = (_distances.exact(features) - known.mean(-2, keepdim=True)) / torch.where(spread > 0, spread, 1)
    return scores.to(features)


def principal_components(
    features: Float[Tensor, "N D"],
    k: int,
) -> tuple[Float[Tensor, "N k"], Float[Tensor, " k"]]:
    """Return what each patch has of the k directions along which the features vary most, and their shares of it all.

    With the centered features X − mean = U S Vᵀ, singular values descending, the scores are the first k columns of U S,
    and direction m explains the share S_m² / Σ S². A direction and its opposite explain the same: here the entry of V
    that is largest in size is positive, as in scikit-learn. Where two shares are equal, any rotation of both would do.

    Shapes: features (N, D) → scores (N, k), shares (k,), descending, in [0, 1]; all 0 where the features are constant.
    Raises ValueError where k > N or k > D, or for numbers that are not finite.
    Source: Pearson 1901; Hotelling 1933. Used in chapter 8.

    >>> scores, shares = principal_components(torch.tensor([[0.0, 1.0], [3.0, 1.0], [6.0, 1.0]]), 2)
    >>> scores[:, 0], shares
    (tensor([-3.,  0.,  3.]), tensor([1., 0.]))
    """
    number, dim = _checks.shape("features", features, "N D")
    _checks.floating("features", features)
    _check_finite(features=features)
    if _checks.count("k", k) > min(number, dim):
        raise ValueError(f"k = {k} components are more than {number} patches of {dim} numbers have")
    left, sizes, right = torch.linalg.svd(_centered(_distances.exact(features).mT).mT, full_matrices=False)
    signs = right.gather(1, right.abs().argmax(1, keepdim=True)).sign().mT
    squares = sizes.square()
    shares = squares / squares.sum().clamp(min=torch.finfo(torch.float64).tiny)
    return (left * sizes * signs)[:, :k].to(features), shares[:k].to(features)


def _mean_ssim(x, y, size, c1, c2):
    """Return the mean over all windows inside the pictures (B, H, W)."""
    mean_x, mean_y, squares, product = box_means(torch.stack([x, y, x * x + y * y, x * y]), size)
    sample = size**2 / (size**2 - 1)
    powers, both = mean_x.square() + mean_y.square(), mean_x * mean_y
    brightness = (2 * both + c1) / (powers + c1)
    structure = (2 * sample * (product - both) + c2) / (sample * (squares - powers) + c2)
    return (brightness * structure).mean((-2, -1))


def _cosines(a, b, prepare=lambda patches: patches):
    patches = [prepare(part.to(precise_dtype(part))) for part in ((a,) if a is b else (a, b))]
    with without_autocast(a):
        units, nothing = zip(*map(_directions, _squarable(*patches)), strict=True)
        # What all directions share is multiplied apart, by two columns more: a product of smaller numbers rounds less.
        shared = _distances.middle(units[-1].flatten(0, -2))
        rests = [unit - shared for unit in units]
        along, square = [rest @ shared.mT for rest in rests], shared @ shared.mT
        left = torch.cat([rests[0], along[0] + square, torch.ones_like(along[0])], -1)
        right = torch.cat([rests[-1], torch.ones_like(along[-1]), along[-1]], -1)
        return _bounded(left @ right.mT, nothing[0], nothing[-1]).to(a)


def _bounded(cosines, rows, columns):
    """Return the cosines between −1 and 1, and 0 for the rows and the columns that have no direction."""
    if _checks.transformed() or not _checks.has_values(cosines):
        return cosines.clamp(-1, 1).masked_fill(rows | columns.mT, 0)
    cosines = cosines.clamp_(-1, 1)
    return cosines.masked_fill_(rows | columns.mT, 0) if rows.any() or columns.any() else cosines


def _compare_distances(strip):
    steps = strip[:, :_STRIP, 1:] - strip[:, :_STRIP, :-1], strip[:, 1:] - strip[:, :-1]
    return tuple(map(_lengths, steps))


def _compare_directions(strip):
    lengths = _lengths(strip)
    lengths = lengths.masked_fill(lengths == 0, 1)
    own, below = slice(None, _STRIP), slice(1, None)
    across = torch.linalg.vecdot(strip[:, own, 1:], strip[:, own, :-1]) / (lengths[:, own, 1:] * lengths[:, own, :-1])
    down = torch.linalg.vecdot(strip[:, below], strip[:, :-1]) / (lengths[:, below] * lengths[:, :-1])
    return across.clamp(-1, 1), down.clamp(-1, 1)


_METRICS = {
    "euclidean": _compare_distances,
    "cosine": _compare_directions,
    "correlation": lambda strip: _compare_directions(_centered(strip)),
}


def _root(squared):
    """Return square roots, whose gradient at 0 is 0."""
    zero = squared == 0
    return squared.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)


def _lengths(patches):
    return _root(patches.square().sum(-1))


def _directions(patches):
    """Return patches of length 1, and which had none."""
    lengths = _lengths(patches).unsqueeze(-1)
    nothing = lengths == 0
    return patches / lengths.masked_fill(nothing, 1), nothing


def _centered(patches):
    """Take the mean off each patch; the first number comes off before, so that a constant patch becomes exactly 0."""
    patches = patches - patches[..., :1]
    return patches - patches.mean(-1, keepdim=True)


def _squarable(*tensors):
    """Return tensors in a dtype that holds their squares: their own, or float64 for tiny and for huge numbers."""
    return [_distances.exact(tensor) for tensor in tensors] if any(map(_loses_squares, tensors)) else tensors


def _loses_squares(tensor):
    if _checks.transformed() or not _checks.has_values(tensor):
        return False
    lengths = torch.linalg.vector_norm(tensor.detach(), dim=-1)
    return bool((lengths > 1e15).any()) or bool(tensor.detach()[lengths < 1e-15].any())


def _squares(patches, channels, *, least=2):
    """Return patches as (…, N, C, P, P), in float32 at least."""
    length = _check_patches("patches", patches)[-1]
    channels = _checks.count("channels", channels)
    side = math.isqrt(length // channels)
    if channels * side * side != length or side < least:
        raise ValueError(
            f"a patch of {length} numbers is not {channels} channel(s) of P×P pixels with P of at least {least}"
        )
    return patches.to(precise_dtype(patches)).unflatten(-1, (channels, side, side))


def _factor(covariance, patches):
    """Return L of Σ = L Lᵀ."""
    dim = patches.shape[-1]
    if _checks.shape("covariance", covariance, "D D") != (dim, dim):
        raise ValueError(f"covariance must have shape ({dim}, {dim}), got {tuple(covariance.shape)}")
    _checks.floating("covariance", covariance)
    _checks.together(patches=patches, covariance=covariance)
    _checks.no_nan("covariance", covariance)
    exact = _distances.exact(covariance)
    factor, failed = torch.linalg.cholesky_ex(exact)
    if _checks.has_values(covariance) and not _checks.transformed():
        if (exact - exact.mT).abs().amax() > _checks.tolerance(covariance, None) * exact.abs().amax():
            raise ValueError("covariance must be symmetric")
        if failed:
            least = torch.linalg.eigvalsh(exact)[0].item()
            raise ValueError(
                f"covariance must be positive definite, but its smallest eigenvalue is {least:.3g}; "
                "add a small multiple of the identity, or take more patches than numbers"
            )
    return factor


def _check_patches(name, patches):
    shape = _checks.shape(name, patches, "… N D")
    _checks.floating(name, patches)
    return shape


def _check_pairs(a, b, first="a", second="b"):
    """Return both, or the first twice where there is no second."""
    *lead, _, dim = _check_patches(first, a)
    if b is None:
        return a, a
    *others, _, width = _check_patches(second, b)
    _checks.together(**{first: a, second: b})
    if dim != width:
        raise ValueError(f"{first} has patches of {dim} numbers, {second} of {width}")
    try:
        torch.broadcast_shapes(lead, others)
    except RuntimeError:
        raise ValueError(
            f"the leading axes of {first} {tuple(a.shape)} and {second} {tuple(b.shape)} do not broadcast"
        ) from None
    return a, b


def _check_finite(**tensors):
    for name, tensor in tensors.items():
        if _checks.has_values(tensor) and not all(end.isfinite() for end in tensor.detach().aminmax()):
            raise ValueError(f"{name} must be finite, found NaN or infinity")


def _check_unit_range(**images):
    """Refuse what is plainly no image in [0, 1], where values can be looked at; NaN passes, and spoils its image."""
    for name, image in images.items():
        if _checks.recorded(image):
            continue
        low, high = torch.stack(image.detach().aminmax()).tolist()
        if low < -0.5 or high > 1.5:
            found = f"{name} holds values from {low:g} to {high:g}, expected images in [0, 1]"
            raise ValueError(f"{found}; for others give data_range, as data_range=255 for those in 0 … 255")


def _check_images(a, b, window_size):
    for name, image in {"a": a, "b": b}.items():
        *lead, height, width = _checks.shape(name, image, "… H W")
        if len(lead) > 2:
            raise ValueError(f"{name} must have shape (B, C, H, W), (C, H, W) or (H, W), got {tuple(image.shape)}")
        _checks.floating(name, image)
    _checks.together(a=a, b=b)
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    size = _checks.count("window_size", window_size, at_least=2)
    if size > min(height, width):
        raise ValueError(f"a window of {size}×{size} pixels does not fit into an image of {height}×{width}")
    return size
