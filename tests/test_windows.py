import copy
import gc
import io
import itertools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from peers import copy_block, copy_linear, randomized
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.autograd import gradcheck
from torch.func import functional_call, grad, vmap
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import SwinConfig, SwinForImageClassification
from transformers.models.swin.modeling_swin import SwinLayer, SwinPatchMerging, SwinRelativePositionBias, SwinStage

from patchwork._cached import SizeCache
from patchwork.windows import (
    PatchMerging,
    SwinBlock,
    SwinTransformer,
    WindowAttention,
    attention_cost,
    cyclic_shift,
    merging_relation,
    reach,
    relative_position_index,
    shifted_window_mask,
    window_merge,
    window_partition,
    window_relation,
)

DTYPES = torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool
SHIFTED = [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 0), (4, 2), (7, 0), (7, 3), (7, 5)]


@pytest.fixture
def normal(generator):
    """Random numbers in float64."""
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def whole(rng):
    """Return a maker of rectangular grids that a window divides."""
    return lambda size, most=3: (size * rng.randint(1, most), size * rng.randint(1, most))


@pytest.fixture
def larger(rng):
    """Return a maker of rectangular grids larger than a window, which need not divide them."""
    return lambda size: (rng.randint(size + 1, 2 * size + 2), rng.randint(size + 1, 3 * size + 1))


# Cutting, moving and putting back


