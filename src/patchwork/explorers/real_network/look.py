"""What a real network tells of a patch: its map of cosines or of attention, how far that reaches, and over depth."""

from dataclasses import dataclass
from functools import cached_property

import torch

from patchwork.explorers.common.modules import limits
from patchwork.explorers.real_network.parts import distances
from patchwork.explorers.real_network.reduction import restore_features, restore_head
from patchwork.relations import same_region_auc

LIMITS = limits("real_network")
NEAREST = LIMITS["nearest"]


@dataclass(frozen=True, eq=False)
class RealNetworkLook:
    """A picture's part, the heads of the layer that is looked at or None, and the settings."""

    part: dict
    heads: list | None
    photo: str
    depth: int
    head: int | None
    selected: int

    @property
    def grid(self):
        """(rows, columns) of the patches."""
        return tuple(self.part["grid"])

    @cached_property
    def relation(self):
        """The cosines of all patches' features at the depth, or how they attend in the head of that layer: (N, N)."""
        if self.heads is None:
            return self._cosines[self.depth]
        return restore_head(self.heads[self.head], self.grid)

    @cached_property
    def weights(self):
        """The map of the chosen patch, a row of ``relation``: (N,)."""
        return self.relation[self.selected]

    @cached_property
    def reach(self):
        """How far the map reaches, in patches: the weighted mean distance, or that of the 25 patches most alike."""
        if self.heads is None:
            return self._nearest(self.weights)
        return (self.weights * self._distances).sum().item()

    @cached_property
    def entropy(self):
        """−Σ a log₂ a of a head's map, in bits; None for features, whose cosines are no shares."""
        return None if self.heads is None else (torch.special.entr(self.weights).sum() / torch.tensor(2).log()).item()

    @cached_property
    def mean_cosine(self):
        """The mean cosine with the other patches; None for a head."""
        return None if self.heads is not None else ((self.weights.sum() - 1) / (len(self.weights) - 1)).item()

    @cached_property
    def score(self):
        """The map's area under the curve by ``same_region_auc``; None where regions are not known."""
        return None if self.part["labels"] is None else self._auc(self.relation)

    @cached_property
    def curve(self):
        """By depth, of the features: the score where regions are known, elsewhere how far the map reaches."""
        if self.part["labels"] is None:
            return [self._nearest(each[self.selected]) for each in self._cosines]
        return [self._auc(each) for each in self._cosines]

    @cached_property
    def likeness(self):
        """The mean and the worst correlation of a patch's map, as reduced, with that of the whole network."""
        return tuple((self.part["features"][self.depth] if self.heads is None else self.heads[self.head])["fit"])

    @cached_property
    def _distances(self):
        return distances(self.grid)[self.selected]

    @cached_property
    def _cosines(self):
        """At every depth, (N, N) each."""
        return [restore_features(code, self.grid[0] * self.grid[1]) for code in self.part["features"]]

    def _nearest(self, row):
        others = torch.arange(len(row)) != self.selected
        order = row[others].argsort(descending=True, stable=True)[:NEAREST]
        return self._distances[others][order].mean().item()

    def _auc(self, relation):
        labels = torch.tensor(self.part["labels"])
        score = same_region_auc(relation, labels, reduction=None)[self.selected].item()
        return None if score != score else score
