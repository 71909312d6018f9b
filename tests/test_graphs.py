import copy
import itertools
import json
import math
import pathlib
import pickle
import sys
import warnings

import numpy as np
import pytest
import torch
from scipy.sparse import csgraph
from skimage import graph as skimage_graph
from skimage.graph._ncut import DW_matrices, ncut_cost
from sklearn import metrics
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.manifold import spectral_embedding as sklearn_embedding
from sklearn.neighbors import kneighbors_graph, radius_neighbors_graph
from torch.autograd import gradcheck, gradgradcheck

from patchwork import _adjacency, _spectrum, graphs
from patchwork.graphs import (
    GraphAttention,
    GraphConvolution,
    chebyshev_filter,
    diffuse,
    graph_convolution,
    grid_graph,
    k_means,
    knn_graph,
    label_propagation,
    laplacian,
    normalize_adjacency,
    normalized_cut,
    radius_graph,
    spectral_clustering,
    spectral_embedding,
    weight_edges,
)
from patchwork.images import texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.similarity import gaussian_affinity, patch_spectrum, squared_distances, standardize

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "book"))
import measure_graphs

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # what it does to torch's own scripts
    from torch_geometric.nn import ChebConv, GATConv, GCNConv


@pytest.fixture
def normal(generator):
    """Random numbers in float64."""
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def weighted(rng, normal):
    """A random symmetric graph with weights, no loops, and one node without edges."""
    number = rng.randint(5, 12)
    graph = (normal(number, number) * (normal(number, number) > 0.3)).abs()
    graph = (graph + graph.T).fill_diagonal_(0)
    graph[2], graph[:, 2] = 0, 0
    graph[0, 1] = graph[1, 0] = 1
    return graph


@pytest.fixture
def directed(weighted, normal):
    return weighted * (normal(*weighted.shape) > 0)


def by_rows(graph):
    """The same graph in the other layout, as the library makes it."""
    rows, columns = graph.nonzero(as_tuple=True)
    empty = torch.zeros(len(graph) + 1, dtype=torch.int64)
    starts = empty.scatter_add(0, rows + 1, torch.ones_like(rows)).cumsum(0)
    return _adjacency._csr(starts, columns, graph[rows, columns], tuple(graph.shape))


LAYOUTS = {"dense": lambda graph: graph, "sparse": by_rows}
both_layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def dense(found):
    return found.to_dense() if found.layout is torch.sparse_csr else found


def parts(found):
    return found if isinstance(found, tuple) else (found,)


def edge_index(graph):
    """Sources and targets: row i asks, so an edge of PyTorch Geometric goes from column to row."""
    rows, columns = graph.nonzero(as_tuple=True)
    return torch.stack([columns, rows]), graph[rows, columns]


def planted(generator, sizes=(20, 15, 25), inside=1.0, between=0.02):
    """A complete graph of weighted groups, and which node is in which."""
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    noise = torch.rand(len(labels), len(labels), dtype=torch.float64, generator=generator)
    graph = torch.where(labels == labels.unsqueeze(1), inside, between) * (0.5 + (noise + noise.T) / 2)
    return graph.fill_diagonal_(0), labels


def same_clusters(found, labels):
    return metrics.adjusted_rand_score(found, labels) == 1


# Graphs


def test_rows_are_made_without_touching_the_filters_of_warnings(monkeypatch):
    """Threads that enter and leave them in turns would lose the warnings of the whole process."""
    monkeypatch.setattr(warnings, "catch_warnings", None)
    assert by_rows(grid_graph((3, 3))).layout is torch.sparse_csr


