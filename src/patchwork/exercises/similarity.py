"""The exercises of chapter 5."""

import functools

import torch

from patchwork.exercises._compare import Problem, as_tensor
from patchwork.exercises._judges import function, waves
from patchwork.exercises._show import show
from patchwork.images import texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.relations import mean_average_precision
from patchwork.similarity import patch_spectrum, squared_distances, standardize

_MOSAICS, _GAIN = 6, 0.01


def _line(a, b):
    gain = torch.cov(torch.stack([a, b]))[0, 1] / a.var()
    return torch.stack([gain, b.mean() - gain * a.mean()])


@function(
    "similarity.light",
    mistakes={
        "a and b were swapped": lambda a, b: _line(b, a),
        "the gain was s_b / s_a, without ρ": lambda a, b: torch.stack(
            [b.std() / a.std(), b.mean() - b.std() / a.std() * a.mean()]
        ),
        "there was no offset": lambda a, b: torch.stack([a @ b / (a @ a), a.new_zeros(())]),
        "the offset came first": lambda a, b: _line(a, b).flip(0),
        "the offset was the difference of the means": lambda a, b: torch.stack([_line(a, b)[0], b.mean() - a.mean()]),
    },
)
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


@function(
    "similarity.dimension",
    mistakes={
        "the variance was divided by one less than the number": lambda squared: 2 * squared.mean() ** 2 / squared.var(),
        "the 2 was missing": lambda squared: squared.mean() ** 2 / squared.var(correction=0),
        "the relative spread was asked for": lambda squared: squared.std(correction=0) / squared.mean(),
        "the distances themselves were meant, not their squares": lambda squared: (
            2 * squared.sqrt().mean() ** 2 / squared.sqrt().var(correction=0)
        ),
    },
)
def _dimension():
    for squared in ((1.0, 3.0), (1.0, 2.0, 6.0), (4.0, 5.0, 6.0, 5.0)):
        squared = torch.tensor(squared)
        yield {"squared": squared}, 2 * squared.mean() ** 2 / squared.var(correction=0)


def _profile_of(relation, grid, far=torch.inf, mean=torch.mean):
    places = patch_centers(grid)
    away = torch.cdist(places, places, p=far).round()
    return torch.stack([mean(relation[away == distance]) for distance in range(max(grid))])


@function(
    "similarity.profile",
    mistakes={
        "the entries were added up, not averaged": lambda relation, grid: _profile_of(relation, grid, mean=torch.sum),
        "the differences in rows and columns were added": lambda relation, grid: _profile_of(relation, grid, far=1),
        "the distance was the Euclidean one, rounded": lambda relation, grid: _profile_of(relation, grid, far=2),
        "grid was (columns, rows)": lambda relation, grid: _profile_of(relation, grid[::-1]),
        "each row was averaged over all of its patches": lambda relation, grid: _profile_of(
            relation, grid, mean=lambda entries: entries.sum() / len(relation)
        ),
    },
)
def _profile():
    for grid in ((1, 1), (1, 3), (3, 1), (2, 3), (4, 3)):
        relation = waves(grid[0] * grid[1], grid[0] * grid[1])
        yield {"relation": relation, "grid": grid}, _profile_of(relation, grid)


def _ranks(query, parts, k):
    return squared_distances(query[None], torch.cat(parts))[0].argsort()[:k]


@function(
    "similarity.parts",
    mistakes={
        "only the first part was searched": lambda query, parts, k: _ranks(query, parts[:1], k),
        "only the last part was searched": lambda query, parts, k: (
            _ranks(query, parts[-1:], k) + sum(map(len, parts[:-1]))
        ),
        "the numbers began at 0 in each part": lambda query, parts, k: torch.cat(
            [torch.arange(len(part)) for part in parts]
        )[_ranks(query, parts, k)],
        "the farthest were asked for": lambda query, parts, k: squared_distances(query[None], torch.cat(parts))[
            0
        ].argsort(descending=True)[:k],
        "they were sorted by number, not by distance": lambda query, parts, k: _ranks(query, parts, k).sort().values,
        "the largest inner products were asked for": lambda query, parts, k: (torch.cat(parts) @ query).argsort(
            descending=True
        )[:k],
    },
)
def _parts():
    for sizes, k in (((1,), 1), ((1, 1), 1), ((2, 2), 2), ((1, 4, 2), 3), ((3, 1, 3), 7)):
        database = waves(sum(sizes), 2)
        query = torch.tensor([0.3, -0.2])
        parts = list(database.split(sizes))
        yield {"query": query, "parts": parts, "k": k}, _ranks(query, parts, k)


@function(
    "similarity.feature",
    mistakes={
        "these were the pixels": lambda patches: patches,
        "these were the standardized spectra themselves": lambda patches: standardize(patch_spectrum(patches)),
        "these were the spectra, not standardized": patch_spectrum,
    },
)
def _feature():
    patches, labels = _shuffled_mosaics()
    bar = _spectra_score()

    def judge(got):
        features = as_tensor(got)
        if features is None or features.ndim != 3 or features.shape[:2] != patches.shape[:2] or features.shape[2] == 0:
            return Problem("the shape is another one", show(got), f"a tensor ({_MOSAICS}, 256, F)")
        if not features.double().isfinite().all():
            return Problem("there is a NaN or an infinity", show(got), "features that are numbers")
        precision = _precision(features.float(), labels)
        if precision >= bar + _GAIN:
            return None
        looks = (
            "this is no better than the standardized spectra" if precision < bar + 1e-3 else "this is not enough yet"
        )
        wanted = f"a mean average precision of {bar + _GAIN:.3f} at least"
        return Problem(looks, f"{precision:.3f}", wanted)

    yield {"patches": patches}, judge


@functools.cache
def _spectra_score():
    patches, labels = _shuffled_mosaics()
    return _precision(standardize(patch_spectrum(patches)), labels)


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
