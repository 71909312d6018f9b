"""What explorers of a photograph share: the photographs, the one shown, and a reader's own."""

import numpy as np
import torch
import traitlets

from patchwork.explorers.base import Explorer, decode_photo, encode_photo, encode_picture, to_picture


class PhotoExplorer(Explorer):
    """An explorer of one of several photographs, to which its page can add a reader's own."""

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

    @property
    def image(self):
        """The photograph shown, (3, H, W): the tensor given, or a reader's own as the page scaled it."""
        text = self.photos[self.photo]
        return self._given[self.photo] if self._encoded.get(self.photo) == text else decode_photo(text)

    @traitlets.validate("photos")
    def _are_photographs(self, proposal):
        if self.photo not in proposal.value:
            raise traitlets.TraitError(f"photos must hold {self.photo!r}, the one shown, got {list(proposal.value)}")
        for name, text in proposal.value.items():
            if self._encoded.get(name) != text and not _is_photo(text):
                raise traitlets.TraitError(f"the photograph {name!r} must be a picture as base64 text")
        return proposal.value

    @traitlets.validate("photo")
    def _is_known(self, proposal):
        if proposal.value not in self.photos:
            raise traitlets.TraitError(f"photo {proposal.value!r} is not among {list(self.photos)}")
        return proposal.value


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
        gray = to_picture(decode_photo(self.photos[self.photo])).convert("L")
        return torch.from_numpy(np.array(gray)).double() / 255

    @traitlets.validate("photos")
    def _are_photographs(self, proposal):
        photos = super()._are_photographs(proposal)
        for name, text in photos.items():
            size = tuple(decode_photo(text).shape[1:])
            if size != self._size:
                raise traitlets.TraitError(f"the photograph {name!r} must keep the size {self._size}, got {size}")
        return photos


def _is_photo(text):
    try:
        return decode_photo(text).ndim == 3
    except (ValueError, TypeError, OSError):  # no base64 text, or no picture in it
        return False
