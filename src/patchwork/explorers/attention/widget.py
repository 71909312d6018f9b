"""Chapter 2's explorer: one query token asks, all tokens answer, untrained and trained side by side."""

import torch
import traitlets

from patchwork.attention import attention_weights
from patchwork.explorers.attention.scenes import (
    BITS,
    Scene,
    check_setting,
    checked,
    encoded,
    is_crisp,
    row_region_mass,
    start,
    suits,
    token_name,
)
from patchwork.explorers.attention.still import draw_attention
from patchwork.explorers.common.encoding import to_picture
from patchwork.explorers.common.widget import Explorer

__all__ = ["AttentionExplorer", "Scene"]


class AttentionExplorer(Explorer, module="attention"):
    """softmax(q·k / (temperature·√d)) over the picture, for a query token that the reader chooses.

    ``scenes`` is a dict of ``Scene`` by name. ``model`` None shows every model side by side, in the order given; Python
    then reads the last. ``head`` None is the mean of all heads. ``query`` counts tokens, the class token first; without
    it, a patch deep inside a region is chosen. ``temperature`` divides the usual scale 1/√d, so below 1 sharpens. Every
    setting can be changed later and linked to other widgets; one that does not fit raises ``traitlets.TraitError``. A
    new scene starts at its own query. Raises ValueError for scenes whose shapes do not fit, and for a state too large
    for a page, which carries queries and keys rounded to 12 bits, or to fewer where that is what fits.

    Used in chapter 2.

    >>> q, k = torch.randn(2, 1, 4, 9, 8, generator=torch.Generator().manual_seed(0)).unbind()
    >>> explorer = AttentionExplorer({"noise": Scene(torch.rand(1, 48, 48), (3, 3), {"random": q}, {"random": k})})
    >>> explorer.weights.shape, round(explorer.weights.sum().item(), 4)
    (torch.Size([9]), 1.0)
    >>> explorer
    AttentionExplorer(block=0, head=None, model=None, query=4, scene='noise', temperature=1.0)
    """

    remedy = "use smaller images, or fewer blocks, heads or dimensions"

    scenes = traitlets.Dict(help="what each scene brings to the page").tag(sync=True, bulky=True)
    scene = traitlets.Unicode(help="name of the scene shown").tag(sync=True)
    model = traitlets.Unicode(allow_none=True, help="the one model shown; None: all").tag(sync=True)
    block = traitlets.Int(help="which block's attention").tag(sync=True)
    head = traitlets.Int(allow_none=True, help="which head; None: the mean of all").tag(sync=True)
    query = traitlets.Int(help="the token that asks").tag(sync=True)
    temperature = traitlets.Float(help="divides the scale 1/√d").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the token under the pointer").tag(sync=True, transient=True)

    def __init__(self, scenes, *, scene=None, model=None, block=0, head=None, query=None, temperature=1.0):
        """Check the scenes and encode them for the page."""
        self._given = checked(scenes)
        scene = next(iter(self._given)) if scene is None else scene
        if scene not in list(self._given):
            raise ValueError(f"scene {scene!r} is not among {list(self._given)}")
        self._follows = False
        first = start(self._given[scene]) if query is None else query
        settings = {"model": model, "block": block, "head": head, "query": first, "temperature": temperature}
        for name, value in settings.items():
            check_setting(self._given[scene], name, value)
        settings["temperature"] = float(temperature)
        super().__init__(scenes=encoded(self._given, BITS[0]), scene=scene, **settings)
        self._follows = True
        self._fit()

    def _fit(self):
        """Round the page's numbers until the state fits."""
        for bits in BITS[1:]:
            try:
                return self.state()
            except ValueError:
                self.scenes = encoded(self._given, bits)
        return self.state()

    @property
    def relation(self):
        """Who answers whom, (T, T): the weights of the chosen block and head, or the mean of its heads."""
        return self._weights(slice(None))

    @property
    def weights(self):
        """The answers to the query, (T,): a row of ``relation``."""
        return self._weights([self.query])[0]

    @property
    def entropy(self):
        """−Σ a ln a of the row, in nats, a tensor (); it is as if the row were spread over e^entropy tokens."""
        return torch.special.entr(self.weights).sum()

    @property
    def region_mass(self):
        """(mass, chance) of the row by ``relations.region_mass``, own patch and tokens that are no patches left out.

        None where the query is no patch, has no region, or its region is alone or everything.
        """
        scene = self._given[self.scene]
        return row_region_mass(scene, self.weights, self.query)

    def _weights(self, asking, model=None):
        scene = self._given[self.scene]
        model = model or self.model or list(scene.queries)[-1]
        queries, keys = scene.queries[model][self.block], scene.keys[model][self.block]
        scale = 1 / (self.temperature * queries.shape[-1] ** 0.5)
        heads = attention_weights(queries[None, :, asking], keys[None], scale=scale)[0]
        return heads.mean(0) if self.head is None else heads[self.head]

    def picture(self):
        """Draw the first view: every model's answers to the query as heat over the picture, and what they come to."""
        scene, rows = self._given[self.scene], {name: self._weights([self.query], name)[0] for name in self._shown()}
        columns = [(name, row.tolist(), self._findings(row)) for name, row in rows.items()]
        labels = None if scene.labels is None else scene.labels.tolist()
        photo = to_picture(scene.image.expand(3, -1, -1))
        return draw_attention(photo, scene.grid, self.query, columns, crisp=is_crisp(scene.image), labels=labels)

    def alt(self):
        """Say in words what ``picture`` shows."""
        place, each = token_name(self._given[self.scene], self.query), "; ".join(map(self._alt_of, self._shown()))
        heads = "the mean of all heads" if self.head is None else f"head {self.head}"
        return f"Attention of {place} over the picture “{self.scene}” as heat, block {self.block}, {heads}. {each}."

    def _alt_of(self, model):
        found = self._findings(self._weights([self.query], model)[0])
        return f"{model.capitalize()}: {', '.join(found)}"

    def _shown(self):
        return list(self._given[self.scene].queries) if self.model is None else [self.model]

    def _findings(self, row):
        scored = row_region_mass(self._given[self.scene], row, self.query)
        spread = torch.special.entr(row.double()).sum().exp().item()
        found = [f"as if spread over {spread:.0f} of {len(row)}", f"largest weight {row.max():.2g}"]
        return found if scored is None else [f"{scored[0]:.0%} in its region, chance {scored[1]:.0%}", *found]

    def set_state(self, sync_data):
        """Take a change from the page, which has chosen query, block and head to fit its scene."""
        self._follows = False
        try:
            super().set_state(sync_data)
        finally:
            self._follows = True

    @traitlets.validate("scenes", "scene")
    def _is_known(self, proposal):
        if proposal.trait.name == "scene" and proposal.value not in self._given:
            raise traitlets.TraitError(f"scene {proposal.value!r} is not among {list(self._given)}")
        if proposal.trait.name == "scenes" and list(proposal.value) != list(self._given):
            raise traitlets.TraitError(f"scenes must stay {list(self._given)}, got {list(proposal.value)}")
        return proposal.value

    @traitlets.validate("model", "block", "head", "query", "temperature")
    def _suits(self, proposal):
        try:
            check_setting(self._given[self.scene], proposal.trait.name, proposal.value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None
        return proposal.value

    @traitlets.observe("scene")
    def _follow(self, _):
        if self._follows:
            scene = self._given[self.scene]
            for name, value in {"model": None, "block": 0, "head": None}.items():
                if not suits(scene, name, getattr(self, name)):
                    setattr(self, name, value)
            self.query = start(scene)
