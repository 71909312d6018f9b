"""Convolution: every patch weighs the same neighbors alike, wherever it is and whatever they hold."""

import itertools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from patchwork import _checks
from patchwork._arithmetic import box_means, precise_dtype
from patchwork._training_mode import mode
from patchwork._types import Device, Pair

_Boundary = Literal["zero", "circular", "replicate"]
_BOUNDARIES = get_args(_Boundary)
_LARGEST = 2**31 - 1  # stride, padding or dilation: devices count them in 32 bits


class _Steps(NamedTuple):
    stride: tuple
    padding: tuple
    dilation: tuple


def conv2d_from_patches(
    images: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "E C//{groups} K L"],
    *,
    bias: Float[Tensor, " E"] | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Float[Tensor, "B E H_out W_out"]:
    """Convolve by cutting patches: all outputs are one matrix product, kernels times patches.

    Y = W · unfold(images): the rows of W are the flattened kernels, and each output has a column that holds its patch.
    It equals ``F.conv2d``: a correlation, no kernel is flipped. The patches hold each pixel up to K·L times.

    Shapes: images (B, C, H, W), weight (E, C/groups, K, L), bias (E,) → (B, E, H', W') with
    H' = ⌊(H + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1. Stride, padding and dilation are whole numbers or pairs.
    Raises ValueError where shapes, devices or dtypes do not fit, or the kernel is larger than the padded image.
    Source: Chellapilla et al. 2006. Derived in chapter 4.

    >>> images, weight = torch.arange(16.0).view(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    >>> conv2d_from_patches(images, weight)
    tensor([[[[45., 54.],
              [81., 90.]]]])
    """
    batch, channels, *grid = _checks.shape("images", images, "B C H W")
    kernel, steps, groups = _check_kernel(weight, stride, padding, dilation, groups)
    _checks.together(images=images, weight=weight)
    out, per_group = weight.shape[:2]
    if channels != per_group * groups:
        raise ValueError(
            f"weight {tuple(weight.shape)} in {groups} group(s) needs {per_group * groups} channels, got {channels}"
        )
    size = _output_grid(grid, kernel, steps)
    patches = F.unfold(images, kernel, steps.dilation, steps.padding, steps.stride)
    products = weight.reshape(groups, out // groups, -1) @ patches.unflatten(1, (groups, -1))
    outputs = products.reshape(batch, out, *size)
    return outputs if bias is None else outputs + _check_bias(bias, weight).to(outputs.dtype).view(-1, 1, 1)


def shift_matrix(
    grid: Pair,
    offset: Pair,
    *,
    boundary: _Boundary = "zero",
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "N N"]:
    """Return the matrix that brings to each patch its neighbor ``offset`` away: (S_δ x)_i = x_(i+δ).

    S_δ = R ⊗ C: one shift of the rows times one of the columns. What lies outside the grid is zero, or comes from the
    other side ("circular": a permutation), or from the nearest patch inside ("replicate").

    Shapes: grid (rows, columns), offset (down, right), whole numbers of any sign → (N, N) with N = rows·columns.
    Raises ValueError where grid or offset is no pair, or the boundary has another name. Derived in chapter 4.

    >>> shift_matrix((1, 3), (0, 1))
    tensor([[0., 1., 0.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    grid = _checks.pair("grid", grid)
    offset = _pair("offset", offset, at_least=None)
    device, dtype = _checks.placement(device, dtype)
    return _shifts(grid, [(step,) for step in offset], boundary, device, dtype)[0]


def convolution_matrix(
    weight: Float[Tensor, "E C_per_group K L"],
    grid: Pair,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Float[Tensor, "EHW_out CHW"]:
    """Return the sparse matrix of a convolution: it maps the flattened image to the flattened output.

    A = Σ_δ W_δ ⊗ S_δ, W_δ = weight[:, :, k, l], for one group and padding that keeps the size; a stride leaves rows
    out. Its entries are those of the kernels, over and over; what would read the padding is no entry. Its transpose
    is ``F.conv_transpose2d``.

    Shapes: weight (E, C/groups, K, L), grid (H, W) → (E·H'·W', C·H·W), E·H'·W'·(C/groups)·K·L entries at most. It is
    a sorted COO matrix, which every device has and a gradient passes through; ``.to_sparse_csr()`` multiplies faster.
    Torch makes the gradient of its products by a dense matrix of that size: to learn, use ``F.conv2d``.
    Raises ValueError where shapes do not fit, or the kernel is larger than the padded image. Derived in chapter 4.

    >>> convolution_matrix(torch.tensor([[[[1.0, 2.0, 3.0]]]]), (1, 4)).to_dense()
    tensor([[1., 2., 3., 0.],
            [0., 1., 2., 3.]])
    """
    grid = _checks.pair("grid", grid, "H, W")
    kernel, steps, groups = _check_kernel(weight, stride, padding, dilation, groups)
    out, per_group = weight.shape[:2]
    size = _output_grid(grid, kernel, steps)
    entries = _entries(grid, per_group, kernel, size, steps)
    row, column, place = (torch.as_tensor(part, device=weight.device) for part in entries)
    kernels = torch.arange(out, device=weight.device).view(-1, 1)
    group = kernels // (out // groups)
    rows = kernels * math.prod(size) + row
    columns = group * (per_group * math.prod(grid)) + column
    return torch.sparse_coo_tensor(
        torch.stack([rows.flatten(), columns.flatten()]),
        weight.flatten(1)[:, place].flatten(),
        (out * math.prod(size), groups * per_group * math.prod(grid)),
        is_coalesced=True,
        check_invariants=False,
    )


def receptive_field(layers: Sequence[Sequence[int]]) -> tuple[int, int, float]:
    """Return how far a stack of convolutions sees: size of the field, jump to the next, center of the first.

    Layer by layer, with j the jump before the layer: size += (k − 1)·d·j, start += ((k − 1)·d/2 − p)·j, j ← j·s.
    Output o sees the pixels within (size − 1)/2 of the pixel start + o·jump, the first pixel being 0.

    ``layers`` is a list of (kernel_size, stride, padding, dilation), the last two optional, first layer first; pooling
    counts as a layer. Returns (size, jump, start), two ints and a float; start is negative where padding outweighs.
    Raises ValueError where a layer is something else.
    Source: Araujo et al. 2019. Derived in chapter 4.

    >>> receptive_field([(3, 1, 1), (3, 2, 1), (3, 1, 1)])
    (9, 2, 0.0)
    """
    if not isinstance(layers, (list, tuple)):
        raise ValueError(
            f"layers must be a list of (kernel_size, stride, padding, dilation), got {type(layers).__name__}"
        )
    size, jump, start = 1, 1, 0.0
    for number, layer in enumerate(layers):
        kernel, stride, padding, dilation = _check_layer(f"layers[{number}]", layer)
        extent = (kernel - 1) * dilation
        size += extent * jump
        start += (extent / 2 - padding) * jump
        jump *= stride
    return size, jump, start


def effective_receptive_field(
    model: nn.Module,
    input_size: Pair,
    *,
    channels: int,
    draws: int = 16,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "H W"]:
    """Return how strongly each pixel moves the center of a model's output: its share of all influence.

    With y_c the E numbers of the output at (H'//2, W'//2), pixel p counts by the root mean square of ∂(v·y_c)/∂x_p,
    over ``draws`` images x and directions v, all normal, and summed over the channels of x. For one image and many v
    that is the norm of the Jacobian ∂y_c/∂x_p; for one linear channel it is the stack's one kernel, without signs.
    The model runs in evaluation mode, where its parameters are; its modes and gradients are then as they were.

    Shapes: model (B, C, H, W) → (B, E, H', W'), input_size (H, W), channels C → (H, W), at least 0, sum 1.
    Raises ValueError where the output has another shape, does not depend on the input, or its gradient is not finite.
    Source: Luo et al. 2016. Derived in chapter 4.

    >>> blur = nn.Sequential(nn.AvgPool2d(3, stride=1), nn.AvgPool2d(3, stride=1))
    >>> (effective_receptive_field(blur, (5, 5), channels=1)[2] * 27).round(decimals=3)
    tensor([1., 2., 3., 2., 1.])
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a module, got {type(model).__name__}")
    shape = (
        _checks.count("draws", draws),
        _checks.count("channels", channels),
        *_checks.pair("input_size", input_size, "H, W"),
    )
    source = _checks.random_source(generator)
    place = _place(model)
    with mode(model, training=False), torch.inference_mode(False), torch.enable_grad():
        images = torch.randn(shape, generator=generator, device=source).to(place).requires_grad_()
        center = _center(model(images.clone()))  # a model may begin in place, which a leaf does not bear
        weights = torch.randn(center.shape, generator=generator, device=source).to(center)
        (grad,) = torch.autograd.grad(center, images, weights, allow_unused=True)
    return _shares(grad)


def convolution_as_attention(
    weight: Float[Tensor, "E C K L"],
    grid: Pair,
    *,
    boundary: _Boundary = "zero",
) -> tuple[Float[Tensor, "K*L N N"], Float[Tensor, "K*L C E"]]:
    """Write a convolution as attention with K·L heads: head h attends to one neighbor and passes W_h on.

    Y = Σ_h S_δ(h) X W_h, offsets δ = (k − ⌊K/2⌋, l − ⌊L/2⌋) row by row, W_h = weight[:, :, k, l]ᵀ: relations and
    weights as ``relations.aggregate`` takes them, and on tokens (N, C) the result is that of ``F.conv2d`` with padding
    (⌊K/2⌋, ⌊L/2⌋). With "zero" a patch whose neighbor would lie outside attends to nothing; "circular" has no outside;
    "replicate" is what softmax heads with logits −α‖p_j − p_i − δ‖² become for large α.

    Shapes: weight (E, C, K, L) with odd K and L, grid (rows, columns) → relations (K·L, N, N), weights (K·L, C, E).
    Raises ValueError where a side of the kernel is even, or the boundary has another name.
    Source: Cordonnier et al. 2020, theorem 1. Derived in chapter 4.

    >>> relations, weights = convolution_as_attention(torch.ones(1, 1, 1, 3), (1, 4))
    >>> relations.sum(0)
    tensor([[1., 1., 0., 0.],
            [1., 1., 1., 0.],
            [0., 1., 1., 1.],
            [0., 0., 1., 1.]])
    """
    _, _, *kernel = _checks.shape("weight", weight, "E C K L")
    _checks.floating("weight", weight)
    grid = _checks.pair("grid", grid)
    if not all(side % 2 for side in kernel):
        raise ValueError(f"a kernel of {kernel[0]}×{kernel[1]} has no center: both sides must be odd")
    steps = [range(-(side // 2), side // 2 + 1) for side in kernel]
    return _shifts(grid, steps, boundary, weight.device, weight.dtype), weight.permute(2, 3, 1, 0).flatten(0, 1)


def bilateral_filter(
    images: Float[Tensor, "B C H W"],
    window_size: int,
    *,
    sigma_space: float,
    sigma_color: float,
    guide: Float[Tensor, "#B G H W"] | None = None,
) -> Float[Tensor, "B C H W"]:
    """Average each pixel with those nearby that look alike: a convolution whose kernel depends on what it covers.

    y_i = Σ_δ w_iδ x_(i+δ) / Σ_δ w_iδ with w_iδ = exp(−‖δ‖²/2σ_s² − ‖x_i − x_(i+δ)‖²/2σ_c²), the colors' distance taken
    over all channels. Pixels outside the image have no weight, so each row of weights sums to 1. The weights come from
    ``guide`` where one is given.

    Shapes: images (B, C, H, W), odd window_size, guide (B or 1, G, H, W) → (B, C, H, W). The window's pixels take
    turns: N numbers at a time, or N·window_size² where a gradient is asked for.
    Raises ValueError where the window is even, a sigma is not above 0, or shapes, devices or dtypes do not fit.
    Source: Tomasi & Manduchi 1998. Derived in chapter 4.

    >>> step = torch.tensor([0.0, 0.1, 1.0, 0.9]).view(1, 1, 1, 4)
    >>> bilateral_filter(step, 3, sigma_space=10.0, sigma_color=0.1)
    tensor([[[[0.0376, 0.0624, 0.9624, 0.9376]]]])
    """
    guide = _check_guide(images, guide)
    radius = _radius(window_size, images)
    sigma_space = _checks.number("sigma_space", sigma_space, above=0) * math.sqrt(2)
    sigma_color = _positive("sigma_color", sigma_color, guide) * math.sqrt(2)
    around = F.pad(guide, [radius] * 4)

    def similarity(offset):
        distance = math.hypot(*offset) / sigma_space
        contrast = (guide - _moved(around, offset, radius)) / sigma_color
        return torch.exp(-contrast.square().sum(1, keepdim=True) - distance * distance)

    return _average(images, radius, similarity)


def non_local_means(
    images: Float[Tensor, "B C H W"],
    patch_size: int,
    window_size: int,
    *,
    bandwidth: float,
    guide: Float[Tensor, "#B G H W"] | None = None,
) -> Float[Tensor, "B C H W"]:
    """Average each pixel with those whose patches look alike: attention to patches, before there was any.

    y_i = Σ_δ w_iδ x_(i+δ) / Σ_δ w_iδ with w_iδ = exp(−d²/h²), h the bandwidth and d² the mean, over P×P pixels
    and all channels, of the squared differences of the patches around i and i + δ. Behind the border patches
    are continued by reflection; pixels outside the image have no weight, so each row of weights sums to 1. The weights
    come from ``guide`` where one is given.

    Shapes: images (B, C, H, W), odd patch_size P and window_size, guide (B or 1, G, H, W) → (B, C, H, W). The window's
    pixels take turns: N numbers at a time, or N·window_size² where a gradient is asked for.
    Raises ValueError where P or the window is even, P is too large to reflect the image, bandwidth is not above 0, or
    shapes, devices or dtypes do not fit.
    Source: Buades et al. 2005. Derived in chapter 4.

    >>> stripes = torch.tensor([0.0, 1.0]).repeat(4).view(1, 1, 1, 8).expand(1, 1, 3, 8)
    >>> torch.allclose(non_local_means(stripes, 3, 5, bandwidth=0.1), stripes)
    True
    """
    guide = _check_guide(images, guide)
    half, radius = _odd("patch_size", patch_size) // 2, _radius(window_size, images)
    bandwidth = _positive("bandwidth", bandwidth, guide)
    if half >= min(guide.shape[2:]):
        raise ValueError(f"patch_size {patch_size} is too large to reflect an image of {tuple(guide.shape[2:])}")
    guide = F.pad(guide, [half] * 4, mode="reflect")
    around = F.pad(guide, [radius] * 4)

    def similarity(offset):
        differences = ((guide - _moved(around, offset, radius)) / bandwidth).square().mean(1, keepdim=True)
        return torch.exp(-box_means(differences, 2 * half + 1))

    return _average(images, radius, similarity)


def _average(images, radius, similarity):
    """Average the pixels of each window: Σ_δ W_δ S_δ x over Σ_δ W_δ S_δ 1, W_δ diagonal, in float32 at least."""
    values = images.to(precise_dtype(images))
    around, inside = (F.pad(part, [radius] * 4) for part in (values, torch.ones_like(values[:1, :1])))
    total, mass = torch.zeros_like(values), torch.zeros_like(values[:, :1])
    for offset in itertools.product(range(-radius, radius + 1), repeat=2):
        weight = similarity(offset) * _moved(inside, offset, radius)
        total += weight * _moved(around, offset, radius)
        mass += weight
    return (total / mass).to(images.dtype)


def _moved(around, offset, radius):
    """S_δ of an image that has ``radius`` pixels more on each side."""
    height, width = (length - 2 * radius for length in around.shape[2:])
    return around[:, :, radius + offset[0] :, radius + offset[1] :][:, :, :height, :width]


def _shifts(grid, steps, boundary, device, dtype):
    """Return S_δ for all pairs δ of steps down and steps to the right, row by row: (pairs, N, N)."""
    _checks.choice("boundary", boundary, _BOUNDARIES)
    down, right = (_along(*axis, boundary, device, dtype) for axis in zip(grid, steps, strict=True))
    number = math.prod(grid)
    return torch.einsum("hij, wkl -> hwikjl", down, right).reshape(-1, number, number)


def _along(length, steps, boundary, device, dtype):
    steps = [step % length if boundary == "circular" else min(max(step, -length), length) for step in steps]
    place = torch.arange(length, device=device)
    target = place + torch.tensor(steps, device=device).view(-1, 1)
    if boundary != "zero":
        target = target % length if boundary == "circular" else target.clamp(0, length - 1)
    return (target.unsqueeze(2) == place).to(dtype)


def _entries(grid, channels, kernel, size, steps):
    """Return row, column and place in the kernel of each entry that one kernel makes, sorted by row, then by column.

    NumPy counts them, also where tensors have no values.
    """
    rows, columns = (
        stride * np.arange(outputs)[:, None] + dilation * np.arange(side) - padding
        for outputs, side, stride, padding, dilation in zip(size, kernel, *steps, strict=True)
    )
    inside = ((rows >= 0) & (rows < grid[0]))[:, None, None, :, None] & ((columns >= 0) & (columns < grid[1]))[
        :, None, None
    ]
    row, column, channel, down, right = np.nonzero(np.broadcast_to(inside, (*size, channels, *kernel)))
    source = (channel * grid[0] + rows[row, down]) * grid[1] + columns[column, right]
    return row * size[1] + column, source, (channel * kernel[0] + down) * kernel[1] + right


def _output_grid(grid, kernel, steps):
    spans = [(side - 1) * dilation + 1 for side, dilation in zip(kernel, steps.dilation, strict=True)]
    padded = [length + 2 * padding for length, padding in zip(grid, steps.padding, strict=True)]
    if any(span > length for span, length in zip(spans, padded, strict=True)):
        raise ValueError(
            f"a kernel that spans {spans[0]}×{spans[1]} does not fit into {padded[0]}×{padded[1]} padded pixels"
        )
    return [(length - span) // stride + 1 for length, span, stride in zip(padded, spans, steps.stride, strict=True)]


def _check_kernel(weight, stride, padding, dilation, groups):
    out, _, *kernel = _checks.shape("weight", weight, "E C/groups K L")
    _checks.floating("weight", weight)
    groups = _checks.count("groups", groups)
    if out % groups:
        raise ValueError(f"groups {groups} does not divide the {out} kernels of weight")
    steps = _Steps(_both("stride", stride), _both("padding", padding, at_least=0), _both("dilation", dilation))
    return kernel, steps, groups


def _check_bias(bias, weight):
    if _checks.shape("bias", bias, "E")[0] != len(weight):
        raise ValueError(f"bias must have shape ({len(weight)},), got {tuple(bias.shape)}")
    _checks.together(bias=bias, weight=weight)
    return bias


def _check_layer(name, layer):
    if not isinstance(layer, (list, tuple)) or not 2 <= len(layer) <= 4:
        raise ValueError(
            f"{name} must be (kernel_size, stride, padding, dilation), the last two optional, got {layer!r}"
        )
    kernel, stride, padding, dilation = (*layer, *(0, 1)[len(layer) - 2 :])
    return (
        _checks.count(f"{name} kernel_size", kernel),
        _checks.count(f"{name} stride", stride),
        _checks.count(f"{name} padding", padding, at_least=0),
        _checks.count(f"{name} dilation", dilation),
    )


def _check_guide(images, guide):
    """Return what the weights come from, precise enough to square."""
    batch, _, *grid = _checks.shape("images", images, "B C H W")
    _checks.floating("images", images)
    if guide is None:
        guide = images
    several, _, *guiding = _checks.shape("guide", guide, "B G H W")
    if several not in (1, batch) or guiding != grid:
        raise ValueError(f"guide must have shape ({batch} or 1, G, {grid[0]}, {grid[1]}), got {tuple(guide.shape)}")
    _checks.together(images=images, guide=guide)
    return guide.to(precise_dtype(images))


def _positive(name, value, like):
    """Return a number above 0 that is also above 0 in the dtype of ``like``, so that nothing is divided by 0."""
    return max(_checks.number(name, value, above=0), torch.finfo(like.dtype).tiny)


def _odd(name, value):
    if _checks.count(name, value) % 2 == 0:
        raise ValueError(f"{name} must be odd, to have a center, got {value}")
    return int(value)


def _radius(window_size, images):
    """Return how far a window reaches from its center, at most from one end of the images to the other."""
    return min(_odd("window_size", window_size) // 2, max(images.shape[2:]) - 1)


def _both(name, value, *, at_least=1):
    """Return two whole numbers, for rows and columns, given as one or as a pair."""
    if isinstance(value, (tuple, list, torch.Size)):
        pair = _pair(name, value, at_least=at_least)
    else:
        pair = (_checks.count(name, value, at_least=at_least),) * 2
    if max(pair) > _LARGEST:
        raise ValueError(f"{name} must be at most {_LARGEST}, got {max(pair)}")
    return pair


def _pair(name, value, *, at_least):
    if not isinstance(value, (tuple, list, torch.Size)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (rows, columns), got {value!r}")
    return tuple(_checks.count(f"{name} (rows, columns)", part, at_least=at_least) for part in value)


def _place(model):
    """Return a tensor on the model's device and of its dtype, torch's own where it has none."""
    tensors = itertools.chain(model.parameters(), model.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), torch.empty(0))


def _center(result):
    *_, height, width = _checks.shape("model(images)", result, "B E H' W'")
    if not result.requires_grad:
        raise ValueError("the model's output does not depend on its input")
    return result[:, :, height // 2, width // 2]


def _shares(grad):
    """Return the root mean square per pixel, as shares of its sum; a square of a tiny number would be lost."""
    if grad is None or (_checks.has_values(grad) and not grad.any()):
        raise ValueError("the center of the model's output does not depend on its input")
    if _checks.has_values(grad) and not grad.isfinite().all():
        lost = int((~grad.isfinite()).sum())
        raise ValueError(f"the gradient of the model must be finite, but {lost} of {grad.numel()} numbers are not")
    influence = (grad.to(precise_dtype(grad)) / grad.abs().amax()).square().sum(1).mean(0).sqrt()
    return (influence / influence.sum()).to(grad.dtype)
