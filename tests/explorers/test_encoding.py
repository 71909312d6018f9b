"""Pictures and numbers as text."""

import base64
import math
import re

import pytest
import torch

from patchwork.explorers.common import encoding


def test_a_photo_survives_encoding(photos):
    read = encoding.decode_photo(encoding.encode_photo(photos["astronaut"]))
    assert (read - photos["astronaut"]).abs().mean() < 0.012
    assert encoding.encode_photo(photos["astronaut"]) == encoding.encode_photo(photos["astronaut"].double())


@pytest.mark.parametrize(
    "image",
    [torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8), torch.full((3, 8, 8), 2.0), torch.full((3, 8, 8), torch.nan)],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="an image must"):
        encoding.encode_photo(image)


def test_an_array_survives_quantization():
    values = torch.randn(5, 7)
    code = encoding.encode_array(values)
    levels = torch.frombuffer(bytearray(base64.b64decode(code["data"])), dtype=torch.uint8).view(code["shape"])
    read = code["low"] + levels / 255 * (code["high"] - code["low"])
    assert (read - values).abs().max() <= (code["high"] - code["low"]) / 509
    assert encoding.encode_array(torch.ones(2))["data"] == "AAA="


@pytest.mark.parametrize("bits", [1, 8, 12, 16])
@pytest.mark.parametrize("size", [1e-300, 1e-9, 1, 1e12, 1e300])
def test_ends_of_an_array_have_no_digits_that_say_nothing(bits, size):
    """Two machines whose trainings differ by less than a level's error mostly store the same ends."""
    values = size * torch.randn(100, dtype=torch.float64)
    code = encoding.encode_array(values, bits=bits)
    least, most = values.min().item(), values.max().item()
    error = (most - least) / 2 / (2**bits - 1)
    assert least - error <= code["low"] <= least < most <= code["high"] <= most + error
    digits = math.ceil(math.log10(max(-least, most) / error)) + 1
    assert all(float(f"{code[end]:.{digits}g}") == code[end] for end in ("low", "high"))


@pytest.mark.parametrize("values", [[0.1, 0.1], [0.0, 5e-324]])
def test_ends_too_near_to_round_stay(values):
    code = encoding.encode_array(torch.tensor(values, dtype=torch.float64))
    assert [code["low"], code["high"]] == values


@pytest.mark.parametrize("bits", [1, 5, 8, 12, 16])
def test_levels_follow_each_other_bit_by_bit(bits):
    levels = torch.randint(0, 2**bits, (13,))
    levels[:2] = torch.tensor([0, 2**bits - 1])
    code = encoding.encode_array(levels, bits=bits)
    text = "".join(f"{byte:08b}" for byte in base64.b64decode(code["data"]))
    assert [int(text[at * bits : (at + 1) * bits], 2) for at in range(13)] == levels.tolist()
    assert len(text) < 13 * bits + 8


@pytest.mark.parametrize("bits", [0, 17, 8.0, True, None])
def test_bits_that_are_none_are_refused(bits):
    with pytest.raises(ValueError, match="bits must be"):
        encoding.encode_array(torch.ones(2), bits=bits)


@pytest.mark.parametrize("values", [torch.tensor([0.0, torch.nan]), torch.tensor([torch.inf]), torch.zeros(0)])
def test_an_array_that_has_no_range_is_refused(values):
    with pytest.raises(ValueError, match="finite and not empty"):
        encoding.encode_array(values)


def test_values_outside_their_ends_are_refused():
    assert encoding.encode_array(torch.tensor([0.25]), bits=2, ends=(0, 1))["data"] == "QA=="
    with pytest.raises(ValueError, match=re.escape("values must lie in 0 … 1, got 0.5 … 2")):
        encoding.encode_array(torch.tensor([0.5, 2.0]), ends=(0, 1))
