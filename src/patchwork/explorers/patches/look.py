"""What a photograph cut into patches tells: where each is, its vector, and the order of the sequence."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from patchwork.explorers.common.modules import limits
from patchwork.patches import extract_patches, merge_patches

MOST_PATCHES = limits("patches")["most_patches"]  # what a page still draws within one frame


@dataclass(frozen=True, eq=False)
class PatchLook:
    """A photograph (3, H, W) in [0, 1], and the settings."""

    image: torch.Tensor
    photo: str
    patch_size: int
    stride: int | None
    selected: int
    shuffled: bool

    @property
    def pitch(self):
        """Pixels from patch to patch."""
        return self.stride or self.patch_size

    @cached_property
    def grid(self):
        """(rows, columns) of the patches."""
        return patch_grid(self.image.shape[1:], self.patch_size, self.pitch)

    @cached_property
    def patches(self):
        """All patches in the image's order, (N, D), by ``patches.extract_patches``."""
        return extract_patches(self.image.unsqueeze(0), self.patch_size, stride=self.pitch)[0]

    @cached_property
    def vector(self):
        """The chosen patch, (D,), flattened (C, P, P)."""
        return self.patches[self.selected]

    @cached_property
    def order(self):
        """The patch at each place of the sequence, (N,): 0 … N−1, or the explorer's permutation where shuffled."""
        number = math.prod(self.grid)
        return torch.tensor(shuffled_order(number)) if self.shuffled else torch.arange(number)

    @cached_property
    def place(self):
        """Where the chosen patch stands in the sequence."""
        return self.order.tolist().index(self.selected)

    @cached_property
    def merged(self):
        """The image that the sequence gives, put together again by ``patches.merge_patches``: (3, H, W)."""
        sequence, size = self.patches[self.order], self.image.shape[1:]
        return merge_patches(sequence.unsqueeze(0), size, self.patch_size, stride=self.pitch)[0]


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


def fits(size, patch_size, stride):
    """Tell whether patches tile an image of ``size`` (H, W), and are not too many.

    >>> fits((64, 96), 32, 16), fits((64, 96), 64, 64)
    (True, False)
    """
    try:
        return bool(patch_grid(size, patch_size, stride))
    except ValueError:
        return False


def patch_sizes(size):
    """List the patch sizes that fit an image of ``size`` (H, W), ascending. Raises ValueError where none does.

    >>> patch_sizes((60, 90))
    [2, 3, 5, 6, 10, 15, 30]
    """
    sizes = [each for each in range(1, min(size) + 1) if fits(size, each, each)]
    if not sizes:
        raise ValueError(f"no patch_size cuts H, W = {size[0]}, {size[1]} into at most {MOST_PATCHES} patches")
    return sizes


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
