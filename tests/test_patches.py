import einops
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from transformers import ViTConfig, ViTMAEConfig
from transformers.models.vit.modeling_vit import ViTPatchEmbeddings
from transformers.models.vit_mae.modeling_vit_mae import ViTMAEEmbeddings, build_2d_sinusoidal_position_embedding

from patchwork.patches import (
    PatchEmbedding,
    extract_patches,
    merge_patches,
    patch_centers,
    patchify,
    sincos_position_embedding,
    unpatchify,
)


@pytest.fixture
def case(rng, generator):
    """Random images (B, C, rows·P, columns·P) in float64, with P and the grid."""
    batch, channels, rows, columns, size = (rng.randint(1, most) for most in (3, 4, 5, 5, 4))
    images = torch.randn(batch, channels, rows * size, columns * size, dtype=torch.float64, generator=generator)
    return images, size, (rows, columns)


@pytest.fixture
def overlapping(rng, generator):
    """Random images that patches of P pixels, s ≤ P apart, cover to the border; with P and s."""
    size = rng.randint(1, 5)
    stride = rng.randint(1, size)
    height, width = (size + stride * rng.randint(0, 4) for _ in "hw")
    images = torch.randn(rng.randint(1, 3), rng.randint(1, 3), height, width, dtype=torch.float64, generator=generator)
    return images, size, stride


def test_patchify_on_numbers_one_can_count():
    image = torch.arange(24).view(1, 1, 4, 6)
    assert patchify(image, 2).tolist() == [
        [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11], [12, 13, 18, 19], [14, 15, 20, 21], [16, 17, 22, 23]]
    ]


def test_patchify_is_einops_and_unfold(case):
    images, size, _ = case
    expected = einops.rearrange(images, "b c (r p) (s q) -> b (r s) (c p q)", p=size, q=size)
    assert torch.equal(patchify(images, size), expected)
    assert torch.equal(patchify(images, size), F.unfold(images, size, stride=size).mT)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.float16, torch.complex64])
def test_patchify_and_back_in_any_dtype_and_layout(case, dtype):
    images, size, grid = case
    images = (images * 3).to(dtype)
    for layout in (images, images.to(memory_format=torch.channels_last), images.flip(3), images.mT.contiguous().mT):
        tokens = patchify(layout, size)
        assert tokens.dtype == dtype
        assert torch.equal(tokens, patchify(layout.clone(memory_format=torch.contiguous_format), size))
        assert torch.equal(unpatchify(tokens, grid, channels=images.shape[1]), layout)


def test_unpatchify_is_fold(case):
    images, size, grid = case
    tokens = torch.randn_like(patchify(images, size))
    expected = F.fold(tokens.mT, images.shape[2:], size, stride=size)
    assert torch.equal(unpatchify(tokens, grid, channels=images.shape[1]), expected)


def test_extract_patches_is_unfold(overlapping):
    images, size, stride = overlapping
    assert torch.equal(extract_patches(images, size, stride=stride), F.unfold(images, size, stride=stride).mT)


def test_extract_patches_may_leave_gaps():
    image = torch.arange(25).view(1, 1, 5, 5)
    assert extract_patches(image, 2, stride=3)[0, :, 0].tolist() == [0, 3, 15, 18]


def test_extract_patches_without_overlap_is_patchify(case):
    images, size, _ = case
    assert torch.equal(extract_patches(images, size, stride=size), patchify(images, size))


def test_merge_patches_inverts_extract_patches(overlapping):
    images, size, stride = overlapping
    merged = merge_patches(extract_patches(images, size, stride=stride), images.shape[2:], size, stride=stride)
    torch.testing.assert_close(merged, images)


