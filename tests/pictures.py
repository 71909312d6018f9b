"""Picture files and color profiles, written byte by byte from their specifications, as Pillow writes none."""

import struct
import zlib

import numpy as np
from PIL import ImageCms


def png(depth, kind, pixels, *chunks):
    """One row of a PNG, by the specification: ``kind`` 0 is gray, 2 RGB, 3 a palette, and 4 more are with alpha."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    bits = "".join(f"{sample:0{depth}b}" for sample in np.ravel(pixels))
    row = int(bits.ljust(-len(bits) % 8 + len(bits), "0"), 2).to_bytes((len(bits) + 7) // 8, "big")
    header = struct.pack(">2I5B", np.size(pixels) // channels, 1, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    body = (struct.pack(">I", len(data)) + name + data + zlib.crc32(name + data).to_bytes(4) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def tiff(values, bits, *, form=1, photometric=1, order="<"):
    """One row of an uncompressed TIFF, by the specification; ``form`` 1 counts from 0, 2 has a sign, 3 is floating."""
    values = np.asarray(values)
    if bits < 8 or bits == 12:
        digits = "".join(f"{value:0{bits}b}" for value in values)
        content = int(digits.ljust(-len(digits) % 8 + len(digits), "0"), 2).to_bytes((len(digits) + 7) // 8, "big")
    else:
        content = values.astype(f"{order}{'uif'[form - 1]}{bits // 8}").tobytes()
    known = {256: len(values), 257: 1, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: 1, 279: len(content)}
    known = sorted((known | {339: form}).items())
    place = 8 + len(content) + len(content) % 2
    entries = b"".join(struct.pack(f"{order}2H2I", tag, 4, 1, value) for tag, value in known)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, place)
    return head + content.ljust(place - 8, b"\0") + struct.pack(f"{order}H", len(known)) + entries + bytes(4)


def iccp(embedded):
    """The chunk of a PNG that holds a color profile."""
    return b"iCCP", b"x\0\0" + zlib.compress(embedded)


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def profile(space, tags, *, connection=b"XYZ ", kind=b"mntr"):
    """A color profile, by the specification, version 2."""
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249), **tags}
    starts = np.cumsum([132 + 12 * len(tags), *map(len, tags.values())]).tolist()
    head = struct.pack(">3I", starts[-1], 0, 0x02400000) + kind + space + connection + bytes(12) + b"acsp" + bytes(28)
    places = zip(tags.items(), starts, strict=False)
    table = b"".join(struct.pack(">4s2I", name, start, len(tag)) for (name, tag), start in places)
    head = (head + fixed(0.9642, 1, 0.8249)).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + table + b"".join(tags.values())


def power(gamma):
    """A curve of a profile: x^gamma."""
    return struct.pack(">4sIIHH", b"curv", 0, 1, round(gamma * 256), 0)


def of_three_lights(curve, *lights):
    """The profile of a display whose red, green and blue have these XYZ."""
    names = b"rXYZ", b"gXYZ", b"bXYZ"
    return profile(
        b"RGB ",
        {name: b"XYZ " + bytes(4) + fixed(*light) for name, light in zip(names, lights, strict=True)}
        | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    )


def of_inks():
    """A profile of four inks of which only the last is seen: paper is white, it is black."""
    corners = bytes(level for corner in range(16) for level in (0 if corner % 2 else 255, 128, 128))
    head = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = head + bytes(range(256)) * 4 + corners + bytes(range(256)) * 3
    return profile(b"CMYK", {b"A2B0": table}, connection=b"Lab ", kind=b"prtr")


ADOBE_LIGHTS = (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)
ADOBE = of_three_lights(power(2.19921875), *ADOBE_LIGHTS)
LINEAR = of_three_lights(power(1), *ADOBE_LIGHTS)
GRAY = profile(b"GRAY", {b"kTRC": power(1)})  # twice the light is twice the number
INKS = of_inks()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
