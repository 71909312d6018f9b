"""Graphs: patches are nodes, relations are edges; cuts of the graph give regions, a filter over it gives a GCN.

A graph is its adjacency matrix (N, N): row i asks, column j answers, a_ij is the weight of the edge and 0 where there
is none. It is dense, or sparse by rows (``torch.sparse_csr``); new graphs are dense up to 512 nodes, and always on MPS.
All functions take both layouts, boolean matrices too, and answer alike.
"""

from typing import Literal, overload

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Integer
from scipy.spatial import cKDTree
from torch import Tensor, nn

from patchwork import _adjacency, _checks, _distances, _spectrum
from patchwork._types import Adjacency, Device, Pair
from patchwork.attention import attention_weights
from patchwork.similarity import gaussian_affinity, nearest_neighbors


def grid_graph(
    grid: Pair,
    *,
    connectivity: Literal[4, 8] = 4,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "N N"]:
    """Return the graph of a grid of patches: each is tied to those it touches.

    With ``connectivity`` 4 to the patches above, below, left and right, with 8 to the diagonal ones too. All weights
    are 1.

    Shapes: grid (rows, columns) → (N, N) with N = rows·columns, symmetric, zeros on the diagonal.
    Raises ValueError where grid is no pair, or connectivity not 4 or 8. Derived in chapter 6.

    >>> grid_graph((1, 3))
    tensor([[0., 1., 0.],
            [1., 0., 1.],
            [0., 1., 0.]])
    """
    rows, columns = _checks.pair("grid", grid)
    if _checks.count("connectivity", connectivity) not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    device, dtype = _checks.placement(device, dtype)
    places = torch.arange(rows * columns, device=device).view(rows, columns)
    ends = [(places[1:], places[:-1]), (places[:, 1:], places[:, :-1])]
    if connectivity == 8:
        ends += [(places[1:, 1:], places[:-1, :-1]), (places[1:, :-1], places[:-1, 1:])]
    first, second = (torch.cat([part.flatten() for part in parts]) for parts in zip(*ends, strict=True))
    there, back = torch.cat([first, second]), torch.cat([second, first])
    return _adjacency.of_pairs(there, back, rows * columns, device=device, dtype=dtype)


def knn_graph(features: Float[Tensor, "N D"], k: int, *, symmetric: bool = True) -> Float[Tensor, "N N"]:
    """Return the graph that ties each patch to the k patches most like it.

    Its own node is left out; among equally near ones the first are chosen. Where ``symmetric``, two patches are tied
    if either chose the other, so a patch that many choose has many edges; else row i has the k chosen by i. All
    weights are 1, and no gradient passes: see ``weight_edges``.

    Shapes: features (N, D) → (N, N), zeros on the diagonal.
    Raises ValueError where k ≥ N, or for numbers that are not finite. Derived in chapter 6.

    >>> knn_graph(torch.tensor([[0.0], [1.0], [3.0]]), 1)
    tensor([[0., 1., 0.],
            [1., 0., 1.],
            [0., 1., 0.]])
    """
    number, k = _check_features("features", features)[0], _checks.count("k", k)
    if k >= number:
        raise ValueError(f"k = {k} neighbors are more than the {number - 1} other patches of N = {number}")
    chosen = nearest_neighbors(features.detach(), features.detach(), k + 1)[1]
    own = torch.arange(number, device=features.device).unsqueeze(1)
    # Among many copies a patch may not find itself: then the last one found is left out.
    itself = torch.where(chosen == own, torch.arange(k + 1, device=features.device), k).amin(1, keepdim=True)
    others = torch.arange(k, device=features.device)
    chosen = chosen.gather(1, others + (others >= itself)).flatten()
    own = own.expand(-1, k).flatten()
    if symmetric:
        own, chosen = torch.cat([own, chosen]), torch.cat([chosen, own])
    return _adjacency.of_pairs(own, chosen, number, device=features.device, dtype=features.dtype)


