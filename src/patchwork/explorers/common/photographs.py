"""What explorers of a photograph share: the photographs, the one shown, and a reader's own."""

import functools

import numpy as np
import torch
import traitlets
from scipy.ndimage import distance_transform_cdt

from patchwork import _checks
from patchwork.explorers.common.encoding import decode_photo, encode_photo, encode_picture, to_picture
from patchwork.explorers.common.widget import Explorer
from patchwork.relations import mean_average_precision

MOST_PATCHES = 256  # what a page still answers for within one frame
LEVELS = (256, 128, 64, 32)  # of gray: the most with which all photographs fit on a page


class PhotoExplorer(Explorer):
    """An explorer of one of several photographs, to which its page can add a reader's own."""

    settings = ("photos", "photo")

    photos = traitlets.Dict(help="photographs by name, base64 JPEG").tag(sync=True, bulky=True)
    photo = traitlets.Unicode(help="name of the photograph shown").tag(sync=True)

    def _take(self, images, photo):
        """Keep and encode a tensor (3, H, W), or a dict of them by name → the traits photos and photo."""
        self._given = dict(images) if isinstance(images, dict) else {"photo": images}
        self._encoded = {name: self._encode(image) for name, image in self._given.items()}
        if photo is None:
            photo = next(iter(self._given), None)
        if photo not in self._given:
            raise ValueError(f"photo {photo!r} is not among the images {list(self._given)}")
        return {"photos": dict(self._encoded), "photo": photo}

    def _encode(self, image):
        return encode_photo(image)

    def _shown(self):
        return self.photos[self.photo]

    @property
    def image(self):
        """The photograph shown, (3, H, W): the tensor given, or a reader's own as the page scaled it."""
        text = self.photos[self.photo]
        return self._given[self.photo] if self._encoded.get(self.photo) == text else decode_photo(text)

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; photographs must be pictures, and the one shown among them."""
        if name == "photo" and value not in beside["photos"]:
            raise ValueError(f"photo {value!r} is not among {list(beside['photos'])}")
        if name == "photos":
            self._check_photos(value, beside["photo"])
        return super().fit(name, value, beside)

    def _check_photos(self, photos, shown):
        if shown not in photos:
            raise ValueError(f"photos must hold {shown!r}, the one shown, got {list(photos)}")
        for name, text in photos.items():
            if self._encoded.get(name) != text:
                self._check_own(name, text)

    def _check_own(self, name, text):
        """Raise ValueError where a photograph that was not given at the start is none that can be shown."""
        if not _is_photo(text):
            raise ValueError(f"the photograph {name!r} must be a picture as base64 text")


class GrayPhotoExplorer(PhotoExplorer):
    """An explorer of photographs of one size in gray, which its page has number by number: a PNG each."""

    sides = (8, 64)  # fewest pixels, and most of which each can still be seen

    def _take(self, images, photo):
        taken = super()._take(images, photo)
        sizes = {tuple(image.shape[1:]) for image in self._given.values()}
        fewest, most = self.sides
        if len(sizes) > 1 or not all(fewest <= side <= most for side in next(iter(sizes))):
            raise ValueError(f"the images must have one size, {fewest} to {most} pixels a side, got {sorted(sizes)}")
        self._size = sizes.pop()
        return taken

    def _encode(self, image):
        return encode_picture(to_picture(image).convert("L"), "PNG", optimize=True)

    @property
    def pixels(self):
        """The photograph in gray, as the page has it: (H, W) in 255 steps of [0, 1]."""
        return gray(self.photos[self.photo]).clone()

    def _check_own(self, name, text):
        super()._check_own(name, text)
        size = tuple(gray(text).shape)
        if size != self._size:
            raise ValueError(f"the photograph {name!r} must keep the size {self._size}, got {size}")


@functools.lru_cache(maxsize=8)
def gray(text):
    """Decode a photograph, the last few once: (H, W), float64."""
    return torch.from_numpy(np.array(to_picture(decode_photo(text)).convert("L"))).double() / 255


class CutPhotoExplorer(GrayPhotoExplorer):
    """An explorer of photographs in gray, all cut into the same grid of patches, whose regions may be known."""

    remedy = "use fewer or smaller images"
    sides = (8, 512)
    fewest_patches = 2
    fixed = ("labels", "patch_size")

    labels = traitlets.Dict(help="the region of each patch, by the photograph's name").tag(sync=True, bulky=True)
    patch_size = traitlets.Int(help="P, in pixels").tag(sync=True)

    def _take_cut(self, images, photo, patch_size):
        """Keep and encode images, or pairs of one and its labels → the traits photos, photo, labels and patch_size."""
        images, labels = _apart(images)
        taken = self._take({name: _colored(name, image) for name, image in images.items()}, photo)
        self._grid = _cut(self._size, _checks.count("patch_size", patch_size, at_least=2), self.fewest_patches)
        self._labels = {name: _checked(name, each, self._grid) for name, each in labels.items()}
        labels = {name: each.tolist() for name, each in self._labels.items()}
        return {**taken, "labels": labels, "patch_size": int(patch_size)}

    def _start(self, photo):
        """Find the patch that asks first: deep inside a region, or without regions in the middle."""
        rows, columns = self._grid
        if photo in self._labels:
            return deepest(self._labels[photo], self._grid)
        return rows // 2 * columns + columns // 2

    @property
    def grid(self):
        """(rows, columns) of the patches."""
        return self._grid

    @property
    def regions(self):
        """The region of each patch, (N,), or None where it is not known."""
        return self._labels.get(self.photo)

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; the patch that asks must be one."""
        if name == "selected":
            return _checks.count(name, value, at_least=0, at_most=self._grid[0] * self._grid[1] - 1)
        return super().fit(name, value, beside)

    def _cut(self):
        """Return what every look at such a photograph is made of: its pixels, the cut, and the settings."""
        known = {"pixels": self.pixels, "grid": self.grid, "regions": self.regions, "patch_size": self.patch_size}
        return known | self._settings()

    def _check_photos(self, photos, shown):
        super()._check_photos(photos, shown)
        for name in self._labels:
            if photos.get(name, self._encoded[name]) != self._encoded[name]:
                raise ValueError(f"the photograph {name!r} must stay: its labels belong to it")


