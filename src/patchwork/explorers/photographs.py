"""What explorers of a photograph share: the photographs, the one shown, and a reader's own."""

import traitlets

from patchwork.explorers.base import Explorer, decode_photo, encode_photo


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


def _is_photo(text):
    try:
        return decode_photo(text).ndim == 3
    except (ValueError, TypeError, OSError):  # no base64 text, or no picture in it
        return False