def radius_graph(positions: Float[Tensor, "N D"], radius: float) -> Float[Tensor, "N N"]:
    """Return the graph that ties each patch to all patches at most ``radius`` away, up to the rounding of the dtype.

    Its own node is left out. All weights are 1, and no gradient passes.

    Shapes: positions (N, D), such as the centers of patches → (N, N), symmetric, zeros on the diagonal.
    Raises ValueError where the radius is negative, or for numbers that are not finite. Derived in chapter 6.

    >>> radius_graph(torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), 1)
    tensor([[0., 1., 0.],
            [1., 0., 1.],
            [0., 1., 0.]])
    """
    number = _check_features("positions", positions)[0]
    radius = _checks.number("radius", radius, at_least=0)
    made = {"device": positions.device, "dtype": positions.dtype}
    if not _checks.has_values(positions):
        return torch.zeros(number, number, **made)
    within = radius * (1 + 8 * torch.finfo(positions.dtype).eps)
    pairs = cKDTree(_distances.exact(positions.detach()).cpu().numpy()).query_pairs(within, output_type="ndarray")
    first, second = torch.from_numpy(pairs).long().T
    return _adjacency.of_pairs(torch.cat([first, second]), torch.cat([second, first]), number, **made)


def weight_edges(graph: Adjacency, features: Float[Tensor, "N D"], *, bandwidth: float) -> Float[Tensor, "N N"]:
    """Weigh the edges of a graph by how near their ends are to each other.

    w_ij = a_ij · exp(−‖x_i − x_j‖² / 2σ²), σ the bandwidth, for the edges only: no edge is added. Weights that are
    there already are multiplied, so that a graph can be weighed by features and then by positions.

    Shapes: graph (N, N), features (N, D) → (N, N), in the layout of the graph; differentiable in both.
    Raises ValueError where the bandwidth is not above 0, or where shapes, devices or dtypes do not fit.
    Derived in chapter 6.

    >>> weight_edges(grid_graph((1, 3)), torch.tensor([[0.0], [1.0], [3.0]]), bandwidth=1.0)
    tensor([[0.0000, 0.6065, 0.0000],
            [0.6065, 0.0000, 0.1353],
            [0.0000, 0.1353, 0.0000]])
    """
    _check_features("features", features)
    graph = _adjacency.check_for(features, graph, "graph", "features")
    if not _adjacency.is_sparse(graph):
        return graph * gaussian_affinity(features, bandwidth=bandwidth)
    factor, squared = _distances.gaussian_factor(bandwidth), _adjacency.squared_lengths(graph, features)
    return _adjacency.with_values(graph, _adjacency.weights(graph) * (squared * factor).exp().to(graph.dtype))


def normalize_adjacency(
    adjacency: Adjacency,
    *,
    self_loops: bool = True,
    mode: Literal["symmetric", "row"] = "symmetric",
) -> Float[Tensor, "N N"]:
    """Divide an adjacency matrix by the degrees of its nodes, after tying each node to itself.

    With Ã = A + I (or A, without ``self_loops``) and D̃ its row sums: D̃^-½ Ã D̃^-½ in the mode "symmetric", the GCN's,
    whose eigenvalues lie in (−1, 1]; D̃⁻¹ Ã in the mode "row", a random walk, whose rows sum to 1. A graph that has
    loops already, such as an affinity or attention, gets them twice unless ``self_loops`` is False. A node without
    edges keeps a row of zeros.

    Shapes: adjacency (N, N) → (N, N), in the same layout; differentiable. Of a directed graph the row sums count.
    Raises ValueError where the mode has another name, or weights are negative or not finite.
    Source: Kipf & Welling 2017, equation 2. Derived in chapter 6.

    >>> normalize_adjacency(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """
    adjacency, number = _adjacency.check(adjacency)
    _adjacency.check_weights(adjacency)
    if mode not in ("symmetric", "row"):
        raise ValueError(f"mode must be symmetric or row, got {mode!r}")
    if self_loops:
        adjacency = _adjacency.plus_diagonal(adjacency, _ones(adjacency, number))
    return _divided_by_degrees(adjacency, mode)


