"""What a page carries of a network: its features and its heads' attention, as few whole numbers as maps allow."""

import base64
import itertools
import math

import numpy as np
import torch

from patchwork import _checks
from patchwork._offsets import offset_places
from patchwork.explorers.common.encoding import encode_bytes

ENOUGH = 0.99  # the mean correlation of reduced maps with whole ones, of one depth's features or of one head
RANKS, STEPS = (4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128), (0.04, 0.02, 0.01)
HEADS = ((4, 0.1), (6, 0.1), (8, 0.09), (10, 0.09), (12, 0.08), (14, 0.08), (18, 0.07), (24, 0.06), (40, 0.03))
# How the fit of a head weighs: a power of the attention, and beside it a uniform weight, which sharp heads need most.
WEIGHTS = (1.5, 0.01), (1.0, 1.0)
TURNS, TURNS_IN_STEPS = 10, 3  # of alternating least squares; more change the third decimal
RIDGE = 1e-4
PARTS = ("offsets", "keys", "left", "right")  # of a head


def pack(matrix, step):
    """Write a matrix in whole steps, column after column, each with the fewest bits that hold its largest number.

    Shape: matrix (n, columns). ``unpack`` and ``unpacked`` of formulas.mjs read it. Raises ValueError for a step that
    is not positive, and for a column that needs more than 16 bits.

    >>> pack(torch.tensor([[1.0, 0.0], [-0.5, 0.0]]), 0.5)
    {'step': 0.5, 'bits': [3, 0], 'data': 'zA=='}
    """
    _checks.shape("matrix", matrix, "n columns")
    if not step > 0:
        raise ValueError(f"step must be positive, got {step!r}")
    levels = (matrix.detach().cpu().double() / step).round().long()
    bits = [int(each).bit_length() + 1 if each else 0 for each in levels.abs().amax(0)]
    if max(bits) > 16:
        raise ValueError(f"a column must fit 16 bits, got {max(bits)} with a step of {step!r}")
    columns = zip(levels.T.numpy(), bits, strict=True)
    written = [
        ((each + 2 ** (wide - 1))[:, None] >> np.arange(wide)[::-1] & 1).ravel() for each, wide in columns if wide
    ]
    stream = np.packbits(np.concatenate(written).astype(np.uint8)) if written else np.zeros(0, np.uint8)
    return {"step": step, "bits": bits, "data": encode_bytes(stream.tobytes())}


def unpack(code, rows):
    """Read what ``pack`` wrote → (rows, columns), float64.

    >>> unpack(pack(torch.tensor([[1.0, 0.0], [-0.5, 0.0]]), 0.5), 2)
    tensor([[ 1.0000,  0.0000],
            [-0.5000,  0.0000]], dtype=torch.float64)
    """
    stream, at, columns = np.unpackbits(np.frombuffer(base64.b64decode(code["data"]), np.uint8)), 0, []
    for wide in code["bits"]:
        part = stream[at : at + rows * wide].reshape(rows, wide).astype(np.int64)
        columns.append(part @ (1 << np.arange(wide)[::-1]) - (2 ** (wide - 1) if wide else 0))
        at += rows * wide
    return torch.from_numpy(np.stack(columns, 1)).double() * code["step"]


def reduce_features(features, *, enough=ENOUGH, finer=1):
    """Write the cosines of patches by few principal components, the fewest whose maps are like the whole ones.

    The components are the eigenvectors of the cosines, each as long as the root of its eigenvalue, so that products of
    their rows are cosines again. ``finer`` divides the steps. Returns what ``pack`` does, and under "fit" the mean and
    the worst correlation of a patch's map with the whole one, its own place left out.

    Shape: features (N, D).

    >>> code = reduce_features(torch.eye(9).repeat(2, 1))
    >>> code["fit"][0] > 0.99
    True
    """
    units = torch.nn.functional.normalize(features.detach().cpu().double(), dim=1)
    cosines = units @ units.T
    values, vectors = torch.linalg.eigh(cosines)
    factors = (vectors * values.clamp(min=0).sqrt()).flip(1)
    best = None
    for step in STEPS:
        for rank in RANKS:
            code = pack(factors[:, :rank], step / finer)
            code["fit"] = map_fit(cosines, restore_features(code, len(units)), own=False)
            if code["fit"][0] >= enough:
                break
        if (
            best is None
            or best["fit"][0] < enough
            or (code["fit"][0] >= enough and sum(code["bits"]) < sum(best["bits"]))
        ):
            best = code
    return best


