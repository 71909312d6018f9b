"""The book's thesis as code: families that look different are the same sum Y = Σ_h A_h X W_h.

Chapter by chapter this file gains its equalities; each test states one, on random shapes, in float64.
"""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from patchwork.attention import MultiHeadSelfAttention, attention, attention_weights
from patchwork.convolution import (
    bilateral_filter,
    conv2d_from_patches,
    convolution_as_attention,
    convolution_matrix,
    non_local_means,
    shift_matrix,
)
from patchwork.graphs import (
    GraphAttention,
    GraphConvolution,
    chebyshev_filter,
    diffuse,
    graph_convolution,
    grid_graph,
    knn_graph,
    laplacian,
    normalize_adjacency,
    normalized_cut,
    spectral_embedding,
    weight_edges,
)
from patchwork.patches import PatchEmbedding, extract_patches, merge_patches, patch_centers, patchify, unpatchify
from patchwork.relations import aggregate
from patchwork.similarity import (
    correlation,
    cosine_similarity,
    gaussian_affinity,
    mahalanobis_distances,
    neighbor_similarity,
    squared_distances,
    standardize,
)
from patchwork.windows import (
    PatchMerging,
    WindowAttention,
    cyclic_shift,
    merging_relation,
    reach,
    relative_position_index,
    shifted_window_mask,
    window_merge,
    window_partition,
    window_relation,
)


@pytest.fixture
def normal(generator):
    """Random numbers in float64."""
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


# Chapter 1: patches


def test_patches_lose_nothing(rng, normal):
    rows, columns, size, channels = (rng.randint(1, 6) for _ in range(4))
    images = normal(2, channels, rows * size, columns * size)
    assert torch.equal(unpatchify(patchify(images, size), (rows, columns), channels=channels), images)
    tokens = normal(2, rows * columns, channels * size * size)
    assert torch.equal(patchify(unpatchify(tokens, (rows, columns), channels=channels), size), tokens)


def test_overlapping_patches_lose_nothing(rng, normal):
    size = rng.randint(2, 6)
    stride = rng.randint(1, size)
    height, width = (size + stride * rng.randint(0, 4) for _ in range(2))
    images = normal(2, 3, height, width)
    patches = extract_patches(images, size, stride=stride)
    torch.testing.assert_close(merge_patches(patches, (height, width), size, stride=stride), images)


def test_a_strided_convolution_is_a_linear_map_of_patches(rng, normal):
    size, channels, dim = (rng.randint(1, 5) for _ in range(3))
    images = normal(2, channels, size * rng.randint(1, 5), size * rng.randint(1, 5))
    weight, bias = normal(dim, channels, size, size), normal(dim)
    tokens = patchify(images, size) @ weight.flatten(1).T + bias
    torch.testing.assert_close(tokens, F.conv2d(images, weight, bias, stride=size).flatten(2).mT)


def test_a_patch_embedding_is_its_linear_layer_over_patches(rng, normal):
    size, channels, dim = (rng.randint(1, 5) for _ in range(3))
    embed = PatchEmbedding(channels, size, dim, dtype=torch.float64)
    images = normal(2, channels, size * rng.randint(1, 5), size * rng.randint(1, 5))
    torch.testing.assert_close(embed(images), embed.projection(patchify(images, size)))


def test_overlapping_patches_times_a_weight_are_a_convolution(rng, normal):
    size, stride, channels, dim = (rng.randint(1, 4) for _ in range(4))
    images = normal(2, channels, size + stride * rng.randint(0, 4), size + stride * rng.randint(0, 4))
    weight = normal(dim, channels, size, size)
    tokens = extract_patches(images, size, stride=stride) @ weight.flatten(1).T
    torch.testing.assert_close(tokens, F.conv2d(images, weight, stride=stride).flatten(2).mT)


def test_permuting_images_within_patches_is_permuting_the_rows_of_the_weight(rng, normal, generator):
    size, channels, dim = (rng.randint(1, 4) for _ in range(3))
    tokens, weight = normal(2, 6, channels * size**2), normal(dim, channels * size**2)
    order = torch.randperm(channels * size**2, generator=generator)
    torch.testing.assert_close(tokens[..., order] @ weight[:, order].T, tokens @ weight.T)


# Chapter 2: attention


