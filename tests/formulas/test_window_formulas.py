"""The formulas of the window explorer's page, and its still picture, held against the library."""

import itertools

import pytest
import torch

from patchwork.explorers.windows import WindowExplorer, window_sizes
from patchwork.images import load_image
from patchwork.windows import (
    attention_cost,
    cyclic_shift,
    merging_relation,
    reach,
    shifted_window_mask,
    window_partition,
    window_relation,
)


@pytest.fixture(params=range(6))
def cut(request, rng):
    """A random grid, a window that divides it, a shift, and a token."""
    size = rng.randint(2, 5)
    grid = tuple(size * rng.randint(1, 4) for _ in range(2))
    return grid, size, rng.randrange(size), rng.randrange(grid[0] * grid[1])


def numbered(grid):
    return torch.arange(grid[0] * grid[1]).view(1, *grid, 1)


def test_the_windows_on_offer_are_pythons(formulas, rng):
    for grid in ((64, 64), (16, 24), (7, 7), *((rng.randint(2, 64), rng.randint(2, 64)) for _ in range(20))):
        assert formulas("windows/formulas.mjs", "windowSizes", grid) == window_sizes(grid), grid


def test_the_shift_is_the_librarys(formulas, rng):
    grid, shift = (rng.randint(1, 9), rng.randint(1, 9)), rng.randint(-12, 12)
    shifted = cyclic_shift(numbered(grid), shift).flatten()
    for place, token in enumerate(shifted.tolist()):
        assert formulas("windows/formulas.mjs", "shiftedToken", token, grid, shift) == place
        assert formulas("windows/formulas.mjs", "shiftedToken", place, grid, -shift) == token


def test_windows_are_the_librarys(formulas, cut):
    grid, size, shift, token = cut
    windows = window_partition(cyclic_shift(numbered(grid), shift), size).flatten(1)
    window = formulas("windows/formulas.mjs", "windowIndex", token, grid, size, shift)
    assert formulas("windows/formulas.mjs", "windowTokens", window, grid, size, shift) == windows[window].tolist()
    assert token in windows[window]


def test_the_mask_of_each_window_is_the_librarys(formulas, cut):
    grid, size, shift, _ = cut
    for window, mask in enumerate(shifted_window_mask(grid, size, shift)):
        tokens = formulas("windows/formulas.mjs", "windowTokens", window, grid, size, shift)
        regions = formulas("windows/formulas.mjs", "tokenRegions", tokens, grid, shift)
        assert [formulas("windows/formulas.mjs", "maskRow", regions, row) for row in range(size**2)] == mask.tolist()


@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("divides", [False, True])
@pytest.mark.parametrize("turn", range(2))
def test_what_is_heard_is_the_librarys_reach(formulas, rng, merging, divides, turn):
    size = rng.randint(2, 5)
    grid = [rng.randint(1, 20) * (size if divides else 1) % 24 or size for _ in range(2)]
    shift, blocks = rng.randrange(size), rng.randint(0, 8)
    layers, now = [torch.eye(grid[0] * grid[1], dtype=torch.bool)], tuple(grid)
    for block in range(blocks):
        if merging and block in (2, 4, 6):
            layers.append(merging_relation(now))
            now = tuple(-(-length // 2) for length in now)
        layers.append(window_relation(now, size, shift=shift * (block % 2)))
    heard, halved = reach(layers), 2 ** (max(blocks - 1, 0) // 2 if merging else 0)
    setting = {"windowSize": size, "shift": shift, "blocks": blocks, "merging": merging}
    for token in rng.sample(range(grid[0] * grid[1]), min(20, grid[0] * grid[1])):
        (top, bottom), (left, right) = formulas("windows/formulas.mjs", "heardSpans", token, grid, setting)
        expected = torch.zeros(*grid, dtype=torch.bool)
        expected[top : bottom + 1, left : right + 1] = True
        row, column = (at // halved for at in divmod(token, grid[1]))
        assert torch.equal(heard[row * now[1] + column].view(*grid), expected), (grid, setting, token)


def test_the_cost_is_the_librarys(formulas, rng):
    for _ in range(20):
        grid, dim, size = (rng.randint(1, 120), rng.randint(1, 120)), rng.randint(1, 800), rng.randint(1, 30)
        for window, options in ((None, {}), (size, {"window_size": size})):
            cost = formulas("windows/formulas.mjs", "attentionCost", grid, dim, window)
            assert cost["total"] == attention_cost(grid, dim, **options) == cost["projections"] + cost["products"]


def test_the_still_picture_shows_the_same_regions():
    """In its own place, one corner of the window each: not crossed only where it answers."""
    explorer = WindowExplorer(load_image("astronaut", size=256), step="unshift")
    picture = explorer.picture()
    assert picture.size[0] == 740
    colors = {picture.getpixel(spot) for spot in itertools.product((22, 418), (22, 418))}
    assert len(colors) == 4
