"""Kernels by name, and what a kernel may be."""

import numpy as np
import torch

from patchwork import _checks
from patchwork.explorers.common.modules import limits

LIMITS = limits("convolution")
PRESETS, KERNEL_SIZES = tuple(LIMITS["kernels"]), tuple(LIMITS["kernel_sizes"])
LARGEST_WEIGHT = LIMITS["largest_weight"]  # what a page has room for


def presets(kernel_size):
    """List the names of the kernels there are for K.

    >>> presets(1)
    ['identity']
    """
    return list(PRESETS[:1] if kernel_size == 1 else PRESETS)


def preset(name, kernel_size=3):
    """Return a kernel by its name, as rows of weights. Raises ValueError where there is none, or K is not 1, 3 or 5.

    >>> preset("edge left–right")
    [[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]
    """
    if kernel_size not in KERNEL_SIZES or name not in presets(kernel_size):
        raise ValueError(f"no kernel {name!r} of size {kernel_size!r}; for 3 and 5 there are {', '.join(PRESETS)}")
    radius = kernel_size // 2
    down, right = torch.meshgrid(*[torch.arange(-radius, radius + 1)] * 2, indexing="ij")
    steps, center = down.abs() + right.abs(), (down == 0) & (right == 0)
    binomial = torch.tensor({1: [1], 3: [1, 2, 1], 5: [1, 4, 6, 4, 1]}[kernel_size]).double()
    kernels = {
        "identity": center,
        "mean": torch.full_like(down, 1, dtype=torch.float64) / kernel_size**2,
        "Gaussian": binomial[:, None] * binomial / binomial.sum() ** 2,
        "sharpen": 5 * center.int() - (steps == 1).int(),
        "edge left–right": right.sign(),
        "edge top–bottom": down.sign(),
        "Laplacian": (steps == 1).int() - 4 * center.int(),
        "shift by one": (down == 0) & (right == 1),
    }
    return kernels[name].double().tolist()


def preset_name(kernel):
    """Return the name of a kernel, rows of weights, or None where it has none.

    >>> preset_name([[1.0]])
    'identity'
    """
    size = len(kernel)
    return next((name for name in presets(size) if kernel == preset(name, size)), None)


def check_kernel(kernel):
    """Return a kernel, given by name or as rows, as rows of floats.

    Raises ValueError where no kernel has the name, and where it is no square of 1, 3 or 5 weights a side.
    """
    if isinstance(kernel, str):
        return preset(kernel)
    rows = kernel.tolist() if isinstance(kernel, torch.Tensor | np.ndarray) else kernel
    square = isinstance(rows, list | tuple) and len(rows) in KERNEL_SIZES
    if not square or not all(isinstance(row, list | tuple) and len(row) == len(rows) for row in rows):
        raise ValueError(f"the kernel must be K rows of K weights, K one of {KERNEL_SIZES}, got {kernel!r}")
    weights = [[_checks.number("a weight", weight) for weight in row] for row in rows]
    largest = max(abs(weight) for row in weights for weight in row)
    if largest > LARGEST_WEIGHT:
        raise ValueError(f"a weight must be one of −{LARGEST_WEIGHT} … {LARGEST_WEIGHT}, got {largest:g}")
    return weights
