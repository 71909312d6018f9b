"""Chapter 4's explorer: edit a kernel, see the picture, one sum, its row of A; how far a stack of layers sees."""

from numbers import Integral

import numpy as np
import torch
import torch.nn.functional as F
import traitlets

from patchwork import _checks
from patchwork.convolution import conv2d_from_patches, convolution_matrix, receptive_field
from patchwork.explorers.common.photographs import GrayPhotoExplorer
from patchwork.explorers.convolution.still import draw_convolution

PRESETS = (
    "identity",
    "mean",
    "Gaussian",
    "sharpen",
    "edge left–right",
    "edge top–bottom",
    "Laplacian",
    "shift by one",
)
KERNEL_SIZES = (1, 3, 5)
LARGEST_WEIGHT = 99  # what a page has room for
BOUNDARIES = ("zero", "circular")
DILATIONS = (1, 2, "doubling")
MOST_LAYERS = 8
HELD = 0.95  # the share of the influence whose width is told


class ConvolutionExplorer(GrayPhotoExplorer, module="convolution"):
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

    >>> explorer = ConvolutionExplorer(torch.rand(3, 32, 48), kernel="Laplacian", selected=0)
    >>> explorer.products.shape, explorer.row[:3], explorer.relation.shape
    (torch.Size([3, 3]), tensor([-4.,  1.,  0.], dtype=torch.float64), torch.Size([1536, 1536]))
    >>> explorer.field, explorer.width
    ((17, 1), 11)
    >>> explorer  # doctest: +ELLIPSIS
    ConvolutionExplorer(boundary='zero', dilation=1, kernel=[[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], ...], ...)
    """

    remedy = "use fewer or smaller images"

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
        taken = self._take(images, photo)
        settings = {"kernel": preset(kernel) if isinstance(kernel, str) else kernel, "boundary": boundary}
        settings |= {"selected": 0 if selected is None else selected, "layers": layers}
        settings |= {"stride": [stride] * MOST_LAYERS if isinstance(stride, Integral) else stride, "dilation": dilation}
        settings = {name: check_setting(name, value, grid=self._size) for name, value in settings.items()}
        super().__init__(**taken, **settings)
        if selected is None:
            self.selected = self._start()
        self.state()

    def _start(self):
        """Find the largest answer, away from the border: what is largest there, the border made."""
        inside = F.pad(torch.ones(*(side - 4 for side in self._size)), [2] * 4)
        return int((self.result.abs() * inside).argmax())

    @property
    def grid(self):
        """(rows, columns) of the pixels: the picture's height and width."""
        return self._size

    @property
    def weight(self):
        """The kernel as ``F.conv2d`` takes it, (1, 1, K, K)."""
        return torch.tensor(self.kernel, dtype=torch.float64)[None, None]

    @property
    def result(self):
        """All answers, (H, W), by ``convolution.conv2d_from_patches``."""
        return conv2d_from_patches(self._padded[None, None], self.weight)[0, 0]

    @property
    def neighborhood(self):
        """The K×K pixels that the one that asks listens to; outside the picture 0, or those from the other side."""
        (row, column), size = divmod(self.selected, self.grid[1]), len(self.kernel)
        return self._padded[row : row + size, column : column + size]

    @property
    def products(self):
        """What it adds up, (K, K): its neighborhood times the weights."""
        return self.neighborhood * self.weight[0, 0]

    @property
    def relation(self):
        """The whole matrix A, sparse (N, N), from ``convolution.convolution_matrix``; result = A · pixels."""
        if self.boundary == "zero":
            return convolution_matrix(self.weight, self.grid, padding=len(self.kernel) // 2).coalesce()
        places = F.pad(torch.arange(self.pixels.numel()).double().view(1, 1, *self.grid), self._margins, "circular")
        unrolled = convolution_matrix(self.weight, tuple(places.shape[2:])).coalesce()
        row, column = unrolled.indices()
        indices = torch.stack([row, places.long().flatten()[column]])
        square = (len(unrolled),) * 2
        return torch.sparse_coo_tensor(indices, unrolled.values(), square, check_invariants=True).coalesce()

    @property
    def row(self):
        """The weights with which the pixel that asks listens to all N, (N,): its row of ``relation``."""
        return self.relation[self.selected].to_dense()

    @property
    def field(self):
        """(size, jump) of the field of the layers, by ``convolution.receptive_field``."""
        return receptive_field(self._stack)[:2]

    @property
    def influence(self):
        """How much each row, or column, of that field counts, (size,), sum 1: the share of the paths that start there.

        The field in two dimensions is this times itself, an outer product. For independent random weights of mean 0 it
        is each pixel's share in the expected squared gradient; for averages it is the gradient itself.
        """
        shares, jump = np.ones(1), 1
        for size, stride, _, dilation in self._stack:
            step, wider = dilation * jump, np.zeros(len(shares) + (size - 1) * dilation * jump)
            for tap in range(size):
                wider[tap * step : tap * step + len(shares)] += shares / size
            shares, jump = wider, jump * stride
        return torch.from_numpy(shares)

    @property
    def width(self):
        """The side of the smallest centered square that holds 95 % of the influence."""
        beside = self.influence[len(self.influence) // 2 :] * 2
        beside[0] /= 2
        return 2 * int((beside.cumsum(0).square() < HELD - 1e-12).sum()) + 1

    @property
    def _stack(self):
        """List the layers as (kernel size, stride, padding, dilation)."""
        dilations = [2**layer if self.dilation == "doubling" else self.dilation for layer in range(self.layers)]
        return [
            (len(self.kernel), stride, 0, dilation) for stride, dilation in zip(self.stride, dilations, strict=False)
        ]

    @property
    def _margins(self):
        return [len(self.kernel) // 2] * 4

    @property
    def _padded(self):
        mode = "circular" if self.boundary == "circular" else "constant"
        return F.pad(self.pixels[None, None], self._margins, mode)[0, 0]

    def picture(self):
        """Draw the photograph, its answers, and the products of the pixel that asks."""
        sums = (self.neighborhood, self.weight[0, 0], self.products)
        return draw_convolution(self.pixels, self.result, self.selected, sums, self._findings())

    def alt(self):
        """Say in words what ``picture`` shows."""
        rows, columns = self.grid
        name = next(
            (name for name in presets(len(self.kernel)) if self.kernel == preset(name, len(self.kernel))), "own"
        )
        return (
            f"The photograph “{self.photo}” in gray, {rows} × {columns} pixels; beside it what the kernel “{name}” "
            f"makes of it; below, the neighborhood of pixel {self.selected} times the weights, product by product. "
            f"{'. '.join(self._findings())}."
        )

    def _findings(self):
        size, layers = self.field[0], f"{self.layers} layer{'' if self.layers == 1 else 's'}"
        listens = int((self.row != 0).sum())
        return [
            f"Pixel {self.selected} answers {self.products.sum():.3f}, the sum of {len(self.kernel) ** 2} products",
            f"Its row of A: {listens} of {len(self.row)} weights are not zero",
            f"{layers} see {size} by {size} pixels; {self.width} by {self.width} hold 95 % of the influence",
        ]

    @traitlets.validate("kernel", "boundary", "selected", "layers", "stride", "dilation")
    def _suits(self, proposal):
        try:
            return check_setting(proposal.trait.name, proposal.value, grid=self._size)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None


def presets(kernel_size):
    """List the names of the kernels there are for K.

    >>> presets(1)
    ['identity']
    """
    return list(PRESETS[:1] if kernel_size == 1 else PRESETS)


def preset(name, kernel_size=3):
    """Return a kernel by its name, as rows of weights. Raises ValueError where there is none, or K is not 1, 3 or 5.

    >>> preset("edge left–right")
    [[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]
    """
    if kernel_size not in KERNEL_SIZES or name not in presets(kernel_size):
        raise ValueError(f"no kernel {name!r} of size {kernel_size!r}; for 3 and 5 there are {', '.join(PRESETS)}")
    radius = kernel_size // 2
    down, right = torch.meshgrid(*[torch.arange(-radius, radius + 1)] * 2, indexing="ij")
    steps, center = down.abs() + right.abs(), (down == 0) & (right == 0)
    binomial = torch.tensor({1: [1], 3: [1, 2, 1], 5: [1, 4, 6, 4, 1]}[kernel_size]).double()
    kernels = {
        "identity": center,
        "mean": torch.full_like(down, 1, dtype=torch.float64) / kernel_size**2,
        "Gaussian": binomial[:, None] * binomial / binomial.sum() ** 2,
        "sharpen": 5 * center.int() - (steps == 1).int(),
        "edge left–right": right.sign(),
        "edge top–bottom": down.sign(),
        "Laplacian": (steps == 1).int() - 4 * center.int(),
        "shift by one": (down == 0) & (right == 1),
    }
    return kernels[name].double().tolist()


def check_kernel(kernel):
    """Return a kernel as rows of floats. Raises ValueError where it is no square of 1, 3 or 5 weights a side."""
    rows = kernel.tolist() if isinstance(kernel, torch.Tensor | np.ndarray) else kernel
    square = isinstance(rows, list | tuple) and len(rows) in KERNEL_SIZES
    if not square or not all(isinstance(row, list | tuple) and len(row) == len(rows) for row in rows):
        raise ValueError(f"the kernel must be K rows of K weights, K one of {KERNEL_SIZES}, got {kernel!r}")
    weights = [[_checks.number("a weight", weight) for weight in row] for row in rows]
    largest = max(abs(weight) for row in weights for weight in row)
    if largest > LARGEST_WEIGHT:
        raise ValueError(f"a weight must be one of −{LARGEST_WEIGHT} … {LARGEST_WEIGHT}, got {largest:g}")
    return weights


def check_stride(stride):
    """Return the strides of 8 layers; those not given are 1. Raises ValueError where one is not 1 or 2."""
    if not isinstance(stride, list | tuple) or len(stride) > MOST_LAYERS:
        raise ValueError(f"stride must be 1, 2 or a list of at most {MOST_LAYERS} of them, got {stride!r}")
    strides = [_checks.count("stride", each) for each in stride]
    if max(strides, default=1) > 2:
        raise ValueError(f"stride must be 1 or 2 in each layer, got {stride}")
    return strides + [1] * (MOST_LAYERS - len(strides))


def check_setting(name, value, *, grid):
    """Return a setting as it is kept. Raises ValueError where it does not fit."""
    if name in ("kernel", "stride"):
        return {"kernel": check_kernel, "stride": check_stride}[name](value)
    choices = {"boundary": BOUNDARIES, "dilation": DILATIONS}.get(name)
    if choices:
        if isinstance(value, bool) or not isinstance(value, str | Integral) or value not in choices:
            raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")
        return choices[choices.index(value)]
    value = _checks.count(name, value, at_least=0)
    least, most = {"selected": (0, grid[0] * grid[1] - 1), "layers": (1, MOST_LAYERS)}[name]
    if not least <= value <= most:
        raise ValueError(f"{name} must be one of {least} … {most}, got {value}")
    return value
