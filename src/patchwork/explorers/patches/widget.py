"""Chapter 1's explorer: a photograph as a sequence of patches, and a patch as a vector."""

import math

import torch
import traitlets

from patchwork import _checks
from patchwork.explorers.common.encoding import to_picture
from patchwork.explorers.common.photographs import PhotoExplorer
from patchwork.explorers.patches.still import draw_patches
from patchwork.patches import extract_patches, merge_patches

MOST_PATCHES = 4096  # what a page still draws within one frame


class PatchExplorer(PhotoExplorer, module="patches"):
    """Image ↔ sequence: choose a patch in the photograph, in the sequence, or from Python, and see its vector.

    ``images`` is a tensor (3, H, W) in [0, 1], or a dict of them by name; 224 × 224 suits best. P must divide H and W;
    ``stride`` None means P, no overlap. Every setting can be changed later and linked to other widgets; one that does
    not fit raises ``traitlets.TraitError``. When the photograph, P or the stride changes, ``selected`` stays at its
    place in the picture. Raises ValueError for images of another shape and for a state too large for a page.

    Used in chapter 1.

    >>> explorer = PatchExplorer(torch.rand(3, 64, 64), patch_size=16, selected=5)
    >>> explorer.patches.shape, explorer.vector.shape
    (torch.Size([16, 768]), torch.Size([768]))
    >>> explorer
    PatchExplorer(patch_size=16, photo='photo', selected=5, shuffled=False, stride=None)
    """

    patch_size = traitlets.Int(help="P, in pixels").tag(sync=True)
    stride = traitlets.Int(allow_none=True, help="pixels from patch to patch; None: P").tag(sync=True)
    selected = traitlets.Int(help="the chosen patch, counted in the image").tag(sync=True)
    shuffled = traitlets.Bool(help="whether the sequence is shuffled").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(self, images, *, patch_size=32, stride=None, selected=None, photo=None, shuffled=False):
        """Encode the images; without ``selected``, a patch above the center is chosen."""
        taken = self._take(images, photo)
        patch_size = _checks.count("patch_size", patch_size)
        stride = None if stride is None else _checks.count("stride", stride)
        rows, columns = patch_grid(self._given[taken["photo"]].shape[1:], patch_size, stride or patch_size)
        first = rows // 3 * columns + columns // 2 if selected is None else selected
        settings = {"patch_size": patch_size, "stride": stride, "shuffled": shuffled}
        self._cut = None
        super().__init__(selected=first, **taken, **settings)
        self._cut = self._current_cut()
        self.state()

    @property
    def grid(self):
        """(rows, columns) of the patches."""
        return patch_grid(*self._current_cut()[:3])

    @property
    def patches(self):
        """All patches in the image's order, (N, D), by ``patches.extract_patches``."""
        _, patch_size, stride, _ = self._current_cut()
        return extract_patches(self.image.unsqueeze(0), patch_size, stride=stride)[0]

    @property
    def vector(self):
        """The chosen patch, (D,), flattened (C, P, P)."""
        return self.patches[self.selected]

    @property
    def order(self):
        """The patch at each place of the sequence, (N,): 0 … N−1, or the explorer's permutation where shuffled."""
        number = math.prod(self.grid)
        return torch.tensor(shuffled_order(number)) if self.shuffled else torch.arange(number)

    def picture(self):
        """Draw the photograph with its grid, the chosen patch enlarged, and the sequence around it."""
        size, patch_size, stride, _ = self._current_cut()
        merged = merge_patches(self.patches[self.order].unsqueeze(0), size, patch_size, stride=stride)[0]
        place = self.order.tolist().index(self.selected)
        patches = self.patches.unflatten(1, (3, patch_size, patch_size))[self.order]
        return draw_patches(
            to_picture(merged.clamp(0, 1)), map(to_picture, patches), self.order.tolist(), place, stride
        )

    def alt(self):
        """Say in words what ``picture`` shows."""
        (rows, columns), size = self.grid, self.patch_size
        order = " in shuffled order" if self.shuffled else ""
        return (
            f"The photograph “{self.photo}” as a grid of {rows} × {columns} patches{order}; patch {self.selected} is "
            f"outlined, and drawn large beside it, {size} × {size} pixels; below, its neighbors in the sequence."
        )

    def set_state(self, sync_data):
        """Take a change from the page, which has moved the choice itself."""
        self._cut = None
        try:
            super().set_state(sync_data)
        finally:
            self._cut = self._current_cut()

    def _current_cut(self):
        return tuple(self.image.shape[1:]), self.patch_size, self.stride or self.patch_size, self.selected

    @traitlets.validate("patch_size", "stride")
    def _tiles(self, proposal):
        patch_size = proposal.value if proposal.trait.name == "patch_size" else self.patch_size
        stride = patch_size if proposal.trait.name == "patch_size" or proposal.value is None else proposal.value
        try:
            patch_grid(self.image.shape[1:], patch_size, stride)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None
        return proposal.value

    @traitlets.validate("selected")
    def _is_a_patch(self, proposal):
        number = math.prod(self.grid)
        if not 0 <= proposal.value < number:
            raise traitlets.TraitError(f"selected must be one of the patches 0 … {number - 1}, got {proposal.value}")
        return proposal.value

    @traitlets.observe("photo", "patch_size", "stride", "selected")
    def _follow(self, _):
        if self._cut is None:
            return
        size, patch_size, stride, selected = self._current_cut()
        if not _fits(size, patch_size, patch_size):
            self.patch_size = max(
                each for each in range(1, min(size) + 1) if each <= patch_size and _fits(size, each, each)
            )
        elif not _fits(size, patch_size, stride):
            self.stride = None
        else:
            before, self._cut = self._cut, (size, patch_size, stride, selected)
            if before[:3] != self._cut[:3] and before[3] == selected:
                self.selected = same_place(selected, before[:3], self._cut[:3])


