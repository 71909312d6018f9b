"""Pictures are small, readable and refuse what they can't draw."""

from io import BytesIO

import pytest
import torch
from PIL import Image

from patchwork import figures
from patchwork.images import load_image


def drawn(picture):
    data, size = picture._repr_png_()
    return Image.open(BytesIO(data)), size


def test_a_picture_shows_itself_without_pyplot():
    picture, size = drawn(figures.show_images({"one": torch.rand(3, 20, 30)}))
    assert picture.format == "PNG"
    assert picture.width == 676
    assert size["width"] < picture.width


def test_a_photograph_stays_small():
    data, _ = figures.show_images({"astronaut": load_image("astronaut", size=224)})._repr_png_()
    assert len(data) < 250_000


def test_the_same_picture_is_the_same_bytes():
    image = torch.rand(1, 8, 8)
    assert figures.show_images({"": image})._repr_png_() == figures.show_images({"": image})._repr_png_()


def test_an_image_is_drawn_in_its_own_colors():
    red = torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 8, 8)
    picture, _ = drawn(figures.show_images({"red": red}))
    center = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    assert center[0] > 250
    assert max(center[1:]) < 5


def test_the_query_wears_the_accent():
    accent = tuple(int(figures.ACCENT[i : i + 2], 16) for i in (1, 3, 5))

    def accents(query):
        picture, _ = drawn(figures.show_heat({"": torch.rand(4, 5)}, query=query))
        return sum(max(abs(a - b) for a, b in zip(pixel, accent, strict=True)) < 40 for pixel in colors(picture))

    assert accents(None) == 0
    assert accents((1, 2)) > 100


def colors(picture):
    data = picture.convert("RGB").tobytes()
    return zip(data[::3], data[1::3], data[2::3], strict=True)


def test_grid_refuses_a_patch_size_that_does_not_divide():
    with pytest.raises(ValueError, match=r"patch_size 5 does not divide .* 16 and width 16"):
        figures.show_grid(torch.rand(3, 16, 16), 5)


def test_two_channels_are_no_picture():
    with pytest.raises(ValueError, match=r"1 or 3 channels, got 2: shape \(2, 8, 8\)"):
        figures.show_images({"": torch.rand(2, 8, 8)})
