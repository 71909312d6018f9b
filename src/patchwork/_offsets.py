"""The offset between two patches of a grid: how many rows down and columns to the right lead from one to the other."""

import torch


def steps(side, device=None):
    """Return how many steps lead from each place of an axis to each other, (side, side)."""
    places = torch.arange(side, device=device)
    return places - places[:, None]


def offset_places(grid, device=None):
    """Return where the offset of each pair of patches stands in the flattened map of all offsets, (N, N).

    >>> offset_places((1, 3))
    tensor([[2, 3, 4],
            [1, 2, 3],
            [0, 1, 2]])
    """
    rows, columns = grid
    down, right = (steps(side, device) + side - 1 for side in grid)
    places = down[:, None, :, None] * (2 * columns - 1) + right[None, :, None, :]
    return places.reshape(rows * columns, rows * columns)
