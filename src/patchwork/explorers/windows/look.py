"""What windows over a photograph tell: who may answer, who is heard, what it costs."""

from dataclasses import dataclass
from functools import cached_property

import torch

from patchwork.explorers.common.modules import limits
from patchwork.windows import (
    attention_cost,
    cyclic_shift,
    merging_relation,
    reach,
    shifted_window_mask,
    window_partition,
    window_relation,
)

DIM = limits("windows")["dim"]  # D of the smallest published Swin, for the cost


@dataclass(frozen=True, eq=False)
class WindowLook:
    """A photograph (3, H, W), cut into a grid of tokens of which one asks, and the settings."""

    image: torch.Tensor
    grid: tuple[int, int]
    photo: str
    window_size: int
    shift: int
    step: str
    selected: int
    blocks: int
    shifted: bool
    merging: bool

    @cached_property
    def relation(self):
        """Who may answer whom in one block of this shift, boolean (N, N), by ``windows.window_relation``."""
        return window_relation(self.grid, self.window_size, shift=self.shift)

    @cached_property
    def answers(self):
        """Which tokens answer the one that asks, boolean (N,): its row of ``relation``."""
        return self.relation[self.selected]

    @cached_property
    def window(self):
        """The window it is in after the shift, counted row by row."""
        return int((self._windows == self.selected).any(1).nonzero())

    @cached_property
    def tokens(self):
        """The tokens of that window, (M²,), row by row: true neighbors and false ones."""
        return self._windows[self.window]

    @cached_property
    def mask(self):
        """Which of them may answer which, boolean (M², M²), by ``windows.shifted_window_mask``."""
        return shifted_window_mask(self.grid, self.window_size, self.shift)[self.window]

    @cached_property
    def heard(self):
        """Which tokens of the picture the one that asks has heard of after the blocks, boolean (N,)."""
        layers, (rows, columns), halvings = self._layers()
        row, column = (place >> halvings for place in divmod(self.selected, self.grid[1]))
        query = torch.zeros(rows * columns, dtype=torch.bool)
        query[row * columns + column] = True
        return reach([query.view(-1, 1), *(layer.T for layer in reversed(layers))]).flatten()

    @cached_property
    def costs(self):
        """Multiply-adds of one block over this grid with D = 96: (of global attention, of windows)."""
        return attention_cost(self.grid, DIM), attention_cost(self.grid, DIM, window_size=self.window_size)

    @cached_property
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
