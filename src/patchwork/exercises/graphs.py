"""The exercises of chapter 6."""

import itertools

import torch

from patchwork.attention import attention_weights
from patchwork.exercises._judges import function, waves
from patchwork.graphs import graph_convolution, grid_graph, laplacian, normalize_adjacency, normalized_cut


@function(
    "graphs.cut",
    mistakes={
        "the cut alone was made small, and not compared with the sides": lambda W: _smallest(W, lambda cut, *_: cut),
        "the sides were measured by their numbers of nodes, not by their degrees": lambda W: _smallest(
            W, lambda cut, inside, _: cut / inside.sum() + cut / (~inside).sum()
        ),
        "a side was measured by the edges within it, without those that are cut": lambda W: _smallest(
            W, lambda cut, inside, degrees: sum(cut / (degrees[side].sum() - cut) for side in (inside, ~inside))
        ),
        "one side counted, not both": lambda W: _smallest(
            W, lambda cut, inside, degrees: cut / min(degrees[inside].sum(), degrees[~inside].sum())
        ),
        "only the thresholds along one vector were tried": lambda W: normalized_cut(W)[1],
    },
)
def _cut():
    for number in (2, 3, 4, 6):
        weights = _symmetric(waves(number, number).abs() + 0.1)
        yield {"W": weights}, _smallest_ncut(weights)
    row = torch.zeros(4, 4)
    for node, weight in enumerate((3.0, 1.0, 0.5)):
        row[node, node + 1] = row[node + 1, node] = weight
    yield {"W": row}, _smallest_ncut(row)
    # Here no threshold along the second eigenvector finds the best cut.
    missed = torch.tensor([[0.0, 2, 3, 1, 0], [2, 0, 0, 3, 0], [3, 0, 0, 2, 1], [1, 3, 2, 0, 2], [0, 0, 1, 2, 0]])
    yield {"W": missed}, _smallest_ncut(missed)


def _dense(x, edges, *, loops=1.0):
    graph = torch.zeros(len(x), len(x))
    graph[tuple(edges)] = 1
    return graph + loops * torch.eye(len(x))


@function(
    "graphs.edges",
    mistakes={
        "the loops were missing": lambda x, edges, weight: graph_convolution(
            x, normalize_adjacency(_dense(x, edges, loops=0), self_loops=False), weight
        ),
        "the rows were divided by their sums; the division is by two roots": lambda x, edges, weight: graph_convolution(
            x, normalize_adjacency(_dense(x, edges, loops=0), mode="row"), weight
        ),
        "nothing was divided by degrees": lambda x, edges, weight: graph_convolution(x, _dense(x, edges), weight),
        "the degrees were counted without the loops": lambda x, edges, weight: (
            _dense(x, edges)
            / _dense(x, edges, loops=0).sum(1).outer(_dense(x, edges, loops=0).sum(1)).sqrt()
            @ x
            @ weight
        ),
        "the weight was left out": lambda x, edges, weight: normalize_adjacency(_dense(x, edges, loops=0)) @ x,
    },
)
def _edges():
    for number, pairs in ((2, [(0, 1)]), (3, [(0, 1), (1, 2)]), (5, [(0, 1), (0, 2), (0, 4), (1, 2)])):
        graph = _graph(number, pairs)
        x, weight = waves(number, 2), waves(2, 3)
        expected = graph_convolution(x, normalize_adjacency(graph), weight)
        yield {"x": x, "edges": graph.nonzero().T, "weight": weight}, expected


@function("graphs.bipartite")
def _bipartite():
    ring = [(node, (node + 1) % 5) for node in range(5)]
    for number, pairs, expected in (
        (2, [(0, 1)], True),
        (3, [(0, 1), (1, 2), (2, 0)], False),
        (4, [(0, 1), (0, 2), (0, 3)], True),
        (5, ring, False),
        (6, [*ring[:4], (4, 5), (5, 0)], True),
    ):
        yield {"W": _graph(number, pairs)}, expected
    yield {"W": _symmetric(waves(4, 4).abs() + 0.1) * grid_graph((2, 2))}, True
    yield {"W": _graph(31, [(node, (node + 1) % 31) for node in range(31)])}, False  # its largest eigenvalue is 1.995
    yield {"W": grid_graph((3, 4))}, True
    yield {"W": grid_graph((3, 4), connectivity=8)}, False


