"""A cache for what follows from sizes alone, such as an order of tokens or a mask."""

import torch

from patchwork import _checks


class SizeCache:
    """The last tuple of tensors made, and the sizes it was made for.

    Nothing that depends on a weight belongs in here: sizes alone are compared, and so nothing can become stale. A new
    key replaces the old one, and copies of a module start without.
    """

    def __init__(self):
        """Start with nothing."""
        self._last = None, None

    def get(self, make, *sizes, like):
        """Return ``make(*sizes, like)``, which may read the device and the dtype of ``like``, made now or before."""
        wanted, keeps = (sizes, like.device, like.dtype), not _checks.recorded(like)
        key, made = self._last  # both at once: another thread may replace them
        if keeps and key == wanted:
            return made
        with torch.inference_mode(False):  # what is made in inference mode could not serve in training
            made = make(*sizes, like)
        if keeps and _checks.has_values(made[0]):
            self._last = wanted, made
        return made

    def __getstate__(self):
        return {"_last": (None, None)}
