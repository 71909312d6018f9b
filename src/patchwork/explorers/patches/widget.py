"""The widget of chapter 1: its state, what it takes, and what of it follows when the cut changes."""

import contextlib

import traitlets

from patchwork import _checks
from patchwork.explorers.common.encoding import photo_size
from patchwork.explorers.common.photographs import PhotoExplorer
from patchwork.explorers.patches.look import PatchLook, fits, patch_grid, patch_sizes, same_place
from patchwork.explorers.patches.still import describe_patches, draw_patches


class PatchExplorer(PhotoExplorer, module="patches", look=PatchLook):
    """Image ↔ sequence: choose a patch in the photograph, in the sequence, or from Python, and see its vector.

    ``images`` is a tensor (3, H, W) in [0, 1], or a dict of them by name; 224 × 224 suits best. P must divide H and W;
    ``stride`` None means P, no overlap. Without ``selected`` a patch above the center is chosen. Every setting can be
    changed later and linked to other widgets; one that does not fit raises ``traitlets.TraitError``. When the
    photograph, P or the stride changes, ``selected`` stays at its place in the picture; a patch size or a stride that
    no longer fits gives way. Raises ValueError for images of another shape, settings that do not fit, and a state too
    large for a page.

    Used in chapter 1.

    >>> import torch
    >>> explorer = PatchExplorer(torch.rand(3, 64, 64), patch_size=16, selected=5)
    >>> explorer.patches.shape, explorer.vector.shape
    (torch.Size([16, 768]), torch.Size([768]))
    >>> explorer
    PatchExplorer(patch_size=16, photo='photo', selected=5, shuffled=False, stride=None)
    """

    settings = (*PhotoExplorer.settings, "patch_size", "stride", "selected", "shuffled")

    patch_size = traitlets.Int(help="P, in pixels").tag(sync=True)
    stride = traitlets.Int(allow_none=True, help="pixels from patch to patch; None: P").tag(sync=True)
    selected = traitlets.Int(help="the chosen patch, counted in the image").tag(sync=True)
    shuffled = traitlets.Bool(help="whether the sequence is shuffled").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    _chosen = None  # in which cut, ((H, W), patch size, stride), which patch is chosen; None while nothing follows

    def __init__(self, images, *, patch_size=32, stride=None, selected=None, photo=None, shuffled=False):
        """Encode the images and check the settings."""
        taken = self._take(images, photo)
        super().__init__(**taken, patch_size=patch_size, stride=stride, selected=selected, shuffled=shuffled)
        self._chosen = self._choice()

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; patches tile the photograph, and the one chosen is among them."""
        value = super().fit(name, value, beside)
        if name == "photo":
            patch_sizes(photo_size(beside["photos"][value]))
        elif name == "patch_size":  # a stride that no longer fits gives way
            value = _checks.count(name, value)
            patch_grid(self._size(beside), value, value)
        elif name == "stride" and value is not None:
            value = _checks.count(name, value)
            patch_grid(self._size(beside), beside["patch_size"], value)
        elif name == "selected":
            stride = beside["stride"] or beside["patch_size"]
            rows, columns = patch_grid(self._size(beside), beside["patch_size"], stride)
            first = rows // 3 * columns + columns // 2
            value = _checks.count(name, first if value is None else value, at_least=0, at_most=rows * columns - 1)
        return value

    def _size(self, beside):
        return photo_size(beside["photos"][super().fit("photo", beside["photo"], beside)])

    def _check_own(self, name, text):
        super()._check_own(name, text)
        patch_sizes(photo_size(text))

    def _look(self):
        return PatchLook(image=self.image, **self._settings())

    def picture(self):
        """Draw the photograph with its grid, the chosen patch enlarged, and the sequence around it."""
        return draw_patches(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_patches(self.look)

    def set_state(self, sync_data):
        """Take a change from the page, which has moved the choice itself."""
        with self._nothing_follows():
            super().set_state(sync_data)

    @traitlets.observe("photos", "photo", "patch_size", "stride", "selected")
    def _follow(self, _):
        """Change the settings that no longer fit the photograph; keep the choice at its place in the picture."""
        if self._chosen is None:
            return
        before, chosen = self._chosen
        with self._nothing_follows():
            size = photo_size(self.photos[self.photo])
            fitting = patch_sizes(size)
            self.patch_size = max((each for each in fitting if each <= self.patch_size), default=fitting[0])
            if not fits(size, self.patch_size, self.stride or self.patch_size):
                self.stride = None
            if self.selected == chosen:
                self.selected = same_place(chosen, before, self._choice()[0])

    @contextlib.contextmanager
    def _nothing_follows(self):
        self._chosen = None
        try:
            yield
        finally:
            self._chosen = self._choice()

    def _choice(self):
        size = photo_size(self.photos[self.photo])
        return (size, self.patch_size, self.stride or self.patch_size), self.selected
