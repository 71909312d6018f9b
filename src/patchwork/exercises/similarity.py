"""The exercises of chapter 5."""

import functools

import torch

from patchwork.exercises._compare import as_tensor, show
from patchwork.exercises._judges import function, waves
from patchwork.images import texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.relations import mean_average_precision
from patchwork.similarity import patch_spectrum, squared_distances, standardize

_MOSAICS, _GAIN = 6, 0.01


@function("similarity.light")
def _light():
    for a, gain, offset, rest in (
        ((0, 1), 1, 0, 0),
        ((0, 1), 2, 3, 0),
        ((1, 3, 2), -0.5, 1, 0),
        ((1, 2, 2, 3), 3, -2, 1),
    ):
        a = torch.tensor(a, dtype=torch.float32)
        unlike = rest * torch.tensor([1.0, -2.0, 0.0, 1.0])[: len(a)]  # orthogonal to the last a, and to all constants
        yield {"a": a, "b": gain * a + offset + unlike}, (float(gain), float(offset))


@function("similarity.dimension")
def _dimension():
    for squared in ((1.0, 3.0), (1.0, 2.0, 6.0), (4.0, 5.0, 6.0, 5.0)):
        squared = torch.tensor(squared)
        yield {"squared": squared}, 2 * squared.mean() ** 2 / squared.var(correction=0)


@function("similarity.profile")
def _profile():
    for grid in ((1, 1), (1, 3), (3, 1), (2, 3), (4, 3)):
        number = grid[0] * grid[1]
        relation, places = waves(number, number), patch_centers(grid)
        far = (places[:, None] - places).abs().amax(-1).round()
        expected = [relation[far == distance].mean() for distance in range(max(grid))]
        yield {"relation": relation, "grid": grid}, torch.stack(expected)


@function("similarity.parts")
def _parts():
    for sizes, k in (((1,), 1), ((1, 1), 1), ((2, 2), 2), ((1, 4, 2), 3), ((3, 1, 3), 7)):
        database = waves(sum(sizes), 2)
        query = torch.tensor([0.3, -0.2])
        order = squared_distances(query[None], database)[0].argsort()
        yield {"query": query, "parts": list(database.split(sizes)), "k": k}, order[:k]


@function("similarity.feature")
def _feature():
    patches, labels = _shuffled_mosaics()
    bar = _precision(standardize(patch_spectrum(patches)), labels)

    def judge(got):
        features = as_tensor(got)
        if features is None or features.ndim != 3 or features.shape[:2] != patches.shape[:2] or features.shape[2] == 0:
            return f"expected a tensor ({_MOSAICS}, 256, F), got {show(got)}"
        if not features.double().isfinite().all():
            return "expected features that are numbers, got NaN or infinity"
        precision = _precision(features.float(), labels)
        if precision >= bar + _GAIN:
            return None
        return f"expected a mean average precision of {bar + _GAIN:.3f} at least, got {precision:.3f}"

    yield {"patches": patches}, judge


@functools.cache
def _shuffled_mosaics():
    generator = torch.Generator().manual_seed(50)
    pairs = [texture_mosaic(half="test", generator=generator) for _ in range(_MOSAICS)]
    patches, labels = patchify(torch.stack([image for image, _ in pairs]), 16), torch.stack([own for _, own in pairs])
    order = torch.randperm(256, generator=generator)
    return patches[:, order], labels[:, order]


def _precision(features, labels):
    precisions = [mean_average_precision(-squared_distances(x), own) for x, own in zip(features, labels, strict=True)]
    return torch.stack(precisions).mean().item()