class CoarsePhotoExplorer(CutPhotoExplorer):
    """An explorer of such photographs in fewer levels of gray where its page would be too large otherwise."""

    room = 145_000  # bytes that they may take there

    def _take(self, images, photo):
        for self._levels in LEVELS:
            taken = super()._take(images, photo)
            if sum(map(len, taken["photos"].values())) <= self.room:
                break
        return taken

    def _encode(self, image):
        step = 255 / (self._levels - 1)
        picture = to_picture(image).convert("L").point([round(round(level / step) * step) for level in range(256)])
        return encode_picture(picture, "WEBP", lossless=True, quality=50, method=6)


def deepest(labels, grid):
    """Return the patch deepest inside a region; of equally deep ones, the one nearest to the middle of the picture.

    >>> deepest(torch.tensor([0, 0, 0, 1]).repeat(4), (4, 4))
    5
    """
    cells = labels.cpu().view(grid).numpy()
    inside = [np.pad(cells == region, 1) for region in np.unique(cells)]
    depth = sum(distance_transform_cdt(each, metric="chessboard")[1:-1, 1:-1] for each in inside)
    off = [np.square(np.arange(length) - (length - 1) / 2) for length in grid]
    return int((depth - (off[0][:, None] + off[1]) / (grid[0] ** 2 + grid[1] ** 2)).argmax())


def _is_photo(text):
    try:
        return decode_photo(text).ndim == 3
    except (ValueError, TypeError, OSError):  # no base64 text, or no picture in it
        return False


def _apart(images):
    """Take pictures and labels apart → two dicts by name."""
    named = dict(images) if isinstance(images, dict) else {"photo": images}
    pairs = {name: each for name, each in named.items() if isinstance(each, tuple | list)}
    for name, pair in pairs.items():
        if len(pair) != 2:
            raise ValueError(f"{name!r} must be an image, or a pair of one and its labels, got {len(pair)} things")
    return {**named, **{name: image for name, (image, _) in pairs.items()}}, {
        name: each for name, (_, each) in pairs.items()
    }


def _colored(name, image):
    """Return an image with three channels, as all explorers encode them."""
    channels = _checks.shape(f"the image {name!r}", image, "C H W")[0]
    if channels not in (1, 3):
        raise ValueError(f"the image {name!r} must have 1 or 3 channels, got {channels}")
    return image.expand(3, -1, -1)


def _cut(size, patch_size, fewest):
    (rows, rest), (columns, over) = (divmod(side, patch_size) for side in size)
    if rest or over or not fewest <= rows * columns <= MOST_PATCHES or columns < 2:
        raise ValueError(
            f"patches of {patch_size} × {patch_size} must cut the images of {size[0]} × {size[1]} pixels "
            f"into 2 columns at least, {fewest} patches at least and {MOST_PATCHES} patches at most"
        )
    return rows, columns


def _checked(name, labels, grid):
    """Return labels on the CPU. Raises ValueError where they can't score any patch."""
    number = grid[0] * grid[1]
    if _checks.shape(f"the labels of {name!r}", labels, "N") != (number,):
        raise ValueError(f"the labels of {name!r} must have shape ({number},), got {tuple(labels.shape)}")
    _checks.whole(f"the labels of {name!r}", labels)
    labels = labels.detach().cpu().long()
    mean_average_precision(torch.zeros(number, number), labels)
    return labels