@pytest.mark.parametrize("dtype", DTYPES)
def test_windows_are_slices_of_the_map(rng, normal, whole, dtype):
    size = rng.randint(1, 4)
    x = normal(2, *whole(size), 3).to(dtype)
    windows = iter(window_partition(x, size))
    for image, row, column in itertools.product(range(2), range(x.shape[1] // size), range(x.shape[2] // size)):
        there = slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size)
        assert torch.equal(next(windows), x[image][there])
    assert next(windows, None) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_merging_windows_undoes_partitioning(rng, normal, whole, dtype):
    size = rng.randint(1, 4)
    x = normal(2, *whole(size), 3).to(dtype)
    merged = window_merge(window_partition(x, size), x.shape[1:3])
    assert merged.dtype == dtype
    assert torch.equal(merged, x)
    strided = x.permute(3, 2, 1, 0)
    assert torch.equal(window_merge(window_partition(strided, size), strided.shape[1:3]), strided)


def test_partition_and_merge_own_their_memory(normal):
    x = normal(1, 3, 3, 2)
    windows = window_partition(x, 3)
    merged = window_merge(windows, (3, 3))
    windows.zero_()
    assert (x != 0).all()
    assert (merged != 0).all()
    expanded = normal(1, 1, 1, 2).expand(2, 4, 4, 2)
    window_partition(expanded, 2)[0] = 0
    assert (expanded != 0).all()


def test_a_shift_moves_up_and_left_and_back(rng, normal):
    x, shift = normal(2, rng.randint(1, 6), rng.randint(1, 6), 3), rng.randint(-8, 8)
    moved = cyclic_shift(x, shift)
    for row, column in itertools.product(range(x.shape[1]), range(x.shape[2])):
        came_from = x[:, (row + shift) % x.shape[1], (column + shift) % x.shape[2]]
        assert torch.equal(moved[:, row, column], came_from)
    assert torch.equal(cyclic_shift(moved, -shift), x)


@pytest.mark.parametrize("shift", [2**63 - 1, 2**63, -(2**63), 10**30])
def test_a_shift_may_go_round_many_times(normal, shift):
    x = normal(1, 3, 5, 2)
    assert torch.equal(cyclic_shift(x, shift), cyclic_shift(x, shift % 15))


# The mask, the index, the relation


@pytest.mark.parametrize(("size", "shift"), SHIFTED)
def test_the_mask_is_transformers(whole, size, shift):
    grid = whole(size)
    theirs = SwinLayer(SwinConfig(window_size=size), 4, grid, 1, shift_size=shift).get_attn_mask(
        *grid, torch.float64, "cpu"
    )
    found = shifted_window_mask(grid, size, shift)
    expected = torch.ones_like(found) if theirs is None else theirs == 0
    assert torch.equal(found, expected)


def by_hand_mask(grid, size, shift):
    """Two tokens of a window may attend where their distance is what it was before the shift."""
    windows = {}
    for row, column in itertools.product(range(grid[0]), range(grid[1])):
        came_from = (row + shift) % grid[0], (column + shift) % grid[1]
        windows.setdefault((row // size, column // size), []).append((row - came_from[0], column - came_from[1]))
    return torch.tensor([[[i == j for j in moves] for i in moves] for moves in windows.values()])


@pytest.mark.parametrize(("size", "shift"), SHIFTED)
def test_the_mask_keeps_apart_what_the_shift_brought_together(whole, size, shift):
    grid = whole(size)
    assert torch.equal(shifted_window_mask(grid, size, shift), by_hand_mask(grid, size, shift))


def test_false_neighbors_without_the_mask_as_the_chapter_counts_them():
    mask = shifted_window_mask((16, 16), 4, 2)
    assert (~mask).any((1, 2)).sum() == 7
    assert round((~mask).double().mean().item(), 2) == 0.23


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_index_is_transformers(size):
    index = relative_position_index(size)
    assert torch.equal(index.flatten(), SwinRelativePositionBias(1, (size, size)).relative_position_index)
    assert index.unique().tolist() == list(range((2 * size - 1) ** 2))


def test_the_index_is_its_formula(rng):
    size = rng.randint(1, 6)
    places = list(itertools.product(range(size), repeat=2))
    index = relative_position_index(size)
    for (i, asks), (j, answers) in itertools.product(enumerate(places), repeat=2):
        down, right = asks[0] - answers[0], asks[1] - answers[1]
        assert index[i, j] == (down + size - 1) * (2 * size - 1) + right + size - 1


def relation_by_hand(grid, size, shift):
    """Pad, shift, cut, mask, undo: patch by patch, real patches only."""
    size, shift = (size, shift) if min(grid) > size else (min(grid), 0)
    rows, columns = (math.ceil(length / size) * size for length in grid)
    patches = list(itertools.product(range(grid[0]), range(grid[1])))

    def label(row, column):
        shifted = (row - shift) % rows, (column - shift) % columns
        return shifted[0] // size, shifted[1] // size, row < shift, column < shift

    return torch.tensor([[label(*i) == label(*j) for j in patches] for i in patches])


@pytest.mark.parametrize(("size", "shift"), SHIFTED)
def test_the_relation_is_what_a_block_does_patch_by_patch(larger, size, shift):
    grid = larger(size)
    assert torch.equal(window_relation(grid, size, shift=shift), relation_by_hand(grid, size, shift))


@pytest.mark.parametrize("grid", [(2, 2), (4, 4), (3, 8), (9, 2), (1, 5)])
def test_the_relation_of_a_grid_no_larger_than_the_window(grid):
    assert torch.equal(window_relation(grid, 4, shift=2), relation_by_hand(grid, 4, 2))


def test_windows_of_one_token_relate_nothing(larger):
    rows, columns = larger(1)
    assert torch.equal(window_relation((rows, columns), 1), torch.eye(rows * columns) > 0)


@pytest.mark.parametrize(("grid", "shift"), [((9, 11), 0), ((9, 11), 2), ((8, 12), 2), ((6, 6), 3), ((3, 10), 2)])
def test_the_relation_is_who_moves_whom_in_a_block(grid, shift, normal):
    block = randomized(SwinBlock(4, 1, 4, shift=shift, mlp_ratio=1, dtype=torch.float64))
    number = grid[0] * grid[1]
    x = normal(number, 4)
    one_moved = x + torch.eye(number).unsqueeze(2) * normal(number, 1, 4)
    with torch.no_grad():
        changes = block(one_moved.view(number, *grid, 4)) - block(x.view(1, *grid, 4))
    influence = changes.abs().amax(3).view(number, number).T > 1e-12
    assert torch.equal(influence, window_relation(grid, 4, shift=shift))


@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (4, 6), (5, 4), (3, 7)])
def test_merging_relates_a_cell_to_its_patches(grid, normal):
    merge = randomized(PatchMerging(2, dtype=torch.float64))
    found = torch.autograd.functional.jacobian(merge, normal(1, *grid, 2)).abs().amax((0, 3, 4, 7)) > 0
    assert torch.equal(found.flatten(2).flatten(0, 1), merging_relation(grid))
    assert (merging_relation(grid).sum(0) == 1).all()


def test_reach_is_the_product_of_relations_by_hand(rng, generator):
    sizes = [rng.randint(1, 6) for _ in range(rng.randint(2, 5))]
    layers = [torch.rand(after, before, generator=generator) < 0.4 for before, after in itertools.pairwise(sizes)]
    expected = layers[0]
    for layer in layers[1:]:
        expected = torch.tensor(
            [[any(i and j for i, j in zip(row, column, strict=True)) for column in expected.T] for row in layer]
        )
    assert torch.equal(reach(layers), expected)
    assert torch.equal(reach(tuple(layers)), expected)


def test_reach_of_one_relation_is_a_copy():
    relation = window_relation((4, 4), 2)
    found = reach([relation])
    assert torch.equal(found, relation)
    assert found.data_ptr() != relation.data_ptr()


def test_reach_grows_with_shifts_and_merging():
    still, shifted = window_relation((8, 8), 4), window_relation((8, 8), 4, shift=2)
    assert torch.equal(reach([still] * 5), still)
    assert reach([still, shifted])[27].all()
    assert not reach([still, shifted]).all()
    assert reach([still, shifted, still]).all()
    halved = window_relation((4, 4), 4)
    assert reach([still, merging_relation((8, 8)), halved]).all()


def test_reach_through_many_layers_counts_no_paths():
    wide = torch.ones(100, 100, dtype=torch.bool)
    some = torch.arange(100).view(1, 100) < 50
    assert reach([wide] * 25 + [some]).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_reach_counts_nothing_that_could_overflow(dtype):
    many = torch.ones(1, 70000, dtype=torch.bool)
    with torch.autocast("cpu", dtype=dtype):
        assert reach([many.T, many, many.T]).all()


# Costs


def test_costs_are_the_published_formulas():
    height, width, dim, size = 56, 42, 96, 7
    number = height * width
    assert attention_cost((height, width), dim) == 4 * number * dim**2 + 2 * number**2 * dim
    found = attention_cost((height, width), dim, window_size=size)
    assert found == 4 * number * dim**2 + 2 * size**2 * number * dim
    assert isinstance(found, int)
    ratios = [attention_cost((n, n), 96) / attention_cost((n, n), 96, window_size=7) for n in (14, 56, 112)]
    assert [round(ratio, 1) for ratio in ratios] == [1.6, 13.8, 52.8]


class Products(TorchDispatchMode):
    """Counts the multiply-adds of matrix products."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        result = function(*args, **(kwargs or {}))
        if name in ("mm", "bmm", "addmm"):
            self.count += result.numel() * args[1 if name == "addmm" else 0].shape[-1]
        return result


@pytest.mark.parametrize("grid", [(8, 8), (12, 8), (9, 10), (4, 4), (3, 3), (3, 10), (4, 9), (1, 6)])
def test_the_cost_is_what_a_block_multiplies(grid):
    block, x = SwinBlock(6, 2, 4, shift=1), torch.zeros(1, *grid, 6)
    with Products() as mlp:
        block.mlp(x)
    with Products() as all_of_it:
        block(x, return_weights=True)
    assert all_of_it.count - mlp.count == attention_cost(grid, 6, window_size=4)


# Layers


def copy_swin_block(block, layer):
    copy_block(block, layer)
    with torch.no_grad():
        block.attention.bias_table.copy_(layer.attention.relative_position_bias.relative_position_bias_table)


def config(size, **changed):
    return SwinConfig(window_size=size, mlp_ratio=2, layer_norm_eps=1e-5, attn_implementation="sdpa", **changed)


def pair_of_blocks(grid, size, shift, heads=3, dim=12):
    """A layer of transformers and our block, with the same random weights."""
    theirs = randomized(SwinLayer(config(size), dim, grid, heads, shift_size=shift).double().eval())
    ours = SwinBlock(dim, heads, size, shift=shift, mlp_ratio=2, dtype=torch.float64)
    copy_swin_block(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize(("size", "shift"), SHIFTED)
def test_a_block_is_transformers_layer(whole, normal, size, shift):
    grid = tuple(length + size for length in whole(size, 2))
    ours, theirs = pair_of_blocks(grid, size, shift)
    x = normal(2, *grid, 12)
    expected, _ = theirs(x.flatten(1, 2), grid)
    torch.testing.assert_close(ours(x).flatten(1, 2), expected)


@pytest.mark.parametrize(("size", "shift"), SHIFTED)
def test_a_block_is_transformers_layer_where_the_window_does_not_divide(larger, normal, size, shift):
    grid = larger(size)
    ours, theirs = pair_of_blocks(grid, size, shift)
    x = normal(2, *grid, 12)
    expected, _ = theirs(x.flatten(1, 2), grid)
    torch.testing.assert_close(ours(x).flatten(1, 2), expected)


@pytest.mark.parametrize("grid", [(4, 4), (4, 8), (11, 4)])
def test_a_block_is_transformers_layer_on_a_grid_as_small_as_the_window(grid, normal):
    ours, theirs = pair_of_blocks(grid, 4, 2)
    x = normal(2, *grid, 12)
    expected, _ = theirs(x.flatten(1, 2), grid)
    torch.testing.assert_close(ours(x).flatten(1, 2), expected)


def test_gradients_are_those_of_transformers(larger, normal):
    grid = larger(4)
    ours, theirs = pair_of_blocks(grid, 4, 2)
    x, slope = normal(2, *grid, 12), normal(2, *grid, 12)
    (ours(x) * slope).sum().backward()
    (theirs(x.flatten(1, 2), grid)[0] * slope.flatten(1, 2)).sum().backward()
    table = theirs.attention.relative_position_bias.relative_position_bias_table
    torch.testing.assert_close(ours.attention.bias_table.grad, table.grad)
    torch.testing.assert_close(ours.mlp[0].weight.grad, theirs.mlp.fc1.weight.grad)
    layers = theirs.attention.q_proj, theirs.attention.k_proj, theirs.attention.v_proj
    torch.testing.assert_close(ours.attention.qkv.weight.grad, torch.cat([layer.weight.grad for layer in layers]))


def dense(block, x):
    """One image's block from the definition: softmax over all padded tokens, pair by pair."""
    rows, columns, dim = x.shape
    whole, heads = block.attention.window_size, block.attention.heads
    size, shift = (whole, block.shift) if min(rows, columns) > whole else (min(rows, columns), 0)
    below, right = -rows % size, -columns % size
    tokens = F.pad(block.attention_norm(x), (0, 0, 0, right, 0, below)).flatten(0, 1)
    places = list(itertools.product(range(rows + below), range(columns + right)))
    moved = [((r - shift) % (rows + below), (c - shift) % (columns + right)) for r, c in places]
    logits = torch.full((heads, len(places), len(places)), -torch.inf, dtype=x.dtype)
    queries, keys, values = block.attention.qkv(tokens).view(len(tokens), 3, heads, -1).permute(1, 2, 0, 3)
    for (i, asks), (j, answers) in itertools.product(enumerate(moved), repeat=2):
        came_round = [(a < shift, b < shift) for a, b in (places[i], places[j])]
        if (asks[0] // size, asks[1] // size) == (answers[0] // size, answers[1] // size) and len({*came_round}) == 1:
            down, across = asks[0] - answers[0] + whole - 1, asks[1] - answers[1] + whole - 1
            bias = block.attention.bias_table[down * (2 * whole - 1) + across]
            logits[:, i, j] = (queries[:, i] * keys[:, j]).sum(-1) / queries.shape[-1] ** 0.5 + bias
    mixed = (logits.softmax(-1) @ values).transpose(0, 1).flatten(1)
    mixed = block.attention.projection(mixed).view(rows + below, columns + right, dim)[:rows, :columns]
    x = x + mixed
    return x + block.mlp(block.mlp_norm(x))


@pytest.mark.parametrize("grid", [(3, 3), (2, 5), (3, 7), (1, 1), (7, 2), (4, 4), (5, 6), (6, 9)])
def test_a_block_is_its_definition_on_small_grids_too(grid, normal):
    block = randomized(SwinBlock(4, 2, 4, shift=2, mlp_ratio=1, dtype=torch.float64))
    x = normal(2, *grid, 4)
    with torch.no_grad():
        torch.testing.assert_close(block(x), torch.stack([dense(block, image) for image in x]))


def test_the_bias_of_small_windows_is_the_inner_part_of_the_table(normal):
    attend = randomized(WindowAttention(4, 2, 4, dtype=torch.float64))
    whole = attend.bias().view(2, 4, 4, 4, 4)
    for size in (1, 2, 3, 4):
        expected = whole[:, :size, :size, :size, :size].reshape(2, size**2, size**2)
        assert torch.equal(attend.bias(size), expected)


def test_the_bias_is_the_table_read_by_the_index():
    attend = randomized(WindowAttention(6, 3, 3))
    assert torch.equal(attend.bias(), attend.bias_table[relative_position_index(3)].permute(2, 0, 1))


@pytest.mark.parametrize("kind", ["boolean", "floating", None])
def test_window_attention_shows_its_weights(normal, generator, kind):
    attend, windows = randomized(WindowAttention(6, 2, 3, dtype=torch.float64)), normal(8, 9, 6)
    allowed = torch.eye(9, dtype=torch.bool) | (torch.rand(4, 9, 9, generator=generator) < 0.5)
    added = torch.zeros(4, 9, 9, dtype=torch.float64).masked_fill(~allowed, -torch.inf)
    mask = {"boolean": allowed, "floating": added, None: None}[kind]
    found, weights = attend(windows, mask=mask, return_weights=True)
    queries, keys, values = attend.qkv(windows).view(8, 9, 3, 2, 3).permute(2, 0, 3, 1, 4)
    logits = queries @ keys.mT / 3**0.5 + attend.bias()
    logits = logits + (added.repeat(2, 1, 1).unsqueeze(1) if kind else 0)
    torch.testing.assert_close(weights, logits.softmax(-1))
    torch.testing.assert_close(found, attend.projection((weights @ values).transpose(1, 2).flatten(2)))
    torch.testing.assert_close(attend(windows, mask=mask), found)


@pytest.mark.parametrize("grid", [(8, 8), (9, 6), (4, 10), (3, 3)])
def test_a_block_shows_the_weights_of_its_windows(grid, normal):
    block, x = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)), normal(2, *grid, 6)
    found, weights = block(x, return_weights=True)
    size, shift = (4, 2) if min(grid) > 4 else (min(grid), 0)
    rows, columns = (math.ceil(length / size) * size for length in grid)
    number = rows // size * (columns // size)
    assert weights.shape == (2, number, 2, size**2, size**2)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1], dtype=torch.float64))
    allowed = shifted_window_mask((rows, columns), size, shift)
    assert torch.equal(weights > 0, allowed.view(1, number, 1, size**2, size**2).expand(weights.shape))
    torch.testing.assert_close(block(x), found)


