"""Arithmetic that the modules share."""

import contextlib
import functools

import torch


def precise_dtype(tensor):
    """Return the dtype of a tensor, float32 at least.

    >>> precise_dtype(torch.ones(1, dtype=torch.float16))
    torch.float32
    """
    return torch.promote_types(tensor.dtype, torch.float32)


def without_autocast(tensor):
    """Return a context in which torch multiplies in the dtypes that are given, on the device of ``tensor``."""
    kind = tensor.device.type
    casts = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if casts else contextlib.nullcontext()


def box_means(images, size):
    """Return the mean of each square of ``size`` pixels: along one axis, then the other, which is quicker than pooling.

    Shapes: images (…, H, W) → (…, H − size + 1, W − size + 1).

    >>> box_means(torch.tensor([[1.0, 2.0, 6.0], [3.0, 2.0, 2.0]]), 2)
    tensor([[2., 3.]])
    """
    for axis in (-2, -1):
        length = images.shape[axis] - size + 1
        images = functools.reduce(torch.add, (images.narrow(axis, start, length) for start in range(size)))
    return images / size**2
