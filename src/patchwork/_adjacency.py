"""Adjacency matrices, dense or by rows (CSR): the few operations in which the two layouts differ."""

import warnings

import torch
from scipy import sparse
from torch.utils._python_dispatch import _disable_current_modes

from patchwork import _checks, _distances
from patchwork._arithmetic import without_autocast

_DENSE = 512  # nodes up to which a new graph is dense
_AT_ONCE = 2**20  # numbers that are used once


def of_pairs(rows, columns, number, *, device, dtype):
    """Return the graph with an edge of weight 1 for each pair; pairs may come twice, and in any order."""
    rows, columns = (torch.as_tensor(part, device=device) for part in (rows, columns))
    if number <= _DENSE or rows.device.type == "mps" or not _checks.has_values(rows):
        dense = torch.zeros(number, number, device=device, dtype=dtype)
        return dense.index_put_((rows, columns), torch.ones((), device=device, dtype=dtype))
    codes = (rows * number + columns).unique()
    return _by_rows(codes, torch.ones(len(codes), device=device, dtype=dtype), number)


def check(adjacency, name="adjacency", dtype=None):
    """Return a square matrix and its side; a boolean one becomes floating, of the dtype given or torch's own."""
    if not is_sparse(adjacency):
        if isinstance(adjacency, torch.Tensor) and adjacency.layout is not torch.strided:
            raise ValueError(f"{name} must be dense or CSR, got {adjacency.layout}; use .to_sparse_csr()")
        rows, columns = _checks.shape(name, adjacency, "N N")
    elif adjacency.ndim != 2 or 0 in adjacency.shape:
        raise ValueError(f"{name} must be (N, N), with N of at least 1, got {tuple(adjacency.shape)}")
    else:
        rows, columns = adjacency.shape
    if rows != columns:
        raise ValueError(f"{name} must be square (N, N), got ({rows}, {columns})")
    if adjacency.dtype == torch.bool:
        adjacency = adjacency.to(dtype or torch.get_default_dtype())
    _checks.floating(name, adjacency)
    return adjacency, rows


def check_for(x, adjacency, name="adjacency", of="x"):
    """Return a square matrix that fits x (…, N, D), floating in place of boolean."""
    number = _checks.shape(of, x, "… N D")[-2]
    _checks.floating(of, x)
    adjacency, nodes = check(adjacency, name, x.dtype)
    _checks.together(**{of: x, name: adjacency})
    if number != nodes:
        raise ValueError(f"{name} of N = {nodes} nodes does not fit {of} of N = {number}")
    return adjacency


def check_weights(adjacency):
    """Refuse weights that are negative or not finite."""
    values = weights(adjacency).detach()
    if _checks.transformed() or not _checks.has_values(values) or not values.numel():
        return
    least, most = (end.item() for end in values.aminmax())
    if not 0 <= least <= most < float("inf"):
        raise ValueError(f"adjacency must hold finite weights of at least 0, got weights from {least:g} to {most:g}")


def is_sparse(adjacency):
    """Tell whether a matrix is stored by rows."""
    return isinstance(adjacency, torch.Tensor) and adjacency.layout is torch.sparse_csr


def weights(adjacency):
    """Return the stored numbers of a matrix: all of a dense one."""
    if not is_sparse(adjacency):
        return adjacency
    return _Stored.apply(adjacency) if adjacency.requires_grad else adjacency.values()


def pairs(adjacency):
    """Return rows and columns of the stored numbers of a CSR matrix."""
    return _pairs(adjacency.crow_indices(), adjacency.col_indices())


def with_values(adjacency, values):
    """Return a CSR matrix with the same pairs and other numbers; leading axes make several."""
    lead, places = values.shape[:-1], (adjacency.crow_indices(), adjacency.col_indices())
    return _csr(*(part.expand(*lead, -1) for part in places), values, (*lead, *adjacency.shape))


def divided(adjacency, rows, columns=None):
    """Return a_ij / (r_i c_j)."""
    if not is_sparse(adjacency):
        scaled = adjacency / rows.unsqueeze(1)
        return scaled if columns is None else scaled / columns
    row, column = pairs(adjacency)
    scaled = weights(adjacency) / rows[row]
    return with_values(adjacency, scaled if columns is None else scaled / columns[column])


def plus_diagonal(adjacency, diagonal):
    """Return A + diag(d)."""
    if not is_sparse(adjacency):
        return adjacency + torch.diag(diagonal)
    number, (rows, columns) = len(diagonal), pairs(adjacency)
    itself = torch.arange(number, device=rows.device)
    codes = torch.cat([rows * number + columns, itself * (number + 1)])
    codes, places = codes.unique(return_inverse=True)
    values = torch.cat([weights(adjacency), diagonal])
    return _by_rows(codes, values.new_zeros(len(codes)).index_add(0, places, values), number)


def negative(adjacency):
    """Return −A."""
    return with_values(adjacency, -weights(adjacency)) if is_sparse(adjacency) else -adjacency


