"""What six relations of one picture, one a real network's, tell of one patch, and how good they and a guess are."""

from dataclasses import dataclass
from functools import cached_property

import torch

from patchwork.explorers.common.modules import limits
from patchwork.patches import patch_centers
from patchwork.relations import region_mass, same_region_auc
from patchwork.synthesis.families import fine, five_relations, network_relation, patch_spectra

LIMITS = limits("relations")
NAMES = LIMITS["names"]
NEAR = LIMITS["near"]  # patches: how far is near, where no regions are known


@dataclass(frozen=True, eq=False)
class RelationsLook:
    """A picture in gray, cut into patches, one of which asks: pixels (H, W), regions (N,) or None, and the settings."""

    pixels: torch.Tensor
    grid: tuple[int, int]
    regions: torch.Tensor | None
    patch_size: int
    photo: str
    selected: int
    marked: list[int]
    revealed: bool
    read: torch.Tensor | None = None  # a real network's features (N, D), in float64, where there are any

    @cached_property
    def features(self):
        """The standardized spectrum of each patch, by which similarity and graph know it: (N, 143), float64."""
        return fine(patch_spectra(self.pixels[None]))

    @cached_property
    def relations(self):
        """Who relates to whom, a dict of (N, N), rows sum to 1: ``five_relations``, and "network" where it was read."""
        five = five_relations(self.pixels[None])
        return five if self.read is None else {**five, "network": network_relation(self.read)}

    @cached_property
    def rows(self):
        """What the patch that asks gives to each by each relation, a dict of (N,)."""
        return {name: relation[self.selected] for name, relation in self.relations.items()}

    @cached_property
    def scores(self):
        """How good the row of the patch that asks is by each relation, a dict of (AUC, mass).

        With regions as ``same_region_auc`` and ``region_mass`` have them for one row. Where none are known: the share
        of the row's weight within three patches, and over about how many patches it is spread, e to its entropy; the
        own patch is left out. NaN where nothing can be told.
        """
        return {name: tuple(scores[self.selected].tolist()) for name, scores in self._scores.items()}

    @cached_property
    def mean_scores(self):
        """The same on average over all patches that can be scored."""
        return {name: tuple(scores.nanmean(0).tolist()) for name, scores in self._scores.items()}

    @cached_property
    def marks(self):
        """The guess as a row: 1 for each patch that is marked, 0 for all others and the one that asks, (N,)."""
        row = torch.zeros(self.grid[0] * self.grid[1], dtype=torch.float64)
        row[self.marked] = 1
        row[self.selected] = 0
        return row

    @cached_property
    def guess(self):
        """The scores of the marks, weights of 1 and 0; None where nothing is marked."""
        return self._scores_of_one(self.marks) if self.marks.any() else None

    @cached_property
    def chance(self):
        """The scores of a row that gives the same to all."""
        return self._scores_of_one(torch.ones_like(self.marks))

    @cached_property
    def _scores(self):
        return {name: self._scores_by_row(relation) for name, relation in self.relations.items()}

    def _scores_of_one(self, row):
        """Return the scores of a row of the patch that asks."""
        relation = torch.zeros(len(row), len(row), dtype=row.dtype)
        relation[self.selected] = row
        return tuple(self._scores_by_row(relation)[self.selected].tolist())

    def _scores_by_row(self, relation):
        """Return both scores of each row, (N, 2)."""
        if self.regions is None:
            return torch.stack(row_spread(relation, self.grid), 1)
        auc = same_region_auc(relation, self.regions, reduction=None)
        return torch.stack([auc, region_mass(relation, self.regions, reduction=None)[0]], 1)


def row_spread(relation, grid):
    """Return which share of each row's weight is near, and over about how many patches it is spread: e to its entropy.

    Shapes: relation (N, N), of at least 0, N patches of a grid (rows, columns) → (N,) twice. The own patch is left
    out. NaN for rows without weight.

    >>> near, over = row_spread(torch.ones(5, 5), (1, 5))
    >>> near.round(decimals=2)
    tensor([0.7500, 1.0000, 1.0000, 1.0000, 0.7500])
    >>> over.round(decimals=2)
    tensor([4., 4., 4., 4., 4.])
    """
    places = patch_centers(grid, dtype=torch.float64)
    near = (places.unsqueeze(1) - places).norm(dim=2) <= NEAR + 1e-9
    weights = relation.clone().fill_diagonal_(0)
    shares = weights / weights.sum(1, keepdim=True)
    return (shares * near).sum(1), torch.special.entr(shares).sum(1).exp()


def share_below(row, query):
    """Return how many of the others each patch comes before, as a share of the most; all are first where all tie.

    Shapes: row (N,) → (N,), in [0, 1]. The own patch, the ``query``, is not counted and gets 1.

    >>> share_below(torch.tensor([0.5, 0.1, 0.3, 0.1]), 0)
    tensor([1., 0., 1., 0.])
    """
    others = torch.arange(len(row)) != query
    below = torch.searchsorted(row[others].sort().values, row)
    most = below[others].max()
    return torch.where(others & (most > 0), below / most, 1.0)
