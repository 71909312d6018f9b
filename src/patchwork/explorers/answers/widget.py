"""Chapter 7's explorer: one patch is marked; who answers rightly about it, and whom the news of it can reach."""

import torch
import traitlets

from patchwork import _checks, synthesis
from patchwork.explorers.answers.solved import by_distance, checked, encoded, shipped, solved
from patchwork.explorers.answers.still import draw_answers
from patchwork.explorers.common.still import gray_picture
from patchwork.explorers.common.widget import Explorer
from patchwork.synthesis import scenes as drawn

VIEWS = ("right", "answers", "steps")
START = 4 * drawn.GRID[1] + 8  # a corner of its window, and far enough inside for a diamond of three steps
SCENES = 2**32


class AnswersExplorer(Explorer, module="answers"):
    """Mark a patch, and see which others answer rightly about it, whom the news reaches, and when.

    ``models`` is a dict of ``synthesis.RelationNetwork`` by name; without it, the networks that come with the book for
    the question, of seed 0. ``scene`` is a seed: that of what ``synthesis.marked_textures`` draws from the test halves.
    The ``network`` of that name is shown large, without one "convolution" or the first. ``view`` shows who is "right",
    the "answers" themselves, or the "steps" after which the news arrives. The patch ``selected`` is marked. Every
    setting but the question can be changed later and linked to other widgets; one that does not fit raises
    ``traitlets.TraitError``. The page carries the answers to every possible mark, their probabilities rounded to 8 bits
    or to the most that fit, 3 at least. Raises ValueError for models of another kind, settings that do not fit, and a
    state too large for a page.

    Used in chapter 7.

    >>> explorer = AnswersExplorer({"grid": synthesis.trained("grid"), "own": synthesis.trained("own")}, selected=0)
    >>> explorer.reached.view(12, 12)[:5, :5].int()
    tensor([[1, 1, 1, 1, 0],
            [1, 1, 1, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 0, 0, 0, 0],
            [0, 0, 0, 0, 0]], dtype=torch.int32)
    >>> explorer.counts["grid"][0], explorer.ceiling[:4]
    ((9, 9), tensor([1.0000, 0.8864, 0.5952, 0.5000]))
    >>> explorer
    AnswersExplorer(network='grid', question='same', scene=0, selected=0, view='right')
    """

    remedy = "use fewer networks"

    scenes = traitlets.Dict(help="what the scene brings to the page, by its seed").tag(sync=True, bulky=True)
    scene = traitlets.Int(help="the seed of the scene").tag(sync=True)
    question = traitlets.Unicode(help='"same" or "left"').tag(sync=True)
    network = traitlets.Unicode(help="name of the network shown large").tag(sync=True)
    view = traitlets.Unicode(help="what is shown of the answers").tag(sync=True)
    selected = traitlets.Int(help="the marked patch").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(self, models=None, *, scene=0, question="same", network=None, view="right", selected=START):
        """Draw the scene, let every network answer, and check the settings."""
        if question not in drawn.QUESTIONS:
            raise ValueError(f"question must be one of {list(drawn.QUESTIONS)}, got {question!r}")
        self._given = checked(shipped(question) if models is None else models)
        self._question = question
        if network is None:
            network = "convolution" if "convolution" in self._given else next(iter(self._given))
        settings = {"scene": scene, "network": network, "view": view, "selected": selected}
        settings = {name: self._fitting(name, value) for name, value in settings.items()}
        self._solve(settings["scene"])
        super().__init__(scenes=self._encoded, question=question, **settings)
        self.state()

    def _solve(self, scene):
        self._solved = solved(self._given, scene)
        self._encoded = {str(scene): encoded(self._given, self._solved)}

    @property
    def features(self):
        """The features of the scene's patches, as ``marked_textures`` draws them, (144, 16)."""
        return self._solved.features.to(torch.get_default_dtype())

    @property
    def image(self):
        """The pixels of the same patches side by side, (1, 192, 192)."""
        return self._solved.image

    @property
    def textures(self):
        """The texture of each patch, (144,): 0 is brick, 1 grass."""
        return self._solved.textures

    @property
    def labels(self):
        """What is to be answered at each patch, boolean (144,)."""
        return self._truth[self.selected]

    @property
    def distances(self):
        """The distance of each patch from the mark, (144,); 0 where nothing is asked."""
        return self._distances[self.selected]

    @property
    def probabilities(self):
        """How probable the chosen network calls yes at each patch, (144,)."""
        return self._solved.probabilities[self.network][self.selected]

    @property
    def right(self):
        """Where its answer is right, boolean (144,)."""
        return self._right(self.network)[self.selected]

    @property
    def reached(self):
        """Where news of the mark arrives in it, boolean (144,)."""
        return self._solved.reached[self.network][self.selected]

    @property
    def counts(self):
        """For each network: (right, all) of those asked that the news reaches, then of the others asked."""
        return {name: tuple(self._count(name, reached) for reached in (True, False)) for name in self._given}

    @property
    def accuracy(self):
        """The share of right answers of the chosen network by distance, over all marks of the scene: (11,)."""
        return by_distance(self._right(self.network), self._distances)

    @property
    def ceiling(self):
        """``synthesis.ceiling`` of the chosen network, (11,), and 1 with pooling; None for a "knn" without."""
        model = self._given[self.network]
        if model.pooling:
            return torch.where(by_distance(self._truth, self._distances).isnan(), torch.nan, 1.0)
        return None if model.relation == "knn" else synthesis.ceiling(model.relation, question=self._question)

    @property
    def _truth(self):
        if self._question == "left":
            return drawn.offsets("cpu")[1] > 0
        return self.textures == self.textures.unsqueeze(1)

    @property
    def _distances(self):
        return drawn.distances(self._question, "cpu")

    def _right(self, name):
        return (self._solved.probabilities[name] > 0.5) == self._truth

    def _count(self, name, reached):
        asked = (self.distances > 0) & (self._solved.reached[name][self.selected] == reached)
        return int(self._right(name)[self.selected][asked].sum()), int(asked.sum())

    def picture(self):
        """Draw the scene, and for every network who answers rightly and whom the news reaches."""
        maps = {
            name: (self._right(name)[self.selected], self._solved.reached[name][self.selected], self._told(name))
            for name in self._given
        }
        scene = gray_picture(self.image[0]), self.textures, self.selected
        return draw_answers(scene, self.distances > 0, maps, self._findings())

    def alt(self):
        """Say in words what ``picture`` shows."""
        row, column = divmod(self.selected, drawn.GRID[1])
        asked = "am I of its texture?" if self._question == "same" else "is it in a column left of mine?"
        told = "; ".join(f"{name}: {self._told(name)}" for name in self._given)
        return (
            f"A mosaic of 12 × 12 patches of brick or grass; one, in row {row}, column {column}, is marked, and every "
            f"other answers: {asked} For each network a map of who is right. Right of those the news reaches: {told}."
        )

    def _told(self, name):
        right, number = self.counts[name][0]
        return f"{right} of {number}" if number else "nobody"

    def _findings(self):
        row, column = divmod(self.selected, drawn.GRID[1])
        texture = drawn.TEXTURES[self.textures[self.selected]]
        asked = ("Am I of", "its texture?") if self._question == "same" else ("Is it in a column", "left of mine?")
        return [f"Marked: {texture}", f"row {row}, column {column}", "", "Every other patch", "answers:", *asked]

    def _fitting(self, name, value):
        """Return a setting as it is kept. Raises ValueError where it does not fit."""
        choices = {"network": list(self._given), "view": list(VIEWS)}
        if name in choices:
            if value not in choices[name]:
                raise ValueError(f"{name} must be one of {choices[name]}, got {value!r}")
            return value
        most = SCENES - 1 if name == "scene" else drawn.TOKENS - 1
        value = _checks.count(name, value, at_least=0)
        if value > most:
            raise ValueError(f"{name} must be one of 0 … {most}, got {value}")
        return value

    @traitlets.validate("scene", "network", "view", "selected")
    def _suits(self, proposal):
        try:
            return self._fitting(proposal.trait.name, proposal.value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("scenes", "question")
    def _stays(self, proposal):
        expected = {"scenes": self._encoded, "question": self._question}[proposal.trait.name]
        if proposal.value != expected:
            raise traitlets.TraitError(f"{proposal.trait.name} must stay as it is")
        return proposal.value

    @traitlets.observe("scene")
    def _follow(self, change):
        if str(change.new) not in self._encoded:
            self._solve(change.new)
            self.scenes = self._encoded
