import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from peers import copy_block, copy_linear, randomized
from torch import func, nn
from torch.autograd import gradcheck
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import ViTConfig, ViTForImageClassification

from patchwork.attention import (
    MultiHeadSelfAttention,
    TransformerBlock,
    VisionTransformer,
    attention,
    attention_rollout,
    attention_weights,
    chunked_attention,
)

HALF = torch.float16, torch.bfloat16
DTYPES = torch.float64, torch.float32, *HALF
CLOSE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 8e-2}


@pytest.fixture
def normal(generator):
    """Random numbers in float64."""
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def case(rng, normal):
    """Queries, keys and values of different lengths and widths, whose leading axes broadcast."""
    lead = [rng.randint(1, 3) for _ in range(rng.randint(0, 3))]
    rows, number, width, out = (rng.randint(1, most) for most in (6, 6, 5, 5))

    def some(*shape):
        axes = [rng.choice([1, size]) for size in lead]
        return normal(*axes[rng.randint(0, len(lead)) :], *shape)

    return normal(*lead, rows, width), some(number, width), some(number, out)


@pytest.fixture
def mask(rng, generator):
    """Return a maker of masks that broadcast to a shape, boolean or floating."""

    def make(shape, kind):
        axes = [rng.choice([1, size]) for size in shape][rng.randint(0, len(shape) - 1) :]
        allowed = torch.rand(axes, generator=generator) < 0.7
        added = torch.randn(axes, dtype=torch.float64, generator=generator)
        return allowed if kind == "boolean" else added.masked_fill(~allowed, -torch.inf)

    return make


