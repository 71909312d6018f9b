"""Pictures and numbers as text: what a notebook stores and a page reads."""

import base64
import io
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import numpy as np
import torch
from PIL import Image

from patchwork import _checks


def encode_picture(picture, kind, **options):
    """Write a PIL image as base64 text of a file of the given kind, the same bytes each time.

    >>> encode_picture(Image.new("1", (1, 1)), "PNG")[:8]
    'iVBORw0K'
    """
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return encode_bytes(file.getvalue())


def encode_bytes(content):
    """Write bytes as base64 text.

    >>> encode_bytes(b"patch")
    'cGF0Y2g='
    """
    return base64.b64encode(content).decode()


def encode_photo(image, *, quality=88):
    """Write an image as base64 text of a JPEG with full color resolution; its values stay true to 0.01 on average.

    Shape: image (3, H, W) in [0, 1]. Raises ValueError for another shape, or values outside.

    >>> encode_photo(torch.zeros(3, 8, 8))[:6]
    '/9j/4A'
    """
    return encode_picture(to_picture(image), "JPEG", quality=quality, subsampling=0)


def decode_photo(text):
    """Read what ``encode_photo`` wrote → image (3, H, W) in [0, 1], float32.

    >>> decode_photo(encode_photo(torch.ones(3, 8, 8))).shape
    torch.Size([3, 8, 8])
    """
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        pixels = np.array(picture.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous() / 255


def photo_size(text):
    """Read the size (H, W) of a photograph from its base64 text.

    >>> photo_size(encode_photo(torch.zeros(3, 16, 24)))
    (16, 24)
    """
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        return picture.height, picture.width


def to_picture(image):
    """Turn an image tensor (3, H, W) in [0, 1] into a PIL image."""
    if not isinstance(image, torch.Tensor):
        raise ValueError(f"an image must be a tensor (3, H, W), got {type(image).__name__}")
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"an image must be a tensor (3, H, W), got {tuple(image.shape)}")
    if not bool(((image >= 0) & (image <= 1)).all()):
        raise ValueError(f"an image must lie in [0, 1], got {image.min().item():g} … {image.max().item():g}")
    levels = (image.detach().cpu().float() * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def encode_array(values, *, bits=8, ends=None):
    """Write an array with 2^bits levels between its least and largest value; ``decodeArray`` of formulas.mjs reads it.

    Returns a dict of shape, bits, low, high and the base64 bytes, in which the levels follow each other bit by bit;
    each value stays true to (high − low) / 2(2^bits − 1). Low and high are rounded outward to the decimal place of
    that error: further digits would say nothing, and differ from machine to machine. ``ends`` are other values for
    them. Raises ValueError where a value is not finite or lies outside them, or for bits that are not 1 … 16.

    >>> encode_array(torch.tensor([0.0, 0.5, 1.0]))
    {'shape': [3], 'bits': 8, 'low': 0.0, 'high': 1.0, 'data': 'AID/'}
    """
    if not 1 <= _checks.count("bits", bits) <= 16:
        raise ValueError(f"bits must be 1 … 16, got {bits}")
    numbers = torch.as_tensor(values).detach().cpu().double()
    if numbers.numel() == 0 or not bool(numbers.isfinite().all()):
        raise ValueError(f"values must be finite and not empty, got shape {tuple(numbers.shape)}")
    low, high = _round_ends(numbers.min().item(), numbers.max().item(), bits) if ends is None else ends
    if not low <= numbers.min() <= numbers.max() <= high:
        raise ValueError(f"values must lie in {low:g} … {high:g}, got {numbers.min():g} … {numbers.max():g}")
    levels = ((numbers - low) / ((high - low) or 1) * (2**bits - 1)).round().to(torch.int32).flatten().numpy()
    each_bit = levels[:, None] >> np.arange(bits)[::-1] & 1
    data = encode_bytes(np.packbits(each_bit.astype(np.uint8)).tobytes())
    return {"shape": list(numbers.shape), "bits": bits, "low": low, "high": high, "data": data}


def decode_array(encoded):
    """Read what ``encode_array`` wrote: a float64 tensor of its shape, each number on one of the levels.

    >>> decode_array(encode_array(torch.tensor([[0.0, 0.5], [1.0, 1.0]]), bits=1))
    tensor([[0., 0.],
            [1., 1.]], dtype=torch.float64)
    """
    bits, low, high = (encoded[name] for name in ("bits", "low", "high"))
    each_bit = np.unpackbits(np.frombuffer(base64.b64decode(encoded["data"]), dtype=np.uint8))
    levels = each_bit[: bits * math.prod(encoded["shape"])].reshape(*encoded["shape"], bits) @ (
        1 << np.arange(bits)[::-1]
    )
    return low + torch.from_numpy(levels).double() / (2**bits - 1) * (high - low)


def _round_ends(low, high, bits):
    """Round outward to the decimal place of the largest error that levels between the ends leave."""
    error = (high - low) / 2 / (2**bits - 1)
    if error == 0:
        return low, high
    unit, exact = Decimal((0, (1,), math.floor(math.log10(error)))), Context(prec=1000)
    outward = (low, ROUND_FLOOR), (high, ROUND_CEILING)
    return tuple(float(Decimal(end).quantize(unit, rounding, exact)) for end, rounding in outward)
