"""Chapter 5's explorer: four features by three metrics, one patch to all or neighbor to neighbor, with scores."""

import torch
import traitlets

from patchwork import _checks
from patchwork.explorers.common.photographs import CutPhotoExplorer, deepest
from patchwork.explorers.similarity.look import FEATURES, METRICS
from patchwork.explorers.similarity.still import draw_similarity
from patchwork.patches import patchify
from patchwork.relations import mean_average_precision
from patchwork.similarity import neighbor_similarity

MODES = ("patch", "neighbors")
NEAREST = 5  # patches, or one of 20 edges, that are looked at one by one
RANGES = {"gain": (0.1, 2), "offset": (-0.5, 0.5)}
DECIMALS = 9  # what differs by less differs by rounding alone


class SimilarityExplorer(CutPhotoExplorer, module="similarity"):
    """Which patches are alike, by what is measured of them and how it is compared: twelve maps with their scores.

    ``images`` is a tensor (1 or 3, H, W) in [0, 1], a pair of one and its labels (N,), as ``texture_mosaic`` returns,
    or a dict of such by name, all of one size; they are shown in gray. ``mode`` "patch" relates the patch ``selected``
    to all, "neighbors" each patch to the one at its right and the one below. ``feature`` is one of "pixels", "mean
    color", "gradient energy" and "spectrum", ``metric`` one of "euclidean", "cosine" and "correlation". The right half
    of the picture is exposed otherwise: x → gain·x + offset, not clipped. Without ``selected`` the patch deepest
    inside a region asks. Every setting can be changed later and linked to other widgets; one that does not fit raises
    ``traitlets.TraitError``. Raises ValueError for images and labels of other shapes, settings that do not fit, and a
    state too large for a page.

    Used in chapter 5.

    >>> image, labels = torch.rand(1, 64, 64), torch.tensor([0, 0, 1, 1]).repeat(4)
    >>> explorer = SimilarityExplorer((image, labels), feature="spectrum", metric="cosine")
    >>> explorer.relation.shape, explorer.nearest.shape, [part.shape for part in explorer.neighbors]
    (torch.Size([16, 16]), torch.Size([5]), [torch.Size([4, 3]), torch.Size([3, 4])])
    >>> list(explorer.scores), list(explorer.scores["spectrum"])
    (['pixels', 'mean color', 'gradient energy', 'spectrum'], ['euclidean', 'cosine', 'correlation'])
    >>> explorer  # doctest: +ELLIPSIS
    SimilarityExplorer(feature='spectrum', gain=1.0, metric='cosine', mode='patch', offset=0.0, patch_size=16, ...)
    """

    mode = traitlets.Unicode(help="one patch to all, or neighbors").tag(sync=True)
    feature = traitlets.Unicode(help="what is measured of a patch").tag(sync=True)
    metric = traitlets.Unicode(help="how two patches are compared").tag(sync=True)
    gain = traitlets.Float(help="of the right half").tag(sync=True)
    offset = traitlets.Float(help="of the right half").tag(sync=True)
    selected = traitlets.Int(help="the patch that asks").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(
        self,
        images,
        *,
        photo=None,
        patch_size=16,
        mode="patch",
        feature="pixels",
        metric="euclidean",
        gain=1.0,
        offset=0.0,
        selected=None,
    ):
        """Encode the images and check their labels and the settings."""
        taken = self._take_cut(images, photo, patch_size)
        first = self._start(taken["photo"]) if selected is None else selected
        settings = {"mode": mode, "feature": feature, "metric": metric, "gain": gain, "offset": offset}
        settings = {name: self._fitting(name, value) for name, value in ({**settings, "selected": first}).items()}
        super().__init__(**taken, **settings)
        self.state()

    def _start(self, photo):
        """Find the patch that asks first: inside a region, or left of the middle, where the exposure never changes."""
        rows, columns = self._grid
        if photo in self._labels:
            return deepest(self._labels[photo], self._grid)
        return rows // 2 * columns + max(columns // 2 - 1, 0)

    @property
    def exposed(self):
        """The picture in gray, its right half exposed otherwise: (H, W), float64."""
        return self._expose(self.gain, self.offset)

    @property
    def features(self):
        """What is measured of each patch, (N, D)."""
        return self._features(self.feature, self.exposed)

    @property
    def relation(self):
        """How related each patch is to each, (N, N): −distance, cosine or correlation, rounded to nine decimals."""
        return _rounded(METRICS[self.metric](self.features))

    @property
    def row(self):
        """How related the others are to the patch that asks, (N,): its row of ``relation``."""
        return self.relation[self.selected]

    @property
    def nearest(self):
        """The five patches most related to the one that asks, of equal ones the first; none where all are equal."""
        own = torch.arange(len(self.row)) == self.selected
        others = (~own).nonzero().flatten()
        return others[largest(self.row[others], NEAREST)]

    @property
    def neighbors(self):
        """How each patch compares to the one at its right and the one below, by ``neighbor_similarity``."""
        return neighbor_similarity(self.features, self.grid, self.metric)

    @property
    def scores(self):
        """How good each of the twelve relations is, by feature and metric.

        With regions: the mean average precision of all rows, or for neighbors the average precision with which edges
        between regions come first. Without: the share of each patch's five most related, or of the one in 20 least
        related neighbors, that are so at equal exposure too. NaN where nothing can be told.
        """
        return self._each(self._score_edges if self.mode == "neighbors" else self._score_all)

    @property
    def row_scores(self):
        """The same for the row of the patch that asks; for neighbors, ``scores``."""
        return self.scores if self.mode == "neighbors" else self._each(self._score_row)

    @property
    def chance(self):
        """What ``scores`` are, on average, for a relation that has nothing to do with the picture."""
        number = len(self.relation)
        if self.regions is None:
            return NEAREST / (number - 1) if self.mode == "patch" else 1 / 20
        if self.mode == "neighbors":
            return self._borders().double().mean().item()
        same = self.regions[:, None] == self.regions
        return ((same.sum(1) - 1) / (number - 1)).mean().item()

    def _expose(self, gain, offset):
        pixels, middle = self.pixels.clone(), self.grid[1] // 2 * self.patch_size
        pixels[:, middle:] = gain * pixels[:, middle:] + offset
        return pixels

    def _features(self, name, pixels):
        return FEATURES[name](patchify(pixels[None, None], self.patch_size)[0])

    def _each(self, score):
        pictures = self.exposed, self.pixels
        return {
            feature: {
                metric: score(*(self._features(feature, each) for each in pictures), metric) for metric in METRICS
            }
            for feature in FEATURES
        }

    def _score_all(self, features, before, metric):
        relation, reference = (_rounded(METRICS[metric](each)) for each in (features, before))
        if self.regions is None:
            return kept(_others(relation), _others(reference), NEAREST).nanmean().item()
        return mean_average_precision(relation, self.regions).item()

    def _score_row(self, features, before, metric):
        others = torch.arange(len(features)) != self.selected
        row, reference = (_rounded(METRICS[metric](each))[self.selected, others] for each in (features, before))
        if self.regions is None:
            return kept(row, reference, NEAREST).item()
        return average_precision(row, (self.regions == self.regions[self.selected])[others]).item()

    def _score_edges(self, features, before, metric):
        apart, reference = self._apartness(features, metric), self._apartness(before, metric)
        if self.regions is None:
            return kept(apart, reference, max(1, round(len(apart) / 20))).item()
        return average_precision(apart, self._borders()).item()

    def _apartness(self, features, metric):
        """How different all neighbors are, those to the right first, (E,)."""
        flat = torch.cat([part.flatten() for part in neighbor_similarity(features, self.grid, metric)])
        return _rounded(flat if metric == "euclidean" else -flat)

    def _borders(self):
        cells = self.regions.view(self.grid)
        return torch.cat([(cells[:, 1:] != cells[:, :-1]).flatten(), (cells[1:] != cells[:-1]).flatten()])

    def picture(self):
        """Draw the picture and the twelve maps with their scores."""
        query = None if self.mode == "neighbors" else self.selected
        maps, chosen = self._each(lambda now, _, metric: self._map(now, metric)), (self.feature, self.metric)
        return draw_similarity(self.exposed, self.grid, query, chosen, maps, self.scores, self._findings())

    def _map(self, features, metric):
        if self.mode == "neighbors":
            return rank_shares(self._apartness(features, metric))
        row = _rounded(METRICS[metric](features))[self.selected]
        shares, others = torch.ones(len(row)), torch.arange(len(row)) != self.selected
        shares[others] = rank_shares(row[others]).float()
        return shares

    def alt(self):
        """Say in words what ``picture`` shows."""
        shown = "each patch and its neighbors" if self.mode == "neighbors" else f"patch {self.selected} and all others"
        best = ", ".join(f"{feature} {_largest(scores):.2f}" for feature, scores in self.scores.items())
        return (
            f"How alike {shown} of the picture “{self.photo}” are, in twelve maps: four features by three metrics. "
            f"{'. '.join(self._findings())}. The best metric of each feature: {best}."
        )

    def _findings(self):
        kind = "Average precision" if self.regions is not None else "Share that stays as at equal exposure"
        lines = [f"{kind}{'' if self.mode == 'neighbors' else ', over all patches'}; chance {self.chance:.2f}"]
        if (self.gain, self.offset) != (1, 0):
            lines.append(f"The right half is exposed otherwise: gain {self.gain:g}, offset {self.offset:g}")
        return lines

    def _fitting(self, name, value):
        """Return a setting as it is kept. Raises ValueError where it does not fit."""
        choices = {"mode": MODES, "feature": tuple(FEATURES), "metric": tuple(METRICS)}.get(name)
        if choices:
            if value not in choices:
                raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")
            return value
        if name in RANGES:
            least, most = RANGES[name]
            value = _checks.number(name, value)
            if not least <= value <= most:
                raise ValueError(f"{name} must lie in {least} … {most}, got {value:g}")
            return float(value)
        last = self._grid[0] * self._grid[1] - 1
        if _checks.count(name, value, at_least=0) > last:
            raise ValueError(f"{name} must be one of 0 … {last}, got {value}")
        return int(value)

    @traitlets.validate("mode", "feature", "metric", "gain", "offset", "selected")
    def _suits(self, proposal):
        try:
            return self._fitting(proposal.trait.name, proposal.value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None


def average_precision(scores, those):
    """Return the average precision of one ranking as ``mean_average_precision`` has it; NaN where all are, or none.

    Shapes: scores (N,), those (N,) boolean → a tensor (), float64.

    >>> average_precision(torch.tensor([3.0, 2.0, 1.0]), torch.tensor([True, False, True]))
    tensor(0.8333, dtype=torch.float64)
    """
    if those.all() or not those.any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    at_least = scores >= scores[those].unsqueeze(1)
    return ((at_least & those).sum(1) / at_least.sum(1).double()).mean()


def rank_shares(scores):
    """Return which share of the others each score exceeds, those that equal it counted half: 0 … 1.

    >>> rank_shares(torch.tensor([5.0, 7.0, 7.0]))
    tensor([0.0000, 0.7500, 0.7500], dtype=torch.float64)
    """
    ordered = scores.sort().values
    twice = torch.searchsorted(ordered, scores) + torch.searchsorted(ordered, scores, right=True) - 1
    return twice.double() / max(2 * (len(scores) - 1), 1) if len(scores) > 1 else torch.full((1,), 0.5).double()


def largest(scores, number):
    """Return the places of the largest scores, of equal ones the first; none where all are equal.

    >>> largest(torch.tensor([1.0, 3.0, 3.0]), 2), largest(torch.ones(3), 2)
    (tensor([1, 2]), tensor([], dtype=torch.int64))
    """
    return scores.argsort(descending=True, stable=True)[: 0 if _flat(scores) else number]


def kept(scores, before, number):
    """Return which share of the largest scores are among the largest before: 0 where all are equal, NaN where all were.

    Shapes: scores and before (…, N) → (…).

    >>> kept(torch.tensor([4.0, 1.0, 3.0]), torch.tensor([4.0, 3.0, 1.0]), 2)
    tensor(0.5000, dtype=torch.float64)
    """
    now, then = (each.argsort(dim=-1, descending=True, stable=True)[..., :number] for each in (scores, before))
    share = (now.unsqueeze(-1) == then.unsqueeze(-2)).any(-1).double().mean(-1)
    share = torch.where(_flat(scores), 0, share)
    return torch.where(_flat(before), torch.nan, share)


def _flat(scores):
    return scores.amax(-1) == scores.amin(-1)


def _rounded(numbers):
    return numbers.round(decimals=DECIMALS) + 0.0


def _largest(scores):
    return max((score for score in scores.values() if score == score), default=float("nan"))


def _others(relation):
    """Return (N, N − 1): a square matrix without its diagonal."""
    number = len(relation)
    return relation[~torch.eye(number, dtype=torch.bool)].view(number, number - 1)
