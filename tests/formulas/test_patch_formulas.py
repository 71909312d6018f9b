"""The formulas of the patch explorer's page held against the library."""

import numpy as np
import pytest
import torch
from py_mini_racer import JSEvalException

from patchwork.explorers.common.modules import limits
from patchwork.explorers.patches import patch_grid, same_place, shuffled_order
from patchwork.explorers.patches.look import fits
from patchwork.patches import extract_patches, merge_patches


@pytest.fixture(params=["side by side", "overlapping"])
def random_cut(request, rng):
    patch_size = rng.choice([2, 3, 4, 8])
    smaller = [each for each in range(1, patch_size) if patch_size % each == 0]
    stride = rng.choice(smaller) if request.param == "overlapping" else patch_size
    height, width = (patch_size * rng.randint(2, 5) for _ in range(2))
    return height, width, patch_size, stride


def random_pixels(height, width):
    rgba = torch.randint(0, 256, (height, width, 4), dtype=torch.uint8)
    image = rgba[..., :3].permute(2, 0, 1).double()[None] / 255
    return {"bytes": rgba.flatten().tolist()}, image


def test_grid_and_counts_are_the_librarys(formulas, random_cut):
    height, width, patch_size, stride = random_cut
    patches = extract_patches(random_pixels(height, width)[1], patch_size, stride=stride)[0]
    grid = formulas("common/formulas.mjs", "patchGrid", height, width, patch_size, stride)
    assert tuple(grid) == patch_grid((height, width), patch_size, stride)
    told = formulas("patches/formulas.mjs", "patchCounts", grid, patch_size)
    number = len(patches)
    assert told == {
        "count": number,
        "dim": patches.shape[1],
        "numbers": patches.numel(),
        "weights": number**2,
        "bytes": torch.zeros(number, number).nbytes,
    }


@pytest.mark.parametrize("cut", [(10, 10, 4, 4), (8, 8, 0, 1), (8, 8, 4, 0), (8, 8, 4, 3), (8, 6, 4, 4), (2, 8, 4, 4)])
def test_a_cut_that_leaves_pixels_over_is_refused(formulas, cut):
    with pytest.raises(JSEvalException, match="don't tile"):
        formulas("common/formulas.mjs", "patchGrid", *cut)


def test_the_cuts_on_offer_are_those_that_python_takes(formulas, rng):
    """Patches of 4 × 4 pixels at least, at most as high as the photograph; no overlap, half, and three quarters."""
    smallest, module = limits("patches")["smallest_on_offer"], "patches/formulas.mjs"
    sides = rng.choice([1, 4, 12, 32, 36]), rng.choice([4, 8, 12])
    for height, width in ((224, 224), (97, 89), (1024, 512), [rng.randint(1, 9) * side for side in sides]):
        photo = {"height": height, "width": width}
        sizes = formulas(module, "patchSizes", photo)
        assert sizes == [each for each in range(smallest, height + 1) if fits((height, width), each, each)]
        for size in sizes:
            wished = [size] if (height, width) == (size, size) else [size / part for part in (1, 2, 4)]
            taken = [int(each) for each in wished if each == int(each) and fits((height, width), size, int(each))]
            assert formulas(module, "strides", photo, size) == taken


def test_vectors_are_the_librarys(formulas, random_cut, rng):
    height, width, patch_size, stride = random_cut
    pixels, image = random_pixels(height, width)
    patches = extract_patches(image, patch_size, stride=stride)[0]
    index = rng.randrange(len(patches))
    corner = formulas(
        "common/formulas.mjs", "patchCorner", index, patch_grid((height, width), patch_size, stride), stride
    )
    vector = formulas("patches/formulas.mjs", "patchVector", pixels, width, corner, patch_size)
    torch.testing.assert_close(torch.tensor(vector), patches[index].float())


def test_element_and_place_are_inverse(formulas, rng):
    patch_size = rng.randint(1, 20)
    element = rng.randrange(3 * patch_size**2)
    place = formulas("patches/formulas.mjs", "elementPlace", element, patch_size)
    assert tuple(place.values()) == np.unravel_index(element, (3, patch_size, patch_size))
    assert formulas("patches/formulas.mjs", "elementIndex", place, patch_size) == element


def test_merging_is_the_librarys(formulas, random_cut):
    height, width, patch_size, stride = random_cut
    pixels, image = random_pixels(height, width)
    patches = extract_patches(image, patch_size, stride=stride)
    order = torch.randperm(patches.shape[1])
    merged = formulas("patches/formulas.mjs", "mergePatches", pixels, height, width, patch_size, stride, order.tolist())
    expected = merge_patches(patches[:, order], (height, width), patch_size, stride=stride)[0].permute(1, 2, 0) * 255
    assert (torch.tensor(merged).view(height, width, 4)[..., :3] - expected).abs().max() <= 0.5001


def test_mean_colors_are_the_librarys(formulas, random_cut):
    height, width, patch_size, stride = random_cut
    pixels, image = random_pixels(height, width)
    patches = extract_patches(image, patch_size, stride=stride)[0]
    order = torch.randperm(len(patches))
    means = formulas("patches/formulas.mjs", "meanColors", pixels, height, width, patch_size, stride, order.tolist())
    expected = patches[order].view(-1, 3, patch_size**2).mean(2) * 255
    assert (torch.tensor(means).view(-1, 4)[:, :3] - expected).abs().max() <= 0.5001


@pytest.mark.parametrize("number", [1, 2, 49, 3136])
def test_the_shuffle_is_pythons(formulas, number, rng):
    seed = rng.randrange(2**32)
    order = formulas("common/formulas.mjs", "shuffledOrder", number, seed)
    assert order == shuffled_order(number, seed=seed)
    inverse = formulas("patches/formulas.mjs", "inversePermutation", order)
    assert [order[place] for place in inverse] == list(range(number))


def test_the_same_place_is_pythons(formulas, rng):
    names = ("height", "width", "patchSize", "stride")
    cuts = [((224, 224), 32, 32), ((224, 224), 32, 8), ((96, 160), 16, 8), ((224, 112), 7, 7), ((96, 96), 96, 96)]
    for before in cuts:
        for after in cuts:
            index = rng.randrange(np.prod(patch_grid(*before)))
            given = [dict(zip(names, (*size, *rest), strict=True)) for size, *rest in (before, after)]
            assert formulas("patches/formulas.mjs", "samePlace", index, *given) == same_place(index, before, after)