def test_small_graphs_by_hand():
    assert grid_graph((2, 2)).int().tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]
    assert torch.equal(grid_graph((2, 2), connectivity=8), 1 - torch.eye(4))
    assert grid_graph((1, 1)).tolist() == [[0]]
    places = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    assert knn_graph(places, 1, symmetric=False).int().tolist() == [
        [0, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
    ]
    hub = knn_graph(places, 1)
    assert hub.sum(1).tolist() == [1, 2, 2, 1]
    assert radius_graph(places, 2).sum(1).tolist() == [1, 2, 1, 0]
    assert radius_graph(places, 0).sum() == 0


def test_grids_are_scikit_learns(rng):
    rows, columns = rng.randint(1, 7), rng.randint(2, 7)
    expected = grid_to_graph(rows, columns).toarray()
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(grid_graph((rows, columns)), expected)
    centers = patch_centers((rows, columns), dtype=torch.float64)
    steps = (centers.unsqueeze(1) - centers).abs().amax(2)
    touching = ((steps > 0) & (steps <= steps[steps > 0].min() * 1.01)).double()
    found = grid_graph((rows, columns), connectivity=8, dtype=torch.float64)
    assert torch.equal(found, touching)


@pytest.mark.parametrize("number", [30, 600])
def test_neighbors_are_scikit_learns(rng, normal, number):
    features, k = normal(number, rng.randint(2, 6)), rng.randint(1, 9)
    expected = kneighbors_graph(features.numpy(), k).toarray()
    np.testing.assert_array_equal(dense(knn_graph(features, k, symmetric=False)), expected)
    np.testing.assert_array_equal(dense(knn_graph(features, k)), np.maximum(expected, expected.T))
    places, radius = normal(number, 2), rng.uniform(0.1, 1)
    expected = radius_neighbors_graph(places.numpy(), radius, include_self=False).toarray()
    np.testing.assert_array_equal(dense(radius_graph(places, radius)), expected)


def test_the_layout_follows_the_size():
    places = torch.arange(600.0).unsqueeze(1)
    for make in (
        lambda n: grid_graph((n, 1)),
        lambda n: knn_graph(places[:n], 2),
        lambda n: radius_graph(places[:n], 1),
    ):
        assert make(512).layout is torch.strided
        large = make(513)
        assert large.layout is torch.sparse_csr
        torch.sparse_csr_tensor(large.crow_indices(), large.col_indices(), large.values(), check_invariants=True)
        assert (large.values() == 1).all()


def test_layouts_hold_the_same_graph(rng, normal, monkeypatch):
    features, grid = normal(12, 3), (3, 4)
    makers = (
        lambda: grid_graph(grid, connectivity=8),
        lambda: knn_graph(features, 3),
        lambda: knn_graph(features, 3, symmetric=False),
        lambda: radius_graph(features, 1.5),
        lambda: weight_edges(knn_graph(features, 4), normal(12, 2) * 0 + features[:, :2], bandwidth=0.7),
    )
    expected = [make() for make in makers]
    monkeypatch.setattr(_adjacency, "_DENSE", 0)
    for make, known in zip(makers, expected, strict=True):
        assert make().layout is torch.sparse_csr
        torch.testing.assert_close(dense(make()), known)


def test_the_own_node_is_left_out_among_copies():
    copies = torch.zeros(9, 2)
    copies[4] = 1
    for k in range(1, 9):
        found = knn_graph(copies, k, symmetric=False)
        assert (found.sum(1) == k).all()
        assert found.diagonal().sum() == 0
    assert torch.equal(knn_graph(copies, 8), 1 - torch.eye(9))
    assert radius_graph(copies, 0).sum() == 8 * 7


@pytest.mark.parametrize(("down", "right"), [(0, 1), (1, 1), (1, 2), (2, 3), (3, 3)])
@pytest.mark.parametrize("unit", [1.0, 0.1, 1 / 7])
def test_the_radius_itself_is_inside(down, right, unit):
    for dtype in (torch.float32, torch.float64):
        rows, columns = torch.meshgrid(torch.arange(9), torch.arange(9), indexing="ij")
        places = (torch.stack([rows.flatten(), columns.flatten()], 1)).to(dtype)
        distance = math.hypot(down, right)
        found = radius_graph(places * unit, distance * unit) if unit == 1 else radius_graph(places, distance)
        assert found[0, down * 9 + right] == 1


@both_layouts
def test_weights_are_gaussian_on_edges_only(layout, weighted, normal):
    features = normal(len(weighted), 3)
    found = weight_edges(layout(weighted), features, bandwidth=1.3)
    expected = weighted * gaussian_affinity(features, bandwidth=1.3)
    torch.testing.assert_close(dense(found), expected)
    torch.testing.assert_close(dense(weight_edges(layout(weighted), features, bandwidth=1e200)), weighted)
    twice = weight_edges(found, features[:, :1], bandwidth=0.5)
    torch.testing.assert_close(dense(twice), expected * gaussian_affinity(features[:, :1], bandwidth=0.5))


# Normalization and Laplacians


@both_layouts
def test_normalizing_by_hand(layout):
    path = layout(torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64))
    s = 1 / 6**0.5
    found = normalize_adjacency(path)
    expected = torch.tensor([[0.5, s, 0], [s, 1 / 3, s], [0, s, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(dense(found), expected)
    walk = dense(normalize_adjacency(path, self_loops=False, mode="row"))
    assert walk.tolist() == [[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]
    loops = normalize_adjacency(layout(torch.eye(2)), mode="row")
    assert torch.equal(dense(loops), torch.eye(2))


@both_layouts
def test_normalizing_is_division_by_degrees(layout, directed):
    directed[0], directed[1, 0] = 0, 1  # who asks no one may be asked
    for loops in (False, True):
        tied = directed + torch.eye(len(directed)) if loops else directed
        degrees = tied.sum(1)
        inverse = torch.where(degrees > 0, 1 / degrees, 0)
        walk = dense(normalize_adjacency(layout(directed), self_loops=loops, mode="row"))
        torch.testing.assert_close(walk, inverse.diag() @ tied)
        found = dense(normalize_adjacency(layout(directed), self_loops=loops))
        torch.testing.assert_close(found, inverse.sqrt().diag() @ tied @ inverse.sqrt().diag())


@both_layouts
def test_the_renormalized_spectrum_is_bounded(layout, weighted):
    weighted = (weighted > 0).double()
    values = torch.linalg.eigvalsh(dense(normalize_adjacency(layout(weighted))))
    assert values.min() > -1
    torch.testing.assert_close(values.max(), torch.tensor(1.0, dtype=torch.float64))
    pair = layout(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    bare = dense(normalize_adjacency(pair, self_loops=False))
    assert torch.linalg.eigvalsh(bare).tolist() == pytest.approx([-1, 1])


@both_layouts
def test_laplacians_are_scipys(layout, weighted):
    weighted = weighted.roll((1, 1), (0, 1))
    for normalization, normed in ((None, False), ("symmetric", True)):
        expected = csgraph.laplacian(weighted.numpy(), normed=normed)
        np.testing.assert_allclose(
            dense(laplacian(layout(weighted), normalization=normalization)), expected, atol=1e-12
        )


@both_layouts
def test_laplacians_of_directed_graphs_take_the_row_sums(layout, directed):
    expected = csgraph.laplacian(directed.numpy().T, normed=False).T
    np.testing.assert_allclose(dense(laplacian(layout(directed))), expected, atol=1e-12)
    degrees = directed.sum(1)
    walk = laplacian(layout(directed), normalization="random_walk")
    expected = (degrees > 0).double().diag() - directed / degrees.where(degrees > 0, 1).unsqueeze(1)
    torch.testing.assert_close(dense(walk), expected)


@both_layouts
def test_a_laplacian_measures_how_much_neighbors_differ(layout, weighted, normal):
    x = normal(len(weighted), 1)
    energy = x.T @ dense(laplacian(layout(weighted))) @ x
    torch.testing.assert_close(energy.squeeze(), (weighted * (x - x.T).square()).sum() / 2)
    symmetric = dense(laplacian(layout(weighted), normalization="symmetric"))
    values = torch.linalg.eigvalsh(symmetric)
    assert values[0] > -1e-12
    assert values[-1] < 2 + 1e-12


# Filters and layers


@both_layouts
def test_filters_are_products(layout, directed, normal):
    number = len(directed)
    x, weight = normal(2, 3, number, 4), normal(4, 5)
    torch.testing.assert_close(graph_convolution(x, layout(directed), weight), directed @ x @ weight)
    torch.testing.assert_close(diffuse(x, layout(directed), 3), directed @ (directed @ (directed @ x)))
    assert torch.equal(diffuse(x, layout(directed), 0), x)
    layer = GraphConvolution(4, 5, dtype=torch.float64)
    torch.nn.init.normal_(layer.bias)
    torch.testing.assert_close(layer(x, layout(directed)), directed @ x @ layer.weight + layer.bias)
    assert GraphConvolution(4, 5, bias=False).bias is None


@both_layouts
@pytest.mark.parametrize("kind", ["weighted", "directed"])
def test_a_graph_convolution_is_pygs(layout, kind, request, normal):
    graph = request.getfixturevalue(kind)
    theirs, ours = GCNConv(4, 5).double(), GraphConvolution(4, 5, dtype=torch.float64)
    torch.nn.init.normal_(theirs.bias)
    ours.load_state_dict({"weight": theirs.lin.weight.T, "bias": theirs.bias})
    x = normal(len(graph), 4)
    index, weights = edge_index(graph)
    torch.testing.assert_close(ours(x, normalize_adjacency(layout(graph))), theirs(x, index, weights))
    with torch.sparse.check_sparse_tensor_invariants(False):
        torch.testing.assert_close(ours(x, normalize_adjacency(layout(graph))), theirs(x, by_rows(graph)))


@pytest.mark.parametrize("number", [196, 600])
def test_a_graph_convolution_on_neighbors_is_pygs(normal, number):
    x = normal(number, 6)
    graph = knn_graph(x, 8)
    theirs, ours = GCNConv(6, 5).double(), GraphConvolution(6, 5, dtype=torch.float64)
    ours.load_state_dict({"weight": theirs.lin.weight.T, "bias": theirs.bias})
    torch.testing.assert_close(ours(x, normalize_adjacency(graph)), theirs(x, edge_index(dense(graph))[0]))


@both_layouts
@pytest.mark.parametrize("heads", [1, 3])
def test_graph_attention_is_pygs(layout, directed, normal, heads):
    theirs = GATConv(4, 2, heads).double()
    ours = GraphAttention(4, 2 * heads, heads=heads, dtype=torch.float64)
    torch.nn.init.normal_(theirs.bias)
    ours.load_state_dict(
        {"linear.weight": theirs.lin.weight, "target": theirs.att_dst[0], "source": theirs.att_src[0]}
        | {"bias": theirs.bias}
    )
    x, index = normal(len(directed), 4), edge_index(directed)[0]
    torch.testing.assert_close(ours(x, normalize_adjacency(layout(directed))), theirs(x, index))
    theirs.add_self_loops = False
    expected, (index, shares) = theirs(x, index, return_attention_weights=True)
    found, weights = ours(x, layout(directed), return_weights=True)
    torch.testing.assert_close(found, expected)
    assert weights.layout is layout(directed).layout
    torch.testing.assert_close(dense(weights)[:, index[1], index[0]].T, shares)
    assert (dense(weights)[:, directed == 0] == 0).all()


@both_layouts
def test_graph_attention_of_several_images_is_that_of_each(layout, directed, normal):
    layer, x = GraphAttention(4, 6, heads=2, dtype=torch.float64), normal(2, 3, len(directed), 4)
    found, weights = layer(x, layout(directed), return_weights=True)
    assert weights.shape == (2, 3, 2, *directed.shape)
    for place in itertools.product(range(2), range(3)):
        expected, alone = layer(x[place], layout(directed), return_weights=True)
        torch.testing.assert_close(found[place], expected)
        torch.testing.assert_close(dense(weights)[place], dense(alone))


@both_layouts
def test_the_weights_of_graph_attention_ask_only_whether_there_is_an_edge(layout, directed, normal):
    layer, x = GraphAttention(4, 6, heads=2, dtype=torch.float64), normal(len(directed), 4)
    signed = directed * normal(*directed.shape)
    torch.testing.assert_close(layer(x, layout(signed)), layer(x, directed))
    found, weights = layer(1e5 * x, layout(directed), return_weights=True)
    assert found.isfinite().all()
    torch.testing.assert_close(dense(weights).sum(-1), (directed > 0).any(1).double().expand(2, -1))


@both_layouts
def test_who_has_no_neighbors_gathers_nothing(layout, weighted, normal):
    x, graph = normal(len(weighted), 4), layout(weighted)
    layer = GraphAttention(4, 6, heads=2, dtype=torch.float64)
    found, weights = layer(x, graph, return_weights=True)
    assert torch.equal(found[2], layer.bias)
    assert (dense(weights)[:, 2] == 0).all()
    assert (diffuse(x, normalize_adjacency(graph, self_loops=False), 1)[2] == 0).all()
    assert torch.equal(diffuse(x, normalize_adjacency(graph), 5)[2], x[2])


def test_an_edge_of_weight_zero_is_none(weighted, normal):
    kept = by_rows(weighted)
    kept.values()[0] = 0
    rows, columns = _adjacency.pairs(kept)
    weighted[rows[0], columns[0]] = 0
    weighted[columns[0], rows[0]] = 0
    kept.values()[(rows == columns[0]) & (columns == rows[0])] = 0
    layer, x = GraphAttention(4, 6, dtype=torch.float64), normal(len(weighted), 4)
    torch.testing.assert_close(layer(x, kept), layer(x, weighted))
    before = [part.clone() for part in (kept.crow_indices(), kept.col_indices(), kept.values())]
    for function in FUNCTIONS.values():
        for found, part in zip(*map(parts, (function(kept), function(weighted))), strict=True):
            torch.testing.assert_close(dense(found), dense(part))
    assert all(map(torch.equal, before, (kept.crow_indices(), kept.col_indices(), kept.values())))
    kept.values()[rows == rows[-1]] = 0
    weighted[rows[-1]] = 0
    torch.testing.assert_close(layer(x, kept), layer(x, weighted))


@both_layouts
def test_a_chebyshev_filter_is_its_polynomial_of_the_eigenvalues(layout, rng, weighted, normal):
    x = normal(2, len(weighted), 3)
    for normalization, largest in (("symmetric", 2.0), (None, 2.1 * weighted.sum(1).max().item())):
        matrix = laplacian(layout(weighted), normalization=normalization)
        coefficients = normal(rng.randint(1, 6))
        values, vectors = torch.linalg.eigh(dense(matrix))
        response = np.polynomial.chebyshev.chebval(2 * values.numpy() / largest - 1, coefficients.numpy())
        expected = vectors @ (torch.from_numpy(response).unsqueeze(1) * (vectors.T @ x))
        torch.testing.assert_close(chebyshev_filter(x, matrix, coefficients, lambda_max=largest), expected)


@both_layouts
def test_a_chebyshev_filter_is_pygs(layout, rng, weighted, normal):
    theirs = ChebConv(1, 1, rng.randint(1, 5), bias=False).double()
    coefficients = torch.cat([lin.weight.flatten() for lin in theirs.lins])
    x, matrix = normal(len(weighted), 1), laplacian(layout(weighted), normalization="symmetric")
    connected = weighted.sum(1) > 0  # PyTorch Geometric gives a node without edges an eigenvalue of 1
    found = chebyshev_filter(x, matrix, coefficients)
    torch.testing.assert_close(found[connected], theirs(x, *edge_index(weighted))[connected])


def test_diffusion_tends_to_the_root_of_the_degrees_in_each_component(normal):
    graph = torch.block_diag(grid_graph((2, 3)), grid_graph((1, 4))).double()
    x = normal(10, 2)
    found = diffuse(x, normalize_adjacency(graph), 3000)
    root = (graph.sum(1) + 1).sqrt()
    for nodes in (slice(0, 6), slice(6, 10)):
        unit = root[nodes] / root[nodes].norm()
        torch.testing.assert_close(found[nodes], torch.outer(unit, unit) @ x[nodes])
    walked = diffuse(x, normalize_adjacency(graph, mode="row"), 3000)
    assert torch.allclose(walked[:6], walked[0])
    assert torch.allclose(walked[6:], walked[6])


# Spectra


def check_spectrum(graph, k):
    """Values and vectors solve L U = U Λ, and the values are the smallest."""
    values, vectors = spectral_embedding(graph, k)
    assert (values >= 0).all()
    matrix = dense(laplacian(graph, normalization="symmetric"))
    expected = torch.linalg.eigvalsh(matrix)[:k]
    torch.testing.assert_close(values, expected, atol=1e-10, rtol=0)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(k, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(matrix @ vectors, vectors * values, atol=1e-7, rtol=0)
    return values, vectors


@both_layouts
def test_spectra_are_those_of_the_laplacian(layout, weighted):
    for k in range(1, len(weighted) + 1):
        check_spectrum(layout(weighted), k)
    loops = weighted + torch.eye(len(weighted)) * weighted.mean()
    check_spectrum(layout(loops), 4)


def test_an_embedding_is_scikit_learns(normal):
    graph = weight_edges(knn_graph(normal(50, 3), 12), normal(50, 2), bandwidth=2.0)
    degrees = graph.sum(1)
    for k in (2, 3, 5):
        theirs = torch.from_numpy(sklearn_embedding(graph.numpy(), n_components=k, drop_first=False))
        ours = spectral_embedding(graph, k)[1] / degrees.sqrt().unsqueeze(1)
        for one, other in ((theirs, ours), (ours, theirs)):
            inside = other @ torch.linalg.lstsq(other, one).solution
            torch.testing.assert_close(inside, one, atol=1e-6, rtol=0)


@both_layouts
def test_zero_comes_once_per_component(layout, rng, generator):
    sizes = [rng.randint(1, 6) for _ in range(rng.randint(1, 5))]
    blocks = [torch.rand(size, size, dtype=torch.float64, generator=generator) + 0.1 for size in sizes]
    graph = torch.block_diag(*((block + block.T).fill_diagonal_(0) for block in blocks))
    order = torch.randperm(len(graph), generator=generator)
    values, _ = check_spectrum(layout(graph[order][:, order]), len(graph))
    assert (values == 0).sum() == len(sizes)
    assert (values[len(sizes) :] > 1e-3).all()


def test_zero_comes_once_per_component_of_large_graphs(normal):
    grid = grid_graph((9, 60), dtype=torch.float64)
    rows, columns = _adjacency.pairs(grid)
    rows, columns = (torch.cat([part, part + 540, part + 1080]) for part in (rows, columns))
    large = _adjacency.of_pairs(rows, columns, 1625, device=None, dtype=torch.float64)  # and 5 nodes alone
    values, _ = check_spectrum(large, 14)
    assert (values == 0).sum() == 8
    assert torch.equal(values[8:11], values[8].expand(3)) or (values[8:11] - values[8]).abs().max() < 1e-12


HARD = {
    "square grid": lambda: grid_graph((24, 24), dtype=torch.float64),
    "path": lambda: grid_graph((1, 1200), dtype=torch.float64),
    "complete": lambda: (1 - torch.eye(450)).double(),
    "star": lambda: torch.nn.functional.pad(torch.ones(1, 500), (1, 0, 0, 500)).double(),
    "hypercube": lambda: torch.tensor(
        [[float((i ^ j).bit_count() == 1) for j in range(512)] for i in range(512)], dtype=torch.float64
    ),
    "two halves": lambda: torch.block_diag(*[torch.ones(300, 300).double()] * 2) + 1e-9,
    "ten blocks": lambda: torch.block_diag(*[torch.ones(9, 9).double()] * 10) + 1e-19,
}


@pytest.mark.parametrize("name", HARD)
def test_eigenvalues_that_come_often_are_not_missed(name):
    graph = HARD[name]()
    if name == "star":
        graph = graph + graph.T
    check_spectrum(graph, 12 if name == "hypercube" else 6)


def test_all_eigenvalues_of_a_large_graph():
    check_spectrum(grid_graph((21, 20), dtype=torch.float64), 420)


def test_the_ways_to_a_spectrum_agree(normal, monkeypatch):
    graph = weight_edges(knn_graph(normal(90, 2), 5), normal(90, 2), bandwidth=1.0)
    expected = spectral_embedding(graph, 4)
    monkeypatch.setattr(_spectrum, "_WHOLE", 0)
    torch.testing.assert_close(spectral_embedding(graph, 4), expected, atol=1e-8, rtol=0)
    for crowded in (0, 3):  # never the inverse, always the inverse
        monkeypatch.setattr(_spectrum, "_CROWDED", crowded)
        for layout in LAYOUTS.values():
            torch.testing.assert_close(spectral_embedding(layout(graph), 4), expected, atol=1e-8, rtol=0)
        full = graph + 1e-3  # whose factors are dense
        known = torch.linalg.eigvalsh(laplacian(full, normalization="symmetric"))[:4]
        torch.testing.assert_close(spectral_embedding(full, 4)[0], known, atol=1e-10, rtol=0)


def test_signs_do_not_change_from_run_to_run():
    for name in ("path", "square grid"):
        _, vectors = spectral_embedding(HARD[name](), 2)
        large = vectors.abs() >= 0.5 * vectors.abs().amax(0)
        first = vectors[large.to(torch.uint8).argmax(0), torch.arange(2)]
        assert (first > 0).all()
        assert torch.equal(vectors, spectral_embedding(HARD[name](), 2)[1])


# Clusters and cuts


def test_clusters_of_two_groups_by_hand():
    x = torch.tensor([[0.0, 0.0], [0.0, 2.0], [10.0, 0.0], [10.0, 2.0]])
    labels, centers = k_means(x, 2)
    assert labels[0] == labels[1] != labels[2] == labels[3]
    assert centers[labels].tolist() == [[0, 1], [0, 1], [10, 1], [10, 1]]
    labels, centers = k_means(x, 4)
    assert sorted(labels.tolist()) == [0, 1, 2, 3]
    assert torch.equal(centers[labels], x)
    _, center = k_means(x, 1)
    assert center.tolist() == [[5, 1]]


def test_clusters_are_as_good_as_scikit_learns(rng, normal, generator):
    k = rng.randint(2, 6)
    x = normal(300, 3) + 6 * normal(k, 3)[torch.randint(k, (300,), generator=generator)] + 1000
    labels, centers = k_means(x, k, generator=generator)
    theirs = KMeans(k, n_init=10, random_state=0).fit(x.numpy())
    loss = (x - centers[labels]).square().sum().item()
    assert loss <= 1.02 * theirs.inertia_
    means = torch.stack([x[labels == cluster].mean(0) for cluster in range(k)])
    torch.testing.assert_close(centers, means)
    assert torch.equal(torch.cdist(x, centers).argmin(1), labels)


def test_more_restarts_find_better_clusters(normal):
    x, losses = normal(60, 2), {1: 0, 10: 0}
    for seed, restarts in itertools.product(range(10), losses):
        labels, centers = k_means(x, 8, restarts=restarts, generator=torch.Generator().manual_seed(seed))
        losses[restarts] += (x - centers[labels]).square().sum()
    assert losses[10] < losses[1]


def test_first_centers_are_far_apart(generator):
    places = torch.tensor([[0.0], [1.0], [5.0]], dtype=torch.float64).repeat(20, 1)
    for draws in torch.rand(50, 3, dtype=torch.float64, generator=generator):
        assert graphs._first_centers(places, draws).flatten().sort().values.tolist() == [0, 1, 5]


def test_copies_leave_clusters_empty():
    x = torch.tensor([[1.0], [1.0], [5.0], [5.0], [5.0]])
    labels, centers = k_means(x, 4)
    assert torch.equal(centers[labels], x)
    assert centers.isfinite().all()
    assert k_means(torch.ones(3, 2), 3)[1].tolist() == [[1, 1]] * 3


def test_a_center_that_loses_all_takes_the_farthest():
    points = torch.tensor([[0.0], [1.0], [2.0], [30.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 0])
    found = graphs._means(points, labels, points[[1, 1]])
    assert found.tolist() == [[8.25], [30]]


@both_layouts
def test_clusters_of_a_planted_graph(layout, generator):
    graph, labels = planted(generator)
    assert same_clusters(spectral_clustering(layout(graph), 3), labels)
    theirs = SpectralClustering(3, affinity="precomputed", random_state=0).fit(graph.numpy()).labels_
    assert same_clusters(theirs, labels)
    apart = torch.where(labels == labels.unsqueeze(1), graph, 0)
    assert same_clusters(spectral_clustering(layout(apart), 3), labels)


def test_clusters_repeat_from_a_generator(normal):
    x = normal(80, 3)
    graph = knn_graph(x, 6)
    for cluster in (
        lambda g: k_means(x, 5, restarts=1, generator=g)[0],
        lambda g: spectral_clustering(graph, 5, generator=g),
    ):
        first, second = (cluster(torch.Generator().manual_seed(3)) for _ in "ab")
        assert torch.equal(first, second)
    several = {
        tuple(k_means(x, 5, restarts=1, generator=torch.Generator().manual_seed(s))[0].tolist()) for s in range(9)
    }
    assert len(several) > 1


def ncut(graph, side):
    cut = graph[side][:, ~side].sum()
    return cut / graph[side].sum() + cut / graph[~side].sum()


@both_layouts
def test_a_cut_by_hand(layout):
    graph = torch.zeros(4, 4, dtype=torch.float64)
    for i, j, weight in ((0, 1, 3.0), (1, 2, 0.5), (2, 3, 2.0), (0, 3, 0.25)):
        graph[i, j] = graph[j, i] = weight
    labels, value = normalized_cut(layout(graph))
    assert labels.tolist() == [0, 0, 1, 1]
    torch.testing.assert_close(value.item(), 0.75 / 6.75 + 0.75 / 4.75)


@both_layouts
def test_a_cut_is_the_best_threshold_and_its_value_exact(layout, weighted):
    labels, value = normalized_cut(layout(weighted))
    edges = weighted.sum(1) > 0
    part = weighted[edges][:, edges]
    torch.testing.assert_close(value, ncut(part, labels[edges] == 1))
    assert labels[edges][0] == 0
    assert (labels[~edges] == 0).all()
    values, vectors = spectral_embedding(part, 2)
    assert values[1] <= value + 1e-9
    order = (vectors[:, 1] / part.sum(1).sqrt()).argsort()
    each = [ncut(part, torch.isin(torch.arange(len(part)), order[:t])) for t in range(1, len(part))]
    if values.diff().abs() > 1e-9 and (spectral_embedding(part, 3)[0].diff() > 1e-9).all():
        torch.testing.assert_close(value, torch.stack(each).min())


def test_faint_edges_are_cut_as_well_as_others(generator):
    for _ in range(30):
        places = torch.randn(8, 2, dtype=torch.float64, generator=generator)
        graph = weight_edges(1 - torch.eye(8).double(), places, bandwidth=0.2)
        graph = (graph + graph.T) / 2
        order = (spectral_embedding(graph, 2)[1][:, 1] / graph.sum(1).sqrt()).argsort(stable=True)
        each = torch.stack([ncut(graph, torch.isin(torch.arange(8), order[:t])) for t in range(1, 8)])
        torch.testing.assert_close(normalized_cut(graph)[1], each.min())
    apart = torch.block_diag(1e30 * planted(generator, (6, 6))[0], planted(generator, (6, 6))[0])
    assert normalized_cut(apart)[1] == 0


def test_a_cut_is_scikit_images(generator):
    graph, labels = planted(generator, (12, 18))
    found, value = normalized_cut(graph)
    assert same_clusters(found, labels)
    regions = skimage_graph.RAG()
    for i, j in itertools.combinations(range(30), 2):
        regions.add_edge(i, j, weight=graph[i, j].item())
    for node in range(30):
        regions.nodes[node]["labels"] = [node]
    theirs = ncut_cost(found.numpy() == 0, *DW_matrices(regions))
    torch.testing.assert_close(value.item(), theirs)
    cut = skimage_graph.cut_normalized(np.arange(30), regions, thresh=1.01 * value.item(), rng=0)
    assert same_clusters(cut, found)


@both_layouts
def test_what_is_apart_is_cut_for_nothing(layout, generator):
    graph, labels = planted(generator, (5, 9), between=0.0)
    found, value = normalized_cut(layout(graph))
    assert same_clusters(found, labels)
    assert value == 0
    loops = torch.eye(3, dtype=torch.float64)
    assert normalized_cut(layout(loops))[1] == 0
    assert normalized_cut(grid_graph((1, 2)))[1] == 2


# Labels that spread


@both_layouts
def test_labels_spread_to_where_walks_meet_them(layout, weighted):
    number = len(weighted)
    labels = torch.full((number,), -1)
    labels[0], labels[number - 1] = 1, 0
    found, scores = label_propagation(layout(weighted), labels, steps=5000, return_scores=True)
    walk = normalize_adjacency(weighted, self_loops=False, mode="row")
    component = torch.from_numpy(csgraph.connected_components(weighted.numpy())[1])
    unknown = (labels == -1) & torch.isin(component, component[labels >= 0])
    known = torch.nn.functional.one_hot(labels.clamp(min=0), 2).double()[labels >= 0]
    inside = torch.eye(int(unknown.sum()), dtype=torch.float64) - walk[unknown][:, unknown]
    harmonic = torch.linalg.solve(inside, walk[unknown][:, labels >= 0] @ known)
    torch.testing.assert_close(scores[unknown], harmonic, atol=1e-6, rtol=0)
    assert torch.equal(found[unknown], harmonic.argmax(1))
    assert torch.equal(found[labels >= 0], labels[labels >= 0])
    assert found[2] == -1


def test_labels_travel_one_edge_a_step():
    labels = torch.tensor([0, -1, -1, -1, -1], dtype=torch.int32)
    for steps in range(5):
        found = label_propagation(grid_graph((1, 5)), labels, steps=steps)
        assert found.tolist() == [0] * (steps + 1) + [-1] * (4 - steps)
        assert found.dtype == torch.int32


# Both layouts, every dtype, and gradients


FUNCTIONS = {
    "normalize": normalize_adjacency,
    "walk": lambda graph: normalize_adjacency(graph, mode="row", self_loops=False),
    "laplacian": lambda graph: laplacian(graph, normalization="symmetric"),
    "embedding": lambda graph: spectral_embedding(graph, 3),
    "clustering": lambda graph: spectral_clustering(graph, 2, generator=torch.Generator().manual_seed(0)),
    "cut": normalized_cut,
    "labels": lambda graph: label_propagation(graph, torch.tensor([0, 1] + [-1] * (len(graph) - 2))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layouts_and_dtypes_answer_alike(name, weighted):
    function = FUNCTIONS[name]
    expected = function(weighted)
    for graph in (by_rows(weighted), (weighted > 0), by_rows(weighted > 0)):
        known = expected if graph.dtype == torch.float64 else function((weighted > 0).float())
        for found, part in zip(*map(parts, (function(graph), known)), strict=True):
            torch.testing.assert_close(dense(found), part)


@both_layouts
def test_a_boolean_graph_takes_the_dtype_of_what_it_filters(layout, weighted, normal):
    x, graph = normal(len(weighted), 2), weighted > 0
    torch.testing.assert_close(diffuse(x, layout(graph), 1), graph.double() @ x)


@both_layouts
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(layout, dtype, weighted, normal):
    graph, x = layout(weighted.to(dtype)), normal(len(weighted), 4).to(dtype)
    near = {"atol": 0.05, "rtol": 0.05}
    for function in (normalize_adjacency, laplacian):
        found = function(graph)
        assert found.dtype == dtype
        torch.testing.assert_close(dense(found).double(), function(weighted), **near)
    smooth = normalize_adjacency(graph)
    found = graph_convolution(x, smooth, torch.eye(4, dtype=dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), normalize_adjacency(weighted) @ x.double(), **near)
    far = weight_edges(graph, 300 * x, bandwidth=300)  # distances whose squares half precision does not hold
    assert far.dtype == dtype
    torch.testing.assert_close(dense(far).double(), weight_edges(weighted, x.double(), bandwidth=1.0), **near)
    floating = *spectral_embedding(graph, 2), normalized_cut(graph)[1], k_means(x, 2)[1]
    for part in (*floating, GraphAttention(4, 2, dtype=dtype)(x, smooth)):
        assert part.dtype == dtype


@both_layouts
def test_autocast(layout, weighted, normal):
    graph, x = layout(normalize_adjacency(weighted).float()), normal(len(weighted), 4).float()
    layer, attend = GraphConvolution(4, 3), GraphAttention(4, 4, heads=2)
    expected = layer(x, graph), attend(x, graph)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(x, graph), attend(x, graph)
        walk = normalize_adjacency(graph, mode="row")
    torch.testing.assert_close(dense(walk), dense(normalize_adjacency(graph, mode="row")))
    for part, known in zip(found, expected, strict=True):
        torch.testing.assert_close(part.float(), known, atol=0.05, rtol=0.05)


@both_layouts
def test_gradients(layout, weighted, normal):
    graph = layout(weighted)
    x, weight = normal(len(weighted), 3).requires_grad_(), normal(3, 2).requires_grad_()
    coefficients = normal(3).requires_grad_()
    layer, attend = GraphConvolution(3, 2, dtype=torch.float64), GraphAttention(3, 4, heads=2, dtype=torch.float64)
    smooth = normalize_adjacency(graph)
    assert gradcheck(lambda x, w: graph_convolution(x, smooth, w), (x, weight))
    assert gradcheck(lambda x: layer(x, smooth), x)
    assert gradcheck(lambda x: attend(x, smooth), x)
    assert gradcheck(lambda x: diffuse(x, smooth, 2), x)
    assert gradcheck(lambda x, c: chebyshev_filter(x, laplacian(graph), c), (x, coefficients))


@both_layouts
def test_gradients_of_the_weights(layout, weighted, normal):
    features, x = normal(len(weighted), 2).requires_grad_(), normal(len(weighted), 3).requires_grad_()
    graph = layout(weighted)
    labels = torch.tensor([0, 1] + [-1] * (len(weighted) - 2))
    ways = (
        lambda g: diffuse(x, normalize_adjacency(g), 2),
        lambda g: diffuse(x, normalize_adjacency(g, self_loops=False, mode="row"), 2),
        lambda g: diffuse(x, laplacian(g, normalization="symmetric"), 1),
        lambda g: label_propagation(g, labels, steps=3, return_scores=True)[1],
    )
    for way in ways:
        # All ways use x, or the check would ask for its gradient in vain.
        assert gradcheck(lambda f, x, way=way: way(weight_edges(graph, f, bandwidth=1.5)) + x.sum(), (features, x))


@both_layouts
def test_gradients_of_a_graph_that_comes_with_them(layout, directed, normal):
    x, found = normal(len(directed), 3), {}
    for way in (layout, LAYOUTS["dense"]):
        graph = way(directed).requires_grad_()
        diffuse(x, normalize_adjacency(graph), 2).square().sum().backward()
        found[way] = dense(graph.grad) * (directed != 0)
    torch.testing.assert_close(found[layout], found[LAYOUTS["dense"]])


@both_layouts
def test_second_gradients(layout, normal):
    graph, weight = layout(grid_graph((2, 2), dtype=torch.float64) * normal(4, 4).abs()), normal(2, 2)
    ways = (
        lambda features, weight: graph_convolution(features, weight_edges(graph, features, bandwidth=1.5), weight),
        lambda features, weight: dense(laplacian(weight_edges(graph, features, bandwidth=1.5))) + weight.sum(),
    )
    for way in ways:
        given = normal(4, 2).requires_grad_(), weight.requires_grad_()
        assert gradcheck(way, given)
        assert gradgradcheck(way, given)


def test_many_dense_graphs_at_once(weighted, normal):
    several, features = torch.stack([weighted, 2 * weighted]), normal(2, len(weighted), 3)
    ways = {
        normalize_adjacency: (several,),
        laplacian: (several,),
        lambda graph, x: weight_edges(graph, x, bandwidth=1.5): (several, features),
        lambda graph, x: diffuse(x, graph, 2): (several, features),
    }
    for way, given in ways.items():
        torch.testing.assert_close(
            torch.vmap(way)(*given), torch.stack([way(*each) for each in zip(*given, strict=True)])
        )


def test_the_gradient_of_a_large_graph_is_never_dense(normal):
    features = normal(3000, 2).requires_grad_()
    with torch.profiler.profile(profile_memory=True) as profile:
        graph = weight_edges(knn_graph(features, 4), features, bandwidth=1.0)
        diffuse(features, normalize_adjacency(graph), 2).square().sum().backward()
    assert features.grad.isfinite().all()
    most = max(event.nbytes() for event in profile.profiler.kineto_results.events() if event.name() == "[memory]")
    assert most < 8 * 1024 * 3100  # one block of the neighbors' search, and far from 8 · 3000²


def test_layers_are_copied_and_kept():
    for layer in (GraphConvolution(3, 4), GraphAttention(3, 4, heads=2)):
        x, graph = torch.ones(6, 3), normalize_adjacency(grid_graph((2, 3)))
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert torch.equal(layer(x, graph), other(x, graph))
    assert "3, 4, bias=True" in repr(GraphConvolution(3, 4))
    assert "heads=2" in repr(GraphAttention(3, 4, heads=2))


# What is not a graph


ADJACENCY = {
    "normalize": normalize_adjacency,
    "laplacian": laplacian,
    "embedding": lambda a: spectral_embedding(a, 1),
    "clustering": lambda a: spectral_clustering(a, 1),
    "cut": normalized_cut,
    "labels": lambda a: label_propagation(a, torch.zeros(len(a), dtype=torch.int64)),
}
USING = {
    "convolution": lambda a: graph_convolution(torch.zeros(3, 2), a, torch.zeros(2, 2)),
    "diffuse": lambda a: diffuse(torch.zeros(3, 2), a, 1),
    "filter": lambda a: chebyshev_filter(torch.zeros(3, 2), a, torch.zeros(2)),
    "layer": lambda a: GraphConvolution(2, 3)(torch.zeros(3, 2), a),
    "attention": lambda a: GraphAttention(2, 3)(torch.zeros(3, 2), a),
    "weights": lambda a: weight_edges(a, torch.zeros(3, 2), bandwidth=1.0),
}


@pytest.mark.parametrize("name", ADJACENCY | USING)
def test_what_is_no_adjacency_is_refused(name):
    function = (ADJACENCY | USING)[name]
    with pytest.raises(ValueError, match=r"square \(N, N\), got \(3, 2\)"):
        function(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="must have shape"):
        function(torch.zeros(2, 3, 3))
    with pytest.raises(ValueError, match="must not be empty"):
        function(torch.zeros(0, 0))
    with pytest.raises(ValueError, match=r"dense or CSR, got torch\.sparse_coo"):
        function(torch.eye(3).to_sparse())
    with pytest.raises(ValueError, match="must hold floating-point"):
        function(torch.eye(3).int())
    if name in USING:
        with pytest.raises(ValueError, match="nodes does not fit"):
            function(torch.eye(4))
        with pytest.raises(ValueError, match="dtypes differ"):
            function(torch.eye(3).double())
        with pytest.raises(ValueError, match="devices differ"):
            function(torch.eye(3, device="meta"))


@both_layouts
@pytest.mark.parametrize("name", ADJACENCY)
def test_weights_that_are_no_weights_are_refused(name, layout):
    for bad in (-1.0, math.nan, math.inf):
        graph = torch.tensor([[0.0, bad], [bad, 1.0]])
        with pytest.raises(ValueError, match="finite weights of at least 0"):
            ADJACENCY[name](layout(graph))


@both_layouts
@pytest.mark.parametrize("name", ["embedding", "clustering", "cut"])
def test_directed_graphs_are_refused_where_they_have_no_meaning(name, layout):
    directed = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    for scale in ("1", "1e-09"):
        with pytest.raises(ValueError, match=f"symmetric, but a_ij and a_ji differ by up to {scale};"):
            ADJACENCY[name](layout(float(scale) * directed))
    ADJACENCY[name](layout(1e9 * (directed + directed.T) + 1e-2 * directed))


def refused(message, function, *given, **options):
    with pytest.raises(ValueError, match=message):
        function(*given, **options)


def test_bad_input_is_refused():
    x, graph = torch.zeros(3, 2), torch.eye(3)
    refused("grid must be a pair", grid_graph, 4)
    refused("connectivity must be 4 or 8, got 6", grid_graph, (2, 2), connectivity=6)
    refused("connectivity must be a whole number", grid_graph, (2, 2), connectivity=torch.tensor([4, 8]))
    refused("k = 3 neighbors are more than the 2 other patches", knn_graph, x, 3)
    refused("k must be a whole number of at least 1", knn_graph, x, 0)
    refused(r"features must have shape \(N, D\)", knn_graph, x[0], 1)
    refused("features must be finite", knn_graph, x / 0, 1)
    refused("features must hold floating-point", knn_graph, x.int(), 1)
    refused("radius must be a finite number of at least 0", radius_graph, x, -1)
    refused("positions must be finite", radius_graph, x / 0, 1)
    for layout in LAYOUTS.values():
        refused("bandwidth must be a finite number above 0", weight_edges, layout(graph), x, bandwidth=0)
    refused("mode must be symmetric or row, got 'both'", normalize_adjacency, graph, mode="both")
    for mode in ("row", ["symmetric"]):
        refused("normalization must be None", laplacian, graph, normalization=mode)
    refused(r"weight must have shape \(2, E\)", graph_convolution, x, graph, torch.zeros(3, 2))
    refused("dtypes differ", graph_convolution, x, graph, torch.zeros(2, 2).double())
    refused("in_dim must be a whole number", GraphConvolution, 0, 2)
    refused("steps must be a whole number of at least 0", diffuse, x, graph, -1)
    refused(r"coefficients must have shape \(K\)", chebyshev_filter, x, graph, torch.zeros(1, 1))
    refused("lambda_max must be a finite number above 0", chebyshev_filter, x, graph, torch.zeros(1), lambda_max=0)
    for cluster in (spectral_embedding, spectral_clustering):
        refused("k must be at most N = 3, got 4", cluster, graph, 4)
    refused("generator must be a torch.Generator", spectral_clustering, graph, 2, generator=1)
    refused("nothing to cut: 0 of 3 nodes have edges", normalized_cut, 0 * graph)
    refused("nothing to cut: 0 of 1 nodes", normalized_cut, torch.zeros(1, 1))
    refused("k must be at most N = 3, got 4", k_means, x, 4)
    refused("x must be finite", k_means, x / 0, 2)
    refused("restarts must be a whole number", k_means, x, 2, restarts=0)
    labels = torch.tensor([0, -1, 1])
    refused(r"labels must have shape \(3,\)", label_propagation, graph, labels[:2])
    refused("labels must be whole numbers", label_propagation, graph, labels.double())
    refused("labels must be −1 where unknown and name at least one", label_propagation, graph, labels * 0 - 1)
    refused("labels must be −1 where unknown", label_propagation, graph, labels - 1)
    refused("3 heads do not divide out_dim 4", GraphAttention, 2, 4, heads=3)
    refused(r"x must be \(…, N, 3\)", GraphAttention(3, 4), x, graph)


# What the chapter shows


def test_neighborhoods_help_to_find_the_regions_of_a_mosaic():
    near, scores = radius_graph(patch_centers((16, 16)), 3.5), []
    for seed in range(4):
        image, labels = texture_mosaic(generator=torch.Generator().manual_seed(seed))
        features = standardize(patch_spectrum(patchify(image[None], 16)[0]))
        bandwidth = squared_distances(features).sqrt().median().item() / 4
        graph = weight_edges(near, features, bandwidth=bandwidth)
        generator = torch.Generator().manual_seed(0)
        found = k_means(features, 3, generator=generator)[0], spectral_clustering(graph, 3, generator=generator)
        scores.append([metrics.adjusted_rand_score(labels, each) for each in found])
    alone, together = np.mean(scores, axis=0)
    assert alone < 0.6
    assert together > alone + 0.1


def test_the_stored_scores_are_of_the_networks_of_the_chapter():
    scores, by_depth = json.loads(measure_graphs.SCORES.read_text("utf8")), measure_graphs.recipe()["by_depth"]
    assert {depth: list(scores[str(depth)]) for depth in by_depth} == {d: list(by_depth[d]) for d in by_depth}
    for runs in itertools.chain(*(networks.values() for networks in scores.values())):
        assert np.shape(runs) == (len(measure_graphs.SEEDS), 3)
        assert np.min(runs) >= 0
        assert np.max(runs) <= 100
