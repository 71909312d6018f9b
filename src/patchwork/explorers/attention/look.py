"""What attention tells: who answers whom under each model, and what the answers to one query come to."""

from dataclasses import dataclass
from functools import cached_property

import torch

from patchwork.attention import attention_weights
from patchwork.explorers.attention.scenes import Scene, prefix_length
from patchwork.relations import region_mass


@dataclass(frozen=True, eq=False)
class AttentionLook:
    """A scene with its name, and which token asks in it, of which model, block and head, at what temperature."""

    scene: Scene
    name: str
    model: str | None
    block: int
    head: int | None
    query: int
    temperature: float

    @property
    def models(self):
        """The names of the models shown; numbers are those of the last."""
        return list(self.scene.queries) if self.model is None else [self.model]

    @cached_property
    def relation(self):
        """Who answers whom, (T, T): the weights of the chosen block and head, or the mean of its heads."""
        return self._relations[self.models[-1]]

    @cached_property
    def weights(self):
        """The answers to the query, (T,): a row of ``relation``."""
        return self.row(self.models[-1])

    @cached_property
    def entropy(self):
        """−Σ a ln a of the row, in nats, a tensor (); it is as if the row were spread over e^entropy tokens."""
        return torch.special.entr(self.weights).sum()

    @cached_property
    def region_mass(self):
        """(mass, chance) of the row by ``relations.region_mass``, own patch and tokens that are no patches left out.

        None where the query is no patch, has no region, or its region is alone or everything.
        """
        return self.score(self.models[-1])

    def row(self, model):
        """Return the answers to the query under a model, (T,)."""
        return self._relations[model][self.query]

    def score(self, model):
        """Return ``region_mass`` under a model."""
        return self._scores[model]

    @cached_property
    def _relations(self):
        return attend(self.scene, self.models, self.block, self.head, self.temperature)

    @cached_property
    def _scores(self):
        return score_regions(self.scene, self._relations, self.query)


def attend(scene, models, block, head, temperature):
    """Return who answers whom under each model, (T, T) by its name: the weights of one head, or the mean of all."""
    relations = {}
    for model in models:
        queries, keys = scene.queries[model][block], scene.keys[model][block]
        heads = attention_weights(queries, keys, scale=1 / (temperature * queries.shape[-1] ** 0.5))
        relations[model] = heads.mean(0) if head is None else heads[head]
    return relations


def score_regions(scene, relations, query):
    """Return (mass, chance) of the query's row in each relation, by its name; None where the row can't be scored."""
    prefix, labels = prefix_length(scene), scene.labels
    if labels is None or query < prefix or len(labels) == 1:
        return dict.fromkeys(relations)
    scores = {}
    for name, relation in relations.items():
        by_row = region_mass(relation[prefix:, prefix:], labels.to(relation.device), reduction=None)
        mass, chance = (each[query - prefix] for each in by_row)
        scores[name] = None if mass.isnan() else (mass, chance)
    return scores
