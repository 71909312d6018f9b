"""The formulas of the convolution explorer's page, held against the library."""

import pytest
import torch
from kernel_relation import flat, relation

from patchwork.convolution import conv2d_from_patches, receptive_field
from patchwork.explorers.common.modules import limits
from patchwork.explorers.convolution import ConvolutionExplorer, preset, presets
from patchwork.explorers.convolution.kernels import KERNEL_SIZES

BOUNDARIES, DILATIONS = (limits("convolution")["choices"][name] for name in ("boundary", "dilation"))


@pytest.fixture(params=range(6))
def case(request, rng):
    """A random kernel, grid and boundary."""
    size, grid = rng.choice(KERNEL_SIZES), (rng.randint(5, 9), rng.randint(5, 9))
    kernel = [[rng.uniform(-2, 2) * (rng.random() < 0.8) for _ in range(size)] for _ in range(size)]
    return kernel, grid, BOUNDARIES[request.param % 2]


def test_kernels_by_name_are_pythons(formulas):
    for size in KERNEL_SIZES:
        for name in presets(size):
            assert formulas("convolution/formulas.mjs", "presetKernel", name, size) == flat(preset(name, size)), (
                name,
                size,
            )


def test_names_of_kernels_are_pythons(formulas):
    for size in KERNEL_SIZES:
        names = formulas("convolution/formulas.mjs", "presets", size)
        assert names == presets(size)
        found = [formulas("convolution/formulas.mjs", "presetName", flat(preset(name, size)), size) for name in names]
        assert found == names
        assert formulas("convolution/formulas.mjs", "presetName", [0.3] * size**2, size) is None


def test_another_size_keeps_a_kernels_name_or_its_middle(formulas, rng):
    def resized(kernel, size):
        return formulas("convolution/formulas.mjs", "resizedKernel", kernel, size)

    for name in presets(3):
        assert resized(preset(name, 5), 3) == preset(name, 3), name
        assert resized(preset(name, 3), 5) == preset(name, 5), name
        assert resized(preset(name, 3), 1) == [[1]], name
    own = [[rng.uniform(2, 3) for _ in range(3)] for _ in range(3)]
    assert resized(own, 1) == [[own[1][1]]]
    assert resized(own, 5) == [[0] * 5, *([0, *row, 0] for row in own), [0] * 5]


def test_the_answers_are_the_librarys(formulas, case):
    kernel, grid, boundary = case
    image = torch.rand(grid, dtype=torch.float64)
    found = formulas("convolution/formulas.mjs", "convolve", image.flatten().tolist(), grid, flat(kernel), boundary)
    expected = relation(kernel, grid, boundary) @ image.flatten()
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected)
    if boundary == "zero":
        weight = torch.tensor(kernel, dtype=torch.float64)[None, None]
        operator = conv2d_from_patches(image[None, None], weight, padding=len(kernel) // 2)
        torch.testing.assert_close(expected.view(grid), operator[0, 0])


def test_the_neighbors_are_those_of_the_relation(formulas, case):
    kernel, grid, boundary = case
    expected = relation(kernel, grid, boundary)
    for pixel in range(len(expected)):
        row = torch.zeros(len(expected), dtype=torch.float64)
        places = formulas("convolution/formulas.mjs", "neighborPlaces", pixel, grid, len(kernel), boundary)
        for place, weight in zip(places, flat(kernel), strict=True):
            if place is not None:
                row[place] += weight
        torch.testing.assert_close(row, expected[pixel])


@pytest.mark.parametrize("turn", range(6))
def test_fields_are_the_librarys(formulas, rng, turn):
    size, dilation, layers = rng.choice(KERNEL_SIZES), DILATIONS[turn % 3], rng.randint(1, 8)
    stride = [rng.randint(1, 2) for _ in range(8)]
    explorer = ConvolutionExplorer(
        torch.zeros(3, 8, 8), kernel=preset("identity", size), stride=stride, dilation=dilation, layers=layers
    )
    stack = [
        {"size": size, "stride": each, "dilation": 2**layer if dilation == "doubling" else dilation}
        for layer, each in enumerate(stride[:layers])
    ]
    field = formulas("convolution/formulas.mjs", "receptiveFields", stack)[-1]
    assert (field["size"], field["jump"]) == explorer.field
    assert (
        explorer.field == receptive_field([(each["size"], each["stride"], 0, each["dilation"]) for each in stack])[:2]
    )
    torch.testing.assert_close(torch.tensor(field["shares"], dtype=torch.float64), explorer.influence)
    assert formulas("convolution/formulas.mjs", "holdingWidth", field["shares"], 0.95) == explorer.width
