"""Where to compute: the best device of this machine."""

import os

import torch


def best_device() -> torch.device:
    """Return the device to compute on: CUDA, else MPS, else the CPU.

    The environment variable ``PATCHWORK_DEVICE`` overrides the choice, for example ``cpu`` or ``cuda:1``.
    Raises ValueError where it names no device, or one that this machine lacks. Used in every chapter.

    >>> best_device().type in ("cuda", "mps", "cpu")
    True
    """
    wanted = os.environ.get("PATCHWORK_DEVICE", "").strip()
    if wanted:
        return _of_the_environment(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _of_the_environment(name):
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"PATCHWORK_DEVICE={name} names no device; use cpu, cuda, cuda:1 or mps") from None
    available = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= available.get(device.type, 0):
        present = ", ".join(kind for kind, number in available.items() if number)
        raise ValueError(f"PATCHWORK_DEVICE={name} is not on this machine, which has: {present}")
    return device
