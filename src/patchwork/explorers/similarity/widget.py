"""The widget of chapter 5: its state, and what it takes."""

import traitlets

from patchwork.explorers.common.photographs import CutPhotoExplorer, deepest
from patchwork.explorers.similarity.look import SimilarityLook
from patchwork.explorers.similarity.still import describe_similarity, draw_similarity


class SimilarityExplorer(CutPhotoExplorer, module="similarity", look=SimilarityLook):
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

    >>> import torch
    >>> image, labels = torch.rand(1, 64, 64), torch.tensor([0, 0, 1, 1]).repeat(4)
    >>> explorer = SimilarityExplorer((image, labels), feature="spectrum", metric="cosine")
    >>> explorer.relation.shape, explorer.nearest.shape, [part.shape for part in explorer.neighbors]
    (torch.Size([16, 16]), torch.Size([5]), [torch.Size([4, 3]), torch.Size([3, 4])])
    >>> list(explorer.scores), list(explorer.scores["spectrum"])
    (['pixels', 'mean color', 'gradient energy', 'spectrum'], ['euclidean', 'cosine', 'correlation'])
    >>> explorer  # doctest: +ELLIPSIS
    SimilarityExplorer(feature='spectrum', gain=1.0, metric='cosine', mode='patch', offset=0.0, patch_size=16, ...)
    """

    settings = (*CutPhotoExplorer.settings, "mode", "feature", "metric", "gain", "offset", "selected")

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
        super().__init__(
            **taken,
            mode=mode,
            feature=feature,
            metric=metric,
            gain=gain,
            offset=offset,
            selected=self._start(taken["photo"]) if selected is None else selected,
        )

    def _start(self, photo):
        """Find the patch that asks first: inside a region, or left of the middle, where the exposure never changes."""
        rows, columns = self._grid
        if photo in self._labels:
            return deepest(self._labels[photo], self._grid)
        return rows // 2 * columns + max(columns // 2 - 1, 0)

    def _look(self):
        return SimilarityLook(**self._cut())

    def picture(self):
        """Draw the picture and the twelve maps with their scores."""
        return draw_similarity(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_similarity(self.look)
