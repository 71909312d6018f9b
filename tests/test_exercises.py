import itertools
import math
import re
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
from patchwork.exercises._judges import JUDGES
from patchwork.graphs import chebyshev_filter, laplacian, normalized_cut
from patchwork.patches import merge_patches, patch_centers, patchify, sincos_position_embedding, unpatchify
from patchwork.similarity import patch_spectrum, standardize
from patchwork.synthesis import families
from patchwork.windows import attention_cost

ROW = [1, 0, 1, 0, 0], [0.9, 0.8, 0.6, 0.3, 0.1]  # patch 0 of the regions 0 0 1 0 1 1 asks; it is left out itself
AUC, PRECISION = roc_auc_score(*ROW), average_precision_score(*ROW)


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


def memory(image_size, patch_size, bytes_per_number):
    return (image_size[0] // patch_size * (image_size[1] // patch_size)) ** 2 * bytes_per_number


def overlap(image_size, patch_size, stride):
    ones = F.unfold(torch.ones(1, 1, *image_size), patch_size, stride=stride)
    return F.fold(ones, image_size, patch_size, stride=stride)[0, 0]


def averaged_overlap(image_size, patch_size, stride):
    ones = F.unfold(torch.ones(1, 1, *image_size), patch_size, stride=stride).mT
    return merge_patches(ones, image_size, patch_size, stride=stride)[0, 0]


def positions_by_sum(grid, dim):
    return patch_centers(grid).sum(1, keepdim=True).expand(-1, dim)


def positions_by_column(grid, dim):
    return sincos_position_embedding((1, grid[1]), dim).repeat(grid[0], 1)


def jacobian_norm(queries, keys, scale, *, mean=True):
    logits = scale * queries @ keys.T
    jacobians = [torch.autograd.functional.jacobian(lambda row: row.softmax(0), row) for row in logits]
    norms = torch.stack([jacobian.norm() for jacobian in jacobians])
    return norms.mean() if mean else norms


def equivariant_to(*orders):
    def is_equivariant(layer, x):
        return all(torch.allclose(layer(x[order]), layer(x)[order], atol=1e-5) for order in orders)

    return is_equivariant


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


RIGHT = {
    "introduction.auc": [
        5 / 6,
        AUC,
        0.83,
        torch.tensor(5 / 6),
        np.float32(5 / 6),
        torch.tensor(5 / 6, requires_grad=True),
    ],
    "introduction.precision": [PRECISION, 0.833],
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
    "patches.memory": [memory, lambda *arguments: torch.tensor(memory(*arguments))],
    "patches.smallest": [16, 16.0, torch.tensor(16), np.uint8(16), np.longdouble(16), Fraction(16), np.array([16])],
    "patches.overlap": [overlap, lambda *arguments: overlap(*arguments).long().tolist()],
    "patches.positions": [
        sincos_position_embedding,
        lambda grid, dim: torch.randn(grid[0] * grid[1], dim, generator=torch.Generator().manual_seed(0)),
    ],
    "patches.order": [
        lambda grid, index: divmod(index, grid[1]),
        lambda grid, index: [index // grid[1], index % grid[1]],
    ],
    "attention.gradient": [jacobian_norm, lambda *arguments: jacobian_norm(*arguments).item()],
    "attention.equivariance": [
        equivariant_to([1, 0, 2, 3, 4], [1, 2, 3, 4, 0]),  # these two generate all permutations
        lambda layer, x: np.bool_(equivariant_to([3, 0, 4, 1, 2], [1, 0, 2, 3, 4])(layer, x)),
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
    "convolution.rim": [share_of_whole_fields, lambda *arguments: torch.tensor(share_of_whole_fields(*arguments))],
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

WRONG = {
    "introduction.auc": [
        (0.79, r"expected 0.8333 .* got 0.79"),
        ("0.8333", r"expected a number, got '0.8333'"),
        (torch.tensor(0.5, requires_grad=True), r"expected 0.8333 .* got 0.5"),
        (10**5000, r"expected a number, got "),
        (Hostile(), r"expected a number, got a Hostile"),
        ((torch.ones(2, 2), torch.ones(2, 2)), r"expected a number, got \(tensor"),
        (0.75, r"expected 0.8333 \(of 2 × 3 pairs, only .6 against .8 .*\), got 0.75"),
        (float("nan"), r"expected 0.8333 .* got nan"),
        ("high", r"expected a number, got 'high'"),
        (None, r"expected a number, got None"),
        (10**400, r"expected a number, got 1000"),
        (torch.ones(2), r"expected a number, got a tensor \(2,\)"),
    ],
    "introduction.sign": [(0.19, r"expected 0.81 \(a change of sign .*\), got 0.19")],
    "introduction.precision": [(0.7, r"expected 0.8333 \(1 of 1 .* 2 of 3 .*\), got 0.7")],
    "introduction.neighbors": [
        (
            lambda grid: torch.zeros(grid[0] * grid[1], grid[0] * grid[1], dtype=torch.bfloat16),
            r"for grid=\(1, 2\) expected \[\[0.0, 1.0\], \[1.0, 0.0\]\], got \[\[0.0, 0.0\], \[0.0, 0.0\]\]",
        ),
        (
            wrapping_neighbors,
            r"for grid=\(1, 2\) expected \[\[0.0, 1.0\], \[1.0, 0.0\]\], got \[\[0.5, 0.5\], \[0.5, 0.5\]\]",
        ),
        (lambda grid: neighbors_by_distance(grid, normalize=False), r"for grid=\(2, 2\) expected .*0.5.*, got .*1.0"),
        (lambda grid: neighbors_by_distance(grid)[0], r"for grid=\(1, 2\) expected shape \(2, 2\), got \(2,\)"),
        (torch.eye(4), r"expected a function of \(grid\), got a tensor \(4, 4\)"),
    ],
    "patches.inverse": [
        (
            swapped_inverse,
            r"patches=a tensor \(1, 2, 1\), grid=\(1, 2\), .* expected shape \(1, 1, 1, 2\), got \(1, 1, 2, 1\)",
        ),
        (
            lambda p, g, c: unpatchify(p, g, channels=c).mT.contiguous().mT + 1,
            r"expected \[\[\[\[0.0, 1.0\]\]\]\], got",
        ),
        (lambda p, g, c: unpatchify(p, g, channels=c).flip(1), r"channels=3 expected 0.0 at \[0, 0, 0, 0\], got 16.0"),
        (lambda p, g, c: 1.5 * unpatchify(p, g, channels=c).bfloat16(), r"expected .* got"),
        (lambda p, g, c: Hostile(), r"expected a tensor \(1, 1, 1, 2\), got a Hostile"),
        (lambda p, g, c: complain(), r"the function raised HostileError: a HostileError"),
        (lambda p, g, c: raise_(ValueError("one\ntwo")), r"the function raised ValueError: one two"),
        (lambda p, g, c: raise_(SystemExit(1)), r"the function raised SystemExit: 1"),
        (lambda p, g, c: (p, p), r"expected shape|expected a tensor"),
        (lambda p, g, c: torch.zeros(1, 1, 1, 2, device="meta"), r"got a tensor \(1, 1, 1, 2\)"),
        (lambda p, g, c: [["0", "1"]], r"expected a tensor \(1, 1, 1, 2\), got a list"),
        (lambda p, g, c: None, r"the function returned None \(is a return missing\?\)"),
        (lambda p, g, c: "image", r"expected a tensor \(1, 1, 1, 2\), got 'image'"),
    ],
    "attention.gradient": [
        (lambda q, k, scale: jacobian_norm(q, k, 1.0), r"queries=a tensor \(2, 2\), .* scale=0.5 expected .* got"),
        (lambda q, k, scale: jacobian_norm(q, k, scale) ** 2, r"queries=a tensor \(2, 1\), .* expected .* got"),
        (lambda q, k, scale: jacobian_norm(q, k, scale, mean=False), r"expected shape \(\), got \(1,\)"),
    ],
    "attention.equivariance": [
        (
            equivariant_to([4, 3, 2, 1, 0]),
            r"\(the mean with the row above and the row below\) expected False, got True",
        ),
        (
            equivariant_to([1, 2, 3, 4, 0]),
            r"\(the mean with the row above and the row below\) expected False, got True",
        ),
        (lambda layer, x: True, r"\(adding a different position to each row\) expected False, got True"),
        (lambda layer, x: False, r"\(one linear map for every row\) expected True, got False"),
        (lambda layer, x: layer(x), r"expected True or False, got a tensor \(5, 2\)"),
        (lambda layer, x: "yes", r"expected True or False, got 'yes'"),
    ],
    "attention.bug": [
        (
            lambda q, k, v, heads: heads_output(q, k, v, heads, split=lambda x, heads: x.reshape(heads, len(x), -1)),
            r"q=a tensor \(2, 2\), .* heads=2 expected .* got",
        ),
        (lambda q, k, v, heads: attention(q, k, v), r"heads=2 expected .* got"),
    ],
    "attention.rollout": [
        (lambda layers, share: rollout(layers[::-1], share), r"layers=a list, share=0.5 expected .* got"),
        (lambda layers, share: rollout(layers, 0.5), r"share=0.25 expected .* got"),
        (lambda layers, share: rollout(layers, 1, kept=1), r"share=0.5 expected .* got"),
    ],
    "attention.average": [
        (lambda A: (A, torch.eye(len(A))), r"A=a tensor \(2, 2\) as attention weights expected .* got"),
        (lambda A: (A.log(), torch.eye(len(A))), r"A=a tensor \(2, 2\) as attention weights expected .* got"),
        (lambda A: A.log(), r"expected queries and keys, two matrices, got a tensor \(1, 1\)"),
        (lambda A: (A.log()[:, :0], A[:, :0]), r"ValueError: queries must not be empty"),
        (lambda A: (A.log(), torch.eye(len(A) + 1)), r"expected two matrices \(1, d\), got \(1, 1\) and \(2, 2\)"),
        (lambda A: (A.log()[0], A), r"expected queries and keys, two matrices"),
    ],
    "synthesis.ceiling": [
        (378 / 506, r"expected 0.8735 \(378 of the 506 pairs share a window\), got 0.747"),
        (0.875 + 0.1, "got"),
    ],
    "synthesis.residual": [
        (22, r"expected 45 \(0.95 to the power of 90 is the first below 0.01\), got 22"),
        (90, "got 90"),
    ],
    "synthesis.between": [
        (lambda A, B, t: torch.lerp(A, B, t), r"for A=a tensor \(2, 2\), .* t=0.25 expected"),
        (lambda A, B, t: weights_between(B, A, t), r"t=0.0 expected"),
        (lambda A, B, t: A ** (1 - t) * B**t, r"t=0.25 expected"),
    ],
    "synthesis.relation": [
        (
            lambda spectra, places: families.attention(spectra),
            r"and 5 others: expected a mean AUC of 0.9\d+ at least, got 0.9",
        ),
        (lambda spectra, places: torch.cdist(places, places).neg().softmax(1), r"at least, got 0.8"),
        (lambda spectra, places: families.attention(spectra).log(), r"expected entries of at least 0 in rows"),
        (lambda spectra, places: families.attention(spectra) * 2, r"expected entries of at least 0 in rows"),
        (lambda spectra, places: torch.full((256, 256), torch.nan), r"expected entries of at least 0 in rows"),
        (lambda spectra, places: spectra, r"expected a relation \(256, 256\), got a tensor \(256, 143\)"),
    ],
    "synthesis.break": [
        ((torch.arange(16) // 8).expand(16, 16), r"expected an AUC of the walk below 0.65, got 0.98"),
        (torch.zeros(16, 16), r"expected at least 64 patches of each texture, got 256 of grass and 0 of brick"),
        (WIDE_STRIPES + 1, r"expected zeros and ones only, got .* with values 1 … 2"),
        (WIDE_STRIPES * torch.nan, r"expected zeros and ones only"),
        (WIDE_STRIPES.flatten(), r"expected a tensor \(16, 16\) of zeros and ones, got a tensor \(256,\)"),
        (lambda: WIDE_STRIPES, r"expected a tensor \(16, 16\) of zeros and ones, got a function"),
    ],
    "similarity.light": [
        (lambda a, b: light_by_least_squares(b, a), r"expected \(2.0, 3.0\), got"),
        (lambda a, b: light_by_least_squares(a, b).flip(0), r"expected \(1.0, 0.0\), got"),
        (lambda a, b: (a @ b / (a @ a), 0), r"expected \(2.0, 3.0\), got"),
        (lambda a, b: (b.std() / a.std(), 0), r"expected \(2.0, 3.0\), got"),
    ],
    "similarity.dimension": [
        (lambda squared: 2 * squared.mean() ** 2 / squared.var(), r"squared=a tensor \(2,\) expected 8.0, got 4.0"),
        (lambda squared: squared.mean() ** 2 / squared.var(correction=0), r"expected 8.0, got 4.0"),
        (lambda squared: squared.std(correction=0) / squared.mean(), r"expected 8.0, got 0.5"),
    ],
    "similarity.profile": [
        (lambda relation, grid: profile_by_counting(relation, grid, sum), r"grid=\(1, 3\) expected .* got"),
        (lambda relation, grid: profile_by_counting(relation, grid[::-1]), r"grid=\(2, 3\) expected .* got"),
        (lambda relation, grid: profile_by_counting(relation, grid, far=sum), r"grid=\(2, 3\) expected .* got"),
        (lambda relation, grid: profile_by_counting(relation, grid, far=min), r"grid=\(1, 3\) the function raised|got"),
    ],
    "similarity.parts": [
        (lambda query, parts, k: torch.cdist(query[None], parts[0])[0].argsort()[:k], r"k=2 expected \[0, 3\], got"),
        (lambda query, parts, k: (torch.cat(parts) @ query).topk(k).indices, r"expected .* got"),
        (
            lambda query, parts, k: torch.cdist(query[None], torch.cat(parts))[0].topk(k).indices,
            r"k=1 expected \[\d\], got|expected .* got",
        ),
        (
            lambda query, parts, k: torch.cdist(query[None], torch.cat(parts))[0].argsort()[:k].sort().values,
            r"expected .* got",
        ),
    ],
    "similarity.feature": [
        (lambda patches: patches, r"patches=a tensor \(6, 256, 256\) expected a mean average precision of 0.8\d* at"),
        (lambda patches: standardize(patch_spectrum(patches)), r"precision of 0.8\d* at least, got 0.8"),
        (lambda patches: smooth_spectra(patches).mT, r"expected a tensor \(6, 256, F\), got a tensor"),
        (lambda patches: patches / 0, r"expected features that are numbers, got NaN or infinity"),
        (lambda patches: smooth_spectra(patches)[..., :0], r"expected a tensor \(6, 256, F\), got"),
    ],
    "graphs.cut": [
        (lambda W: cut_by_combinations(W, share=lambda cut, *_: cut), r"W=a tensor \(2, 2\) expected 2.0, got"),
        (lambda W: cut_by_combinations(W, share=lambda cut, side, _: cut / side), r"expected 2.0, got 1.0"),
        (lambda W: 2 * cut_by_combinations(W), r"expected 2.0, got 4.0"),
        (lambda W: None, r"the function returned None"),
        (lambda W: normalized_cut(W)[1], r"W=a tensor \(5, 5\) expected 0.875, got 1.048"),
    ],
    "graphs.edges": [
        (lambda x, edges, weight: gcn_node_by_node(x, edges, weight, loop=0), r"x=a tensor \(2, 2\), .* expected"),
        (lambda x, edges, weight: gcn_node_by_node(x, edges, weight, loop=2), r"expected .* got"),
        (lambda x, edges, weight: gcn_node_by_node(x, edges, weight, mode="row"), r"x=a tensor \(3, 2\), .* expected"),
        (lambda x, edges, weight: gcn_node_by_node(x, edges, torch.eye(2)), r"expected shape \(2, 3\), got \(2, 2\)"),
    ],
    "graphs.bipartite": [
        (lambda W: True, r"W=a tensor \(3, 3\) expected False, got True"),
        (lambda W: False, r"W=a tensor \(2, 2\) expected True, got False"),
        (lambda W: len(W) % 2 == 0, r"expected .* got"),
        (
            lambda W: torch.linalg.eigvalsh(laplacian(W, normalization="symmetric"))[-1].item() > 1.99,
            r"\(31, 31\) expected",
        ),
        (lambda W: torch.linalg.eigvalsh(W)[0].item() > -1.5, r"expected .* got"),
    ],
    "graphs.opposites": [
        (lambda x, W: filtered(x, W, g=lambda values: values**2), r"W=a tensor \(2, 2\) expected .* got"),
        (lambda x, W: filtered(x, W, g=lambda values: values / 2), r"W=a tensor \(4, 4\) expected .* got"),
        (lambda x, W: filtered(x, W, g=lambda values: (1 - values / 2) ** 2), r"expected .* got"),
    ],
    "graphs.attention": [
        (lambda A, k: named_edges(A, k, skip=False), r"A=a tensor \(\d, \d\), k=\d expected .* got"),
        (lambda A, k: named_edges(A, k, both=min), r"expected .* got"),
        (lambda A, k: named_edges(A, k, both=lambda one, other: one), r"expected .* got"),
        (lambda A, k: named_edges(A, k, both=lambda one, other: (one + other) / 2), r"expected .* got"),
        (lambda A, k: torch.maximum(A, A.T).fill_diagonal_(0), r"expected .* got"),
        (lambda A, k: torch.maximum(A, A.T) * (torch.tensor(named_edges(A, k)) > 0), r"\(3, 3\), k=1 expected .* got"),
    ],
    "windows.index": [
        (
            lambda rows, columns: bias_index(rows, columns).T,
            r"for rows=1, columns=2 expected \[\[1, 0\], \[2, 1\]\], got \[\[1, 2\], \[0, 1\]\]",
        ),
        (
            bias_index_from(lambda r, c: 2 * r - 1, lambda r, c: r - 1, lambda r, c: c - 1),
            r"for rows=2, columns=1 expected .* got \[\[3, 0\], \[6, 3\]\]",
        ),
        (
            bias_index_from(lambda r, c: c, lambda r, c: r - 1, lambda r, c: c - 1),
            r"for rows=2, columns=2 expected .* got",
        ),
        (
            bias_index_from(lambda r, c: 2 * c - 1, lambda r, c: c - 1, lambda r, c: r - 1),
            r"for rows=1, columns=2 expected .* got",
        ),
        (
            bias_index_from(lambda r, c: 2 * c - 1, lambda r, c: 0, lambda r, c: 0),
            r"for rows=1, columns=2 expected .* got \[\[0, -1\], \[1, 0\]\]",
        ),
        (
            lambda rows, columns: bias_index(rows, columns).flatten(),
            r"for rows=1, columns=1 expected shape \(1, 1\), got \(1,\)",
        ),
    ],
    "windows.blocks": [
        (lambda side, M, u: 2 * side // M - 1, r"for side=2, M=1, u=0 expected inf, got 3"),
        (lambda side, M, u: None, r"for side=1, M=1, u=0 the function returned None"),
        (
            lambda side, M, u: blocks_along_one_axis(side, M, u, first_shifted=True),
            r"for side=2, M=2, u=1 expected 1, got 2",
        ),
        (
            lambda side, M, u: blocks_along_one_axis(side, M, M // 2 if M > 1 else 0),
            r"for side=4, M=2, u=0 expected inf, got 3",
        ),
        (
            lambda side, M, u: blocks_along_one_axis(side, M, u) + (side > M),
            r"for side=4, M=2, u=1 expected 3, got 4",
        ),
    ],
    "windows.leak": [
        (lambda *arguments: leaked(*arguments, axes="r"), r"for weights=.*, grid=\(2, 2\), M=2, u=1 expected .* got"),
        (lambda *arguments: leaked(*arguments, axes="c"), r"grid=\(2, 2\), M=2, u=1 expected .* got"),
        (lambda *arguments: leaked(*arguments, undone=False), r"grid=\(2, 4\), M=2, u=1 expected .* got"),
        (lambda *arguments: leaked(*arguments, kept=True), r"grid=\(2, 2\), M=2, u=1 expected .* got"),
        (
            lambda weights, *rest: leaked(weights, *rest) * len(weights) * weights.shape[1],
            r"grid=\(2, 2\), M=2, u=1 expected .* got",
        ),
        (
            lambda weights, *rest: leaked(torch.ones_like(weights), *rest),
            r"grid=\(2, 2\), M=2, u=1 expected .* got 0.75",
        ),
    ],
    "windows.break_even": [
        (
            lambda D, M, factor: side_that_pays_by_counting(D, M, factor, enough=lambda whole, part: whole > part),
            r"for D=1, M=1, factor=1 expected 1, got 2",
        ),
        (
            lambda D, M, factor: math.ceil(math.sqrt(factor * M**2) / M) * M,
            r"for D=96, M=7, factor=2 expected 21, got 14",
        ),
        (
            lambda D, M, factor: math.ceil(math.sqrt(factor * (2 * D + M**2) - 2 * D)),
            r"for D=96, M=7, factor=2 expected 21, got 18",
        ),
        (lambda D, M, factor: side_that_pays(D, M, factor) ** 2, r"for D=1, M=2, factor=2 expected 4, got 16"),
    ],
    "windows.merging": [
        (
            lambda kernel: merging_by_probing(kernel, cells=((0, 0), (0, 1), (1, 0), (1, 1))),
            r"kernel=a tensor \(2, 1, 2, 2\) expected \[\[0.0, 2.0, 1.0, 3.0\], .* got \[\[0.0, 1.0, 2.0, 3.0\]",
        ),
        (lambda kernel: kernel.mT.flatten(1), r"for kernel=a tensor \(4, 2, 2, 2\) expected .* got"),
        (lambda kernel: merging_by_probing(kernel).T, r"expected shape \(2, 4\), got \(4, 2\)"),
        (lambda kernel: kernel.permute(0, 3, 2, 1), r"expected shape \(2, 4\), got \(2, 2, 2, 1\)"),
    ],
    "convolution.matrix": [
        (lambda kernel, grid: matrix_by_probing(kernel, grid).T, r"grid=\(1, 3\) expected .* got"),
        (lambda kernel, grid: matrix_by_probing(kernel.flip(0, 1), grid), r"grid=\(1, 3\) expected .* got"),
        (lambda kernel, grid: matrix_by_probing(kernel.T, grid), r"grid=\(1, 3\) expected .* got"),
        (lambda kernel, grid: matrix_by_probing(kernel, grid, mode="circular"), r"grid=\(1, 3\) expected .* got"),
        (lambda kernel, grid: matrix_by_probing(kernel, grid[::-1]), r"grid=\(1, 3\) expected .* got"),
        (lambda kernel, grid: kernel, r"grid=\(1, 3\) expected .* got"),
    ],
    "convolution.rim": [
        (lambda side, K, L, by: ((side - 2 * L * (K // 2) - by) / side) ** 2, r"L=1, by=1 expected 1.0, got 0.56"),
        (
            lambda side, K, L, by: share_of_whole_fields(side, K, 1, by),
            r"side=16, K=5, L=2, by=3 expected 0.09766, got",
        ),
        (lambda side, K, L, by: share_of_whole_fields(side, K, L, 0), r"side=4, K=3, L=1, by=1 expected .*, got 0.25"),
        (lambda side, K, L, by: share_of_whole_fields(side, K, L, by) ** 0.5, r"L=1, by=0 expected 0.25, got 0.5"),
    ],
    "convolution.exponent": [
        (lambda x, y: np.polyfit(x, y, 1)[0], r"for x=\(1, 2, 4\), y=\(1, 4, 16\) expected 2.0, got"),
        (lambda x, y: np.log(y[1] / y[0]) / np.log(x[1] / x[0]), r"y=\(1.0, 3.0, 3.5\) expected 0.9\d*, got 1.58"),
        (lambda x, y: np.polyfit(np.log(y), np.log(x), 1)[0], r"expected 2.0, got 0.5"),
        (lambda x, y: np.log(y[-1]) / np.log(x[-1]), r"x=\(1, 3, 5\), y=\(7.*expected -0.5, got"),
    ],
    "convolution.head": [
        (
            lambda p, delta, alpha: shifted_head(p, [-d for d in delta], alpha),
            r"p=a tensor \(3, 2\), delta=\(0, 1\), alpha=2.0 as attention weights expected .* got",
        ),
        (
            lambda p, delta, alpha: shifted_head(p, delta, alpha)[::-1],
            r"delta=\(0, 1\).* as attention weights expected",
        ),
        (lambda p, delta, alpha: shifted_head(p, delta, 1.0), r"delta=\(0, 1\).* as attention weights expected"),
        (
            lambda p, delta, alpha: [each[:, :2] for each in shifted_head(p, delta, alpha)],
            r"as attention weights expected .* got",
        ),
        (
            lambda p, delta, alpha: [each * 3**0.25 for each in shifted_head(p, delta, alpha)],
            r"as attention weights expected .* got",
        ),
        (lambda p, delta, alpha: shifted_head(p, delta, alpha)[0], r"expected queries and keys, two matrices"),
    ],
    "convolution.depth": [
        (lambda side, kind: layers_by_counting(side, "plain"), r"kind='effective' expected .* got|kind='doubling'"),
        (
            lambda side, kind: layers_by_counting(side - (kind == "plain"), kind),
            r"side=4, kind='plain' expected 2, got 1",
        ),
        (
            lambda side, kind: (side - 1) / 2 if kind == "plain" else layers_by_counting(side, kind),
            r"side=4, kind='plain' expected 2, got 1.5",
        ),
        (lambda side, kind: layers_by_counting(side, kind, first=2), r"kind='doubling' expected .* got"),
        (lambda side, kind: layers_by_counting(side, kind, deviations=2), r"kind='effective' expected .* got"),
    ],
    "patches.convolution": [
        (lambda images, weight, bias: convolution(images, weight, 0), r"images=a tensor \(1, 1, 1, 2\), .* expected"),
        (
            channels_last_convolution,
            r"images=a tensor \(1, 3, 2, 4\), weight=a tensor \(2, 3, 2, 2\), .* expected .* got",
        ),
        (
            lambda images, weight, bias: convolution(images, weight, bias).mT,
            r"expected shape \(1, 2, 1\), got \(1, 1, 2\)",
        ),
        (lambda images, weight, bias: convolution(images, weight, 0).bfloat16(), r"expected .* got"),
        (lambda images, weight, bias: 1 / 0, r"the function raised ZeroDivisionError: division by zero"),
        (lambda images, weight: 0, r"the function raised TypeError: .*positional argument"),
    ],
    "patches.memory": [
        (
            lambda size, patch, each: memory(size, patch, 1),
            r"image_size=\(32, 32\), patch_size=16, bytes_per_number=4 expected 64, got 16",
        ),
        (lambda size, patch, each: memory(size, patch, each) // 2, r"for image_size=\(2, 2\), .* expected 16, got 8"),
    ],
    "patches.smallest": [
        (16.0001, r"expected 16 \(.*\), got 16.0001"),
        (16.0000000001, r"expected 16 \(.*\), got 16.0000000001"),
        (b"16", r"expected a number, got b'16'"),
        (np.array(["16"], dtype=object), r"expected a number, got a ndarray"),
        (np.ones(2), r"expected a number, got a ndarray"),
        (8, r"expected 16 \(P = 8 needs .* 1.07 GB.*\), got 8"),
        ((8, 16), r"expected a number, got \(8, 16\)"),
    ],
    "patches.overlap": [
        (
            averaged_overlap,
            r"for image_size=\(3, 3\), patch_size=2, stride=1 expected \[\[1.0, 2.0, 1.0\], .* got \[\[1.0, 1.0, 1.0",
        ),
        (
            lambda size, patch, stride: overlap(size, patch, stride).T,
            r"for image_size=\(1, 3\), .* expected shape \(1, 3\), got \(3, 1\)",
        ),
    ],
    "patches.positions": [
        (
            positions_by_sum,
            r"grid=\(2, 2\), dim=4 expected different rows for the positions .* = \(0, 1\) and \(1, 0\), got the same",
        ),
        (
            positions_by_column,
            r"for grid=\(2, 2\), dim=4 expected different rows for the positions .* = \(0, 0\) and \(1, 0\)",
        ),
        (lambda grid, dim: torch.zeros(dim, grid[0] * grid[1]), r"expected shape \(2, 4\), got a tensor \(4, 2\)"),
        (lambda grid, dim: torch.full((grid[0] * grid[1], dim), torch.nan), r"expected finite numbers, got NaN"),
    ],
    "patches.order": [
        (lambda grid, index: divmod(index, grid[0]), r"for grid=\(1, 2\), index=1 expected \(0, 1\), got \(1, 0\)"),
        (lambda grid, index: divmod(index, grid[1])[0], r"for grid=\(1, 2\), index=0 expected shape \(2,\), got \(\)"),
        (3, r"expected a function of \(grid, index\), got 3"),
    ],
}


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
    assert printed.out.startswith(f"✗ {name}: ")
    assert printed.out.count("\n") == 1
    assert printed.err == ""
    assert re.search(message, printed.out), printed.out


def test_an_unknown_exercise_lists_them_all():
    with pytest.raises(ValueError, match=r"there is no exercise 'patches.invert'; .*introduction.auc.*patches.order"):
        check("patches.invert", None)


@pytest.mark.parametrize("name", [["patches.order"], {}, None, 3, Hostile()])
def test_a_name_that_is_no_text_is_unknown_too(name):
    with pytest.raises(ValueError, match=r"there is no exercise .*; .*introduction.auc.*patches.order"):
        check(name, None)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    "answer",
    [
        Hostile(),
        Hostile,
        10**5000,
        lambda *_: 10**5000,
        lambda *_: Hostile(),
        lambda *_: (torch.eye(3), torch.eye(2)),
        lambda *_: torch.quantize_per_tensor(torch.ones(1, 1, 1, 2), 1.0, 0, torch.quint8),
        lambda *_: torch.ones(2, 2, dtype=torch.uint64),
        lambda *_: torch.ones(2, 2).to(torch.float8_e5m2),
        lambda *_: torch.tensor(float("nan"), requires_grad=True),
        lambda *_: [],
        (torch.eye(3), torch.eye(2)),
        np.datetime64("2020-01-01"),
        1j,
        "a\nb\n" * 1000,
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_no_answer_breaks_the_check(name, answer, capsys):
    check(name, answer)
    printed = capsys.readouterr()
    assert re.fullmatch(rf"✗ {name}: .{{1,400}}\n", printed.out), printed.out
    assert printed.err == ""


def test_numbers_that_differ_by_little_are_told_apart(capsys):
    check("introduction.neighbors", lambda grid: neighbors_by_distance(grid) * 1.00004)
    assert capsys.readouterr().out.endswith("expected [[0.0, 1.0], [1.0, 0.0]], got [[0.0, 1.00004], [1.00004, 0.0]]\n")
    check("patches.memory", lambda *arguments: memory(*arguments) + 1e-9)
    assert capsys.readouterr().out.endswith("expected 16, got 16.000000001\n")
    check("patches.inverse", lambda p, g, c: unpatchify(p, g, channels=c) + 1e-4 * (len(p) > 1))
    assert "expected 0.0 at [0, 0, 0, 0], got 0.0001" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_answers_are_compared_to_their_own_precision(dtype, capsys):
    check("introduction.neighbors", lambda grid: neighbors_by_distance(grid).to(dtype))
    assert capsys.readouterr().out.startswith("✓")
    check("introduction.neighbors", lambda grid: neighbors_by_distance(grid).double() + 1e-3)
    assert capsys.readouterr().out.startswith("✗")
