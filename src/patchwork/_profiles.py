"""From the colors that a picture file declares to sRGB, by the rules of browsers: what does not fit is passed over."""

import io
import struct

import numpy as np

from patchwork._depths import UnusableValuesError

_SPACES = {"L": (b"GRAY", b"RGB "), "RGB": (b"RGB ",), "CMYK": (b"CMYK",)}  # of profiles that say something of a mode
_SRGB_CURVE = 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045
_SRGB_COLORS = 0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06  # x and y of white, red, green and blue
_D50 = np.array([0.9642, 1, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_srgb(picture, info):
    """Return a picture in gray, RGB or CMYK as RGB in sRGB, by what ``info`` says of its colors."""
    from PIL import Image

    plain, profile = picture.convert("RGB"), _profile(picture.mode, info)
    if profile is None:
        return plain
    source = plain if _space(profile) == b"RGB " else picture
    change = _change(profile, source.mode, "RGB")
    if change is None or _is_idle(change, source.mode):
        return plain
    return Image.fromarray(_grays(change, np.asarray(source))) if source.mode == "L" else change.apply(source)


def gray_to_srgb(values, info):
    """Return brightness (H, W) in [0, 1] on the curve of sRGB, by what ``info`` says of it."""
    from PIL import Image

    profile = _profile("L", info)
    if profile is None:
        return values
    if _space(profile) == b"RGB ":  # Pillow holds colors in 8 bits
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        return np.interp(values, np.linspace(0, 1, 256), np.asarray(to_srgb(ramp, info))[0].mean(1) / 255)
    change = _change(profile, "I;16", "I;16", _written(b"GRAY", {b"kTRC": _curve(3, *_SRGB_CURVE)}))
    if change is None:
        return values
    return _grays(change, (values * 65535).round().astype(np.uint16)) / np.float32(65535)


def _grays(change, levels):
    """Convert whole numbers by a table of all that their dtype has."""
    from PIL import Image

    ramp = np.arange(np.iinfo(levels.dtype).max + 1, dtype=levels.dtype)
    return np.asarray(change.apply(Image.fromarray(ramp[None])))[0][levels]


def _profile(mode, info):
    """Return the file's own profile where it fits the mode, else one of a PNG's gamma and colors, or None."""
    own = info.get("icc_profile")
    if own and _space(own) in _SPACES[mode]:
        return own
    return None if mode == "CMYK" else _of_gamma(mode, info)


def _space(profile):
    return profile[16:20]


def _change(profile, mode, target_mode, target=None):
    """Return the way from a profile to another or to sRGB, or None where that profile is broken."""
    from PIL import ImageCms, features

    if not features.check("littlecms2"):
        raise UnusableValuesError("has a color profile, which this Pillow can't apply (no littlecms); save it as sRGB")
    try:
        target = ImageCms.createProfile("sRGB") if target is None else io.BytesIO(target)
        flags = ImageCms.Flags.NOOPTIMIZE if mode in ("L", "I;16") else 0  # which is coarse in dark grays
        return ImageCms.buildTransform(io.BytesIO(profile), target, mode, target_mode, flags=flags)
    except ImageCms.PyCMSError:
        return None


def _is_idle(change, mode):
    """Tell whether colors stay but for rounding: the profile is that of sRGB, as most are."""
    from PIL import Image

    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, len(levels), 3)
    probe = Image.fromarray(colors if mode == "RGB" else levels[None])
    return np.abs(np.asarray(change.apply(probe), dtype=int) - np.asarray(probe.convert("RGB"))).max() <= 1


def _of_gamma(mode, info):
    """Return a profile for the gAMA and cHRM chunks of a PNG; a lone gamma near that of sRGB means sRGB."""
    gamma, colors = info.get("gamma"), info.get("chromaticity")
    if not gamma or "srgb" in info or (colors is None and abs(gamma * 2.2 - 1) < 0.05):
        return None
    try:
        curve = _curve(0, 1 / gamma)
        if mode == "L":
            return _written(b"GRAY", {b"kTRC": curve})
        columns = _primaries(*_SRGB_COLORS if colors is None else colors).T
        lights = {name: _color(*column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    except (ZeroDivisionError, np.linalg.LinAlgError, struct.error):  # no lights that could be
        return None
    return _written(b"RGB ", lights | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _primaries(*colors):
    """Return the columns XYZ of red, green and blue that add up to white, white adapted to that of all profiles."""
    white, *lights = ([x / y, 1, (1 - x - y) / y] for x, y in zip(colors[::2], colors[1::2], strict=True))
    lights = np.array(lights).T
    shares = np.linalg.solve(lights, white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.solve(_BRADFORD, gains[:, None] * (_BRADFORD @ (lights * shares)))


def _written(space, tags):
    """Write a color profile, version 4: a header, the places of its tags, and these."""
    tags = {b"wtpt": _color(*_D50)} | tags
    start, table, content = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b"".join(tags.values())
    for name, tag in tags.items():
        table += struct.pack(">4s2I", name, start, len(tag))
        start += len(tag)
    head = struct.pack(">3I", start, 0, 0x04000000) + b"mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    return (head + bytes(28) + _fixed(*_D50)).ljust(128, b"\0") + table + content


def _color(*coordinates):
    return b"XYZ " + bytes(4) + _fixed(*coordinates)


def _curve(kind, *numbers):
    """Write a curve of a profile: kind 0 is x^g, kind 3 is (ax + b)^g with a line cx below d."""
    return b"para" + struct.pack(">IHH", 0, kind, 0) + _fixed(*numbers)


def _fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))
