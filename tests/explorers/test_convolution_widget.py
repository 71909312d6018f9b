"""The convolution explorer in Python: a kernel, its relation, its field."""

import re

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from torch import nn
from torch.nn import functional

from patchwork.convolution import convolution_as_attention, effective_receptive_field, receptive_field
from patchwork.explorers.common import encoding
from patchwork.explorers.common.modules import limits
from patchwork.explorers.convolution import PRESETS, ConvolutionExplorer, preset, presets
from patchwork.explorers.convolution.kernels import KERNEL_SIZES
from patchwork.images import load_image

BOUNDARIES, DILATIONS = (limits("convolution")["choices"][name] for name in ("boundary", "dilation"))


@pytest.fixture(params=range(6))
def kernels(request, rng):
    """An explorer of random settings that fit."""
    size, grid = rng.choice(KERNEL_SIZES), (rng.randint(8, 14), rng.randint(8, 14))
    kernel = torch.randn(size, size)
    settings = {"boundary": BOUNDARIES[request.param % 2], "selected": rng.randrange(grid[0] * grid[1])}
    settings |= {"layers": rng.randint(1, 4), "stride": [rng.randint(1, 2) for _ in range(4)]}
    return ConvolutionExplorer(torch.rand(3, *grid), kernel=kernel, dilation=rng.choice(DILATIONS), **settings)


def test_the_relation_is_the_sum_of_shifts(kernels):
    shifts, weights = convolution_as_attention(kernels.weight, kernels.grid, boundary=kernels.boundary)
    expected = (shifts * weights).sum(0)
    torch.testing.assert_close(kernels.relation.to_dense(), expected)
    torch.testing.assert_close(kernels.row, expected[kernels.selected])
    torch.testing.assert_close(kernels.result.flatten(), expected @ kernels.pixels.flatten())


def test_the_products_add_up_to_the_answer(kernels):
    torch.testing.assert_close(kernels.products, kernels.neighborhood * torch.tensor(kernels.kernel).double())
    torch.testing.assert_close(kernels.products.sum(), kernels.result.flatten()[kernels.selected])


def averages(explorer):
    """A network of averages with the explorer's layers, each input padded by nothing."""
    layers = []
    for layer in range(explorer.layers):
        dilation = 2**layer if explorer.dilation == "doubling" else explorer.dilation
        size, stride = len(explorer.kernel), explorer.stride[layer]
        layers.append(nn.Conv2d(1, 1, size, stride=stride, dilation=dilation, bias=False, dtype=torch.float64))
        nn.init.constant_(layers[-1].weight, 1 / size**2)
    return nn.Sequential(*layers)


def test_the_influence_is_the_gradient_of_averages(kernels):
    """The field measured on a picture as large as the field itself: one output."""
    kernels.layers = min(kernels.layers, 3)
    size = kernels.field[0]
    measured = effective_receptive_field(averages(kernels), (size, size), channels=1)
    torch.testing.assert_close(kernels.influence[:, None] * kernels.influence, measured)
    center, held = size // 2, (kernels.width - 1) // 2
    inside = measured[center - held : center + held + 1, center - held : center + held + 1]
    assert inside.sum() >= 0.95 - 1e-9
    assert kernels.width == 1 or inside[1:-1, 1:-1].sum() < 0.95


def test_the_influence_is_the_expected_squared_gradient_of_random_weights():
    explorer = ConvolutionExplorer(torch.rand(3, 8, 8), layers=3, stride=[1, 2])
    draws, size, generator = 1500, explorer.field[0], torch.Generator().manual_seed(0)
    images = torch.zeros(draws, size, size, dtype=torch.float64, requires_grad=True)
    found = images
    for layer in averages(explorer):
        weights = torch.randn(draws, *layer.weight.shape[1:], generator=generator, dtype=torch.float64)
        found = functional.conv2d(found, weights, stride=layer.stride, dilation=layer.dilation, groups=draws)
    squares = torch.autograd.grad(found.sum(), images)[0].square().sum(0)
    expected = explorer.influence[:, None] * explorer.influence
    assert (squares / squares.sum() - expected).abs().max() < 0.2 * expected.max()


def test_the_field_is_the_librarys(kernels):
    layers = [(each.kernel_size[0], each.stride[0], 0, each.dilation[0]) for each in averages(kernels)]
    assert kernels.field == receptive_field(layers)[:2]
    assert kernels.field[0] == len(kernels.influence)
    assert kernels.influence.sum() == pytest.approx(1)


@pytest.mark.parametrize("size", KERNEL_SIZES)
def test_kernels_by_name(size, convolving):
    sums = {"identity": 1, "mean": 1, "Gaussian": 1, "sharpen": 1, "shift by one": 1}
    for name in presets(size):
        weights = torch.tensor(preset(name, size))
        assert weights.shape == (size, size)
        assert weights.sum() == pytest.approx(sums.get(name, 0), abs=1e-6)
        convolving.kernel = preset(name, size)
        assert f"“{name}”" in convolving.alt()
    assert presets(size) == (list(PRESETS) if size > 1 else ["identity"])


@pytest.mark.parametrize(("name", "size"), [("nothing", 3), ("mean", 1), ("mean", 7), ("identity", 2), ("mean", None)])
def test_a_kernel_that_has_no_name_is_told(name, size):
    with pytest.raises(
        ValueError, match=re.escape(f"no kernel {name!r} of size {size}; for 3 and 5 there are identity")
    ):
        preset(name, size)