def test_merge_patches_averages_what_disagrees(overlapping):
    images, size, stride = overlapping
    tokens = torch.randn_like(extract_patches(images, size, stride=stride))
    total = F.fold(tokens.mT, images.shape[2:], size, stride=stride)
    times = F.fold(torch.ones_like(tokens).mT, images.shape[2:], size, stride=stride)
    torch.testing.assert_close(merge_patches(tokens, images.shape[2:], size, stride=stride), total / times)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_merge_patches_averages_thousands_in_half_precision(dtype):
    ones = torch.ones(1, 1, dtype=dtype).expand(1, 97 * 97, 64 * 64)
    merged = merge_patches(ones, (160, 160), 64, stride=1)
    assert merged.dtype == dtype
    assert (merged == 1).all()


def test_merge_patches_keeps_half_precision(generator):
    images = torch.rand(1, 3, 9, 9, generator=generator).half()
    merged = merge_patches(extract_patches(images, 3, stride=2), (9, 9), 3, stride=2)
    assert merged.dtype == torch.float16
    torch.testing.assert_close(merged, images)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, torch.tensor])
def test_whole_numbers_of_any_kind_are_sizes(kind, generator):
    images = torch.rand(1, 1, 96, 96, generator=generator)
    size, stride, one = kind(32), kind(16), kind(1)
    assert torch.equal(patchify(images, size), patchify(images, 32))
    assert torch.equal(unpatchify(patchify(images, 32), (kind(3), kind(3)), channels=one), images)
    tokens = extract_patches(images, size, stride=stride)
    assert torch.equal(tokens, extract_patches(images, 32, stride=16))
    assert torch.equal(merge_patches(tokens, (kind(96), kind(96)), size, stride=stride), images)
    assert torch.equal(patch_centers((kind(2), kind(100))), patch_centers((2, 100)))
    assert torch.equal(sincos_position_embedding((one, size), kind(64)), sincos_position_embedding((1, 32), 64))
    assert PatchEmbedding(one, size, kind(8))(images).shape == (1, 9, 8)


def test_patches_own_their_memory():
    column = torch.arange(8.0).view(1, 1, 4, 2)
    results = [
        patchify(column[:, :, :2], 2),
        extract_patches(column, 2, stride=1),
        unpatchify(column.view(1, 1, 8)[:, :, :4], (1, 1), channels=1),
    ]
    for result in results:
        result.zero_()
    assert column.flatten().tolist() == list(range(8))


def test_patch_centers_are_row_and_column(rng):
    rows, columns = rng.randint(1, 6), rng.randint(1, 6)
    expected = [[r + 0.5, c + 0.5] for r in range(rows) for c in range(columns)]
    assert patch_centers((rows, columns)).tolist() == expected


def test_sincos_equals_transformers(rng):
    rows, columns, dim = rng.randint(1, 9), rng.randint(1, 9), 4 * rng.randint(1, 16)
    theirs = build_2d_sinusoidal_position_embedding(rows, columns, dim, dtype=torch.float64).roll(dim // 2, 1)
    torch.testing.assert_close(sincos_position_embedding((rows, columns), dim, dtype=torch.float64), theirs)


def test_sincos_equals_what_a_masked_autoencoder_holds():
    config = ViTMAEConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=20, patch_size=4
    )
    embeddings = ViTMAEEmbeddings(config)
    embeddings.initialize_weights()
    held = embeddings.position_embeddings[0, 1:].detach()
    torch.testing.assert_close(sincos_position_embedding((5, 5), 24), held)


def test_sincos_tells_rows_from_columns():
    embedding = sincos_position_embedding((7, 7), 16).view(7, 7, 16)
    assert not torch.isclose(embedding, embedding.transpose(0, 1)).all(2).triu(1).any()
    torch.testing.assert_close(embedding.roll(8, 2), embedding.transpose(0, 1))