def restore_features(code, patches):
    """Return the cosines (N, N) that ``reduce_features`` wrote, 1 on the diagonal.

    They are rounded to nine decimals: whole steps make ties, which stay ties in whatever order one adds.
    """
    factors = unpack(code, patches)
    return (factors @ factors.T).fill_diagonal_(1).round(decimals=9)


def reduce_heads(queries, keys, grid, *, enough=ENOUGH):
    """Write how the heads of a layer attend by an offset's share, a key's share, and a product of few numbers.

    The logits of a head, q·k/√d, are fitted by t(j − i) + b_j + u_i·v_j, up to a number for each query, which no
    softmax sees. The fit is by alternating least squares, weighted so that what is attended to counts most, at each of
    the ranks and steps of ``HEADS`` until maps are like the whole ones.

    Shapes: queries and keys (H, N, d). Returns a list of H dicts: "offsets", "keys", "left" and "right" as ``pack``
    writes them, and "fit", the mean and the worst correlation of a patch's map with the whole one.
    """
    logits = (queries @ keys.mT).detach().cpu().double() / math.sqrt(queries.shape[-1])
    codes, open_, spread = [None] * len(logits), list(range(len(logits))), logits.std(2).mean(1).sqrt()
    for (rank, step), weighed in itertools.product(HEADS, WEIGHTS):
        if not open_:
            break
        steps = [round(step * min(1, each), 4) for each in spread[open_].tolist()]
        fitted = _fit(logits[open_], rank, torch.tensor(steps, dtype=logits.dtype).view(-1, 1, 1), grid, *weighed)
        for place, head in enumerate(list(open_)):
            code = {name: pack(part[place], steps[place]) for name, part in zip(PARTS, fitted, strict=True)}
            fit = map_fit(logits[head].softmax(1), restore_head(code, grid))
            if codes[head] is None or fit[0] > codes[head]["fit"][0]:
                codes[head] = code | {"fit": fit}
        open_ = [head for head in open_ if codes[head]["fit"][0] < enough]
    return codes


def exact_heads(queries, keys, grid, *, levels=2**13):
    """Write how heads attend by their whole queries and keys, in the form of ``reduce_heads``."""
    codes = []
    for query, key in zip(queries.detach().cpu().double(), keys.detach().cpu().double(), strict=True):
        left, right = query / query.shape[-1] ** 0.25, key / query.shape[-1] ** 0.25
        step = max(left.abs().max().item(), right.abs().max().item(), 1e-9) / (levels - 1)
        none = pack(torch.zeros((2 * grid[0] - 1) * (2 * grid[1] - 1), 1), 1.0), pack(torch.zeros(len(key), 1), 1.0)
        code = {"offsets": none[0], "keys": none[1], "left": pack(left, step), "right": pack(right, step)}
        codes.append(code | {"fit": map_fit((left @ right.T).softmax(1), restore_head(code, grid))})
    return codes


def restore_head(code, grid):
    """Return the attention (N, N) that ``reduce_heads`` wrote, rows sum to 1."""
    number, shifts = grid[0] * grid[1], (2 * grid[0] - 1) * (2 * grid[1] - 1)
    left, right = unpack(code["left"], number), unpack(code["right"], number)
    shared = unpack(code["offsets"], shifts)[:, 0][offset_places(grid)] + unpack(code["keys"], number)[:, 0]
    return (shared + left @ right.T).softmax(1)


