"""The exercises of chapter 6."""

import itertools

import torch

from patchwork.attention import attention_weights
from patchwork.exercises._judges import function, waves
from patchwork.graphs import graph_convolution, grid_graph, laplacian, normalize_adjacency


@function("graphs.cut")
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


@function("graphs.edges")
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


@function("graphs.opposites")
def _opposites():
    for graph in (_graph(2, [(0, 1)]), _graph(4, [(0, 1), (1, 2), (0, 3)]), _symmetric(waves(5, 5).abs())):
        half = laplacian(graph, normalization="symmetric") / 2
        x = waves(len(graph), 2)
        yield {"x": x, "W": graph}, half @ half @ x


@function("graphs.attention")
def _attention():
    one_names_less = torch.tensor([[90.0, 45, 60], [26, 78, 91], [78, 91, 26]]) / 195  # 2 gives 0 much, but names 1
    others = ((number, 2 - (number < 4)) for number in (2, 3, 4, 6))
    relations = ((attention_weights(3 * waves(number, 2), waves(number + 1, 2)[1:]), k) for number, k in others)
    for relation, k in ((one_names_less, 1), *relations):
        others = relation.clone().fill_diagonal_(0)
        named = torch.zeros_like(others).scatter(1, others.topk(k, dim=1).indices, 1)
        yield {"A": relation, "k": k}, torch.maximum(others * named, (others * named).T)


def _graph(number, pairs):
    graph = torch.zeros(number, number)
    for first, second in pairs:
        graph[first, second] = graph[second, first] = 1
    return graph


def _symmetric(weights):
    upper = weights.triu(1)
    return upper + upper.T


def _smallest_ncut(weights):
    number, degrees = len(weights), weights.sum(1)
    cuts = []
    for rest in itertools.product((False, True), repeat=number - 1):
        inside = torch.tensor([True, *rest])
        if not inside.all():
            cut = weights[inside][:, ~inside].sum()
            cuts.append((cut / degrees[inside].sum() + cut / degrees[~inside].sum()).item())
    return min(cuts)