def squared_lengths(adjacency, positions):
    """Return ‖x_i − x_j‖² in float64 for each stored pair of a CSR matrix, by differences."""
    exact = _distances.exact(positions)
    some = zip(*(part.split(max(1, _AT_ONCE // exact.shape[1])) for part in pairs(adjacency)), strict=True)
    steps = (exact[row] - exact[column] for row, column in some)
    return torch.cat([torch.linalg.vecdot(step, step) for step in steps])


def row_sums(adjacency):
    """Return Σ_j a_ij."""
    if not is_sparse(adjacency):
        return adjacency.sum(1)
    ones = torch.ones(adjacency.shape[1], 1, device=adjacency.device, dtype=adjacency.dtype)
    with without_autocast(adjacency):  # torch sums dense rows as they are, too
        return product(adjacency, ones).squeeze(1)


def product(adjacency, x):
    """Return A x for each x (…, N, D)."""
    if not is_sparse(adjacency):
        return adjacency @ x
    nodes_first = x.movedim(-2, 0)
    columns = nodes_first.reshape(len(nodes_first), -1)
    dtype = _checks.multiplied_in(adjacency, x)
    wide = torch.promote_types(dtype, torch.float32)  # torch multiplies CSR matrices in no less
    with without_autocast(x):
        result = _multiplied(adjacency, columns.to(wide), wide).to(dtype)
    return result.view(nodes_first.shape).movedim(0, -2)


def to_scipy(adjacency):
    """Return a symmetric matrix as SciPy's, in float64, each pair once and no zeros; others are refused."""
    if is_sparse(adjacency):
        parts = adjacency.values(), adjacency.col_indices(), adjacency.crow_indices()
        values, columns, starts = (part.detach().cpu() for part in parts)
        parts = values.double().numpy(), columns.numpy(), starts.numpy()
        matrix = sparse.csr_array(parts, shape=adjacency.shape, copy=True)  # what follows is done in place
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    else:
        matrix = sparse.csr_array(_distances.exact(adjacency.detach()).cpu().numpy())
    largest = abs(matrix - matrix.T).max() if matrix.nnz else 0
    if largest > _checks.tolerance(adjacency, None) * (matrix.max() if matrix.nnz else 1):
        raise ValueError(f"adjacency must be symmetric, but a_ij and a_ji differ by up to {largest:g}; try (A + Aᵀ)/2")
    return (matrix + matrix.T).tocsr() / 2


# Torch makes the gradients of a CSR matrix by way of a dense one, and second ones that are wrong; these have as many
# numbers as it has, and gradients of their own.


class _Made(torch.autograd.Function):
    """The CSR matrix of some numbers."""

    @staticmethod
    def forward(context, values, starts, columns, size):
        context.set_materialize_grads(False)  # torch has no CSR zeros
        return _without_gradient(starts, columns, values, size)

    @staticmethod
    def backward(context, gradient):
        return None if gradient is None else weights(gradient), None, None, None


class _Stored(torch.autograd.Function):
    """The numbers of a CSR matrix."""

    @staticmethod
    def forward(context, matrix):
        context.save_for_backward(matrix.crow_indices(), matrix.col_indices())
        context.size = matrix.shape
        return matrix.values().detach()

    @staticmethod
    def backward(context, gradient):
        return _csr(*context.saved_tensors, gradient, context.size)


class _Product(torch.autograd.Function):
    """The product of a CSR matrix, given by its parts, and x; or that of its transpose."""

    @staticmethod
    def forward(context, values, starts, columns, x, size, flipped=False):
        context.save_for_backward(values, starts, columns, x)
        context.size, context.flipped = size, flipped
        matrix = _without_gradient(starts, columns, values, size)
        return (matrix.t() if flipped else matrix) @ x

    @staticmethod
    def backward(context, gradient):
        values, starts, columns, x = context.saved_tensors
        ends = _pairs(starts, columns)
        some = zip(*(part.split(max(1, _AT_ONCE // x.shape[1])) for part in ends), strict=True)
        by_row, by_column = (x, gradient) if context.flipped else (gradient, x)
        of_values = torch.cat([torch.linalg.vecdot(by_row[row], by_column[column]) for row, column in some])
        of_x = _Product.apply(values, starts, columns, gradient, context.size, not context.flipped)
        return of_values, None, None, of_x, None, None


def _multiplied(adjacency, x, dtype):
    if not adjacency.requires_grad:
        return adjacency.to(dtype) @ x
    places = adjacency.crow_indices(), adjacency.col_indices()
    return _Product.apply(weights(adjacency).to(dtype), *places, x, adjacency.shape)


def _pairs(starts, columns):
    lengths = starts.diff()
    rows = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    return rows, columns.long()


def _by_rows(codes, values, number):
    """Return the CSR matrix of sorted places i·N + j, each once."""
    starts = torch.searchsorted(codes, torch.arange(number + 1, device=codes.device) * number)
    places = (part.int() for part in (starts, codes % number))  # in 64 bits each product would convert them first
    return _csr(*places, values, (number, number))


def _csr(starts, columns, values, size):
    if values.requires_grad and torch.is_grad_enabled():
        return _Made.apply(values, starts, columns, size)
    return _without_gradient(starts, columns, values, size)


def _without_gradient(starts, columns, values, size):
    return torch.sparse_csr_tensor(starts, columns, values, size, check_invariants=False)


def _hear_of_the_beta():
    """Make torch say, once and to no one, that the layout is a beta: at each call, threads would mix up the filters."""
    with warnings.catch_warnings(action="ignore", category=UserWarning), _disable_current_modes():
        ends = torch.zeros(2, dtype=torch.int32, device="cpu")
        _without_gradient(ends, ends[:0], torch.zeros(0, device="cpu"), (1, 1))


_hear_of_the_beta()
