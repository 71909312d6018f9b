"""Another machine's last digits, made on this one.

Processors, libraries and numbers of threads add up in different orders, so that their sums and products differ in the
last digit. ``Jitter`` brings about the same: where rounding decides the last digit, each number is multiplied by 1 + ε,
with ε drawn anew. What a chapter prints must not depend on it.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

SIZES = {torch.float32: 1e-7, torch.float64: 1e-15}
# what adds up products or numbers: exact, in any order, for whole numbers and simple fractions of them
SUMS = {
    *("mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "addr", "_sparse_mm", "_sparse_addmm"),
    *("convolution", "convolution_backward", "mkldnn_convolution", "_slow_conv2d_forward"),
    *("sum", "nansum", "mean", "prod", "cumsum", "cumprod", "trace", "index_add", "scatter_add"),
    *("avg_pool2d", "avg_pool2d_backward", "_adaptive_avg_pool2d", "_adaptive_avg_pool2d_backward"),
    *("upsample_bilinear2d", "upsample_bicubic2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
    *("pow", "norm", "linalg_vector_norm", "_cdist_forward", "_euclidean_dist"),
    *("grid_sampler_2d", "embedding_dense_backward", "_embedding_bag"),
}
# what rounds even whole numbers: roots, exponentials, spectra, and the layers made of them
ROUNDED = {
    *("var", "std", "var_mean", "std_mean"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logsumexp", "rsqrt", "special_entr", "xlogy"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "atan2", "erf", "erfc", "sigmoid"),
    *("gelu", "silu", "softplus", "elu", "log_sigmoid_forward", "_softmax", "_log_softmax", "logit"),
    *("gelu_backward", "silu_backward", "_softmax_backward_data", "_log_softmax_backward_data"),
    *("tanh_backward", "sigmoid_backward", "nll_loss_forward", "nll_loss_backward"),
    *("native_layer_norm", "native_layer_norm_backward", "native_group_norm", "native_group_norm_backward"),
    *("native_batch_norm", "native_batch_norm_backward", "_native_batch_norm_legit"),
    *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention_for_cpu_backward"),
    *("_fft_r2c", "_fft_c2r", "_fft_c2c"),
    *("_linalg_eigh", "linalg_eig", "_linalg_eigvals", "_linalg_svd", "_linalg_solve_ex", "linalg_inv_ex"),
    *("linalg_qr", "linalg_cholesky_ex", "linalg_lu_factor_ex", "_linalg_det", "_linalg_slogdet", "linalg_lstsq"),
    *("linalg_solve_triangular", "linalg_matrix_exp", "triangular_solve", "cholesky_solve"),
}
DRAWS = 1 << 20
FRACTION = 16  # multiples of 1/16: their products are multiples of 1/256, exact below 2¹⁶ in float32


class Jitter(TorchDispatchMode):
    """Multiply what rounding decides by 1 + ε, |ε| ≤ 1e-7 in float32 and 1e-15 in float64, repeatable by its seed.

    Sums of whole numbers, a matrix that only picks, and exponentials of 0 are exact on every machine and stay so.

    >>> x = torch.tensor([0.1, 0.2])
    >>> with Jitter(1):
    ...     whole, rounded = (x > 0).float().sum(), x.sum()
    >>> whole.item(), abs(rounded.item() - 0.3) < 1e-6
    (2.0, True)
    """

    def __init__(self, seed):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)
        draws = 2 * torch.rand(DRAWS, generator=self.generator, dtype=torch.float64) - 1
        self.factors = {kind: (1 + size * draws).to(kind) for kind, size in SIZES.items()}

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        name = function.overloadpacket.__name__.removesuffix("_")
        if name in ROUNDED or name in SUMS:
            found = [each for each in flat([result]) if is_shaken(each)]
            if found and (name in ROUNDED or not adds_up_exactly(arguments)):
                for each in found:
                    self.shake(each, ends_stay=name in ROUNDED)
        return result

    def shake(self, numbers, *, ends_stay):
        """Change the numbers where they stand; 1 and −1 may stay, as exp(0) and cos(0) are anywhere."""
        if numbers.is_complex():
            numbers = torch.view_as_real(numbers)
        if ends_stay:
            ends = numbers.abs() == 1
            numbers.copy_(torch.where(ends, numbers, self.multiply(numbers.clone())))
        else:
            self.multiply(numbers)

    def multiply(self, numbers):
        """Multiply by 1 + ε, read from random places of a long row: drawing each anew is slow."""
        row = self.factors[numbers.dtype]
        for part in numbers.view(-1).split(DRAWS) if numbers.is_contiguous() else (numbers,):
            count = part.numel()
            start = int(torch.randint(max(DRAWS - count, 0) + 1, (), generator=self.generator))
            factors = row if count <= DRAWS else row.repeat(-(-count // DRAWS))
            part.mul_(factors[start : start + count].view(part.shape))
        return numbers


def is_shaken(result):
    """Tell whether a result is a plain tensor of floating numbers on the CPU."""
    plain = type(result) in (torch.Tensor, torch.nn.Parameter) and result.layout == torch.strided
    return plain and result.device.type == "cpu" and result.dtype in (*SIZES, torch.complex64, torch.complex128)


def adds_up_exactly(arguments):
    """Tell whether sums of the arguments' products come out the same in any order."""
    tensors = [each for each in flat(arguments) if isinstance(each, torch.Tensor) and each.is_floating_point()]
    return all(map(is_simple, tensors)) or any(only_picks(*pair) for pair in zip(tensors[-2:], (-1, -2), strict=False))


def flat(arguments):
    for each in arguments:
        yield from flat(each) if isinstance(each, (tuple, list)) else (each,)


def is_simple(numbers):
    """Tell whether all are small multiples of 1/16."""
    if numbers.layout != torch.strided:
        return False
    scaled = numbers.detach().reshape(-1)
    first = scaled[:64] * FRACTION
    if not bool((first == first.round()).all()):
        return False
    scaled = scaled * FRACTION
    return bool(((scaled == scaled.round()) & (scaled.abs() < 2**16)).all())


def only_picks(matrix, axis):
    """Tell whether a matrix has along the axis no more than one number that isn't 0, and this a power of two."""
    if matrix.layout != torch.strided or matrix.ndim < 2:
        return False
    if bool((matrix.narrow(-3 - axis, 0, min(1, matrix.shape[-3 - axis])) != 0).sum(axis).gt(1).any()):
        return False  # as most show in their first row
    other = matrix != 0
    return bool((other.sum(axis) <= 1).all() and (torch.frexp(matrix[other]).mantissa.abs() == 0.5).all())