def test_merging_is_transformers(rng, normal):
    grid, dim = (rng.randint(1, 7), rng.randint(1, 7)), rng.randint(1, 5)
    theirs, ours = randomized(SwinPatchMerging(dim).double()), PatchMerging(dim, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    x = normal(2, *grid, dim)
    torch.testing.assert_close(ours(x).flatten(1, 2), theirs(x.flatten(1, 2), grid))
    assert ours(x).shape == (2, math.ceil(grid[0] / 2), math.ceil(grid[1] / 2), 2 * dim)


def test_a_stage_is_transformers_stage(larger, normal):
    grid, depth = larger(4), 4
    theirs = SwinStage(config(4), 12, grid, depth, 3, [0.0] * depth, SwinPatchMerging)
    theirs = randomized(theirs.double().eval())
    ours = SwinTransformer(1, 1, 12, (depth, 1), (3, 6), 4, 1, mlp_ratio=2, dtype=torch.float64)
    assert [block.shift for block in ours.stages[0]] == [0, 2, 0, 2]
    for block, layer in zip(ours.stages[0], theirs.blocks, strict=True):
        copy_swin_block(block, layer)
    ours.mergings[0].load_state_dict(theirs.downsample.state_dict())
    x = normal(2, *grid, 12)
    expected, *_ = theirs(x.flatten(1, 2), grid)
    for block in ours.stages[0]:
        x = block(x)
    torch.testing.assert_close(ours.mergings[0](x).flatten(1, 2), expected)


@pytest.fixture
def models(rng):
    """A Swin of ours and one of transformers, with the same weights, and images for them."""
    patch, size, channels, first = rng.randint(1, 3), rng.randint(2, 4), rng.randint(1, 3), rng.randint(1, 2)
    depths, heads = (rng.randint(1, 2), 3, 2), (first, 2 * first, first)
    dim, classes = first * rng.randint(3, 6), rng.randint(1, 5)
    # The last grid, a quarter, must hold a window: transformers cannot cut its bias for a smaller one.
    height, width = (patch * rng.randint(4 * size - 3, 4 * size + 6) for _ in range(2))
    sizes = {"image_size": (height, width), "patch_size": patch, "num_channels": channels, "embed_dim": dim}
    theirs = SwinForImageClassification(
        config(size, depths=list(depths), num_heads=list(heads), num_labels=classes, **sizes)
    )
    theirs = randomized(theirs.double().eval())
    ours = SwinTransformer(channels, patch, dim, depths, heads, size, classes, mlp_ratio=2, dtype=torch.float64)
    copy_weights(ours, theirs)
    return ours, theirs, torch.randn(2, channels, height, width, dtype=torch.float64)


def copy_weights(ours, theirs):
    copy_linear(ours.embed.projection, theirs.swin.embeddings.patch_embeddings.projection)
    ours.embed_norm.load_state_dict(theirs.swin.embeddings.norm.state_dict())
    for number, (stage, their) in enumerate(zip(ours.stages, theirs.swin.encoder.layers, strict=True)):
        for block, layer in zip(stage, their.blocks, strict=True):
            copy_swin_block(block, layer)
        if their.downsample is not None:
            ours.mergings[number].load_state_dict(their.downsample.state_dict())
    ours.norm.load_state_dict(theirs.swin.layernorm.state_dict())
    ours.head.load_state_dict(theirs.classifier.state_dict())


def test_swin_transformer_equals_transformers_stage_by_stage(models):
    ours, theirs, images = models
    torch.testing.assert_close(ours(images), theirs(images).logits)
    embedded, grid = theirs.swin.embeddings(images)
    states = {"output_hidden_states": True, "output_hidden_states_before_downsampling": True}
    _, *expected = theirs.swin.encoder(embedded, grid, **states).reshaped_hidden_states
    for found, their in zip(ours.features(images), expected, strict=True):
        torch.testing.assert_close(found.permute(0, 3, 1, 2), their)


def test_swin_transformer_shows_the_attention_that_transformers_shows(models):
    ours, theirs, images = models
    theirs.set_attn_implementation("eager")
    expected = theirs(images, output_attentions=True)
    logits, weights = ours(images, return_weights=True)
    assert len(weights) == sum(len(stage) for stage in ours.stages)
    last = [sum(len(stage) for stage in ours.stages[: number + 1]) - 1 for number in range(3)]
    single = {"atol": 1e-4, "rtol": 1e-4}  # their softmax is in single precision
    for place, their in zip(last, expected.attentions, strict=True):
        torch.testing.assert_close(weights[place].flatten(0, 1), their, **single)
    torch.testing.assert_close(logits, ours(images))


def test_swin_transformer_learns_in_every_weight(models):
    ours, _, images = models
    ours(images).square().sum().backward()
    for name, parameter in ours.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


def test_swin_transformer_takes_images_of_any_size(generator):
    model = SwinTransformer(1, 2, 4, (2, 2, 1), (1, 2, 2), 3, 5)
    for height, width in ((2, 2), (4, 26), (14, 10)):
        images = torch.rand(2, 1, height, width, generator=generator)
        grids = [(height // 2, width // 2)]
        grids += [tuple(math.ceil(length / 2) for length in grids[0])]
        grids += [tuple(math.ceil(length / 2) for length in grids[1])]
        assert [tuple(state.shape) for state in model.features(images)] == [
            (2, *grid, 4 * 2**stage) for stage, grid in enumerate(grids)
        ]


def test_bias_tables_start_small_and_normal(seed):
    table = WindowAttention(32, 32, 7).bias_table
    assert table.shape == (169, 32)
    assert abs(table.std().item() - 0.02) < 0.002


def test_layers_show_their_sizes():
    assert "WindowAttention(\n  heads=2, window_size=3" in repr(WindowAttention(6, 2, 3))
    assert "SwinBlock(\n  shift=1" in repr(SwinBlock(6, 2, 3, shift=1))


def test_whole_numbers_of_any_kind_are_sizes(generator):
    two = np.uint8(2)
    model = SwinTransformer(two, two, np.uint8(128), (two, two), [two, two], np.uint8(16), two)
    assert model.stages[1][1].attention.bias_table.shape == (961, 2)
    assert model(torch.rand(1, 2, 8, 8, generator=generator)).shape == (1, 2)
    assert attention_cost((np.uint8(200), np.uint8(200)), np.uint8(128)) == attention_cost((200, 200), 128)
    assert relative_position_index(np.uint8(16)).max() == 960


# Gradients, devices of many kinds, and what is kept


def test_gradients_of_a_block_with_shift_and_padding(normal):
    block = randomized(SwinBlock(2, 1, 2, shift=1, mlp_ratio=1, dtype=torch.float64))
    table = block.attention.bias_table.detach().clone().requires_grad_()

    def run(x, table, **given):
        return functional_call(block, {"attention.bias_table": table}, (x,), given)

    x = normal(1, 3, 4, 2).requires_grad_()
    assert gradcheck(run, (x, table))
    assert gradcheck(lambda *inputs: run(*inputs, return_weights=True), (x, table))


def test_gradients_of_merging(normal):
    merge = randomized(PatchMerging(2, dtype=torch.float64))
    assert gradcheck(merge, normal(1, 3, 4, 2).requires_grad_())


def test_a_block_never_relates_all_tokens(normal):
    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            parts = [part for part in (result if isinstance(result, tuple) else [result]) if torch.is_tensor(part)]
            self.numbers = max([self.numbers, *(part.numel() for part in parts)])
            return result

    block, x = SwinBlock(2, 1, 4, shift=2), normal(1, 40, 40, 2).float()
    with Largest() as largest:
        block(x).sum().backward()
    assert largest.numbers == 1600 * 16


def fresh_copy(block):
    """The same weights in a block that has never run."""
    made = SwinBlock(6, 2, 4, shift=2, dtype=block.attention.bias_table.dtype)
    made.load_state_dict(block.state_dict())
    return made


def step(block):
    optimizer = torch.optim.AdamW(block.parameters(), lr=0.5)
    with torch.enable_grad():
        block(torch.ones(1, 8, 8, 6, dtype=torch.float64)).square().sum().backward()
    optimizer.step()


def edit(block):
    with torch.no_grad():
        block.attention.bias_table.mul_(-2)


def edit_in_inference_mode(block):
    with torch.inference_mode():
        block.attention.bias_table.mul_(-2)


def replace(block):
    block.attention.bias_table = nn.Parameter(torch.ones_like(block.attention.bias_table).cumsum(0))


CHANGES = {
    "optimizer step": step,
    "edit under no_grad": edit,
    "edit in inference mode": edit_in_inference_mode,
    "edit of .data": lambda block: block.attention.bias_table.data.neg_(),
    "new .data": lambda block: setattr(
        block.attention.bias_table, "data", torch.ones_like(block.attention.bias_table).cumsum(0)
    ),
    "new parameter": replace,
    "load_state_dict": lambda block: block.load_state_dict(randomized(copy.deepcopy(block)).state_dict()),
    "load_state_dict, assigned": lambda block: block.load_state_dict(
        randomized(copy.deepcopy(block)).state_dict(), assign=True
    ),
    "single precision and back": lambda block: block.float().double(),
    "train and eval": lambda block: block.train().eval(),
    "frozen": lambda block: block.requires_grad_(False),
}


@pytest.mark.parametrize("inference", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_kept_is_ever_stale(change, inference, normal):
    block, x = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)).eval(), normal(2, 8, 8, 6)
    with inference():
        block(x)
    before = fresh_copy(block)
    change(block)
    with inference():
        found, expected = block(x), fresh_copy(block)(x)
        torch.testing.assert_close(found, expected)
        if change not in map(CHANGES.get, ("single precision and back", "train and eval", "frozen")):
            assert not torch.allclose(found, before(x))


def test_other_grids_and_dtypes_between_calls(normal):
    block = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64))
    for grid in ((8, 8), (8, 12), (12, 8), (7, 9), (8, 8), (3, 3), (4, 9), (8, 8)):
        x = normal(2, *grid, 6)
        torch.testing.assert_close(block(x), fresh_copy(block)(x))
    x = normal(2, 8, 8, 6)
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        block = block.to(dtype)
        found = block(x.to(dtype))
        assert found.dtype == dtype
        torch.testing.assert_close(found, fresh_copy(block)(x.to(dtype)))


