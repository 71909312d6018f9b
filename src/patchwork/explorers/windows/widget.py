"""The widget of chapter 3: its state, and what it takes."""

import traitlets

from patchwork import _checks
from patchwork.explorers.common.modules import limits
from patchwork.explorers.common.photographs import PhotoExplorer
from patchwork.explorers.windows.look import WindowLook
from patchwork.explorers.windows.still import describe_windows, draw_windows

LIMITS = limits("windows")
LARGEST_WINDOW, LONGEST_SIDE = LIMITS["largest_window"], LIMITS["longest_side"]


class WindowExplorer(PhotoExplorer, module="windows", look=WindowLook):
    """Follow a token through shift, windows, mask and shift back; see how far it hears, and what that costs.

    ``images`` is a tensor (3, H, W) in [0, 1], or a dict of them by name, cut into ``grid`` tokens. M divides the grid
    and is smaller; 0 ≤ shift < M, half of M without one. ``step`` is "tokens", "shift", "windows", "mask" or
    "unshift". ``selected`` is the token that asks; without it, one whose window holds tokens from every corner of the
    picture. It hears through ``blocks`` blocks, every second one shifted where ``shifted``; with ``merging``, 2×2
    tokens become one after every two blocks. Every setting but the grid can be changed later and linked to other
    widgets; one that does not fit raises ``traitlets.TraitError``. Raises ValueError for images of another shape,
    settings that do not fit, and a state too large for a page.

    Used in chapter 3.

    >>> import torch
    >>> explorer = WindowExplorer(torch.rand(3, 64, 64), grid=(8, 8))
    >>> explorer.tokens[[0, -1]], explorer.answers.nonzero().flatten()
    (tensor([54,  9]), tensor([48, 49, 56, 57]))
    >>> explorer.heard.sum(), explorer.relation.shape
    (tensor(64), torch.Size([64, 64]))
    >>> explorer  # doctest: +ELLIPSIS
    WindowExplorer(blocks=3, grid=(8, 8), merging=False, photo='photo', selected=48, shift=2, shifted=True, ...)
    """

    settings = (*PhotoExplorer.settings, "window_size", "shift", "step", "selected", "blocks", "shifted", "merging")
    fixed = ("grid",)

    grid = traitlets.Tuple(traitlets.Int(), traitlets.Int(), help="(rows, columns) of the tokens").tag(sync=True)
    window_size = traitlets.Int(help="M, in tokens").tag(sync=True)
    shift = traitlets.Int(help="how far a shifted block shifts, in tokens").tag(sync=True)
    step = traitlets.Unicode(help="the step shown").tag(sync=True)
    selected = traitlets.Int(help="the token that asks").tag(sync=True)
    blocks = traitlets.Int(help="how many blocks it hears through").tag(sync=True)
    shifted = traitlets.Bool(help="whether every second block is shifted").tag(sync=True)
    merging = traitlets.Bool(help="whether 2×2 tokens merge after every two blocks").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the token under the pointer").tag(sync=True, transient=True)

    def __init__(
        self,
        images,
        *,
        grid=(16, 16),
        window_size=4,
        shift=None,
        step="mask",
        selected=None,
        blocks=3,
        shifted=True,
        merging=False,
        photo=None,
    ):
        """Encode the images and check the settings."""
        taken, self._grid = self._take(images, photo), check_grid(grid)
        window_size = self.fit("window_size", window_size, {})
        shift = self.fit("shift", window_size // 2 if shift is None else shift, {"window_size": window_size})
        super().__init__(
            **taken,
            grid=self._grid,
            window_size=window_size,
            shift=shift,
            step=step,
            selected=start(self._grid, window_size, shift) if selected is None else selected,
            blocks=blocks,
            shifted=shifted,
            merging=merging,
        )

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; a window divides the grid, and a shift is smaller than it."""
        if name == "window_size":
            return _checks.choice(name, value, window_sizes(self._grid))
        if name == "shift":
            return _checks.count(name, value, at_least=0, at_most=beside["window_size"] - 1)
        if name == "selected":
            return _checks.count(name, value, at_least=0, at_most=self._grid[0] * self._grid[1] - 1)
        return super().fit(name, value, beside)

    @traitlets.observe("window_size")
    def _follow(self, _):
        if self.shift >= self.window_size:
            self.shift = self.window_size // 2

    def _look(self):
        return WindowLook(image=self.image, grid=self.grid, **self._settings())

    def picture(self):
        """Draw the photograph at the step shown, and the mask of the window."""
        return draw_windows(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_windows(self.look)


def window_sizes(grid):
    """List the window sizes that divide a grid and are smaller, up to 16.

    >>> window_sizes((16, 24))
    [2, 4, 8]
    """
    return [size for size in range(2, min(*grid, LARGEST_WINDOW + 1)) if all(each % size == 0 for each in grid)]


def start(grid, window_size, shift):
    """Return the token that asks first: in the last window, where the corners meet, one that comes round from the left.

    >>> start((16, 16), 4, 2)
    224
    """
    return (grid[0] - window_size + shift) * grid[1]


def check_grid(grid):
    """Return a grid that some window divides. Raises ValueError for another, or more than 64 tokens along a side."""
    grid = _checks.pair("grid", grid)
    if max(grid) > LONGEST_SIDE:
        raise ValueError(f"the explorer shows at most {LONGEST_SIDE} tokens along a side, got a grid {grid}")
    if not window_sizes(grid):
        raise ValueError(f"the grid must be a multiple of a smaller window along both sides, got {grid}")
    return grid