def test_multi_head_attention_is_the_spine(rng, normal):
    heads, number, width = (rng.randint(1, 5) for _ in range(3))
    dim = heads * width
    attend = MultiHeadSelfAttention(dim, heads, dtype=torch.float64)
    x = normal(2, number, dim)
    found, weights = attend(x, return_weights=True)
    value_weights, value_biases = attend.qkv.weight[2 * dim :], attend.qkv.bias[2 * dim :]
    out_of_values = attend.projection.weight.unflatten(1, (heads, width))
    passed_on = torch.einsum("hwd, ehw -> hde", value_weights.unflatten(0, (heads, width)), out_of_values)
    # The rows of A_h sum to 1: the biases of the values arrive whole, whoever asks.
    bias = attend.projection(value_biases)
    for image in range(2):
        torch.testing.assert_close(found[image], aggregate(weights[image], x[image], passed_on) + bias)


def test_attention_without_projections_is_a_kernel_smoother(rng, normal):
    number, dim, out = (rng.randint(1, 6) for _ in range(3))
    x, values = normal(number, dim), normal(number, out)
    kernel = torch.exp(x @ x.T / dim**0.5)
    nadaraya_watson = kernel @ values / kernel.sum(1, keepdim=True)
    torch.testing.assert_close(attention(x, x, values), nadaraya_watson)


def test_attention_to_keys_of_one_length_is_gaussian_smoothing(rng, normal):
    rows, number, dim, out = (rng.randint(1, 6) for _ in range(4))
    queries, values, length = normal(rows, dim), normal(number, out), rng.uniform(0.5, 3)
    keys = length * F.normalize(normal(number, dim), dim=1)
    variance = dim**0.5  # exp(−|q − k|²/2σ²) = exp(q·k/σ²) · exp(−|q|²/2σ²) · exp(−|k|²/2σ²)
    gaussian = torch.exp(
        -(torch.cdist(queries, keys, compute_mode="donot_use_mm_for_euclid_dist") ** 2) / (2 * variance)
    )
    torch.testing.assert_close(attention(queries, keys, values), gaussian @ values / gaussian.sum(1, keepdim=True))


def test_attention_is_the_random_walk_of_its_affinity(rng, normal):
    number, dim = rng.randint(2, 6), rng.randint(1, 6)
    x = normal(number, dim)
    affinity = torch.exp(x @ x.T / dim**0.5)
    degree = torch.diag(affinity.sum(1))
    walk = attention_weights(x, x)
    torch.testing.assert_close(walk, torch.linalg.inv(degree) @ affinity)
    stationary = affinity.sum(1) / affinity.sum()
    torch.testing.assert_close(stationary @ walk, stationary)


def test_attention_under_a_block_mask_is_attention_in_each_block(rng, normal):
    sizes, dim, heads = [rng.randint(1, 4) for _ in range(rng.randint(1, 4))], rng.randint(1, 4), rng.randint(1, 3)
    queries, keys, values = normal(3, heads, sum(sizes), dim)
    blocks = torch.block_diag(*(torch.ones(size, size) for size in sizes)) > 0
    alone = [
        attention(*parts) for parts in zip(*(part.split(sizes, 1) for part in (queries, keys, values)), strict=True)
    ]
    torch.testing.assert_close(attention(queries, keys, values, mask=blocks), torch.cat(alone, dim=1))


# Chapter 3: windows


@pytest.fixture
def windowed(rng):
    """A window size, a grid that it divides, larger than one window both ways, and a shift."""
    size = rng.randint(2, 4)
    return size, (size * rng.randint(2, 3), size * rng.randint(2, 4)), rng.randint(0, size - 1)


def in_windows(x, size, shift):
    """P S x, for a map x (B, H, W, C): its tokens in the order in which the windows of the shifted map hold them."""
    return window_partition(cyclic_shift(x, shift), size).flatten(1, 2)


def order_of(grid, size, shift):
    """P S as a list: which patch the windows of the shifted map hold at each place."""
    return in_windows(torch.arange(grid[0] * grid[1]).view(1, *grid, 1), size, shift).flatten()


def test_window_attention_is_full_attention_under_a_block_mask_conjugated_by_the_shift(windowed, rng, normal):
    (size, grid, shift), heads, batch = windowed, rng.randint(1, 3), rng.randint(1, 2)
    dim, number = heads * rng.randint(1, 4), grid[0] * grid[1]
    attend = WindowAttention(dim, heads, size, dtype=torch.float64)
    torch.nn.init.normal_(attend.bias_table)
    x = normal(batch, *grid, dim)
    mixed = attend(in_windows(x, size, shift), mask=shifted_window_mask(grid, size, shift))
    found = cyclic_shift(window_merge(mixed.unflatten(1, (size, size)), grid), -shift)

    full = MultiHeadSelfAttention(dim, heads, dtype=torch.float64)
    full.qkv, full.projection = attend.qkv, attend.projection
    place = cyclic_shift(torch.arange(number).view(1, *grid, 1), -shift).flatten()  # of each patch, after the shift
    row, column = place // grid[1] % size, place % grid[1] % size
    in_window = row * size + column
    index = relative_position_index(size)[in_window.unsqueeze(1), in_window]
    scattered = attend.bias_table[index].permute(2, 0, 1)
    scattered = scattered.masked_fill(~window_relation(grid, size, shift=shift), -torch.inf)
    expected = full(x.flatten(1, 2), mask=scattered.unsqueeze(0))
    torch.testing.assert_close(found.flatten(1, 2), expected)


