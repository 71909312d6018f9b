"""Chapter 3's explorer: attention in windows, step by step; how far it hears; what it costs."""

import torch
import traitlets

from patchwork import _checks
from patchwork.explorers.common.encoding import to_picture
from patchwork.explorers.common.photographs import PhotoExplorer
from patchwork.explorers.windows.still import draw_windows
from patchwork.windows import (
    attention_cost,
    cyclic_shift,
    merging_relation,
    reach,
    shifted_window_mask,
    window_partition,
    window_relation,
)

STEPS = {
    "tokens": "in place",
    "shift": "after the cyclic shift",
    "windows": "cut into windows after the cyclic shift",
    "mask": "cut into windows after the cyclic shift, and masked",
    "unshift": "shifted back",
}
MOST_BLOCKS = 8
MOST_TOKENS = 64  # along one side; what a page still draws within one frame
LARGEST_WINDOW = 16
DIM = 96  # D of the smallest published Swin, for the cost


class WindowExplorer(PhotoExplorer, module="windows"):
    """Follow a token through shift, windows, mask and shift back; see how far it hears, and what that costs.

    ``images`` is a tensor (3, H, W) in [0, 1], or a dict of them by name, cut into ``grid`` tokens. M divides the grid
    and is smaller; 0 ≤ shift < M, half of M without one. ``step`` is "tokens", "shift", "windows", "mask" or
    "unshift". ``selected`` is the token that asks; without it, one whose window holds tokens from every corner of the
    picture. It hears through ``blocks`` blocks, every second one shifted where ``shifted``; with ``merging``, 2×2
    tokens become one after every two blocks. Every setting but the grid can be changed later and linked to other
    widgets; one that does not fit raises ``traitlets.TraitError``. Raises ValueError for images of another shape,
    settings that do not fit, and a state too large for a page.

    Used in chapter 3.

    >>> explorer = WindowExplorer(torch.rand(3, 64, 64), grid=(8, 8))
    >>> explorer.tokens[[0, -1]], explorer.answers.nonzero().flatten()
    (tensor([54,  9]), tensor([48, 49, 56, 57]))
    >>> explorer.heard.sum(), explorer.relation.shape
    (tensor(64), torch.Size([64, 64]))
    >>> explorer  # doctest: +ELLIPSIS
    WindowExplorer(blocks=3, grid=(8, 8), merging=False, photo='photo', selected=48, shift=2, shifted=True, ...)
    """

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
        taken = self._take(images, photo)
        self._grid = check_grid(grid)
        check_setting("window_size", window_size, grid=self._grid, window_size=window_size)
        shift = window_size // 2 if shift is None else shift
        settings = {"window_size": window_size, "shift": shift, "step": step, "blocks": blocks}
        settings["selected"] = 0 if selected is None else selected
        for name, value in settings.items():
            check_setting(name, value, grid=self._grid, window_size=window_size)
        if selected is None:
            settings["selected"] = start(self._grid, window_size, shift)
        super().__init__(**taken, grid=self._grid, shifted=shifted, merging=merging, **settings)
        self.state()

    @property
    def relation(self):
        """Who may answer whom in one block of this shift, boolean (N, N), by ``windows.window_relation``."""
        return window_relation(self.grid, self.window_size, shift=self.shift)

    @property
    def answers(self):
        """Which tokens answer the one that asks, boolean (N,): its row of ``relation``."""
        return self.relation[self.selected]

    @property
    def window(self):
        """The window it is in after the shift, counted row by row."""
        return int((self._windows == self.selected).any(1).nonzero())

    @property
    def tokens(self):
        """The tokens of that window, (M²,), row by row: true neighbors and false ones."""
        return self._windows[self.window]

    @property
    def mask(self):
        """Which of them may answer which, boolean (M², M²), by ``windows.shifted_window_mask``."""
        return shifted_window_mask(self.grid, self.window_size, self.shift)[self.window]

    @property
    def heard(self):
        """Which tokens of the picture the one that asks has heard of after the blocks, boolean (N,)."""
        layers, (rows, columns), halvings = self._layers()
        row, column = (at >> halvings for at in divmod(self.selected, self.grid[1]))
        asking = torch.zeros(rows * columns, dtype=torch.bool)
        asking[row * columns + column] = True
        return reach([asking.view(-1, 1), *(layer.T for layer in reversed(layers))]).flatten()

    @property
    def costs(self):
        """Multiply-adds of one block over this grid with D = 96: (of global attention, of windows)."""
        return attention_cost(self.grid, DIM), attention_cost(self.grid, DIM, window_size=self.window_size)

    @property
    def _windows(self):
        grid = torch.arange(self.grid[0] * self.grid[1]).view(1, *self.grid, 1)
        return window_partition(cyclic_shift(grid, self.shift), self.window_size).flatten(1)

    def _layers(self):
        """List who hears whom, first applied first; then the grid they lead to, and how often it was halved."""
        grid, layers, halvings = self.grid, [], 0
        for block in range(self.blocks):
            if self.merging and block and block % 2 == 0:
                layers.append(merging_relation(grid))
                grid, halvings = tuple(-(-length // 2) for length in grid), halvings + 1
            shift = self.shift if self.shifted and block % 2 else 0
            layers.append(window_relation(grid, self.window_size, shift=shift))
        return layers, grid, halvings

    def picture(self):
        """Draw the photograph at the step shown, and the mask of the window."""
        setting = (self.grid, self.window_size, self.shift, self.step)
        asking = (self.selected, self.tokens.tolist(), self.mask)
        return draw_windows(to_picture(self.image), setting, asking, self._findings())

    def alt(self):
        """Say in words what ``picture`` shows."""
        rows, columns = self.grid
        return (
            f"The photograph “{self.photo}” as {rows} × {columns} tokens, {STEPS[self.step]}; token {self.selected} is "
            f"outlined, the tokens of its window that may not answer are crossed out; beside it, the mask of the "
            f"window. {'. '.join(self._findings())}."
        )

    def _findings(self):
        answer, whole, (least, most) = int(self.answers.sum()), self.window_size**2, self.costs[::-1]
        heard, number, times = int(self.heard.sum()), len(self.answers), f"{most / least:.1f}"
        return [
            f"{answer} of the {whole} tokens of window {self.window} answer{'s' * (answer == 1)} token {self.selected}",
            f"After {self.blocks} block{'' if self.blocks == 1 else 's'} it has heard of {heard} of {number}",
            f"Global attention takes {times} times the multiply-adds (D = {DIM})",
        ]

    @traitlets.validate("grid")
    def _stays(self, proposal):
        if proposal.value != self._grid:
            raise traitlets.TraitError(f"the grid must stay {self._grid}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("window_size", "shift", "step", "selected", "blocks")
    def _suits(self, proposal):
        try:
            check_setting(proposal.trait.name, proposal.value, grid=self._grid, window_size=self.window_size)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None
        return proposal.value

    @traitlets.observe("window_size")
    def _follow(self, _):
        if self.shift >= self.window_size:
            self.shift = self.window_size // 2


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
    if max(grid) > MOST_TOKENS:
        raise ValueError(f"the explorer shows at most {MOST_TOKENS} tokens along a side, got a grid {grid}")
    if not window_sizes(grid):
        raise ValueError(f"the grid must be a multiple of a smaller window along both sides, got {grid}")
    return grid


def check_setting(name, value, *, grid, window_size):
    """Raise ValueError where a setting does not fit."""
    if name == "step":
        if value not in list(STEPS):
            raise ValueError(f"step must be one of {list(STEPS)}, got {value!r}")
        return
    value = _checks.count(name, value, at_least=0)
    most = {"shift": window_size - 1, "selected": grid[0] * grid[1] - 1, "blocks": MOST_BLOCKS}
    if name == "window_size" and value not in window_sizes(grid):
        raise ValueError(f"window_size must be one of {window_sizes(grid)} for the grid {grid}, got {value}")
    if name in most and value > most[name]:
        raise ValueError(f"{name} must be one of 0 … {most[name]}, got {value}")
