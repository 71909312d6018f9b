import importlib
import itertools
import math
import pathlib
import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.restoration import denoise_bilateral, denoise_nl_means
from torch import nn
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from patchwork.convolution import (
    bilateral_filter,
    conv2d_from_patches,
    convolution_as_attention,
    convolution_matrix,
    effective_receptive_field,
    non_local_means,
    receptive_field,
    shift_matrix,
)
from patchwork.images import load_image
from patchwork.relations import aggregate, is_row_stochastic

HALF = torch.float16, torch.bfloat16
CLOSE = {torch.float32: 1e-4, torch.float16: 5e-2, torch.bfloat16: 0.3}
BOUNDARIES = {"zero": "constant", "circular": "circular", "replicate": "replicate"}  # and what F.pad calls them


@pytest.fixture
def normal(generator):
    """Random numbers in float64."""
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def uniform(generator):
    """Random images in float64, in [0, 1)."""
    return lambda *shape: torch.rand(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture(params=["one group", "groups", "depthwise"])
def case(request, rng, normal):
    """Images and weight with random kernels, strides, paddings, dilations and groups that fit each other."""
    groups = 1 if request.param == "one group" else rng.randint(2, 3)
    channels = 1 if request.param == "depthwise" else rng.randint(2, 3)
    kernel = rng.randint(1, 4), rng.randint(1, 4)
    numbers = {"stride": (1, 3), "padding": (0, 3), "dilation": (1, 3)}
    options = {name: rng.choice([rng.randint, pair_of(rng)])(*bounds) for name, bounds in numbers.items()}
    dilation, padding = (both(options[name]) for name in ("dilation", "padding"))
    least = [max(1, (side - 1) * d + 1 - 2 * p) for side, d, p in zip(kernel, dilation, padding, strict=True)]
    images = normal(rng.randint(1, 3), groups * channels, *(length + rng.randint(0, 5) for length in least))
    weight = normal(groups * rng.randint(1, 3), channels, *kernel)
    return images, weight, {**options, "groups": groups}


@pytest.fixture
def odd(rng):
    """Return a maker of rectangular kernels with a center."""
    return lambda most=2: (2 * rng.randint(0, most) + 1, 2 * rng.randint(0, most) + 1)


def pair_of(rng):
    return lambda *bounds: (rng.randint(*bounds), rng.randint(*bounds))


def both(value):
    return value if isinstance(value, tuple) else (value, value)


class Largest(TorchDispatchMode):
    """Watches every operation for the most numbers that one of its results has."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        dense = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor) and not leaf.is_sparse]
        self.numbers = max([self.numbers, *(tensor.numel() for tensor in dense)])
        return result


# Patches times weights


def test_a_convolution_on_numbers_one_can_check():
    image, weight = torch.arange(6.0).view(1, 1, 2, 3), torch.tensor([[[[1.0, 10.0]]]])
    found = conv2d_from_patches(image, weight, bias=torch.tensor([100.0]))
    assert found.tolist() == [[[[110, 121], [143, 154]]]]


def test_convolution_from_patches_is_torchs(case, normal):
    images, weight, options = case
    bias = normal(len(weight))
    torch.testing.assert_close(conv2d_from_patches(images, weight, **options), F.conv2d(images, weight, **options))
    expected = F.conv2d(images, weight, bias, **options)
    torch.testing.assert_close(conv2d_from_patches(images, weight, bias=bias, **options), expected)


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_convolution_from_patches_keeps_the_dtype(case, dtype):
    images, weight, options = case
    found = conv2d_from_patches(images.to(dtype), weight.to(dtype), **options)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), F.conv2d(images, weight, **options), atol=CLOSE[dtype], rtol=0.05)


def test_convolution_from_patches_under_autocast(case):
    images, weight, options = case
    images, weight, bias = images.float(), weight.bfloat16(), torch.ones(len(weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = conv2d_from_patches(images, weight, bias=bias, **options)
    assert found.dtype == torch.bfloat16
    expected = F.conv2d(images, weight.float(), bias, **options)
    torch.testing.assert_close(found.float(), expected, atol=0.3, rtol=0.05)


def test_gradients_of_convolution_from_patches_are_torchs(case, normal):
    images, weight, options = case
    inputs = [images.requires_grad_(), weight.requires_grad_(), normal(len(weight)).requires_grad_()]
    found = conv2d_from_patches(images, weight, bias=inputs[2], **options)
    slope = torch.randn_like(found)
    expected = torch.autograd.grad(F.conv2d(*inputs, **options), inputs, slope)
    for grad, their in zip(torch.autograd.grad(found, inputs, slope), expected, strict=True):
        torch.testing.assert_close(grad, their)


def test_any_layout_of_images(case):
    images, weight, options = case
    expected = F.conv2d(images, weight, **options)
    for layout in (images.to(memory_format=torch.channels_last), images.mT.contiguous().mT):
        torch.testing.assert_close(conv2d_from_patches(layout, weight, **options), expected)


# Shifts and the matrix


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_shift_fetches_the_neighbor(rng, normal, boundary):
    grid, offset = (rng.randint(1, 5), rng.randint(1, 5)), (rng.randint(-6, 6), rng.randint(-6, 6))
    x = normal(*grid)
    found = (shift_matrix(grid, offset, boundary=boundary, dtype=torch.float64) @ x.flatten()).view(grid)
    for row, column in itertools.product(*map(range, grid)):
        there = row + offset[0], column + offset[1]
        if boundary == "circular":
            there = there[0] % grid[0], there[1] % grid[1]
        elif boundary == "replicate":
            there = tuple(min(max(place, 0), length - 1) for place, length in zip(there, grid, strict=True))
        inside = all(0 <= place < length for place, length in zip(there, grid, strict=True))
        assert found[row, column] == (x[there] if inside else 0)


def test_a_circular_shift_rolls_and_a_replicating_one_copies(rng, normal):
    grid, offset = (rng.randint(1, 5), rng.randint(1, 5)), (rng.randint(-6, 6), rng.randint(-6, 6))
    circular = shift_matrix(grid, offset, boundary="circular", dtype=torch.float64)
    x = normal(*grid)
    assert torch.equal((circular @ x.flatten()).view(grid), x.roll((-offset[0], -offset[1]), (0, 1)))
    assert torch.equal(circular.T @ circular, torch.eye(len(circular), dtype=torch.float64))
    assert is_row_stochastic(shift_matrix(grid, offset, boundary="replicate"))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_shift_may_go_as_far_as_it_likes(boundary):
    """3·10³⁰ is a multiple of both sides, and no number of 64 bits."""
    found = shift_matrix((2, 3), (3 * 10**30, -3 * 10**30), boundary=boundary)
    corner = torch.zeros(6, 6)
    corner[:, 3] = 1  # the lowest row, the leftmost column
    assert torch.equal(found, {"zero": torch.zeros(6, 6), "circular": torch.eye(6), "replicate": corner}[boundary])


def test_the_matrix_on_numbers_one_can_check():
    weight = torch.tensor([[[[0.0, 0.0, 2.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    matrix = convolution_matrix(weight, (2, 2), padding=1)
    assert matrix.to_dense().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 1]]
    assert matrix._nnz() == 16


def test_the_matrix_is_the_convolution_and_its_transpose_the_transposed_one(case):
    images, weight, options = case
    matrix = convolution_matrix(weight, images.shape[2:], **options)
    expected = F.conv2d(images, weight, **options)
    torch.testing.assert_close((matrix @ images.flatten(1).T).T.view(expected.shape), expected)

    steps = {name: both(option) for name, option in options.items() if name != "groups"}
    left_over = [
        (length + 2 * padding - dilation * (side - 1) - 1) % stride
        for length, side, stride, padding, dilation in zip(
            images.shape[2:], weight.shape[2:], *steps.values(), strict=True
        )
    ]
    back = F.conv_transpose2d(expected, weight, output_padding=left_over, groups=options["groups"], **steps)
    torch.testing.assert_close((matrix.T @ expected.flatten(1).T).T.view(images.shape), back)


def test_the_matrix_is_sorted_and_holds_each_entry_once(case):
    images, weight, options = case
    matrix = convolution_matrix(weight, images.shape[2:], **options)
    again = torch.sparse_coo_tensor(matrix.indices(), matrix.values(), matrix.shape, check_invariants=True).coalesce()
    assert matrix.is_coalesced()
    assert torch.equal(matrix.indices(), again.indices())
    assert torch.equal(matrix.values(), again.values())
    assert set(matrix.values().tolist()) <= set(weight.flatten().tolist())


def test_the_matrix_keeps_padding_out(normal):
    inside = convolution_matrix(normal(2, 3, 3, 3), (4, 5), padding=1)
    assert inside._nnz() == 2 * 3 * (3 * 4 - 2) * (3 * 5 - 2)
    far = convolution_matrix(normal(1, 1, 1, 1), (1, 1), padding=2)
    assert far.to_dense().nonzero().tolist() == [[12, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_the_matrix_keeps_the_dtype(normal, dtype):
    matrix = convolution_matrix(normal(2, 1, 3, 3).to(dtype), (4, 4))
    assert matrix.dtype == dtype
    assert matrix.layout == torch.sparse_coo


def test_a_gradient_passes_through_the_matrix(case):
    images, weight, options = case
    weight.requires_grad_()
    columns = images.flatten(1).T
    (found,) = torch.autograd.grad((convolution_matrix(weight, images.shape[2:], **options) @ columns).sum(), weight)
    (expected,) = torch.autograd.grad(F.conv2d(images, weight, **options).sum(), weight)
    torch.testing.assert_close(found, expected)
    assert gradcheck(lambda w: convolution_matrix(w, images.shape[2:], **options).to_dense(), weight, fast_mode=True)


def test_the_matrix_of_a_large_grid_takes_the_memory_of_its_entries():
    weight, side = torch.ones(1, 1, 3, 3), 128
    with Largest() as largest:
        entries = convolution_matrix(weight, (side, side), padding=1)._nnz()
    assert largest.numbers == 2 * entries
    tracemalloc.start()
    try:
        convolution_matrix(weight, (side, side), padding=1)
        numpys = tracemalloc.get_traced_memory()[1] / 8
    finally:
        tracemalloc.stop()
    assert numpys < 10 * entries


# Fields


@pytest.fixture
def stack(rng, generator):
    """Random layers, and the network along one axis that they describe, with weights that cannot cancel."""
    layers, modules = [], []
    for _ in range(rng.randint(0, 4)):
        kernel, stride, dilation = (rng.randint(1, most) for most in (4, 3, 3))
        padding = rng.randint(0, 3)
        module = nn.Conv1d(1, 1, kernel, stride, padding, dilation, bias=False, dtype=torch.float64)
        module.weight.data = 0.5 + torch.rand(module.weight.shape, dtype=torch.float64, generator=generator)
        layers.append((kernel, stride, padding, dilation)[: 4 if dilation > 1 else rng.choice([3, 4])])
        modules.append(module)
    return layers, nn.Sequential(*modules)


def test_the_receptive_field_is_what_gradients_measure(stack, normal):
    layers, network = stack
    size, jump, start = receptive_field(layers)
    reach = (size - 1) / 2
    first = max(0, math.ceil((reach - start) / jump))
    signal = normal(1, 1, int(start + (first + 2) * jump + reach) + 4 * jump + size).requires_grad_()
    output = network(signal)
    for number in (first, first + 1):
        (grad,) = torch.autograd.grad(output[0, 0, number], signal, retain_graph=True)
        seen = grad.flatten().nonzero().flatten()
        lowest, highest = seen.min().item(), seen.max().item()
        assert highest - lowest + 1 == size
        assert (lowest + highest) / 2 == start + number * jump


def test_receptive_fields_of_known_networks():
    assert receptive_field([]) == (1, 1, 0.0)
    assert receptive_field([(3, 1)]) == (3, 1, 1.0)
    assert receptive_field([(2, 2)]) == (2, 2, 0.5)
    assert receptive_field([(3, 1, 1)] * 5) == (11, 1, 0.0)
    assert receptive_field([(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4)]) == (15, 1, 0.0)
    vgg = [layer for block in (2, 2, 3, 3, 3) for layer in [(3, 1, 1)] * block + [(2, 2)]]
    assert receptive_field(vgg) == (212, 32, 15.5)
    assert [type(part) for part in receptive_field(tuple(vgg))] == [int, int, float]


def jacobian_norms(model, image):
    """The norm of the Jacobian of the center output by each pixel, one output number after the other."""
    image = image.requires_grad_()
    output = model(image)
    center = output[0, :, output.shape[2] // 2, output.shape[3] // 2]
    grads = [torch.autograd.grad(number, image, retain_graph=True)[0] for number in center]
    norms = torch.cat(grads).square().sum((0, 1)).sqrt()
    return norms / norms.sum()


def test_the_effective_field_of_a_linear_channel_is_its_kernel(rng, normal, odd, generator):
    first, second = (nn.Conv2d(1, 1, odd(), padding=rng.randint(0, 1), dtype=torch.float64) for _ in range(2))
    model = nn.Sequential(first, second)
    found = effective_receptive_field(model, (11, 12), channels=1, draws=2, generator=generator)
    torch.testing.assert_close(found, jacobian_norms(model, normal(1, 1, 11, 12)))


def test_the_effective_field_of_many_channels_is_the_norm_of_the_jacobian(normal, generator):
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 3, stride=2, padding=1, bias=False)
    model = nn.Sequential(*layers).double()
    found = effective_receptive_field(model, (9, 8), channels=3, draws=20_000, generator=generator)
    torch.testing.assert_close(found, jacobian_norms(model, normal(1, 3, 9, 8)), atol=2e-3, rtol=0)


def test_the_effective_field_averages_over_images(generator):
    class Square(nn.Module):
        def forward(self, x):
            return x.square() + x.roll(1, 3)

    found = effective_receptive_field(Square().double(), (1, 3), channels=1, draws=100_000, generator=generator)
    expected = torch.tensor([[1, 2, 0]]) / 3  # E(2x)² = 4 against 1
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=0)


def test_the_center_of_an_even_size_is_the_later_pixel(generator):
    found = effective_receptive_field(nn.Identity(), (4, 6), channels=2, generator=generator)
    assert found.nonzero().tolist() == [[2, 3]]


def random_stack(depth, generator, width=32):
    """A linear stack of normal 3×3 kernels."""
    sizes = [1, *[width] * depth]
    layers = [nn.Conv2d(*pair, 3, padding=1, bias=False) for pair in itertools.pairwise(sizes)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=(9 * layer.in_channels) ** -0.5, generator=generator)
    return nn.Sequential(*layers)


def variance(share):
    """The variance of a distribution over the rows."""
    place = torch.arange(len(share))
    rows = share.sum(1)
    return (rows * (place - (rows * place).sum()).square()).sum().item()


@pytest.mark.parametrize("depth", [2, 5, 8])
def test_the_squared_effective_field_of_a_random_stack_has_the_variance_of_box_filters(depth, generator):
    side = 2 * depth + 3
    fields = torch.stack(
        [
            effective_receptive_field(random_stack(depth, generator), (side, side), channels=1, generator=generator)
            for _ in range(6)
        ]
    )
    size = receptive_field([(3, 1, 1)] * depth)[0]
    assert (fields.amax((0, 1)) > 0).sum() == size
    squared = fields.square() / fields.square().sum((1, 2), keepdim=True)
    assert 0.75 < variance(squared.mean(0)) / (2 * depth / 3) < 1.3


def test_the_effective_field_leaves_the_model_as_it_was(normal, generator):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.9), nn.ReLU(), nn.Conv2d(3, 2, 3))
    model[1].eval()
    modes = [module.training for module in model.modules()]
    model(normal(1, 2, 7, 7).float()).sum().backward()
    before = {name: part.clone() for name, part in model.state_dict().items()}
    grads = [parameter.grad.clone() for parameter in model.parameters()]
    parts = [effective_receptive_field(model, (7, 7), channels=2, generator=generator.manual_seed(5)) for _ in "ab"]
    with torch.no_grad():
        parts.append(effective_receptive_field(model, (7, 7), channels=2, generator=generator.manual_seed(5)))
    with torch.inference_mode():
        parts.append(effective_receptive_field(model, (7, 7), channels=2, generator=generator.manual_seed(5)))
    assert all(torch.equal(part, parts[0]) for part in parts)
    assert not parts[0].requires_grad
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(part, before[name]) for name, part in model.state_dict().items())
    assert all(torch.equal(now.grad, grad) for now, grad in zip(model.parameters(), grads, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALF])
def test_the_effective_field_has_the_dtype_of_the_model_and_sums_to_one(dtype, generator):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).to(dtype)
    found = effective_receptive_field(model, (9, 9), channels=1, generator=generator)
    assert found.dtype == dtype
    assert (found >= 0).all()
    assert abs(found.double().sum() - 1) < 0.02
    assert (found[:2] == 0).all()


def test_a_model_may_begin_in_place(generator):
    fields = [
        effective_receptive_field(
            nn.Sequential(nn.ReLU(inplace), nn.AvgPool2d(3)), (3, 3), channels=1, generator=generator.manual_seed(5)
        )
        for inplace in (False, True)
    ]
    assert torch.equal(*fields)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_very_small_and_very_large_gradients_have_shares_too(scale, generator):
    model = nn.Conv2d(1, 1, 3, bias=False)
    nn.init.constant_(model.weight, scale)
    found = effective_receptive_field(model, (3, 3), channels=1, generator=generator)
    torch.testing.assert_close(found, torch.full((3, 3), 1 / 9))


# Heads


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_heads_are_a_convolution(rng, normal, odd, boundary):
    kernel = odd()
    grid = [rng.randint(side // 2 + 1, 5) for side in kernel]
    weight = normal(rng.randint(1, 3), rng.randint(1, 3), *kernel)
    image = normal(1, weight.shape[1], *grid)
    relations, weights = convolution_as_attention(weight, tuple(grid), boundary=boundary)
    assert relations.shape == (math.prod(kernel), math.prod(grid), math.prod(grid))
    margins = [side // 2 for side in reversed(kernel) for _ in "ab"]
    expected = F.conv2d(F.pad(image, margins, mode=BOUNDARIES[boundary]), weight)
    torch.testing.assert_close(aggregate(relations, image[0].flatten(1).T, weights), expected[0].flatten(1).T)


def test_heads_attend_to_one_patch_or_to_none(normal, odd):
    kernel = odd(3)
    relations, _ = convolution_as_attention(normal(1, 1, *kernel), (3, 4))
    assert ((relations == 0) | (relations == 1)).all()
    assert (relations.sum(2) <= 1).all()
    offsets = itertools.product(*(range(-(side // 2), side // 2 + 1) for side in kernel))
    for relation, offset in zip(relations, offsets, strict=True):
        assert torch.equal(relation, shift_matrix((3, 4), offset, dtype=torch.float64))


def test_heads_are_differentiable_and_keep_the_dtype(normal):
    weight = normal(2, 3, 3, 1).requires_grad_()
    assert gradcheck(
        lambda w: aggregate(*_with(convolution_as_attention(w, (2, 3)), torch.ones(6, 3).double())), weight
    )
    for dtype in (torch.float32, *HALF):
        assert {part.dtype for part in convolution_as_attention(weight.to(dtype), (2, 3))} == {dtype}


def _with(heads, values):
    return heads[0], values, heads[1]


# Filters whose kernel depends on what it covers


def reflected(place, length):
    place = abs(place)
    return 2 * (length - 1) - place if place >= length else place


def patch_distance(guide, size, here, there):
    """The mean squared difference of the patches around two pixels, pixel by pixel."""
    _, height, width = guide.shape
    total = 0.0
    for down, right in itertools.product(range(-(size // 2), size // 2 + 1), repeat=2):
        first, second = (
            guide[:, reflected(row + down, height), reflected(column + right, width)] for row, column in (here, there)
        )
        total += (first - second).square().mean().item()
    return total / size**2


def by_hand(image, window, logit):
    """Each pixel's mean over the window's pixels that exist, weighted by exp(logit)."""
    _, height, width = image.shape
    result = torch.zeros_like(image)
    for row, column in itertools.product(range(height), range(width)):
        mass = 0.0
        for there in itertools.product(
            range(max(0, row - window // 2), min(height, row + window // 2 + 1)),
            range(max(0, column - window // 2), min(width, column + window // 2 + 1)),
        ):
            weight = math.exp(logit((row, column), there))
            result[:, row, column] += weight * image[:, *there]
            mass += weight
        result[:, row, column] /= mass
    return result


def bilateral_logit(guide, sigma_space, sigma_color):
    def logit(here, there):
        contrast = (guide[:, *here] - guide[:, *there]).square().sum().item()
        return -(math.dist(here, there) ** 2) / (2 * sigma_space**2) - contrast / (2 * sigma_color**2)

    return logit


@pytest.mark.parametrize("guided", [False, True])
def test_the_bilateral_filter_is_its_definition(rng, uniform, guided):
    grid, window = (rng.randint(1, 6), rng.randint(1, 6)), rng.choice([1, 3, 5, 7])
    images = uniform(2, rng.randint(1, 3), *grid)
    guide = uniform(2, rng.randint(1, 3), *grid) if guided else images
    sigmas = {"sigma_space": rng.uniform(0.5, 3), "sigma_color": rng.uniform(0.1, 0.5)}
    found = bilateral_filter(images, window, guide=guide if guided else None, **sigmas)
    for image, answer, from_what in zip(images, found, guide, strict=True):
        torch.testing.assert_close(answer, by_hand(image, window, bilateral_logit(from_what, *sigmas.values())))


@pytest.mark.parametrize("guided", [False, True])
def test_non_local_means_is_its_definition(rng, uniform, guided):
    size, window = rng.choice([1, 3, 5]), rng.choice([1, 3, 5])
    grid = [rng.randint(size // 2 + 1, 6) for _ in "rc"]
    images = uniform(2, rng.randint(1, 3), *grid)
    guide = uniform(2, rng.randint(1, 3), *grid) if guided else images
    bandwidth = rng.uniform(0.2, 0.5)
    found = non_local_means(images, size, window, bandwidth=bandwidth, guide=guide if guided else None)
    for image, answer, from_what in zip(images, found, guide, strict=True):

        def logit(here, there, guide=from_what):
            return -patch_distance(guide, size, here, there) / bandwidth**2

        torch.testing.assert_close(answer, by_hand(image, window, logit))


# The table of spatial weights in scikit-image 0.26 is read with a row length that it does not have, so its Gaussian is
# none; and the colors' distance is divided by the number of channels. With a flat table and our sigma times the
# channels both filters are one, away from the border, where theirs reads zeros.
@pytest.mark.parametrize("channels", [1, 3])
def test_the_bilateral_filter_is_scikit_images_where_their_tables_agree(uniform, channels):
    image = uniform(channels, 20, 24)
    ours = bilateral_filter(image.unsqueeze(0), 5, sigma_space=1e4, sigma_color=0.2 * channels)[0]
    given = {"win_size": 5, "sigma_color": 0.2, "sigma_spatial": 1e4, "bins": 10**6}
    theirs = (
        denoise_bilateral(image.permute(1, 2, 0).numpy(), channel_axis=-1, **given).transpose(2, 0, 1)
        if channels > 1
        else denoise_bilateral(image[0].numpy(), **given)[None]
    )
    inner = (slice(None), slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(ours.numpy()[inner], theirs[inner], atol=1e-5)


@pytest.fixture(scope="module")
def photograph():
    """A photograph, and it with noise."""
    clean = load_image("coffee", size=64).double()
    noise = torch.randn(clean.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return clean, (clean + 0.1 * noise).clamp(0, 1)


@pytest.mark.parametrize("bandwidth", [0.08, 0.1, 0.3])
def test_non_local_means_is_closer_to_both_of_scikit_images_than_they_are_to_each_other(photograph, bandwidth):
    noisy = np.ascontiguousarray(photograph[1].permute(1, 2, 0).numpy())
    ours = non_local_means(photograph[1].unsqueeze(0), 7, 23, bandwidth=bandwidth)[0].permute(1, 2, 0).numpy()
    even, bell = (denoise_nl_means(noisy, 7, 11, bandwidth, fast_mode=fast, channel_axis=-1) for fast in (True, False))
    apart = abs(even - bell).mean()
    assert abs(ours - even).mean() < apart
    assert abs(ours - bell).mean() < apart


def test_filters_that_see_content_remove_more_noise_than_one_that_does_not(photograph):
    clean, noisy = photograph
    images = noisy.unsqueeze(0)
    blurred = bilateral_filter(images, 7, sigma_space=1.0, sigma_color=1e3)[0]
    bilateral = bilateral_filter(images, 7, sigma_space=2.0, sigma_color=0.25)[0]
    non_local = non_local_means(images, 5, 15, bandwidth=0.1)[0]
    errors = [(part - clean).square().mean() for part in (noisy, blurred, bilateral, non_local)]
    assert errors[0] > errors[1] > max(errors[2:])


FILTERS = {
    "bilateral": lambda images, **given: bilateral_filter(images, 5, sigma_space=2.0, sigma_color=0.3, **given),
    "non-local": lambda images, **given: non_local_means(images, 3, 5, bandwidth=0.4, **given),
}


@pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS)
def test_filters_are_row_stochastic_relations(rng, uniform, smooth):
    grid = rng.randint(2, 5), rng.randint(2, 5)
    number = math.prod(grid)
    guide, values = uniform(1, 3, *grid), uniform(1, 2, *grid)
    units = torch.eye(number, dtype=torch.float64).view(1, number, *grid)
    relation = smooth(units, guide=guide)[0].flatten(1).T
    assert is_row_stochastic(relation)
    assert not torch.allclose(relation, relation.T)
    one_image = guide.expand(1, -1, -1, -1)
    torch.testing.assert_close(
        (relation @ values.flatten(2)[0].T).T.view(values.shape), smooth(values, guide=one_image)
    )
    flat = torch.full((1, 1, *grid), 0.7, dtype=torch.float64)
    torch.testing.assert_close(smooth(flat), flat)


@pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS)
def test_one_guide_serves_many_images(uniform, smooth):
    images, guide = uniform(3, 2, 4, 5), uniform(1, 1, 4, 5)
    each = torch.cat([smooth(image.unsqueeze(0), guide=guide) for image in images])
    torch.testing.assert_close(smooth(images, guide=guide), each)


@pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS)
def test_gradients_of_filters(uniform, smooth):
    images, guide = uniform(1, 2, 3, 4).requires_grad_(), uniform(1, 1, 3, 4).requires_grad_()
    assert gradcheck(smooth, images)
    assert gradcheck(lambda x, g: smooth(x, guide=g), (images, guide))


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS)
def test_filters_keep_the_dtype(uniform, smooth, dtype):
    images = uniform(1, 2, 6, 6).to(dtype)
    found = smooth(images)
    assert found.dtype == dtype
    assert torch.equal(found, smooth(images.float()).to(dtype))
    torch.testing.assert_close(found.double(), smooth(images.double()), atol=CLOSE[dtype], rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALF])
def test_filters_with_nothing_alike_change_nothing(uniform, dtype):
    images = uniform(1, 1, 5, 5).to(dtype)
    for tiny in (1e-300, 1e-30):
        assert torch.equal(bilateral_filter(images, 3, sigma_space=1.0, sigma_color=tiny), images)
        assert torch.equal(bilateral_filter(images, 3, sigma_space=tiny, sigma_color=1.0), images)
        assert torch.equal(non_local_means(images, 3, 3, bandwidth=tiny), images)


def test_filters_hold_one_shift_at_a_time(uniform):
    images = uniform(1, 1, 40, 40)
    with Largest() as largest:
        bilateral_filter(images, 11, sigma_space=2.0, sigma_color=0.2)
        non_local_means(images, 5, 11, bandwidth=0.2)
    assert largest.numbers == (40 + 4 + 10) ** 2


@pytest.mark.parametrize("smooth", [bilateral_filter, non_local_means])
def test_a_window_larger_than_the_image_costs_no_more_than_one_that_covers_it(uniform, smooth):
    images, sizes = uniform(1, 2, 3, 5), (1,) if smooth is non_local_means else ()
    widths = {"bandwidth": 0.3} if sizes else {"sigma_space": 2.0, "sigma_color": 0.3}
    with Largest() as largest:
        everywhere = smooth(images, *sizes, 10**9 + 1, **widths)
    assert largest.numbers == 2 * (3 + 8) * (5 + 8)
    assert torch.equal(everywhere, smooth(images, *sizes, 9, **widths))


# Bad input


IMAGES, WEIGHT = torch.zeros(2, 4, 6, 7), torch.zeros(6, 4, 3, 3)
COUNT = "must be a whole number of at least"


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


def conv(images=IMAGES, weight=WEIGHT, **options):
    return lambda: conv2d_from_patches(images, weight, **options)


def sparse(weight=WEIGHT, grid=(6, 7), **options):
    return lambda: convolution_matrix(weight, grid, **options)


def field(model, size=(6, 7), channels=4, **options):
    return lambda: effective_receptive_field(model, size, channels=channels, **options)


def smooth(images=IMAGES, window=3, **options):
    return lambda: bilateral_filter(images, window, **{"sigma_space": 1.0, "sigma_color": 0.1, **options})


def denoise(images=IMAGES, size=3, window=5, **options):
    return lambda: non_local_means(images, size, window, **{"bandwidth": 0.1, **options})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(conv([[1.0]]), r"images must be a tensor \(B, C, H, W\), got list"),
        bad(conv(IMAGES[0]), r"images must have shape \(B, C, H, W\), got \(4, 6, 7\)"),
        bad(conv(IMAGES[:0]), r"images must not be empty"),
        bad(conv(weight=WEIGHT[0]), r"weight must have shape \(E, C/groups, K, L\), got \(4, 3, 3\)"),
        bad(conv(weight=WEIGHT[:, :, :0]), r"weight must not be empty"),
        bad(conv(weight=WEIGHT.long()), r"weight must hold floating-point numbers, got torch.int64"),
        bad(conv(weight=WEIGHT.double()), r"dtypes differ: images torch.float32, weight torch.float64"),
        bad(conv(weight=WEIGHT.to("meta")), r"devices differ: images on cpu, weight on meta"),
        bad(conv(weight=WEIGHT[:, :3]), r"weight \(6, 3, 3, 3\) in 1 group\(s\) needs 3 channels, got 4"),
        bad(conv(groups=2), r"weight \(6, 4, 3, 3\) in 2 group\(s\) needs 8 channels, got 4"),
        bad(conv(groups=4), r"groups 4 does not divide the 6 kernels of weight"),
        bad(conv(groups=0), rf"groups {COUNT} 1, got 0"),
        bad(conv(stride=0), rf"stride {COUNT} 1, got 0"),
        bad(conv(stride=2**31), r"stride must be at most 2147483647, got 2147483648"),
        bad(conv(padding=(0, 10**30)), r"padding must be at most 2147483647, got 10{30}"),
        bad(conv(dilation=2**31), r"dilation must be at most 2147483647, got 2147483648"),
        bad(conv(stride=(1, 0)), rf"stride \(rows, columns\) {COUNT} 1, got 0"),
        bad(conv(stride=(1, 2, 3)), r"stride must be a pair \(rows, columns\), got \(1, 2, 3\)"),
        bad(conv(padding=-1), rf"padding {COUNT} 0, got -1"),
        bad(conv(padding="same"), rf"padding {COUNT} 0, got 'same'"),
        bad(conv(dilation=1.5), rf"dilation {COUNT} 1, got 1.5"),
        bad(conv(dilation=3), r"a kernel that spans 7×7 does not fit into 6×7 padded pixels"),
        bad(conv(bias=torch.zeros(5)), r"bias must have shape \(6,\), got \(5,\)"),
        bad(conv(bias=torch.zeros(6).double()), r"dtypes differ: bias torch.float64, weight torch.float32"),
        bad(lambda: shift_matrix(3, (0, 1)), r"grid must be a pair \(rows, columns\), got 3"),
        bad(lambda: shift_matrix((3, 3), 1), r"offset must be a pair \(rows, columns\), got 1"),
        bad(lambda: shift_matrix((3, 3), (0, 0.5)), r"offset \(rows, columns\) must be a whole number, got 0.5$"),
        bad(lambda: shift_matrix((3, 3), (0, 1), boundary="same"), r"boundary must be one of \[.zero., .* got 'same'"),
        bad(lambda: shift_matrix((3, 3), (0, 1), boundary=np.array(["zero", "circular"])), r"got array\("),
        bad(lambda: shift_matrix((3, 3), (0, 1), dtype=torch.int64), r"dtype must be a floating-point torch.dtype"),
        bad(lambda: shift_matrix((3, 3), (0, 1), device="nowhere"), r"device must name a torch device"),
        bad(sparse(WEIGHT[0]), r"weight must have shape \(E, C/groups, K, L\), got \(4, 3, 3\)"),
        bad(sparse(WEIGHT.int()), r"weight must hold floating-point numbers, got torch.int32"),
        bad(sparse(grid=5), r"grid must be a pair \(H, W\), got 5"),
        bad(sparse(grid=(2, 7)), r"a kernel that spans 3×3 does not fit into 2×7 padded pixels"),
        bad(sparse(groups=5), r"groups 5 does not divide the 6 kernels of weight"),
        bad(lambda: receptive_field(3), r"layers must be a list of \(kernel_size, .*\), got int$"),
        bad(lambda: receptive_field(torch.ones(2, 2)), r"layers must be a list of \(kernel_size, .*\), got Tensor$"),
        bad(lambda: receptive_field([3, 1]), r"layers\[0\] must be \(kernel_size, .* got 3$"),
        bad(lambda: receptive_field([(3, 1), (3,)]), r"layers\[1\] must be \(kernel_size, .* got \(3,\)$"),
        bad(lambda: receptive_field([(3, 1, 1, 1, 1)]), r"layers\[0\] must be \(kernel_size"),
        bad(lambda: receptive_field([(0, 1)]), rf"layers\[0\] kernel_size {COUNT} 1, got 0"),
        bad(lambda: receptive_field([(3, 0)]), rf"layers\[0\] stride {COUNT} 1, got 0"),
        bad(lambda: receptive_field([(3, 1, -1)]), rf"layers\[0\] padding {COUNT} 0, got -1"),
        bad(lambda: receptive_field([(3, 1, 0, 0)]), rf"layers\[0\] dilation {COUNT} 1, got 0"),
        bad(field(torch.relu), r"model must be a module, got"),
        bad(field(nn.ReLU(), 6), r"input_size must be a pair \(H, W\), got 6"),
        bad(field(nn.ReLU(), channels=0), rf"channels {COUNT} 1, got 0"),
        bad(field(nn.ReLU(), draws=0), rf"draws {COUNT} 1, got 0"),
        bad(field(nn.ReLU(), generator=5), r"generator must be a torch.Generator or None, got int"),
        bad(field(nn.Flatten()), r"model\(images\) must have shape \(B, E, H', W'\), got \(16, 168\)"),
        bad(field(nn.Threshold(1e9, 0.0)), r"the center of the model's output does not depend on its input"),
        bad(field(nn.ZeroPad2d((50, 0, 0, 0))), r"the center of the model's output does not depend on its input"),
        bad(smooth(IMAGES[0]), r"images must have shape \(B, C, H, W\), got \(4, 6, 7\)"),
        bad(smooth(IMAGES.int()), r"images must hold floating-point numbers, got torch.int32"),
        bad(smooth(window=4), r"window_size must be odd, to have a center, got 4"),
        bad(smooth(window=0), rf"window_size {COUNT} 1, got 0"),
        bad(smooth(sigma_space=0), r"sigma_space must be a finite number above 0, got 0"),
        bad(smooth(sigma_color=math.nan), r"sigma_color must be a finite number above 0, got nan"),
        bad(smooth(guide=IMAGES[:, :, 1:]), r"guide must have shape \(2 or 1, G, 6, 7\), got \(2, 4, 5, 7\)"),
        bad(smooth(guide=torch.zeros(3, 1, 6, 7)), r"guide must have shape \(2 or 1, G, 6, 7\), got \(3, 1, 6, 7\)"),
        bad(smooth(guide=IMAGES.double()), r"dtypes differ: images torch.float32, guide torch.float64"),
        bad(smooth(guide=IMAGES.to("meta")), r"devices differ: images on cpu, guide on meta"),
        bad(denoise(IMAGES[:, :0]), r"images must not be empty"),
        bad(denoise(size=2), r"patch_size must be odd, to have a center, got 2"),
        bad(denoise(window=6), r"window_size must be odd, to have a center, got 6"),
        bad(denoise(size=13), r"patch_size 13 is too large to reflect an image of \(6, 7\)"),
        bad(denoise(bandwidth=-1), r"bandwidth must be a finite number above 0, got -1"),
        bad(lambda: convolution_as_attention(WEIGHT[0], (3, 3)), r"weight must have shape \(E, C, K, L\)"),
        bad(lambda: convolution_as_attention(WEIGHT.int(), (3, 3)), r"weight must hold floating-point numbers"),
        bad(lambda: convolution_as_attention(WEIGHT[:, :, :2], (3, 3)), r"a kernel of 2×3 has no center"),
        bad(lambda: convolution_as_attention(WEIGHT, 3), r"grid must be a pair \(rows, columns\), got 3"),
        bad(lambda: convolution_as_attention(WEIGHT, (3, 3), boundary="x"), r"boundary must be one of .* got 'x'"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_model_whose_output_is_cut_off_is_named(normal):
    class Detached(nn.Module):
        def forward(self, x):
            return x.detach() + torch.ones(1)

    with pytest.raises(ValueError, match="the model's output does not depend on its input"):
        effective_receptive_field(Detached(), (3, 3), channels=1)


def test_nan_reaches_what_sees_it_and_no_more(uniform):
    image = uniform(1, 1, 7, 7)
    image[0, 0, 3, 3] = torch.nan
    spoiled = torch.zeros(7, 7, dtype=torch.bool)
    spoiled[2:5, 2:5] = True
    assert torch.equal(conv2d_from_patches(image, torch.ones(1, 1, 3, 3).double(), padding=1)[0, 0].isnan(), spoiled)
    assert torch.equal(bilateral_filter(image, 3, sigma_space=1.0, sigma_color=1.0)[0, 0].isnan(), spoiled)
    model = nn.Conv2d(1, 1, 3)
    for spoil in (torch.nan, torch.inf):
        nn.init.constant_(model.weight, spoil)
        with pytest.raises(ValueError, match="the gradient of the model must be finite, but 9 of 9 numbers are not"):
            effective_receptive_field(model, (3, 3), channels=1, draws=1)


def test_the_script_measures_the_networks_of_the_chapter(monkeypatch):
    monkeypatch.syspath_prepend(pathlib.Path(__file__).parents[1] / "book")
    script = importlib.import_module("measure_convolution")
    chapter = (pathlib.Path(__file__).parents[1] / "chapters" / "04_convolution.ipynb").read_text("utf8")
    for name in ("CNN", "ViT"):
        parameters = sum(p.numel() for p in script.NETWORKS[name]().parameters())
        assert f"{name}: {parameters:,} parameters" in chapter
    for make in script.NETWORKS.values():
        mistakes, by_one, by_two = script.learned(make, split=0, steps=2)
        assert 0 <= mistakes <= 397
        assert 0 <= min(by_one, by_two) <= max(by_one, by_two) <= 1
    known, labels = script.patches("train", 1, torch.Generator().manual_seed(0))
    net = script.trained(0, known[0], labels[0], keep=[0, 1], steps=2)
    assert 0 <= script.scored(net, known[0], known, labels, texture=2).item() <= 1
