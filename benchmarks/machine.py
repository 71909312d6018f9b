"""What the numbers were measured on, and how fast that machine copies and multiplies."""

import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.measure import interleaved

PACKAGES = ("torch", "einops", "transformers", "numpy", "scikit-image", "scikit-learn", "faiss-cpu")


def description(device):
    """Name processor, accelerator, threads and versions."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }


def speeds(device):
    """Return the copying bandwidth and the rate of a matrix product, the bounds of everything else."""
    large = torch.rand(2**28 if device.type == "cuda" else 2**24, device=device)
    target = torch.empty_like(large)
    side = 8192 if device.type == "cuda" else 1024
    dtypes = [torch.float32, torch.bfloat16] if device.type == "cuda" else [torch.float32]
    rows = [_speed("copy, GB/s", lambda: target.copy_(large), 2 * large.nbytes / 1e9, device)]
    for dtype in dtypes:
        matrix = torch.rand(side, side, device=device, dtype=dtype)
        name = f"matrix product {side}², {str(dtype).removeprefix('torch.')}, TFLOP/s"
        rows.append(_speed(name, lambda matrix=matrix: matrix @ matrix, 2 * side**3 / 1e12, device))
    return rows


def _speed(name, call, amount, device):
    milliseconds = statistics.median(interleaved({name: call}, device)[name])
    return {"name": name, "value": amount / (milliseconds / 1000)}


def _processor():
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
