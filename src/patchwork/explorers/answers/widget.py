"""The widget of chapter 7: its state, and what it takes."""

import functools

import traitlets

from patchwork import _checks
from patchwork.explorers.answers.look import AnswersLook
from patchwork.explorers.answers.solved import checked, encoded, shipped, solve
from patchwork.explorers.answers.still import describe_answers, draw_answers
from patchwork.explorers.common.widget import Explorer
from patchwork.synthesis import GRID, QUESTIONS

START = 4 * GRID[1] + 8  # a corner of its window, and far enough inside for a diamond of three steps


class AnswersExplorer(Explorer, module="answers", look=AnswersLook):
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

    >>> from patchwork import synthesis
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
    settings = ("scenes", "scene", "network", "view", "selected")
    fixed = ("question",)

    scenes = traitlets.Dict(help="what the scene brings to the page, by its seed").tag(sync=True, bulky=True)
    scene = traitlets.Int(help="the seed of the scene").tag(sync=True)
    question = traitlets.Unicode(help='"same" or "left"').tag(sync=True)
    network = traitlets.Unicode(help="name of the network shown large").tag(sync=True)
    view = traitlets.Unicode(help="what is shown of the answers").tag(sync=True)
    selected = traitlets.Int(help="the marked patch").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(self, models=None, *, scene=0, question="same", network=None, view="right", selected=START):
        """Draw the scene, let every network answer, and check the settings."""
        _checks.choice("question", question, QUESTIONS)
        self._given = checked(shipped(question) if models is None else models)
        self._solved = functools.lru_cache(maxsize=1)(lambda seed: solve(self._given, seed))
        self._encoded = functools.lru_cache(maxsize=1)(lambda seed: encoded(self._given, self._solved(seed)))
        if network is None:
            network = "convolution" if "convolution" in self._given else next(iter(self._given))
        scene = self.fit("scene", scene, {})
        super().__init__(
            scenes=self._brought(scene), scene=scene, question=question, network=network, view=view, selected=selected
        )

    def _brought(self, seed):
        return {str(seed): self._encoded(seed)}

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; ``scenes`` are always what the seed brings."""
        if name == "network":
            return _checks.choice(name, value, list(self._given))
        if name == "scenes" and value != self._brought(beside["scene"]):
            raise ValueError("scenes must stay as it is")
        return super().fit(name, value, beside)

    def _look(self):
        return AnswersLook(self._solved(self.scene), self._given, self.question, self.network, self.selected)

    def picture(self):
        """Draw the scene, and for every network who answers rightly and whom the news reaches."""
        return draw_answers(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_answers(self.look)

    @traitlets.observe("scene")
    def _follow(self, change):
        self.scenes = self._brought(change.new)
