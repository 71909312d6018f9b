"""The still picture of a convolution: the photograph, its answers, and one sum, product by product."""

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import draw_outline, gray_picture, write
from patchwork.figures import ACCENT, INK, PAPER, RULE

PLUS, MINUS = "#e08a00", "#2f86d1"  # weights above and below 0


def draw_convolution(pixels, result, selected, sums, findings):
    """Draw a gray photograph and its answers side by side, and one pixel's neighborhood, weights and products.

    ``pixels`` and ``result`` are (H, W) tensors; ``sums`` the neighborhood, the weights and their products, (K, K).
    """
    scale = 340 / max(pixels.shape)
    width, height = (round(length * scale) for length in reversed(pixels.shape))
    sheet = Image.new("RGB", (740, height + 420), PAPER)
    pen = ImageDraw.Draw(sheet)
    row, column = divmod(selected, pixels.shape[1])
    signed = bool((sums[1] < 0).any())
    most = float(result.abs().max()) if signed else float(sums[1].sum())
    answers = result / (most or 1)
    for left, gray, reach in ((20, pixels, len(sums[1]) // 2), (380, answers / 2 + 0.5 if signed else answers, 0)):
        sheet.paste(gray_picture(gray).resize((width, height), Image.Resampling.BICUBIC), (left, 20))
        box = (column - reach, row - reach, column + reach + 1, row + reach + 1)
        around = zip(box, (left - 3, 17, left + 3, 23), strict=True)
        draw_outline(pen, [at * scale + start for at, start in around])
    write(pen, (380, height + 30), f"black {-most if signed else 0:.3g}, white {most:.3g}", 18, INK)
    _draw_products(pen, (20, height + 70, 400, 210), sums)
    for line, text in enumerate(("In each cell:", "the pixel,", "the kernel's weight,", "and their product")):
        write(pen, (450, height + 112 + 30 * line), text, 20, INK)
    for line, text in enumerate(findings):
        write(pen, (20, height + 300 + 36 * line), text, 22, ACCENT if line == 0 else INK)
    return sheet


def _draw_products(pen, box, sums):
    (left, top, width, height), size = box, len(sums[1])
    wide, high = width / size, height / size
    for (row, column), weight in np.ndenumerate(sums[1].numpy()):
        x, y = left + column * wide, top + row * high
        color = RULE if weight == 0 else PLUS if weight > 0 else MINUS
        pen.rectangle((x, y, x + wide - 4, y + high - 4), outline=color, width=1 if weight == 0 else 3)
        for line, number in enumerate(float(part[row, column]) for part in sums):
            middle = (x + wide / 2 - 2, y + high / 2 - 2 + (line - 1) * 0.28 * high)
            write(pen, middle, f"{number + 0:.3g}", min(18, 0.28 * high), INK, anchor="mm")
