"""From any picture file to an upright RGB array; whatever is wrong with the file becomes a one-line ValueError."""

import io
import os
import warnings

import numpy as np

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of pictures that it then reads well
            return _decode(file, size)
    except Exception as error:  # a stranger's bytes can fail in Pillow's decoders in any way
        raise ValueError(f"{name} {_complaint(error)}") from error


def _check_size(size):
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS and 2 * Image.MAX_IMAGE_PIXELS  # None: no limit
    if size is not None and limit and size[0] * size[1] > limit:
        raise ValueError(f"size {size} has more than {limit} pixels")


class _UnusableValuesError(ValueError):
    """A picture that was read well, but whose values are no brightness."""


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
    if isinstance(error, _UnusableValuesError):
        return reason
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
        picture.load()
        orientation = _orientation(picture)  # not read before: Pillow itself turns a TIFF upright while loading it
        picture = _plain(picture)
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


def _plain(picture):
    """Return 8-bit RGB, or gray floats in [0, 1]."""
    from PIL import Image

    if picture.mode == "F" or picture.mode.startswith("I"):
        return _gray(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _gray(picture):
    from PIL import Image

    levels = 1 if picture.mode == "F" else 65535
    values = np.asarray(picture, dtype=np.float32)
    if not (values.min() >= 0 and values.max() <= levels):  # NaN fails too
        raise _UnusableValuesError(f"holds values from {values.min():g} to {values.max():g}, expected 0 to {levels}")
    values = np.where(values == picture.info.get("transparency"), levels, values)  # a color key is laid over white
    return Image.fromarray(values / np.float32(levels))
