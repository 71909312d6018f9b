"""The formulas of the graph explorer's page, held against the library."""

import itertools
from functools import partial

import pytest
import torch
from linker import floats
from sklearn.metrics import adjusted_rand_score

from patchwork import graphs
from patchwork.explorers.graphs.look import in_order
from patchwork.similarity import standardize


def plain(features):
    return {"rows": features.flatten().tolist(), "count": features.shape[0], "dim": features.shape[1]}


def doubles(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.fixture
def call(formulas):
    return partial(formulas, "graphs/formulas.mjs")


def test_standardized_features_are_the_librarys(call, rng):
    features = torch.randn(rng.randint(2, 20), 5, dtype=torch.float64) * torch.tensor([1, 100, 0.01, 3, 1])
    features[:, 3], features[:, 4] = 0.1, 0.1 + 1e-17 * torch.arange(len(features))
    found = call("standardized", [floats(row)["floats"] for row in features])
    rows = doubles(found["rows"]).view(-1, 5)
    torch.testing.assert_close(rows, standardize(features.round(decimals=9)), atol=2**-17 + 1e-12, rtol=0)
    assert torch.equal(rows * 2**16, (rows * 2**16).round())
    assert (rows[:, 3:] == 0).all()


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_neighbors_are_the_librarys_copies_and_ties_among_them(call, rng, levels):
    features = torch.randint(levels, (rng.randint(16, 60), 3)).double()
    k = rng.randint(1, 15)
    squared = call("squaredDistances", plain(features))
    assert squared == (features[:, None] - features).square().sum(-1).flatten().tolist()
    edges = call("nearestEdges", {"floats": squared}, len(features), k)
    assert edges == graphs.knn_graph(features, k).triu().nonzero().tolist()


@pytest.mark.parametrize("radius", [1, 1.5, 2.5, 3, 4, 5**0.5])
def test_a_radius_is_the_librarys(call, rng, radius):
    grid = rng.randint(1, 9), rng.randint(2, 9)
    places = torch.cartesian_prod(*(torch.arange(side).double() for side in grid))
    edges = call("radiusEdges", grid, radius)
    assert edges == graphs.radius_graph(places, radius).triu().nonzero().tolist()
    if radius == 1:
        assert edges == graphs.grid_graph(grid).triu().nonzero().tolist()


def test_weights_are_the_librarys(call):
    features = torch.randn(30, 4, dtype=torch.float64)
    edges = graphs.knn_graph(features, 4).triu().nonzero()
    squared = (features[edges[:, 0]] - features[edges[:, 1]]).square().sum(1)
    assert call("medianLength", floats(squared)) == pytest.approx(squared.sqrt().median().item())
    assert call("medianLength", {"floats": [0, 0, 4, 9]}) == 2
    assert call("medianLength", {"floats": [0, 0]}) == 0
    weights = graphs.weight_edges(graphs.knn_graph(features, 4), features, bandwidth=0.7)[tuple(edges.T)]
    assert call("edgeWeights", squared.tolist(), 0.7) == pytest.approx(weights.tolist())
    assert set(call("edgeWeights", squared.tolist(), None)) == {1}


def connected(call, adjacency):
    edges = adjacency.triu().nonzero()
    return call("connected", len(adjacency), edges.tolist(), adjacency[tuple(edges.T)].tolist())


def random_graph(rng):
    """Some components, some patches alone, weights of all sizes."""
    number = rng.randint(16, 80)
    weights = torch.rand(number, number, dtype=torch.float64) ** 4 * (torch.rand(number, number) < 0.2)
    weights[: number // 3, number // 3 :] = 0
    weights[3], weights[:, 3] = 0, 0
    return weights.triu(1) + weights.triu(1).T


def check_patterns(found, adjacency, most):
    """Each pattern whose eigenvalue stands alone; of others the spaces that they span."""
    values, vectors = graphs.spectral_embedding(adjacency, most + 1)
    torch.testing.assert_close(doubles(found["values"]), values[:most], atol=1e-9, rtol=0)
    roots = adjacency.sum(1).where(adjacency.sum(1) > 0, 1).sqrt()
    ours = doubles(found["patterns"]).T * roots[:, None]
    assert ours.shape == (len(adjacency), most)
    torch.testing.assert_close(ours.T @ ours, torch.eye(most).double(), atol=1e-8, rtol=0)
    starts = [0, *((values.diff() > 1e-4).nonzero().flatten() + 1).tolist()]
    for start, end in itertools.pairwise(starts):
        one, other = ours[:, start:end], vectors[:, start:end]
        torch.testing.assert_close(one @ one.T, other @ other.T, atol=1e-6, rtol=0)
        if end == start + 1:
            torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_patterns_are_the_librarys(call, rng):
    adjacency = random_graph(rng)
    graph = connected(call, adjacency)
    torch.testing.assert_close(doubles(graph["degrees"]), adjacency.sum(1))
    assert graph["components"] >= 3
    check_patterns(call("slowPatterns", graph, 12), adjacency, 12)


@pytest.mark.parametrize(
    "adjacency",
    [
        graphs.grid_graph((12, 12), dtype=torch.float64),  # eigenvalues that come twice
        graphs.grid_graph((4, 4), dtype=torch.float64),
        torch.ones(20, 20, dtype=torch.float64) - torch.eye(20),  # one that comes 19 times
        torch.eye(20, dtype=torch.float64).roll(1, 0) + torch.eye(20, dtype=torch.float64).roll(-1, 0),  # a ring
        torch.block_diag(*[1 - torch.eye(2, dtype=torch.float64)] * 8),  # pairs: 8 components
        torch.block_diag(*[1 - torch.eye(4, dtype=torch.float64)] * 4) * 1e-30,
        torch.zeros(18, 18, dtype=torch.float64),  # nobody is tied
        torch.zeros(18, 18, dtype=torch.float64).index_fill(0, torch.tensor([0]), 1).fill_diagonal_(0),
    ],
    ids=["grid", "small grid", "complete", "ring", "pairs", "faint", "nothing", "star"],
)
def test_patterns_of_graphs_with_equal_eigenvalues(call, adjacency):
    adjacency = torch.maximum(adjacency, adjacency.T)
    check_patterns(call("slowPatterns", connected(call, adjacency), 12), adjacency, 12)


@pytest.mark.parametrize("k", [2, 3, 8])
def test_k_means_is_the_librarys_with_its_draws(call, rng, k):
    points = torch.randn(60, 3, dtype=torch.float64) + 4 * torch.randint(4, (60, 1))
    points[5:9] = points[4]
    draws = torch.rand(10, k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels, _ = graphs.k_means(points, k, generator=torch.Generator().manual_seed(0))
    assert call("kMeans", plain(points), k, draws.flatten().tolist()) == in_order(labels).tolist()


def test_k_means_of_fewer_different_rows_than_clusters(call):
    points = torch.tensor([[0.0], [0.0], [5.0], [5.0], [0.0]], dtype=torch.float64)
    draws = torch.rand(10, 4, generator=torch.Generator().manual_seed(0)).flatten().tolist()
    assert call("kMeans", plain(points), 4, draws) == [0, 0, 1, 1, 0]


def test_the_rand_index_is_scikit_learns(call, rng):
    for clusters in (1, 2, 5):
        one, other = torch.randint(3, (40,)).tolist(), torch.randint(clusters, (40,)).tolist()
        assert call("randIndex", one, other) == pytest.approx(adjusted_rand_score(one, other))
    assert call("randIndex", one, [7 - label for label in one]) == 1
    assert call("randIndex", [0] * 9, [1] * 9) == adjusted_rand_score([0] * 9, [1] * 9) == 1


def test_walks_and_diffusion_are_the_librarys(call, rng):
    adjacency, features = random_graph(rng), torch.randn(80, 3, dtype=torch.float64)
    features, graph, patch = features[: len(adjacency)], connected(call, adjacency), rng.randrange(16)
    walk = graphs.normalize_adjacency(adjacency, mode="row")
    found = doubles(call("walkFrom", graph, patch, 5))
    torch.testing.assert_close(found, walk.matrix_power(5)[patch])
    found = call("diffused", graph, plain(features))
    torch.testing.assert_close(doubles(found["rows"]).view_as(features), graphs.diffuse(features, walk, 1))
    edges = adjacency.triu().nonzero()
    length = (features[edges[:, 0]] - features[edges[:, 1]]).norm(dim=1).mean().item()
    assert call("meanLength", plain(features), edges.tolist()) == pytest.approx(length)
