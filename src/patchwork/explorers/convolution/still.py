"""The still picture of a convolution: the photograph, its answers, and one sum, product by product."""

import numpy as np
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import draw_outline, gray_picture, write
from patchwork.explorers.convolution.kernels import preset_name
from patchwork.explorers.convolution.look import HELD
from patchwork.figures import ACCENT, INK, PAPER, RULE

PLUS, MINUS = "#e08a00", "#2f86d1"  # weights above and below 0
SIDE = 340


def draw_convolution(look):
    """Draw a gray photograph and its answers side by side, and one pixel's neighborhood, weights and products."""
    height = round(look.grid[0] * SIDE / max(look.grid))
    sheet = Image.new("RGB", (740, height + 420), PAPER)
    pen = ImageDraw.Draw(sheet)
    answers, (black, white) = _as_gray(look)
    _paste_picture(sheet, pen, 20, look.pixels, look, radius=len(look.kernel) // 2)
    _paste_picture(sheet, pen, 380, answers, look, radius=0)
    write(pen, (380, height + 30), f"black {black:.3g}, white {white:.3g}", 18, INK)
    _draw_products(pen, (20, height + 70, 400, 210), look)
    for line, text in enumerate(("In each cell:", "the pixel,", "the kernel's weight,", "and their product")):
        write(pen, (450, height + 112 + 30 * line), text, 20, INK)
    for line, text in enumerate(_findings(look)):
        write(pen, (20, height + 300 + 36 * line), text, 22, ACCENT if line == 0 else INK)
    return sheet


def _as_gray(look):
    """Return the answers in [0, 1], and what black and white stand for: with negative weights zero is in the middle."""
    if (look.weight < 0).any():
        most = float(look.result.abs().max())
        return look.result / (most or 1) / 2 + 0.5, (-most, most)
    most = float(look.weight.sum())
    return look.result / (most or 1), (0, most)


def _paste_picture(sheet, pen, left, gray, look, radius):
    """Draw pixels in gray, outlined the pixel that asks with its neighbors up to ``radius`` pixels away."""
    scale = SIDE / max(look.grid)
    width, height = (round(length * scale) for length in reversed(look.grid))
    sheet.paste(gray_picture(gray).resize((width, height), Image.Resampling.BICUBIC), (left, 20))
    row, column = divmod(look.selected, look.grid[1])
    box = (column - radius, row - radius, column + radius + 1, row + radius + 1)
    around = zip(box, (left - 3, 17, left + 3, 23), strict=True)
    draw_outline(pen, [place * scale + start for place, start in around])


def _draw_products(pen, box, look):
    (left, top, width, height), size = box, len(look.kernel)
    wide, high = width / size, height / size
    for (row, column), weight in np.ndenumerate(look.weight[0, 0].numpy()):
        x, y = left + column * wide, top + row * high
        color = RULE if weight == 0 else PLUS if weight > 0 else MINUS
        pen.rectangle((x, y, x + wide - 4, y + high - 4), outline=color, width=1 if weight == 0 else 3)
        parts = look.neighborhood[row, column], weight, look.products[row, column]
        for line, number in enumerate(map(float, parts)):
            middle = (x + wide / 2 - 2, y + high / 2 - 2 + (line - 1) * 0.28 * high)
            write(pen, middle, f"{number + 0:.3g}", min(18, 0.28 * high), INK, anchor="mm")


def describe_convolution(look):
    """Say in words what ``draw_convolution`` shows."""
    rows, columns = look.grid
    return (
        f"The photograph “{look.photo}” in gray, {rows} × {columns} pixels; beside it what the kernel "
        f"“{preset_name(look.kernel) or 'own'}” makes of it; below, the neighborhood of pixel {look.selected} times "
        f"the weights, product by product. {'. '.join(_findings(look))}."
    )


def _findings(look):
    size, layers = look.field[0], f"{look.layers} layer{'' if look.layers == 1 else 's'}"
    listens = int((look.row != 0).sum())
    return [
        f"Pixel {look.selected} answers {look.products.sum():.3f}, the sum of {len(look.kernel) ** 2} products",
        f"Its row of A: {listens} of {len(look.row)} weights are not zero",
        f"{layers} see {size} by {size} pixels; {look.width} by {look.width} hold {100 * HELD:g} % of the influence",
    ]
