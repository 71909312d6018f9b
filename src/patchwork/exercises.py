"""Checks for a reader's own answers: what is right, or what differs on the smallest case that fails."""

import torch
import torch.nn.functional as F

from patchwork._answers import as_tensor, difference, digits_apart, in_one_line, show
from patchwork.attention import attention_weights
from patchwork.patches import patchify

_JUDGES = {}


def check(name, answer):
    """Check an answer to an exercise and print ✓, or what was expected and what was got.

    ``name`` is "chapter.exercise"; ``answer`` is the number or the function that the exercise asks for. A function
    is called on a few cases, the smallest first; shapes are compared, then values, to the precision of the dtype, 1%
    at worst. Raises ValueError for an unknown name only: an answer that is wrong, or fails, is explained in one line.

    >>> check("patches.order", lambda grid, index: (index // grid[1], index % grid[1]))
    ✓ patches.order is right
    >>> check("patches.order", lambda grid, index: (index % grid[1], index // grid[1]))
    ✗ patches.order: for grid=(1, 2), index=1 expected (0, 1), got (1, 0)
    """
    if not isinstance(name, str) or name not in _JUDGES:
        raise ValueError(f"there is no exercise {show(name)}; the exercises are {', '.join(_JUDGES)}")
    try:
        problem = _JUDGES[name](answer)
    except Exception as error:  # what is not foreseen is the answer's fault all the same, and no reader's traceback
        problem = f"the answer can't be compared ({type(error).__name__}: {in_one_line(error)})"
    print(f"✗ {name}: {problem}" if problem else f"✓ {name} is right")


def _number(name, expected, *, within, because):
    """Register an exercise that asks for a number."""

    def judge(answer):
        found = as_tensor(answer)
        if found is None or found.numel() != 1:
            return f"expected a number, got {show(answer)}"
        got = float(found.item())
        if abs(got - expected) <= within:
            return None
        digits = digits_apart(expected, got)
        return f"expected {expected:.{digits}g} ({because}), got {got:.{digits}g}"

    _JUDGES[name] = judge


def _function(name):
    """Register an exercise that asks for a function, by a generator of cases: named arguments, expected result.

    Where the result is not one value but a property, the case holds a judge: result → what is wrong, or None.
    """

    def register(cases):
        def judge(answer):
            problems = (_call(answer, arguments, expected) for arguments, expected in cases())
            return next(filter(None, problems), None)

        _JUDGES[name] = judge
        return cases

    return register


def _call(answer, arguments, expected):
    if not callable(answer):
        return f"expected a function of ({', '.join(arguments)}), got {show(answer)}"
    case = "for " + ", ".join(f"{name}={show(value)}" for name, value in arguments.items())
    try:
        got = answer(*arguments.values())
    except (Exception, SystemExit) as error:
        return f"{case} the function raised {type(error).__name__}: {in_one_line(error)}"
    if got is None:
        return f"{case} the function returned None (is a return missing?)"
    problem = expected(got) if callable(expected) else difference(expected, got)
    return problem and f"{case} {problem}"


_number(  # query: patch 0 of the regions [0, 0, 1, 0, 1, 1]; its row of the relation: [1, .9, .8, .6, .3, .1]
    "introduction.auc",
    5 / 6,
    within=0.005,
    because="of 2 × 3 pairs, only .6 against .8 is ranked wrongly; the own patch is left out",
)
_number(
    "introduction.precision",
    5 / 6,
    within=0.005,
    because="1 of 1 at the first own patch, 2 of 3 at the second",
)
_number(
    "introduction.sign",
    0.81,
    within=0.001,
    because="a change of sign turns every pair around and leaves ties as they are: 1 − 0.19",
)
_number(
    "patches.smallest",
    16,
    within=0,
    because="P = 8 needs 16384² × 4 bytes = 1.07 GB, P = 16 needs 4096² × 4 bytes = 0.07 GB",
)


@_function("introduction.neighbors")
def _neighbors():
    for rows, columns in ((1, 2), (2, 2), (2, 3), (4, 3)):
        relation = torch.zeros(rows * columns, rows * columns)
        for r in range(rows):
            for c in range(columns):
                around = [(r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)]
                inside = [i * columns + j for i, j in around if 0 <= i < rows and 0 <= j < columns]
                relation[r * columns + c, inside] = 1 / len(inside)
        yield {"grid": (rows, columns)}, relation


@_function("patches.inverse")
def _inverse():
    for batch, channels, rows, columns, size in ((1, 1, 1, 2, 1), (1, 1, 2, 2, 2), (1, 3, 1, 2, 2), (2, 3, 3, 2, 4)):
        images = _counting(batch, channels, rows * size, columns * size)
        yield {"patches": patchify(images, size), "grid": (rows, columns), "channels": channels}, images


@_function("patches.convolution")
def _convolution():
    for batch, channels, size, dim in ((1, 1, 1, 1), (1, 1, 2, 1), (1, 3, 2, 2), (2, 3, 4, 5)):
        images = _counting(batch, channels, size, 2 * size) % 5
        weight, bias = _counting(dim, channels, size, size) % 3 + 1, _counting(dim) + 1
        yield (
            {"images": images, "weight": weight, "bias": bias},
            F.conv2d(images, weight, bias, stride=size).flatten(2).mT,
        )


