"""The exercises of chapter 2."""

import torch

from patchwork.attention import attention_weights
from patchwork.exercises._compare import as_tensor, show
from patchwork.exercises._judges import function, queries_and_keys, waves


@function("attention.gradient")
def _gradient():
    for number, dim, scale in ((1, 1, 1.0), (2, 1, 1.0), (2, 2, 0.5), (5, 3, 2.0)):
        queries, keys = waves(2, number, dim)
        weights = attention_weights(queries, keys, scale=scale)
        jacobians = weights.diag_embed() - weights.unsqueeze(2) * weights.unsqueeze(1)
        yield {"queries": queries, "keys": keys, "scale": scale}, torch.linalg.matrix_norm(jacobians).mean()


@function("attention.equivariance")
def _equivariance():
    x, mix = waves(5, 3), waves(5, 5)
    layers = {
        "one linear map for every row": (lambda x: x @ waves(x.shape[1], 2), True),
        "adding a different position to each row": (lambda x: x + waves(*x.shape), False),
        "attention": (lambda x: attention_weights(x, x) @ x, True),
        "the mean of all rows, for each": (lambda x: x.mean(0).expand_as(x), True),
        "the mean with the row above and the row below": (lambda x: (x + x.roll(1, 0) + x.roll(-1, 0)) / 3, False),
        "a fixed mixture of the rows": (lambda x: mix @ x, False),
        "attention to the row itself and the rows above": (_causal, False),
        "the rows in ascending order": (lambda x: x.sort(dim=0).values, False),
    }
    for name, (layer, answer) in layers.items():
        yield {"layer": layer, "x": x}, lambda got, name=name, answer=answer: _verdict_problem(got, name, answer)


@function("attention.bug")
def _bug():
    for number, dim, heads in ((1, 1, 1), (2, 2, 2), (3, 4, 2), (5, 6, 3)):
        queries, keys, values = waves(3, number, dim)
        split = [part.unflatten(1, (heads, -1)).transpose(0, 1) for part in (queries, keys, values)]
        outputs = attention_weights(*split[:2]) @ split[2]
        yield {"q": queries, "k": keys, "v": values, "heads": heads}, outputs.transpose(0, 1).flatten(1)


@function("attention.rollout")
def _rollout():
    for number, depth, share in ((2, 1, 0.5), (2, 2, 0.5), (3, 2, 0.25), (4, 3, 1.0), (4, 3, 0.0)):
        layers = [waves(depth, number, number)[layer].softmax(1) for layer in range(depth)]
        steps = [share * layer + (1 - share) * torch.eye(number) for layer in layers]
        expected = steps[0] if depth == 1 else torch.linalg.multi_dot(steps[::-1])
        yield {"layers": layers, "share": share}, expected


@function("attention.average")
def _average():
    for number in (1, 2, 3, 6):
        relation = waves(number, number).softmax(1)
        yield {"A": relation}, queries_and_keys(relation)


def _causal(x):
    return attention_weights(x, x, mask=torch.ones(len(x), len(x), dtype=torch.bool).tril()) @ x


def _verdict_problem(got, name, answer):
    tensor = as_tensor(got)
    if tensor is None or tensor.numel() != 1 or tensor.item() not in (0, 1):
        return f"({name}) expected True or False, got {show(got)}"
    return None if bool(tensor.item()) == answer else f"({name}) expected {answer}, got {not answer}"
