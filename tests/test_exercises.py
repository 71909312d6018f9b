import functools
import itertools
import math
import re
import signal
import textwrap
import threading
import time
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import linregress
from sklearn.metrics import average_precision_score, roc_auc_score

from patchwork.attention import attention
from patchwork.convolution import receptive_field
from patchwork.exercises import check
from patchwork.exercises._judges import JUDGES, MISTAKES, TRIED
from patchwork.exercises._limit import TooLongError, _by_signal, _by_thread
from patchwork.exercises._show import code
from patchwork.exercises.convolution import _found_share
from patchwork.graphs import chebyshev_filter, laplacian, normalized_cut
from patchwork.patches import merge_patches, patch_centers, patchify, sincos_position_embedding, unpatchify
from patchwork.similarity import patch_spectrum, standardize
from patchwork.synthesis import families
from patchwork.windows import attention_cost

ROW = [1, 0, 1, 0, 0], [0.9, 0.8, 0.6, 0.3, 0.1]  # patch 0 of the regions 0 0 1 0 1 1 asks; it is left out itself
CHANGED = ROW[0], [0.9, 0.8, 0.2, 0.3, 0.1]
AUC, PRECISION = roc_auc_score(*ROW), average_precision_score(*CHANGED)


class HostileError(Exception):
    """An error whose text can't be had."""

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


class Hostile:
    """An answer that fails however it is looked at."""

    def __float__(self):
        raise HostileError

    __repr__ = __str__ = __len__ = __index__ = __array__ = __float__


def complain():
    raise HostileError


def raise_(error):
    raise error


def read_only(array):
    array.flags.writeable = False
    return array


