"""The book's first explorer: one patch, the reader's guess what belongs to it, and the five families' answers."""

import torch
import traitlets

from patchwork import _checks
from patchwork.explorers.common.encoding import encode_bytes
from patchwork.explorers.common.photographs import CoarsePhotoExplorer
from patchwork.explorers.relations.still import draw_relations
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import patch_centers
from patchwork.relations import region_mass, same_region_auc
from patchwork.synthesis.families import PATCH_SIZE, fine, five_relations, learned, patch_spectra

NAMES = {
    "attention": "Self-attention",
    "windows": "Shifted windows",
    "convolution": "Convolution",
    "similarity": "Similarity",
    "graph": "Graph walk",
}
NEAR = 3  # patches: how far is near, where no regions are known


class RelationsExplorer(CoarsePhotoExplorer, module="relations"):
    """Which patches belong to one? First the reader marks some, then five relations answer, with their scores.

    ``images`` is a tensor (1 or 3, H, W) in [0, 1], a pair of one and its labels (N,), as ``texture_mosaic`` returns,
    or a dict of such by name, all of one size, multiples of 16 pixels, at most 256 patches; they are shown in gray.
    Without ``images`` there are two mosaics and a photograph. ``selected`` is the patch that asks; without it the one
    deepest inside a region. ``marked`` are the patches guessed to belong to it; the five relations are shown once they
    are ``revealed``, and always in the still picture. Every setting can be changed later and linked to other widgets;
    one that does not fit raises ``traitlets.TraitError``. Raises ValueError for images and labels of other shapes,
    settings that do not fit, and a state too large for a page.

    Used in chapters 0 and 7.

    >>> image, labels = torch.rand(1, 64, 64), torch.tensor([0, 0, 1, 1]).repeat(4)
    >>> explorer = RelationsExplorer((image, labels), selected=0, marked=[1, 4, 5, 6])
    >>> [round(score, 2) for score in explorer.guess], [round(score, 2) for score in explorer.chance]
    ([0.65, 0.75], [0.5, 0.47])
    >>> list(explorer.relations), explorer.rows["graph"].shape, list(explorer.scores) == list(explorer.mean_scores)
    (['attention', 'windows', 'convolution', 'similarity', 'graph'], torch.Size([16]), True)
    >>> explorer
    RelationsExplorer(marked=[1, 4, 5, 6], patch_size=16, photo='photo', revealed=False, selected=0)
    """

    fewest_patches = 16
    room = 130_000

    learned = traitlets.Dict(help="queries and keys, mean, deviation: float16, base64").tag(sync=True, bulky=True)
    selected = traitlets.Int(help="the patch that asks").tag(sync=True)
    marked = traitlets.List(help="the patches guessed to belong to it").tag(sync=True)
    revealed = traitlets.Bool(help="whether the five relations are shown").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(self, images=None, *, photo=None, selected=None, marked=(), revealed=False):
        """Encode the images and check their labels and the settings."""
        taken = self._take_cut(_pictures() if images is None else images, photo, PATCH_SIZE)
        first = self._start(taken["photo"]) if selected is None else selected
        settings = {"selected": self._patch("selected", first), "marked": self._patches(marked), "revealed": revealed}
        super().__init__(learned=_encoded(), **taken, **settings)
        self.state()

    @property
    def features(self):
        """The standardized spectrum of each patch, by which similarity and graph know it: (N, 143), float64."""
        return fine(patch_spectra(self.pixels[None]))

    @property
    def relations(self):
        """Who relates to whom by each family, a dict of (N, N), rows sum to 1: ``five_relations`` of the picture."""
        return five_relations(self.pixels[None])

    @property
    def rows(self):
        """What the patch that asks gives to each by each family, a dict of (N,)."""
        return {name: relation[self.selected] for name, relation in self.relations.items()}

    @property
    def scores(self):
        """How good the row of the patch that asks is by each family, a dict of (AUC, mass).

        With regions as ``same_region_auc`` and ``region_mass`` have them for one row. Where none are known: the share
        of the row's weight within three patches, and over about how many patches it is spread, e to its entropy; the
        own patch is left out. NaN where nothing can be told.
        """
        return {name: self._score(row) for name, row in self.rows.items()}

    @property
    def mean_scores(self):
        """The same on average over all patches that can be scored."""
        if self.regions is not None:
            known = self.regions
            return {
                name: (same_region_auc(each, known).item(), region_mass(each, known)[0].item())
                for name, each in self.relations.items()
            }
        return {
            name: tuple(torch.tensor([self._score(row, own) for own, row in enumerate(each)]).nanmean(0).tolist())
            for name, each in self.relations.items()
        }

    @property
    def guess(self):
        """The scores of the marks, weights of 1 and 0; None where nothing is marked."""
        marks = self._marks()
        return self._score(marks) if marks.any() else None

    @property
    def chance(self):
        """The scores of a row that gives the same to all."""
        return self._score(torch.ones(self.grid[0] * self.grid[1], dtype=torch.float64))

    def _marks(self):
        row = torch.zeros(self.grid[0] * self.grid[1], dtype=torch.float64)
        row[self.marked] = 1
        row[self.selected] = 0
        return row

    def _score(self, row, own=None):
        own = self.selected if own is None else own
        others = torch.arange(len(row)) != own
        if self.regions is not None:
            return row_scores(row[others], (self.regions == self.regions[own])[others])
        places = patch_centers(self.grid, dtype=torch.float64)
        return row_spread(row[others], ((places - places[own]).norm(dim=1) <= NEAR + 1e-9)[others])

    def picture(self):
        """Draw the picture, or the guess, and the five maps with their scores."""
        tiles = [(NAMES[name], self._shares(row), self._told(self._score(row))) for name, row in self.rows.items()]
        eye = ("The picture", None, "What belongs to it?")
        if self.guess is not None:
            eye = ("Your eye", self._shares(self._marks()), self._told(self.guess))
        return draw_relations(self.pixels, self.grid, self.selected, [eye, *tiles], self.regions, self._findings())

    def alt(self):
        """Say in words what ``picture`` shows."""
        row, column = divmod(self.selected, self.grid[1])
        told = "; ".join(f"{NAMES[name].lower()} {self._told(scores)}" for name, scores in self.scores.items())
        if self.guess is not None:
            told += f". The guess of {int(self._marks().sum())} patches: {self._told(self.guess)}"
        return (
            f"The picture “{self.photo}”, cut into {self.grid[0]} × {self.grid[1]} patches, and how patch "
            f"{self.selected} in row {row}, column {column} relates to all others by five relations, as five maps: "
            f"{told}. {'. '.join(self._findings())}."
        )

    def _shares(self, row):
        """How many of the others each patch comes before, as a share of the most. All are first where all tie."""
        others = torch.arange(len(row)) != self.selected
        below = torch.searchsorted(row[others].sort().values, row)
        most = below[others].max()
        return torch.where(others & (most > 0), below / most, 1.0)

    def _told(self, scores):
        first, second = scores
        if self.regions is None:
            return f"near {first:.2f}, over {second:.0f}"
        return f"AUC {first:.2f}, mass {second:.2f}".replace("nan", "–")

    def _findings(self):
        if self.regions is None:
            return [f"Share of the weight within {NEAR} patches, and over how many it is spread"]
        auc, mass = (f"{score:.2f}".replace("nan", "–") for score in self.chance)
        return [
            f"AUC: do patches of its region come first? Chance {auc}",
            f"Mass: how much of the weight is in its region? Chance {mass}",
        ]

    def _patch(self, name, value):
        last = self._grid[0] * self._grid[1] - 1
        if _checks.count(name, value, at_least=0) > last:
            raise ValueError(f"{name} must be one of 0 … {last}, got {value}")
        return int(value)

    def _patches(self, value):
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise ValueError(f"marked must be a list of patches, got {value!r}")
        return sorted({self._patch("a marked patch", each) for each in value})

    @traitlets.validate("selected", "marked")
    def _suits(self, proposal):
        try:
            if proposal.trait.name == "marked":
                return self._patches(proposal.value)
            return self._patch("selected", proposal.value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("learned")
    def _is_fixed(self, proposal):
        if self.learned not in ({}, proposal.value):
            raise traitlets.TraitError("learned must stay as it is")
        return proposal.value


def row_scores(row, same):
    """Return (AUC, mass) of one row of weights: do those that are ``same`` come first, and how much do they get?

    Shapes: row (M,) of at least 0, same (M,) boolean, without the patch that asks. NaN where all are the same or none,
    the mass also where the row is empty.

    >>> row_scores(torch.tensor([3.0, 1.0, 1.0]), torch.tensor([True, False, True]))
    (0.75, 0.8)
    """
    if same.all() or not same.any():
        return torch.nan, torch.nan
    row = row.double()
    inside, outside = row[same].unsqueeze(1), row[~same]
    auc = ((inside > outside).double() + 0.5 * (inside == outside)).mean()
    return auc.item(), (inside.sum() / row.sum()).item()


def row_spread(row, near):
    """Return which share of a row's weight is near, and over about how many patches it is spread: e to its entropy.

    >>> row_spread(torch.tensor([1.0, 1.0, 0.0, 2.0]), torch.tensor([True, True, False, False]))[0]
    0.5
    """
    shares = row.double() / row.sum()
    return shares[near].sum().item(), torch.special.entr(shares).sum().exp().item()


def _pictures():
    """Two mosaics and a photograph."""
    drawn = {"mosaic": 1, "second mosaic": 3}
    mosaics = {
        name: texture_mosaic(half="test", generator=torch.Generator().manual_seed(seed)) for name, seed in drawn.items()
    }
    return {**mosaics, "coffee": load_image("coffee", size=256)}


def _encoded():
    return {name: encode_bytes(each.half().numpy().tobytes()) for name, each in learned().items()}