def test_patch_embedding_is_linear_and_convolution(case, rng):
    images, size, _ = case
    embed = PatchEmbedding(images.shape[1], size, rng.randint(1, 9), dtype=torch.float64)
    weight, bias = embed.projection.weight, embed.projection.bias
    torch.testing.assert_close(embed(images), embed.projection(patchify(images, size)))
    convolved = F.conv2d(images, weight.view(-1, images.shape[1], size, size), bias, stride=size)
    torch.testing.assert_close(embed(images), convolved.flatten(2).mT)


def test_patch_embedding_equals_transformers(rng):
    config = ViTConfig(image_size=24, patch_size=4, num_channels=3, hidden_size=10)
    theirs, ours = ViTPatchEmbeddings(config).double(), PatchEmbedding(3, 4, 10, dtype=torch.float64)
    with torch.no_grad():
        ours.projection.weight.copy_(theirs.projection.weight.flatten(1))
        ours.projection.bias.copy_(theirs.projection.bias)
    images = torch.randn(2, 3, 24, 24, dtype=torch.float64)
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_patch_embedding_under_autocast(dtype, seed):
    embed, images = PatchEmbedding(2, 2, 3), torch.randn(1, 2, 4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tokens = embed(images.to(dtype))
        with pytest.raises(ValueError, match=r"dtypes differ: images torch.float64, weight torch.float32"):
            embed(images.double())  # autocast leaves double precision alone
    assert tokens.dtype == torch.bfloat16
    torch.testing.assert_close(tokens.float(), embed(images), atol=0.05, rtol=0.05)


def test_patch_embedding_learns_through_its_linear_layer(generator):
    embed = PatchEmbedding(2, 2, 3)
    assert [name for name, _ in embed.named_parameters()] == ["projection.weight", "projection.bias"]
    assert isinstance(embed.projection, nn.Linear)
    embed(torch.randn(1, 2, 4, 4, generator=generator)).sum().backward()
    torch.testing.assert_close(embed.projection.bias.grad, torch.full((3,), 4.0))
    assert "channels=2, patch_size=2" in repr(embed)


def test_gradients(overlapping):
    images, size, stride = overlapping
    images = images[:1, :1].requires_grad_()
    tokens = extract_patches(images, size, stride=stride).detach().requires_grad_()
    assert gradcheck(lambda x: extract_patches(x, size, stride=stride), images)
    assert gradcheck(lambda x: merge_patches(x, images.shape[2:], size, stride=stride), tokens)


def test_gradients_of_the_bijection(case):
    images, size, grid = (case[0][:1].requires_grad_(), *case[1:])
    embed = PatchEmbedding(images.shape[1], size, 2, dtype=torch.float64)
    tokens = patchify(images, size).detach().requires_grad_()
    assert gradcheck(lambda x: patchify(x, size), images)
    assert gradcheck(lambda x: unpatchify(x, grid, channels=images.shape[1]), tokens)
    assert gradcheck(embed, images)
    assert gradgradcheck(lambda x: patchify(x, size).pow(2), images)


IMAGES = torch.zeros(2, 3, 8, 12)
TOKENS = torch.zeros(2, 6, 48)


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(lambda: patchify([[1.0]], 2), r"images must be a tensor \(B, C, H, W\), got list"),
        bad(lambda: patchify(IMAGES[0], 4), r"images must have shape \(B, C, H, W\), got \(3, 8, 12\)"),
        bad(lambda: patchify(IMAGES[:0], 4), r"images must not be empty: .* got \(0, 3, 8, 12\)"),
        bad(lambda: patchify(IMAGES, 5), r"patch_size 5 does not divide the image size H, W = 8, 12"),
        bad(lambda: patchify(IMAGES, 8), r"patch_size 8 does not divide the image size H, W = 8, 12"),
        bad(lambda: patchify(IMAGES, 24), r"patch_size 24 does not divide the image size H, W = 8, 12"),
        bad(lambda: patchify(IMAGES, 0), r"patch_size must be a whole number of at least 1, got 0"),
        bad(lambda: patchify(IMAGES, -4), r"patch_size must be a whole number of at least 1, got -4"),
        bad(lambda: patchify(IMAGES, 4.0), r"patch_size must be a whole number of at least 1, got 4.0"),
        bad(lambda: patchify(IMAGES, True), r"patch_size must be a whole number of at least 1, got True"),
        bad(lambda: patchify(IMAGES, (4, 4)), r"patch_size must be a whole number of at least 1, got \(4, 4\)"),
        bad(lambda: patchify(IMAGES, None), r"patch_size must be a whole number of at least 1, got None"),
        bad(
            lambda: unpatchify(TOKENS[0], (2, 3), channels=3), r"patches must have shape \(B, N, C·P·P\), got \(6, 48\)"
        ),
        bad(lambda: unpatchify(TOKENS[:, :0], (2, 3), channels=3), r"patches must not be empty"),
        bad(lambda: unpatchify(TOKENS, (2, 4), channels=3), r"grid 2×4 has 8 patches, got N = 6"),
        bad(lambda: unpatchify(TOKENS, 6, channels=3), r"grid must be a pair \(rows, columns\), got 6"),
        bad(lambda: unpatchify(TOKENS, (6,), channels=3), r"grid must be a pair \(rows, columns\), got \(6,\)"),
        bad(
            lambda: unpatchify(TOKENS, (-2, -3), channels=3), r"grid \(rows, columns\) must be a whole number .* got -2"
        ),
        bad(
            lambda: unpatchify(TOKENS, (2.0, 3), channels=3),
            r"grid \(rows, columns\) must be a whole number .* got 2.0",
        ),
        bad(
            lambda: unpatchify(TOKENS, (2, 3), channels=1), r"a patch of 48 numbers is not 1 channel\(s\) of P×P pixels"
        ),
        bad(lambda: unpatchify(TOKENS, (2, 3), channels=96), r"a patch of 48 numbers is not 96 channel\(s\)"),
        bad(lambda: unpatchify(TOKENS, (2, 3), channels=0), r"channels must be a whole number of at least 1, got 0"),
        bad(
            lambda: extract_patches(IMAGES[0], 4, stride=2), r"images must have shape \(B, C, H, W\), got \(3, 8, 12\)"
        ),
        bad(lambda: extract_patches(IMAGES, 3, stride=2), r"H, W = 8, 12; padded to 9, 13 they would"),
        bad(lambda: extract_patches(IMAGES, 16, stride=2), r"H, W = 8, 12; padded to 16, 16 they would"),
        bad(lambda: extract_patches(IMAGES, 4, stride=0), r"stride must be a whole number of at least 1, got 0"),
        bad(lambda: extract_patches(IMAGES, 4, stride=1.5), r"stride must be a whole number of at least 1, got 1.5"),
        bad(lambda: extract_patches(IMAGES, True, stride=1), r"patch_size must be a whole number .* got True"),
        bad(lambda: merge_patches(TOKENS[0], (8, 12), 4, stride=4), r"patches must have shape \(B, N, C·P·P\)"),
        bad(
            lambda: merge_patches(TOKENS.long(), (8, 12), 4, stride=4),
            r"patches must hold floating-point .* torch.int64",
        ),
        bad(lambda: merge_patches(TOKENS, (8, 12), 4, stride=2), r"expected patches \(B, 15, C·16\), got \(2, 6, 48\)"),
        bad(lambda: merge_patches(TOKENS, (10, 15), 5, stride=5), r"expected patches \(B, 6, C·25\), got \(2, 6, 48\)"),
        bad(lambda: merge_patches(TOKENS, (9, 14), 4, stride=5), r"stride 5 > patch_size 4 leaves pixels uncovered"),
        bad(lambda: merge_patches(TOKENS, (8, 13), 4, stride=4), r"H, W = 8, 13; padded to 8, 16 they would"),
        bad(lambda: merge_patches(TOKENS, 8, 4, stride=4), r"image_size must be a pair \(H, W\), got 8"),
        bad(lambda: patch_centers((0, 3)), r"grid \(rows, columns\) must be a whole number of at least 1, got 0"),
        bad(
            lambda: patch_centers((2, 3), dtype=torch.int64),
            r"dtype must be a floating-point torch.dtype .* got torch.int64",
        ),
        bad(lambda: patch_centers((2, 3), device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(
            lambda: patch_centers((2, 3), dtype=torch.float8_e5m2),
            r"dtype must be a floating-point torch.dtype of 16 to 64 bits, got torch.float8_e5m2",
        ),
        bad(lambda: patch_centers((2, 3), device="vulkan"), r"^device vulkan is not on this machine$"),
        bad(lambda: PatchEmbedding(3, 4, 8, device="hpu"), r"^device hpu is not on this machine$"),
        bad(lambda: PatchEmbedding(3, 4, 8, device="gpu"), r"device must name a torch device, got 'gpu'"),
        bad(lambda: PatchEmbedding(3, 4, 8, dtype=torch.int64), r"dtype must be a floating-point .* got torch.int64"),
        bad(lambda: PatchEmbedding(3, 4, 8, dtype=torch.complex64), r"dtype must be .* got torch.complex64"),
        bad(lambda: PatchEmbedding(3, 4, 8, dtype="float32"), r"dtype must be a floating-point .* got 'float32'"),
        bad(lambda: patchify(IMAGES, torch.tensor(True)), r"patch_size must be a whole number .* got tensor\(True\)"),
        bad(lambda: patchify(IMAGES, torch.tensor([4])), r"patch_size must be a whole number .* got a Tensor \(1,\)"),
        bad(lambda: patchify(IMAGES, np.ones((50, 50))), r"patch_size must be a whole .* got a ndarray \(50, 50\)"),
        bad(lambda: patchify(IMAGES, torch.tensor(4, device="meta")), r"patch_size must be a whole number"),
        bad(
            lambda: patchify(IMAGES.to_sparse_coo(), 4),
            r"images must be dense, got torch.sparse_coo; use .to_dense\(\)",
        ),
        bad(lambda: sincos_position_embedding((2, 3), 6), r"dim must be a multiple of 4 .* got 6"),
        bad(lambda: sincos_position_embedding((2, 3), 0), r"dim must be a whole number of at least 1, got 0"),
        bad(
            lambda: sincos_position_embedding((2, True), 8),
            r"grid \(rows, columns\) must be a whole number .* got True",
        ),
        bad(lambda: PatchEmbedding(0, 4, 8), r"channels must be a whole number of at least 1, got 0"),
        bad(lambda: PatchEmbedding(3, 4.0, 8), r"patch_size must be a whole number of at least 1, got 4.0"),
        bad(lambda: PatchEmbedding(3, 4, 0), r"dim must be a whole number of at least 1, got 0"),
        bad(lambda: PatchEmbedding(3, 4, 8)(IMAGES[0]), r"images must have shape \(B, C, H, W\)"),
        bad(
            lambda: PatchEmbedding(1, 4, 8)(IMAGES),
            r"shape \(B, 1, multiple of 4, multiple of 4\), got \(2, 3, 8, 12\)",
        ),
        bad(
            lambda: PatchEmbedding(3, 5, 8)(IMAGES),
            r"shape \(B, 3, multiple of 5, multiple of 5\), got \(2, 3, 8, 12\)",
        ),
        bad(
            lambda: PatchEmbedding(3, 4, 8)(IMAGES.double()),
            r"dtypes differ: images torch.float64, weight torch.float32",
        ),
        bad(lambda: PatchEmbedding(3, 4, 8)(IMAGES.long()), r"dtypes differ: images torch.int64, weight torch.float32"),
        bad(lambda: PatchEmbedding(3, 4, 8)(IMAGES.to("meta")), r"devices differ: images on meta, weight on cpu"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
