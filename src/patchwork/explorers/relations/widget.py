"""The widget of the introduction: its state, and what it takes."""

import torch
import traitlets

from patchwork import _checks
from patchwork.explorers.common.encoding import decode_array, encode_bytes
from patchwork.explorers.common.photographs import CoarsePhotoExplorer, gray
from patchwork.explorers.relations.look import RelationsLook
from patchwork.explorers.relations.network import own, read_all
from patchwork.explorers.relations.still import describe_relations, draw_relations
from patchwork.images import load_image, texture_mosaic
from patchwork.synthesis.families import PATCH_SIZE, learned


class RelationsExplorer(CoarsePhotoExplorer, module="relations", look=RelationsLook):
    """Which patches belong to one? First the reader marks some, then six relations answer, with their scores.

    Five are the five families'. The sixth is a real network's, trained on other photographs without labels: the cosine
    of its features after layer 8, reduced to 32 numbers a patch. Where the network is not on this machine, the sixth is
    left out, and ``missing`` says why in one line; the explorer's own pictures have been read already.

    ``images`` is a tensor (1 or 3, H, W) in [0, 1], a pair of one and its labels (N,), as ``texture_mosaic`` returns,
    or a dict of such by name, all of one size, multiples of 16 pixels, at most 256 patches; they are shown in gray.
    Without ``images`` there are two mosaics and a photograph. ``selected`` is the patch that asks; without it the one
    deepest inside a region. ``marked`` are the patches guessed to belong to it; the relations are shown once they
    are ``revealed``, and always in the still picture. Every setting can be changed later and linked to other widgets;
    one that does not fit raises ``traitlets.TraitError``. Raises ValueError for images and labels of other shapes,
    settings that do not fit, and a state too large for a page.

    Used in chapters 0 and 7.

    >>> image, labels = torch.rand(1, 64, 64), torch.tensor([0, 0, 1, 1]).repeat(4)
    >>> explorer = RelationsExplorer((image, labels), selected=0, marked=[1, 4, 5, 6])
    >>> [round(score, 2) for score in explorer.guess], [round(score, 2) for score in explorer.chance]
    ([0.65, 0.75], [0.5, 0.47])
    >>> list(explorer.relations), explorer.rows["graph"].shape, list(explorer.scores) == list(explorer.mean_scores)
    (['attention', 'windows', 'convolution', 'similarity', 'graph', 'network'], torch.Size([16]), True)
    >>> explorer
    RelationsExplorer(marked=[1, 4, 5, 6], patch_size=16, photo='photo', revealed=False, selected=0)
    """

    fewest_patches = 16
    room = 106_000
    settings = (*CoarsePhotoExplorer.settings, "selected", "marked", "revealed")
    fixed = (*CoarsePhotoExplorer.fixed, "learned")

    learned = traitlets.Dict(help="queries and keys, mean, deviation: float16, base64").tag(sync=True, bulky=True)
    network = traitlets.Dict(help="a real network's features, by the photograph's name").tag(sync=True, bulky=True)
    missing = traitlets.Unicode(help="why there is no real network").tag(sync=True, bulky=True)
    selected = traitlets.Int(help="the patch that asks").tag(sync=True)
    marked = traitlets.List(help="the patches guessed to belong to it").tag(sync=True)
    revealed = traitlets.Bool(help="whether the relations are shown").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(self, images=None, *, photo=None, selected=None, marked=(), revealed=False):
        """Encode the images and check their labels and the settings."""
        taken = self._take_cut(pictures() if images is None else images, photo, PATCH_SIZE)
        network, missing = (own(), "") if images is None else self._read(taken["photos"])
        super().__init__(
            **taken,
            learned=encoded_heads(),
            network=network,
            missing=missing,
            selected=self._start(taken["photo"]) if selected is None else selected,
            marked=marked,
            revealed=revealed,
        )

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; marks are patches, each once and in order."""
        if name != "marked":
            return super().fit(name, value, beside)
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise ValueError(f"marked must be a list of patches, got {value!r}")
        last = self._grid[0] * self._grid[1] - 1
        return sorted({_checks.count("a marked patch", each, at_least=0, at_most=last) for each in value})

    def _look(self):
        known = self.network.get(self.photo)
        return RelationsLook(**self._cut(), read=None if known is None else decode_array(known))

    def _shown(self):
        return super()._shown(), self.network.get(self.photo)

    def _read(self, photos):
        return read_all({name: gray(text) for name, text in photos.items()})

    @traitlets.observe("photos")
    def _read_own(self, _):
        """A reader's own photograph comes from the page; those that were given stay."""
        others = dict(self.photos.items() - self._encoded.items())
        kept = {name: each for name, each in self.network.items() if name in self.photos and name not in others}
        network, self.missing = self._read(others) if others else ({}, self.missing)
        self.network = kept | network

    def picture(self):
        """Draw the picture, or the guess, and the maps with their scores."""
        return draw_relations(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_relations(self.look)


def pictures():
    """Two mosaics and a photograph."""
    drawn = {"mosaic": 1, "second mosaic": 3}
    mosaics = {
        name: texture_mosaic(half="test", generator=torch.Generator().manual_seed(seed)) for name, seed in drawn.items()
    }
    return {**mosaics, "coffee": load_image("coffee", size=256)}


def encoded_heads():
    """Write what attention has learned as the page reads it: a dict of base64 texts, float16 numbers."""
    return {name: encode_bytes(each.half().numpy().tobytes()) for name, each in learned().items()}