def patch_grid(size, patch_size, stride):
    """Return (rows, columns) of a cut of an image of ``size`` (H, W). Raises ValueError where it leaves pixels over.

    >>> patch_grid((224, 224), 32, 16)
    (13, 13)
    """
    height, width = size
    if patch_size < 1 or height % patch_size or width % patch_size:
        raise ValueError(f"patch_size {patch_size} does not divide the image's H, W = {height}, {width}")
    if not 1 <= stride <= patch_size or (height - patch_size) % stride or (width - patch_size) % stride:
        raise ValueError(f"patches of {patch_size} every {stride} pixels do not tile H, W = {height}, {width}")
    rows, columns = (height - patch_size) // stride + 1, (width - patch_size) // stride + 1
    if rows * columns > MOST_PATCHES:
        raise ValueError(f"the explorer shows at most {MOST_PATCHES} patches, got N = {rows} × {columns}")
    return rows, columns


def _fits(size, patch_size, stride):
    try:
        return bool(patch_grid(size, patch_size, stride))
    except ValueError:
        return False


def shuffled_order(number, *, seed=1):
    """Return the explorer's permutation of 0 … number−1, the same as on the page: Fisher and Yates' shuffle.

    >>> shuffled_order(5)
    [0, 2, 3, 4, 1]
    """
    order, state = list(range(number)), seed
    for last in range(number - 1, 0, -1):
        state = (state * 1664525 + 1013904223) % 2**32
        other = state * (last + 1) >> 32
        order[last], order[other] = order[other], order[last]
    return order


def same_place(index, before, after):
    """Return the patch of the cut ``after`` whose center is nearest to that of patch ``index`` of the cut ``before``.

    A cut is ((H, W), patch size, stride).

    >>> same_place(3, ((64, 64), 32, 32), ((64, 64), 16, 16))
    15
    """
    (old_size, old_patch, old_stride), (size, patch_size, stride) = before, after
    grid, place = patch_grid(*after), divmod(index, patch_grid(*before)[1])
    moved = []
    for step, old_side, side, steps in zip(place, old_size, size, grid, strict=True):
        center = (step * old_stride + old_patch / 2) / old_side * side
        moved.append(min(max(math.floor((center - patch_size / 2) / stride + 0.5), 0), steps - 1))
    return moved[0] * grid[1] + moved[1]
