"""Self-attention: each patch decides, from the content of all of them, how much it takes from each."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from patchwork import _checks
from patchwork._types import Device, Mask, Pair
from patchwork.patches import PatchEmbedding


def attention_weights(
    queries: Float[Tensor, "... M d"],
    keys: Float[Tensor, "... N d"],
    *,
    mask: Mask | None = None,
    scale: float | None = None,
) -> Float[Tensor, "... M N"]:
    """Return how much each query attends to each key: A = softmax(scale · Q Kᵀ + mask), every row by itself.

    Shapes: queries (…, M, d), keys (…, N, d) → (…, M, N), in [0, 1], rows sum to 1; leading axes broadcast.
    The scale is 1/√d unless given. A mask that broadcasts to (…, M, N) is boolean, True = may attend, or floating
    and added to the logits. A row with nothing to attend, all False or all −∞, gives zeros. Where the mask is False or
    −∞ the weight is 0 whatever the key: one with NaN or ∞ in it spoils the rows that may attend to it, and no other.
    Raises ValueError where shapes, devices or dtypes do not fit.
    Source: Vaswani et al. 2017, section 3.2.1. Derived in chapter 2.

    >>> attention_weights(torch.eye(2), torch.eye(2), scale=3.0)
    tensor([[0.9526, 0.0474],
            [0.0474, 0.9526]])
    """
    _, scale = _fit(scale, mask, queries=queries, keys=keys)
    logits = (queries * scale) @ keys.mT
    return logits.softmax(-1) if mask is None else _masked_softmax(logits, mask)


def attention(
    queries: Float[Tensor, "... M d"],
    keys: Float[Tensor, "... N d"],
    values: Float[Tensor, "... N e"],
    *,
    mask: Mask | None = None,
    scale: float | None = None,
) -> Float[Tensor, "... M e"]:
    """Gather values by attention: Y = softmax(scale · Q Kᵀ + mask) V, by torch's fused kernel.

    Where values are as wide as keys, and no mask is learned (nor floating, under the transforms of ``torch.func``), the
    kernel never holds the M×N weights. Mask, scale and rows with nothing to attend are as in ``attention_weights``.
    Under a mask, the kernel lets a NaN in a key spoil all rows; then the weights are computed after all, except under
    transforms and compilers. A NaN in a value spoils its column in all rows, attended or not, since 0 · NaN = NaN.

    Shapes: queries (…, M, d), keys (…, N, d), values (…, N, e) → (…, M, e); leading axes broadcast.
    Raises ValueError where shapes, devices or dtypes do not fit.
    Source: Vaswani et al. 2017, section 3.2.1; Dao et al. 2022. Derived in chapter 2.

    >>> attention(torch.zeros(1, 2), torch.eye(2), torch.tensor([[1.0], [3.0]]))
    tensor([[2.]])
    """
    mixed = _fused(queries, keys, values, mask, scale)
    if mask is not None and not _checks.recorded(mixed) and _holds_nan(mixed):
        return attention_weights(queries, keys, mask=mask, scale=scale) @ values
    return mixed


def chunked_attention(
    queries: Float[Tensor, "... M d"],
    keys: Float[Tensor, "... N d"],
    values: Float[Tensor, "... N e"],
    *,
    chunk_size: int,
    scale: float | None = None,
) -> Float[Tensor, "... M e"]:
    """Gather values by attention, ``chunk_size`` queries at a time: exact, and never M×N.

    A row of the softmax needs no other row, so the rows can take turns in one chunk of weights. The backward
    pass computes each chunk anew instead of keeping it; it is differentiable once.

    Shapes: queries (…, M, d), keys (…, N, d), values (…, N, e) → (…, M, e); leading axes broadcast. Beside inputs and
    result it holds (…, chunk_size, N) numbers, in the backward pass twice as many.
    Raises ValueError where shapes, devices or dtypes do not fit, or for a chunk_size below 1.
    Source: Rabe & Staats 2021. Derived in chapter 2.

    >>> queries, keys, values = torch.rand(3, 5, 4)
    >>> chunks = chunked_attention(queries, keys, values, chunk_size=2)
    >>> torch.allclose(chunks, attention(queries, keys, values))
    True
    """
    lead, scale = _fit(scale, None, queries=queries, keys=keys, values=values)
    size = min(_checks.count("chunk_size", chunk_size), queries.shape[-2])
    dtype = _checks.multiplied_in(queries, keys, values)
    inputs = [part.to(dtype).expand(*lead, *part.shape[-2:]) for part in (queries, keys, values)]
    return _Chunked.apply(*inputs, size, scale)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(context, queries, keys, values, size, scale):
        mixed = queries.new_empty(*queries.shape[:-1], values.shape[-1])
        buffer = queries.new_empty(queries.shape[:-2].numel() * size * keys.shape[-2])
        for chunk, answer in zip(queries.split(size, -2), mixed.split(size, -2), strict=True):
            shape = torch.Size([*chunk.shape[:-1], keys.shape[-2]])
            # Contiguous for a shorter last chunk too, so nothing is copied.
            weights = buffer[: shape.numel()].view(shape)
            torch.matmul(chunk * scale, keys.mT, out=weights)
            torch.softmax(weights, -1, out=weights)
            torch.matmul(weights, values, out=answer)
        context.save_for_backward(queries, keys, values, mixed)
        context.size, context.scale = size, scale
        return mixed

    @staticmethod
    @once_differentiable
    def backward(context, grad):
        queries, keys, values, mixed = context.saved_tensors
        dtype = queries.dtype
        exact = torch.promote_types(dtype, torch.float32)  # a half-precision sum over many chunks stops growing
        of_queries = torch.zeros_like(queries)
        of_keys, of_values = (torch.zeros_like(part, dtype=exact) for part in (keys, values))
        parts = [tensor.split(context.size, -2) for tensor in (queries, mixed, grad, of_queries)]
        for chunk, answer, gradient, of_chunk in zip(*parts, strict=True):
            chunk = chunk * context.scale
            weights = chunk @ keys.mT
            torch.softmax(weights, -1, out=weights)
            of_values += weights.mT @ gradient
            # The Jacobian diag(a) − aaᵀ of the softmax, where aᵀ(gradient Vᵀ) is the answer times its gradient.
            of_logits = gradient @ values.mT
            of_logits -= (gradient * answer).sum(-1, keepdim=True)
            of_logits *= weights
            of_chunk.copy_(of_logits @ keys * context.scale)
            of_keys += of_logits.mT @ chunk
            del weights, of_logits  # before those of the next chunk come
        return of_queries, of_keys.to(dtype), of_values.to(dtype), None, None


class MultiHeadSelfAttention(nn.Module):
    """Let the tokens attend to each other, in ``heads`` ways at once: Y = Σ_h A_h X W_h, with W_h = W_v,h W_o,h.

    ``qkv`` is one linear layer whose rows are those of the queries, the keys and the values, head by head;
    ``projection`` mixes what the heads gathered. (torch stores both matrices transposed, and there are biases.)

    Shapes: x (B, N, dim) → (B, N, dim); with ``return_weights`` also the weights (B, heads, N, N). The mask is
    boolean, True = may attend, or floating, and broadcasts to (B, heads, N, N). A mask of three axes is refused:
    write (B, 1, N, N) for one per image and (1, heads, N, N) for one per head.
    Raises ValueError where heads do not divide dim, or where shapes, devices or dtypes do not fit.
    Source: Vaswani et al. 2017, section 3.2.2. Derived in chapter 2.

    >>> y, weights = MultiHeadSelfAttention(8, 2)(torch.zeros(1, 5, 8), return_weights=True)
    >>> y.shape, weights.shape
    (torch.Size([1, 5, 8]), torch.Size([1, 2, 5, 5]))
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        bias: bool = True,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a layer with torch's initial weights for ``nn.Linear``."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        dim, self.heads = _checks.count("dim", dim), _checks.count("heads", heads)
        if dim % self.heads:
            raise ValueError(f"heads {self.heads} does not divide dim {dim}")
        self.qkv = nn.Linear(dim, 3 * dim, bias=bias, device=device, dtype=dtype)
        self.projection = nn.Linear(dim, dim, bias=bias, device=device, dtype=dtype)

    def forward(
        self,
        x: Float[Tensor, "B N dim"],
        *,
        mask: Mask | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "B N dim"] | tuple[Float[Tensor, "B N dim"], Float[Tensor, "B heads N N"]]:
        """Return the mixed tokens, or these and the weights that mixed them."""
        _check_tokens(x, self.projection.weight)
        if isinstance(mask, torch.Tensor) and mask.ndim == 3:
            hint = "write (B, 1, N, N) for one per image, (1, heads, N, N) for one per head"
            raise ValueError(f"a mask of three axes {tuple(mask.shape)} is ambiguous: {hint}")
        queries, keys, values = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if not return_weights:
            return self._mix(_fused(queries, keys, values, mask))  # a NaN in a key is in its value: no row can be saved
        weights = attention_weights(queries, keys, mask=mask)
        return self._mix(weights @ values), weights

    def _mix(self, gathered):
        return self.projection(gathered.transpose(1, 2).flatten(2))

    def extra_repr(self) -> str:
        """Show the number of heads, which no weight shows."""
        return f"heads={self.heads}"