def map_fit(whole, reduced, *, own=True):
    """Return the mean and the worst correlation of the rows of two relations (N, N), to four decimals.

    Without ``own`` the diagonal is left out. A row that is constant in either has correlation 0.

    >>> map_fit(torch.eye(4), torch.eye(4).flip(0))
    [-0.3333, -0.3333]
    """
    number = len(whole)
    if not own:
        others = ~torch.eye(number, dtype=torch.bool)
        whole, reduced = (each[others].view(number, number - 1) for each in (whole, reduced))
    one, two = (each - each.mean(1, keepdim=True) for each in (whole.double(), reduced.double()))
    scale = one.norm(dim=1) * two.norm(dim=1)
    found = (one * two).sum(1) / torch.where(scale > 1e-30, scale, torch.inf)
    return [round(each.item(), 4) for each in (found.mean(), found.min())]


def _fit(logits, rank, step, grid, power, floor):
    """Fit t, b, u and v in whole steps → (H, offsets, 1), (H, N, 1), (H, N, r), (H, N, r).

    First as real numbers, then in turns, each of which finds the one side anew for the other in whole steps.
    """
    attended, shift = logits.softmax(2), offset_places(grid)
    weights = (attended / attended.norm(dim=2, keepdim=True)) ** power + floor / logits.shape[2]
    goal = logits - logits.mean(2, keepdim=True)
    shares, bias = _by_offset(weights, goal, shift), torch.zeros_like(goal[..., :1])
    right = torch.linalg.svd(goal - shares[:, shift])[2][:, :rank].mT
    for _ in range(TURNS):
        right = torch.linalg.qr(right)[0] * goal.shape[1] ** 0.5
        left, free = _solve(weights, goal - shares[:, shift] - bias.mT, right)
        right, bias = _solve(weights.mT, (goal - shares[:, shift] - free).mT, left)
        shares = _by_offset(weights, goal - bias.mT - free - left @ right.mT, shift)
    left, right = _balanced(left, right)
    for turn in range(TURNS_IN_STEPS):
        if turn:
            free = _mean(weights, goal - shares[:, shift] - bias.mT - left @ right.mT)
            shares = _by_offset(weights, goal - bias.mT - free - left @ right.mT, shift)
            left, _ = _solve(weights, goal - shares[:, shift] - bias.mT, right)
        left, shares = _in_steps(left, step), _in_steps(shares, step[..., 0])
        free = _mean(weights, goal - shares[:, shift] - bias.mT - left @ right.mT)
        solved = _solve(weights.mT, (goal - shares[:, shift] - free).mT, left)
        right, bias = (_in_steps(each, step) for each in solved)
    return shares[..., None], bias, left, right


def _in_steps(part, step):
    return (part / step).round() * step


def _mean(weights, rest):
    """Return the weighted mean of each row, (H, N, 1)."""
    return (weights * rest).sum(2, keepdim=True) / weights.sum(2, keepdim=True)


def _by_offset(weights, rest, shift):
    """Return the weighted mean of all pairs of one offset, (H, offsets), drawn to 0 where none is attended to."""
    none = torch.zeros(len(rest), int(shift.max()) + 1, dtype=rest.dtype)
    total = none.index_add(1, shift.flatten(), (weights * rest).flatten(1))
    return total / (none.index_add(1, shift.flatten(), weights.flatten(1)) + RIDGE)


def _solve(weights, rest, known):
    """Return the weighted least squares of each row on the known columns and a constant: (H, N, r) and (H, N, 1)."""
    known = torch.cat([known, torch.ones_like(known[..., :1])], 2)
    width = known.shape[2]
    products = (known[..., :, None] * known[..., None, :]).flatten(2)
    normal = (weights @ products).unflatten(2, (width, width)) + RIDGE * torch.eye(width, dtype=rest.dtype)
    solved = torch.linalg.solve(normal, ((weights * rest) @ known).unsqueeze(3)).squeeze(3)
    return solved[..., :-1], solved[..., -1:]


def _balanced(left, right):
    """Return two factors of the same product whose columns are orthogonal and equally long on both sides."""
    (one, upper), (other, lower) = torch.linalg.qr(left), torch.linalg.qr(right)
    turned, lengths, back = torch.linalg.svd(upper @ lower.mT)
    root = lengths.sqrt().unsqueeze(1)
    return one @ turned * root, other @ back.mT * root
