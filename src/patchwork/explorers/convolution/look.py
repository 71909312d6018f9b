"""What a kernel on a picture tells: all answers, one sum, its row of A; how far a stack of layers sees."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F

from patchwork.convolution import conv2d_from_patches, convolution_matrix, receptive_field
from patchwork.explorers.common.modules import limits

HELD = limits("convolution")["held"]  # the share of the influence whose width is told


@dataclass(frozen=True, eq=False)
class ConvolutionLook:
    """A picture in gray, (H, W), a pixel of it that asks, and the settings: the kernel as rows, a stride per layer."""

    pixels: torch.Tensor
    photo: str
    kernel: list[list[float]]
    boundary: str
    selected: int
    layers: int
    stride: list[int]
    dilation: int | str

    @cached_property
    def grid(self):
        """(rows, columns) of the pixels: the picture's height and width."""
        return tuple(self.pixels.shape)

    @cached_property
    def weight(self):
        """The kernel as ``F.conv2d`` takes it, (1, 1, K, K)."""
        return torch.tensor(self.kernel, dtype=torch.float64)[None, None]

    @cached_property
    def result(self):
        """All answers, (H, W), by ``convolution.conv2d_from_patches``."""
        return conv2d_from_patches(self._padded[None, None], self.weight)[0, 0]

    @cached_property
    def neighborhood(self):
        """The K×K pixels that the one that asks listens to; outside the picture 0, or those from the other side."""
        (row, column), size = divmod(self.selected, self.grid[1]), len(self.kernel)
        return self._padded[row : row + size, column : column + size]

    @cached_property
    def products(self):
        """What it adds up, (K, K): its neighborhood times the weights."""
        return self.neighborhood * self.weight[0, 0]

    @cached_property
    def relation(self):
        """The whole matrix A, sparse (N, N), from ``convolution.convolution_matrix``; result = A · pixels."""
        if self.boundary == "zero":
            return convolution_matrix(self.weight, self.grid, padding=len(self.kernel) // 2).coalesce()
        places = F.pad(torch.arange(self.pixels.numel()).double().view(1, 1, *self.grid), self._margins, "circular")
        unrolled = convolution_matrix(self.weight, tuple(places.shape[2:])).coalesce()
        row, column = unrolled.indices()
        indices = torch.stack([row, places.long().flatten()[column]])
        square = (len(unrolled),) * 2
        return torch.sparse_coo_tensor(indices, unrolled.values(), square, check_invariants=True).coalesce()

    @cached_property
    def row(self):
        """The weights with which the pixel that asks listens to all N, (N,): its row of ``relation``."""
        return self.relation[self.selected].to_dense()

    @cached_property
    def field(self):
        """(size, jump) of the field of the layers, by ``convolution.receptive_field``."""
        return receptive_field(self._stack)[:2]

    @cached_property
    def influence(self):
        """How much each row, or column, of that field counts, (size,), sum 1: the share of the paths that start there.

        The field in two dimensions is this times itself, an outer product. For independent random weights of mean 0 it
        is each pixel's share in the expected squared gradient; for averages it is the gradient itself.
        """
        shares, jump = np.ones(1), 1
        for size, stride, _, dilation in self._stack:
            step, wider = dilation * jump, np.zeros(len(shares) + (size - 1) * dilation * jump)
            for tap in range(size):
                wider[tap * step : tap * step + len(shares)] += shares / size
            shares, jump = wider, jump * stride
        return torch.from_numpy(shares)

    @cached_property
    def width(self):
        """The side of the smallest centered square that holds 95 % of the influence."""
        beside = self.influence[len(self.influence) // 2 :] * 2
        beside[0] /= 2
        return 2 * int((beside.cumsum(0).square() < HELD - 1e-12).sum()) + 1

    @cached_property
    def _stack(self):
        """The layers as (kernel size, stride, padding, dilation)."""
        dilations = [2**layer if self.dilation == "doubling" else self.dilation for layer in range(self.layers)]
        return [
            (len(self.kernel), stride, 0, dilation) for stride, dilation in zip(self.stride, dilations, strict=False)
        ]

    @cached_property
    def _padded(self):
        mode = "circular" if self.boundary == "circular" else "constant"
        return F.pad(self.pixels[None, None], self._margins, mode)[0, 0]

    @property
    def _margins(self):
        return [len(self.kernel) // 2] * 4
