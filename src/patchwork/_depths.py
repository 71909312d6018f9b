"""What the numbers of a picture file mean: its depth, its sample format, which end is white, which color is none."""

import numpy as np

_GRAY_DEPTHS = {"L;2": 2, "L;4": 4}  # Pillow spreads these over 8 bits
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # tags of a TIFF
_UNSIGNED, _SIGNED = 1, 2


class UnusableValuesError(ValueError):
    """A picture that was read well, but whose values are no brightness or color that can be told."""


def is_deep(picture):
    """Tell whether 8 bits, counted from 0, do not hold a gray picture."""
    return picture.mode == "F" or picture.mode.startswith("I") or _sample_format(picture) == _SIGNED


def deep_gray(picture):
    """Return brightness (H, W) in [0, 1] by the depth that the file declares; raise for values that it can't hold.

    White is the largest number of that depth, 1 in floating point, and 65535 in 32 bits, which stand for 16.
    """
    values, white = _declared(picture)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= white):  # NaN fails too
        found = f"{low:g} to {high:g}" if picture.mode == "F" else f"{low} to {high}"
        raise UnusableValuesError(f"holds values from {found}, expected 0 to {white}")
    if _tag(picture, _PHOTOMETRIC, 0, otherwise=1) == 0:
        values = white - values
    return values.astype(np.float32) / np.float32(white)


def raw_mode(picture):
    """Return how Pillow names the samples of a PNG, which it tells only before it loads the file; else None."""
    return picture.tile[0][3] if picture.format == "PNG" and picture.tile else None


def color_key(picture, raw, file):
    """Return where a loaded picture has the one color that its file calls transparent, (H, W), or None without one.

    The key has the depth of the samples, and Pillow has changed theirs: fewer than 8 bits are spread over 8, and of 16
    bits in color it keeps the upper byte.
    """
    key = picture.info.get("transparency")
    if key is None or isinstance(key, bytes) or picture.mode in ("P", "PA"):
        return None
    pixels, key = np.asarray(picture), np.array(key)
    if raw == "RGB;16B":
        return ((pixels == key >> 8) & (_low_bytes(file) == key & 255)).all(2)
    if picture.mode == "1":
        return pixels == (key > 0)
    depth = 16 if picture.mode.startswith("I") else _GRAY_DEPTHS.get(raw, 8)
    found = pixels == (key & (1 << depth) - 1) * (255 // ((1 << depth) - 1) if depth < 8 else 1)
    return found.all(2) if found.ndim == 3 else found


def _low_bytes(file):
    """Return the lower bytes of 16-bit samples in color: those that are the upper ones from the other end."""
    from PIL import Image

    with Image.open(file) as picture:
        picture.tile = [tile._replace(args="RGB;16L") for tile in picture.tile]
        return np.asarray(picture)


def _declared(picture):
    """Return the values of a picture as its file has them, and white."""
    values = np.asarray(picture)
    if picture.mode == "F":
        return values, 1
    bits, form = _tag(picture, _BITS, 0, otherwise=16), _sample_format(picture)
    if bits == 32:
        return (values.view(np.uint32) if form == _UNSIGNED else values), 65535
    if form == _SIGNED:
        return (values.view(np.int8) if bits == 8 else values), 2 ** (bits - 1) - 1
    return values, 2**bits - 1


def _sample_format(picture):
    return _tag(picture, _SAMPLE_FORMAT, _UNSIGNED, otherwise=None)


def _tag(picture, number, default, *, otherwise):
    """Return the first value of a tag, as Pillow understands a TIFF without it, or what holds for other files."""
    if picture.format != "TIFF":
        return otherwise
    value = picture.tag_v2.get(number, default)
    return value[0] if isinstance(value, tuple) else value
