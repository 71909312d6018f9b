"""Chapter 2: attention whole, fused and in chunks, the layer around it, and rollout."""

import torch
from torch import nn
from transformers import ViTConfig
from transformers.models.vit.modeling_vit import ViTAttention

from benchmarks.measure import compare, growth
from patchwork.attention import MultiHeadSelfAttention, attention, attention_rollout, chunked_attention

WIDTH, CHUNK = 64, 128
WHOLE = (12, 196, 1.0), (12, 1024, 0.5), (3, 4096, 0.4)  # heads, N and the reach; 12 heads of 4096² fill 2 GB
DIM, LAYER_HEADS, LAYERS = 768, 12, 12


def comparisons(device):
    """Return a row per function, size and peer."""
    rows = [row for heads, number, reach in WHOLE for row in _fused(heads, number, reach, device)]
    rows += _chunked(3, 4096, device)
    rows += [row for batch in (1, 8) for row in _layer(batch, device)]
    return rows + [row for number, reach in ((197, 0.25), (1025, 0.15)) for row in _rollout(number, reach, device)]


def growths(device):
    """Return how time and memory of attention grow with the number of patches: fused, in chunks, explicit."""
    inputs = {number: _inputs(3, number, device) for number in (256, 512, 1024, 2048, 4096)}
    functions = {
        "attention": attention,
        f"chunked_attention, chunk {CHUNK}": lambda *given: chunked_attention(*given, chunk_size=CHUNK),
        "explicit softmax": _explicit,
    }
    return [_growth(name, function, inputs, device) for name, function in functions.items()]


def _growth(name, function, inputs, device):
    return growth(name, "N", {number: lambda given=given: function(*given) for number, given in inputs.items()}, device)


def _inputs(heads, number, device):
    return torch.randn(3, 1, heads, number, WIDTH, device=device)


def _explicit(queries, keys, values):
    return torch.softmax(queries @ keys.mT / WIDTH**0.5, dim=-1) @ values


def _size(heads, number):
    return f"{heads} heads, N = {number}, d = {WIDTH}"


def _fused(heads, number, reach, device):
    inputs = _inputs(heads, number, device)
    peers = {"explicit softmax": (lambda: _explicit(*inputs), reach)}
    return compare("attention", _size(heads, number), lambda: attention(*inputs), peers, device)


def _chunked(heads, number, device):
    inputs = _inputs(heads, number, device)
    peers = {
        "fused": (lambda: attention(*inputs), 1.4),
        "explicit softmax": (lambda: _explicit(*inputs), None, 0.1),
    }
    size = f"{_size(heads, number)}, chunk {CHUNK}"
    return compare("chunked_attention", size, lambda: chunked_attention(*inputs, chunk_size=CHUNK), peers, device)


def _layer(batch, device):
    x, size = torch.randn(batch, 197, DIM, device=device), f"{batch} × 197 × {DIM}, {LAYER_HEADS} heads"
    ours = MultiHeadSelfAttention(DIM, LAYER_HEADS, device=device)
    torchs = nn.MultiheadAttention(DIM, LAYER_HEADS, batch_first=True, device=device)
    fused, eager = (_transformers(kind, device) for kind in ("sdpa", "eager"))
    mixing = {
        "transformers ViTAttention": (lambda: fused(x), 0.98),
        "nn.MultiheadAttention": (lambda: torchs(x, x, x, need_weights=False), 1.0),
    }
    showing = {
        "transformers eager": (lambda: eager(x), 1.0),
        "nn.MultiheadAttention": (lambda: torchs(x, x, x, average_attn_weights=False), None),
    }
    return [
        *compare("MultiHeadSelfAttention", size, lambda: ours(x), mixing, device),
        *compare("… with return_weights", size, lambda: ours(x, return_weights=True), showing, device),
    ]


def _transformers(kind, device):
    config = ViTConfig(hidden_size=DIM, num_attention_heads=LAYER_HEADS, attn_implementation=kind)
    return ViTAttention(config).to(device).eval()


def _rollout(number, reach, device):
    weights = [torch.rand(1, LAYER_HEADS, number, number, device=device) for _ in range(LAYERS)]
    weights = [layer / layer.sum(-1, keepdim=True) for layer in weights]
    # One row must still read the weights of all layers but the last: that is its bound, however fast matrices multiply.
    peers = {
        "the whole product": (lambda: attention_rollout(weights), reach),
        "reading the weights": (lambda: [layer.sum() for layer in weights], None),
    }
    size = f"{LAYERS} layers, {LAYER_HEADS} heads, N = {number}"
    return compare("attention_rollout(query=…)", size, lambda: attention_rollout(weights, query=0), peers, device)