class TransformerBlock(nn.Module):
    """Let the tokens attend to each other, then apply an mlp to each: x + attention(norm(x)), then x + mlp(norm(x)).

    The mlp widens ``mlp_ratio`` times, with the exact GELU in between. ``bias=False`` leaves out every bias.

    Shapes: x (B, N, dim) → (B, N, dim); mask and weights as in ``MultiHeadSelfAttention``.
    Raises ValueError where heads do not divide dim, or where shapes, devices or dtypes do not fit.
    Source: Dosovitskiy et al. 2021, equations 2 and 3. Derived in chapter 2.

    >>> TransformerBlock(8, 2)(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        mlp_ratio: int = 4,
        eps: float = 1e-6,
        bias: bool = True,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a block with torch's initial weights."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        made = {"bias": bias, "device": device, "dtype": dtype}
        dim, eps = _checks.count("dim", dim), _checks.number("eps", eps, at_least=0)
        hidden = dim * _checks.count("mlp_ratio", mlp_ratio)
        self.attention = MultiHeadSelfAttention(dim, heads, **made)
        self.attention_norm, self.mlp_norm = (nn.LayerNorm(dim, eps=eps, **made) for _ in range(2))
        self.mlp = nn.Sequential(nn.Linear(dim, hidden, **made), nn.GELU(), nn.Linear(hidden, dim, **made))

    def forward(
        self,
        x: Float[Tensor, "B N dim"],
        *,
        mask: Mask | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "B N dim"] | tuple[Float[Tensor, "B N dim"], Float[Tensor, "B heads N N"]]:
        """Return the tokens after both steps, or these and the weights of the first."""
        _check_tokens(x, self.attention_norm.weight)
        gathered = self.attention(self.attention_norm(x), mask=mask, return_weights=return_weights)
        if return_weights:
            gathered, weights = gathered
        x = x + gathered
        x = x + self.mlp(self.mlp_norm(x))
        return (x, weights) if return_weights else x


class VisionTransformer(nn.Module):
    """Classify an image by the token that has listened to all of its patches.

    Tokens are the class token, then the patches row by row, plus learned positions; then come ``depth`` blocks, a
    norm, and a linear layer on the class token. Patch n is token n + 1.

    Shapes: images (B, C, rows·P, columns·P) → logits (B, classes); with ``return_weights`` also a list of the weights
    (B, heads, N+1, N+1) of each block. Class token and positions start normal with ``position_std``.
    Raises ValueError where heads do not divide dim, or where images do not fit the grid.
    Source: Dosovitskiy et al. 2021, section 3.1. Derived in chapter 2.

    >>> model = VisionTransformer(1, (4, 4), 2, 16, depth=2, heads=4, classes=10)
    >>> model(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 10])
    """

    def __init__(
        self,
        channels: int,
        grid: Pair,
        patch_size: int,
        dim: int,
        depth: int,
        heads: int,
        classes: int,
        *,
        mlp_ratio: int = 4,
        position_std: float = 0.02,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a model with torch's initial weights; class token and positions are normal."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        made = {"device": device, "dtype": dtype}
        self.grid = _checks.pair("grid", grid)
        number, std = self.grid[0] * self.grid[1], _checks.number("position_std", position_std, at_least=0)
        self.embed = PatchEmbedding(channels, patch_size, dim, **made)
        self.class_token = nn.Parameter(torch.empty(1, 1, dim, **made).normal_(std=std))
        self.positions = nn.Parameter(torch.empty(1, number + 1, dim, **made).normal_(std=std))
        layers = range(_checks.count("depth", depth))
        self.blocks = nn.ModuleList(TransformerBlock(dim, heads, mlp_ratio=mlp_ratio, **made) for _ in layers)
        self.norm = nn.LayerNorm(dim, eps=1e-6, **made)
        self.head = nn.Linear(dim, _checks.count("classes", classes), **made)

    def forward(
        self,
        images: Float[Tensor, "B C H W"],
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "B classes"] | tuple[Float[Tensor, "B classes"], list[Float[Tensor, "B heads T T"]]]:
        """Return the logits, or these and the weights of each block."""
        x, weights = self._run(images, return_weights)
        logits = self.head(x[:, 0])
        return (logits, weights) if return_weights else logits

    def tokens(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B T dim"]:
        """Return the tokens (B, N+1, dim) after the last norm, the class token first."""
        return self._run(images, False)[0]

    def _run(self, images, return_weights):
        x, weights = self._embed(images), []
        for block in self.blocks:
            x = block(x, return_weights=return_weights)
            if return_weights:
                x, of_block = x
                weights.append(of_block)
        return self.norm(x), weights

    def _embed(self, images):
        patches = self.embed(images)
        height, width = (number * self.embed.patch_size for number in self.grid)
        if images.shape[2:] != (height, width):
            wanted = f"(B, {self.embed.channels}, {height}, {width})"
            raise ValueError(f"the grid {self.grid} needs images {wanted}, got {tuple(images.shape)}")
        first = self.class_token.expand(len(patches), -1, -1)
        return torch.cat([first, patches], dim=1) + self.positions

    def extra_repr(self) -> str:
        """Show the grid, which the number of positions hides in a product."""
        return f"grid={self.grid}"


def attention_rollout(
    weights: Sequence[Float[Tensor, "B heads N N"]],
    *,
    query: int | None = None,
) -> Float[Tensor, "B N N"] | Float[Tensor, "B N"]:
    """Follow attention down through all layers: the product Ā_L … Ā_1, with Ā = ½ · mean of the heads + ½ · I.

    Each Ā is a step of a random walk that may stay where it is, as the residual connection does; the product is the
    walk from the last layer down to the input. With ``query`` only that row is computed, vector by matrix.

    Shapes: weights, a list of (B, heads, N, N), first layer first → (B, N, N), rows sum to 1 where those of the
    weights do; with ``query`` → (B, N).
    Raises ValueError where the layers differ in shape, device or dtype, where query is no token, or where a row of
    the result is no distribution, as it happens with logits in place of weights.
    Source: Abnar & Zuidema 2020. Derived in chapter 2.

    >>> layer = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    >>> attention_rollout([layer, layer], query=0)
    tensor([[0.5000, 0.5000]])
    """
    batch, _, number, _ = _check_layers(weights)
    if query is None:
        rollout = torch.eye(number, dtype=weights[0].dtype, device=weights[0].device).expand(batch, -1, -1)
        for layer in weights:
            rollout = (layer.mean(1) @ rollout + rollout) / 2
        return _distributions(rollout)
    query = _checks.count("query", query, at_least=0)
    if query >= number:
        raise ValueError(f"query {query} is none of the N = {number} tokens")
    start = F.one_hot(torch.tensor(query, device=weights[0].device), number).to(weights[0].dtype)
    rollout = (weights[-1][:, :, query].mean(1) + start) / 2
    for layer in reversed(weights[:-1]):
        rollout = ((rollout[:, None, None] @ layer).mean(1).squeeze(1) + rollout) / 2
    return _distributions(rollout)


def _fused(queries, keys, values, mask, scale=None):
    lead, scale = _fit(scale, mask, queries=queries, keys=keys, values=values)
    if _may_be_learned_unseen(mask):
        return attention_weights(queries, keys, mask=mask, scale=scale) @ values
    inputs = [_four_axes(part, lead) for part in (queries, keys, values)]
    mixed = F.scaled_dot_product_attention(*inputs, attn_mask=_mask_of_four_axes(mask, lead), scale=scale)
    return mixed.view(*lead, *mixed.shape[-2:])


def _masked_softmax(logits, mask):
    """Give rows with nothing to attend some finite logits first, so that their gradients are zeros and not NaN."""
    if mask.dtype == torch.bool:
        logits = logits.masked_fill(~mask, -torch.inf)
    else:
        logits = logits + mask
        if _checks.recorded(logits) or _holds_nan(logits):
            logits = logits.masked_fill(mask == -torch.inf, -torch.inf)  # NaN − ∞ is NaN
    alone = logits.detach().amax(-1, keepdim=True) == -torch.inf
    return logits.masked_fill(alone, 0).softmax(-1).masked_fill(alone, 0)


def _holds_nan(tensor):
    """Tell, by one sum, whether there is a NaN, or ∞ of both signs."""
    return bool(tensor.detach().sum().isnan())


def _may_be_learned_unseen(mask):
    """Tell whether a transform may hide from torch that the mask is learned; a fused kernel would then refuse it."""
    return mask is not None and mask.is_floating_point() and _checks.transformed()


def _four_axes(tensor, lead):
    """Bring to (B, heads, …, …): with fewer axes torch leaves its fused kernels aside."""
    heads = lead[-1] if lead else 1
    return tensor.expand(*lead, *tensor.shape[-2:]).reshape(-1, heads, *tensor.shape[-2:])


def _mask_of_four_axes(mask, lead):
    """Spread the mask over as few axes as can be: torch copies what it is spread over."""
    if mask is None:
        return None
    return _four_axes(mask, lead) if len(lead) > 2 and mask.ndim > 3 else mask[(None,) * (4 - mask.ndim)]


def _fit(scale, mask, **tensors):
    """Return the leading axes and the scale, of queries, keys and, where there are some, values."""
    for (name, tensor), axes in zip(tensors.items(), ("… M d", "… N d", "… N e"), strict=False):
        _checks.shape(name, tensor, axes)
    _checks.together(**tensors)
    queries, keys = tensors["queries"], tensors["keys"]
    _checks.floating("queries", queries)
    lead = _leading_axes(tensors)
    if mask is not None:
        _check_mask(mask, queries, (*lead, queries.shape[-2], keys.shape[-2]))
    return lead, queries.shape[-1] ** -0.5 if scale is None else _checks.number("scale", scale)


def _leading_axes(tensors):
    queries, keys, *values = tensors.values()
    leads = {tensor.shape[:-2] for tensor in tensors.values()}
    try:
        lead = queries.shape[:-2] if len(leads) == 1 else torch.broadcast_shapes(*leads)
    except RuntimeError:
        lead = None
    if lead is None or queries.shape[-1] != keys.shape[-1] or any(part.shape[-2] != keys.shape[-2] for part in values):
        expected = "queries (…, M, d), keys (…, N, d), values (…, N, e), with leading axes that broadcast"
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ValueError(f"expected {expected}; got {shapes}")
    return lead


def _check_mask(mask, queries, shape):
    _checks.shape("mask", mask, "… N")
    if mask.dtype == torch.bool:
        _checks.on_one_device(queries=queries, mask=mask)
    else:
        _checks.floating("mask", mask)
        _checks.together(queries=queries, mask=mask)
    try:
        mask.expand(shape)
    except RuntimeError as error:
        raise ValueError(f"mask must broadcast to {tuple(shape)}, got {tuple(mask.shape)}") from error


def _check_tokens(x, weight):
    dim = weight.shape[0]
    if _checks.shape("x", x, "B N D")[2] != dim:
        raise ValueError(f"x must have shape (B, N, {dim}), got {tuple(x.shape)}")
    _checks.together(x=x, weight=weight)


def _check_layers(weights):
    if not isinstance(weights, (list, tuple)) or not weights:
        got = "an empty one" if isinstance(weights, (list, tuple)) else type(weights).__name__
        raise ValueError(f"weights must be a list of (B, heads, N, N), one per layer, got {got}")
    layers = {f"weights[{place}]": layer for place, layer in enumerate(weights)}
    shapes = {_checks.shape(name, layer, "B heads N N") for name, layer in layers.items()}
    if len(shapes) > 1 or weights[0].shape[2] != weights[0].shape[3]:
        raise ValueError(f"weights must all have one shape (B, heads, N, N), got {sorted(shapes)}")
    _checks.together(**layers)
    _checks.floating("weights", weights[0])
    return shapes.pop()


def _distributions(rollout):
    slack = _checks.tolerance(rollout, None)
    if _checks.has_values(rollout) and not ((rollout >= 0).all() and (rollout.sum(-1) <= 1 + slack).all()):
        raise ValueError("weights must be at least 0, in rows that sum to 1 at most: apply the softmax to logits first")
    return rollout