def laplacian(
    adjacency: Adjacency,
    *,
    normalization: Literal["symmetric", "random_walk"] | None = None,
) -> Float[Tensor, "N N"]:
    """Return the Laplacian of a graph: what a patch has, minus what its neighbors have.

    L = D − W, D the row sums; "symmetric": I − D^-½ W D^-½; "random_walk": I − D⁻¹ W. For symmetric W the first has
    xᵀ L x = ½ Σ_ij w_ij (x_i − x_j)², and no negative eigenvalue; those of the others lie in [0, 2]. The eigenvalue 0
    comes as often as there are components; a node without edges has a row of zeros, on the diagonal too.

    Shapes: adjacency (N, N) → (N, N), in the same layout; differentiable. Of a directed graph the row sums count.
    Raises ValueError where the normalization has another name, or weights are negative or not finite.
    Source: von Luxburg 2007. Derived in chapter 6.

    >>> laplacian(grid_graph((1, 3)))
    tensor([[ 1., -1.,  0.],
            [-1.,  2., -1.],
            [ 0., -1.,  1.]])
    """
    modes = {None: None, "symmetric": "symmetric", "random_walk": "row"}
    adjacency, _ = _adjacency.check(adjacency)
    _adjacency.check_weights(adjacency)
    if normalization not in list(modes):
        raise ValueError(f"normalization must be None, symmetric or random_walk, got {normalization!r}")
    degrees = _adjacency.row_sums(adjacency)
    if normalization is not None:
        adjacency = _divided_by_degrees(adjacency, modes[normalization])
        degrees = (degrees > 0).to(degrees.dtype)
    return _adjacency.plus_diagonal(_adjacency.negative(adjacency), degrees)


def graph_convolution(
    x: Float[Tensor, "... N D"],
    adjacency: Adjacency,
    weight: Float[Tensor, "D E"],
) -> Float[Tensor, "... N E"]:
    """Let every patch gather from its neighbors, and pass on a linear map of what it gathered: Y = A X W.

    The adjacency is used as given: ``normalize_adjacency`` makes it the GCN's. One term of the spine.

    Shapes: x (…, N, D), adjacency (N, N), weight (D, E) → (…, N, E).
    Raises ValueError where shapes, devices or dtypes do not fit.
    Source: Kipf & Welling 2017, equation 8. Derived in chapter 6.

    >>> graph_convolution(torch.tensor([[1.0], [2.0], [4.0]]), grid_graph((1, 3)), torch.tensor([[1.0, 10.0]]))
    tensor([[ 2., 20.],
            [ 5., 50.],
            [ 2., 20.]])
    """
    adjacency = _adjacency.check_for(x, adjacency)
    width, out = _checks.shape("weight", weight, "D E")
    _checks.together(x=x, weight=weight)
    if width != x.shape[-1]:
        raise ValueError(f"weight must have shape ({x.shape[-1]}, E), got {tuple(weight.shape)}")
    return _adjacency.product(adjacency, x) @ weight if width <= out else _adjacency.product(adjacency, x @ weight)


class GraphConvolution(nn.Module):
    """Gather from the neighbors in a graph: Y = A X W + b, a layer of a GCN.

    The adjacency is used as given; with ``normalize_adjacency(graph)``, made once, this is PyTorch Geometric's
    ``GCNConv``. ``weight`` (in_dim, out_dim) starts uniform after Glorot, ``bias`` (out_dim,) at zero.

    Shapes: x (…, N, in_dim), adjacency (N, N) → (…, N, out_dim).
    Raises ValueError where shapes, devices or dtypes do not fit.
    Source: Kipf & Welling 2017. Derived in chapter 6.

    >>> graph = normalize_adjacency(grid_graph((4, 4)))
    >>> GraphConvolution(3, 5)(torch.zeros(2, 16, 3), graph).shape
    torch.Size([2, 16, 5])
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        bias: bool = True,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a layer with Glorot's initial weights."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        shape = _checks.count("in_dim", in_dim), _checks.count("out_dim", out_dim)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape, device=device, dtype=dtype)))
        self.bias = nn.Parameter(torch.zeros(shape[1], device=device, dtype=dtype)) if bias else None

    def forward(self, x: Float[Tensor, "... N in_dim"], adjacency: Adjacency) -> Float[Tensor, "... N out_dim"]:
        """Return what each patch gathered."""
        gathered = graph_convolution(x, adjacency, self.weight)
        return gathered if self.bias is None else gathered.add_(self.bias)  # fresh memory would take longer than adding

    def extra_repr(self) -> str:
        """Show the widths."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}, bias={self.bias is not None}"


