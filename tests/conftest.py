"""What all tests share: random numbers that can be repeated, scenes, and the explorers' formulas without a browser."""

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


@pytest.fixture(scope="session")
def scenes():
    """A mosaic whose trained keys lie near their region's mean, and a digit with a class token: the same each time."""
    from patchwork.explorers.attention import Scene
    from patchwork.images import digits, texture_mosaic

    fixed = torch.Generator().manual_seed(2)
    image, labels = texture_mosaic(generator=fixed)
    noise = torch.randn(2, 2, 1, 4, 256, 8, generator=fixed)
    regions = 1.6 * torch.randn(3, 8, generator=fixed)[labels]
    queries, keys = ({"untrained": each[0], "trained": regions + 0.7 * each[1]} for each in noise)
    small = torch.randn(2, 2, 3, 4, 17, 16, generator=fixed)
    of_digit = ({"untrained": each[0], "trained": 2 * each[1]} for each in small)
    mosaic = Scene(image, (16, 16), queries, keys, labels)
    return {"mosaic": mosaic, "digit": Scene(digits()[0][0], (4, 4), *of_digit)}


@pytest.fixture(scope="session")
def in_module():
    """A JavaScript function, called with an ES module of the explorers: ``in_module(module, script, *arguments)``."""
    from linker import plain_v8

    with plain_v8() as run:
        yield run


@pytest.fixture(scope="session")
def formulas(in_module):
    """What an ES module of the explorers exports, called: ``formulas("common/words.mjs", "grouped", 1234)``."""

    def call(module, name, *arguments):
        return in_module(module, f"(module, ...given) => module.{name}(...given)", *arguments)

    return call
