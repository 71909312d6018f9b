"""Squared distances and nearest neighbors in float64: by products where these are exact enough, else by differences."""

import math

import torch

from patchwork import _checks

_BLOCK = 2**21  # distances at once
_CACHED = 40_000  # numbers at once where each is used once
_NEAR = 1e-7  # a pair nearer than this share of its squared length has lost digits to the product
_SPARE, _MANY = 3, 250  # candidates beyond k


def over_pairs(a, b, finish, change=lambda patches: patches):
    """Return ``finish`` of the squared distances of all changed patches, some rows at a time, in the dtype of a."""
    lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    known = exact(b)
    center = middle(known)
    columns = stacked(change(known - center), lead)
    rows = columns if a is b else stacked(change(exact(a) - center), lead)
    lengths = _squares(columns)
    own = lengths if a is b else _squares(rows)
    size = max(1, _BLOCK // (len(columns) * columns.shape[1]))
    blocks = []
    for start in range(0, rows.shape[1], size):
        part = rows[:, start : start + size], own[:, start : start + size].unsqueeze(-1)
        block = _squared(*part, columns, lengths.unsqueeze(-2), start if a is b else None)
        blocks.append(finish(block).to(a.dtype))
    return torch.cat(blocks, 1).view(*lead, -1, columns.shape[1]).to(a.device)


def search(queries, database, k, size):
    """Return the squared distances of each query (M, D) to the k nearest patches (N, D), in float64, and their indices.

    A product proposes candidates, whose distances are computed by differences. Where these do not prove, by the bound
    on the product's rounding error, that no other patch is nearer, a finer product proposes anew, then more candidates
    are taken, and at last all.
    """
    squared = torch.empty(len(queries), k, dtype=torch.float64, device=queries.device)
    indices = torch.empty_like(squared, dtype=torch.int64)
    if not _checks.has_values(queries):
        return squared, indices
    rows = torch.arange(len(queries), device=queries.device)  # that are still to be answered
    for dtype, count in _proposals(k):
        if len(rows):
            some = queries if len(rows) == len(queries) else queries[rows]
            answers = _search_among(some, database, k, size, dtype, min(count, len(database)))
            squared[rows], indices[rows], proven = answers
            rows = rows[~proven]
    if len(rows):  # ties, mostly among copies, which share one answer
        different, which = queries[rows].unique(dim=0, return_inverse=True)
        answers = [_search_among_all(query, database, k, size) for query in different]
        squared[rows], indices[rows] = (torch.stack(parts)[which] for parts in zip(*answers, strict=True))
    return squared, indices


def to_some(queries, database, indices, numbers=None):
    """Return the squared distances of each query to the patches that its row of indices names, by differences."""
    size = max(1, numbers // (indices.shape[1] * database.shape[1])) if numbers else len(queries)
    squared = []
    for rows, some in zip(queries.split(size), indices.split(size), strict=True):
        chosen = database.index_select(0, some.flatten()).double().view(*some.shape, -1)
        squared.append(_squares(chosen.sub_(rows.unsqueeze(1))))
    return torch.cat(squared)


def gaussian_factor(bandwidth):
    """Return −1/2σ², which times a squared distance is the exponent of a Gaussian."""
    bandwidth = _checks.number("bandwidth", bandwidth, above=0)
    return -0.5 / min(max(bandwidth, 1e-100), 1e150) ** 2  # whose square is neither 0 nor infinite


def exact(tensor):
    """Return a tensor in float64."""
    return with_float64(tensor).double()


def with_float64(tensor):
    """Return a tensor where there is float64: MPS has none, so from there it comes to the CPU."""
    return tensor.cpu() if tensor.device.type == "mps" else tensor


def stacked(patches, lead):
    """Return patches with one leading axis, whatever there was."""
    return patches.expand(*lead, *patches.shape[-2:]).reshape(-1, *patches.shape[-2:])


def middle(patches):
    """Return the mean patch, 0 where it is not finite: then what is not spoils its own patch alone."""
    return patches.detach().mean(-2, keepdim=True).nan_to_num(0, 0, 0)


def _squared(rows, own, columns, lengths, start):
    """Return the squared distances of all pairs; ``start`` tells which column the first row is, where it is one."""
    if _checks.transformed() or not _checks.has_values(rows):
        squared = (own + lengths - 2 * rows @ columns.mT).clamp(min=0)
        return squared if start is None else squared.masked_fill(_itself(squared, start), 0)
    squared = (own + lengths).baddbmm_(rows, columns.mT, alpha=-2)
    with torch.no_grad():  # the values become exact, and the gradients stay those of the product
        near = (squared > _NEAR * own).logical_not_().nonzero(as_tuple=True)
        squared[near] = _by_differences(rows, columns, *near)
    return squared


def _itself(squared, start):
    row, column = (torch.arange(number, device=squared.device) for number in squared.shape[1:])
    return (row + start).unsqueeze(1) == column


def _by_differences(rows, columns, batch, row, column):
    """Return the squared distances of some pairs; where these are many, copies are told first, and are 0 apart."""
    squared = rows.new_zeros(len(row))
    differ = torch.ones_like(row, dtype=torch.bool)
    if len(row) > 8 * (rows.shape[1] + columns.shape[1]):
        both = torch.cat([rows, columns], 1)
        names = both.flatten(0, 1).unique(dim=0, return_inverse=True)[1].view(both.shape[:2])
        differ = names[batch, row] != names[batch, rows.shape[1] + column]
    pairs = torch.stack([batch, row, column], 1)[differ].split(max(1, _CACHED // rows.shape[2]))
    steps = (rows[i, j] - columns[i, k] for i, j, k in (some.unbind(1) for some in pairs))
    squared[differ] = torch.cat([_squares(step) for step in steps])
    return squared


def _search_among(queries, database, k, size, dtype, count):
    """Return squared distances and indices of the nearest among ``count`` candidates, and where that is proven."""
    (number, dim), eps = database.shape, torch.finfo(dtype).eps
    wide = torch.promote_types(database.dtype, dtype)
    center = database.mean(0).to(wide)
    columns = (database.to(wide) - center).to(dtype)
    lengths = _squares(columns)
    longest = lengths.amax().sqrt()
    folds = max(1, math.isqrt(number // (count + 1)))
    width = number // folds + 1  # one more than needed: what is missing is infinitely far
    scores = columns.new_full((min(size, len(queries)), folds * width), torch.inf)
    answers = []
    for part in queries.split(size):
        block = scores[: len(part)]
        rows = (part.to(wide) - center).to(dtype)
        torch.addmm(lengths, rows, columns.T, alpha=-2, out=block[:, :number])
        values, candidates = _smallest(block.unflatten(1, (folds, width)), count + 1)
        candidates = candidates[:, :count].clamp(max=number - 1).sort(1).values
        distances, order = to_some(part, database, candidates, _CACHED).sort(dim=1, stable=True)
        own = _squares(rows)
        # Summed in whatever order, |a|² + |b|² − 2 a·b is wrong by less than (D + 4) ε (|a| + |b|)².
        least = (own + values[:, count]).double() - (dim + 4) * eps * (own.sqrt() + longest).double().square()
        answers.append((distances[:, :k], candidates.gather(1, order)[:, :k], distances[:, k - 1] < least))
    squared, indices, proven = (torch.cat(parts) for parts in zip(*answers, strict=True))
    return squared, indices, proven & (eps**2 < longest < 1 / eps**2)  # else products do not fit the dtype


def _smallest(folded, count):
    """Return the smallest numbers of each row (M, folds, width), and where: in the columns of the smallest minima."""
    columns = folded.amin(1).topk(count, largest=False).indices
    inside = folded.gather(2, columns.unsqueeze(1).expand(-1, folded.shape[1], -1)).flatten(1)
    values, places = inside.topk(count, largest=False)
    return values, places // count * folded.shape[2] + columns.gather(1, places % count)


def _search_among_all(query, database, k, size):
    distances = torch.cat([_squares(part.double() - query) for part in database.split(size)])
    ordered, order = distances.sort(stable=True)
    return ordered[:k], order[:k]


def _proposals(k):
    """Yield dtypes for the product and numbers of candidates; a coarser float32, if it is set, proves nothing."""
    try:
        full = torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # set by backend, which this function of torch refuses to answer
        full = False
    if full:
        yield torch.float32, k + _SPARE
    yield torch.float64, k + _SPARE
    yield torch.float64, k + _MANY


def _squares(steps):
    return torch.linalg.vecdot(steps, steps)