def diffuse(x: Float[Tensor, "... N D"], adjacency: Adjacency, steps: int) -> Float[Tensor, "... N D"]:
    """Let what each patch has spread over the graph: A^steps X, one product after the other.

    The adjacency is used as given. With a normalized one that has loops, all patches of one component become alike
    as the steps grow: equal in the mode "row", in proportion to √D̃ in the mode "symmetric".

    Shapes: x (…, N, D), adjacency (N, N) → (…, N, D); 0 steps change nothing.
    Raises ValueError where steps is not a whole number of at least 0, or shapes, devices or dtypes do not fit.
    Derived in chapter 6.

    >>> walk = normalize_adjacency(grid_graph((1, 3)), mode="row")
    >>> diffuse(torch.tensor([[0.0], [0.0], [6.0]]), walk, 1).flatten().round(decimals=5)
    tensor([0., 2., 3.])
    """
    adjacency = _adjacency.check_for(x, adjacency)
    for _ in range(_checks.count("steps", steps, at_least=0)):
        x = _adjacency.product(adjacency, x)
    return x


def chebyshev_filter(
    x: Float[Tensor, "... N D"],
    laplacian: Adjacency,
    coefficients: Float[Tensor, " K"],
    *,
    lambda_max: float = 2.0,
) -> Float[Tensor, "... N D"]:
    """Filter what the patches have by a polynomial of the Laplacian, without its eigenvectors.

    y = Σ_k θ_k T_k(L̃) x with L̃ = (2/λ_max) L − I and Chebyshev's T_0 = 1, T_1(t) = t, T_k = 2t T_(k−1) − T_(k−2).
    With L = U Λ Uᵀ that is U g(Λ) Uᵀ x for g(λ) = Σ_k θ_k T_k(2λ/λ_max − 1): K coefficients reach K − 1 edges far.
    No eigenvalue may be above ``lambda_max``; 2 is right for a normalized Laplacian.

    Shapes: x (…, N, D), laplacian (N, N) unscaled, coefficients θ (K,) → (…, N, D); differentiable.
    Raises ValueError where lambda_max is not above 0, or shapes, devices or dtypes do not fit.
    Source: Defferrard et al. 2016, section 2.1. Derived in chapter 6.

    >>> of_pair = laplacian(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), normalization="symmetric")
    >>> chebyshev_filter(torch.tensor([[1.0], [3.0]]), of_pair, torch.tensor([0.5, -0.5])).flatten()
    tensor([2., 2.])
    """
    laplacian = _adjacency.check_for(x, laplacian, "laplacian")
    _checks.shape("coefficients", coefficients, "K")
    _checks.together(x=x, coefficients=coefficients)
    scale = 2 / _checks.number("lambda_max", lambda_max, above=0)

    def scaled(part):
        return scale * _adjacency.product(laplacian, part) - part

    before, part = x, scaled(x) if len(coefficients) > 1 else x
    filtered = coefficients[0] * x
    for number, coefficient in enumerate(coefficients[1:]):
        if number:
            before, part = part, 2 * scaled(part) - before
        filtered = filtered + coefficient * part
    return filtered