def test_kernels_answer_as_their_names_say():
    image = load_image("astronaut", size=32)
    found = {name: ConvolutionExplorer(image, kernel=name, boundary="circular") for name in PRESETS}
    pixels = found["identity"].pixels
    torch.testing.assert_close(found["identity"].result, pixels)
    torch.testing.assert_close(found["shift by one"].result, pixels.roll(-1, 1))
    torch.testing.assert_close(found["sharpen"].result, pixels - found["Laplacian"].result)
    down, right = found["edge top–bottom"], found["edge left–right"]
    assert down.weight.equal(right.weight.transpose(2, 3))
    assert down.weight[0, 0, -1].tolist() == [1.0] * 3  # below minus above: brighter below is positive


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "blur"}, "no kernel 'blur' of size 3"),
        ({"kernel": None}, "K rows of K weights"),
        ({"kernel": torch.zeros(3)}, "K rows of K weights"),
        ({"stride": "2"}, "stride must be 1, 2 or a list"),
        ({"stride": True}, "stride must be a whole number of at least 1, got True"),
        ({"stride": 3}, "stride must be 1 or 2"),
        ({"selected": 1.0}, "selected must be a whole number"),
        ({"photo": "nobody"}, "'nobody' is not among"),
    ],
)
def test_bad_arguments_for_convolution_are_named(convolving, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ConvolutionExplorer(convolving.image, **options)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 7, 8), "8 to 64 pixels a side, got [(7, 8)]"),
        (torch.rand(3, 48, 65), "8 to 64 pixels a side, got [(48, 65)]"),
        ({"a": torch.rand(3, 8, 8), "b": torch.rand(3, 8, 9)}, "must have one size"),
        (torch.rand(1, 8, 8), "an image must be a tensor (3, H, W), got (1, 8, 8)"),
        (torch.rand(3, 8, 8) + 1, "an image must lie in [0, 1]"),
        ({}, "photo None is not among the images []"),
    ],
)
def test_bad_images_for_convolution_are_named(images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ConvolutionExplorer(images)


def test_a_stride_is_kept_for_every_layer(convolving):
    convolving.stride = [2, 1, 2]
    assert convolving.stride == [2, 1, 2, 1, 1, 1, 1, 1]
    assert ConvolutionExplorer(convolving.image, stride=2).stride == [2] * 8


def test_whole_numbers_of_numpy_are_kept_as_pythons(convolving):
    two = np.int64(2)
    explorer = ConvolutionExplorer(convolving.image, stride=two, dilation=two, layers=two, selected=two)
    assert {type(each) for each in (explorer.dilation, explorer.layers, explorer.selected, *explorer.stride)} == {int}
    assert explorer.field == (13, 4)


def test_the_pixels_are_those_of_the_page(convolving):
    """Gray without loss: 255 levels, as Pillow makes them, and the photograph itself comes back as it was given."""
    levels = (load_image("astronaut", size=48) * 255).round().byte().permute(1, 2, 0).numpy()
    gray = np.array(Image.fromarray(levels).convert("L"))
    assert np.array_equal((convolving.pixels * 255).round().numpy(), gray)
    assert torch.equal(convolving.image, load_image("astronaut", size=48))


def test_a_photograph_of_another_size_is_refused(convolving, photos):
    other = encoding.encode_photo(photos["coffee"])
    with pytest.raises(traitlets.TraitError, match=re.escape("'own' must keep the size (48, 48), got (224, 224)")):
        convolving.photos = {**convolving.photos, "own": other}
    with pytest.raises(traitlets.TraitError, match="must be a picture as base64 text"):
        convolving.photos = {**convolving.photos, "own": "nothing"}
    convolving.photos = {**convolving.photos, "own": encoding.encode_photo(load_image("coffee", size=48))}
    convolving.photo = "own"
    assert convolving.pixels.shape == (48, 48)


def test_a_change_of_the_kernel_from_the_page_is_taken_as_it_is(convolving):
    convolving.set_state({"kernel": [[2]], "stride": [2] * 8, "dilation": "doubling", "boundary": "circular"})
    assert convolving.kernel == [[2.0]]
    torch.testing.assert_close(convolving.result, 2 * convolving.pixels)
    assert convolving.field == (1, 256)


@pytest.mark.parametrize("shape", [(48, 60), (60, 48), (8, 64), (64, 64)])
def test_the_still_picture_of_a_kernel_takes_any_shape(shape, kernels):
    explorer = ConvolutionExplorer(torch.rand(3, *shape), kernel=kernels.kernel, boundary=kernels.boundary)
    assert explorer.picture().width == 740
    assert explorer.picture().height < 800
    assert ConvolutionExplorer(torch.zeros(3, *shape), kernel=[[0.0]]).picture().width == 740


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_the_first_pixel_has_the_largest_answer_away_from_the_border(name):
    explorer = ConvolutionExplorer(load_image(name, size=48))
    row, column = divmod(explorer.selected, 48)
    assert explorer.result.abs()[row, column] == explorer.result[2:46, 2:46].abs().max()
    assert {row, column} <= set(range(2, 46))
