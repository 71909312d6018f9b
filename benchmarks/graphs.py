"""Chapter 6: graph convolution beside PyTorch Geometric's, spectra and clusters beside scikit-learn's."""

import warnings

import threadpoolctl
import torch
from sklearn import manifold
from sklearn.cluster import SpectralClustering

from benchmarks.measure import compare, growth
from patchwork import _adjacency
from patchwork.graphs import (
    GraphConvolution,
    grid_graph,
    knn_graph,
    normalize_adjacency,
    spectral_clustering,
    spectral_embedding,
)

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # what it does to torch's own scripts
    from torch_geometric.nn import GCNConv

WIDTH, NEIGHBORS, CLUSTERS = 64, 8, 3
GROWING, SPECTRAL = (1024, 4096, 16384, 65536), (1024, 2304, 4096, 16384)


def comparisons(device):
    """Return a row per function, size and peer."""
    with threadpoolctl.threadpool_limits(1):
        rows = _convolution(196, 0.5, device) + _convolution(16384, 0.1, device)
        for number, reach in {1024: 0.5, 4096: 0.2}.items():  # at 16384 scikit-learn takes a minute a call
            rows += _spectral(_neighbors(number, device), "neighbors, k 8", reach, device)
        return rows + _spectral(grid_graph((64, 64), device=device), "a grid", None, device)


def growths(device):
    """Return how time and memory grow with the nodes: each has about 10 edges here, so also with the edges."""
    smooth = {number: normalize_adjacency(_neighbors(number, device)) for number in GROWING}
    x = {number: torch.randn(number, WIDTH, device=device) for number in GROWING}
    layer = GraphConvolution(WIDTH, WIDTH, device=device)
    graphs = {number: _neighbors(number, device) for number in SPECTRAL}
    grids = {number: grid_graph((round(number**0.5),) * 2, device=device) for number in SPECTRAL}
    with threadpoolctl.threadpool_limits(1):
        return [
            _growth(
                f"GraphConvolution, {WIDTH} → {WIDTH}, neighbors", lambda n: layer(x[n], smooth[n]), GROWING, device
            ),
            _growth("spectral_embedding, k 3, neighbors", lambda n: spectral_embedding(graphs[n], 3), SPECTRAL, device),
            _growth("spectral_embedding, k 3, a grid", lambda n: spectral_embedding(grids[n], 3), SPECTRAL, device),
        ]


def _growth(name, of_size, sizes, device):
    return growth(name, "N", {number: lambda number=number: of_size(number) for number in sizes}, device)


def _neighbors(number, device):
    """Tie each of three heaps of patches in ten dimensions to the eight most like it."""
    heaps = 4 * torch.eye(CLUSTERS, 10, device=device).repeat_interleave(-(-number // CLUSTERS), 0)[:number]
    return knn_graph(heaps + torch.randn(number, 10, device=device), NEIGHBORS)


def _convolution(number, reach, device):
    # The adjacency is normalized once and then used, as in training. PyTorch Geometric does so where told ("cached");
    # by itself it normalizes at each call. Ours is dense at 196 nodes, which costs some microseconds over CSR.
    graph, x = _neighbors(number, device), torch.randn(number, WIDTH, device=device)
    smooth, by_rows = normalize_adjacency(graph), _by_rows(graph)
    edges = by_rows.to_sparse_coo().indices().flip(0).contiguous()
    ours, peers = GraphConvolution(WIDTH, WIDTH, device=device), {}
    for layout, given, wanted in (("edge_index", edges, reach), ("CSR", by_rows, 1.0)):
        for name, cached in (("", False), (", cached", True)):
            layer = GCNConv(WIDTH, WIDTH, cached=cached).to(device)
            layer.load_state_dict({"lin.weight": ours.weight.T, "bias": ours.bias})
            peers[f"PyG GCNConv, {layout}{name}"] = (lambda layer=layer, given=given: layer(x, given), wanted)
    size = f"N {number}, {WIDTH} → {WIDTH}, {edges.shape[1]} edges"
    with torch.sparse.check_sparse_tensor_invariants(False):
        for peer, _ in peers.values():
            torch.testing.assert_close(peer(), ours(x, smooth), atol=1e-4, rtol=1e-4)
        return compare("GraphConvolution", size, lambda: ours(x, smooth), peers, device)


def _by_rows(graph):
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # torch calls the layout a beta
        graph = graph if graph.layout is torch.sparse_csr else graph.to_sparse_csr()
        places = graph.crow_indices().long(), graph.col_indices().long()
        return torch.sparse_csr_tensor(*places, graph.values(), graph.shape, check_invariants=False)


def _spectral(graph, name, reach, device):
    matrix = _adjacency.to_scipy(graph)
    theirs = SpectralClustering(CLUSTERS, affinity="precomputed", random_state=0)
    cluster = {"scikit-learn, SpectralClustering": (lambda: theirs.fit(matrix), reach)}
    embed = {"scikit-learn, spectral_embedding": (lambda: _embedding(matrix), None)}
    size = f"N {len(graph)}, {name}, k {CLUSTERS}"

    def ours():
        return spectral_clustering(graph, CLUSTERS, generator=torch.Generator().manual_seed(0))

    return [
        *compare("spectral_embedding", size, lambda: spectral_embedding(graph, CLUSTERS), cluster | embed, device),
        *compare("spectral_clustering", size, ours, cluster, device),
    ]


def _embedding(matrix):
    return manifold.spectral_embedding(matrix, n_components=CLUSTERS, drop_first=False, random_state=0)
