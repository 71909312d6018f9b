"""The parts of chapter 7's network: who hears whom, how tokens gather, and what each does by itself."""

from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from patchwork import _checks
from patchwork._types import Device
from patchwork.attention import attention
from patchwork.graphs import grid_graph, knn_graph, normalize_adjacency
from patchwork.patches import patch_centers
from patchwork.synthesis.scenes import FEATURES, GRID, TOKENS
from patchwork.windows import window_relation

BLOCKS = 3
Relation = Literal["own", "convolution", "local", "window", "shifted", "global", "grid", "knn"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
ATTENTION = ("local", "window", "shifted", "global")
Start = Literal["tuned", "identity", "random"]
STARTS: tuple[Start, ...] = get_args(Start)

_WIDTH = 2 * FEATURES  # a feature, and a copy of it that only the marked patch holds
_LOUDNESS = 2  # of that copy
_WINDOW = 4
_NEIGHBORS = 8
_HEADS = 2
_CONNECTIVITY = {"grid": 4, "convolution": 8, "local": 8}
_HEARD = {"own": 1, "convolution": 9, "grid": 5, "knn": 12}  # tokens, about as many as one hears
_HIDDEN = {"own": 98, "convolution": 96, "grid": 98, "knn": 98}  # others have queries and keys instead
_EQUAL_HIDDEN = 64  # one width for all, where the start is one for all too


def relation_masks(
    relation: Relation,
    *,
    features: Float[Tensor, "N F"] | None = None,
    device: Device = None,
) -> Bool[Tensor, "3 N N"]:
    """Return who may hear whom in each of the three blocks.

    The graph "knn" depends on what the patches are: it needs the features of one scene, whose device it is then on.

    Shapes: features (N, F), for "knn" only → boolean (3, N, N), N = 144, True = may hear.
    Raises ValueError for an unknown relation, and where "knn" has no features or another relation has.
    Used in chapter 7.

    >>> relation_masks("convolution")[0, 13].view(12, 12)[:4, :4].int()
    tensor([[1, 1, 1, 0],
            [1, 1, 1, 0],
            [1, 1, 1, 0],
            [0, 0, 0, 0]], dtype=torch.int32)
    """
    if (_checks.choice("relation", relation, RELATIONS) == "knn") != (features is not None):
        fault = "depends on the features: give those of one scene" if features is None else "depends on no features"
        raise ValueError(f"the relation {relation!r} {fault}")
    if features is not None:
        return nearest_masks(features)
    return masks(relation, _checks.placement(device)[0])


class RelationNetwork(nn.Module):
    """Answer at every patch by one and the same network around a relation.

    A patch starts as its feature beside a copy of it that only the marked one holds. One block of width 32 is applied
    three times, the weights the same: x + W_o Σ_j R_ij W_v norm(x)_j, then x + mlp(norm(x)), the mlp a gated product
    without other nonlinearity. R is learned by a convolution (one per channel), computed by attention (two heads), or
    fixed by a graph.

    ``start`` says how W_v and W_o begin. With "identity" both begin at the identity plus half of PyTorch's random
    numbers, with "random" at those numbers alone; the mlp is 64 wide, and nothing but R and what R must learn differs
    between relations. "tuned" is the recipe of the networks that come with the book: R of a convolution or a graph
    gets the first start, W_o times the root of how many one hears, attention the second; and the mlp is wider where R
    has no parameters, so that each network has 12 thousand.

    ``pooling`` adds to each patch the mean over all of them, after the last block; ``coordinates`` adds a linear map
    of its place, before the first.

    Shapes: features (B, 144, 16), marked (B,) whole numbers → logits (B, 144), above 0 for yes.
    Raises ValueError for an unknown relation, or where shapes, devices or dtypes do not fit. Derived in chapter 7.

    >>> model = RelationNetwork("grid")
    >>> model(torch.zeros(2, 144, 16), torch.tensor([0, 50])).shape
    torch.Size([2, 144])
    """

    def __init__(
        self,
        relation: Relation,
        *,
        start: Start = "tuned",
        pooling: bool = False,
        coordinates: bool = False,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a network and draw its first weights."""
        super().__init__()
        _checks.choice("start", start, STARTS)
        device, dtype = _checks.placement(device, dtype)
        made = {"device": device, "dtype": dtype}
        self.relation = _checks.choice("relation", relation, RELATIONS)
        self.pooling, self.coordinates = pooling, coordinates
        if coordinates:
            self.place = nn.Linear(2, _WIDTH, bias=False, **made)
        self.mixing_norm, self.mlp_norm, self.norm = (nn.LayerNorm(_WIDTH, **made) for _ in range(3))
        self.mixing = mixing(relation, _WIDTH, start, **made)
        self.mlp = mlp(relation, _WIDTH, start, **made)
        if pooling:
            self.pool_norm, self.pool = nn.BatchNorm1d(_WIDTH, **made), nn.Linear(_WIDTH, _WIDTH, bias=False, **made)
            self.pool_mlp_norm, self.pool_mlp = nn.LayerNorm(_WIDTH, **made), Gated(_WIDTH, 2 * _WIDTH, **made)
        self.head = nn.Linear(_WIDTH, 1, **made)
        self.register_buffer("masks_or_weights", masks_or_weights(relation, device, dtype), persistent=False)

    def forward(self, features: Float[Tensor, "B N F"], marked: Integer[Tensor, " B"]) -> Float[Tensor, "B N"]:
        """Return the logits of all patches."""
        self._check(features, marked)
        places = torch.arange(TOKENS, device=features.device)
        mark = (places == marked.unsqueeze(1)).to(features.dtype).unsqueeze(2)
        x = torch.cat([features, _LOUDNESS * mark * features], 2)
        if self.coordinates:
            x = x + self.place(patch_centers(GRID, device=x.device, dtype=x.dtype) / GRID[0] * 2 - 1)
        for mask_or_weights in self._by_block(features):
            x = x + self.mixing(self.mixing_norm(x), mask_or_weights)
            x = x + self.mlp(self.mlp_norm(x))
        x = self.norm(x)
        if self.pooling:
            x = x + self.pool(self.pool_norm(x.mean(1))).unsqueeze(1)
            x = x + self.pool_mlp(self.pool_mlp_norm(x))
        return self.head(x).squeeze(2)

    def _by_block(self, features):
        if self.relation == "knn":
            return [nearest_graphs(features)] * BLOCKS
        return [None] * BLOCKS if self.masks_or_weights is None else self.masks_or_weights

    def _check(self, features, marked):
        number, tokens, width = _checks.shape("features", features, "B N F")
        if (tokens, width) != (TOKENS, FEATURES):
            raise ValueError(f"features must be (B, {TOKENS}, {FEATURES}), got {tuple(features.shape)}")
        _checks.together(features=features, weight=self.head.weight)
        _checks.no_nan("features", features)
        _checks.whole("marked", marked, boolean=False)
        if _checks.shape("marked", marked, "B") != (number,):
            raise ValueError(f"marked must have shape ({number},), got {tuple(marked.shape)}")
        _checks.on_one_device(features=features, marked=marked)
        if _checks.has_values(marked) and not 0 <= marked.min() <= marked.max() < TOKENS:
            ends = f"{marked.min().item()} … {marked.max().item()}"
            raise ValueError(f"marked must lie in 0 … {TOKENS - 1}, got {ends}")

    def extra_repr(self) -> str:
        """Show what no weight shows."""
        return f"{self.relation!r}, pooling={self.pooling}, coordinates={self.coordinates}"


def masks(relation: Relation, device: Device) -> Bool[Tensor, "3 N N"]:
    """Return who may hear whom in each block, boolean (3, N, N), for each relation but the kNN graph."""
    if relation in ("window", "shifted"):
        shifts = [_WINDOW // 2 * (block % 2) if relation == "shifted" else 0 for block in range(BLOCKS)]
        return torch.stack([window_relation(GRID, _WINDOW, shift=shift, device=device) for shift in shifts])
    heard = torch.eye(GRID[0] * GRID[1], dtype=torch.bool, device=device)
    if relation in _CONNECTIVITY:
        heard = heard | (grid_graph(GRID, connectivity=_CONNECTIVITY[relation], device=device) > 0)
    return (torch.ones_like(heard) if relation == "global" else heard).expand(BLOCKS, -1, -1)


def nearest_masks(features: Float[Tensor, "N F"]) -> Bool[Tensor, "3 N N"]:
    """Return the masks of the kNN graph of one scene, (N, F) → boolean (3, N, N)."""
    heard = knn_graph(features, _NEIGHBORS) > 0
    return heard.logical_or(torch.eye(len(heard), dtype=torch.bool, device=heard.device)).expand(BLOCKS, -1, -1)


def masks_or_weights(
    relation: Relation,
    device: Device,
    dtype: torch.dtype,
) -> Float[Tensor, "3 N N"] | Bool[Tensor, "3 N N"] | None:
    """Return the masks of an attention or the weights of a graph, block by block; None where none are fixed."""
    if relation in ("convolution", "global", "knn"):
        return None
    heard = masks(relation, device)
    if relation in ATTENTION:
        return heard
    return normalize_adjacency(heard[0].to(dtype), self_loops=False).expand(BLOCKS, -1, -1)


def nearest_graphs(features: Float[Tensor, "B N F"]) -> Float[Tensor, "B N N"]:
    """Return ``normalize_adjacency(knn_graph(…, 8))`` of each of many scenes, (B, N, F) → (B, N, N)."""
    # The own patch is the nearest: the loops that a GCN adds are there already.
    chosen = torch.cdist(features, features).topk(_NEIGHBORS + 1, largest=False).indices
    ties = features.new_zeros(*features.shape[:2], features.shape[1]).scatter(2, chosen, 1)
    ties = torch.maximum(ties, ties.mT)
    root = ties.sum(2, keepdim=True).sqrt()
    return ties / root / root.mT


def mixing(relation: Relation, dim: int, start: Start, **made: Any) -> nn.Module:
    """Return the layer y_i = W_o Σ_j R_ij W_v x_j of a relation, with its first W_v and W_o."""
    kinds = {name: _Attention for name in ATTENTION} | {"convolution": _Convolution}
    layer = kinds.get(relation, _Graph)(dim, **made)
    if start == "identity" or (start == "tuned" and relation not in ATTENTION):
        for linear in (layer.value, layer.output):
            linear.weight.data.mul_(0.5).add_(torch.eye(dim, **made))
    if start == "tuned" and relation not in ATTENTION:
        layer.output.weight.data.mul_(_HEARD[relation] ** 0.5)
    return layer


class _Mixing(nn.Module):
    def __init__(self, dim, **made):
        super().__init__()
        self.value, self.output = (nn.Linear(dim, dim, **made) for _ in range(2))

    def forward(self, x, mask_or_weights):
        return self.output(self.gather(x, self.value(x), mask_or_weights))


class _Attention(_Mixing):
    """R depends on what the tokens hold; the mask says who may hear whom."""

    def __init__(self, dim, **made):
        super().__init__(dim, **made)
        self.queries_and_keys = nn.Linear(dim, 2 * dim, **made)

    def gather(self, x, values, mask):
        queries, keys = self.queries_and_keys(x).unflatten(2, (2, _HEADS, -1)).permute(2, 0, 3, 1, 4)
        values = values.unflatten(2, (_HEADS, -1)).transpose(1, 2)
        return attention(queries, keys, values, mask=mask).transpose(1, 2).flatten(2)


class _Graph(_Mixing):
    """R is fixed."""

    def gather(self, x, values, weights):
        return weights @ values


class _Convolution(_Mixing):
    """R is learned, one for each channel: the weights of a 3×3 kernel, which starts near the mean."""

    def __init__(self, dim, **made):
        super().__init__(dim, **made)
        self.kernel = nn.Conv2d(dim, dim, 3, padding=1, groups=dim, bias=False, **made)
        self.kernel.weight.data.mul_(0.3).add_(1 / 9)

    def gather(self, x, values, nothing):
        return self.kernel(values.mT.unflatten(2, GRID)).flatten(2).mT


class Gated(nn.Module):
    """Multiply two linear maps of a token: W (A x ⊙ B x). Only a product can tell whether two textures are equal."""

    def __init__(self, dim: int, hidden: int, **made: Any) -> None:
        """Make the maps; the first two start so that their results are as large as the token."""
        super().__init__()
        self.widen, self.narrow = nn.Linear(dim, 2 * hidden, **made), nn.Linear(hidden, dim, **made)
        nn.init.kaiming_uniform_(self.widen.weight, nonlinearity="linear")

    def forward(self, x: Float[Tensor, "... dim"]) -> Float[Tensor, "... dim"]:
        """Return as many numbers per token."""
        return self.narrow(torch.mul(*self.widen(x).chunk(2, -1)))


def mlp(relation: Relation, dim: int, start: Start, **made: Any) -> Gated:
    """Return the mlp of a relation: where the start is tuned, as wide as makes all networks equally large."""
    return Gated(dim, _HIDDEN.get(relation, 77) if start == "tuned" else _EQUAL_HIDDEN, **made)