def spectral_embedding(adjacency: Adjacency, k: int) -> tuple[Float[Tensor, " k"], Float[Tensor, "N k"]]:
    """Return the k slowest patterns of a graph: the smallest eigenvalues of its Laplacian, and their vectors.

    L = I − D^-½ W D^-½ = U Λ Uᵀ, as ``laplacian(…, normalization="symmetric")`` makes it. The eigenvalue 0 comes
    exactly once per component. A vector's sign is that which makes its first large entry positive; where eigenvalues
    are equal, only the space that their vectors span has a meaning. D^-½ U are the patterns of the random walk.

    Shapes: adjacency (N, N), symmetric → eigenvalues (k,) in [0, 2], ascending, and orthonormal vectors (N, k).
    Computed on the CPU in float64; without gradient, which eigenvalues that meet do not have.
    Raises ValueError where k > N, the graph is directed, or weights are negative or not finite.
    Source: von Luxburg 2007. Derived in chapter 6.

    >>> spectral_embedding(grid_graph((1, 2)), 2)
    (tensor([0., 2.]), tensor([[ 0.7071,  0.7071],
            [ 0.7071, -0.7071]]))
    """
    adjacency, k = _check_spectral(adjacency, k)
    if not _checks.has_values(adjacency):
        return adjacency.new_empty(k), adjacency.new_empty(len(adjacency), k)
    spectrum = _spectrum.smallest(_adjacency.to_scipy(adjacency), k)
    return tuple(torch.from_numpy(part).to(adjacency.device, adjacency.dtype) for part in spectrum)


def spectral_clustering(adjacency: Adjacency, k: int, *, generator: torch.Generator | None = None) -> Int[Tensor, " N"]:
    """Cut a graph into k clusters: k-means on the k slowest patterns of its random walk.

    The rows of D^-½ U, U from ``spectral_embedding``, are the relaxed answer to the normalized cut into k parts;
    ``k_means`` rounds it. With more components than k, some share a cluster.

    Shapes: adjacency (N, N), symmetric → labels (N,) in 0 … k−1, the same for the same generator.
    Raises ValueError where k > N, the graph is directed, or weights are negative or not finite.
    Source: Shi & Malik 2000; von Luxburg 2007. Derived in chapter 6.

    >>> pairs = torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.1, 0.0], [0.0, 0.1, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
    >>> labels = spectral_clustering(pairs, 2, generator=torch.Generator().manual_seed(0))
    >>> labels == labels[0]
    tensor([ True,  True, False, False])
    """
    adjacency, k = _check_spectral(adjacency, k)
    _checks.random_source(generator)
    if not _checks.has_values(adjacency):
        return torch.empty(len(adjacency), device=adjacency.device, dtype=torch.int64)
    matrix = _adjacency.to_scipy(adjacency)
    patterns = _spectrum.smallest(matrix, k)[1] / _spectrum.roots(matrix)[:, None]
    return k_means(torch.from_numpy(patterns), k, generator=generator)[0].to(adjacency.device)


def normalized_cut(adjacency: Adjacency) -> tuple[Int[Tensor, " N"], Float[Tensor, ""]]:
    """Cut a graph in two so that little weight is cut, compared with what each side has.

    Ncut(A, B) = cut(A, B)/vol(A) + cut(A, B)/vol(B), vol the sum of degrees. Allowed to be any numbers, the best sides
    are the second eigenvector of (D − W) y = λ D y. Of all N − 1 thresholds along it the one with the smallest Ncut
    is taken. That is not always the best cut of all, which is hard to find; but λ ≤ Ncut, so the value tells how near.

    Shapes: adjacency (N, N), symmetric → labels (N,), 0 on the side of the first node with an edge and 1 on the other,
    and Ncut of exactly these labels (), in [0, 2]. Nodes without edges count for no side; their label is 0.
    Raises ValueError where fewer than two nodes have edges, the graph is directed, or weights are negative or not
    finite. Source: Shi & Malik 2000. Derived in chapter 6.

    >>> pairs = torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
    >>> normalized_cut(pairs)
    (tensor([0, 0, 1, 1]), tensor(0.4000))
    """
    adjacency, _ = _check_spectral(adjacency, 1)
    labels = torch.zeros(len(adjacency), device=adjacency.device, dtype=torch.int64)
    if not _checks.has_values(adjacency):
        return labels, adjacency.new_empty(())
    matrix = _adjacency.to_scipy(adjacency)
    side, value = _spectrum.best_cut(matrix)
    return labels + torch.from_numpy(side).to(labels), torch.tensor(value).to(adjacency)