def _twice(x, W, normalization="symmetric", half=2):
    step = laplacian(W, normalization=normalization) / half
    return step @ (step @ x)


@function(
    "graphs.opposites",
    mistakes={
        "λ was not halved": lambda x, W: _twice(x, W, half=1),
        "the square was missing": lambda x, W: laplacian(W, normalization="symmetric") / 2 @ x,
        "the Laplacian was the random walk's": lambda x, W: _twice(x, W, normalization="random_walk"),
        "the Laplacian was not normalized": lambda x, W: _twice(x, W, normalization=None),
        "what is smooth was kept: (1 − λ/2)²": lambda x, W: (
            _twice(x, W) + x - laplacian(W, normalization="symmetric") @ x
        ),
    },
)
def _opposites():
    for graph in (_graph(2, [(0, 1)]), _graph(4, [(0, 1), (1, 2), (0, 3)]), _symmetric(waves(5, 5).abs())):
        half = laplacian(graph, normalization="symmetric") / 2
        x = waves(len(graph), 2)
        yield {"x": x, "W": graph}, half @ half @ x


def _named(A, k):
    chosen = A.topk(k, dim=1).indices
    return torch.zeros_like(A).scatter(1, chosen, A.gather(1, chosen))


def _others(A):
    return A.clone().fill_diagonal_(0)


@function(
    "graphs.attention",
    mistakes={
        "each patch might name itself": lambda A, k: _others(torch.maximum(_named(A, k), _named(A, k).T)),
        "both patches had to name each other": lambda A, k: torch.minimum(
            _named(_others(A), k), _named(_others(A), k).T
        ),
        "the edges went one way": lambda A, k: _named(_others(A), k),
        "the weights were averaged": lambda A, k: (_named(_others(A), k) + _named(_others(A), k).T) / 2,
        "the weight of a patch that was not named counted too": lambda A, k: (
            torch.maximum(A, A.T) * ((named := _named(_others(A), k)) + named.T > 0)
        ),
        "every edge had the weight 1": lambda A, k: ((named := _named(_others(A), k)) + named.T > 0).float(),
    },
)
def _attention():
    one_names_less = torch.tensor([[90.0, 45, 60], [26, 78, 91], [78, 91, 26]]) / 195  # 2 gives 0 much, but names 1
    others = ((number, 2 - (number < 4)) for number in (2, 3, 4, 6))
    relations = ((attention_weights(3 * waves(number, 2), waves(number + 1, 2)[1:]), k) for number, k in others)
    for relation, k in ((one_names_less, 1), *relations):
        named = _named(_others(relation), k)
        yield {"A": relation, "k": k}, torch.maximum(named, named.T)


def _graph(number, pairs):
    graph = torch.zeros(number, number)
    for first, second in pairs:
        graph[first, second] = graph[second, first] = 1
    return graph


def _symmetric(weights):
    upper = weights.triu(1)
    return upper + upper.T


def _smallest_ncut(weights):
    return _smallest(weights, lambda cut, inside, d: cut / d[inside].sum() + cut / d[~inside].sum())


def _smallest(weights, cost):
    """Return the smallest cost of all cuts, of what is cut, the one side, and the degrees."""
    number, degrees, cuts = len(weights), weights.sum(1), []
    for rest in itertools.product((False, True), repeat=number - 1):
        inside = torch.tensor([True, *rest])
        if not inside.all():
            cuts.append(float(cost(weights[inside][:, ~inside].sum(), inside, degrees)))
    return min(cuts)
