"""The exercises of chapter 7."""

import functools

import torch

from patchwork.exercises._compare import Problem, as_tensor
from patchwork.exercises._judges import function, number, value, waves
from patchwork.exercises._show import show
from patchwork.graphs import normalize_adjacency, radius_graph, weight_edges
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.relations import is_row_stochastic, same_region_auc
from patchwork.similarity import patch_spectrum, squared_distances, standardize

_GRID, _MOSAICS, _GAIN, _BROKEN = (16, 16), 6, 0.02, 0.65

number(
    "synthesis.ceiling",
    (1 + 378 / 506) / 2,
    within=0.001,
    because="378 of the 506 pairs share a window; of the others, half are right by chance",
    mistakes={
        378 / 506: "all others were wrong; half of them are right by chance",
        1 - 378 / 506: "the pairs that share no window were asked for",
        (1 + 216 / 264) / 2: "only pairs side by side were counted, not the diagonal ones",
        (1 + 162 / 242) / 2: "only diagonal pairs were counted, not those side by side",
        (1 + 216 / 506) / 2: "the diagonal pairs were left out within the windows",
        (1 + 42 / 506) / 2: "only one of the nine windows was counted",
    },
)
number(
    "synthesis.residual",
    45,
    within=1e-9,
    because="0.95 to the power of 90 is the first even one below 0.01",
    mistakes={
        22: "this was the number without the residual connection",
        90: "the vector was meant; the variance falls with the square",
        89.78: "the vector was meant; the variance falls with the square",
        44.89: "it was not rounded up to whole applications",
        44: "it was rounded down; then more than 1 % is left",
        43.71: "this was the number without the residual connection, for the vector",
    },
)


def _mean(A, B, t):
    return A ** (1 - t) * B**t


def _rows(entries):
    return entries / entries.sum(1, keepdim=True)


@function(
    "synthesis.between",
    mistakes={
        "the two were added: (1 − t) A + t B": lambda A, B, t: (1 - t) * A + t * B,
        "t belonged to A": lambda A, B, t: _rows(_mean(B, A, t)),
        "the rows were not divided by their sums": _mean,
        "a softmax was taken of the product, not of its logarithm": lambda A, B, t: _mean(A, B, t).softmax(1),
        "the columns were divided by their sums": lambda A, B, t: _mean(A, B, t) / _mean(A, B, t).sum(0),
    },
)
def _between():
    for tokens in (1, 2, 3, 5):
        first, second = (_rows(waves(tokens, tokens + place)[:, place:].exp()) for place in (0, 1))
        for t in (0.0, 0.25, 0.5, 1.0):
            yield {"A": first, "B": second, "t": t}, _rows(_mean(first, second, t))


@function("synthesis.relation")
def _relation():
    bar, scores = _walks_score() + _GAIN, []
    for seed in range(_MOSAICS):
        spectra, labels = _mosaic(seed)
        arguments = {"spectra": spectra, "places": patch_centers(_GRID, dtype=spectra.dtype)}
        yield arguments, lambda got, labels=labels: _relation_problem(got, labels, scores, bar)


def _relation_problem(got, labels, scores, bar):
    relation = as_tensor(got)
    if relation is None or relation.shape != (256, 256):
        return Problem("the shape is another one", show(got), "a relation (256, 256)")
    relation = relation.double()
    if not relation.isfinite().all():
        return Problem("there is a NaN or an infinity", show(got), "numbers")
    if relation.min() < 0:
        return Problem("some entries are below 0", f"{relation.min().item():.4g}", "entries of at least 0")
    if not is_row_stochastic(relation, tolerance=1e-4):
        sums = relation.sum(1)
        return Problem("the rows don't sum to 1", f"sums {sums.min().item():.4g} … {sums.max().item():.4g}", "1")
    scores.append(same_region_auc(relation, labels).item())
    mean = sum(scores) / len(scores)
    if len(scores) < _MOSAICS or mean >= bar:
        return None
    looks = "this is not enough yet, over this mosaic and the five before"
    return Problem(looks, f"a mean AUC of {mean:.3f}", f"{bar:.3f} at least")


@value("synthesis.break")
def _break(answer):
    tensor, wanted = as_tensor(answer), "a tensor (16, 16) of zeros and ones"
    if tensor is None or tensor.shape != _GRID:
        return Problem("the shape is another one", show(answer), wanted)
    if not set(tensor.flatten().tolist()) <= {0, 1}:
        values = f"values {tensor.double().min().item():g} … {tensor.double().max().item():g}"
        return Problem("there are other values", values, wanted)
    cells = tensor.flatten().long()
    if not 64 <= cells.sum() <= 192:
        count = f"{256 - cells.sum()} patches of grass and {cells.sum()} of brick"
        return Problem("one texture has too few patches", count, "at least 64 of each")
    auc = same_region_auc(_walk(_spectra(_painted(cells))), cells).item()
    if auc < _BROKEN:
        return None
    return Problem("the walk still gets it right", f"an AUC of {auc:.3f}", f"below {_BROKEN}")


@functools.cache
def _mosaic(seed):
    image, labels = texture_mosaic(half="test", generator=torch.Generator().manual_seed(60 + seed))
    return _spectra(image), labels


@functools.cache
def _walks_score():
    scores = [same_region_auc(_walk(spectra), labels) for spectra, labels in map(_mosaic, range(_MOSAICS))]
    return torch.stack(scores).mean().item()


def _spectra(image):
    return patch_spectrum(patchify(image[None].double(), 16)[0])


def _walk(spectra):
    """Make chapter 7's walk of 64 steps, radius 3, 0.25 median distances wide."""
    x = standardize(spectra)
    edges = radius_graph(patch_centers(_GRID, dtype=x.dtype), 3)
    weights = weight_edges(edges, x, bandwidth=0.25 * squared_distances(x).median().sqrt().item())
    return torch.linalg.matrix_power(normalize_adjacency(weights, mode="row"), 64)


def _painted(cells):
    """Paint grass where a cell is 0 and brick where it is 1."""
    textures = [load_image(name)[:1, :256, 256:] for name in ("grass", "brick")]
    grass, brick = (0.5 + 0.125 * (texture - texture.mean()) / texture.std() for texture in textures)
    cells = cells.view(_GRID).repeat_interleave(16, 0).repeat_interleave(16, 1)
    return torch.where(cells > 0, brick, grass).clamp(0, 1)
