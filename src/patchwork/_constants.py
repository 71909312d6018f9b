"""What follows from sizes alone, such as an order of tokens or a mask, made once and kept where that is safe."""

import torch

from patchwork import _checks


class Kept:
    """The last tuple of tensors made, and the sizes it was made for.

    Nothing that depends on a weight belongs in here: sizes alone are compared, and so nothing can become stale. A new
    key replaces the old one, and copies of a module start without.
    """

    def __init__(self):
        """Start with nothing."""
        self._key = self._made = None

    def get(self, make, *sizes, like):
        """Return ``make(*sizes, like)``, which may read the device and the dtype of ``like``, made now or before."""
        key, traced = (sizes, like.device, like.dtype), _traced() or not _checks.has_values(like)
        if not traced and self._key == key:
            return self._made
        with torch.inference_mode(False):  # what is made in inference mode could not serve in training
            made = make(*sizes, like)
        if not traced and _checks.has_values(made[0]):
            self._key, self._made = key, made
        return made

    def __getstate__(self):
        return {"_key": None, "_made": None}


def _traced():
    """Tell whether tensors of this call are a transform's or a compiler's, and must not outlive it."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
