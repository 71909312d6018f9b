"""The exercises of chapter 2."""

import itertools

import torch

from patchwork.attention import attention_weights
from patchwork.exercises._compare import Problem, as_tensor
from patchwork.exercises._judges import function, queries_and_keys, waves
from patchwork.exercises._show import show


def _norms(queries, keys, scale):
    weights = attention_weights(queries, keys, scale=scale)
    return torch.linalg.matrix_norm(weights.diag_embed() - weights.unsqueeze(2) * weights.unsqueeze(1))


@function(
    "attention.gradient",
    mistakes={
        "the scale was not used": lambda queries, keys, scale: _norms(queries, keys, 1.0).mean(),
        "the square root was missing": lambda queries, keys, scale: _norms(queries, keys, scale).square().mean(),
        "the root was taken of the mean; it is the mean of roots": lambda queries, keys, scale: (
            _norms(queries, keys, scale).square().mean().sqrt()
        ),
        "the norms were added up; their mean is asked for": lambda queries, keys, scale: _norms(
            queries, keys, scale
        ).sum(),
    },
)
def _gradient():
    for number, dim, scale in ((1, 1, 1.0), (2, 1, 1.0), (2, 2, 0.5), (5, 3, 2.0)):
        queries, keys = waves(2, number, dim)
        yield {"queries": queries, "keys": keys, "scale": scale}, _norms(queries, keys, scale).mean()


@function("attention.equivariance")
def _equivariance():
    x = waves(5, 3)
    for layer, answer in _layers(x):
        yield {"layer": layer, "x": x}, lambda got, answer=answer: _verdict_problem(got, answer)


def _layers(x):
    mix = waves(5, 5)
    some = [rows for size in (1, 2) for rows in itertools.combinations(range(len(x)), size)]
    layers = {
        "one linear map for every row": (lambda x: x @ waves(x.shape[1], 2), True),
        "adding a different position to each row": (lambda x: x + waves(*x.shape), False),
        "attention": (lambda x: attention_weights(x, x) @ x, True),
        "the mean of all rows, for each": (lambda x: x.mean(0).expand_as(x), True),
        "the mean with the row above and the row below": (lambda x: (x + x.roll(1, 0) + x.roll(-1, 0)) / 3, False),
        "a fixed mixture of the rows": (lambda x: mix @ x, False),
        "attention to the row itself and the rows above": (_causal, False),
        "the rows in ascending order": (lambda x: x.sort(dim=0).values, False),
        "one that respects the first order it meets and its repetitions, and no other": (_FirstOrder(), False),
        **{
            f"each row less the mean of {list(rows)}; it respects all orders that leave them in place": (
                lambda x, rows=rows: x - x[list(rows)].mean(0),
                False,
            )
            for rows in some
        },
    }
    for text, (layer, answer) in layers.items():
        layer.__doc__ = text
        yield layer, answer


class _FirstOrder:
    """A layer for a test that tries one permutation, whichever it is.

    It returns rows as they come while they are a power of the first permutation of them that it saw, and moves them
    by a position if not.
    """

    def __init__(self):
        self.seen, self.orders = None, None

    def __call__(self, x):
        if self.seen is None:
            self.seen = x.clone()
        same = (x[:, None] == self.seen).all(-1)
        order = same.int().argmax(1).tolist() if same.any(1).all() else None
        start = list(range(len(x)))
        if self.orders is None and order not in (None, start):
            self.orders = [start]
            while (power := [self.orders[-1][place] for place in order]) != start:
                self.orders.append(power)
        return x.clone() if order in (self.orders or [start]) else x + waves(*x.shape)


def _heads(queries, keys, values, heads, *, wide=False, one=False):
    split = [part.unflatten(1, (1 if one else heads, -1)).transpose(0, 1) for part in (queries, keys, values)]
    scale = queries.shape[1] ** -0.5 if wide else None
    return (attention_weights(*split[:2], scale=scale) @ split[2]).transpose(0, 1).flatten(1)


@function(
    "attention.bug",
    mistakes={
        "the heads were still cut from the rows, not from the columns": lambda q, k, v, heads: _heads(
            *(x.reshape(heads, len(x), -1).transpose(0, 1).flatten(1) for x in (q, k, v)), heads
        ),
        "there was only one head": lambda q, k, v, heads: _heads(q, k, v, heads, one=True),
        "the logits were divided by the root of D; a head has the width d": lambda q, k, v, heads: _heads(
            q, k, v, heads, wide=True
        ),
    },
)
def _bug():
    for number, dim, heads in ((1, 1, 1), (2, 2, 2), (3, 4, 2), (5, 6, 3)):
        queries, keys, values = waves(3, number, dim)
        yield {"q": queries, "k": keys, "v": values, "heads": heads}, _heads(queries, keys, values, heads)


def _rollout_of(layers, share, kept=None):
    one = torch.eye(len(layers[0]))
    steps = [share * layer + (1 - share if kept is None else kept) * one for layer in layers]
    return steps[0] if len(steps) == 1 else torch.linalg.multi_dot(steps[::-1])


@function(
    "attention.rollout",
    mistakes={
        "the last layer stood on the right": lambda layers, share: _rollout_of(layers[::-1], share),
        "the residual connection had the share, and attention the rest": lambda layers, share: _rollout_of(
            layers, 1 - share
        ),
        "the share was always one half": lambda layers, share: _rollout_of(layers, 0.5),
        "A + I was multiplied": lambda layers, share: _rollout_of(layers, 1, kept=1),
    },
)
def _rollout():
    for number, depth, share in ((2, 1, 0.5), (2, 2, 0.5), (3, 2, 0.25), (4, 3, 1.0), (4, 3, 0.0)):
        layers = [waves(depth, number, number)[layer].softmax(1) for layer in range(depth)]
        yield {"layers": layers, "share": share}, _rollout_of(layers, share)


@function(
    "attention.average",
    mistakes={
        "the root of d was forgotten: the logits are divided by it": lambda A: (A.log(), torch.eye(len(A))),
        "the logarithm was missing": lambda A: (len(A) ** 0.5 * A, torch.eye(len(A))),
        "A itself was the queries": lambda A: (A, torch.eye(len(A))),
        "queries and keys were swapped": lambda A: (torch.eye(len(A)), len(A) ** 0.5 * A.log()),
    },
)
def _average():
    for number in (1, 2, 3, 6):
        relation = waves(number, number).softmax(1)
        yield {"A": relation}, queries_and_keys(relation)


def _causal(x):
    return attention_weights(x, x, mask=torch.ones(len(x), len(x), dtype=torch.bool).tril()) @ x


def _verdict_problem(got, answer):
    tensor = as_tensor(got)
    if tensor is None or tensor.numel() != 1 or tensor.item() not in (0, 1):
        return Problem("this is no yes or no", show(got), "True or False")
    if bool(tensor.item()) == answer:
        return None
    looks = "some order changes the result, and it was not tried" if not answer else "no order changes the result"
    return Problem(looks, str(not answer), str(answer))
