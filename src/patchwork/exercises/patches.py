"""The exercises of chapter 1."""

import torch
import torch.nn.functional as F

from patchwork.exercises._compare import as_tensor, show
from patchwork.exercises._judges import counting, function, number
from patchwork.patches import patchify

number(
    "patches.smallest",
    16,
    within=0,
    because="P = 8 needs 16384² × 4 bytes = 1.07 GB, P = 16 needs 4096² × 4 bytes = 0.07 GB",
)


@function("patches.inverse")
def _inverse():
    for batch, channels, rows, columns, size in ((1, 1, 1, 2, 1), (1, 1, 2, 2, 2), (1, 3, 1, 2, 2), (2, 3, 3, 2, 4)):
        images = counting(batch, channels, rows * size, columns * size)
        yield {"patches": patchify(images, size), "grid": (rows, columns), "channels": channels}, images


@function("patches.convolution")
def _convolution():
    for batch, channels, size, dim in ((1, 1, 1, 1), (1, 1, 2, 1), (1, 3, 2, 2), (2, 3, 4, 5)):
        images = counting(batch, channels, size, 2 * size) % 5
        weight, bias = counting(dim, channels, size, size) % 3 + 1, counting(dim) + 1
        yield (
            {"images": images, "weight": weight, "bias": bias},
            F.conv2d(images, weight, bias, stride=size).flatten(2).mT,
        )


@function("patches.memory")
def _memory():
    for (height, width), size, bytes_per_number in (((2, 2), 1, 1), ((32, 32), 16, 4), ((480, 640), 16, 2)):
        number = (height // size) * (width // size)
        arguments = {"image_size": (height, width), "patch_size": size, "bytes_per_number": bytes_per_number}
        yield arguments, number**2 * bytes_per_number


@function("patches.overlap")
def _overlap():
    for image_size, size, stride in (((1, 3), 1, 1), ((3, 3), 2, 1), ((2, 4), 2, 2), ((5, 7), 3, 2), ((12, 16), 4, 1)):
        windows = F.unfold(torch.ones(1, 1, *image_size), size, stride=stride)
        counts = F.fold(windows, image_size, size, stride=stride).view(image_size)
        yield {"image_size": image_size, "patch_size": size, "stride": stride}, counts


@function("patches.positions")
def _positions():
    for grid, dim in (((1, 2), 4), ((2, 2), 4), ((2, 3), 8), ((3, 2), 8), ((14, 14), 64)):
        yield {"grid": grid, "dim": dim}, lambda got, grid=grid, dim=dim: _position_problem(got, grid, dim)


@function("patches.order")
def _order():
    for rows, columns in ((1, 2), (2, 2), (2, 3), (4, 3)):
        for index in range(rows * columns):
            yield {"grid": (rows, columns), "index": index}, divmod(index, columns)


def _position_problem(got, grid, dim):
    """Any embedding will do that is finite and tells all positions apart, (r, c) from (c, r) among them."""
    rows, table = grid[0] * grid[1], as_tensor(got)
    if table is None or table.shape != (rows, dim):
        return f"expected shape {(rows, dim)}, got {show(got)}"
    if not table.isfinite().all():
        return "expected finite numbers, got NaN or infinity"
    apart = (table.double().unsqueeze(1) - table.double()).abs().amax(2).fill_diagonal_(torch.inf)
    if apart.min() > 1e-6:
        return None
    first, second = (divmod(index, grid[1]) for index in divmod(int(apart.argmin()), rows))
    return f"expected different rows for the positions (row, column) = {first} and {second}, got the same"
