"""The window explorer in Python: who may answer, who is heard."""

import re

import pytest
import torch
import traitlets

from patchwork.explorers.windows import WindowExplorer, window_sizes
from patchwork.explorers.windows.still import STEPS
from patchwork.windows import attention_cost, merging_relation, reach, window_relation


@pytest.fixture(params=range(6))
def windows(request, rng):
    """An explorer of random settings that fit."""
    grid = rng.choice([(16, 16), (8, 12), (12, 6), (14, 14), (20, 30)])
    size = rng.choice(window_sizes(grid))
    settings = {"shift": rng.randrange(size), "selected": rng.randrange(grid[0] * grid[1]), "blocks": rng.randint(0, 8)}
    image = torch.rand(3, 48, 60)
    return WindowExplorer(
        image, grid=grid, window_size=size, shifted=rng.random() < 0.5, merging=rng.random() < 0.5, **settings
    )


def test_the_answers_are_those_of_the_window_that_were_neighbors(windows):
    relation = window_relation(windows.grid, windows.window_size, shift=windows.shift)
    assert torch.equal(windows.relation, relation)
    assert torch.equal(windows.answers, relation[windows.selected])
    place = windows.tokens.tolist().index(windows.selected)
    assert torch.equal(windows.tokens[windows.mask[place]].sort().values, windows.answers.nonzero().flatten())
    assert torch.equal(windows.mask, relation[windows.tokens][:, windows.tokens])
    row, column = (
        (at - windows.shift) % length // windows.window_size
        for at, length in zip(divmod(windows.selected, windows.grid[1]), windows.grid, strict=True)
    )
    assert windows.window == row * (windows.grid[1] // windows.window_size) + column


def test_what_is_heard_is_a_row_of_the_reach(windows):
    grid, layers = windows.grid, [torch.eye(windows.grid[0] * windows.grid[1], dtype=torch.bool)]
    row, column = divmod(windows.selected, grid[1])
    for block in range(windows.blocks):
        if windows.merging and block in (2, 4, 6):
            layers.append(merging_relation(grid))
            grid, row, column = tuple(-(-length // 2) for length in grid), row // 2, column // 2
        shift = windows.shift if windows.shifted and block % 2 else 0
        layers.append(window_relation(grid, windows.window_size, shift=shift))
    assert torch.equal(windows.heard, reach(layers)[row * grid[1] + column])


def test_the_costs_are_the_librarys(windows):
    whole, parts = windows.costs
    assert whole == attention_cost(windows.grid, 96)
    assert parts == attention_cost(windows.grid, 96, window_size=windows.window_size)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": (7, 7)}, "the grid must be a multiple of a smaller window along both sides, got (7, 7)"),
        ({"grid": (66, 8)}, "at most 64 tokens along a side, got a grid (66, 8)"),
        ({"grid": 16}, "grid must be a pair (rows, columns), got 16"),
        ({"grid": (0, 8)}, "must be a whole number of at least 1, got 0"),
        ({"window_size": 2, "shift": 2}, "shift must be one of 0 … 1, got 2"),
        ({"window_size": None}, "window_size must be one of [2, 4, 8], got None"),
        ({"window_size": "4"}, "window_size must be one of [2, 4, 8], got '4'"),
        ({"selected": 1.0}, "selected must be a whole number of at least 0, got 1.0"),
        ({"step": ["mask"]}, "step must be one of"),
        ({"photo": "nobody"}, "'nobody' is not among"),
    ],
)
def test_bad_arguments_for_windows_are_named(photos, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        WindowExplorer(photos["coffee"], **options)


@pytest.mark.parametrize(("size", "shift"), [(2, 1), (8, 2), (4, 2)])
def test_a_shift_that_no_longer_fits_becomes_half_a_window(looking, size, shift):
    looking.window_size = size
    assert looking.shift == shift


def test_a_change_of_windows_from_the_page_is_taken_as_it_is(looking):
    looking.set_state({"window_size": 8, "shift": 7, "selected": 255, "step": "unshift"})
    assert (looking.window_size, looking.shift, looking.selected, looking.step) == (8, 7, 255, "unshift")
    with pytest.raises(traitlets.TraitError):
        looking.set_state({"window_size": 2, "shift": 5})
    assert (looking.window_size, looking.shift) == (8, 7)


def test_the_first_query_comes_round_to_the_last_window(looking):
    assert looking.window == 15
    assert divmod(looking.selected, 16) == (14, 0)
    assert {0, 15, 240, 255} <= set(looking.tokens.tolist())  # the four corners of the picture
    assert looking.mask.unique(dim=0).sum(1).tolist() == [4, 4, 4, 4]


def test_every_step_has_its_picture_and_its_words(looking):
    shown = {}
    for step in STEPS:
        looking.step = step
        shown[step] = (looking.picture().tobytes(), looking.alt())
    assert len({picture for picture, _ in shown.values()}) == len({words for _, words in shown.values()}) == 5


@pytest.mark.parametrize("shape", [(48, 60), (60, 48), (64, 64)])
def test_the_still_picture_of_windows_takes_any_shape(shape, windows):
    explorer = WindowExplorer(torch.rand(3, *shape), grid=windows.grid, window_size=windows.window_size)
    picture = explorer.picture()
    assert picture.width == 740
    assert picture.height < 800


@pytest.mark.parametrize("largest", [(64, 64), (4, 64)])
def test_the_largest_grids_answer(largest):
    explorer = WindowExplorer(torch.rand(3, 64, 64), grid=largest, window_size=2, shift=1, blocks=8)
    assert 4 < explorer.heard.sum() < len(explorer.heard)
    assert explorer.picture().width == 740