WIDE_STRIPES = (torch.arange(16) // 4 % 2).expand(16, 16)


def weights_between(A, B, t):
    weights = np.exp((1 - t) * np.log(A.numpy()) + t * np.log(B.numpy()))
    return torch.tensor(weights / weights.sum(1, keepdims=True))


def near_and_alike(spectra, places):
    """Attention as it is learned for the explorer, the logits less a quarter of the squared distance."""
    weights = families.attention(spectra).log() * 0.75 - torch.cdist(places, places) ** 2 / 72
    return weights.softmax(1)


def neighbors_by_distance(grid, reach=1, normalize=True):
    near = (torch.cdist(patch_centers(grid), patch_centers(grid), p=1) == reach).float()
    return near / near.sum(1, keepdim=True) if normalize else near


def sparse_neighbors(grid):
    return neighbors_by_distance(grid).to_sparse_coo().requires_grad_()


def wrapping_neighbors(grid):
    index = torch.arange(grid[0] * grid[1]).view(grid)
    relation = torch.zeros(index.numel(), index.numel())
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        relation[index.flatten(), index.roll(shift, axis).flatten()] += 0.25
    return relation


def convolution(images, weight, bias):
    return patchify(images, weight.shape[-1]) @ weight.flatten(1).T + bias


def channels_last_convolution(images, weight, bias):
    tokens = patchify(images, weight.shape[-1]).unflatten(2, weight.shape[1:]).movedim(2, -1).flatten(2)
    return tokens @ weight.flatten(1).T + bias


def inverse_by_fold(patches, grid, channels):
    size = math.isqrt(patches.shape[2] // channels)
    return F.fold(patches.mT, [number * size for number in grid], size, stride=size)


def swapped_inverse(patches, grid, channels):
    return unpatchify(patches, grid[::-1], channels=channels)


def overlap(image_size, patch_size, stride):
    ones = F.unfold(torch.ones(1, 1, *image_size), patch_size, stride=stride)
    return F.fold(ones, image_size, patch_size, stride=stride)[0, 0]


def averaged_overlap(image_size, patch_size, stride):
    ones = F.unfold(torch.ones(1, 1, *image_size), patch_size, stride=stride).mT
    return merge_patches(ones, image_size, patch_size, stride=stride)[0, 0]


def positions_by_sum(grid, dim):
    return patch_centers(grid).sum(1, keepdim=True).expand(-1, dim)


def positions_side_by_side(grid, dim):
    """By the formula, one number after the other, e(r) first."""
    scales = [10000 ** (-4 * k / dim) for k in range(dim // 4)]
    places = itertools.product(range(grid[0]), range(grid[1]))
    return [[wave(at * w) for at in place for w in scales for wave in (math.sin, math.cos)] for place in places]


def positions_by_column(grid, dim):
    return sincos_position_embedding((1, grid[1]), dim).repeat(grid[0], 1)


def jacobian_norm(queries, keys, scale, *, mean=True):
    logits = scale * queries @ keys.T
    jacobians = [torch.autograd.functional.jacobian(lambda row: row.softmax(0), row) for row in logits]
    norms = torch.stack([jacobian.norm() for jacobian in jacobians])
    return norms.mean() if mean else norms


def equivariant_to(*orders):
    def is_equivariant(layer, x):
        return all(torch.allclose(layer(x[[*order]]), layer(x)[[*order]], atol=1e-5) for order in orders)

    return is_equivariant


def one_random_order(layer, x):
    return equivariant_to(torch.randperm(len(x)).tolist())(layer, x)


def heads_output(q, k, v, heads, *, split=lambda x, heads: x.unflatten(1, (heads, -1)).transpose(0, 1)):
    return attention(*(split(x, heads) for x in (q, k, v))).transpose(0, 1).flatten(1)


def rollout(layers, share, *, kept=None):
    result = torch.eye(len(layers[0]))
    for layer in layers:
        result = (share * layer + (1 - share if kept is None else kept) * torch.eye(len(layer))) @ result
    return result


def bias_index(rows, columns):
    """By the place of each Δ in the list of all of them."""
    offsets = list(itertools.product(range(1 - rows, rows), range(1 - columns, columns)))
    cells = list(itertools.product(range(rows), range(columns)))
    return torch.tensor([[offsets.index((r - s, c - d)) for s, d in cells] for r, c in cells])


def bias_index_from(stride, down, right):
    """By the formula of the chapter, with any factor and any summands."""

    def position_index(rows, columns):
        place = torch.arange(rows * columns)
        row, column = (each[:, None] - each for each in (place // columns, place % columns))
        return (row + down(rows, columns)) * stride(rows, columns) + column + right(rows, columns)

    return position_index


def blocks_along_one_axis(side, M, u, *, first_shifted=False, at_most=50):
    """By following the news along a single row of patches: the other axis is the same, and both go at once."""
    heard = {place: {place} for place in range(side)}
    for block in range(1, at_most):
        shift = u if block % 2 == first_shifted else 0
        window = {place: (place - shift) // M for place in heard}
        heard = {i: set().union(*(heard[j] for j in heard if window[j] == window[i])) for i in heard}
        if all(len(news) == side for news in heard.values()):
            return block
    return math.inf


def leaked(weights, grid, M, u, *, axes="rc", undone=True, kept=False):
    """By the window that each patch had in the picture as it was, cut off at the border."""
    places = np.indices(grid)
    if undone:
        places = np.stack([(each + u) % side for each, side in zip(places, grid, strict=True)])
    own = (places - u) // M
    own = own.reshape(2, grid[0] // M, M, grid[1] // M, M).transpose(1, 3, 0, 2, 4).reshape(-1, 2, M * M)
    false = np.zeros((len(own), M * M, M * M), bool)
    for axis in axes:
        part = own[:, "rc".index(axis)]
        false |= part[:, :, None] != part[:, None]
    return float((weights.numpy() * (false != kept)).sum() / weights.sum())


def side_that_pays(D, M, factor):
    return math.ceil(math.sqrt(factor * (2 * D + M**2) - 2 * D) / M) * M


def side_that_pays_by_counting(D, M, factor, *, enough=lambda whole, windowed: whole >= windowed):
    costs = (((side, attention_cost((side, side), D)), (side, side)) for side in itertools.count(M, M))
    return next(side for (side, cost), grid in costs if enough(cost, factor * attention_cost(grid, D, window_size=M)))


def merging_by_probing(kernel, *, cells=((0, 0), (1, 0), (0, 1), (1, 1))):
    """By what the convolution makes of images that hold a single one, in the order of Swin."""
    probes = torch.zeros(len(cells) * kernel.shape[1], *kernel.shape[1:])
    for number, ((row, column), channel) in enumerate(itertools.product(cells, range(kernel.shape[1]))):
        probes[number, channel, row, column] = 1
    return F.conv2d(probes, kernel, stride=2).flatten(1).T


def matrix_by_probing(kernel, grid, mode="constant"):
    each_pixel = torch.eye(grid[0] * grid[1]).view(-1, 1, *grid)
    around = F.pad(each_pixel, [len(kernel) // 2] * 4, mode=mode)
    return F.conv2d(around, kernel[None, None]).flatten(1).T


def share_of_whole_fields(side, K, L, by):
    m = L * (K // 2)
    good = [m <= place < side - m and m <= (place - by) % side < side - m for place in range(side)]
    return (sum(good) / side) ** 2


def share_found_again(side, K, L, by):
    """By a real convolution: weights and picture are positive, so that nothing cancels."""
    generator = torch.Generator().manual_seed(side)
    weights = [torch.rand(1, 1, K, K, generator=generator, dtype=torch.float64) + 0.5 for _ in range(L)]
    picture = torch.rand(1, 1, side, side, generator=generator, dtype=torch.float64) + 0.5

    def through(x):
        for weight in weights:
            x = F.conv2d(x, weight, padding=K // 2)
        return x

    moved = through(picture.roll((by, by), (2, 3)))
    return torch.isclose(moved, through(picture).roll((by, by), (2, 3)), rtol=1e-9).double().mean()


def shifted_head(p, delta, alpha):
    """Expand −α|p_j − p_i − δ|² in full, with no term left out."""
    target, one = p + torch.tensor(delta, dtype=p.dtype), torch.ones(len(p), 1)
    queries = torch.cat([2 * alpha * target, -alpha * one, -alpha * target.square().sum(1, keepdim=True)], 1)
    return queries, torch.cat([p, p.square().sum(1, keepdim=True), one], 1)


def layers_by_counting(side, kind, first=1, deviations=4):
    for layers in itertools.count():
        dilations = [first * 2**layer if kind == "doubling" else 1 for layer in range(layers)]
        heard, _, _ = receptive_field([(3, 1, 0, dilation) for dilation in dilations])
        if (deviations * math.sqrt(layers * 2 / 3) if kind == "effective" else heard) >= side:
            return layers


def light_by_least_squares(a, b):
    return torch.linalg.lstsq(torch.stack([a, torch.ones_like(a)], 1), b[:, None]).solution[:, 0]


def profile_by_counting(relation, grid, mean=lambda entries: sum(entries) / len(entries), far=max):
    found = {}
    places = list(itertools.product(range(grid[0]), range(grid[1])))
    for (i, here), (j, there) in itertools.product(enumerate(places), repeat=2):
        found.setdefault(far(abs(a - b) for a, b in zip(here, there, strict=True)), []).append(relation[i, j])
    return torch.stack([mean(found[distance]) for distance in range(max(grid))])


def smooth_spectra(patches):
    """The mean power around each second frequency: neighbors in frequency are nearly alike, and each alone is noisy."""
    squares = patches.unflatten(-1, (16, 16))
    power = torch.fft.fft2(squares - squares.mean((-2, -1), keepdim=True)).abs() ** 2
    around = sum(power.roll(move, (-2, -1)) for move in itertools.product((-1, 0, 1), repeat=2)) / 9
    return standardize((around[..., ::2, ::2] + 0.01).log().flatten(-2))


def cut_by_combinations(W, *, share=lambda cut, side, others: cut / side + cut / others):
    """The smallest normalized cut, of all sets of nodes of at most half the size."""
    W, degrees = W.double().numpy(), W.double().sum(1).numpy()
    nodes, found = range(len(W)), []
    for size in range(1, len(W) // 2 + 1):
        for side in itertools.combinations(nodes, size):
            others = [node for node in nodes if node not in side]
            found.append(share(W[np.ix_(side, others)].sum(), degrees[list(side)].sum(), degrees[others].sum()))
    return min(found)


def gcn_node_by_node(x, edges, weight, *, loop=1.0, mode="symmetric"):
    neighbors = [[node] * int(loop) for node in range(len(x))]
    for to, source in edges.T.tolist():
        neighbors[to].append(source)
    degree = [max(len(each), 1) for each in neighbors]
    power = (0.5, 0.5) if mode == "symmetric" else (1, 0)
    return torch.stack([
        sum((x[j] / (degree[i] ** power[0] * degree[j] ** power[1]) for j in neighbors[i]), torch.zeros(x.shape[1]))
        for i in range(len(x))
    ]) @ weight  # fmt: skip


def gcn_by_matrices(x, edges, weight):
    tied = torch.eye(len(x)).index_put(tuple(edges), torch.tensor(1.0))
    roots = tied.sum(1).sqrt()
    return (tied / roots / roots[:, None] @ x @ weight).double().numpy()


def two_colors(W):
    color, waiting = {0: 0}, [0]
    while waiting:
        node = waiting.pop()
        for other in W[node].nonzero().flatten().tolist():
            if other not in color:
                color[other] = 1 - color[node]
                waiting.append(other)
            elif color[other] == color[node]:
                return False
    return True


def filtered(x, W, *, g=lambda values: (values / 2) ** 2):
    roots = W.double().sum(1).sqrt()
    values, vectors = torch.linalg.eigh(torch.eye(len(W)) - W.double() / roots / roots[:, None])
    return vectors @ (g(values)[:, None] * (vectors.T @ x.double()))


def named_edges(A, k, *, both=max, skip=True):
    N = len(A)
    names = []
    for i in range(N):
        others = sorted((j for j in range(N) if j != i or not skip), key=lambda j: -A[i, j].item())
        names.append(others[:k])
    given = [[A[i, j].item() if j in names[i] else 0.0 for j in range(N)] for i in range(N)]
    return [[both(given[i][j], given[j][i]) for j in range(N)] for i in range(N)]


SWAPS = [1, 0, 2, 3, 4], [0, 2, 1, 3, 4], [0, 1, 3, 2, 4], [0, 1, 2, 4, 3]

RIGHT = {
    "introduction.auc": [
        5 / 6,
        AUC,
        0.83,
        torch.tensor(5 / 6),
        np.float32(5 / 6),
        torch.tensor(5 / 6, requires_grad=True),
    ],
    "introduction.precision": [PRECISION, 0.75],
    "introduction.sign": [1 - 0.19, 0.81],
    "introduction.neighbors": [
        neighbors_by_distance,
        lambda grid: neighbors_by_distance(grid).double().numpy(),
        lambda grid: neighbors_by_distance(grid).numpy()[::-1, ::-1],  # negative strides; the relation is symmetric so
        lambda grid: list(neighbors_by_distance(grid).requires_grad_()),
        lambda grid: [tuple(row) for row in neighbors_by_distance(grid)],
        lambda grid: list(neighbors_by_distance(grid).numpy()),
        lambda grid: list(neighbors_by_distance(grid).bfloat16()),
        lambda grid: neighbors_by_distance(grid).numpy().astype(object),
        lambda grid: neighbors_by_distance(grid).numpy().astype(np.longdouble),
        lambda grid: neighbors_by_distance(grid).numpy().astype(">f8"),
        lambda grid: read_only(neighbors_by_distance(grid).numpy()),
        lambda grid: [[Fraction(float(entry)) for entry in row] for row in neighbors_by_distance(grid)],
        sparse_neighbors,
    ],
    "patches.inverse": [
        lambda patches, grid, channels: unpatchify(patches, grid, channels=channels),
        inverse_by_fold,
    ],
    "patches.convolution": [convolution, lambda *arguments: convolution(*arguments).bfloat16()],
    "patches.smallest": [16, 16.0, torch.tensor(16), np.uint8(16), np.longdouble(16), Fraction(16), np.array([16])],
    "patches.overlap": [overlap, lambda *arguments: overlap(*arguments).long().tolist()],
    "patches.positions": [
        sincos_position_embedding,
        lambda grid, dim: sincos_position_embedding(grid, dim).flip(1).double().numpy(),  # the columns in any order
        positions_side_by_side,
    ],
    "patches.order": [
        lambda grid, index: divmod(index, grid[1]),
        lambda grid, index: [index // grid[1], index % grid[1]],
    ],
    "attention.gradient": [jacobian_norm, lambda *arguments: jacobian_norm(*arguments).item()],
    "attention.equivariance": [
        equivariant_to([1, 0, 2, 3, 4], [1, 2, 3, 4, 0]),  # these two generate all permutations
        lambda layer, x: np.bool_(equivariant_to(*SWAPS)(layer, x)),
        lambda layer, x: equivariant_to(*itertools.permutations(range(5)))(layer, x),
    ],
    "attention.bug": [heads_output, lambda *arguments: heads_output(*arguments).double().numpy()],
    "attention.rollout": [rollout, lambda layers, share: rollout([layer.double().float() for layer in layers], share)],
    "attention.average": [
        lambda A: (A.log() * len(A) ** 0.5, torch.eye(len(A))),
        lambda A: [(A.log() * (len(A) + 1) ** 0.5) @ torch.eye(len(A), len(A) + 1), np.eye(len(A), len(A) + 1)],
        lambda A: (torch.eye(len(A)), A.log().T * len(A) ** 0.5),
    ],
    "windows.index": [bias_index, lambda rows, columns: bias_index(rows, columns).tolist()],
    "windows.blocks": [blocks_along_one_axis, lambda *arguments: torch.tensor(blocks_along_one_axis(*arguments))],
    "windows.leak": [leaked, lambda *arguments: torch.tensor(leaked(*arguments)).bfloat16()],
    "windows.break_even": [side_that_pays, side_that_pays_by_counting],
    "convolution.matrix": [matrix_by_probing, lambda kernel, grid: matrix_by_probing(kernel, grid).to_sparse_coo()],
    "convolution.rim": [
        share_found_again,
        lambda *arguments: share_found_again(*arguments).item(),
        lambda *arguments: share_of_whole_fields(*arguments) if arguments[-1] else 1.0,
    ],
    "convolution.exponent": [
        lambda x, y: np.polyfit(np.log(x), np.log(y), 1)[0],
        lambda x, y: linregress(np.log(x), np.log(y)).slope,
    ],
    "convolution.head": [
        shifted_head,
        lambda p, delta, alpha: shifted_head(p - 3, delta, alpha),  # the origin is free
        lambda p, delta, alpha: [each.double().numpy() for each in shifted_head(p, delta, alpha)],
    ],
    "convolution.depth": [layers_by_counting, lambda side, kind: torch.tensor(layers_by_counting(side, kind))],
    "similarity.light": [
        light_by_least_squares,
        lambda a, b: tuple(each.item() for each in light_by_least_squares(a, b)),
        lambda a, b: np.polyfit(a.double().numpy(), b.double().numpy(), 1),
    ],
    "similarity.dimension": [
        lambda squared: 2 / (squared.std(correction=0) / squared.mean()) ** 2,
        lambda squared: 2 * np.mean(squared.numpy()) ** 2 / np.var(squared.numpy()),
    ],
    "similarity.profile": [profile_by_counting, lambda relation, grid: profile_by_counting(relation, grid).tolist()],
    "similarity.parts": [
        lambda query, parts, k: torch.cdist(query[None], torch.cat(parts))[0].topk(k, largest=False).indices,
        lambda query, parts, k: torch.cdist(query[None], torch.cat(parts))[0].argsort()[:k].tolist(),
    ],
    "similarity.feature": [smooth_spectra, lambda patches: smooth_spectra(patches).double().numpy()],
    "graphs.cut": [cut_by_combinations, lambda W: torch.tensor(cut_by_combinations(W))],
    "graphs.edges": [
        gcn_node_by_node,
        gcn_by_matrices,
    ],
    "graphs.bipartite": [two_colors, lambda W: torch.tensor(two_colors(W))],
    "graphs.opposites": [
        filtered,
        lambda x, W: chebyshev_filter(x, laplacian(W, normalization="symmetric"), torch.tensor([3 / 8, 1 / 2, 1 / 8])),
    ],
    "graphs.attention": [named_edges, lambda A, k: torch.tensor(named_edges(A, k)).to_sparse()],
    "windows.merging": [merging_by_probing, lambda kernel: merging_by_probing(kernel).double().numpy()],
    "synthesis.ceiling": [221 / 253, torch.tensor(0.8735), np.float32(0.874)],
    "synthesis.residual": [45, 45.0],
    "synthesis.between": [weights_between, lambda A, B, t: weights_between(A, B, t).double().numpy()],
    "synthesis.relation": [near_and_alike, lambda spectra, places: near_and_alike(spectra, places).float()],
    "synthesis.break": [WIDE_STRIPES, WIDE_STRIPES.bool(), 1.0 - WIDE_STRIPES, WIDE_STRIPES.tolist()],
}


def token_by_counting(row, column, grid, registers):
    tokens = ["class"] + ["register"] * registers + list(itertools.product(range(grid[0]), range(grid[1])))
    return tokens.index((row, column))


def folded(weight, bias, gamma):
    probes = torch.eye(weight.shape[1])
    columns = [gamma * (weight @ probe) for probe in probes]
    return torch.stack([*columns, gamma * (weight @ torch.zeros(weight.shape[1]) + bias)], dim=1)


def distance_by_hand(A, grid):
    places = list(itertools.product(range(grid[0]), range(grid[1])))
    far = [[math.dist(one, other) for other in places] for one in places]
    return sum(
        weight * d for row, ds in zip(A.tolist(), far, strict=True) for weight, d in zip(row, ds, strict=True)
    ) / len(A)


def projected_on_offsets(A, grid):
    """Least squares on one indicator for each offset."""
    places = list(itertools.product(range(grid[0]), range(grid[1])))
    offsets = [(x[0] - y[0], x[1] - y[1]) for y in places for x in places]
    kinds = sorted(set(offsets))
    design = torch.tensor([[float(each == kind) for kind in kinds] for each in offsets], dtype=torch.float64)
    return (design @ torch.linalg.lstsq(design, A.double().reshape(-1, 1)).solution).view_as(A)


def positions_by_torchvision(positions, grid):
    """Bicubic weights of each axis as a matrix, found by probing with unit vectors."""
    side = math.isqrt(len(positions) - 1)
    down, across = (
        F.interpolate(torch.eye(side).view(1, side, side, 1), (n, 1), mode="bicubic")[0, :, :, 0].T for n in grid
    )
    square = positions[1:].view(side, side, -1)
    scaled = torch.einsum("ra,cb,abd->rcd", down, across, square)
    return torch.cat([positions[:1], scaled.flatten(0, 1)])


def pairs_that_agree(a, b):
    unit = [[each / each.norm() for each in side] for side in (a, b)]
    cosines = [[float(one @ other) for other in unit[1]] for one in unit[0]]
    back = [max(range(len(a)), key=lambda i: cosines[i][j]) for j in range(len(b))]
    there = [max(range(len(b)), key=lambda j: row[j]) for row in cosines]
    return [(i, j) for i, j in enumerate(there) if back[j] == i]


RIGHT |= {
    "real_network.token": [token_by_counting, lambda *arguments: torch.tensor(token_by_counting(*arguments))],
    "real_network.fold": [folded, lambda *arguments: folded(*arguments).tolist()],
    "real_network.distance": [distance_by_hand, lambda A, grid: torch.tensor(distance_by_hand(A, grid))],
    "real_network.offset": [projected_on_offsets, lambda A, grid: projected_on_offsets(A, grid).tolist()],
    "real_network.positions": [positions_by_torchvision, lambda *each: positions_by_torchvision(*each).double()],
    "real_network.mutual": [pairs_that_agree, lambda a, b: torch.tensor(pairs_that_agree(a, b)).view(-1, 2)],
}

WRONG = {
    "real_network.token": [
        (
            lambda row, column, grid, registers: token_by_counting(row, column, grid, registers) - 1,
            "it looks as if the class token was forgotten",
        ),
        (
            lambda row, column, grid, registers: token_by_counting(row, column, grid, 0),
            "it looks as if the registers were forgotten",
        ),
        (lambda *arguments: token_by_counting(*arguments) + 1, "it is too large"),
    ],
    "real_network.fold": [
        (lambda weight, bias, gamma: gamma[:, None] * weight, "the shape is another one"),
        (lambda weight, bias, gamma: folded(weight, bias, gamma.flip(0)), "4 of 4 numbers are off"),
        (lambda weight, bias, gamma: folded(weight, bias, gamma).roll(1, 1), "it looks as if the bias came first"),
    ],
    "real_network.distance": [
        (lambda A, grid: distance_by_hand(A.T / A.T.sum(1, keepdim=True), grid), "it is too"),
        (lambda A, grid: distance_by_hand(A, (1, len(A))), "it looks as if the places were numbers of patches"),
        (lambda A, grid: distance_by_hand(A, grid) * len(A), "it looks as if the rows were added up"),
    ],
    "real_network.offset": [
        (lambda A, grid: A, "it is A, unchanged"),
        (
            lambda A, grid: projected_on_offsets((A + A.T) / 2, grid),
            "it looks as if an offset and its opposite shared a number",
        ),
        (lambda A, grid: projected_on_offsets(A, (1, len(A))), "it looks as if the picture had one row"),
    ],
    "real_network.positions": [
        (
            lambda positions, grid: positions_by_torchvision(positions, grid[::-1]),
            "it looks as if height and width were swapped",
        ),
        (
            lambda positions, grid: positions_by_torchvision(positions, grid)[1:],
            "it looks as if the class token's position was lost",
        ),
        (lambda positions, grid: positions[: 1 + grid[0] * grid[1]], "6 of 8 numbers are off"),
    ],
    "real_network.mutual": [
        (lambda a, b: [(j, i) for i, j in pairs_that_agree(a, b)], "it looks as if the pairs were (j, i)"),
        (lambda a, b: pairs_that_agree(-a, b), "it looks as if the least similar patches were paired"),
        (lambda a, b: pairs_that_agree(a, b)[::-1], "it is in the opposite order"),
    ],
    "introduction.auc": [
        (0.79, "0.79 is too small"),
        ("0.8333", "expected a number, got '0.8333'"),
        (torch.tensor(0.5, requires_grad=True), "0.5 is too small"),
        (10**5000, "expected a number, got an int"),
        (Hostile(), "expected a number, got a Hostile"),
        (
            (torch.ones(2, 2), torch.ones(2, 2)),
            "expected a number, got (tensor([[1., 1.], [1., 1.]]), tensor([[1., 1.], [1., 1.]]))",
        ),
        (0.75, "0.75 is too small"),
        (float("nan"), "expected a number, got nan"),
        ("high", "expected a number, got 'high'"),
        (None, "expected a number, got None"),
        (10**400, "expected a number, got 1000"),
        (torch.ones(2), "expected a number, got a tensor (2,)"),
    ],
    "introduction.sign": [
        (0.19, "0.19 looks as if nothing changed with the sign; what becomes of a pair that was ranked wrongly?")
    ],
    "introduction.precision": [
        (5 / 6, "0.8333 looks as if patch 3 still had .6"),
        (AUC, "0.8333 looks as if patch 3 still had .6"),
        (
            roc_auc_score(*CHANGED),
            "0.6667 looks as if this was the AUC; average precision stops at each patch of the region",
        ),
        (0.7, "0.7 is too small"),
    ],
    "introduction.neighbors": [
        (
            lambda grid: torch.zeros(grid[0] * grid[1], grid[0] * grid[1], dtype=torch.bfloat16),
            "all are 0",
        ),
        (
            wrapping_neighbors,
            "4 of 4 numbers are off",
        ),
        (
            lambda grid: neighbors_by_distance(grid, normalize=False),
            "it looks as if the rows were not divided by their sums",
        ),
        (lambda grid: neighbors_by_distance(grid)[0], "the shape is another one"),
        (torch.eye(4), "expected a function of (grid), got a tensor (4, 4)"),
    ],
    "patches.inverse": [
        (
            swapped_inverse,
            "it looks as if rows and columns of the grid were swapped",
        ),
        (
            lambda p, g, c: unpatchify(p, g, channels=c).mT.contiguous().mT + 1,
            "all are off by +1",
        ),
        (lambda p, g, c: unpatchify(p, g, channels=c).flip(1), "these are the right numbers in another order"),
        (lambda p, g, c: 1.5 * unpatchify(p, g, channels=c).bfloat16(), "1 of 2 numbers is off"),
        (lambda p, g, c: Hostile(), "these are no real numbers of shape (1, 1, 1, 2)"),
        (lambda p, g, c: complain(), "the function raised HostileError: a HostileError, in line "),
        (lambda p, g, c: raise_(ValueError("one\ntwo")), "the function raised ValueError: one two, in line "),
        (lambda p, g, c: raise_(SystemExit(1)), "the function raised SystemExit: 1, in line "),
        (lambda p, g, c: (p, p), "the shape is another one"),
        (lambda p, g, c: torch.zeros(1, 1, 1, 2, device="meta"), "these are no real numbers of shape (1, 1, 1, 2)"),
        (lambda p, g, c: [["0", "1"]], "these are no real numbers of shape (1, 1, 1, 2)"),
        (lambda p, g, c: None, "the function returned None (is a return missing? What is printed is not returned)"),
        (lambda p, g, c: "image", "these are no real numbers of shape (1, 1, 1, 2)"),
    ],
    "attention.gradient": [
        (lambda q, k, scale: jacobian_norm(q, k, 1.0), "it looks as if the scale was not used"),
        (lambda q, k, scale: jacobian_norm(q, k, scale) ** 2, "it looks squared"),
        (lambda q, k, scale: jacobian_norm(q, k, scale, mean=False), "an axis of size 1 is too many"),
    ],
    "attention.equivariance": [
        (
            equivariant_to([4, 3, 2, 1, 0]),
            "some order changes the result, and it was not tried",
        ),
        (
            equivariant_to([1, 2, 3, 4, 0]),
            "some order changes the result, and it was not tried",
        ),
        *(
            (equivariant_to(each), "some order changes the result, and it was not tried")
            for each in ([1, 0, 2, 3, 4], [0, 1, 2, 4, 3], [4, 1, 2, 3, 0], [2, 0, 1, 4, 3])
        ),
        (one_random_order, "some order changes the result, and it was not tried"),
        (equivariant_to([3, 0, 4, 1, 2], [1, 0, 2, 3, 4]), "some order changes the result, and it was not tried"),
        (equivariant_to([1, 0, 2, 3, 4], [0, 2, 1, 3, 4]), "some order changes the result, and it was not tried"),
        (lambda layer, x: True, "some order changes the result, and it was not tried"),
        (lambda layer, x: False, "no order changes the result"),
        (lambda layer, x: layer(x), "this is no yes or no"),
        (lambda layer, x: "yes", "this is no yes or no"),
    ],
    "attention.bug": [
        (
            lambda q, k, v, heads: heads_output(q, k, v, heads, split=lambda x, heads: x.reshape(heads, len(x), -1)),
            "it looks as if the heads were still cut from the rows, not from the columns",
        ),
        (lambda q, k, v, heads: attention(q, k, v), "it looks as if there was only one head"),
    ],
    "attention.rollout": [
        (lambda layers, share: rollout(layers[::-1], share), "it looks as if the last layer stood on the right"),
        (lambda layers, share: rollout(layers, 0.5), "it looks as if the share was always one half"),
        (lambda layers, share: rollout(layers, 1, kept=1), "it looks as if A + I was multiplied"),
    ],
    "attention.average": [
        (lambda A: (A, torch.eye(len(A))), "it looks as if A itself was the queries"),
        (
            lambda A: (A.log(), torch.eye(len(A))),
            "it looks as if the root of d was forgotten: the logits are divided by it",
        ),
        (lambda A: A.log(), "these are not two matrices"),
        (lambda A: (A.log()[:, :0], A[:, :0]), "the matrices have other shapes"),
        (lambda A: (A.log(), torch.eye(len(A) + 1)), "the matrices have other shapes"),
        (lambda A: (A.log()[0], A), "these are not two matrices"),
    ],
    "synthesis.ceiling": [
        (378 / 506, "0.747 looks as if all others were wrong; half of them are right by chance"),
        (0.875 + 0.1, "0.975 is too large"),
    ],
    "synthesis.residual": [
        (22, "22 looks as if this was the number without the residual connection"),
        (90, "90 looks as if the vector was meant; the variance falls with the square"),
        (44.9, "44.9 looks as if it was not rounded up to whole applications"),
        (45.4, "45.4 is too large"),
        (44.6, "44.6 is too small"),
        (math.log(0.01) / (2 * math.log(0.95)), "44.89 looks as if it was not rounded up to whole applications"),
    ],
    "synthesis.between": [
        (lambda A, B, t: torch.lerp(A, B, t), "it looks as if the two were added: (1 − t) A + t B"),
        (lambda A, B, t: weights_between(B, A, t), "it looks as if t belonged to A"),
        (lambda A, B, t: A ** (1 - t) * B**t, "it looks as if the rows were not divided by their sums"),
    ],
    "synthesis.relation": [
        (
            lambda spectra, places: families.attention(spectra),
            "this is not enough yet, over this mosaic and the five before",
        ),
        (
            lambda spectra, places: torch.cdist(places, places).neg().softmax(1),
            "this is not enough yet, over this mosaic and the five before",
        ),
        (lambda spectra, places: families.attention(spectra).log(), "some entries are below 0"),
        (lambda spectra, places: families.attention(spectra) * 2, "the rows don't sum to 1"),
        (lambda spectra, places: torch.full((256, 256), torch.nan), "there is a NaN or an infinity"),
        (lambda spectra, places: spectra, "it is spectra, unchanged"),
    ],
    "synthesis.break": [
        ((torch.arange(16) // 8).expand(16, 16), "the walk still gets it right"),
        (torch.zeros(16, 16), "one texture has too few patches"),
        (WIDE_STRIPES + 1, "there are other values"),
        (WIDE_STRIPES * torch.nan, "there are other values"),
        (WIDE_STRIPES.flatten(), "the shape is another one"),
        (lambda: WIDE_STRIPES, "the shape is another one"),
    ],
    "similarity.light": [
        (lambda a, b: light_by_least_squares(b, a), "it looks as if a and b were swapped"),
        (lambda a, b: light_by_least_squares(a, b).flip(0), "it looks as if the offset came first"),
        (lambda a, b: (a @ b / (a @ a), 0), "it looks as if there was no offset"),
        (lambda a, b: (b.std() / a.std(), 0), "1 of 2 numbers is off"),
    ],
    "similarity.dimension": [
        (
            lambda squared: 2 * squared.mean() ** 2 / squared.var(),
            "it looks as if the variance was divided by one less than the number",
        ),
        (lambda squared: squared.mean() ** 2 / squared.var(correction=0), "it looks as if the 2 was missing"),
        (
            lambda squared: squared.std(correction=0) / squared.mean(),
            "it looks as if the relative spread was asked for",
        ),
    ],
    "similarity.profile": [
        (
            lambda relation, grid: profile_by_counting(relation, grid, sum),
            "it looks as if the entries were added up, not averaged",
        ),
        (lambda relation, grid: profile_by_counting(relation, grid[::-1]), "it looks as if grid was (columns, rows)"),
        (
            lambda relation, grid: profile_by_counting(relation, grid, far=sum),
            "it looks as if the differences in rows and columns were added",
        ),
        (
            lambda relation, grid: profile_by_counting(relation, grid, far=min),
            "the function raised KeyError: 1, in line ",
        ),
    ],
    "similarity.parts": [
        (
            lambda query, parts, k: torch.cdist(query[None], parts[0])[0].argsort()[:k],
            "it looks as if only the first part was searched",
        ),
        (
            lambda query, parts, k: (torch.cat(parts) @ query).topk(k).indices,
            "it looks as if the largest inner products were asked for",
        ),
        (
            lambda query, parts, k: torch.cdist(query[None], torch.cat(parts))[0].topk(k).indices,
            "it looks as if the farthest were asked for",
        ),
        (
            lambda query, parts, k: torch.cdist(query[None], torch.cat(parts))[0].argsort()[:k].sort().values,
            "it looks as if they were sorted by number, not by distance",
        ),
    ],
    "similarity.feature": [
        (lambda patches: patches, "it looks as if these were the pixels"),
        (
            lambda patches: standardize(patch_spectrum(patches)),
            "it looks as if these were the standardized spectra themselves",
        ),
        (lambda patches: smooth_spectra(patches).mT, "the shape is another one"),
        (lambda patches: patches / 0, "there is a NaN or an infinity"),
        (lambda patches: smooth_spectra(patches)[..., :0], "the shape is another one"),
    ],
    "graphs.cut": [
        (
            lambda W: cut_by_combinations(W, share=lambda cut, *_: cut),
            "it looks as if the cut alone was made small, and not compared with the sides",
        ),
        (lambda W: cut_by_combinations(W, share=lambda cut, side, _: cut / side), "it is too small"),
        (lambda W: 2 * cut_by_combinations(W), "it is 2 times too large"),
        (lambda W: None, "the function returned None (is a return missing? What is printed is not returned)"),
        (lambda W: normalized_cut(W)[1], "it looks as if only the thresholds along one vector were tried"),
    ],
    "graphs.edges": [
        (lambda x, edges, weight: gcn_node_by_node(x, edges, weight, loop=0), "it looks as if the loops were missing"),
        (lambda x, edges, weight: gcn_node_by_node(x, edges, weight, loop=2), "6 of 6 numbers are off"),
        (
            lambda x, edges, weight: gcn_node_by_node(x, edges, weight, mode="row"),
            "it looks as if the rows were divided by their sums; the division is by two roots",
        ),
        (lambda x, edges, weight: gcn_node_by_node(x, edges, torch.eye(2)), "it looks as if the weight was left out"),
    ],
    "graphs.bipartite": [
        (lambda W: True, "the answer is the other one"),
        (lambda W: False, "the answer is the other one"),
        (lambda W: len(W) % 2 == 0, "the answer is the other one"),
        (
            lambda W: torch.linalg.eigvalsh(laplacian(W, normalization="symmetric"))[-1].item() > 1.99,
            "the answer is the other one",
        ),
        (lambda W: torch.linalg.eigvalsh(W)[0].item() > -1.5, "the answer is the other one"),
    ],
    "graphs.opposites": [
        (lambda x, W: filtered(x, W, g=lambda values: values**2), "it looks as if λ was not halved"),
        (lambda x, W: filtered(x, W, g=lambda values: values / 2), "it looks as if the square was missing"),
        (
            lambda x, W: filtered(x, W, g=lambda values: (1 - values / 2) ** 2),
            "it looks as if what is smooth was kept: (1 − λ/2)²",
        ),
    ],
    "graphs.attention": [
        (lambda A, k: named_edges(A, k, skip=False), "3 of 9 numbers are off"),
        (lambda A, k: named_edges(A, k, both=min), "it looks as if both patches had to name each other"),
        (lambda A, k: named_edges(A, k, both=lambda one, other: one), "it looks as if the edges went one way"),
        (
            lambda A, k: named_edges(A, k, both=lambda one, other: (one + other) / 2),
            "it looks as if the weights were averaged",
        ),
        (lambda A, k: torch.maximum(A, A.T).fill_diagonal_(0), "4 of 9 numbers are off"),
        (
            lambda A, k: torch.maximum(A, A.T) * (torch.tensor(named_edges(A, k)) > 0),
            "it looks as if the weight of a patch that was not named counted too",
        ),
    ],
    "windows.index": [
        (
            lambda rows, columns: bias_index(rows, columns).T,
            "it looks as if Δ was j − i",
        ),
        (
            bias_index_from(lambda r, c: 2 * r - 1, lambda r, c: r - 1, lambda r, c: c - 1),
            "it looks as if a step down jumped over 2 · rows − 1 entries",
        ),
        (
            bias_index_from(lambda r, c: c, lambda r, c: r - 1, lambda r, c: c - 1),
            "it looks as if a step down jumped over as many entries as there are columns",
        ),
        (
            bias_index_from(lambda r, c: 2 * c - 1, lambda r, c: c - 1, lambda r, c: r - 1),
            "4 of 4 numbers are off",
        ),
        (
            bias_index_from(lambda r, c: 2 * c - 1, lambda r, c: 0, lambda r, c: 0),
            "it looks as if the summands were missing, so that Δ starts below 0",
        ),
        (
            lambda rows, columns: bias_index(rows, columns).flatten(),
            "an axis of size 1 is missing",
        ),
    ],
    "windows.blocks": [
        (lambda side, M, u: 2 * side // M - 1, "it looks as if every grid needed a shift, and had one"),
        (lambda side, M, u: None, "the function returned None (is a return missing? What is printed is not returned)"),
        (
            lambda side, M, u: blocks_along_one_axis(side, M, u, first_shifted=True),
            "it is too large",
        ),
        (
            lambda side, M, u: blocks_along_one_axis(side, M, M // 2 if M > 1 else 0),
            "it is too small",
        ),
        (
            lambda side, M, u: blocks_along_one_axis(side, M, u) + (side > M),
            "it is too large",
        ),
    ],
    "windows.leak": [
        (lambda *arguments: leaked(*arguments, axes="r"), "it is too small"),
        (lambda *arguments: leaked(*arguments, axes="c"), "it is too small"),
        (lambda *arguments: leaked(*arguments, undone=False), "it is too large"),
        (
            lambda *arguments: leaked(*arguments, kept=True),
            "it looks as if the weight of the true neighbors was counted",
        ),
        (
            lambda weights, *rest: leaked(weights, *rest) * len(weights) * weights.shape[1],
            "it looks as if the weight was not divided by all weight",
        ),
        (
            lambda weights, *rest: leaked(torch.ones_like(weights), *rest),
            "it looks as if the pairs were counted, not their weight",
        ),
    ],
    "windows.break_even": [
        (
            lambda D, M, factor: side_that_pays_by_counting(D, M, factor, enough=lambda whole, part: whole > part),
            "it looks as if the same cost was not enough",
        ),
        (
            lambda D, M, factor: math.ceil(math.sqrt(factor * M**2) / M) * M,
            "it looks as if the projections were free",
        ),
        (
            lambda D, M, factor: math.ceil(math.sqrt(factor * (2 * D + M**2) - 2 * D)),
            "it looks as if any side would do, not the multiples of M alone",
        ),
        (lambda D, M, factor: side_that_pays(D, M, factor) ** 2, "it looks as if the number of patches was asked for"),
    ],
    "windows.merging": [
        (
            lambda kernel: merging_by_probing(kernel, cells=((0, 0), (0, 1), (1, 0), (1, 1))),
            "it looks as if the cells went along the rows first",
        ),
        (lambda kernel: kernel.mT.flatten(1), "it looks as if the channel changed slowest, and the row fastest"),
        (lambda kernel: merging_by_probing(kernel).T, "the axes are in another order"),
        (lambda kernel: kernel.permute(0, 3, 2, 1), "these are as many numbers as expected, in another shape"),
    ],
    "convolution.matrix": [
        (lambda kernel, grid: matrix_by_probing(kernel, grid).T, "it looks as if the distance was i − j"),
        (lambda kernel, grid: matrix_by_probing(kernel.flip(0, 1), grid), "it looks as if the distance was i − j"),
        (
            lambda kernel, grid: matrix_by_probing(kernel.T, grid),
            "it looks as if the kernel's rows and columns were swapped",
        ),
        (lambda kernel, grid: matrix_by_probing(kernel, grid, mode="circular"), "9 of 9 numbers are off"),
        (lambda kernel, grid: matrix_by_probing(kernel, grid[::-1]), "it looks as if grid was (columns, rows)"),
        (lambda kernel, grid: kernel, "it is kernel, unchanged"),
    ],
    "convolution.rim": [
        (lambda side, K, L, by: ((side - 2 * L * (K // 2) - by) / side) ** 2, "it is too small"),
        (
            lambda side, K, L, by: share_of_whole_fields(side, K, 1, by),
            "it is too small",
        ),
        (lambda side, K, L, by: share_of_whole_fields(side, K, L, 0), "it is too small"),
        (share_of_whole_fields, "it looks as if a move by 0 spoiled something"),
        (lambda side, K, L, by: share_found_again(side, K, L, by) ** 0.5, "it looks as if a single axis was counted"),
    ],
    "convolution.exponent": [
        (lambda x, y: np.polyfit(x, y, 1)[0], "it looks as if the line was fitted without logarithms"),
        (lambda x, y: np.log(y[1] / y[0]) / np.log(x[1] / x[0]), "it is too large"),
        (
            lambda x, y: np.log(y[-1] / y[0]) / np.log(x[-1] / x[0]),
            "it looks as if the line went through the first and the last point",
        ),
        (
            lambda x, y: (np.diff(np.log(y)) / np.diff(np.log(x))).mean(),
            "it looks as if the slopes from point to point were averaged",
        ),
        (lambda x, y: np.median(np.diff(np.log(y)) / np.diff(np.log(x))), "it is too large"),
        (lambda x, y: np.gradient(np.log(y), np.log(x)).mean(), "it is too large"),
        (lambda x, y: np.polyfit(np.log(y), np.log(x), 1)[0], "it looks as if x and y were swapped"),
        (lambda x, y: np.log(y[-1]) / np.log(x[-1]), "it is too large"),
    ],
    "convolution.head": [
        (
            lambda p, delta, alpha: shifted_head(p, [-d for d in delta], alpha),
            "it looks as if the head looked the opposite way",
        ),
        (
            lambda p, delta, alpha: shifted_head(p, delta, alpha)[::-1],
            "it looks as if the head looked the opposite way",
        ),
        (lambda p, delta, alpha: shifted_head(p, delta, 1.0), "it looks as if α was not used"),
        (
            lambda p, delta, alpha: [each[:, :2] for each in shifted_head(p, delta, alpha)],
            "it looks as if the square of p_j was missing",
        ),
        (
            lambda p, delta, alpha: [each * 3**0.25 for each in shifted_head(p, delta, alpha)],
            "4 of 4 numbers are off",
        ),
        (lambda p, delta, alpha: shifted_head(p, delta, alpha)[0], "these are not two matrices"),
    ],
    "convolution.depth": [
        (lambda side, kind: layers_by_counting(side, "plain"), "it is too small"),
        (
            lambda side, kind: layers_by_counting(side - (kind == "plain"), kind),
            "it is too small",
        ),
        (
            lambda side, kind: (side - 1) / 2 if kind == "plain" else layers_by_counting(side, kind),
            "it is too small",
        ),
        (lambda side, kind: layers_by_counting(side, kind, first=2), "it looks as if the dilations began with 2"),
        (
            lambda side, kind: layers_by_counting(side, kind, deviations=2),
            "it looks as if two standard deviations had to reach the side",
        ),
    ],
    "patches.convolution": [
        (lambda images, weight, bias: convolution(images, weight, 0), "it looks as if the bias was missing"),
        (
            channels_last_convolution,
            "4 of 4 numbers are off",
        ),
        (
            lambda images, weight, bias: convolution(images, weight, bias).mT,
            "it looks as if the tokens were not the rows: (B, E, N)",
        ),
        (lambda images, weight, bias: convolution(images, weight, 0).bfloat16(), "it looks as if the bias was missing"),
        (lambda images, weight, bias: 1 / 0, "the function raised ZeroDivisionError: division by zero, in line "),
        (lambda images, weight: 0, "the function takes (images, weight); it is called with (images, weight, bias)"),
    ],
    "patches.smallest": [
        (16.0001, "16.0001 is too large"),
        (16.0000000001, "16.0000000001 is too large"),
        (b"16", "expected a number, got b'16'"),
        (np.array(["16"], dtype=object), "expected a number, got an ndarray"),
        (np.ones(2), "expected a number, got an ndarray"),
        (8, "8 looks as if a little more than 1 GB, 1.07, was allowed"),
        ((8, 16), "expected a number, got (8, 16)"),
    ],
    "patches.overlap": [
        (
            averaged_overlap,
            "5 of 9 numbers are off",
        ),
        (
            lambda size, patch, stride: overlap(size, patch, stride).T,
            "it looks as if height and width were swapped",
        ),
    ],
    "patches.positions": [
        (
            positions_by_sum,
            "all positions differ, but these are not e(r) and e(s)",
        ),
        (
            positions_by_column,
            "it looks as if only the column counted",
        ),
        (
            lambda grid, dim: torch.randn(grid[0] * grid[1], dim),
            "all positions differ, but these are not e(r) and e(s)",
        ),
        (
            lambda grid, dim: torch.arange(grid[0] * grid[1] * dim).view(-1, dim),
            "all positions differ, but these are not e(r) and e(s)",
        ),
        (
            lambda grid, dim: torch.arange(grid[0] * grid[1])[:, None].repeat(1, dim),
            "all positions differ, but these are not e(r) and e(s)",
        ),
        (
            lambda grid, dim: sincos_position_embedding(grid, dim) * 2,
            "all positions differ, but these are not e(r) and e(s)",
        ),
        (
            lambda grid, dim: sincos_position_embedding(grid[::-1], dim),
            "all positions differ, but these are not e(r) and e(s)",
        ),
        (lambda grid, dim: torch.zeros(dim, grid[0] * grid[1]), "the shape is another one"),
        (lambda grid, dim: torch.full((grid[0] * grid[1], dim), torch.nan), "there is a NaN or an infinity"),
    ],
    "patches.order": [
        (lambda grid, index: divmod(index, grid[0]), "it looks as if n was divided by the number of rows"),
        (lambda grid, index: divmod(index, grid[1])[0], "the shape is another one"),
        (3, "expected a function of (grid, index), got 3"),
    ],
}


NUMBERS = {
    "introduction.auc": "0.8333",
    "introduction.precision": "0.75",
    "introduction.sign": "0.81",
    "patches.smallest": "16",
    "synthesis.ceiling": "0.8735",
    "synthesis.residual": "45",
}
SPOILT = [name for name in RIGHT if callable(RIGHT[name][0])]


@pytest.fixture(autouse=True)
def _no_tries():
    TRIED.clear()


def test_every_exercise_has_right_and_wrong_answers():
    assert set(RIGHT) == set(WRONG) == set(JUDGES)


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers])
def test_right_answers(name, answer, capsys):
    assert check(name, answer) is None
    assert capsys.readouterr().out == f"✓ {name} is right\n"


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in WRONG.items() for case in cases])
def test_wrong_answers(name, case, capsys):
    answer, message = case
    check(name, answer)
    printed = capsys.readouterr()
    assert printed.out.startswith(f"✗ {name}: {message}"), printed.out
    assert printed.err == ""


def test_usual_mistakes_are_recognized(capsys):
    """Each check has at least the two likeliest wrong answers, there or among those above, and tells them apart."""
    for name, mistakes in MISTAKES.items():
        assert len(mistakes) + len(WRONG[name]) >= 4
        for clause, wrong in mistakes.items():
            TRIED.clear()
            first, said = (clause, wrong) if isinstance(wrong, str) else (wrong, clause)
            check(name, first)
            printed = capsys.readouterr().out.splitlines()[0]
            assert printed.startswith(f"✗ {name}: ")
            assert printed.endswith(f"looks as if {said}"), printed


def test_first_what_it_looks_like_then_the_case_as_code_then_what_was_expected(capsys):
    check("convolution.head", lambda p, delta, alpha: shifted_head(p, [-d for d in delta], alpha))
    printed = capsys.readouterr().out
    assert printed == (
        "✗ convolution.head: it looks as if the head looked the opposite way\n"
        "for\n"
        "    p = torch.tensor([[0.5, 0.5], [0.5, 1.5], [0.5, 2.5]])\n"
        "    delta = (0, 1)\n"
        "    alpha = 2.0\n"
        "got       [[0.9975, 0.002473, 1.123e-07], [0.8805, 0.1192, 0.0002954], [0.1065, 0.787, 0.1065]], "
        "as attention weights\n"
        "expected  [[0.1065, 0.787, 0.1065], [0.0002954, 0.1192, 0.8805], [1.123e-07, 0.002473, 0.9975]]\n"
    )


def test_a_case_can_be_pasted(capsys):
    """What is printed makes the arguments again, to the last digit; a long tensor is named in a comment."""
    given = {}
    check("attention.rollout", lambda layers, share: given.update(layers=layers, share=share))
    found = {}
    exec(textwrap.dedent(capsys.readouterr().out.split("\nfor\n")[1]), {"torch": torch, "math": math}, found)
    assert found["share"] == given["share"]
    assert all(map(torch.equal, found["layers"], given["layers"]))
    check("patches.overlap", lambda *arguments: overlap(*arguments) + (arguments[0] == (12, 16)))
    assert "got       2.0 at [0, 0]\nexpected  1.0\n" in capsys.readouterr().out
    check("windows.leak", lambda *arguments: leaked(*arguments) + (arguments[1] == (8, 4)))
    assert "    # weights: a tensor (2, 16, 16)\n    grid = (8, 4)\n" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.int32, torch.bool])
def test_code_of_a_tensor_makes_it_again(dtype, generator):
    tensor = (100 * torch.randn(2, 3, generator=generator, dtype=torch.float64)).to(dtype)
    again = eval(code([tensor, (tensor[0], 1)]), {"torch": torch})
    assert again[0].dtype == dtype
    assert torch.equal(again[0], tensor)
    assert torch.equal(again[1][0], tensor[0])
    odd = eval(code((torch.tensor([math.inf, -math.inf]), -math.inf, "a")), {"torch": torch, "math": math})
    assert torch.equal(odd[0], torch.tensor([math.inf, -math.inf]))
    assert odd[1:] == (-math.inf, "a")


def test_a_chance_likeness_in_one_case_is_not_named(capsys):
    """4 for 2 looks squared in the first case; in the others it doesn't."""
    check("graphs.cut", lambda W: 2 * cut_by_combinations(W))
    assert "it is 2 times too large" in capsys.readouterr().out
    check("graphs.cut", lambda W: cut_by_combinations(W) + 2)
    assert "it is too large\n" in capsys.readouterr().out


@pytest.mark.parametrize("side", [1, 4, 5, 8, 9])
def test_the_rim_is_that_of_a_real_convolution(side, capsys):
    for K, L, by in itertools.product((1, 3, 5), (1, 2, 3), range(side)):
        found = share_found_again(side, K, L, by).item()
        assert found == pytest.approx(_found_share(side, K, L, by)), (side, K, L, by)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_told_at_the_second_try_or_on_request(name, capsys):
    expected = NUMBERS[name]

    def printed(answer, **how):
        check(name, answer, **how)
        return capsys.readouterr().out

    for nothing in (math.nan, math.inf, -math.inf, None, "high", torch.ones(2), lambda: 3, [], 1j):
        assert expected not in printed(nothing)
        assert "expected a number" in printed(nothing)
    for _ in range(3):  # the same number is no second try
        first = printed(0.123)
        assert first.startswith(f"✗ {name}: 0.123 is too small\n")
        assert "reveal=True" in first
        assert not re.search(rf"expected +{expected}", first)
    assert re.search(rf"\nexpected  {expected} \(.+\)\n$", printed(0.321))
    assert printed(RIGHT[name][0]) == f"✓ {name} is right\n"
    assert "reveal=True" in printed(0.123)  # a right answer ends the count
    TRIED.clear()
    assert re.search(rf"expected  {expected} \(.+\)\n$", printed(None, reveal=True))
    assert re.search(rf"expected  {expected} \(.+\)\n$", printed(0.123, reveal=True))


def test_a_share_in_percent_is_recognized(capsys):
    check("introduction.sign", 81)
    assert "81 looks like percent" in capsys.readouterr().out


@pytest.mark.parametrize("name", SPOILT)
def test_what_an_answer_does_to_its_arguments_stays_with_it(name, capsys):
    """In-place changes neither reach what is expected nor a later try."""

    def spoil(*arguments):
        result = RIGHT[name][0](*arguments)
        for each in arguments:
            for part in each if isinstance(each, list) else [each]:
                if isinstance(part, torch.Tensor):
                    part.fill_(0)
            if isinstance(each, list):
                each.clear()
        return result

    def spoil_first(*arguments):
        for each in arguments:
            if isinstance(each, torch.Tensor):
                each.sub_(each)
        return RIGHT[name][0](*arguments)

    for answer in (spoil, spoil_first, spoil, RIGHT[name][0]):
        check(name, answer)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == printed[-1] == printed[-2] == f"✓ {name} is right", printed


@pytest.mark.parametrize(
    ("name", "answer"),
    [("patches.invert", "patches.inverse"), ("inverse", "patches.inverse"), ("Patches.order", "patches.order")],
)
def test_an_unknown_exercise_names_the_nearest(name, answer, capsys):
    check(name, None)
    assert capsys.readouterr().out == f"✗ there is no exercise {name!r}; did you mean {answer}?\n"


@pytest.mark.parametrize(
    "name", [["patches.order"], {}, None, 3, Hostile(), "", ".", "a" * 10**5, "no.such", "patches.zzz"]
)
def test_a_name_that_is_none_takes_one_line(name, capsys):
    check(name, None)
    assert re.fullmatch("✗ there is no exercise .{1,300}; (they|that) .{1,200}\n", capsys.readouterr().out)


ODD = {
    "None": None,
    "NaN": math.nan,
    "infinity": math.inf,
    "minus 0": -0.0,
    "a huge number": 10**5000,
    "a complex number": 1j,
    "text": "a\nb\n" * 1000,
    "bytes": b"\xff",
    "a date": np.datetime64("2020-01-01"),
    "an empty list": [],
    "a ragged list": [[1, 2], [3]],
    "two matrices": (torch.eye(3), torch.eye(2)),
    "a dict": {"answer": 1},
    "a tensor without values": torch.ones(2, 2, device="meta"),
    "a tensor with a gradient": torch.ones(7, requires_grad=True),
    "a sparse tensor": torch.eye(3).to_sparse(),
    "an array of objects": np.array([None, {}], dtype=object),
    "an array of texts": np.array(["a"]),
    "what fails however it is looked at": Hostile(),
    "a class": Hostile,
    "a module": torch,
    "a generator": (number for number in range(3)),
    "a builtin": len,
    "a module of torch": torch.nn.Linear(1, 1),
    "an answer that takes nothing": lambda: 1,
    "… too much": lambda a, b, c, d, e, f, g: 1,
    "… a name alone": lambda *, name: 1,
    "… returns its argument": lambda *given: given[0],
    "… returns all of them": lambda *given: given,
    "… returns a function": lambda *_: len,
    "… returns a class": lambda *_: Hostile,
    "… returns a generator": lambda *_: (number for number in itertools.count()),
    "… returns an iterator without end": lambda *_: itertools.count(),
    "… returns a set": lambda *_: {1, 2},
    "… returns itself in a list": lambda *_: (found := [1]).append(found) or found,
    "… returns a huge number": lambda *_: 10**5000,
    "… returns what can't be looked at": lambda *_: Hostile(),
    "… returns two matrices": lambda *_: (torch.eye(3), torch.eye(2)),
    "… returns quantized numbers": lambda *_: torch.quantize_per_tensor(torch.ones(1, 1, 1, 2), 1.0, 0, torch.quint8),
    "… returns unsigned numbers": lambda *_: torch.ones(2, 2, dtype=torch.uint64),
    "… returns numbers of 8 bits": lambda *_: torch.ones(2, 2).to(torch.float8_e5m2),
    "… returns NaN with a gradient": lambda *_: torch.tensor(float("nan"), requires_grad=True),
    "… returns infinity": lambda *_: torch.full((2, 2), math.inf),
    "… returns nothing": lambda *_: [],
    "… returns no values": lambda *_: torch.ones(2, 2, device="meta"),
    "… returns an odd shape": lambda *_: torch.ones(0, 3),
    "… returns nine axes": lambda *_: torch.ones([1] * 9),
    "… prints": lambda *_: print("seen"),
    "… raises": lambda *_: 1 / 0,
    "… raises what can't be shown": lambda *_: complain(),
    "… exits": lambda *_: raise_(SystemExit(1)),
    "… runs out of stack": lambda *given: ODD["… runs out of stack"](*given),
    "… raises a stop": lambda *_: next(iter(())),
    "… is a part of a function": functools.partial(Hostile, 1),
    "… is a method": [].append,
}


@pytest.mark.parametrize("name", RIGHT)
def test_no_answer_breaks_the_check(name, capsys):
    assert len(ODD) >= 40
    for odd, answer in ODD.items():
        check(name, answer)
        printed = capsys.readouterr()
        assert re.fullmatch(
            rf"(seen\n)?✗ {name}: .{{1,400}}\n(for\n(    .*\n)+)?(got .*\n)?(expected .*\n)?(the .*\n)?", printed.out
        ), (
            odd,
            printed.out,
        )
        assert printed.err == ""


def loop(*_):
    while True:
        pass


def loop_that_catches(*_):
    while True:
        try:  # noqa: SIM105
            torch.ones(10).sum()
        except:  # noqa: E722  as a tired reader writes it
            pass


def sleep(*_):
    time.sleep(60)


@pytest.mark.parametrize("answer", [loop, loop_that_catches])
@pytest.mark.parametrize("own_thread", [False, True])
def test_an_answer_that_hangs_is_stopped(answer, own_thread, capsys):
    started = time.monotonic()
    if own_thread:  # where no alarm can be set, as on Windows
        thread = threading.Thread(target=check, args=("patches.order", answer), kwargs={"seconds": 0.2})
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
    else:
        check("patches.order", answer, seconds=0.2)
    printed = capsys.readouterr().out
    assert re.match(r"✗ patches.order: the function was stopped after 0.2 s, in line \d+: ", printed), printed
    assert printed.endswith("for\n    grid = (1, 2)\n    index = 0\n")
    assert time.monotonic() - started < 20
    # nothing comes later, and torch is as it was
    time.sleep(0.6)
    assert torch.is_grad_enabled()
    assert torch.ones(3).sum() == 3
    check("patches.order", lambda grid, index: divmod(index, grid[1]))
    assert capsys.readouterr().out == "✓ patches.order is right\n"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="only an alarm ends a sleep")
def test_a_sleep_is_stopped_and_the_alarm_is_given_back(capsys):
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 60)
        check("patches.order", sleep, seconds=0.2)
        assert "was stopped after 0.2 s, in line" in capsys.readouterr().out
        assert 50 < signal.setitimer(signal.ITIMER_REAL, 0)[0] <= 60
        signal.raise_signal(signal.SIGALRM)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_a_call_returns_or_raises_passes_through():
    for call in (_by_signal, _by_thread) if hasattr(signal, "setitimer") else (_by_thread,):
        assert call(5, lambda: 7) == 7
        with torch.no_grad():
            assert not call(5, torch.is_grad_enabled)  # it runs in the caller's thread
        with pytest.raises(KeyError):
            call(5, lambda: {}[0])
        with pytest.raises(TooLongError):
            call(0.1, loop)


def test_an_error_names_the_line_of_the_answer(capsys):
    source = "def answer(grid, index):\n    place = index\n    return place.reshape(2)\n"
    made = {}
    exec(compile(source, "<cell 3>", "exec"), made)
    check("patches.order", made["answer"])
    assert capsys.readouterr().out.startswith(
        "✗ patches.order: the function raised AttributeError: 'int' object has no attribute 'reshape', in line 3\nfor\n"
    )


def test_numbers_that_differ_by_little_are_told_apart(capsys):
    check("introduction.neighbors", lambda grid: neighbors_by_distance(grid) * 1.00004)
    said = "got       [[0.0, 1.00004], [1.00004, 0.0]]\nexpected  [[0.0, 1.0], [1.0, 0.0]]\n"
    assert capsys.readouterr().out.endswith(said)
    check("windows.break_even", lambda *arguments: side_that_pays(*arguments) + 1e-9)
    assert capsys.readouterr().out.endswith("got       1.000000001\nexpected  1\n")
    check("patches.inverse", lambda p, g, c: unpatchify(p, g, channels=c) + 1e-4 * (len(p) > 1))
    assert "got       0.0001 at [0, 0, 0, 0]\nexpected  0.0\n" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_answers_are_compared_to_their_own_precision(dtype, capsys):
    check("introduction.neighbors", lambda grid: neighbors_by_distance(grid).to(dtype))
    assert capsys.readouterr().out.startswith("✓")
    check("introduction.neighbors", lambda grid: neighbors_by_distance(grid).double() + 1e-3)
    assert capsys.readouterr().out.startswith("✗")
