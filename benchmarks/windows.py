"""Chapter 3: the Swin block, windows against attention of all to all, and the grid from which they are cheaper."""

import torch
from transformers.models.swin.modeling_swin import SwinConfig, SwinLayer

from benchmarks.measure import compare, growth
from patchwork.attention import MultiHeadSelfAttention, attention
from patchwork.windows import SwinBlock, WindowAttention, attention_cost, window_merge, window_partition

SIDE, DIM, HEADS, SIZE, SHIFT = 56, 96, 3, 7, 3
CROSSING, GROWING = (7, 14, 21, 28), (28, 42, 56, 84)  # sides of grids


def comparisons(device):
    """Return a row per function, size and peer."""
    rows = [row for batch in (1, 8) for row in _block(batch, device)]
    rows += _learning(device) + _against_whole(device)
    return rows + [row for side in CROSSING for row in _break_even(side, device)]


def growths(device):
    """Return how time and memory of the two products grow with the number of patches: in windows, and all to all."""
    tokens = {side**2: _tokens(side, device) for side in GROWING}
    cut = {number: _in_windows(parts) for number, parts in tokens.items()}
    return [
        _growth(f"attention in windows, M = {SIZE}", cut, device),
        _growth("attention of all to all", tokens, device),
    ]


def _growth(name, inputs, device):
    cases = {number: lambda parts=parts: attention(*parts) for number, parts in inputs.items()}
    return growth(name, "N", cases, device)


def _tokens(side, device):
    """Return queries, keys and values of all tokens of a map, those of a window side by side."""
    return torch.randn(3, 1, HEADS, side**2, DIM // HEADS, device=device)


def _in_windows(tokens):
    return tokens.unflatten(3, (-1, SIZE**2)).transpose(2, 3)


def _map(batch, side, device):
    return torch.randn(batch, side, side, DIM, device=device)


def _size(batch, side):
    return f"{batch} × {side}² × {DIM}, {HEADS} heads, M = {SIZE}"


def _block(batch, device):
    ours, theirs = _blocks(device)
    x = _map(batch, SIDE, device)
    tokens = x.flatten(1, 2)
    torch.testing.assert_close(ours(x).flatten(1, 2), theirs(tokens, (SIDE, SIDE))[0], atol=1e-4, rtol=1e-4)
    peers = {"transformers SwinLayer": (lambda: theirs(tokens, (SIDE, SIDE)), 0.95)}
    return compare("SwinBlock", f"{_size(batch, SIDE)}, shift {SHIFT}", lambda: ours(x), peers, device)


def _learning(device):
    ours, theirs = _blocks(device)
    x = _map(1, SIDE, device)
    peers = {"transformers SwinLayer": (lambda: _learn(theirs, x.flatten(1, 2), (SIDE, SIDE)), None)}
    size = f"{_size(1, SIDE)}, shift {SHIFT}"
    return compare("SwinBlock, forward and backward", size, lambda: _learn(ours, x), peers, device)


def _learn(block, *inputs):
    with torch.enable_grad():
        result = block(*inputs)
        result = result[0] if isinstance(result, tuple) else result
        return torch.autograd.grad(result.sum(), list(block.parameters()))


def _blocks(device):
    """Return our block and the layer of transformers, on the same weights."""
    config = SwinConfig(window_size=SIZE, attn_implementation="sdpa")
    theirs = SwinLayer(config, DIM, (SIDE, SIDE), HEADS, shift_size=SHIFT).to(device).eval()
    ours = SwinBlock(DIM, HEADS, SIZE, shift=SHIFT, device=device).eval()
    attend, table = theirs.attention, theirs.attention.relative_position_bias.relative_position_bias_table
    pairs = {
        ours.attention.qkv: (attend.q_proj, attend.k_proj, attend.v_proj),
        ours.attention.projection: (attend.o_proj,),
        ours.attention_norm: (theirs.layernorm_before,),
        ours.mlp_norm: (theirs.layernorm_after,),
        ours.mlp[0]: (theirs.mlp.fc1,),
        ours.mlp[2]: (theirs.mlp.fc2,),
    }
    with torch.no_grad():
        ours.attention.bias_table.copy_(table.normal_())
        for target, sources in pairs.items():
            target.weight.copy_(torch.cat([source.weight for source in sources]))
            target.bias.copy_(torch.cat([source.bias for source in sources]))
    return ours, theirs


def _against_whole(device):
    windows, whole = _layers(device)
    x = _map(1, SIDE, device)
    # A tenth is a reach for the products, which windows change. The projections, which they leave as they are, take
    # 0.07 of the whole layer of all to all: with them even products for nothing would hardly leave room.
    qkv, projection = whole.qkv, whole.projection
    tokens = x.flatten(1, 2)
    peers = {
        "all to all, fused": (lambda: whole(tokens), None),
        "all to all, explicit softmax": (lambda: whole(tokens, return_weights=True), 0.1, 0.1),
        "the projections alone": (lambda: projection(qkv(tokens)[..., :DIM]), None),
    }
    return [
        *compare(
            "attention in windows, projections included", _beside_formula(SIDE), lambda: windows(x), peers, device
        ),
        *_products(device),
    ]


def _products(device):
    """Compare softmax(QKᵀ/√d)V of the same tokens, cut into windows and whole."""
    tokens = _tokens(SIDE, device)
    cut = _in_windows(tokens)
    peers = {"all to all, fused": (lambda: attention(*tokens), 0.1)}
    return compare("attention in windows, products alone", _size(1, SIDE), lambda: attention(*cut), peers, device)


def _break_even(side, device):
    windows, whole = _layers(device)
    x = _map(1, side, device)
    peers = {"all to all, fused": (lambda: whole(x.flatten(1, 2)), None)}
    return compare("attention in windows, break-even", _beside_formula(side), lambda: windows(x), peers, device)


def _beside_formula(side):
    grid = side, side
    share = attention_cost(grid, DIM, window_size=SIZE) / attention_cost(grid, DIM)
    return f"{_size(1, side)}; by the formula {share:.2f}"


def _layers(device):
    """Return attention in windows as a function of a map, and the layer of all to all on the same projections."""
    attend = WindowAttention(DIM, HEADS, SIZE, device=device)
    whole = MultiHeadSelfAttention(DIM, HEADS, device=device)
    whole.qkv, whole.projection = attend.qkv, attend.projection

    def windows(x):
        mixed = attend(window_partition(x, SIZE).flatten(1, 2))
        return window_merge(mixed.unflatten(1, (SIZE, SIZE)), x.shape[1:3])

    return windows, whole