def test_a_window_relation_is_block_diagonal_in_the_order_of_the_windows(windowed):
    size, grid, _ = windowed
    order = order_of(grid, size, 0)
    ones = torch.ones(size**2, size**2)
    blocks = torch.block_diag(*[ones] * (len(order) // size**2)) > 0
    assert torch.equal(window_relation(grid, size)[order][:, order], blocks)


def test_a_shifted_relation_is_the_relation_conjugated_by_the_shift_and_masked(windowed):
    size, grid, shift = windowed
    patches = torch.arange(grid[0] * grid[1])
    moved = cyclic_shift(patches.view(1, *grid, 1), shift).flatten()
    permutation = F.one_hot(moved).double()  # S: what the shifted map holds at each place
    conjugated = (permutation.T @ window_relation(grid, size).double() @ permutation) > 0
    came_round = patches // grid[1] < shift, patches % grid[1] < shift
    one_region = torch.stack([part.unsqueeze(1) == part for part in came_round]).all(0)
    assert torch.equal(window_relation(grid, size, shift=shift), conjugated & one_region)


def test_the_mask_is_the_shifted_relation_seen_by_the_windows(windowed):
    size, grid, shift = windowed
    order = order_of(grid, size, shift).view(-1, size**2)
    relation = window_relation(grid, size, shift=shift)
    seen = torch.stack([relation[window][:, window] for window in order])
    assert torch.equal(shifted_window_mask(grid, size, shift), seen)


def test_merging_patches_is_a_strided_convolution(rng, normal):
    dim, grid = rng.randint(1, 5), (2 * rng.randint(1, 4), 2 * rng.randint(1, 4))
    merge = PatchMerging(dim, dtype=torch.float64)
    merge.norm = torch.nn.Identity()
    x = normal(2, *grid, dim)
    kernels = merge.reduction.weight.view(2 * dim, 2, 2, dim).permute(0, 3, 2, 1)  # columns of the cell come first
    expected = F.conv2d(x.permute(0, 3, 1, 2), kernels, stride=2).permute(0, 2, 3, 1)
    torch.testing.assert_close(merge(x), expected)


def test_reach_of_layers_in_turn_is_reach_of_their_reaches(windowed):
    size, grid, shift = windowed
    layers = [window_relation(grid, size), window_relation(grid, size, shift=shift), merging_relation(grid)]
    assert torch.equal(reach(layers), reach([reach(layers[:2]), layers[2]]))
    heard = layers[2].double() @ layers[1].double() @ layers[0].double()
    assert torch.equal(reach(layers), heard > 0)


# Chapter 4: convolution


@pytest.fixture
def kernel(rng, normal):
    """A rectangular kernel with a center, its offsets row by row, and a grid that it fits into."""
    sides = 2 * rng.randint(0, 2) + 1, 2 * rng.randint(0, 2) + 1
    offsets = list(itertools.product(*(range(-(side // 2), side // 2 + 1) for side in sides)))
    grid = tuple(rng.randint(side // 2 + 1, 6) for side in sides)
    return normal(rng.randint(1, 3), rng.randint(1, 3), *sides), offsets, grid


def centered(weight):
    """The padding that keeps the grid."""
    return tuple(side // 2 for side in weight.shape[2:])


def around(image, weight, how):
    """An image with what its border stands for."""
    return F.pad(image, [side for side in reversed(centered(weight)) for _ in "ab"], mode=how)


def as_tokens(image):
    """(1, C, H, W) → (N, C)."""
    return image[0].flatten(1).T


def test_unfolding_times_a_weight_is_a_convolution(rng, normal, kernel):
    weight, _, grid = kernel
    stride, images = rng.randint(1, 3), normal(2, weight.shape[1], *grid)
    found = conv2d_from_patches(images, weight, stride=stride, padding=centered(weight))
    columns = F.unfold(images, weight.shape[2:], padding=centered(weight), stride=stride)
    torch.testing.assert_close(found.flatten(2), weight.flatten(1) @ columns)
    torch.testing.assert_close(found, F.conv2d(images, weight, stride=stride, padding=centered(weight)))


def test_a_convolution_is_a_sum_over_shifts(normal, kernel):
    weight, offsets, grid = kernel
    image = normal(1, weight.shape[1], *grid)
    shifts = torch.stack([shift_matrix(grid, offset, dtype=torch.float64) for offset in offsets])
    passed_on = weight.flatten(2).permute(2, 1, 0)
    found = aggregate(shifts, as_tokens(image), passed_on)
    torch.testing.assert_close(found, as_tokens(F.conv2d(image, weight, padding=centered(weight))))


def test_one_head_per_place_in_the_kernel_is_a_convolution(normal, kernel):
    weight, _, grid = kernel
    image = normal(1, weight.shape[1], *grid)
    relations, passed_on = convolution_as_attention(weight, grid)
    found = aggregate(relations, as_tokens(image), passed_on)
    torch.testing.assert_close(found, as_tokens(F.conv2d(image, weight, padding=centered(weight))))


def test_softmax_heads_with_quadratic_positions_become_a_convolution_that_repeats_its_border(normal, kernel):
    weight, offsets, grid = kernel
    image, places = normal(1, weight.shape[1], *grid), patch_centers(grid, dtype=torch.float64)
    wanted = places.unsqueeze(1) + torch.tensor(offsets).view(-1, 1, 1, 2)
    logits = -100 * (places - wanted).square().sum(3)
    alike = torch.zeros(len(offsets), len(places), 1, dtype=torch.float64)
    heads = attention_weights(alike, alike, mask=logits)
    relations, passed_on = convolution_as_attention(weight, grid, boundary="replicate")
    torch.testing.assert_close(heads, relations)
    found = aggregate(heads, as_tokens(image), passed_on)
    torch.testing.assert_close(found, as_tokens(F.conv2d(around(image, weight, "replicate"), weight)))


def test_quadratic_positions_are_queries_and_keys(kernel):
    _, offsets, grid = kernel
    places, sharpness = patch_centers(grid, dtype=torch.float64), 100.0
    keys = torch.cat([places, places.square().sum(1, keepdim=True)], dim=1)
    for offset in offsets:
        # −α|p_j − w|² = α(2w·p_j − |p_j|²) − α|w|², and the last term is the same for the whole row.
        wanted = places + torch.tensor(offset)
        queries = sharpness * torch.cat([2 * wanted, -torch.ones(len(places), 1)], dim=1)
        expected = shift_matrix(grid, offset, boundary="replicate", dtype=torch.float64)
        torch.testing.assert_close(attention_weights(queries, keys, scale=1.0), expected)


def test_the_matrix_of_a_convolution_is_a_sum_of_kronecker_products(kernel):
    weight, offsets, grid = kernel
    expected = sum(
        torch.kron(weight.flatten(2)[:, :, place].contiguous(), shift_matrix(grid, offset, dtype=torch.float64))
        for place, offset in enumerate(offsets)
    )
    found = convolution_matrix(weight, grid, padding=centered(weight)).to_dense()
    torch.testing.assert_close(found, expected)


def test_a_shift_is_one_of_the_rows_times_one_of_the_columns(rng, kernel):
    _, offsets, grid = kernel
    boundary, (down, right) = rng.choice(["zero", "circular", "replicate"]), rng.choice(offsets)
    rows = shift_matrix((grid[0], 1), (down, 0), boundary=boundary)
    columns = shift_matrix((1, grid[1]), (0, right), boundary=boundary)
    assert torch.equal(shift_matrix(grid, (down, right), boundary=boundary), torch.kron(rows, columns))


def test_convolutions_in_turn_are_a_product_of_their_matrices(normal, kernel):
    weight, _, grid = kernel
    again = normal(2, weight.shape[0], 1, 3)
    image = normal(1, weight.shape[1], *grid)
    first, second = (convolution_matrix(part, grid, padding=centered(part)) for part in (weight, again))
    expected = F.conv2d(F.conv2d(image, weight, padding=centered(weight)), again, padding=centered(again))
    torch.testing.assert_close(second.to_dense() @ (first.to_dense() @ image.flatten()), expected.flatten())


def without_borders(weight, grid):
    """The relation of one channel's kernel on a grid whose sides meet: a sum of shifts, each times its weight."""
    shifts, passed_on = convolution_as_attention(weight[:1, :1], grid, boundary="circular")
    return (shifts * passed_on).sum(0)


def test_a_convolution_without_borders_moves_with_the_image(rng, kernel):
    weight, _, grid = kernel
    matrix, offset = without_borders(weight, grid), (rng.randint(-9, 9), rng.randint(-9, 9))
    shift = shift_matrix(grid, offset, boundary="circular", dtype=torch.float64)
    torch.testing.assert_close(matrix @ shift, shift @ matrix)


def test_the_fourier_transform_makes_a_convolution_without_borders_diagonal(kernel):
    weight, offsets, grid = kernel
    number = math.prod(grid)
    fourier = np.fft.fft2(np.eye(number).reshape(number, *grid)).reshape(number, number).T
    found = fourier @ without_borders(weight, grid).numpy() @ np.linalg.inv(fourier)
    impulse = np.zeros(grid)
    for (down, right), value in zip(offsets, weight[0, 0].flatten().tolist(), strict=True):
        impulse[-down % grid[0], -right % grid[1]] += value  # a correlation: the kernel the other way round
    np.testing.assert_allclose(found, np.diag(np.fft.fft2(impulse).flatten()), atol=1e-10)


def test_a_convolution_with_zeros_around_moves_with_the_image_only_inside(rng, normal):
    down, right = rng.randint(1, 2), rng.randint(1, 2)
    weight, image = normal(1, 1, 3, 3), normal(1, 1, 9, 9)
    moved_after, moved_before = (
        F.conv2d(image, weight, padding=1).roll((down, right), (2, 3)),
        F.conv2d(image.roll((down, right), (2, 3)), weight, padding=1),
    )
    inside = ..., slice(down + 1, -1), slice(right + 1, -1)
    torch.testing.assert_close(moved_after[inside], moved_before[inside])
    assert not torch.allclose(moved_after, moved_before)


def test_a_bilateral_filter_that_sees_no_color_is_a_convolution_divided_by_its_mass(rng, normal):
    size, sigma = 2 * rng.randint(0, 2) + 1, rng.uniform(0.5, 2)
    images = normal(2, 1, rng.randint(1, 6), rng.randint(1, 6))
    axis = torch.exp(-((torch.arange(size, dtype=torch.float64) - size // 2) ** 2) / (2 * sigma**2))
    gaussian = torch.outer(axis, axis).view(1, 1, size, size)
    mixed, mass = (F.conv2d(part, gaussian, padding=size // 2) for part in (images, torch.ones_like(images)))
    found = bilateral_filter(images, size, sigma_space=sigma, sigma_color=1e9)
    torch.testing.assert_close(found, mixed / mass)


def test_non_local_means_over_a_whole_image_is_attention_between_its_patches(rng, normal):
    size, grid, bandwidth = 3, (rng.randint(2, 5), rng.randint(2, 5)), rng.uniform(0.5, 2)
    image = normal(1, 2, *grid)
    found = non_local_means(image, size, 2 * max(grid) + 1, bandwidth=bandwidth)
    patches = extract_patches(F.pad(image, [size // 2] * 4, mode="reflect"), size, stride=1)[0]
    scale = 1 / (patches.shape[1] * bandwidth**2)
    # −|q − k|² = 2q·k − |k|² − |q|², and the last term is the same for the whole row.
    lengths = -scale * patches.square().sum(1)
    expected = attention(patches, patches, as_tokens(image), mask=lengths, scale=2 * scale)
    torch.testing.assert_close(as_tokens(found), expected)


# Chapter 5: similarity


def test_distances_on_the_sphere_are_cosines(rng, normal):
    a, b = F.normalize(normal(rng.randint(1, 6), 5)), F.normalize(normal(rng.randint(1, 6), 5))
    torch.testing.assert_close(squared_distances(a, b), 2 - 2 * cosine_similarity(a, b))


def test_a_correlation_is_a_cosine_and_a_distance_of_standardized_patches(rng, normal):
    patches, dim = normal(rng.randint(2, 6), 7), 7
    scores = standardize(patches.T).T
    torch.testing.assert_close(correlation(patches), cosine_similarity(patches - patches.mean(1, keepdim=True)))
    torch.testing.assert_close(squared_distances(scores), 2 * dim * (1 - correlation(patches)))


def test_mahalanobis_distances_are_distances_of_whitened_patches_and_ignore_linear_maps(normal):
    patches, linear = normal(40, 3), normal(3, 3) + 3 * torch.eye(3)
    covariance = patches.T.cov()
    values, vectors = torch.linalg.eigh(covariance)
    white = patches @ vectors / values.sqrt()
    torch.testing.assert_close(white.T.cov(), torch.eye(3, dtype=torch.float64))
    expected = mahalanobis_distances(patches, covariance=covariance)
    torch.testing.assert_close(squared_distances(white).sqrt(), expected)
    moved = patches @ linear.T
    torch.testing.assert_close(mahalanobis_distances(moved, covariance=linear @ covariance @ linear.T), expected)


def test_attention_without_projections_is_a_kernel_smoother_divided_by_its_mass(rng, normal):
    patches, bandwidth = normal(rng.randint(2, 9), 4), rng.uniform(0.5, 2)
    values = normal(len(patches), 3)
    affinity = gaussian_affinity(patches, bandwidth=bandwidth)
    lengths = -patches.square().sum(1) / (2 * bandwidth**2)
    expected = attention(patches, patches, values, mask=lengths, scale=bandwidth**-2)
    torch.testing.assert_close(affinity @ values / affinity.sum(1, keepdim=True), expected)


def test_changes_that_similarities_ignore(rng, normal):
    a, b = normal(3, 6), normal(4, 6)
    rotation, _ = torch.linalg.qr(normal(6, 6))
    order = torch.randperm(6)
    gain, offset = rng.uniform(0.2, 5), rng.uniform(-3, 3)
    ignores = {
        squared_distances: ("rotation", "order", "shift"),
        cosine_similarity: ("rotation", "order", "gain"),
        correlation: ("order", "gain", "offset"),
    }
    changes = {
        "rotation": lambda x, _: x @ rotation,
        "order": lambda x, _: x[:, order],
        "shift": lambda x, _: x + torch.arange(6),  # the same vector for both
        "gain": lambda x, second: x * (gain if second else 1),
        "offset": lambda x, second: x + (offset if second else 0),
    }
    for compare, ignored in ignores.items():
        for name, change in changes.items():
            same = torch.allclose(compare(change(a, False), change(b, True)), compare(a, b))
            assert same == (name in ignored), (compare.__name__, name)


def test_neighbors_on_the_grid_are_entries_of_all_pairs(rng, normal):
    grid = rng.randint(2, 5), rng.randint(2, 5)
    features = normal(math.prod(grid), 4)
    right, down = neighbor_similarity(features, grid, "euclidean")
    distances = squared_distances(features).sqrt()
    torch.testing.assert_close(
        right.flatten(), distances.diagonal(1)[torch.arange(len(features) - 1) % grid[1] != grid[1] - 1]
    )
    torch.testing.assert_close(down.flatten(), distances.diagonal(grid[1]))


# Chapter 6: graphs


@pytest.fixture
def mesh(rng, normal):
    """A grid, its graph with some weights, and tokens on it."""
    grid = rng.randint(3, 6), rng.randint(3, 6)
    tokens = normal(math.prod(grid), rng.randint(1, 4))
    return grid, weight_edges(grid_graph(grid, dtype=torch.float64), tokens, bandwidth=2.0), tokens


def test_a_random_walk_on_affinities_is_softmax_attention(rng, normal):
    x, bandwidth = normal(rng.randint(2, 8), rng.randint(1, 5)), rng.uniform(0.5, 2)
    affinity = gaussian_affinity(x, bandwidth=bandwidth)
    walk = normalize_adjacency(affinity, self_loops=False, mode="row")
    torch.testing.assert_close(walk, (-squared_distances(x) / (2 * bandwidth**2)).softmax(1))
    # −|q − k|² = 2q·k − |k|² − |q|², and the last term is the same for the whole row.
    lengths = -x.square().sum(1) / (2 * bandwidth**2)
    torch.testing.assert_close(walk, attention_weights(x, x, mask=lengths, scale=1 / bandwidth**2))


@pytest.mark.parametrize("connectivity", [4, 8])
def test_a_gcn_on_a_grid_is_a_fixed_kernel_away_from_the_border(rng, normal, connectivity):
    grid, dim, out = (rng.randint(5, 8), rng.randint(5, 8)), rng.randint(1, 4), rng.randint(1, 4)
    layer, image = GraphConvolution(dim, out, dtype=torch.float64), normal(1, dim, *grid)
    graph = normalize_adjacency(grid_graph(grid, connectivity=connectivity, dtype=torch.float64))
    found = layer(as_tokens(image), graph).T.view(1, out, *grid)
    reached = torch.ones(3, 3) if connectivity == 8 else torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    kernel = layer.weight.T.view(out, dim, 1, 1) * reached / (connectivity + 1)
    inside = ..., slice(2, -2), slice(2, -2)
    expected = F.conv2d(image, kernel, layer.bias, padding=1)
    torch.testing.assert_close(found[inside], expected[inside])
    assert not torch.allclose(found, expected)


def test_a_graph_convolution_is_one_term_of_the_spine(mesh, normal):
    _, graph, tokens = mesh
    smooth, weight = normalize_adjacency(graph), normal(tokens.shape[1], 3)
    expected = aggregate(smooth.unsqueeze(0), tokens, weight.unsqueeze(0))
    torch.testing.assert_close(graph_convolution(tokens, smooth, weight), expected)


def test_a_graph_convolution_moves_with_the_order_of_the_patches(mesh, normal, generator):
    _, graph, tokens = mesh
    order, weight = torch.randperm(len(graph), generator=generator), normal(tokens.shape[1], 3)
    moved = graph_convolution(tokens[order], normalize_adjacency(graph[order][:, order]), weight)
    torch.testing.assert_close(moved, graph_convolution(tokens, normalize_adjacency(graph), weight)[order])


def test_a_gcn_is_a_chebyshev_filter_of_two_coefficients_renormalized(mesh):
    # Kipf & Welling: θ₀ = −θ₁ gives (I + D^-½ A D^-½) x, of which a layer takes D̃^-½ Ã D̃^-½ instead.
    _, graph, tokens = mesh
    filtered = chebyshev_filter(
        tokens, laplacian(graph, normalization="symmetric"), torch.tensor([1.0, -1.0], dtype=torch.float64)
    )
    torch.testing.assert_close(filtered, tokens + diffuse(tokens, normalize_adjacency(graph, self_loops=False), 1))
    regular = 1 - torch.eye(len(graph), dtype=torch.float64)  # where all degrees are d, the two differ as d/(d + 1)
    filtered = chebyshev_filter(tokens, laplacian(regular, normalization="symmetric"), filtered.new_tensor([1.0, -1.0]))
    degree = len(graph) - 1
    loops = tokens / (degree + 1)
    renormalized = diffuse(tokens, normalize_adjacency(regular), 1)
    torch.testing.assert_close(renormalized - loops, (filtered - tokens) * degree / (degree + 1))


def test_diffusion_multiplies_each_pattern_by_a_power_of_its_eigenvalue(rng, mesh):
    _, graph, tokens = mesh
    steps, loops = rng.randint(0, 6), graph + torch.eye(len(graph))
    values, vectors = spectral_embedding(loops, len(graph))
    expected = vectors @ ((1 - values).pow(steps).unsqueeze(1) * (vectors.T @ tokens))
    torch.testing.assert_close(diffuse(tokens, normalize_adjacency(graph), steps), expected)


def test_a_cut_is_a_rayleigh_quotient(mesh):
    _, graph, _ = mesh
    labels, value = normalized_cut(graph)
    degrees = graph.sum(1)
    volumes = torch.stack([degrees[labels == side].sum() for side in (0, 1)])
    y = torch.where(labels == 0, (volumes[1] / volumes[0]).sqrt(), -(volumes[0] / volumes[1]).sqrt())
    torch.testing.assert_close(y @ degrees, torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close((y @ laplacian(graph) @ y) / (y @ (degrees * y)), value)


def test_graph_attention_is_attention_under_the_mask_of_its_graph(rng, normal):
    number, heads, width = rng.randint(3, 8), rng.randint(1, 3), rng.randint(1, 4)
    layer, x = GraphAttention(5, heads * width, heads=heads, dtype=torch.float64), normal(number, 5)
    graph = knn_graph(x, 2, symmetric=False)
    tokens = layer.linear(x).unflatten(1, (heads, width)).transpose(0, 1)
    target, source = ((tokens * part.unsqueeze(1)).sum(2) for part in (layer.target, layer.source))
    logits = F.leaky_relu(target.unsqueeze(2) + source.unsqueeze(1), 0.2)
    nothing = torch.zeros_like(tokens)
    expected = attention(nothing, nothing, tokens, mask=logits.masked_fill(graph == 0, -torch.inf))
    torch.testing.assert_close(layer(x, graph), expected.transpose(0, 1).flatten(1))


def test_linear_graph_attention_on_the_complete_graph_asks_in_vain(rng, normal):
    # Without its bend, e_ij = a·h_i + b·h_j: softmax drops the first term, and every patch attends alike. It is
    # attention with one query b for all, which is why the bend is there, and why it is no attention of q·k.
    number, dim = rng.randint(2, 8), rng.randint(1, 5)
    layer, x = GraphAttention(dim, 4, negative_slope=1.0, dtype=torch.float64), normal(number, dim)
    found, weights = layer(x, torch.ones(number, number, dtype=torch.bool), return_weights=True)
    keys = layer.linear(x)
    torch.testing.assert_close(found, attention(layer.source.expand(number, -1) * 2, keys, keys))
    torch.testing.assert_close(weights[0], weights[0, :1].expand(number, -1))


# Synthesis, chapter 7


def in_common(relation):
    """Whom any two patches hear both, at least."""
    return min(torch.minimum(one, other).sum() for one, other in itertools.combinations(relation, 2))


def test_what_patches_hear_in_common_makes_them_alike(rng, normal):
    x = normal(rng.randint(2, 9), 3)
    for _ in range(rng.randint(1, 4)):
        relation = (4 * normal(len(x), len(x))).softmax(1)
        before, x = x, relation @ x
        ranges = [each.amax(0) - each.amin(0) for each in (before, x)]
        assert (ranges[1] <= (1 - in_common(relation)) * ranges[0] + 1e-12).all()


def test_no_smaller_bound_holds_for_all(rng, normal):
    relation = (4 * normal(5, 5)).softmax(1)
    ranges = [(relation @ torch.tensor(x).double()).aminmax() for x in itertools.product((0.0, 1.0), repeat=5)]
    torch.testing.assert_close(max(high - low for low, high in ranges), 1 - in_common(relation))


def test_the_powers_of_a_walk_are_its_mean_and_its_slow_patterns(rng, normal):
    affinity = normal(rng.randint(2, 8), 3)
    affinity = gaussian_affinity(affinity, bandwidth=2.0)
    degrees, times = affinity.sum(1), rng.randint(1, 6)
    walk = normalize_adjacency(affinity, self_loops=False, mode="row")
    values, vectors = torch.linalg.eigh(degrees.rsqrt()[:, None] * affinity * degrees.rsqrt())
    patterns, duals = degrees.rsqrt()[:, None] * vectors, degrees.sqrt()[:, None] * vectors
    rest = patterns[:, :-1] * values[:-1] ** times @ duals[:, :-1].mT
    power = torch.linalg.matrix_power(walk, times)
    torch.testing.assert_close(power, (degrees / degrees.sum()).expand_as(walk) + rest)
    kept = torch.linalg.eigvals((torch.eye(len(walk)).double() + walk) / 2).real.sort().values
    torch.testing.assert_close(kept, (1 + values) / 2)


def test_what_differs_between_patches_is_cubed_by_attention(rng, normal):
    number, dim = rng.randint(3, 8), rng.randint(2, 5)
    common, rest, query, key = normal(1, dim), normal(number, dim), normal(dim, dim), normal(dim, dim)

    def left(size):
        x = common + size * rest
        y = attention(x @ query, x @ key, x)
        return (y - y.mean(0)).norm().item()

    assert math.log2(left(2e-3) / left(1e-3)) == pytest.approx(3, abs=0.1)


def test_a_relation_that_knows_its_regions_forgets_nothing_between_them(rng, normal):
    labels = torch.arange(rng.randint(3, 9)) % 3
    same = (labels[:, None] == labels).double()
    ideal, x = same / same.sum(1, keepdim=True), normal(len(labels), 2)
    means = torch.stack([x[labels == label].mean(0) for label in range(3)])
    torch.testing.assert_close(torch.linalg.matrix_power(ideal, rng.randint(1, 5)) @ x, means[labels])
    assert torch.linalg.eigvalsh(ideal).round(decimals=9).sum() == 3


# The spine, chapter 0


def test_the_spine_is_a_linear_map_on_all_patches_at_once(rng, normal):
    heads, number, dim, out = (rng.randint(1, 5) for _ in range(4))
    relations, values, weights = normal(heads, number, number), normal(number, dim), normal(heads, dim, out)
    kronecker = torch.einsum("hij, hde -> iejd", relations, weights).reshape(number * out, number * dim)
    torch.testing.assert_close(aggregate(relations, values, weights).flatten(), kronecker @ values.flatten())


def test_the_spine_moves_with_the_order_of_the_patches(rng, normal, generator):
    heads, number, dim, out = (rng.randint(1, 5) for _ in range(4))
    relations, values, weights = normal(heads, number, number), normal(number, dim), normal(heads, dim, out)
    order = torch.randperm(number, generator=generator)
    moved = aggregate(relations[:, order][:, :, order], values[order], weights)
    torch.testing.assert_close(moved, aggregate(relations, values, weights)[order])


def test_relations_applied_in_turn_are_one_relation(rng, normal):
    first, second, values = normal(1, 5, 5), normal(1, 5, 5), normal(5, rng.randint(1, 4))
    torch.testing.assert_close(aggregate(second, aggregate(first, values)), aggregate(second @ first, values))
