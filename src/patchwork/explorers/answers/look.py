"""What the networks' answers tell: who is right about a mark, whom the news of it reaches, and how far that goes."""

from dataclasses import dataclass
from functools import cached_property

import torch

from patchwork import synthesis
from patchwork.explorers.answers.solved import Solved


@dataclass(frozen=True, eq=False)
class AnswersLook:
    """A scene that every network has answered, what was asked, the network shown large, and the marked patch."""

    solved: Solved
    models: dict[str, synthesis.RelationNetwork]
    question: str
    network: str
    selected: int

    @cached_property
    def features(self):
        """The features of the scene's patches, as ``marked_textures`` draws them, (144, 16)."""
        return self.solved.features.to(torch.get_default_dtype())

    @cached_property
    def image(self):
        """The pixels of the same patches side by side, (1, 192, 192)."""
        return self.solved.image

    @cached_property
    def textures(self):
        """The texture of each patch, (144,): 0 is brick, 1 grass."""
        return self.solved.textures

    @cached_property
    def labels(self):
        """What is to be answered at each patch, boolean (144,)."""
        return self._truth[self.selected]

    @cached_property
    def distances(self):
        """The distance of each patch from the mark, (144,); 0 where nothing is asked."""
        return self._distances[self.selected]

    @cached_property
    def probabilities(self):
        """How probable the chosen network calls yes at each patch, (144,)."""
        return self.solved.probabilities[self.network][self.selected]

    @cached_property
    def right(self):
        """Where its answer is right, boolean (144,)."""
        return self.right_of(self.network)

    @cached_property
    def reached(self):
        """Where news of the mark arrives in it, boolean (144,)."""
        return self.reached_by(self.network)

    @cached_property
    def counts(self):
        """For each network: (right, all) of those asked that the news reaches, then of the others asked."""
        return {name: (self._count(name, reached=True), self._count(name, reached=False)) for name in self.models}

    @cached_property
    def accuracy(self):
        """The share of right answers of the chosen network by distance, over all marks of the scene: (11,)."""
        return by_distance(self._right[self.network], self._distances)

    @cached_property
    def ceiling(self):
        """``synthesis.ceiling`` of the chosen network, (11,), and 1 with pooling; None for a "knn" without."""
        model = self.models[self.network]
        if model.pooling:
            return torch.where(by_distance(self._truth, self._distances).isnan(), torch.nan, 1.0)
        return None if model.relation == "knn" else synthesis.ceiling(model.relation, question=self.question)

    def right_of(self, network):
        """Return ``right`` of a network."""
        return self._right[network][self.selected]

    def reached_by(self, network):
        """Return ``reached`` of a network."""
        return self.solved.reached[network][self.selected]

    def _count(self, network, *, reached):
        asked = (self.distances > 0) & (self.reached_by(network) == reached)
        return int(self.right_of(network)[asked].sum()), int(asked.sum())

    # Over all marks, (mark, patch).

    @cached_property
    def _truth(self):
        return true_answers(self.question, self.textures)

    @cached_property
    def _distances(self):
        return synthesis.scenes.distances(self.question, "cpu")

    @cached_property
    def _right(self):
        return judge(self.solved.probabilities, self._truth)


def true_answers(question, textures):
    """Return what is to be answered to every mark, boolean (mark, patch), from the texture of each patch, (N,).

    >>> true_answers("same", torch.tensor([0, 0, 1]))[0]
    tensor([ True,  True, False])
    """
    if question == "left":
        return synthesis.scenes.offsets("cpu")[1] > 0
    return textures == textures.unsqueeze(1)


def judge(probabilities, truth):
    """Return where each network is right, boolean (mark, patch) by its name."""
    return {name: (each > 0.5) == truth for name, each in probabilities.items()}


def by_distance(which, distances):
    """Return the share of true ones at the distances 1 … 11, over all pairs (mark, patch); NaN where none is asked."""
    chosen, asked = synthesis.scenes.counts(which.flatten()[None], distances.flatten()[None])
    return (chosen / asked)[0, 1:]