def test_copies_are_independent(normal):
    block, x = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)), normal(2, 8, 8, 6)
    before = block(x).detach()
    for other in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        assert torch.equal(other(x), before)
        edit(other)
        assert torch.equal(block(x), before)
        assert torch.equal(other(x), fresh_copy(other)(x))
        assert not torch.equal(other(x), before)


def test_nothing_kept_is_saved(normal):
    def saved(block):
        file = io.BytesIO()
        torch.save(block, file)
        return len(file.getvalue())

    block = SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)
    names, size = list(block.state_dict()), saved(block)
    block(normal(1, 40, 40, 6))
    assert names == list(block.state_dict()) == [name for name, _ in block.named_parameters()]
    assert saved(block) == size


def kept(block):
    """The tensors that a block keeps beside its weights."""
    found = [value for module in block.modules() for value in vars(module).values() if isinstance(value, SizeCache)]
    return [leaf for leaf in tree_leaves([vars(part) for part in found]) if isinstance(leaf, torch.Tensor)]


def test_changing_grids_leave_one_plan_behind(generator):
    block = SwinBlock(6, 2, 4, shift=2)

    def living():
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    def run(side):
        block(torch.rand(1, side, 2 * side, 6, generator=generator))

    run(5)
    before, sizes = living(), [part.shape for part in kept(block)]
    for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):
        with mode():
            for side in range(6, 20):
                run(side)
    run(5)
    assert living() == before
    assert [part.shape for part in kept(block)] == sizes