def k_means(
    x: Float[Tensor, "N D"],
    k: int,
    *,
    restarts: int = 10,
    steps: int = 100,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, " N"], Float[Tensor, "k D"]]:
    """Sort rows into k clusters around their means: find Σ_i ‖x_i − c_(label i)‖² that no single step makes smaller.

    The first centers are drawn from the rows, each with probability in proportion to its squared distance from those
    drawn before (k-means++). Then each row goes to its nearest center and each center to the mean of its rows, until
    no row moves or after ``steps``; a center that loses all rows takes the farthest one. The best of ``restarts`` wins.

    Shapes: x (N, D) → labels (N,) in 0 … k−1, centers (k, D); the same for the same generator, and without gradient.
    Where fewer than k rows differ, some clusters are empty.
    Raises ValueError where k > N, or for numbers that are not finite.
    Source: Lloyd 1982; Arthur & Vassilvitskii 2007. Derived in chapter 6.

    >>> labels, centers = k_means(torch.tensor([[0.0], [2.0], [10.0]]), 2, generator=torch.Generator().manual_seed(0))
    >>> labels == labels[0], centers.sort(0).values.flatten()
    (tensor([ True,  True, False]), tensor([ 1., 10.]))
    """
    number, width = _check_features("x", x)
    k = _check_clusters(k, number)
    restarts, steps = _checks.count("restarts", restarts), _checks.count("steps", steps)
    device = _checks.random_source(generator)
    if not _checks.has_values(x):
        return x.new_empty(number, dtype=torch.int64), x.new_empty(k, width)
    points = _distances.exact(x.detach())
    middle = points.mean(0)
    draws = torch.rand(restarts, k, generator=generator, device=device, dtype=torch.float64).to(points)
    runs = [_lloyd(points - middle, row, steps) for row in draws]
    labels, centers, _ = min(runs, key=lambda each: each[2])
    return labels.to(x.device), (centers + middle).to(x)


@overload
def label_propagation(
    adjacency: Adjacency, labels: Integer[Tensor, " N"], *, steps: int = 1000, return_scores: Literal[False] = False
) -> Integer[Tensor, " N"]: ...
@overload
def label_propagation(
    adjacency: Adjacency, labels: Integer[Tensor, " N"], *, steps: int = 1000, return_scores: Literal[True]
) -> tuple[Integer[Tensor, " N"], Float[Tensor, "N classes"]]: ...
def label_propagation(
    adjacency: Adjacency,
    labels: Integer[Tensor, " N"],
    *,
    steps: int = 1000,
    return_scores: bool = False,
) -> Integer[Tensor, " N"] | tuple[Integer[Tensor, " N"], Float[Tensor, "N classes"]]:
    """Give each node without a label the one that a random walk from it meets first, most likely.

    F ← D⁻¹ W F, with the rows of known labels put back to what they are after each step: F_ic becomes the probability
    that a walk from i meets class c within the steps, before any other. The largest wins, among equal ones the first.

    Shapes: adjacency (N, N), whole labels (N,), −1 where unknown → labels (N,), −1 where no walk meets one; with
    ``return_scores`` also F (N, classes), which is differentiable in the weights.
    Raises ValueError where no label is known or one is below −1, or weights are negative or not finite.
    Source: Zhu & Ghahramani 2002; Grady 2006 (the random walker). Derived in chapter 6.

    >>> label_propagation(grid_graph((1, 6)), torch.tensor([0, -1, -1, -1, -1, 1]))
    tensor([0, 0, 0, 1, 1, 1])
    """
    adjacency, number = _adjacency.check(adjacency)
    steps, classes = _checks.count("steps", steps, at_least=0), _check_known(labels, number)
    _checks.on_one_device(adjacency=adjacency, labels=labels)
    walk = normalize_adjacency(adjacency, self_loops=False, mode="row")
    known = (labels >= 0).unsqueeze(1)
    truth = (labels.unsqueeze(1) == torch.arange(classes, device=labels.device)).to(walk.dtype)
    scores = truth
    for _ in range(steps):
        scores = torch.where(known, truth, _adjacency.product(walk, scores))
    largest, propagated = scores.max(1)
    propagated = propagated.masked_fill(largest == 0, -1).to(labels.dtype)
    return (propagated, scores) if return_scores else propagated


