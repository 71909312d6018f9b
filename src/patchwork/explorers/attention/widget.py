"""The widget of chapter 2: its state, and what it takes."""

import traitlets

from patchwork import _checks
from patchwork.explorers.attention.look import AttentionLook
from patchwork.explorers.attention.scenes import Scene, checked, encoded, start
from patchwork.explorers.attention.still import describe_attention, draw_attention
from patchwork.explorers.common.widget import Explorer

__all__ = ["AttentionExplorer", "Scene"]


class AttentionExplorer(Explorer, module="attention", look=AttentionLook):
    """softmax(q·k / (temperature·√d)) over the picture, for a query token that the reader chooses.

    ``scenes`` is a dict of ``Scene`` by name. ``model`` None shows every model side by side, in the order given; Python
    then reads the last. ``head`` None is the mean of all heads. ``query`` counts tokens, the class token first; without
    it, a patch deep inside a region is chosen. ``temperature`` divides the usual scale 1/√d, so below 1 sharpens. Every
    setting can be changed later and linked to other widgets; one that does not fit raises ``traitlets.TraitError``. A
    new scene starts at its own query. Raises ValueError for scenes whose shapes do not fit, and for a state too large
    for a page, which carries queries and keys rounded to 12 bits, or to fewer where that is what fits.

    Used in chapter 2.

    >>> import torch
    >>> q, k = torch.randn(2, 1, 4, 9, 8, generator=torch.Generator().manual_seed(0)).unbind()
    >>> explorer = AttentionExplorer({"noise": Scene(torch.rand(1, 48, 48), (3, 3), {"random": q}, {"random": k})})
    >>> explorer.weights.shape, round(explorer.weights.sum().item(), 4)
    (torch.Size([9]), 1.0)
    >>> explorer
    AttentionExplorer(block=0, head=None, model=None, query=4, scene='noise', temperature=1.0)
    """

    remedy = "use smaller images, or fewer blocks, heads or dimensions"
    settings = ("scene", "model", "block", "head", "query", "temperature")
    fixed = ("scenes",)

    scenes = traitlets.Dict(help="what each scene brings to the page").tag(sync=True, bulky=True)
    scene = traitlets.Unicode(help="name of the scene shown").tag(sync=True)
    model = traitlets.Unicode(allow_none=True, help="the one model shown; None: all").tag(sync=True)
    block = traitlets.Int(help="which block's attention").tag(sync=True)
    head = traitlets.Int(allow_none=True, help="which head; None: the mean of all").tag(sync=True)
    query = traitlets.Int(help="the token that asks").tag(sync=True)
    temperature = traitlets.Float(help="divides the scale 1/√d").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the token under the pointer").tag(sync=True, transient=True)

    def __init__(self, scenes, *, scene=None, model=None, block=0, head=None, query=None, temperature=1.0):
        """Check the scenes and the settings, and encode the scenes for the page."""
        self._given = checked(scenes)
        scene = self._known(next(iter(self._given)) if scene is None else scene)
        self._follows = False
        super().__init__(
            scenes=encoded(self._given),
            scene=scene,
            model=model,
            block=block,
            head=head,
            query=start(self._given[scene]) if query is None else query,
            temperature=temperature,
        )
        self._follows = True

    def _known(self, name):
        return _checks.choice("scene", name, list(self._given))

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; models, blocks, heads and tokens must be those of the scene."""
        if name == "scene":
            return self._known(value)
        if name in ("model", "head") and value is None:
            return None
        queries = self._given[beside["scene"]].queries
        if name == "model":
            return _checks.choice(name, value, list(queries))
        blocks, heads, tokens, _ = next(iter(queries.values())).shape
        counts = {"block": blocks, "head": heads, "query": tokens}
        if name in counts:
            return _checks.count(name, value, at_least=0, at_most=counts[name] - 1)
        return super().fit(name, value, beside)

    def _look(self):
        return AttentionLook(**self._settings() | {"scene": self._given[self.scene], "name": self.scene})

    def picture(self):
        """Draw every model's answers to the query as heat over the picture, and what they come to."""
        return draw_attention(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_attention(self.look)

    def set_state(self, sync_data):
        """Take a change from the page, which has chosen query, block and head to fit its scene."""
        self._follows = False
        try:
            super().set_state(sync_data)
        finally:
            self._follows = True

    @traitlets.observe("scene")
    def _follow(self, _):
        """Start a new scene at its own query, and keep model, block and head as far as it has them."""
        if not self._follows:
            return
        scene = self._given[self.scene]
        blocks, heads, *_ = next(iter(scene.queries.values())).shape
        with self.hold_trait_notifications():
            self.query = start(scene)
            self.block = min(self.block, blocks - 1)
            if self.model not in scene.queries:
                self.model = None
            if self.head is not None and self.head >= heads:
                self.head = None