def grad_of(block, x):
    def loss(weights, x):
        return functional_call(block, weights, (x,)).square().sum()

    return grad(loss)(dict(block.named_parameters()), x)


def in_inference_mode(block, x):
    with torch.inference_mode():
        return block(x)


def faked(block, x):
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        return block(mode.from_tensor(x))


FIRST_RUNS = {
    "inference mode": in_inference_mode,
    "vmap": lambda block, x: vmap(block)(x.unsqueeze(1)),
    "grad of weights": grad_of,
    "grad of x": lambda block, x: grad(lambda x: block(x).sum())(x),
    "vmap of grad": lambda block, x: vmap(grad(lambda x: block(x[None]).sum()))(x),
    "fake": faked,
    "compiled": lambda block, x: torch.compile(block, backend="eager", fullgraph=True)(x),
}


@pytest.mark.parametrize("first", FIRST_RUNS.values(), ids=FIRST_RUNS)
def test_a_first_run_of_any_kind_leaves_nothing_odd_behind(first, normal):
    block, x = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)), normal(2, 9, 6, 6)
    expected = fresh_copy(block)(x)
    first(block, x)
    assert all(type(part) is torch.Tensor and not part.is_inference() for part in kept(block))
    assert not any(map(torch._C._functorch.is_functorch_wrapped_tensor, kept(block)))
    found = block(x.requires_grad_())
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    for _ in range(2):
        first(block, x.detach())


