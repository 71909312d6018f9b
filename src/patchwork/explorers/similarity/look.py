"""Which patches are alike, by what is measured of them and how two compare, and how well each way finds regions."""

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property

import torch

from patchwork.explorers.common.modules import limits
from patchwork.explorers.similarity.rankings import average_precision, kept, largest, rank_shares
from patchwork.patches import patchify
from patchwork.relations import mean_average_precision
from patchwork.similarity import (
    correlation,
    cosine_similarity,
    gradient_energy,
    mean_color,
    neighbor_similarity,
    patch_spectrum,
    squared_distances,
)

FEATURES = {
    "pixels": lambda patches: patches,
    "mean color": mean_color,
    "gradient energy": gradient_energy,
    "spectrum": patch_spectrum,
}
METRICS = {
    "euclidean": lambda features: -squared_distances(features).sqrt(),
    "cosine": cosine_similarity,
    "correlation": correlation,
}
LIMITS = limits("similarity")
NEAREST, PER_STRONG_EDGE = LIMITS["nearest"], LIMITS["edges_per_strong"]
SETTLED = 9  # decimals: values that differ by less differ by rounding alone


@dataclass(frozen=True, eq=False)
class SimilarityLook:
    """A picture in gray, cut into patches that are compared: pixels (H, W), regions (N,) or None, and the settings."""

    pixels: torch.Tensor
    grid: tuple[int, int]
    regions: torch.Tensor | None
    patch_size: int
    photo: str
    mode: str
    feature: str
    metric: str
    gain: float
    offset: float
    selected: int

    @cached_property
    def exposed(self):
        """The picture in gray, its right half exposed otherwise: (H, W), float64."""
        exposed, middle = self.pixels.clone(), self.grid[1] // 2 * self.patch_size
        exposed[:, middle:] = self.gain * exposed[:, middle:] + self.offset
        return exposed

    @cached_property
    def features(self):
        """What is measured of each patch, (N, D)."""
        return self._measured(self.feature)

    @cached_property
    def relation(self):
        """How related each patch is to each, (N, N): −distance, cosine or correlation, rounded to nine decimals."""
        return self._related(self.feature, self.metric)

    @cached_property
    def row(self):
        """How related the others are to the patch that asks, (N,): its row of ``relation``."""
        return self.relation[self.selected]

    @cached_property
    def nearest(self):
        """The five patches most related to the one that asks, of equal ones the first; none where all are equal."""
        return self._others[largest(self.row[self._others], NEAREST)]

    @cached_property
    def neighbors(self):
        """How each patch compares to the one at its right and the one below, by ``neighbor_similarity``."""
        return neighbor_similarity(self.features, self.grid, self.metric)

    @cached_property
    def scores(self):
        """How good each of the twelve relations is, by feature and metric.

        With regions: the mean average precision of all rows, or for neighbors the average precision with which edges
        between regions come first. Without: the share of each patch's five most related, or of the one in 20 least
        related neighbors, that are so at equal exposure too. NaN where nothing can be told.
        """
        if self.mode == "neighbors":
            return of_each(self._edge_score)
        return of_each(lambda feature, metric: self._row_scores(feature, metric).nanmean().item())

    @cached_property
    def row_scores(self):
        """The same for the row of the patch that asks; for neighbors, ``scores``."""
        if self.mode == "neighbors":
            return self.scores
        return of_each(lambda feature, metric: self._row_scores(feature, metric)[self.selected].item())

    @cached_property
    def chance(self):
        """What ``scores`` are, on average, for a relation that has nothing to do with the picture."""
        others = math.prod(self.grid) - 1
        if self.regions is None:
            return NEAREST / others if self.mode == "patch" else 1 / PER_STRONG_EDGE
        if self.mode == "neighbors":
            return self._borders.double().mean().item()
        same = self.regions[:, None] == self.regions
        return ((same.sum(1) - 1) / others).mean().item()

    @property
    def maps(self):
        """What is drawn of each relation, by feature and metric: ranks from 0 to 1.

        Of all patches, (N,), that of the patch that asks 1; or of all neighbors, (E,), those to the right first, the
        higher the less they are alike.
        """
        return of_each(self._rank_edges if self.mode == "neighbors" else self._rank_row)

    def _rank_edges(self, feature, metric):
        return rank_shares(self._apart(feature, metric))

    def _rank_row(self, feature, metric):
        row, others = self._related(feature, metric)[self.selected], self._others
        return torch.ones_like(row).index_put((others,), rank_shares(row[others]))

    def _edge_score(self, feature, metric):
        apart = self._apart(feature, metric)
        if self.regions is None:
            return kept(apart, self._even._apart(feature, metric), strongest(len(apart))).item()
        return average_precision(apart, self._borders).item()

    # By feature and metric, each computed when it is first asked for.

    @cached_property
    def _row_scores(self):
        """How good each row of a relation is, (N,)."""

        def score(feature, metric):
            if self.regions is not None:
                return mean_average_precision(self._related(feature, metric), self.regions, reduction=None)
            now, before = (_off_diagonal(each._related(feature, metric)) for each in (self, self._even))
            return kept(now, before, NEAREST)

        return cache(score)

    @cached_property
    def _related(self):
        """How related all patches are, (N, N)."""
        return cache(lambda feature, metric: _settled(METRICS[metric](self._measured(feature))))

    @cached_property
    def _apart(self):
        """How different all neighbors are, those to the right first, (E,)."""

        def compare(feature, metric):
            parts = neighbor_similarity(self._measured(feature), self.grid, metric)
            compared = torch.cat([part.flatten() for part in parts])
            return _settled(compared if metric == "euclidean" else -compared)

        return cache(compare)

    @cached_property
    def _measured(self):
        """A feature of all patches, (N, D)."""
        patches = patchify(self.exposed[None, None], self.patch_size)[0]
        return cache(lambda feature: FEATURES[feature](patches))

    @cached_property
    def _even(self):
        """The same picture at equal exposure."""
        return self if (self.gain, self.offset) == (1, 0) else replace(self, gain=1.0, offset=0.0)

    @cached_property
    def _others(self):
        patches = torch.arange(math.prod(self.grid))
        return patches[patches != self.selected]

    @cached_property
    def _borders(self):
        """Which neighbors lie in two regions, (E,)."""
        cells = self.regions.view(self.grid)
        return torch.cat([(cells[:, 1:] != cells[:, :-1]).flatten(), (cells[1:] != cells[:-1]).flatten()])


def of_each(find):
    """Return what ``find(feature, metric)`` gives of all twelve: a dict by feature of dicts by metric."""
    return {feature: {metric: find(feature, metric) for metric in METRICS} for feature in FEATURES}


def strongest(edges):
    """Return how many of so many edges count as the strongest: one in 20, rounded half up, at least one.

    >>> [strongest(edges) for edges in (1, 29, 30, 50)]
    [1, 1, 2, 3]
    """
    return max(1, (edges + PER_STRONG_EDGE // 2) // PER_STRONG_EDGE)


def _settled(numbers):
    return numbers.round(decimals=SETTLED) + 0.0  # no −0


def _off_diagonal(relation):
    """Return (N, N − 1): a square matrix without its diagonal."""
    number = len(relation)
    return relation[~torch.eye(number, dtype=torch.bool)].view(number, number - 1)
