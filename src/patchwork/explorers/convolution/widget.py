"""The widget of chapter 4: its state, and what it takes."""

from numbers import Integral

import torch.nn.functional as F
import traitlets

from patchwork import _checks
from patchwork.explorers.common.modules import limits
from patchwork.explorers.common.photographs import GrayPhotoExplorer
from patchwork.explorers.convolution.kernels import check_kernel
from patchwork.explorers.convolution.look import ConvolutionLook
from patchwork.explorers.convolution.still import describe_convolution, draw_convolution

MOST_LAYERS = limits("convolution")["counts"]["layers"][1]
BORDER = 2  # what is largest so near the edge, the boundary made


class ConvolutionExplorer(GrayPhotoExplorer, module="convolution", look=ConvolutionLook):
    """Edit a kernel and see the whole picture answer; one pixel's sum; its row of A; how far L layers see.

    ``images`` is a tensor (3, H, W) in [0, 1], or a dict of them by name, all of one size, 8 to 64 pixels a side; they
    are shown in gray. ``kernel`` is K rows of K weights, K = 1, 3 or 5, or a name in ``PRESETS`` for K = 3 (see
    ``preset`` for others). It is not flipped: a correlation, as in ``F.conv2d``. ``boundary`` is "zero" or "circular".
    ``selected`` is the pixel that asks; without it, the one with the largest answer away from the border. The field is
    that of ``layers`` layers of K×K; ``stride`` is 1, 2, or one of them for each layer; ``dilation`` 1, 2 or
    "doubling" (1, 2, 4, …). Every setting can be changed later and linked to other widgets; one that does not fit
    raises ``traitlets.TraitError``. Raises ValueError for images of other shapes, settings that do not fit, and a
    state too large for a page.

    Used in chapter 4.

    >>> import torch
    >>> explorer = ConvolutionExplorer(torch.rand(3, 32, 48), kernel="Laplacian", selected=0)
    >>> explorer.products.shape, explorer.row[:3], explorer.relation.shape
    (torch.Size([3, 3]), tensor([-4.,  1.,  0.], dtype=torch.float64), torch.Size([1536, 1536]))
    >>> explorer.field, explorer.width
    ((17, 1), 11)
    >>> explorer  # doctest: +ELLIPSIS
    ConvolutionExplorer(boundary='zero', dilation=1, kernel=[[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], ...], ...)
    """

    remedy = "use fewer or smaller images"
    settings = (*GrayPhotoExplorer.settings, "kernel", "boundary", "selected", "layers", "stride", "dilation")

    kernel = traitlets.List(help="K rows of K weights").tag(sync=True)
    boundary = traitlets.Unicode(help="what lies outside the picture").tag(sync=True)
    selected = traitlets.Int(help="the pixel that asks").tag(sync=True)
    layers = traitlets.Int(help="how many layers of K×K see the picture").tag(sync=True)
    stride = traitlets.List(traitlets.Int(), help="the stride of each layer, 1 or 2").tag(sync=True)
    dilation = traitlets.Any(help="1, 2, or doubling from layer to layer").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the pixel under the pointer").tag(sync=True, transient=True)

    def __init__(
        self,
        images,
        *,
        kernel="edge left–right",
        boundary="zero",
        selected=None,
        layers=MOST_LAYERS,
        stride=1,
        dilation=1,
        photo=None,
    ):
        """Encode the images and check the settings."""
        super().__init__(
            **self._take(images, photo),
            kernel=kernel,
            boundary=boundary,
            selected=0 if selected is None else selected,
            layers=layers,
            stride=stride,
            dilation=dilation,
        )
        if selected is None:
            self.selected = start(self.result)

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept: a kernel as rows of floats, a stride for each of 8 layers."""
        if name == "kernel":
            return check_kernel(value)
        if name == "stride":
            return check_stride(value)
        if name == "selected":
            return _checks.count(name, value, at_least=0, at_most=self._size[0] * self._size[1] - 1)
        return super().fit(name, value, beside)

    def _look(self):
        return ConvolutionLook(self.pixels, **self._settings())

    def picture(self):
        """Draw the photograph, its answers, and the products of the pixel that asks."""
        return draw_convolution(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_convolution(self.look)


def start(result):
    """Return the pixel that asks first: the one with the largest answer, away from the border.

    >>> import torch
    >>> result = torch.zeros(8, 8)
    >>> result[0, 7], result[3, 4] = 9, -1
    >>> start(result) == 3 * 8 + 4
    True
    """
    inside = F.pad(result[BORDER:-BORDER, BORDER:-BORDER].abs(), [BORDER] * 4)
    return int(inside.argmax())


def check_stride(stride):
    """Return the strides of 8 layers, given as one for all or as a list; those not given are 1.

    Raises ValueError where one is not 1 or 2.

    >>> check_stride([2, 1, 2])
    [2, 1, 2, 1, 1, 1, 1, 1]
    """
    listed = [stride] * MOST_LAYERS if isinstance(stride, Integral) else stride
    if not isinstance(listed, list | tuple) or len(listed) > MOST_LAYERS:
        raise ValueError(f"stride must be 1, 2 or a list of at most {MOST_LAYERS} of them, got {stride!r}")
    strides = [_checks.count("stride", each) for each in listed]
    if max(strides, default=1) > 2:
        raise ValueError(f"stride must be 1 or 2 in each layer, got {stride}")
    return strides + [1] * (MOST_LAYERS - len(strides))