def test_what_is_kept_goes_with_its_key_when_threads_take_turns():
    class Size:
        """A size; while it is compared, another thread, here this one, has its turn."""

        def __eq__(self, other):
            if isinstance(other, Size):
                kept.get(make, "other", like=like)
            return isinstance(other, Size)

    def make(size, like):
        return torch.tensor(1.0), size

    kept, like = SizeCache(), torch.zeros(())
    for _ in range(2):
        assert isinstance(kept.get(make, Size(), like=like)[1], Size)


def test_what_threads_share_is_right_for_each(normal):
    block = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64))
    maps = [normal(1, *grid, 6) for grid in ((8, 8), (4, 9), (9, 7), (5, 12))]
    with ThreadPoolExecutor(4) as pool:
        for found, x in zip(pool.map(block, maps * 20), maps * 20, strict=True):
            torch.testing.assert_close(found, fresh_copy(block)(x))


def test_a_cuda_graph_and_the_calls_around_it_share_nothing(monkeypatch):
    class OnCuda(torch.Tensor):
        is_cuda = True

    def call():
        return kept.get(lambda like: (torch.zeros(3),), like=like)[0]

    def captures(answer):
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: answer)

    kept, like = SizeCache(), torch.zeros(()).as_subclass(OnCuda)
    captures(False)
    before = call()
    captures(True)
    captured = call()
    captures(False)
    assert captured is not before
    assert call() is before


def test_what_is_kept_does_not_meet_fake_weights(normal):
    block, x = SwinBlock(6, 2, 4, shift=2, dtype=torch.float64), normal(2, 9, 6, 6)
    block(x)
    with FakeTensorMode() as mode:
        weights = {name: mode.from_tensor(weight) for name, weight in block.named_parameters()}
        assert functional_call(block, weights, (mode.from_tensor(x),)).shape == x.shape


def test_transforms_agree_with_plain_runs(normal):
    block, x = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)), normal(2, 9, 6, 6)
    torch.testing.assert_close(vmap(block)(x.unsqueeze(1)).squeeze(1), block(x))
    block(x).square().sum().backward()
    found = grad_of(block, x)
    for name, parameter in block.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_gradients_of_x_with_weights_handed_over(normal):
    block, x = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)), normal(2, 9, 6, 6)

    def loss(x, weights):
        return functional_call(block, weights, (x,)).square().sum()

    def slope(weights, x):
        return grad(loss)(x, weights).square().sum()

    weights, variable = dict(block.named_parameters()), x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(variable, weights), variable)
    torch.testing.assert_close(grad(loss)(x, weights), expected)
    tripled = {name: weight * 3 for name, weight in weights.items()}
    (expected,) = torch.autograd.grad(loss(variable, tripled), variable)
    found = grad(lambda x: loss(x, {name: weight * 3 for name, weight in weights.items()}))(x)
    torch.testing.assert_close(found, expected)
    (inner,) = torch.autograd.grad(loss(variable, weights), variable, create_graph=True)
    expected = torch.autograd.grad(inner.square().sum(), list(weights.values()), allow_unused=True)
    for found, their in zip(grad(slope)(weights, x).values(), expected, strict=True):
        torch.testing.assert_close(found, torch.zeros_like(found) if their is None else their)


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")  # no rule of torch's for fused attention
def test_an_ensemble_runs_at_once(normal):
    blocks = [randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)) for _ in range(3)]
    stacked = {name: torch.stack([block.state_dict()[name] for block in blocks]) for name in blocks[0].state_dict()}
    x = normal(2, 9, 6, 6)
    found = vmap(lambda weights: functional_call(blocks[0], weights, (x,)))(stacked)
    torch.testing.assert_close(found, torch.stack([block(x) for block in blocks]))


def test_a_block_made_in_inference_mode_runs(normal):
    with torch.inference_mode():
        block = SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)
        x = normal(2, 9, 6, 6)
        before = block(x)
        block.attention.bias_table.add_(torch.arange(49.0).view(49, 1))
        assert not torch.equal(block(x), before)
    with torch.no_grad():
        assert torch.equal(block(x), fresh_copy(block)(x))


def test_a_block_of_meta_tensors_becomes_real(normal):
    block, x = SwinBlock(6, 2, 4, shift=2, device="meta", dtype=torch.float64), normal(2, 9, 6, 6)
    assert block(x.to("meta")).shape == x.shape
    weights = randomized(SwinBlock(6, 2, 4, shift=2, dtype=torch.float64)).state_dict()
    block = block.to_empty(device="cpu")
    block.load_state_dict(weights)
    assert torch.equal(block(x), fresh_copy(block)(x))