class GraphAttention(nn.Module):
    """Gather from the neighbors in a graph, each weighed by what it and the patch that gathers have: a layer of a GAT.

    Per head, h = W x: e_ij = LeakyReLU(a·h_i + b·h_j), A = softmax over the j to which i has an edge, y_i = Σ_j a_ij
    h_j; then the heads side by side, and a bias. Edges say only who may answer; a row without one is zeros. A patch
    sees itself where the graph has loops, as ``normalize_adjacency(graph)`` does: then this is PyTorch Geometric's
    ``GATConv(in_dim, out_dim // heads, heads)``. Its a, b are ``target``, ``source`` (heads, out_dim/heads).

    Shapes: x (…, N, in_dim), adjacency (N, N) → (…, N, out_dim); with ``return_weights`` also the weights
    (…, heads, N, N), in the layout of the adjacency.
    Raises ValueError where heads do not divide out_dim, or shapes, devices or dtypes do not fit.
    Source: Veličković et al. 2018, equations 1 to 5. Derived in chapter 6.

    >>> y, weights = GraphAttention(3, 8, heads=2)(torch.zeros(4, 3), grid_graph((2, 2)), return_weights=True)
    >>> y.shape, weights[0]
    (torch.Size([4, 8]), tensor([[0.0000, 0.5000, 0.5000, 0.0000],
            [0.5000, 0.0000, 0.0000, 0.5000],
            [0.5000, 0.0000, 0.0000, 0.5000],
            [0.0000, 0.5000, 0.5000, 0.0000]], grad_fn=<SelectBackward0>))
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        heads: int = 1,
        negative_slope: float = 0.2,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make a layer with Glorot's initial weights; the bias starts at zero."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        in_dim, out_dim = _checks.count("in_dim", in_dim), _checks.count("out_dim", out_dim)
        self.heads = _checks.count("heads", heads)
        self.negative_slope = _checks.number("negative_slope", negative_slope)
        if out_dim % self.heads:
            raise ValueError(f"{heads} heads do not divide out_dim {out_dim}")
        self.linear = nn.Linear(in_dim, out_dim, bias=False, device=device, dtype=dtype)
        shape = self.heads, out_dim // self.heads
        self.target, self.source = (nn.Parameter(torch.empty(shape, device=device, dtype=dtype)) for _ in "ab")
        for weight in (self.linear.weight, self.target, self.source):
            nn.init.xavier_uniform_(weight)
        self.bias = nn.Parameter(torch.zeros(out_dim, device=device, dtype=dtype))

    def forward(
        self,
        x: Float[Tensor, "... N in_dim"],
        adjacency: Adjacency,
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "... N out_dim"] | tuple[Float[Tensor, "... N out_dim"], Float[Tensor, "... heads N N"]]:
        """Return what each patch gathered, or this and the weights of all heads."""
        adjacency = _adjacency.check_for(x, adjacency)
        _checks.together(x=x, weight=self.linear.weight)
        if x.shape[-1] != self.linear.in_features:
            raise ValueError(f"x must be (…, N, {self.linear.in_features}), got {tuple(x.shape)}")
        tokens = self.linear(x).unflatten(-1, (self.heads, -1)).transpose(-2, -3)
        scores = [torch.linalg.vecdot(tokens, part.unsqueeze(1)) for part in (self.target, self.source)]
        attend = self._attend_along if _adjacency.is_sparse(adjacency) else self._attend
        mixed, weights = attend(adjacency, *scores, tokens)
        mixed = mixed.transpose(-2, -3).flatten(-2) + self.bias
        return (mixed, weights) if return_weights else mixed

    def _attend(self, adjacency, target, source, tokens):
        logits = F.leaky_relu(target.unsqueeze(-1) + source.unsqueeze(-2), self.negative_slope)
        nothing = torch.zeros_like(target).unsqueeze(-1)
        weights = attention_weights(nothing, nothing, mask=logits.masked_fill(adjacency == 0, -torch.inf))
        return weights @ tokens, weights

    def _attend_along(self, adjacency, target, source, tokens):
        """Attend along the edges only: numbers per edge, never N×N."""
        row, column = _adjacency.pairs(adjacency)
        logits = F.leaky_relu(target[..., row] + source[..., column], self.negative_slope)
        logits = logits.masked_fill(adjacency.values() == 0, -torch.inf)
        with torch.no_grad():
            largest = torch.zeros_like(target).scatter_reduce(
                -1, row.expand_as(logits), logits, "amax", include_self=False
            )
        shares = (logits - largest.clamp(min=torch.finfo(logits.dtype).min)[..., row]).exp()
        total = torch.zeros_like(target).index_add(-1, row, shares)
        weights = shares / total.masked_fill(total == 0, 1)[..., row]
        passed = weights.unsqueeze(-1) * tokens[..., column, :]
        return torch.zeros_like(tokens).index_add(-2, row, passed), _adjacency.with_values(adjacency, weights)

    def extra_repr(self) -> str:
        """Show what no weight shows."""
        return f"heads={self.heads}, negative_slope={self.negative_slope}"


def _divided_by_degrees(adjacency, mode):
    """Return D^-½ A D^-½ or D⁻¹ A; what would be divided by 0 is 0."""
    degrees = _adjacency.row_sums(adjacency)
    degrees = degrees.masked_fill(degrees == 0, torch.inf)
    if mode == "row":
        return _adjacency.divided(adjacency, degrees)
    return _adjacency.divided(adjacency, degrees.sqrt(), degrees.sqrt())


def _lloyd(points, draws, steps):
    """Return labels, centers and the sum of squared distances, from one draw for each center."""
    centers, before = _first_centers(points, draws), None
    for _ in range(steps):
        labels = (centers.square().sum(1) - 2 * points @ centers.T).argmin(1)
        if before is not None and torch.equal(labels, before):
            break
        centers, before = _means(points, labels, centers), labels
    return labels, centers, (points - centers[labels]).square().sum().item()


def _first_centers(points, draws):
    chosen, nearest = [], torch.ones_like(points[:, 0])
    for draw in draws:
        reached = nearest.cumsum(0)
        index = torch.searchsorted(reached, (draw * reached[-1]).view(1), right=True).clamp(max=len(points) - 1)
        distances = (points - points[index]).square().sum(1)
        nearest = distances if not chosen else torch.minimum(nearest, distances)
        chosen.append(points[index])
    return torch.cat(chosen)


def _means(points, labels, centers):
    members = F.one_hot(labels, len(centers)).to(points)  # a product adds in one order, and so the same on each run
    sizes = members.sum(0)
    empty = sizes == 0
    means = (members.T @ points) / sizes.clamp(min=1).unsqueeze(1)
    if empty.any():
        means[empty] = points[(points - centers[labels]).square().sum(1).topk(int(empty.sum())).indices]
    return means


def _ones(like, number):
    return torch.ones(number, device=like.device, dtype=like.dtype)


def _check_features(name, features):
    number, width = _checks.shape(name, features, "N D")
    _checks.floating(name, features)
    known = _checks.has_values(features) and not _checks.transformed()
    if known and not features.detach().isfinite().all():
        raise ValueError(f"{name} must be finite, found NaN or infinity")
    return number, width


def _check_clusters(k, number):
    k = _checks.count("k", k)
    if k > number:
        raise ValueError(f"k must be at most N = {number}, got {k}")
    return k


def _check_spectral(adjacency, k):
    adjacency, number = _adjacency.check(adjacency)
    _adjacency.check_weights(adjacency)
    return adjacency, _check_clusters(k, number)


def _check_known(labels, number):
    """Return the number of classes."""
    if _checks.shape("labels", labels, "N") != (number,):
        raise ValueError(f"labels must have shape ({number},), got {tuple(labels.shape)}")
    _checks.whole("labels", labels, boolean=False)
    _checks.real("labels", labels)
    if not _checks.has_values(labels):
        return 1
    least, most = (end.item() for end in labels.aminmax())
    if least < -1 or most < 0:
        raise ValueError(f"labels must be −1 where unknown and name at least one class 0, 1, …, got {least} to {most}")
    return most + 1