@_function("patches.memory")
def _memory():
    for (height, width), size, bytes_per_number in (((2, 2), 1, 1), ((32, 32), 16, 4), ((480, 640), 16, 2)):
        number = (height // size) * (width // size)
        arguments = {"image_size": (height, width), "patch_size": size, "bytes_per_number": bytes_per_number}
        yield arguments, number**2 * bytes_per_number


@_function("patches.overlap")
def _overlap():
    for image_size, size, stride in (((1, 3), 1, 1), ((3, 3), 2, 1), ((2, 4), 2, 2), ((5, 7), 3, 2), ((12, 16), 4, 1)):
        windows = F.unfold(torch.ones(1, 1, *image_size), size, stride=stride)
        counts = F.fold(windows, image_size, size, stride=stride).view(image_size)
        yield {"image_size": image_size, "patch_size": size, "stride": stride}, counts


@_function("patches.positions")
def _positions():
    for grid, dim in (((1, 2), 4), ((2, 2), 4), ((2, 3), 8), ((3, 2), 8), ((14, 14), 64)):
        yield {"grid": grid, "dim": dim}, lambda got, grid=grid, dim=dim: _position_problem(got, grid, dim)


@_function("patches.order")
def _order():
    for rows, columns in ((1, 2), (2, 2), (2, 3), (4, 3)):
        for index in range(rows * columns):
            yield {"grid": (rows, columns), "index": index}, divmod(index, columns)


@_function("attention.gradient")
def _gradient():
    for number, dim, scale in ((1, 1, 1.0), (2, 1, 1.0), (2, 2, 0.5), (5, 3, 2.0)):
        queries, keys = _waves(2, number, dim)
        weights = attention_weights(queries, keys, scale=scale)
        jacobians = weights.diag_embed() - weights.unsqueeze(2) * weights.unsqueeze(1)
        yield {"queries": queries, "keys": keys, "scale": scale}, torch.linalg.matrix_norm(jacobians).mean()


@_function("attention.equivariance")
def _equivariance():
    x, mix = _waves(5, 3), _waves(5, 5)
    layers = {
        "one linear map for every row": (lambda x: x @ _waves(x.shape[1], 2), True),
        "adding a different position to each row": (lambda x: x + _waves(*x.shape), False),
        "attention": (lambda x: attention_weights(x, x) @ x, True),
        "the mean of all rows, for each": (lambda x: x.mean(0).expand_as(x), True),
        "the mean with the row above and the row below": (lambda x: (x + x.roll(1, 0) + x.roll(-1, 0)) / 3, False),
        "a fixed mixture of the rows": (lambda x: mix @ x, False),
        "attention to the row itself and the rows above": (_causal, False),
        "the rows in ascending order": (lambda x: x.sort(dim=0).values, False),
    }
    for name, (layer, answer) in layers.items():
        yield {"layer": layer, "x": x}, lambda got, name=name, answer=answer: _verdict_problem(got, name, answer)


@_function("attention.bug")
def _bug():
    for number, dim, heads in ((1, 1, 1), (2, 2, 2), (3, 4, 2), (5, 6, 3)):
        queries, keys, values = _waves(3, number, dim)
        split = [part.unflatten(1, (heads, -1)).transpose(0, 1) for part in (queries, keys, values)]
        outputs = attention_weights(*split[:2]) @ split[2]
        yield {"q": queries, "k": keys, "v": values, "heads": heads}, outputs.transpose(0, 1).flatten(1)


@_function("attention.rollout")
def _rollout():
    for number, depth, share in ((2, 1, 0.5), (2, 2, 0.5), (3, 2, 0.25), (4, 3, 1.0), (4, 3, 0.0)):
        layers = [_waves(depth, number, number)[layer].softmax(1) for layer in range(depth)]
        steps = [share * layer + (1 - share) * torch.eye(number) for layer in layers]
        expected = steps[0] if depth == 1 else torch.linalg.multi_dot(steps[::-1])
        yield {"layers": layers, "share": share}, expected


@_function("attention.average")
def _average():
    for number in (1, 2, 3, 6):
        relation = _waves(number, number).softmax(1)
        yield {"A": relation}, lambda got, relation=relation: _average_problem(got, relation)


def _causal(x):
    return attention_weights(x, x, mask=torch.ones(len(x), len(x), dtype=torch.bool).tril()) @ x


def _verdict_problem(got, name, answer):
    found = as_tensor(got)
    if found is None or found.numel() != 1 or found.item() not in (0, 1):
        return f"({name}) expected True or False, got {show(got)}"
    return None if bool(found.item()) == answer else f"({name}) expected {answer}, got {not answer}"


def _average_problem(got, relation):
    pair = [as_tensor(part) for part in got] if isinstance(got, (tuple, list)) and len(got) == 2 else [None]
    if any(part is None or part.ndim != 2 for part in pair):
        return f"expected queries and keys, two matrices, got {show(got)}"
    queries, keys = (part.to(relation) for part in pair)
    if queries.shape != (len(relation), keys.shape[1]) or len(keys) != len(relation):
        return f"expected two matrices ({len(relation)}, d), got {tuple(queries.shape)} and {tuple(keys.shape)}"
    problem = difference(relation, attention_weights(queries, keys))
    return problem and f"as attention weights {problem}"


def _position_problem(got, grid, dim):
    """Any embedding will do that is finite and tells all positions apart, (r, c) from (c, r) among them."""
    rows, found = grid[0] * grid[1], as_tensor(got)
    if found is None or found.shape != (rows, dim):
        return f"expected shape {(rows, dim)}, got {show(got)}"
    if not found.isfinite().all():
        return "expected finite numbers, got NaN or infinity"
    apart = (found.double().unsqueeze(1) - found.double()).abs().amax(2).fill_diagonal_(torch.inf)
    if apart.min() > 1e-6:
        return None
    first, second = (divmod(index, grid[1]) for index in divmod(int(apart.argmin()), rows))
    return f"expected different rows for the positions (row, column) = {first} and {second}, got the same"


def _counting(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


def _waves(*shape):
    """Numbers without a pattern that a wrong answer could hit by chance, the same everywhere."""
    return (_counting(*shape) * 2.4 + 0.7).sin()
