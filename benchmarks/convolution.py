"""Chapter 4: convolution by patches and by its matrix, beside torch's; and the filters that look at content."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from skimage.restoration import denoise_bilateral, denoise_nl_means

from benchmarks.measure import compare, growth
from patchwork.convolution import bilateral_filter, conv2d_from_patches, convolution_matrix, non_local_means

KERNEL, WIDTH, SIDE = 3, 64, 56
MATRIX_WIDTH, MATRIX_SIDES, GROWING = 8, (16, 32, 64), (56, 112, 224, 448)
FILTERED = 128


def comparisons(device):
    """Return a row per function, size and peer."""
    rows = [row for batch in (1, 8) for row in _from_patches(batch, device)]
    rows += [row for side in MATRIX_SIDES for row in _by_matrix(side, device)]
    return rows + _making(device) + _bilateral(device) + _non_local(device)


def growths(device):
    """Return how time and memory grow with the number of pixels: torch's convolution, by patches, and the matrix."""
    weight, kernel = _weight(16, device), _weight(1, device)
    images = {side: _images(1, 16, side, device) for side in GROWING}
    return [
        _growth("F.conv2d, 16 channels", lambda side: _convolve(images[side], weight), device),
        _growth("conv2d_from_patches, 16 channels", lambda side: _from_columns(images[side], weight), device),
        _growth("convolution_matrix, made", lambda side: convolution_matrix(kernel, (side, side), padding=1), device),
    ]


def _growth(name, of_side, device):
    return growth(name, "N", {side**2: lambda side=side: of_side(side) for side in GROWING}, device)


def _images(batch, channels, side, device):
    return torch.randn(batch, channels, side, side, device=device)


def _weight(channels, device):
    return torch.randn(channels, channels, KERNEL, KERNEL, device=device)


def _convolve(images, weight):
    return F.conv2d(images, weight, padding=KERNEL // 2)


def _from_columns(images, weight):
    return conv2d_from_patches(images, weight, padding=KERNEL // 2)


def _from_patches(batch, device):
    # An exhibit: what the chapter derives, and not how one convolves. Each pixel is held K² times, and from batch 8 on
    # fresh memory sets the pace: F.unfold alone, which copies them, then takes three times as long as F.conv2d.
    images, weight = _images(batch, WIDTH, SIDE, device), _weight(WIDTH, device)
    size = f"{batch} × {WIDTH} × {SIDE}², {WIDTH} kernels of {KERNEL}²"
    peers = {
        "F.conv2d": (lambda: _convolve(images, weight), 3.0 if batch == 1 else None),
        "F.unfold alone": (lambda: F.unfold(images, KERNEL, padding=KERNEL // 2), None),
    }
    return compare("conv2d_from_patches", size, lambda: _from_columns(images, weight), peers, device)


def _by_matrix(side, device):
    # An exhibit too: the matrix is there to be looked at, and no one convolves by it.
    images, weight = _images(1, MATRIX_WIDTH, side, device), _weight(MATRIX_WIDTH, device)
    matrix, column = convolution_matrix(weight, (side, side), padding=KERNEL // 2), images.view(-1, 1)
    rows = _by_rows(matrix)
    torch.testing.assert_close((matrix @ column).view(images.shape), _convolve(images, weight), atol=1e-3, rtol=1e-3)
    size = f"1 × {MATRIX_WIDTH} × {side}², {MATRIX_WIDTH} kernels of {KERNEL}², {matrix._nnz()} entries"
    peers = {
        "F.conv2d": (lambda: _convolve(images, weight), None),
        "its product as CSR": (lambda: rows @ column, None),
    }
    return compare("convolution_matrix, its product", size, lambda: matrix @ column, peers, device)


def _by_rows(matrix):
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # torch calls the layout a beta
        return matrix.to_sparse_csr()


def _making(device):
    grid = (MATRIX_SIDES[-1],) * 2
    images, weight = _images(1, MATRIX_WIDTH, grid[0], device), _weight(MATRIX_WIDTH, device)
    peers = {"F.conv2d": (lambda: _convolve(images, weight), None)}
    size = f"1 × {MATRIX_WIDTH} × {grid[0]}², {MATRIX_WIDTH} kernels of {KERNEL}²"
    return compare(
        "convolution_matrix, made", size, lambda: convolution_matrix(weight, grid, padding=KERNEL // 2), peers, device
    )


def _photograph(device):
    images = torch.rand(1, 1, FILTERED, FILTERED, device=device)
    return images, np.ascontiguousarray(images[0, 0].cpu().numpy())


def _bilateral(device):
    images, array = _photograph(device)
    size, sigmas = f"1 × 1 × {FILTERED}², window 11", {"sigma_space": 3.0, "sigma_color": 0.2}
    theirs = {"win_size": 11, "sigma_spatial": sigmas["sigma_space"], "sigma_color": sigmas["sigma_color"]}
    peers = {"scikit-image": (lambda: denoise_bilateral(array, **theirs), None)}
    return compare("bilateral_filter", size, lambda: bilateral_filter(images, 11, **sigmas), peers, device)


def _non_local(device):
    images, array = _photograph(device)
    peers = {
        f"scikit-image, {name}": (lambda fast=fast: denoise_nl_means(array, 7, 10, 0.1, fast_mode=fast), None)
        for name, fast in {"fast": True, "slow": False}.items()
    }
    size = f"1 × 1 × {FILTERED}², patches 7, window 21"
    return compare("non_local_means", size, lambda: non_local_means(images, 7, 21, bandwidth=0.1), peers, device)
