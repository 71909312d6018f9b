"""A kernel's weights in one row, and the relation that the kernel is."""

import torch

from patchwork.convolution import shift_matrix


def flat(kernel):
    return [weight for row in kernel for weight in row]


def relation(kernel, grid, boundary):
    """Σ_δ w_δ S_δ."""
    radius = len(kernel) // 2
    return sum(
        weight * shift_matrix(grid, (row - radius, column - radius), boundary=boundary, dtype=torch.float64)
        for row, weights in enumerate(kernel)
        for column, weight in enumerate(weights)
    )
