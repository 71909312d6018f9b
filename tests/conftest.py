"""What all tests share: random numbers that differ from run to run and can be repeated."""

import os
import random
import secrets

import pytest
import torch


@pytest.fixture
def seed(request):
    """A fresh seed; a failure reports it, and PATCHWORK_SEED=… repeats it."""
    seed = int(os.environ.get("PATCHWORK_SEED") or secrets.randbelow(2**31))
    request.node.add_report_section("setup", "seed", f"repeat with PATCHWORK_SEED={seed}")
    torch.manual_seed(seed)
    return seed


@pytest.fixture
def generator(seed):
    """Random tensors: ``torch.rand(…, generator=generator)``."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def rng(seed):
    """Random sizes: ``rng.randint(1, 4)``, both ends included."""
    return random.Random(seed)