def by_hand(queries, keys, mask=None, scale=None):
    """The definition, one number after the other."""
    logits = queries @ keys.mT * (queries.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        logits = logits.where(mask, -torch.inf) if mask.dtype == torch.bool else logits + mask
    weights = torch.zeros_like(logits)
    for row, result in zip(logits.flatten(0, -2), weights.view(-1, logits.shape[-1]), strict=True):
        top = row.max()
        parts = [math.exp(number - top) if top > -torch.inf else 0.0 for number in row]
        result.copy_(torch.tensor(parts) / (sum(parts) or 1.0))
    return weights


class Largest(TorchDispatchMode):
    """Watches every operation for the most numbers that one of its results holds in memory of its own."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        borrowed = {memory(tensor) for tensor in tensors([args, kwargs])}
        sizes = [tensor.numel() for tensor in tensors(result) if memory(tensor) not in borrowed]
        self.numbers = max([self.numbers, *sizes])
        return result


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def memory(tensor):
    return tensor.untyped_storage().data_ptr()


def most_bytes(call):
    """The most bytes that a call holds at once beside its inputs."""
    with profile(profile_memory=True) as record:
        result = call()
    steps = [event.nbytes() for event in record.profiler.kineto_results.events() if event.name() == "[memory]"]
    del result
    return max(itertools.accumulate(steps))


def scores(queries, keys):
    """The shape of the weights."""
    return (queries @ keys.mT).shape


def test_weights_on_numbers_one_can_check():
    queries, keys = torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [math.log(3)]])
    torch.testing.assert_close(attention_weights(queries, keys), torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
    values = torch.tensor([[0.0, 4.0], [8.0, 0.0]])
    torch.testing.assert_close(attention(queries, keys, values), torch.tensor([[6.0, 1.0], [4.0, 2.0]]))


@pytest.mark.parametrize("scale", [None, 1.0, 0.3, 0, -2])
def test_weights_are_their_definition(case, scale):
    queries, keys, _ = case
    torch.testing.assert_close(attention_weights(queries, keys, scale=scale), by_hand(queries, keys, scale=scale))


@pytest.mark.parametrize("kind", ["boolean", "floating"])
def test_masked_weights_are_their_definition(case, mask, kind):
    queries, keys, _ = case
    chosen = mask(scores(queries, keys), kind)
    torch.testing.assert_close(attention_weights(queries, keys, mask=chosen), by_hand(queries, keys, chosen))


def test_weights_are_what_torch_gives_to_unit_vectors(case):
    queries, keys, _ = case
    lead, number = scores(queries, keys)[:-2], keys.shape[-2]
    units = torch.eye(number, dtype=torch.float64).expand(*lead, -1, -1)
    expected = F.scaled_dot_product_attention(queries, keys.expand(*lead, -1, -1), units)
    torch.testing.assert_close(attention_weights(queries, keys), expected)


def test_rows_sum_to_one_and_nothing_is_negative(case):
    weights = attention_weights(*case[:2])
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1], dtype=torch.float64))


@pytest.mark.parametrize("scale", [None, 0.7, 0, -1])
@pytest.mark.parametrize("kind", [None, "boolean", "floating"])
def test_attention_is_weights_times_values(case, mask, kind, scale):
    queries, keys, values = case
    given = {"mask": mask(scores(queries, keys), kind) if kind else None, "scale": scale}
    expected = attention_weights(queries, keys, **given) @ values
    found = attention(queries, keys, values, **given)
    assert found.shape == torch.broadcast_shapes(expected.shape, (*values.shape[:-2], 1, 1))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("axes", [(), (3,), (2, 1), (2, 1, 3), (4, 2, 1, 3), (4, 1, 1, 1)], ids=str)
def test_masks_over_any_of_many_leading_axes(normal, generator, axes):
    queries, keys, values = normal(3, 4, 2, 2, 3, 5, 2)
    mask = torch.rand(*axes, 5, 5, generator=generator) < 0.7
    expected = attention_weights(queries, keys, mask=mask) @ values
    torch.testing.assert_close(attention(queries, keys, values, mask=mask), expected)


@pytest.mark.parametrize("kind", ["boolean", "floating"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_what_is_masked_in_a_key_spoils_no_row_that_may_not_attend_to_it(normal, kind, value):
    """Causal, with a row that attends to nothing and one past the spoiled key."""
    queries, keys, values = normal(3, 2, 2, 6, 4)
    allowed = torch.ones(6, 6, dtype=torch.bool).tril()
    allowed[1], allowed[5, 3] = False, False
    chosen = allowed if kind == "boolean" else torch.zeros(6, 6).double().masked_fill(~allowed, -torch.inf)
    expected = attention_weights(queries, keys, mask=chosen)[..., [0, 1, 2, 5], :]
    keys[..., 3, :] = value
    found = attention_weights(queries, keys, mask=chosen)
    torch.testing.assert_close(found[..., [0, 1, 2, 5], :], expected)
    torch.testing.assert_close(attention(queries, keys, values, mask=chosen), found @ values, equal_nan=True)
    mapped = func.vmap(lambda *given: attention_weights(*given, mask=chosen))(queries, keys)
    torch.testing.assert_close(mapped, found, equal_nan=True)
    if value != value:
        assert found[..., [3, 4], :].isnan().all()


def test_a_nan_in_a_value_spoils_its_column_in_every_row(normal):
    queries, keys, values = normal(3, 5, 4)
    values[2, 1] = torch.nan
    allowed = torch.ones(5, 5, dtype=torch.bool).tril()
    for found in (
        attention(queries, keys, values, mask=allowed),
        attention_weights(queries, keys, mask=allowed) @ values,
    ):
        assert found.isnan().all(0).tolist() == [False, True, False, False]
        assert found.isnan().any(0).tolist() == [False, True, False, False]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", [(), (3,), (2, 3), (2, 1, 3)], ids=str)
def test_attention_is_torchs(normal, axes, dtype):
    inputs = [normal(*axes, number, 8) for number in (40, 70, 70)]
    with sdpa_kernel(SDPBackend.MATH):
        expected = F.scaled_dot_product_attention(*inputs)
    found = attention(*(part.to(dtype) for part in inputs))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, atol=CLOSE[dtype], rtol=0)


@pytest.mark.parametrize("axes", [(), (3,), (2, 2, 3)], ids=str)
def test_attention_is_fused_whatever_the_leading_axes(normal, axes):
    inputs = [normal(*axes, 64, 4) for _ in range(3)]
    with Largest() as largest:
        attention(*inputs)
    assert largest.numbers < math.prod(axes) * 64 * 64


@pytest.mark.parametrize("number", [5, 600])
@pytest.mark.parametrize("kind", ["boolean", "floating"])
@pytest.mark.parametrize("axes", [(), (3,), (2, 3), (2, 2, 3)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_with_nothing_to_attend_is_zero_and_so_are_its_gradients(generator, normal, dtype, axes, kind, number):
    inputs = [normal(*axes, size, 4).to(dtype).requires_grad_() for size in (number, number + 2, number + 2)]
    allowed = torch.rand(number, number + 2, generator=generator) < 0.7
    allowed[2] = False
    mask = allowed if kind == "boolean" else torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, -torch.inf)
    queries, keys, values = inputs
    for found in (attention(*inputs, mask=mask), attention_weights(queries, keys, mask=mask) @ values):
        assert (found[..., 2, :] == 0).all()
        assert found.isfinite().all()
        grads = torch.autograd.grad(found.square().sum(), inputs)
        assert all(grad.isfinite().all() for grad in grads)
        assert (grads[0][..., 2, :] == 0).all()
        assert all((grad != 0).any() for grad in grads)


def test_a_row_whose_logits_a_mask_drives_out_of_range_is_zero():
    queries, keys = torch.tensor([[-100.0], [100.0]]).half().requires_grad_(), torch.ones(2, 1).half()
    weights = attention_weights(queries, keys, mask=torch.full((2,), torch.finfo(torch.float16).min).half())
    assert weights.tolist() == [[0, 0], [0.5, 0.5]]
    (grad,) = torch.autograd.grad(weights.square().sum(), queries)
    assert (grad == 0).all()


def test_an_empty_row_keeps_a_learned_mask_finite(normal):
    queries, keys, values = normal(4, 3), normal(4, 3), normal(4, 3)
    bias = normal(4, 4).requires_grad_()
    added = bias.masked_fill(torch.arange(4).view(4, 1) == 1, -torch.inf)
    for found in (attention(queries, keys, values, mask=added), attention_weights(queries, keys, mask=added) @ values):
        (grad,) = torch.autograd.grad(found.square().sum(), bias, retain_graph=True)
        assert grad.isfinite().all()
        assert (grad[1] == 0).all()
        assert (grad[[0, 2, 3]] != 0).all()


@pytest.mark.parametrize("change", [lambda mask: mask, lambda mask: 2 * mask, lambda mask: mask.detach()])
def test_a_learned_mask_in_gradients_of_something_else(normal, change):
    queries, keys, values = normal(2, 4, 3), normal(5, 3), normal(5, 3)
    learned = normal(4, 5).requires_grad_()

    def loss(queries, gather):
        return gather(queries, keys, values, mask=change(learned)).square().sum()

    def by_hand(queries, keys, values, mask):
        return attention_weights(queries, keys, mask=mask) @ values

    torch.testing.assert_close(func.grad(loss)(queries, attention), func.grad(loss)(queries, by_hand))
    each = func.vmap(func.grad(lambda queries: loss(queries, attention)))(queries)
    torch.testing.assert_close(each, func.grad(loss)(queries, by_hand))


def test_a_layer_with_a_learned_mask_in_gradients_of_something_else(normal):
    attend, x, learned = MultiHeadSelfAttention(6, 2, dtype=torch.float64), normal(2, 5, 6), normal(2, 5, 5)
    weights = dict(attend.named_parameters())

    def loss(x, weights, mask):
        return func.functional_call(attend, weights, (x,), {"mask": mask.unsqueeze(0)}).square().sum()

    def slope(x, mask):
        return func.grad(loss)(x, weights, mask).square().sum()

    found = func.grad(slope, argnums=(0, 1))(x, learned)
    variables = x.clone().requires_grad_(), learned.clone().requires_grad_()
    (inner,) = torch.autograd.grad(loss(variables[0], weights, variables[1]), variables[0], create_graph=True)
    torch.testing.assert_close(found, torch.autograd.grad(inner.square().sum(), variables))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("number", [6, 600])
def test_very_large_logits(normal, dtype, number):
    queries, keys, values = ((100 * normal(2, 2, number, 4)).to(dtype).requires_grad_() for _ in range(3))
    assert (queries @ keys.mT).abs().amax() > 1e4
    results = [
        attention_weights(queries, keys),
        attention(queries, keys, values),
        chunked_attention(queries, keys, values, chunk_size=4),
    ]
    for result in results:
        assert result.isfinite().all()
        grads = torch.autograd.grad(result.sum(), (queries, keys))
        assert all(grad.isfinite().all() for grad in grads)
    torch.testing.assert_close(results[0].sum(-1), torch.ones(2, 2, number, dtype=dtype), atol=CLOSE[dtype], rtol=0)


def test_attention_moves_with_the_order_of_the_tokens(case, generator):
    queries, keys, values = case
    rows = torch.randperm(queries.shape[-2], generator=generator)
    order = torch.randperm(keys.shape[-2], generator=generator)
    weights, mixed = attention_weights(queries, keys), attention(queries, keys, values)
    moved = queries[..., rows, :], keys[..., order, :], values[..., order, :]
    torch.testing.assert_close(attention_weights(*moved[:2]), weights[..., rows, :][..., order])
    torch.testing.assert_close(attention(*moved), mixed[..., rows, :])


@pytest.mark.parametrize("scale", [None, 0.7, 0, -1])
def test_chunked_attention_is_attention(case, rng, scale):
    size = rng.randint(1, case[0].shape[-2] + 2)
    inputs = [part.requires_grad_() for part in case]
    found, expected = chunked_attention(*inputs, chunk_size=size, scale=scale), attention(*inputs, scale=scale)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(found)
    theirs = torch.autograd.grad(expected, inputs, slope)
    for grad, their in zip(torch.autograd.grad(found, inputs, slope), theirs, strict=True):
        torch.testing.assert_close(grad, their)


def test_a_chunk_may_be_longer_than_the_sequence(normal):
    inputs = [normal(5, 3) for _ in range(3)]
    torch.testing.assert_close(chunked_attention(*inputs, chunk_size=10**12), attention(*inputs))


@pytest.mark.parametrize("dtype", HALF)
def test_chunked_attention_keeps_half_precision(normal, dtype):
    inputs = [normal(2, 3, 50, 8).to(dtype).requires_grad_() for _ in range(3)]
    found = chunked_attention(*inputs, chunk_size=16)
    found.sum().backward()
    assert {found.dtype, *(part.grad.dtype for part in inputs)} == {dtype}
    torch.testing.assert_close(found, attention(*inputs), atol=CLOSE[dtype], rtol=0)


def test_chunked_attention_never_holds_all_weights(normal):
    queries, keys, values = (normal(2, 96, 4).requires_grad_() for _ in range(3))
    with Largest() as largest:
        chunked_attention(queries, keys, values, chunk_size=20).sum().backward()
    assert largest.numbers == 2 * 20 * 96
    with Largest() as largest:
        (attention_weights(queries, keys) @ values).sum().backward()
    assert largest.numbers == 2 * 96 * 96


@pytest.mark.parametrize("rows", [512, 500], ids=["whole chunks", "a rest"])
def test_memory_of_chunked_attention_is_what_its_docstring_says(normal, rows):
    inputs = [normal(2, 3, number, 8).requires_grad_() for number in (rows, 512, 512)]
    chunk, spare = 2 * 3 * 64 * 512 * 8, 1.3  # a few rows of width 8 come and go beside the chunk
    found = chunked_attention(*inputs, chunk_size=64)
    own, slope = found.nbytes, torch.ones_like(found)
    assert most_bytes(lambda: chunked_attention(*inputs, chunk_size=64)) - own < spare * chunk
    own = sum(part.nbytes for part in inputs)
    assert most_bytes(lambda: torch.autograd.grad(found, inputs, slope)) - own < 2 * spare * chunk


@pytest.mark.parametrize("dtype", HALF)
def test_gradients_of_many_chunks_add_up_in_half_precision(normal, dtype):
    inputs = [part.to(dtype).requires_grad_() for part in (0.1 * normal(2048, 8), normal(8, 8), normal(8, 8))]
    exact = [part.detach().double().requires_grad_() for part in inputs]
    found = torch.autograd.grad(chunked_attention(*inputs, chunk_size=1).sum(), inputs)
    expected = torch.autograd.grad(attention(*exact).sum(), exact)
    for grad, their in zip(found, expected, strict=True):
        assert (grad.double() - their).norm() < 2 * CLOSE[dtype] / 3 * their.norm()


def test_gradients(case, mask):
    queries, keys, values = (part.requires_grad_() for part in case)
    shape = scores(queries, keys)
    for given in ({}, {"mask": mask(shape, "boolean")}, {"mask": mask(shape, "floating")}):
        assert gradcheck(lambda *inputs, given=given: attention_weights(*inputs, **given), (queries, keys))
        assert gradcheck(lambda *inputs, given=given: attention(*inputs, **given), (queries, keys, values))
    assert gradcheck(lambda *inputs: chunked_attention(*inputs, chunk_size=2), (queries, keys, values))


def test_chunked_attention_says_that_it_is_differentiable_once(case):
    inputs = [part.requires_grad_() for part in case]
    grads = torch.autograd.grad(chunked_attention(*inputs, chunk_size=2).square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grads[2].sum().backward()


def test_autocast(normal):
    queries, keys, values = normal(2, 7, 4).float(), normal(2, 7, 4).bfloat16(), normal(2, 7, 4).half()
    expected = attention(queries, keys.float(), values.float())
    queries.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = attention(queries, keys, values)
        chunked = chunked_attention(queries, keys, values, chunk_size=3)
        weighted = attention_weights(queries, keys, mask=torch.zeros(7)) @ values
        with pytest.raises(ValueError, match=r"dtypes differ: queries torch.float64"):
            attention(queries.double(), keys, values)
    for found in (mixed, chunked, weighted):
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.float(), expected, atol=0.05, rtol=0.05)
        (grad,) = torch.autograd.grad(found.sum(), queries)
        assert grad.dtype == torch.float32


# Modules


@pytest.fixture
def tokens(rng, normal):
    """Random tokens (B, N, heads·d) and their number of heads; two images at least, and more heads than one."""
    heads = rng.randint(2, 4)
    return normal(rng.randint(2, 3), rng.randint(2, 6), heads * rng.randint(1, 4)), heads


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [None, "boolean", "floating"])
def test_multi_head_attention_is_torchs(tokens, rng, generator, normal, kind, bias):
    x, heads = tokens
    batch, number, dim = x.shape
    ours = randomized(MultiHeadSelfAttention(dim, heads, bias=bias, dtype=torch.float64))
    theirs = nn.MultiheadAttention(dim, heads, bias=bias, batch_first=True, dtype=torch.float64)
    names = {"qkv.weight": "in_proj_weight", "projection.weight": "out_proj.weight"}
    names |= {"qkv.bias": "in_proj_bias", "projection.bias": "out_proj.bias"} if bias else {}
    theirs.load_state_dict({names[name]: weight for name, weight in ours.state_dict().items()})
    axes = rng.choice([(), (1, heads), (batch, 1), (batch, heads)])
    allowed = torch.eye(number, dtype=torch.bool) | (torch.rand(*axes, number, number, generator=generator) < 0.5)
    bias_of_pairs = normal(*axes, number, number).masked_fill(~allowed, -torch.inf)
    mask, opposite = {None: (None, None), "boolean": (allowed, ~allowed), "floating": (bias_of_pairs,) * 2}[kind]
    if kind:
        opposite = opposite.expand(batch, heads, number, number).flatten(0, 1)
    expected, weights = theirs(x, x, x, attn_mask=opposite, average_attn_weights=False)
    found, found_weights = ours(x, mask=mask, return_weights=True)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_weights, weights)
    torch.testing.assert_close(ours(x, mask=mask), expected)


def test_a_mask_per_image_and_one_per_head_mean_different_things(normal, generator):
    attend = randomized(MultiHeadSelfAttention(6, 2, dtype=torch.float64))
    x, allowed = normal(2, 5, 6), torch.eye(5, dtype=torch.bool) | (torch.rand(2, 5, 5, generator=generator) < 0.5)
    _, of_images = attend(x, mask=allowed.unsqueeze(1), return_weights=True)
    _, of_heads = attend(x, mask=allowed.unsqueeze(0), return_weights=True)
    for first in range(2):
        for second in range(2):
            assert torch.equal(of_images[first, second] > 0, allowed[first])
            assert torch.equal(of_heads[first, second] > 0, allowed[second])


def test_a_token_with_nothing_to_attend_gets_the_bias_alone(tokens):
    x, heads = tokens
    attend = randomized(MultiHeadSelfAttention(x.shape[2], heads, dtype=torch.float64))
    allowed = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
    allowed[1] = False
    found, weights = attend(x, mask=allowed, return_weights=True)
    assert (weights[:, :, 1] == 0).all()
    torch.testing.assert_close(found[:, 1], attend.projection.bias.expand(len(x), -1))
    torch.testing.assert_close(attend(x, mask=allowed), found)


@pytest.mark.parametrize("make", [MultiHeadSelfAttention, TransformerBlock])
def test_modules_move_with_the_order_of_the_tokens(tokens, generator, make):
    x, heads = tokens
    module = randomized(make(x.shape[2], heads, dtype=torch.float64))
    order = torch.randperm(x.shape[1], generator=generator)
    torch.testing.assert_close(module(x[:, order]), module(x)[:, order])


def test_a_block_is_its_two_steps(tokens):
    x, heads = tokens
    block = randomized(TransformerBlock(x.shape[2], heads, mlp_ratio=3, eps=0.1, dtype=torch.float64))

    def norm(layer, y):
        centered = y - y.mean(-1, keepdim=True)
        return layer.weight * centered / (y.var(-1, correction=0, keepdim=True) + 0.1).sqrt() + layer.bias

    after = x + block.attention(norm(block.attention_norm, x))
    widen, _, narrow = block.mlp
    hidden = F.linear(norm(block.mlp_norm, after), widen.weight, widen.bias)
    assert hidden.shape[-1] == 3 * x.shape[2]
    hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
    torch.testing.assert_close(block(x), after + F.linear(hidden, narrow.weight, narrow.bias))


def test_a_block_without_biases(tokens):
    x, heads = tokens
    block = TransformerBlock(x.shape[2], heads, bias=False, dtype=torch.float64)
    assert all(name.endswith("weight") for name, _ in block.named_parameters())
    assert (block(torch.zeros_like(x)) == 0).all()


@pytest.mark.parametrize("kind", ["boolean", "floating"])
def test_a_block_hands_its_mask_on(tokens, mask, kind):
    x, heads = tokens
    block = randomized(TransformerBlock(x.shape[2], heads, dtype=torch.float64))
    chosen = mask((x.shape[1], x.shape[1]), kind)
    found, weights = block(x, mask=chosen, return_weights=True)
    _, expected = block.attention(block.attention_norm(x), mask=chosen, return_weights=True)
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(block(x, mask=chosen), found)


def test_gradients_of_a_block(tokens):
    x, heads = tokens
    block = randomized(TransformerBlock(x.shape[2], heads, mlp_ratio=1, dtype=torch.float64))
    assert gradcheck(block, x[:1].requires_grad_())
    assert gradcheck(lambda y: block(y, return_weights=True), x[:1].detach().requires_grad_())


@pytest.fixture
def models(rng):
    """A ViT of ours and one of transformers, with the same weights, and images for them."""
    rows, columns, size, channels, heads = (rng.randint(1, 3) for _ in range(5))
    dim, depth, classes = heads * rng.randint(3, 6), rng.randint(2, 3), rng.randint(1, 5)
    config = ViTConfig(
        hidden_size=dim,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=2 * dim,
        image_size=(rows * size, columns * size),
        patch_size=size,
        num_channels=channels,
        layer_norm_eps=1e-6,
        num_labels=classes,
        attn_implementation="sdpa",
    )
    theirs = randomized(ViTForImageClassification(config).double().eval())
    shape = channels, (rows, columns), size, dim, depth, heads, classes
    ours = VisionTransformer(*shape, mlp_ratio=2, dtype=torch.float64)
    copy_weights(ours, theirs)
    return ours, theirs, torch.randn(2, channels, rows * size, columns * size, dtype=torch.float64)


def copy_weights(ours, theirs):
    with torch.no_grad():
        ours.class_token.copy_(theirs.vit.embeddings.cls_token)
        ours.positions.copy_(theirs.vit.embeddings.position_embeddings)
    copy_linear(ours.embed.projection, theirs.vit.embeddings.patch_embeddings.projection)
    for block, layer in zip(ours.blocks, theirs.vit.layers, strict=True):
        copy_block(block, layer)
    ours.norm.load_state_dict(theirs.vit.layernorm.state_dict())
    ours.head.load_state_dict(theirs.classifier.state_dict())


def states(model, images, **given):
    """The tokens before the first block and after each block, and what the model returns."""
    found = []
    hooks = [model.blocks[0].register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))]
    for block in model.blocks:
        hooks.append(block.register_forward_hook(lambda _, inputs, result: found.append(result)))
    result = model(images, **given)
    for hook in hooks:
        hook.remove()
    return found, result


def test_vision_transformer_equals_transformers_layer_by_layer(models):
    ours, theirs, images = models
    expected = theirs(images, output_hidden_states=True)
    found, logits = states(ours, images)
    for state, their in zip(found, expected.hidden_states, strict=True):
        torch.testing.assert_close(state, their)
    torch.testing.assert_close(logits, expected.logits)
    torch.testing.assert_close(ours.tokens(images), theirs.vit(images).last_hidden_state)


def test_vision_transformer_shows_the_attention_that_transformers_shows(models):
    ours, theirs, images = models
    theirs.set_attn_implementation("eager")
    expected = theirs(images, output_hidden_states=True, output_attentions=True)
    found, (logits, weights) = states(ours, images, return_weights=True)
    single = {"atol": 1e-4, "rtol": 1e-4}  # their softmax is in single precision
    torch.testing.assert_close(weights, list(expected.attentions), **single)
    torch.testing.assert_close([state[0] for state in found[1:]], list(expected.hidden_states[1:]), **single)
    torch.testing.assert_close(logits, expected.logits, **single)
    torch.testing.assert_close(logits, ours(images))


def test_vision_transformer_starts_as_torchs_layers_do_and_draws_its_positions(seed):
    model = VisionTransformer(3, (16, 16), 2, 64, 1, 2, 5, position_std=0.5)
    assert abs(model.positions.std().item() - 0.5) < 0.02
    assert abs(model.class_token.std().item() - 0.5) < 0.2
    bound = 64**-0.5
    for layer in (model.blocks[0].attention.qkv, model.blocks[0].mlp[0], model.head):
        assert 0.9 * bound < layer.weight.abs().max() <= bound


def test_vision_transformer_learns_in_every_weight(models):
    ours, _, images = models
    ours(images).square().sum().backward()
    for name, parameter in ours.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("return_weights", [True, False])
def test_vision_transformer_under_autocast(return_weights, seed):
    model, images = VisionTransformer(1, (2, 3), 4, 8, 2, 2, 5), torch.randn(2, 1, 8, 12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(images, return_weights=return_weights)
    logits = found[0] if return_weights else found
    assert logits.dtype == torch.bfloat16
    torch.testing.assert_close(logits.float(), model(images), atol=0.1, rtol=0.1)


def test_modules_show_their_sizes():
    assert "MultiHeadSelfAttention(\n  heads=2" in repr(MultiHeadSelfAttention(6, 2))
    assert "grid=(2, 3)" in repr(VisionTransformer(1, (2, 3), 4, 8, 1, 2, 5))


def test_whole_numbers_of_any_kind_are_sizes(generator):
    eight, two = np.uint8(128), np.uint8(2)
    block = TransformerBlock(eight, two, mlp_ratio=np.uint8(4))
    assert block(torch.rand(1, 3, 128, generator=generator)).shape == (1, 3, 128)
    model = VisionTransformer(two, (np.uint8(16), np.uint8(16)), two, eight, two, two, two)
    assert model.positions.shape == (1, 257, 128)
    queries = torch.rand(9, 4, generator=generator)
    chunked = chunked_attention(queries, queries, queries, chunk_size=two, scale=np.float32(0.5))
    torch.testing.assert_close(chunked, attention(queries, queries, queries, scale=0.5))


# Rollout


@pytest.fixture
def layers(rng, normal):
    """Random attention weights of a few layers."""
    batch, heads, number = rng.randint(1, 3), rng.randint(1, 3), rng.randint(2, 6)
    return [normal(batch, heads, number, number).softmax(-1) for _ in range(rng.randint(3, 5))]


def test_rollout_on_numbers_one_can_check():
    stay, swap = torch.eye(2).view(1, 1, 2, 2), torch.eye(2).flip(0).view(1, 1, 2, 2)
    assert attention_rollout([stay]).tolist() == [[[1, 0], [0, 1]]]
    assert attention_rollout([swap]).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    ahead = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).view(1, 1, 3, 3)
    back = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
    # Down from the last layer: token 0 stays or goes ahead in the last, then stays or goes back in the first.
    assert attention_rollout([back, ahead], query=0).tolist() == [[0.75, 0.25, 0]]


def test_rollout_is_the_product_of_markov_matrices(layers):
    identity = torch.eye(layers[0].shape[-1], dtype=torch.float64)
    steps = [0.5 * layer.mean(1) + 0.5 * identity for layer in layers]
    expected = steps[0]
    for step in steps[1:]:
        expected = step @ expected
    rollout = attention_rollout(layers)
    torch.testing.assert_close(rollout, expected)
    torch.testing.assert_close(rollout.sum(-1), torch.ones(rollout.shape[:2], dtype=torch.float64))


def test_rollout_of_a_query_is_its_row(layers, rng):
    query = rng.randrange(layers[0].shape[-1])
    torch.testing.assert_close(attention_rollout(layers, query=query), attention_rollout(layers)[:, query])
    tuple_of_strided = tuple(layer.mT.contiguous().mT for layer in layers)
    torch.testing.assert_close(attention_rollout(tuple_of_strided, query=query), attention_rollout(layers)[:, query])


def test_rollout_of_a_query_holds_no_matrix(normal):
    layers = [normal(2, 3, 40, 40).softmax(-1) for _ in range(4)]
    with Largest() as largest:
        attention_rollout(layers, query=0)
    assert largest.numbers == 2 * 3 * 40
    with Largest() as largest:
        attention_rollout(layers)
    assert largest.numbers == 2 * 40 * 40


def test_a_row_of_zeros_keeps_half_its_mass():
    layer = torch.tensor([[[[0.0, 0.0], [0.5, 0.5]]]])
    assert attention_rollout([layer, layer], query=0).tolist() == [[0.25, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_rollout_of_a_deep_model_in_its_own_dtype(normal, dtype):
    layers = [(3 * normal(1, 4, 50, 50)).softmax(-1).to(dtype) for _ in range(24)]
    rollout = attention_rollout(layers)
    assert rollout.dtype == dtype
    torch.testing.assert_close(rollout.double().sum(-1), torch.ones(1, 50).double(), atol=CLOSE[dtype], rtol=0)


def test_gradients_of_rollout(layers):
    inputs = [layer.requires_grad_() for layer in layers]

    def softly(*layers, **given):
        return attention_rollout([layer.softmax(-1) for layer in layers], **given)

    assert gradcheck(softly, inputs)
    assert gradcheck(lambda *layers: softly(*layers, query=0), inputs)


# Bad input

Q, K, V = torch.zeros(2, 4, 3), torch.zeros(2, 5, 3), torch.zeros(2, 5, 6)
X, LAYER = torch.zeros(2, 5, 6), torch.full((2, 3, 5, 5), 0.2)
SEEING = torch.ones(5, 5, dtype=torch.bool)


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


def vit(**changed):
    """A small ViT for images (B, 1, 4, 6)."""
    sizes = {"channels": 1, "grid": (2, 3), "patch_size": 2, "dim": 4, "depth": 1, "heads": 2, "classes": 3}
    return VisionTransformer(**(sizes | changed))


MISFIT = r"expected queries \(…, M, d\), keys \(…, N, d\), values \(…, N, e\), with leading axes that broadcast; got "


@pytest.mark.parametrize("function", [attention, lambda *inputs, **given: chunked_attention(*inputs, chunk_size=2)])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (([[1.0]], K, V), r"queries must be a tensor \(…, M, d\), got list"),
        ((Q, K, None), r"values must be a tensor \(…, N, e\), got NoneType"),
        ((Q[0, 0], K, V), r"queries must have shape \(…, M, d\), got \(3,\)"),
        ((Q[:, :0], K, V), r"queries must not be empty: expected \(…, M, d\), got \(2, 0, 3\)"),
        ((Q, K[..., :0], V), r"keys must not be empty: expected \(…, N, d\), got \(2, 5, 0\)"),
        ((Q[:0], K, V), r"queries must not be empty"),
        ((Q, K[..., :2], V), MISFIT + r"queries \(2, 4, 3\), keys \(2, 5, 2\), values \(2, 5, 6\)"),
        ((Q, K, V[:, :4]), MISFIT + r"queries \(2, 4, 3\), keys \(2, 5, 3\), values \(2, 4, 6\)"),
        ((Q, K, V[:, :1]), MISFIT + r"queries \(2, 4, 3\), keys \(2, 5, 3\), values \(2, 1, 6\)"),
        ((Q, torch.zeros(3, 5, 3), V), MISFIT + r"queries \(2, 4, 3\), keys \(3, 5, 3\), values \(2, 5, 6\)"),
        ((Q.double(), K, V), r"dtypes differ: queries torch.float64, keys torch.float32, values torch.float32"),
        ((Q, K, V.to("meta")), r"devices differ: queries on cpu, keys on cpu, values on meta"),
        ((Q.long(), K.long(), V.long()), r"queries must hold floating-point numbers, got torch.int64"),
        ((Q, K, V.to_sparse_coo()), r"values must be dense, got torch.sparse_coo"),
    ],
)
def test_bad_tensors(function, inputs, message):
    with pytest.raises(ValueError, match=message):
        function(*inputs)


@pytest.mark.parametrize(
    "function", [attention, lambda queries, keys, _, **given: attention_weights(queries, keys, **given)]
)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mask": [True]}, r"mask must be a tensor \(…, N\), got list"),
        ({"mask": torch.tensor(True)}, r"mask must have shape \(…, N\), got \(\)"),
        ({"mask": SEEING}, r"mask must broadcast to \(2, 4, 5\), got \(5, 5\)"),
        ({"mask": SEEING[:4].expand(3, 4, 5)}, r"mask must broadcast to \(2, 4, 5\), got \(3, 4, 5\)"),
        ({"mask": SEEING[:4].expand(1, 1, 4, 5)}, r"mask must broadcast to \(2, 4, 5\), got \(1, 1, 4, 5\)"),
        ({"mask": SEEING[:, :0]}, r"mask must not be empty"),
        ({"mask": SEEING[:4].double()}, r"dtypes differ: queries torch.float32, mask torch.float64"),
        ({"mask": SEEING[:4].long()}, r"mask must hold floating-point numbers, got torch.int64; convert it"),
        ({"mask": SEEING[:4].to("meta")}, r"devices differ: queries on cpu, mask on meta"),
        ({"scale": "1"}, r"scale must be a finite number, got '1'"),
        ({"scale": math.nan}, r"scale must be a finite number, got nan"),
        ({"scale": math.inf}, r"scale must be a finite number, got inf"),
        ({"scale": -math.inf}, r"scale must be a finite number, got -inf"),
        ({"scale": 10**400}, r"scale must be a finite number, got 1000"),
        ({"scale": True}, r"scale must be a finite number, got True"),
        ({"scale": torch.ones(())}, r"scale must be a finite number, got tensor\(1.\)"),
    ],
)
def test_bad_mask_or_scale(function, given, message):
    with pytest.raises(ValueError, match=message):
        function(Q, K, V, **given)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(lambda: attention_weights(Q, K[0, 0]), r"keys must have shape \(…, N, d\), got \(3,\)"),
        bad(lambda: attention_weights(Q, K[..., :2]), MISFIT + r"queries \(2, 4, 3\), keys \(2, 5, 2\)$"),
        bad(lambda: attention_weights(Q, K.half()), r"dtypes differ: queries torch.float32, keys torch.float16"),
        bad(
            lambda: chunked_attention(Q, K, V, chunk_size=0), r"chunk_size must be a whole number of at least 1, got 0"
        ),
        bad(lambda: chunked_attention(Q, K, V, chunk_size=2.0), r"chunk_size must be a whole number .* got 2.0"),
        bad(lambda: chunked_attention(Q, K, V, chunk_size=2, scale="1"), r"scale must be a finite number, got '1'"),
        bad(lambda: MultiHeadSelfAttention(6, 4), r"^heads 4 does not divide dim 6$"),
        bad(lambda: MultiHeadSelfAttention(0, 1), r"dim must be a whole number of at least 1, got 0"),
        bad(lambda: MultiHeadSelfAttention(6, 0), r"heads must be a whole number of at least 1, got 0"),
        bad(lambda: MultiHeadSelfAttention(6, 2, device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: MultiHeadSelfAttention(6, 2, dtype=torch.int64), r"dtype must be a floating-point .* torch.int64"),
        bad(lambda: MultiHeadSelfAttention(6, 2)(X[0]), r"x must have shape \(B, N, D\), got \(5, 6\)"),
        bad(lambda: MultiHeadSelfAttention(6, 2)(X[:, :0]), r"x must not be empty"),
        bad(lambda: MultiHeadSelfAttention(3, 1)(X), r"x must have shape \(B, N, 3\), got \(2, 5, 6\)"),
        bad(lambda: MultiHeadSelfAttention(6, 2)(X.double()), r"dtypes differ: x torch.float64, weight torch.float32"),
        bad(lambda: MultiHeadSelfAttention(6, 2)(X.to("meta")), r"devices differ: x on meta, weight on cpu"),
        bad(
            lambda: MultiHeadSelfAttention(6, 2)(X, mask=SEEING.expand(2, 5, 5)),
            r"a mask of three axes \(2, 5, 5\) is ambiguous: write \(B, 1, N, N\) .* \(1, heads, N, N\)",
        ),
        bad(lambda: MultiHeadSelfAttention(6, 2)(X, mask=SEEING[:2]), r"mask must broadcast to \(2, 2, 5, 5\)"),
        bad(lambda: MultiHeadSelfAttention(6, 2)(X, mask="causal"), r"mask must be a tensor \(…, N\), got str"),
        bad(lambda: TransformerBlock(6, 4), r"^heads 4 does not divide dim 6$"),
        bad(lambda: TransformerBlock(-6, 2), r"dim must be a whole number of at least 1, got -6"),
        bad(lambda: TransformerBlock(6, 2, mlp_ratio=0.5), r"mlp_ratio must be a whole number of at least 1, got 0.5"),
        bad(lambda: TransformerBlock(6, 2, eps=-1), r"eps must be a finite number of at least 0, got -1"),
        bad(lambda: TransformerBlock(6, 2, eps=None), r"eps must be a finite number of at least 0, got None"),
        bad(lambda: TransformerBlock(3, 1)(X), r"x must have shape \(B, N, 3\), got \(2, 5, 6\)"),
        bad(lambda: TransformerBlock(6, 2)(X.half()), r"dtypes differ: x torch.float16, weight torch.float32"),
        bad(lambda: TransformerBlock(6, 2)(X, mask=SEEING.expand(2, 5, 5)), r"a mask of three axes .* is ambiguous"),
        bad(lambda: vit(grid=6), r"grid must be a pair \(rows, columns\), got 6"),
        bad(lambda: vit(channels=0), r"channels must be a whole number of at least 1, got 0"),
        bad(lambda: vit(patch_size=2.0), r"patch_size must be a whole number of at least 1, got 2.0"),
        bad(lambda: vit(depth=0), r"depth must be a whole number of at least 1, got 0"),
        bad(lambda: vit(heads=3), r"^heads 3 does not divide dim 4$"),
        bad(lambda: vit(classes=None), r"classes must be a whole number of at least 1, got None"),
        bad(lambda: vit(position_std=-1), r"position_std must be a finite number of at least 0, got -1"),
        bad(lambda: vit(device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: vit()(torch.zeros(1, 4, 6)), r"images must have shape \(B, C, H, W\), got \(1, 4, 6\)"),
        bad(lambda: vit()(torch.zeros(1, 1, 6, 4)), r"grid \(2, 3\) needs images \(B, 1, 4, 6\), got \(1, 1, 6, 4\)"),
        bad(lambda: vit()(torch.zeros(1, 1, 4, 8)), r"grid \(2, 3\) needs images \(B, 1, 4, 6\), got \(1, 1, 4, 8\)"),
        bad(lambda: vit()(torch.zeros(1, 1, 4, 7)), r"multiple of 2.*, got \(1, 1, 4, 7\)"),
        bad(lambda: vit().tokens(torch.zeros(1, 3, 4, 6)), r"images must have shape \(B, 1, .*, got \(1, 3, 4, 6\)"),
        bad(lambda: vit()(torch.zeros(1, 1, 4, 6).double()), r"dtypes differ: images torch.float64, weight .*float32"),
        bad(
            lambda: attention_rollout([]),
            r"weights must be a list of \(B, heads, N, N\), one per layer, got an empty one",
        ),
        bad(lambda: attention_rollout(LAYER), r"weights must be a list of .*, got Tensor"),
        bad(
            lambda: attention_rollout([LAYER, LAYER[0]]), r"weights\[1\] must have shape \(B, heads, N, N\), got \(3, 5"
        ),
        bad(lambda: attention_rollout([LAYER, LAYER[:1]]), r"must all have one shape .*, got .*\(1, 3, 5, 5\).*\(2, 3"),
        bad(lambda: attention_rollout([LAYER[..., :4]]), r"must all have one shape .*, got \[\(2, 3, 5, 4\)\]"),
        bad(
            lambda: attention_rollout([LAYER, LAYER.double()]),
            r"dtypes differ: weights\[0\] torch.float32, weights\[1\]",
        ),
        bad(lambda: attention_rollout([LAYER.long()]), r"weights must hold floating-point numbers, got torch.int64"),
        bad(lambda: attention_rollout([LAYER], query=5), r"^query 5 is none of the N = 5 tokens$"),
        bad(lambda: attention_rollout([LAYER], query=-1), r"query must be a whole number of at least 0, got -1"),
        bad(lambda: attention_rollout([LAYER], query=True), r"query must be a whole number of at least 0, got True"),
        bad(lambda: attention_rollout([LAYER * 2]), r"at least 0, in rows that sum to 1 at most"),
        bad(lambda: attention_rollout([LAYER * 2], query=1), r"at least 0, in rows that sum to 1 at most"),
        bad(lambda: attention_rollout([LAYER - 1]), r"apply the softmax to logits first"),
        bad(lambda: attention_rollout([LAYER * math.nan], query=1), r"apply the softmax to logits first"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
