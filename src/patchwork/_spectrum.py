"""The smallest eigenvalues of normalized Laplacians: component by component, each by the method that suits it."""

import functools

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import LinearOperator, eigsh, splu

_WHOLE = 400  # nodes up to which a dense decomposition is quicker
_CROWDED = 0.05  # an eigenvalue below which others are near
_OFFSET = 1e-6  # that makes a Laplacian invertible


def smallest(matrix, k):
    """Return the k smallest eigenvalues, ascending, and vectors of L = I − D^-½ W D^-½, for a symmetric SciPy matrix W.

    The eigenvectors of 0 are known, one for each component: √d there, and 0 elsewhere. The others are searched for
    inside each component and orthogonal to it, so that none is missed or counted twice.
    """
    root = roots(matrix)
    count, component = csgraph.connected_components(matrix, directed=False)
    walk = sparse.diags_array(1 / root) @ matrix @ sparse.diags_array(1 / root)
    members = np.split(np.argsort(component, kind="stable"), np.cumsum(np.bincount(component))[:-1])
    pairs = [(0.0, nodes, root[nodes] / np.linalg.norm(root[nodes])) for nodes in members[:k]]
    if count < k:
        for nodes in members:
            values, vectors = _inside(walk[nodes][:, nodes], root[nodes], min(k - count, len(nodes) - 1))
            pairs += [(max(value, 0.0), nodes, vector) for value, vector in zip(values, vectors.T, strict=True)]
    pairs = sorted(pairs, key=lambda each: each[0])[:k]
    vectors = np.zeros((len(root), k))
    for column, (_, nodes, vector) in enumerate(pairs):
        vectors[nodes, column] = vector * _sign(vector)
    return np.array([value for value, *_ in pairs]), vectors


def roots(matrix):
    """Return √d, the square roots of the degrees, and 1 for nodes without edges."""
    degrees = matrix.sum(1)
    return np.sqrt(np.where(degrees > 0, degrees, 1))


def best_cut(matrix):
    """Return on which side of the best threshold along the second eigenvector each node is, and the Ncut."""
    degrees = matrix.sum(1)
    inside = np.flatnonzero(degrees)
    if len(inside) < 2:
        raise ValueError(f"there is nothing to cut: {len(inside)} of {len(degrees)} nodes have edges")
    part = matrix[inside][:, inside]
    order = np.argsort(smallest(part, 2)[1][:, 1] / roots(part), kind="stable")
    crossing, below, above = _along(part, order)
    threshold = np.argmin(crossing / below + crossing / above) + 1
    side = np.zeros(len(degrees), dtype=bool)
    side[inside[order[threshold:]]] = True
    if side[inside[0]]:
        side[inside] = ~side[inside]
    cut, volumes = matrix[side][:, ~side].sum(), (degrees[side].sum(), degrees[~side].sum())
    return side, cut / volumes[0] + cut / volumes[1]


def _along(matrix, order):
    """Return the weight between the first t nodes of an order and the others, and the volumes of both, for each t."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    edges = matrix.tocoo()
    first, last = np.sort([place[edges.row], place[edges.col]], axis=0)
    begun, ended = (np.bincount(end, edges.data / 2, len(order)) for end in (first, last))
    volumes = matrix.sum(1)[order]
    below, above = volumes.cumsum()[:-1], _from_above(volumes)
    # Summed from the side that has less, what is cut keeps its digits beside it, however faint its edges are.
    crossing = np.where(below <= above, (begun - ended).cumsum()[:-1], _from_above(ended - begun))
    return crossing, below, above


def _from_above(steps):
    return steps[::-1].cumsum()[::-1][1:]


def _inside(walk, root, k):
    """Return the k smallest eigenvalues of I − walk above 0, of one component, and their vectors."""
    if k == 0:
        return np.zeros(0), np.zeros((len(root), 0))
    root, number = root / np.linalg.norm(root), len(root)
    if number <= _WHOLE or k > number // 4:
        # What is known already is moved to 3, above all others, which are at most 2.
        moved = np.eye(number) - walk.toarray() + 3 * np.outer(root, root)
        return linalg.eigh(moved, subset_by_index=[0, k - 1])
    return _from_the_end(walk, root, k)


def _from_the_end(walk, root, k):
    """Return the same of a large component, from products alone or from its factors."""

    def apply(x):
        return walk @ x - 3 * root * (root @ x)

    # Lanczos is slow where the next eigenvalues crowd near 0; a coarse look tells.
    if 1 - _lanczos(apply, len(root), k + 1, tol=0.03, return_eigenvectors=False).min() < _CROWDED:
        apply = _inverse(walk, root)
    _, vectors = _lanczos(apply, len(root), k)
    return 1 - np.einsum("ij, ij -> j", vectors, walk @ vectors), vectors


def _lanczos(apply, number, k, **options):
    operator = LinearOperator((number, number), matvec=lambda x: apply(x.ravel()), dtype=np.float64)
    return eigsh(operator, k, which="LA", v0=np.random.default_rng(0).normal(size=number), **options)


def _inverse(walk, root):
    """Return x ↦ (L + ε)⁻¹ x outside ``root``: its largest eigenvalues belong to the smallest ones of L.

    Where these crowd near 0, the graph falls apart at narrow places, as a grid does, and its factors stay sparse.
    """
    shifted = (1 + _OFFSET) * sparse.eye_array(walk.shape[0], format="csc") - walk
    if walk.nnz > walk.shape[0] ** 2 // 8:
        factor = linalg.cho_factor(shifted.toarray(), overwrite_a=True, check_finite=False)
        solve = functools.partial(linalg.cho_solve, factor, check_finite=False)
    else:
        options = {"diag_pivot_thresh": 0, "options": {"SymmetricMode": True}}
        solve = splu(shifted.tocsc(), permc_spec="MMD_AT_PLUS_A", **options).solve

    def apply(x):
        x = solve(x - root * (root @ x))
        return x - root * (root @ x)

    return apply


def _sign(vector):
    """Return the sign that makes the first large entry positive: a vector and its negative belong to one eigenvalue."""
    large = np.abs(vector) >= 0.5 * np.abs(vector).max()
    return np.sign(vector[np.argmax(large)])
