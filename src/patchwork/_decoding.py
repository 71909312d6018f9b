"""From any picture file to an upright array in sRGB; whatever is wrong with the file becomes a one-line ValueError."""

import io
import os

import numpy as np

from patchwork._depths import UnusableValuesError, color_key, deep_gray, is_deep, raw_mode
from patchwork._profiles import gray_to_srgb, to_srgb

_TRANSPOSE = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation → PIL.Image.Transpose
_QUARTER_TURNS = (5, 6, 7, 8)


def read_picture(source, size, samples):
    """Return (H, W, 3) bytes, or floats in [0, 1] where 8 bits would lose some of a gray picture.

    ``source`` is a sample's name, a path, bytes or a binary file object; ``size`` is None or (rows, columns), then
    covered and cropped at the center; ``samples`` maps names to paths.
    """
    _check_size(size)
    file, name = _locate(source, samples)
    try:
        return _decode(file, size)
    except Exception as error:  # a stranger's bytes can fail in Pillow's decoders in any way
        raise ValueError(f"{name} {_complaint(error)}") from error


def _check_size(size):
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS and 2 * Image.MAX_IMAGE_PIXELS  # None: no limit
    if size is not None and limit and size[0] * size[1] > limit:
        raise ValueError(f"size {size} has more than {limit} pixels")


def _locate(source, samples):
    """Return what Pillow opens, and what to call it in an error."""
    if isinstance(source, (str, os.PathLike)):
        return _find(os.fspath(source), samples)
    content = _read(source) if hasattr(source, "read") else source
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise ValueError(f"expected a sample's name, a path, bytes or a binary file, got {type(source).__name__}")
    content = bytes(content)
    if not content:
        raise ValueError("the uploaded file is empty; choose a picture, such as PNG or JPEG")
    return io.BytesIO(content), "the uploaded file"


def _read(file):
    """Read all of a file, from its start where it can be rewound: it may have been read before."""
    try:
        if hasattr(file, "seekable") and file.seekable():
            file.seek(0)
        return file.read()
    except Exception as error:  # a stranger's file object can fail in any way
        raise ValueError(f"the uploaded file can't be read ({_in_one_line(error)})") from error


def _find(name, samples):
    if name in samples:
        return samples[name], name
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        raise ValueError(f"{name!r} is a folder; give the path of one image in it")
    if not os.path.isfile(path):
        raise ValueError(f"{name!r} is neither a file nor a sample; the samples are {', '.join(samples)}")
    return path, repr(name)


def _complaint(error):
    from PIL import Image, UnidentifiedImageError

    reason = _in_one_line(error)
    if isinstance(error, UnusableValuesError):
        return reason
    if isinstance(error, Warning):  # Pillow warns of pictures that it then reads well
        return f"makes Pillow warn ({reason}), which a filter of warnings makes an error"
    if isinstance(error, PermissionError):
        return "can't be read: permission denied"
    if isinstance(error, MemoryError):
        return "does not fit into memory; scale it down first"
    if isinstance(error, UnidentifiedImageError):
        return "is no image that Pillow can read; save it as PNG or JPEG"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {2 * Image.MAX_IMAGE_PIXELS} pixels; scale it down first"
    return f"is damaged or of a rare kind ({reason}); save it anew as PNG or JPEG"


def _in_one_line(error):
    return " ".join(str(error).split()) or type(error).__name__


def _decode(file, size):
    from PIL import Image, ImageOps

    with Image.open(file) as picture:
        if size is not None:
            shown = size if _orientation(picture) in _QUARTER_TURNS else size[::-1]
            picture.draft(None, tuple(2 * side for side in shown))  # decode a JPEG no larger than needed
        raw = raw_mode(picture)
        picture.load()
        orientation = _orientation(picture)  # not read before: Pillow itself turns a TIFF upright while loading it
        key = color_key(picture, raw, file)
        picture = _deep(picture, key) if is_deep(picture) else _plain(picture, key, raw)
    if orientation in _TRANSPOSE:
        picture = picture.transpose(_TRANSPOSE[orientation])
    if size is not None:
        picture = ImageOps.fit(picture, size[::-1])
    pixels = np.array(picture)
    return pixels if pixels.ndim == 3 else np.repeat(pixels.clip(0, 1)[..., None], 3, axis=2)


def _orientation(picture):
    try:
        return picture.getexif().get(0x0112, 1)
    except Exception:  # a picture can be whole where its EXIF block is not
        return 1


def _deep(picture, key):
    """Return gray floats in [0, 1], a transparent color laid over white."""
    from PIL import Image

    values = gray_to_srgb(deep_gray(picture), picture.info)
    return Image.fromarray((values if key is None else np.where(key, 1, values)).astype(np.float32))


def _plain(picture, key, raw):
    """Return 8-bit RGB in sRGB, transparency laid over white."""
    from PIL import Image

    if key is not None:
        del picture.info["transparency"]
    if picture.mode == "La":
        picture = picture.convert("LA")  # the only mode to which Pillow takes it
    gray = picture.mode in ("1", "L", "LA") or raw == "LA;16B"
    layer = picture.convert("RGBA") if picture.has_transparency_data else picture
    colors = layer if layer.mode == "CMYK" else layer.convert("RGB").convert("L" if gray else "RGB")
    colors = to_srgb(colors, picture.info)
    if key is not None:
        colors.paste("white", mask=Image.fromarray(key))
    if layer.mode != "RGBA":
        return colors
    colors.putalpha(layer.getchannel("A"))
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), colors).convert("RGB")
