"""The exercises of chapter 7."""

import functools

import torch

from patchwork.exercises._compare import as_tensor, show
from patchwork.exercises._judges import JUDGES, function, number, waves
from patchwork.graphs import normalize_adjacency, radius_graph, weight_edges
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.relations import is_row_stochastic, same_region_auc
from patchwork.similarity import patch_spectrum, squared_distances, standardize

_GRID, _MOSAICS, _GAIN, _BROKEN = (16, 16), 6, 0.02, 0.65

number("synthesis.ceiling", (1 + 378 / 506) / 2, within=0.002, because="378 of the 506 pairs share a window")
number("synthesis.residual", 45, within=0.5, because="0.95 to the power of 90 is the first below 0.01")


@function("synthesis.between")
def _between():
    for tokens in (1, 2, 3, 5):
        first, second = (waves(tokens, tokens + place)[:, place:].exp() for place in (0, 1))
        first, second = (each / each.sum(1, keepdim=True) for each in (first, second))
        for t in (0.0, 0.25, 0.5, 1.0):
            mean = first ** (1 - t) * second**t
            yield {"A": first, "B": second, "t": t}, mean / mean.sum(1, keepdim=True)


@function("synthesis.relation")
def _relation():
    bar = _walks_score() + _GAIN
    scores = []
    for seed in range(_MOSAICS):
        spectra, labels = _mosaic(seed)

        def judge(got, labels=labels):
            relation = as_tensor(got)
            if relation is None or relation.shape != (256, 256):
                return f"expected a relation (256, 256), got {show(got)}"
            relation = relation.double()
            if not relation.isfinite().all() or relation.min() < 0 or not is_row_stochastic(relation, tolerance=1e-4):
                return "expected entries of at least 0 in rows that sum to 1"
            scores.append(same_region_auc(relation, labels).item())
            mean = sum(scores) / len(scores)
            if len(scores) < _MOSAICS or mean >= bar:
                return None
            return f"and {_MOSAICS - 1} others: expected a mean AUC of {bar:.3f} at least, got {mean:.3f}"

        yield {"spectra": spectra, "places": patch_centers(_GRID, dtype=spectra.dtype)}, judge


def _break(answer):
    tensor = as_tensor(answer)
    if tensor is None or tensor.shape != _GRID:
        return f"expected a tensor (16, 16) of zeros and ones, got {show(answer)}"
    if not set(tensor.flatten().tolist()) <= {0, 1}:
        return f"expected zeros and ones only, got {show(answer)} with values {tensor.min():g} … {tensor.max():g}"
    cells = tensor.flatten().long()
    if not 64 <= cells.sum() <= 192:
        return (
            f"expected at least 64 patches of each texture, got {256 - cells.sum()} of grass and {cells.sum()} of brick"
        )
    auc = same_region_auc(_walk(_spectra(_painted(cells))), cells).item()
    return None if auc < _BROKEN else f"expected an AUC of the walk below {_BROKEN}, got {auc:.3f}"


JUDGES["synthesis.break"] = _break


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