@pytest.mark.parametrize("return_weights", [True, False])
def test_swin_transformer_under_autocast(return_weights, seed):
    model, images = SwinTransformer(1, 2, 8, (2, 2), (2, 2), 4, 5), torch.randn(2, 1, 18, 20)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(images, return_weights=return_weights)
    logits = found[0] if return_weights else found
    assert logits.dtype == torch.bfloat16
    torch.testing.assert_close(logits.float(), model(images), atol=0.1, rtol=0.1)


# Bad input

X, WINDOWS = torch.zeros(2, 4, 6, 3), torch.zeros(8, 4, 6)
YES = torch.ones(3, 5, dtype=torch.bool)


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


def swin(**changed):
    """A small Swin for images (B, 1, 2r, 2c)."""
    sizes = {"channels": 1, "patch_size": 2, "dim": 4, "depths": (1, 2), "heads": (1, 2), "window_size": 2}
    return SwinTransformer(**({**sizes, "classes": 3} | changed))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(lambda: window_partition(X[0], 2), r"x must have shape \(B, H, W, C\), got \(4, 6, 3\)"),
        bad(lambda: window_partition(X.tolist(), 2), r"x must be a tensor \(B, H, W, C\), got list"),
        bad(lambda: window_partition(X[:, :0], 2), r"x must not be empty"),
        bad(lambda: window_partition(X, 4), r"^window_size 4 does not divide the grid 4×6$"),
        bad(lambda: window_partition(X, 3), r"^window_size 3 does not divide the grid 4×6$"),
        bad(lambda: window_partition(X, 0), r"window_size must be a whole number of at least 1, got 0"),
        bad(lambda: window_partition(X, (2, 2)), r"window_size must be a whole number of at least 1, got \(2, 2\)"),
        bad(lambda: window_merge(X, (4, 6)), r"^windows must be square, got 4×6$"),
        bad(lambda: window_merge(X[0], (4, 6)), r"windows must have shape \(B·n, M, M, C\), got \(4, 6, 3\)"),
        bad(lambda: window_merge(torch.zeros(6, 2, 2, 1), (4, 5)), r"^window_size 2 does not divide the grid 4×5$"),
        bad(
            lambda: window_merge(torch.zeros(7, 2, 2, 1), (4, 6)),
            r"^grid 4×6 has 6 windows of 2×2 per image, got 7 windows$",
        ),
        bad(lambda: window_merge(torch.zeros(6, 2, 2, 1), 4), r"grid must be a pair \(rows, columns\), got 4"),
        bad(lambda: cyclic_shift(X[0], 1), r"x must have shape \(B, H, W, C\), got \(4, 6, 3\)"),
        bad(lambda: cyclic_shift(X, 0.5), r"^shift must be a whole number, got 0.5$"),
        bad(lambda: cyclic_shift(X, True), r"^shift must be a whole number, got True$"),
        bad(lambda: cyclic_shift(X, (1, 2)), r"^shift must be a whole number, got \(1, 2\)$"),
        bad(lambda: shifted_window_mask((4, 6), 4, 1), r"^window_size 4 does not divide the grid 4×6$"),
        bad(lambda: shifted_window_mask((4, 6), 2, 2), r"^shift must be in 0 … 1 for window_size 2, got 2$"),
        bad(lambda: shifted_window_mask((4, 6), 2, -1), r"shift must be a whole number of at least 0, got -1"),
        bad(lambda: shifted_window_mask(4, 2, 1), r"grid must be a pair \(rows, columns\), got 4"),
        bad(lambda: shifted_window_mask((4, 4), 2, 1, device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: relative_position_index(0), r"window_size must be a whole number of at least 1, got 0"),
        bad(lambda: relative_position_index(2.0), r"window_size must be a whole number of at least 1, got 2.0"),
        bad(lambda: relative_position_index(2, device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: window_relation((4, 0), 2), r"grid \(rows, columns\) must be a whole number of at least 1, got 0"),
        bad(lambda: window_relation((4, 4), 2, shift=2), r"^shift must be in 0 … 1 for window_size 2, got 2$"),
        bad(lambda: window_relation((2, 2), 4, shift=4), r"^shift must be in 0 … 3 for window_size 4, got 4$"),
        bad(lambda: window_relation((2, 2), -1), r"window_size must be a whole number of at least 1, got -1"),
        bad(lambda: merging_relation(4), r"grid must be a pair \(rows, columns\), got 4"),
        bad(lambda: reach([]), r"relations must be a list of boolean \(N_\(l\+1\), N_l\).*, got an empty one"),
        bad(lambda: reach(YES), r"relations must be a list of .*, got Tensor"),
        bad(lambda: reach([YES, [1]]), r"relations\[1\] must be a tensor \(N_\(l\+1\), N_l\), got list"),
        bad(lambda: reach([YES[0]]), r"relations\[0\] must have shape \(N_\(l\+1\), N_l\), got \(5,\)"),
        bad(lambda: reach([YES[:, :0]]), r"relations\[0\] must not be empty"),
        bad(lambda: reach([YES.float()]), r"relations\[0\] must be boolean, got torch.float32; write A > 0"),
        bad(lambda: reach([YES, YES.T.long()]), r"relations\[1\] must be boolean, got torch.int64; write A > 0"),
        bad(lambda: reach([YES, YES]), r"relations\[1\] \(3, 5\) does not follow relations\[0\] \(3, 5\)"),
        bad(lambda: reach([YES, YES.T, YES.T]), r"relations\[2\] \(5, 3\) does not follow relations\[1\] \(5, 3\)"),
        bad(lambda: reach([YES, YES.T.to("meta")]), r"devices differ: relations\[0\] on cpu, relations\[1\] on meta"),
        bad(lambda: attention_cost((4, 4), 0), r"dim must be a whole number of at least 1, got 0"),
        bad(lambda: attention_cost(16, 4), r"grid must be a pair \(rows, columns\), got 16"),
        bad(lambda: attention_cost((4, 4), 4, window_size=0), r"window_size must be a whole number of at least 1"),
        bad(lambda: WindowAttention(6, 4, 2), r"^heads 4 does not divide dim 6$"),
        bad(lambda: WindowAttention(6, 2, 0), r"window_size must be a whole number of at least 1, got 0"),
        bad(lambda: WindowAttention(6, 2, 2, dtype=torch.int64), r"dtype must be a floating-point .* torch.int64"),
        bad(lambda: WindowAttention(6, 2, 2, device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: WindowAttention(6, 2, 2)(X), r"windows must have shape \(B·n, M², C\), got \(2, 4, 6, 3\)"),
        bad(lambda: WindowAttention(4, 2, 2)(WINDOWS), r"must be \(B·n, M², 4\) with M up to 2, got \(8, 4, 6\)"),
        bad(lambda: WindowAttention(6, 2, 2)(WINDOWS[:, :3]), r"with M up to 2, got \(8, 3, 6\)"),
        bad(lambda: WindowAttention(6, 2, 1)(WINDOWS), r"with M up to 1, got \(8, 4, 6\)"),
        bad(lambda: WindowAttention(6, 2, 2)(WINDOWS.double()), r"dtypes differ: windows torch.float64, weight .*32"),
        bad(lambda: WindowAttention(6, 2, 2)(WINDOWS.to("meta")), r"devices differ: windows on meta, weight on cpu"),
        bad(
            lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=torch.zeros(3, 4, 4)),
            r"^mask must have shape \(n, 4, 4\), n a divisor of the 8 windows, got \(3, 4, 4\)$",
        ),
        bad(lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=torch.zeros(4, 4)), r"mask must have shape \(n, M², M²\)"),
        bad(lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=torch.zeros(2, 4, 5)), r"\(n, 4, 4\), .* got \(2, 4, 5\)"),
        bad(lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=[1]), r"mask must be a tensor \(n, M², M²\), got list"),
        bad(
            lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=torch.zeros(2, 4, 4).long()),
            r"mask must hold floating-point numbers, got torch.int64",
        ),
        bad(
            lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=torch.zeros(2, 4, 4).double()),
            r"dtypes differ: mask torch.float64, bias_table torch.float32",
        ),
        bad(
            lambda: WindowAttention(6, 2, 2)(WINDOWS, mask=torch.ones(2, 4, 4, device="meta") > 0),
            r"devices differ: mask on meta, bias_table on cpu",
        ),
        bad(lambda: WindowAttention(6, 2, 2).bias(3), r"^window_size must be at most 2, .* got 3$"),
        bad(lambda: WindowAttention(6, 2, 2).bias(0), r"window_size must be a whole number of at least 1, got 0"),
        bad(lambda: SwinBlock(6, 4, 2), r"^heads 4 does not divide dim 6$"),
        bad(lambda: SwinBlock(6, 2, 2, shift=2), r"^shift must be in 0 … 1 for window_size 2, got 2$"),
        bad(lambda: SwinBlock(6, 2, 2, shift=-1), r"shift must be a whole number of at least 0, got -1"),
        bad(lambda: SwinBlock(6, 2, 0), r"window_size must be a whole number of at least 1, got 0"),
        bad(lambda: SwinBlock(6, 2, 2, mlp_ratio=0.5), r"mlp_ratio must be a whole number of at least 1, got 0.5"),
        bad(lambda: SwinBlock(6, 2, 2, eps=-1), r"eps must be a finite number of at least 0, got -1"),
        bad(lambda: SwinBlock(6, 2, 2)(X), r"x must have shape \(B, H, W, 6\), got \(2, 4, 6, 3\)"),
        bad(lambda: SwinBlock(3, 1, 2)(X[0]), r"x must have shape \(B, H, W, C\), got \(4, 6, 3\)"),
        bad(lambda: SwinBlock(3, 1, 2)(X[:, :0]), r"x must not be empty"),
        bad(lambda: SwinBlock(3, 1, 2)(X.double()), r"dtypes differ: x torch.float64, weight torch.float32"),
        bad(lambda: SwinBlock(3, 1, 2)(X.to("meta")), r"devices differ: x on meta, weight on cpu"),
        bad(lambda: PatchMerging(0), r"dim must be a whole number of at least 1, got 0"),
        bad(lambda: PatchMerging(4)(X), r"x must have shape \(B, H, W, 4\), got \(2, 4, 6, 3\)"),
        bad(lambda: PatchMerging(3)(X[0]), r"x must have shape \(B, H, W, C\), got \(4, 6, 3\)"),
        bad(lambda: PatchMerging(3)(X.half()), r"dtypes differ: x torch.float16, weight torch.float32"),
        bad(lambda: swin(depths=(1, 2, 1)), r"depths and heads .* one number per stage, got \(1, 2, 1\) and \(1, 2\)"),
        bad(lambda: swin(depths=2), r"depths must hold one number per stage, got 2"),
        bad(lambda: swin(heads=()), r"heads must hold one number per stage, got \(\)"),
        bad(lambda: swin(heads=(1, 3)), r"^heads 3 does not divide dim 8$"),
        bad(lambda: swin(depths=(1, 0)), r"depths\[1\] must be a whole number of at least 1, got 0"),
        bad(lambda: swin(heads=(1, 2.0)), r"heads\[1\] must be a whole number of at least 1, got 2.0"),
        bad(lambda: swin(window_size=0), r"window_size must be a whole number of at least 1, got 0"),
        bad(lambda: swin(classes=None), r"classes must be a whole number of at least 1, got None"),
        bad(lambda: swin(dim=0), r"dim must be a whole number of at least 1, got 0"),
        bad(lambda: swin(mlp_ratio=0), r"mlp_ratio must be a whole number of at least 1, got 0"),
        bad(lambda: swin(device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: swin()(torch.zeros(1, 4, 6)), r"images must have shape \(B, C, H, W\), got \(1, 4, 6\)"),
        bad(lambda: swin()(torch.zeros(1, 1, 4, 7)), r"multiple of 2\), got \(1, 1, 4, 7\)"),
        bad(lambda: swin()(torch.zeros(1, 3, 4, 6)), r"images must have shape \(B, 1, .*, got \(1, 3, 4, 6\)"),
        bad(lambda: swin().features(torch.zeros(1, 1, 4, 6).double()), r"dtypes differ: images torch.float64"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
