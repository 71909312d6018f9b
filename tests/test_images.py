import contextlib
import io
import os
import re
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL
import pytest
import skimage
import skimage.io
import torch
from pictures import ADOBE, GRAY, INKS, LINEAR, SRGB, fixed, iccp, of_three_lights, png, tiff
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin, features
from sklearn.datasets import load_digits

from patchwork import images
from patchwork.images import digits, load_image, sample_names, stereo_pair, texture_mosaic
from patchwork.patches import patchify
from patchwork.relations import same_region_auc


@pytest.fixture
def pixels(rng, seed):
    """A random photograph: smooth, so that JPEG keeps it, with different sides and no symmetry."""
    height, width = rng.randint(40, 60), rng.randint(70, 90)
    small = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def as_tensor(pixels):
    return torch.tensor(pixels).permute(2, 0, 1) / 255


def saved(picture, form, **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def gray(values, form="TIFF"):
    return saved(Image.fromarray(values), form)


def levels(content, count=255):
    """The colors of the first row, as whole numbers."""
    return (load_image(content, dtype=torch.float64)[:, 0].T * count).round().int().tolist()


# what loads


def test_samples_are_the_bundled_photographs():
    for name in sample_names():
        bundled = skimage.io.imread(os.path.join(skimage.data_dir, f"{name}.png"))
        three = bundled if bundled.ndim == 3 else np.repeat(bundled[..., None], 3, axis=2)
        assert torch.equal(load_image(name), as_tensor(three))


def test_a_path_bytes_and_files_load_alike(pixels, tmp_path):
    content = saved(Image.fromarray(pixels), "PNG")
    path = tmp_path / "my photo.png"
    path.write_bytes(content)
    with path.open("rb") as file:
        sources = [path, str(path), content, bytearray(content), memoryview(content), io.BytesIO(content), file]
        for source in sources:
            assert torch.equal(load_image(source), as_tensor(pixels))


def test_an_open_file_can_be_given_twice(pixels, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    with path.open("rb") as file:
        assert torch.equal(load_image(file), load_image(file))


def test_a_file_that_cannot_be_rewound_is_read_from_where_it_is(pixels):
    class Stream:
        def read(self):
            return saved(Image.fromarray(pixels), "PNG")

    class Pipe(Stream, io.RawIOBase):
        """Seekable says no, and seek raises."""

    for stream in (Stream(), Pipe()):
        assert torch.equal(load_image(stream), as_tensor(pixels))


def test_the_home_folder_may_be_abbreviated(pixels, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    assert torch.equal(load_image("~/photo.png"), as_tensor(pixels))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_result_is_floating_contiguous_and_within_bounds(dtype):
    image = load_image("camera", size=(20, 30), dtype=dtype)
    assert (image.dtype, image.shape, image.is_contiguous()) == (dtype, (3, 20, 30), True)
    assert 0 <= image.min() < image.max() <= 1


@pytest.mark.parametrize(("form", "off"), [("PNG", 0), ("BMP", 0), ("TIFF", 0), ("WEBP", 0), ("JPEG", 0.1)])
def test_formats(pixels, form, off):
    options = {"lossless": True} if form == "WEBP" else {}
    loaded = load_image(saved(Image.fromarray(pixels), form, **options))
    assert (loaded - as_tensor(pixels)).abs().mean() <= off


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_rotation_is_respected(pixels, orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.fromarray(pixels), form, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert torch.equal(load_image(content), as_tensor(np.asarray(upright)))
    tall = load_image(content, size=(12, 8))
    expected = as_tensor(np.asarray(ImageOps.fit(upright, (8, 12))))
    assert tall.shape == (3, 12, 8)
    assert (tall - expected).abs().max() <= 0.2  # a JPEG decoded small differs at steep edges, and on average hardly
    assert (tall - expected).abs().mean() <= 0.05


@pytest.mark.parametrize(("orientation", "size"), [(1, (20, 2)), (3, (20, 2)), (6, (2, 20)), (8, (2, 20))])
def test_a_jpeg_decoded_small_is_still_sharp(orientation, size, seed):
    """Of 400 × 50 pixels the height decides; a decoder that mixed up the sides would keep 7 of its 50 rows."""
    stripes = np.random.default_rng(seed).integers(0, 2, (50 // 5, 1, 1)).repeat(5, 0).repeat(400, 1).repeat(3, 2) * 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.fromarray(stripes.astype(np.uint8)), "JPEG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    expected = as_tensor(np.asarray(ImageOps.fit(upright, size[::-1])))
    assert (load_image(content, size=size) - expected).abs().max() < 0.05


def test_a_broken_exif_block_does_no_harm(pixels):
    assert torch.equal(load_image(saved(Image.fromarray(pixels), "PNG", exif=b"Exif\0\0broken")), as_tensor(pixels))
    exif = Image.Exif()
    exif[0x0112] = 99
    assert torch.equal(load_image(saved(Image.fromarray(pixels), "PNG", exif=exif)), as_tensor(pixels))


def test_transparency_is_laid_over_white(pixels):
    alpha = np.arange(pixels.shape[1], dtype=np.uint8)[None].repeat(pixels.shape[0], 0) * 2
    share = torch.from_numpy(alpha / 255)
    expected = as_tensor(pixels) * share + (1 - share)
    content = saved(Image.fromarray(np.dstack([pixels, alpha])), "PNG")
    torch.testing.assert_close(load_image(content), expected.float(), atol=1.5 / 255, rtol=0)
    gray_alpha = saved(Image.fromarray(np.dstack([pixels[..., 0], alpha])), "PNG")
    torch.testing.assert_close(load_image(gray_alpha)[1], expected[0].float(), atol=1.5 / 255, rtol=0)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_transparent_palette_entries_are_white(form):
    picture = Image.new("P", (4, 2))
    picture.putpalette([0, 0, 0, 200, 100, 0])
    picture.putdata([0, 1] * 4)
    loaded = load_image(saved(picture, form, transparency=0))
    assert (loaded * 255).round()[:, 0].T.tolist() == [[255, 255, 255], [200, 100, 0]] * 2


def test_a_color_key_is_white():
    picture = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8))
    loaded = load_image(saved(picture, "PNG", transparency=(1, 2, 3)))
    assert (loaded * 255).round()[:, 0].T.tolist() == [[255, 255, 255], [4, 5, 6]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_color_key_of_gray_has_the_depth_of_its_file(depth):
    white = 2**depth - 1
    for key in {0, 1, white // 3, white}:
        samples = [0, white, key, key ^ 1]
        found = levels(png(depth, 0, samples, (b"tRNS", struct.pack(">H", key))), white)
        assert [row[0] for row in found] == [white if sample == key else sample for sample in samples]


@pytest.mark.parametrize(("depth", "key"), [(8, (1, 2, 3)), (16, (1000, 2000, 3000)), (16, (300, 2, 65535))])
def test_a_color_key_of_a_color_has_the_depth_of_its_file(depth, key):
    """Near it, colors that only the last bit of one channel tells from it."""
    pixels = [key, *(np.array(key) ^ np.eye(3, dtype=int)).tolist(), key]
    found = levels(png(depth, 2, pixels, (b"tRNS", struct.pack(">3H", *key))))
    kept = [[sample >> depth - 8 for sample in pixel] for pixel in pixels[1:4]]
    assert found == [[255] * 3, *kept, [255] * 3]


def test_bits_of_a_color_key_beyond_the_depth_do_not_count():
    key = struct.pack(">3H", 257, 514, 771)
    assert levels(png(8, 2, [1, 2, 3, 4, 5, 6], (b"tRNS", key))) == [[255] * 3, [4, 5, 6]]
    assert levels(png(2, 0, [1, 2], (b"tRNS", struct.pack(">H", 5)))) == [[255] * 3, [170] * 3]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_of_any_depth_may_be_transparent(depth):
    palette = (b"PLTE", bytes([10, 20, 30, 40, 50, 60]))
    for alphas, first in ((b"\0", 255), (b"\x80\xff", 132)):
        found = levels(png(depth, 3, [0, 1], palette, (b"tRNS", alphas)))
        assert found[1] == [40, 50, 60]
        assert abs(found[0][0] - first) <= 1


@pytest.mark.parametrize("kind", [4, 6])
def test_transparency_in_16_bits_is_laid_over_white(kind):
    (found,) = levels(png(16, kind, [0] * (kind // 2 - 1) + [0x8080] if kind == 4 else [0, 0, 0, 0x8080]))
    assert found == [127] * 3


def test_gray_with_its_transparency_multiplied_in():
    content = bytearray(saved(Image.fromarray(np.array([[[40, 128]]], dtype=np.uint8), "LA"), "TIFF"))
    at = content.index(struct.pack("<2HI", 338, 3, 1)) + 8
    content[at] = 1  # of the extra sample it now says so
    if "La" in {mode for mode, _ in TiffImagePlugin.OPEN_INFO.values()}:
        assert levels(bytes(content)) == [[40 + 127] * 3]


@pytest.mark.parametrize(
    "mode",
    [
        *("1", "L", "P", "CMYK", "LA", "RGBA"),
        pytest.param(
            "YCbCr", marks=pytest.mark.skipif(PIL.__version__ < "13", reason="older Pillow can't read its own")
        ),
    ],
)
def test_modes_become_rgb(pixels, mode):
    picture = Image.fromarray(pixels).convert(mode)
    form = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    expected = as_tensor(np.asarray(picture.convert("RGB")))
    torch.testing.assert_close(load_image(saved(picture, form)), expected, atol=1 / 255, rtol=0)


def test_cmyk_jpeg(pixels):
    picture = Image.fromarray(pixels).convert("CMYK")
    assert (load_image(saved(picture, "JPEG")) - as_tensor(np.asarray(picture.convert("RGB")))).abs().mean() < 0.05


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_gray_keeps_its_levels(form, seed):
    values = np.random.default_rng(seed).integers(0, 65536, (5, 7), dtype=np.uint16)
    loaded = load_image(gray(values, form), dtype=torch.float64)
    torch.testing.assert_close(loaded, torch.from_numpy(values / 65535).expand(3, -1, -1), atol=1e-7, rtol=0)


def test_a_16_bit_color_key_is_white():
    picture = Image.fromarray(np.array([[300, 301, 0]], dtype=np.uint16))
    loaded = load_image(saved(picture, "PNG", transparency=300))
    assert (loaded * 65535).round()[0].tolist() == [[65535, 301, 0]]


@pytest.mark.parametrize(
    ("values", "bits", "told", "expected"),
    [
        ([0, 1, 1, 0], 1, {}, [0, 1, 1, 0]),
        ([0, 1, 2, 3], 2, {}, [0, 1 / 3, 2 / 3, 1]),
        ([0, 3, 10, 15], 4, {}, [0, 3 / 15, 10 / 15, 1]),
        ([0, 100, 255], 8, {}, [0, 100 / 255, 1]),
        ([0, 1000, 4095, 2048], 12, {}, [0, 1000 / 4095, 1, 2048 / 4095]),
        ([0, 1000, 65535], 16, {}, [0, 1000 / 65535, 1]),
        ([0, 1000, 65535], 16, {"order": ">"}, [0, 1000 / 65535, 1]),
        ([0, 100, 127], 8, {"form": 2}, [0, 100 / 127, 1]),
        ([0, 1000, 32767], 16, {"form": 2}, [0, 1000 / 32767, 1]),
        ([0, 1000, 32767], 16, {"form": 2, "order": ">"}, [0, 1000 / 32767, 1]),
        ([0, 1000, 65535], 32, {}, [0, 1000 / 65535, 1]),
        ([0, 1000, 65535], 32, {"form": 2, "order": ">"}, [0, 1000 / 65535, 1]),
        ([0, 0.25, 1], 32, {"form": 3}, [0, 0.25, 1]),
        ([0, 0.25, 1], 32, {"form": 3, "order": ">"}, [0, 0.25, 1]),
        ([0, 1, 1, 0], 1, {"photometric": 0}, [1, 0, 0, 1]),
        ([0, 1, 2, 3], 2, {"photometric": 0}, [1, 2 / 3, 1 / 3, 0]),
        ([0, 3, 10, 15], 4, {"photometric": 0}, [1, 12 / 15, 5 / 15, 0]),
        ([0, 100, 255], 8, {"photometric": 0}, [1, 155 / 255, 0]),
        ([0, 1000, 65535], 16, {"photometric": 0}, [1, 64535 / 65535, 0]),
        ([0, 0.25, 1], 32, {"form": 3, "photometric": 0}, [1, 0.75, 0]),
        ([0, 0.25, 1], 32, {"form": 3, "photometric": 0, "order": ">"}, [1, 0.75, 0]),
    ],
    ids=str,
)
def test_gray_is_as_a_tiff_declares_it(values, bits, told, expected):
    found = load_image(tiff(values, bits, **told), dtype=torch.float64)
    torch.testing.assert_close(found[1, 0], torch.tensor(expected, dtype=torch.float64), atol=1e-7, rtol=0)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_white_is_zero_where_a_tiff_is_compressed_or_turned(compression):
    values = np.array([[0, 1000, 65535]], dtype=np.uint16)
    content = saved(Image.fromarray(values), "TIFF", compression=compression, tiffinfo={262: 0, 274: 6})
    expected = 1 - torch.tensor(values).double() / 65535
    torch.testing.assert_close(load_image(content, dtype=torch.float64)[0, :, 0], expected[0], atol=1e-7, rtol=0)


def test_32_bit_gray_of_16_bit_levels(seed):
    values = np.random.default_rng(seed).integers(0, 65536, (5, 7), dtype=np.int32)
    torch.testing.assert_close(load_image(gray(values))[0], torch.from_numpy(values / 65535).float())


def test_float_pictures_are_kept(seed):
    values = np.random.default_rng(seed).random((5, 7), dtype=np.float32)
    assert torch.equal(load_image(gray(values))[2], torch.from_numpy(values))
    enlarged = load_image(
        gray(np.indices((5, 7)).sum(0) % 2 * np.float32(1)), size=(40, 56)
    )  # overshoots, if not clipped
    assert (enlarged.min(), enlarged.max()) == (0, 1)


COLOR, BROWSERS = (60, 160, 90), [0, 161, 85]  # in Adobe RGB, and what Chromium shows of it


def chunk(name, *numbers):
    return name, struct.pack(f">{len(numbers)}I", *(round(100_000 * number) for number in numbers))


SRGB_LIGHTS = chunk(b"cHRM", 0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE_CHROMATICITIES = chunk(b"cHRM", 0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
OF_16_BITS = [257 * level for level in COLOR]


SHOWN = {
    "Adobe RGB": (png(8, 2, COLOR, iccp(ADOBE)), BROWSERS),
    "Adobe RGB, 16 bits": (png(16, 2, OF_16_BITS, iccp(ADOBE)), BROWSERS),
    "Adobe RGB, palette": (png(8, 3, [0], iccp(ADOBE), (b"PLTE", bytes(COLOR))), BROWSERS),
    "Adobe RGB, alpha": (png(8, 6, [*COLOR, 128], iccp(ADOBE)), [127, 208, 169]),
    "Adobe RGB, color key": (png(8, 2, COLOR, iccp(ADOBE), (b"tRNS", struct.pack(">3H", *COLOR))), [255] * 3),
    "gray": (png(8, 0, [60], iccp(GRAY)), [133] * 3),
    "gray, 16 bits": (png(16, 0, [60 * 257], iccp(GRAY)), [133] * 3),
    "gray, alpha": (png(8, 4, [60, 128], iccp(GRAY)), [194] * 3),
    "gray, alpha, 16 bits": (png(16, 4, [60 * 257, 0x8080], iccp(GRAY)), [194] * 3),
    "gray by a profile for color": (png(8, 0, [60], iccp(LINEAR)), [133] * 3),
    "gray by a profile for color, 16 bits": (png(16, 0, [60 * 257], iccp(LINEAR)), [133] * 3),
    "color by a profile for gray": (png(8, 2, COLOR, iccp(GRAY)), COLOR),
    "color by a profile for inks": (png(8, 2, COLOR, iccp(INKS)), COLOR),
    "sRGB": (png(8, 2, COLOR, iccp(SRGB)), COLOR),
    "cut off": (png(8, 2, COLOR, iccp(ADOBE[:200])), COLOR),
    "nonsense": (png(8, 2, COLOR, iccp(b"nonsense" * 30)), COLOR),
    "nonsense beside a gamma": (png(8, 2, COLOR, iccp(b"nonsense" * 30), chunk(b"gAMA", 1)), [133, 208, 160]),
    "gamma": (png(8, 2, COLOR, chunk(b"gAMA", 1)), [133, 208, 160]),
    "gamma, palette": (png(8, 3, [0], chunk(b"gAMA", 1), (b"PLTE", bytes(COLOR))), [133, 208, 160]),
    "gamma above": (png(8, 2, COLOR, chunk(b"gAMA", 0.48)), [63, 165, 95]),
    "gamma at the upper end of sRGB's": (png(8, 2, COLOR, chunk(b"gAMA", 0.475)), COLOR),
    "gamma at the lower end of sRGB's": (png(8, 2, COLOR, chunk(b"gAMA", 0.435)), COLOR),
    "gamma below": (png(8, 2, COLOR, chunk(b"gAMA", 0.43)), [52, 157, 84]),
    "gamma and lights of sRGB": (png(8, 2, COLOR, chunk(b"gAMA", 0.45455), SRGB_LIGHTS), [57, 161, 90]),
    "gamma and lights of Adobe RGB": (png(8, 2, COLOR, chunk(b"gAMA", 0.45455), ADOBE_CHROMATICITIES), BROWSERS),
    "lights alone": (png(8, 2, COLOR, ADOBE_CHROMATICITIES), COLOR),
    "sRGB before a gamma": (png(8, 2, COLOR, (b"sRGB", b"\0"), chunk(b"gAMA", 1)), COLOR),
    "Adobe RGB before sRGB": (png(8, 2, COLOR, (b"sRGB", b"\0"), iccp(ADOBE)), BROWSERS),
    "Adobe RGB before a gamma": (png(8, 2, COLOR, chunk(b"gAMA", 1), iccp(ADOBE)), BROWSERS),
    "gamma of zero": (png(8, 2, COLOR, chunk(b"gAMA", 0)), COLOR),
    "lights that can't be": (png(8, 2, COLOR, chunk(b"gAMA", 1), chunk(b"cHRM", *[0] * 8)), COLOR),
    "gamma, gray": (png(8, 0, [60], chunk(b"gAMA", 1)), [133] * 3),
    "gamma, gray, 16 bits": (png(16, 0, [60 * 257], chunk(b"gAMA", 1)), [133] * 3),
    "gamma and lights, gray": (png(8, 0, [60], chunk(b"gAMA", 0.45455), SRGB_LIGHTS), [57] * 3),
}  # files, and what Chromium shows of them


@pytest.mark.parametrize(("content", "shown"), SHOWN.values(), ids=SHOWN)
def test_colors_are_those_that_a_browser_shows(content, shown):
    (found,) = levels(content)
    assert max(abs(ours - theirs) for ours, theirs in zip(found, shown, strict=True)) <= 1


@pytest.mark.parametrize(
    ("mode", "color", "embedded", "shown"),
    [
        ("RGB", COLOR, ADOBE, BROWSERS),
        ("RGB", COLOR, GRAY, COLOR),
        ("RGB", COLOR, INKS, COLOR),
        ("RGB", COLOR, SRGB, COLOR),
        ("RGB", COLOR, ADOBE[:200], COLOR),
        ("L", 60, GRAY, [133] * 3),
        ("L", 60, ADOBE, [57] * 3),
        ("CMYK", (200, 10, 20, 30), ADOBE, [49, 216, 207]),
        ("CMYK", (200, 10, 20, 0), INKS, [255] * 3),
        ("CMYK", (200, 10, 20, 255), INKS, [0] * 3),
    ],
)
def test_a_color_profile_of_any_form_leads_to_srgb(mode, color, embedded, shown):
    forms = {"JPEG": {"quality": 100}, "TIFF": {}, "WEBP": {"lossless": True}}
    if mode != "RGB":
        del forms["WEBP"]  # it has neither gray nor inks
    for form, options in forms.items():
        content = saved(Image.new(mode, (16, 16), color), form, icc_profile=embedded, **options)
        assert (load_image(content)[:, 3, 3] * 255 - torch.tensor(shown)).abs().max() <= 1.5


def on_the_curve_of_srgb(light):
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("embedded", "most", "fewest"), [(GRAY, 1e-4, 2900), (LINEAR, 1e-2, 1000)], ids=["gray", "color"]
)
@pytest.mark.parametrize("whole", [True, False])
def test_deep_gray_keeps_its_levels_on_the_curve_of_srgb(whole, embedded, most, fewest):
    light = np.linspace(0, 1, 3000)
    values = (light * 65535).round().astype(np.uint16) if whole else light.astype(np.float32)
    found = load_image(saved(Image.fromarray(values[None]), "TIFF", icc_profile=embedded), dtype=torch.float64)[0, 0]
    assert np.abs(found.numpy() - on_the_curve_of_srgb(values / (65535 if whole else 1))).max() < most
    assert len(found.unique()) > fewest


@pytest.mark.parametrize("embedded", [GRAY, LINEAR], ids=["gray", "color"])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_every_gray_of_8_bits_is_on_the_curve_of_srgb(form, embedded):
    """Blocks of JPEG's size; littlecms, left to itself, is off by ten levels in the dark."""
    ramp = np.arange(256, dtype=np.uint8).repeat(8)[None].repeat(8, 0)
    options = {"quality": 100} if form == "JPEG" else {}
    found = load_image(saved(Image.fromarray(ramp), form, icc_profile=embedded, **options))[:, 3, 3::8] * 255
    assert np.abs(found.numpy() - 255 * on_the_curve_of_srgb(np.arange(256) / 255)).max() < 0.6


def test_a_profile_of_srgb_changes_no_number(pixels):
    for form in ("PNG", "TIFF"):
        assert torch.equal(load_image(saved(Image.fromarray(pixels), form, icc_profile=SRGB)), as_tensor(pixels))


def test_a_profile_that_is_off_by_one_level_at_most_is_that_of_srgb():
    lights = (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7135)
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    near, colors = of_three_lights(curve, *lights), np.indices((18, 18, 18), dtype=np.uint8).reshape(3, 18, -1).T * 15
    by_littlecms = ImageCms.profileToProfile(Image.fromarray(colors), io.BytesIO(near), ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(by_littlecms, dtype=int) - colors).max() == 1
    assert torch.equal(load_image(saved(Image.fromarray(colors), "PNG", icc_profile=near)), as_tensor(colors))


def test_colors_are_converted_before_a_picture_is_scaled(pixels):
    content = saved(Image.fromarray(pixels), "PNG", icc_profile=ADOBE)
    whole = Image.fromarray((load_image(content) * 255).round().byte().permute(1, 2, 0).numpy())
    assert torch.equal(load_image(content, size=(9, 12)), as_tensor(np.asarray(ImageOps.fit(whole, (12, 9)))))


def test_a_pillow_without_littlecms_says_so(monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: name != "littlecms2")
    for content in (png(8, 2, COLOR, iccp(ADOBE)), png(16, 0, [9], iccp(GRAY))):
        assert "has a color profile, which this Pillow can't apply (no littlecms); save it as sRGB" in error_of(content)
    assert levels(png(8, 2, COLOR)) == [list(COLOR)]


def test_the_filters_of_warnings_are_the_callers(monkeypatch):
    content = png(8, 2, COLOR, iccp(ADOBE))
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(load_image, [content] * 40))) == 40
    assert warnings.filters == before
    monkeypatch.setattr(warnings, "catch_warnings", None)  # threads that enter and leave it in turns mix up the filters
    load_image(content)


def test_the_first_frame_of_an_animation(pixels):
    frames = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    content = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert torch.equal(load_image(content), as_tensor(pixels))


@pytest.mark.parametrize("size", [16, (16, 16), (10, 40), [40, 10], (300, 200), 1])
def test_size_covers_and_crops_at_the_center(pixels, size):
    rows, columns = (size, size) if isinstance(size, int) else size
    expected = ImageOps.fit(Image.fromarray(pixels), (columns, rows))
    assert torch.equal(load_image(saved(Image.fromarray(pixels), "PNG"), size=size), as_tensor(np.asarray(expected)))


def test_scaling_is_antialiased():
    board = np.indices((200, 200)).sum(0) % 2 * np.uint8(255)
    image = load_image(gray(board.astype(np.uint8), "PNG"), size=20)
    assert (image - 0.5).abs().max() < 0.05


def test_a_huge_jpeg_is_decoded_small(tmp_path):
    path = tmp_path / "huge.jpg"
    Image.new("RGB", (12000, 8000), (10, 200, 30)).save(path, quality=30)  # above the limit at which Pillow warns
    assert Image.MAX_IMAGE_PIXELS < 12000 * 8000
    with pytest.warns(Image.DecompressionBombWarning):
        image = load_image(path, size=64)
    assert "makes Pillow warn (Image size (96000000 pixels)" in error_of(path, size=64)
    assert (image.mean((1, 2)) * 255 - torch.tensor([10, 200, 30])).abs().max() < 4


# what does not load


def error_of(source, **options):
    with pytest.raises(ValueError) as caught:
        load_image(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_unknown_names_list_the_samples():
    expected = "'cofee' is neither a file nor a sample; the samples are " + ", ".join(sample_names())
    assert error_of("cofee") == expected
    assert "neither a file nor a sample" in error_of("")
    assert "neither a file nor a sample" in error_of("no/such/photo.jpg")
    assert "neither a file nor a sample" in error_of("a\0b")
    assert "neither a file nor a sample" in error_of("x" * 5000)


def test_folders_and_files_that_are_no_pictures(tmp_path):
    assert "is a folder; give the path of one image in it" in error_of(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("not a picture")
    assert error_of(text) == f"{str(text)!r} is no image that Pillow can read; save it as PNG or JPEG"
    (tmp_path / "empty.png").touch()
    assert "is no image that Pillow can read" in error_of(tmp_path / "empty.png")
    assert error_of(b"") == "the uploaded file is empty; choose a picture, such as PNG or JPEG"
    assert error_of(b"not a picture") == "the uploaded file is no image that Pillow can read; save it as PNG or JPEG"


@pytest.mark.parametrize(
    "source", [None, 3, 1.5, ["coffee"], torch.zeros(3, 4, 4), np.zeros((4, 4, 3)), io.StringIO("x")]
)
def test_other_sources(source):
    assert "expected a sample's name, a path, bytes or a binary file, got" in error_of(source)


def test_files_that_cannot_be_read(pixels, tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    with path.open("rb") as closed:
        pass
    assert error_of(closed) == "the uploaded file can't be read (I/O operation on closed file)"
    with path.open(encoding="utf-8") as text:
        assert error_of(text).startswith("the uploaded file can't be read ('utf-8' codec can't decode")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)  # the rights of a file do not bind an administrator who runs the tests
    assert error_of(path) == f"{str(path)!r} can't be read: permission denied"


def test_what_does_not_fit_into_memory(pixels, monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(ImageOps, "fit", refuse)
    message = "the uploaded file does not fit into memory; scale it down first"
    assert error_of(saved(Image.fromarray(pixels), "PNG"), size=8) == message


def test_a_size_over_the_limit_of_pixels(monkeypatch):
    most = 2 * Image.MAX_IMAGE_PIXELS
    for size in (200_000, (200_000, 200_000), (1, most + 1)):
        assert re.fullmatch(rf"size \(\d+, \d+\) has more than {most} pixels", error_of("coffee", size=size))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    assert "size (10, 11) has more than 100 pixels" in error_of("coffee", size=(10, 11))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert load_image("coffee", size=(10, 11)).shape == (3, 10, 11)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
def test_truncated_files(pixels, form):
    content = saved(Image.fromarray(pixels), form)
    for share in (0.9, 0.5, 0.1):
        assert "save it" in error_of(content[: int(len(content) * share)])


def test_corrupt_files_either_load_or_give_the_one_error(pixels, rng):
    for form in ("PNG", "JPEG", "TIFF", "GIF", "BMP"):
        content = saved(Image.fromarray(pixels), form)
        for _ in range(20):
            broken = bytearray(content)
            for _ in range(8):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            with contextlib.suppress(ValueError):
                assert load_image(bytes(broken), size=8).shape == (3, 8, 8)


def test_pictures_over_the_limit(monkeypatch, pixels):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert (
        error_of(saved(Image.fromarray(pixels), "PNG"))
        == "the uploaded file has more than 2000 pixels; scale it down first"
    )


@pytest.mark.parametrize("values", [[[0.0, 1.5]], [[-0.1, 1.0]], [[0.0, np.nan]], [[np.inf, 0.0]]])
def test_float_pictures_outside_the_unit_interval(values):
    assert "holds values from" in error_of(gray(np.array(values, dtype=np.float32)))
    assert "expected 0 to 1" in error_of(gray(np.array(values, dtype=np.float32)))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (tiff([0, 2**32 - 1], 32), "from 0 to 4294967295, expected 0 to 65535"),
        (tiff([-5, 2**31 - 1], 32, form=2), "from -5 to 2147483647, expected 0 to 65535"),
        (tiff([-300, 20], 16, form=2), "from -300 to 20, expected 0 to 32767"),
        (tiff([-3, 20], 8, form=2), "from -3 to 20, expected 0 to 127"),
        (tiff([-0.5, 2], 32, form=3, photometric=0), "from -0.5 to 2, expected 0 to 1"),
    ],
)
def test_values_that_a_declared_depth_does_not_reach(content, found):
    assert error_of(content) == f"the uploaded file holds values {found}"


@pytest.mark.parametrize(
    "content",
    [tiff([0, 4095], 12, photometric=0), tiff([0, 1], 16, photometric=0, order=">"), tiff([0, 1], 64, form=3)],
)
def test_kinds_of_gray_that_pillow_lacks(content):
    assert error_of(content) == "the uploaded file is no image that Pillow can read; save it as PNG or JPEG"


def test_32_bit_gray_outside_16_bits():
    message = error_of(gray(np.array([[0, 65536]], dtype=np.int32)))
    assert message == "the uploaded file holds values from 0 to 65536, expected 0 to 65535"


@pytest.mark.parametrize("size", [0, -3, 2.0, True, "8", (8,), (8, 0), (8, 8, 3), (8, None)])
def test_bad_sizes(size):
    assert "size" in error_of("coffee", size=size)


@pytest.mark.parametrize("load", [lambda **place: load_image("coffee", **place), texture_mosaic, stereo_pair, digits])
def test_bad_placement(load):
    with pytest.raises(ValueError, match=r"dtype must be a floating-point torch.dtype .* got torch.uint8"):
        load(dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"device must name a torch device, got 'gpu'"):
        load(device="gpu")
    with pytest.raises(ValueError, match=r"^device (vulkan|vulkan:0) is not on this machine$"):
        load(device="vulkan")


# mosaics


@pytest.mark.parametrize("half", ["train", "test"])
def test_mosaics_show_the_textures_that_their_labels_name(half, generator, rng):
    grid, size, regions = (rng.randint(2, 12), rng.randint(2, 12)), rng.randint(6, 16), 3
    image, labels = texture_mosaic(grid=grid, patch_size=size, half=half, generator=generator)
    assert image.shape == (1, grid[0] * size, grid[1] * size)
    assert (labels.dtype, labels.shape) == (torch.int64, (grid[0] * grid[1],))
    start = 0 if half == "train" else 256
    for region, name in enumerate(("brick", "grass", "gravel")[:regions]):
        texture = load_image(name)[0].double()
        texture = (0.5 + (texture - texture.mean()) / texture.std(correction=0) / 8).clamp(0, 1)[:, start : start + 256]
        at = (labels == region).nonzero()[0, 0]
        patch = patchify(image[None], size)[0, at].view(size, size).double()
        windows = texture.unfold(0, size, 1).unfold(1, size, 1)
        assert (windows - patch).abs().amax((2, 3)).min() < 1e-6


@pytest.mark.parametrize(("half", "start"), [("train", 0), ("test", 256)])
def test_the_largest_mosaic_is_half_a_texture(half, start, generator):
    image, labels = texture_mosaic(grid=(32, 16), regions=1, half=half, generator=generator)
    halves = torch.tensor(images._textures())[:, :, start : start + 256]
    assert any(torch.equal(image[0], candidate) for candidate in halves)
    assert not labels.any()


@pytest.fixture
def flat_textures(monkeypatch):
    """Replace the textures by constants: 0, 1 and 2."""
    flat = np.arange(3, dtype=np.float32).repeat(512 * 512).reshape(3, 512, 512)
    monkeypatch.setattr(images, "_textures", lambda: flat)


def test_labels_are_exact_for_every_pixel(flat_textures, generator, rng):
    grid, size = (rng.randint(2, 16), rng.randint(2, 16)), rng.randint(1, 16)
    image, labels = texture_mosaic(grid=grid, patch_size=size, generator=generator)
    assert (patchify(image[None], size)[0] == labels[:, None]).all()


def test_fewer_regions_draw_among_all_textures(flat_textures, generator):
    drawn = [texture_mosaic(grid=(4, 4), regions=2, generator=generator) for _ in range(60)]
    assert all(labels.unique().tolist() == [0, 1] for _, labels in drawn)
    assert {tuple(image.unique().tolist()) for image, _ in drawn} == {(0, 1), (0, 2), (1, 2)}


def test_a_generator_repeats_a_mosaic(generator):
    image, labels = texture_mosaic(generator=generator)
    again, same = texture_mosaic(generator=generator.manual_seed(generator.initial_seed()))
    assert torch.equal(image, again)
    assert torch.equal(labels, same)
    assert not torch.equal(labels, texture_mosaic(generator=generator)[1])


def test_mosaics_are_made_on_the_cpu_whatever_the_default(generator):
    with torch.device("meta"):
        image, labels = texture_mosaic(generator=generator, device="cpu")
    assert torch.equal(labels, texture_mosaic(generator=generator.manual_seed(generator.initial_seed()))[1])
    assert image.device.type == "cpu"


def test_a_generator_draws_the_same_whatever_the_default_dtype(generator):
    image, labels = texture_mosaic(generator=generator)
    torch.set_default_dtype(torch.float64)
    try:
        again, same = texture_mosaic(generator=generator.manual_seed(generator.initial_seed()))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(labels, same)
    assert again.dtype == torch.float64
    assert torch.equal(image.double(), again)


@pytest.mark.parametrize("number", [np.uint8(2), np.int64(2), torch.tensor(2)])
def test_whole_numbers_of_any_kind_describe_a_mosaic(number, generator):
    _, expected = texture_mosaic(grid=(200, 2), patch_size=2, regions=2, generator=generator)
    generator.manual_seed(generator.initial_seed())
    grid = (np.uint8(200), number)
    assert torch.equal(texture_mosaic(grid=grid, patch_size=number, regions=number, generator=generator)[1], expected)


def test_the_first_draw_with_fair_shares_is_taken(monkeypatch, generator):
    """Of 16 patches in a row, two regions need two each; the draws leave the smaller one none, 1, 2, then 8."""
    borders = torch.full((64,), 8.0)
    borders[:3] = torch.tensor([0.0, 1.0, 2.0])
    points = torch.zeros(64, 2, 2)
    points[:, 1, 1] = 2 * borders / 16
    unfair = points[:1].expand(64, -1, -1)
    draws, uniform = iter([unfair, points]), images._uniform
    monkeypatch.setattr(images, "_uniform", lambda _, *shape: next(draws) if len(shape) == 3 else uniform(_, *shape))
    _, labels = texture_mosaic(grid=(1, 16), regions=2, generator=generator)
    assert labels.tolist() == [0, 0] + [1] * 14


@pytest.mark.parametrize("grid", [(1, 1), (1, 2), (1, 3), (2, 2), (16, 16), (32, 16), (3, 7)])
def test_every_region_has_a_fair_share(grid, generator):
    for regions in range(1, min(3, grid[0] * grid[1]) + 1):
        for _ in range(10):
            _, labels = texture_mosaic(grid=grid, regions=regions, generator=generator)
            assert labels.bincount(minlength=regions).min() >= grid[0] * grid[1] / (4 * regions)
            assert labels.max() < regions


@pytest.mark.parametrize("half", ["train", "test"])
def test_brightness_and_contrast_of_a_patch_tell_little(half, generator):
    brightness, contrast = [], []
    for _ in range(12):
        image, labels = texture_mosaic(half=half, generator=generator)
        tokens = patchify(image[None], 16)[0]
        for scores, cue in ((brightness, tokens.mean(1)), (contrast, tokens.std(1))):
            scores.append(same_region_auc(-(cue[:, None] - cue).abs(), labels))
    assert sum(brightness) / 12 < 0.6
    assert sum(contrast) / 12 < 0.65


def test_whole_textures_have_one_brightness_and_contrast(generator):
    spreads = [texture_mosaic(regions=1, generator=generator)[0] for _ in range(20)]
    for image in spreads:
        assert abs(image.mean() - 0.5) < 0.03
        assert abs(image.std() - 0.125) < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": (33, 16)}, r"a mosaic has at most 512 × 256 pixels, got 528 × 256"),
        ({"grid": (16, 17)}, r"a mosaic has at most 512 × 256 pixels, got 256 × 272"),
        ({"patch_size": 17}, r"a mosaic has at most 512 × 256 pixels, got 272 × 272"),
        ({"patch_size": 0}, r"patch_size must be a whole number of at least 1, got 0"),
        ({"grid": 16}, r"grid must be a pair \(rows, columns\), got 16"),
        ({"grid": (0, 4)}, r"grid \(rows, columns\) must be a whole number of at least 1, got 0"),
        ({"regions": 4}, r"regions must be 1 to 3 on a grid 16×16, got 4"),
        ({"regions": 0}, r"regions must be a whole number of at least 1, got 0"),
        ({"regions": 3, "grid": (1, 2)}, r"regions must be 1 to 2 on a grid 1×2, got 3"),
        ({"half": "left"}, r"half must be 'train' or 'test', got 'left'"),
        ({"generator": 7}, r"generator must be a torch.Generator or None, got int"),
    ],
)
def test_bad_mosaics(options, message):
    with pytest.raises(ValueError, match=message):
        texture_mosaic(**options)


# stereo and digits


def test_the_disparity_leads_from_left_to_right():
    left, right, disparity = stereo_pair()
    assert left.shape == right.shape == (3, 500, 741)
    row, column = disparity.isfinite().nonzero().T
    target = (column - disparity[row, column]).round().long()
    inside = target >= 0
    error = (left[:, row, column] - right[:, row, target.clamp(min=0)]).abs().mean(0)[inside].mean()
    assert error < 0.05
    assert 0 < disparity.isnan().float().mean() < 0.2
    assert disparity[disparity.isfinite()].min() > 0


def test_digits_are_scikit_learns():
    pictures, labels = digits(dtype=torch.float64)
    theirs = load_digits()
    assert pictures.shape == (1797, 1, 8, 8)
    assert np.array_equal(pictures[:, 0] * 16, theirs.images)
    assert np.array_equal(labels, theirs.target)
    assert pictures.max() == 1
    assert labels.dtype == torch.int64
