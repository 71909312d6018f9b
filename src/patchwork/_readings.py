"""What a pretrained model computes from one photograph, and the attention that keeps what was asked for."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from patchwork import _checks
from patchwork.attention import attention, attention_weights


class Reading(NamedTuple):
    """What a pretrained model computes from one photograph.

    The T tokens are ``prefix`` special ones, the class token first, then the N patches of the grid, row by row. Of L
    layers with H heads, ``weights``, ``queries``, ``keys`` and ``values`` have an entry each, and ``tokens`` has one
    for each depth 0 … L, the last before the final normalization; what ``read`` was not asked to keep is None.

    Shapes: weights (1, H, T, T) per layer, as ``attention_rollout`` takes them; features (N, D), the last layer's
    normalized output; grid (rows, columns); prefix = T − N; tokens (T, D) per depth; queries, keys and values (H, T, d)
    per layer, the scale 1/√d not yet applied. ValueError: see its methods. Used in chapters 2 and 8.

    >>> uniform = torch.full((1, 2, 7, 7), 1 / 7)
    >>> reading = Reading([uniform], torch.zeros(6, 4), (2, 3), 1)
    >>> round(reading.relation(0)[0, 0].item(), 4), reading.attention_map(0, query=4).shape
    (0.1667, torch.Size([2, 3]))
    """

    weights: list
    features: torch.Tensor
    grid: tuple
    prefix: int
    tokens: Sequence = ()
    queries: Sequence = ()
    keys: Sequence = ()
    values: Sequence = ()

    def relation(self, layer, *, head=None):
        """Return how a layer's patches attend to each other, (N, N): one head, or the mean of all.

        The special tokens are left out and each row is renormalized to sum 1. Raises ValueError for no layer or head,
        and for a layer whose weights were not kept.
        """
        return self._over_patches(layer, head)[self.prefix :]

    def attention_map(self, layer, *, head=None, query=None):
        """Return as a picture (rows, columns) where a patch attends, or, without query, the class token.

        Normalized as in ``relation``. Raises ValueError where there is no such layer, head or patch.
        """
        token = 0 if query is None else self.prefix + self._patch(query)
        return self._over_patches(layer, head)[token].view(self.grid)

    def patch_features(self, depth):
        """Return the patches' features (N, D) at a depth: 0 the embeddings with their positions, l after l layers.

        Depth L comes before the final normalization, which ``features`` has behind it. Raises ValueError where there is
        no such depth, or it was not kept.
        """
        return _kept("depth", self.tokens, depth, "depths")[self.prefix :]

    def _patch(self, query):
        number, patch = self.grid[0] * self.grid[1], _checks.count("query", query, at_least=0)
        if patch >= number:
            raise ValueError(f"query must be one of the patches 0 … {number - 1}, got {query}")
        return patch

    def _over_patches(self, layer, head):
        weights = _kept("layer", self.weights, layer, "layers")[0]
        weights = weights.mean(0) if head is None else weights[_place("head", len(weights), head)]
        weights = weights[:, self.prefix :]
        total = weights.sum(1, keepdim=True)
        return weights / torch.where(total > 0, total, 1)


class Attending:
    """The attention of one reading, layer by layer: fused, but with its weights where they are to be kept.

    It is called as ``transformers`` calls an attention function, once a layer. ``masks`` has a boolean (T, T) or None
    for each layer.
    """

    def __init__(self, layers, masks):
        """Ask for the weights, queries, keys and values of some layers."""
        self._layers, self._masks, self._now = layers, masks, 0
        self.weights, self.queries, self.keys, self.values = ([None] * len(masks) for _ in range(4))

    def __call__(self, module, query, key, value, attention_mask=None, scaling=None, **_):
        """Return the gathered values (B, T, H, d), and no weights: they are kept here."""
        layer, mask = self._now, self._masks[self._now]
        self._now += 1
        if layer not in self._layers:
            return attention(query, key, value, mask=mask, scale=scaling).transpose(1, 2), None
        self.weights[layer] = attention_weights(query, key, mask=mask, scale=scaling)
        self.queries[layer], self.keys[layer], self.values[layer] = query[0], key[0], value[0]
        return (self.weights[layer] @ value).transpose(1, 2), None


def every(name, chosen, number):
    """Return as a set which of ``number`` things are meant: all where None, else those counted, from the end too."""
    if chosen is None:
        return set(range(number))
    expected = f"whole numbers from {-number} to {number - 1}, or None for all"
    try:
        several = None if isinstance(chosen, (str, bytes)) else list(chosen)
    except TypeError:  # one number, also as a tensor, which has an __iter__ all the same
        several = None
    if several is None:
        raise ValueError(f"{name} must be {expected}, got {chosen!r}")
    return {_place(name, number, each) % number for each in several}


def masks(mask, layers, patches, prefix, device):
    """Return a mask over all tokens, or None, for each layer: special tokens attend, and are attended, everywhere."""
    each = list(mask) if isinstance(mask, (list, tuple)) else [mask] * layers
    if len(each) != layers:
        raise ValueError(f"mask must be one for all layers or a list of {layers}, got a list of {len(each)}")
    whole = {id(one): _over_tokens(one, patches, prefix, device) for one in each}
    return [whole[id(one)] for one in each]


def _over_tokens(mask, patches, prefix, device):
    if mask is None:
        return None
    size, tokens = _checks.shape("mask", mask, "N N"), prefix + patches
    if mask.dtype != torch.bool or size not in {(patches, patches), (tokens, tokens)}:
        expected = f"boolean, ({patches}, {patches}) or over all tokens ({tokens}, {tokens}), True = may attend"
        raise ValueError(f"mask must be {expected}, got {mask.dtype} {size}")
    if mask.device != device:
        raise ValueError(f"devices differ: mask on {mask.device}, image on {device}")
    if size == (tokens, tokens):
        return mask
    whole = torch.ones(tokens, tokens, dtype=torch.bool, device=device)
    whole[prefix:, prefix:] = mask
    return whole


def _place(name, number, index):
    try:
        place = _checks.count(name, index, at_least=-number)
    except ValueError:
        place = number
    if place >= number:
        raise ValueError(f"{name} must be a whole number from {-number} to {number - 1}, got {index!r}")
    return place


def _kept(name, items, index, option):
    item = items[_place(name, len(items), index)] if items else None
    if item is None:
        raise ValueError(f"{name} {index} was not kept; ask for it: read(image, {option}=[{index}])")
    return item
