"""The still picture of five relations: one map each, with its scores."""

import matplotlib as mpl
from PIL import Image, ImageDraw

from patchwork.explorers.common.still import cell_boxes, draw_borders, draw_outline, gray_picture, write
from patchwork.figures import ACCENT, INK, PAPER

SIDE, PITCH, MARGIN = 192, 240, 16  # of a map, from one to the next, around: as JPEG's blocks of 16 lie, they take less


def draw_relations(pixels, grid, selected, tiles, regions, findings):
    """Draw one map for each of the ``tiles``, three in a row: (title, shares (N,) in 0 … 1 or None, what it scores).

    ``pixels`` is (H, W); ``regions`` (N,) or None. The picture itself is seen in the first alone: the texture of six
    would make a large file.
    """
    photo = gray_picture(pixels).convert("RGB")
    width, height = (round(length * SIDE / max(photo.size)) for length in photo.size)
    photo, down = photo.resize((width, height), Image.Resampling.BICUBIC), -(-(height + 76) // 16) * 16
    sheet = Image.new("RGB", (740, down * -(-len(tiles) // 3) + 24 + 32 * len(findings)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, (title, shares, told) in enumerate(tiles):
        left, top = MARGIN + PITCH * (place % 3), 3 * MARGIN + down * (place // 3)
        tile = _tile(photo, grid, shares, regions)
        sheet.paste(Image.blend(photo, tile, 0.6) if place == 0 else tile, (left, top))
        x, y, wide, high = cell_boxes((left, top, width, height), grid)[selected]
        draw_outline(pen, (x, y, x + wide, y + high))
        write(pen, (left, top - 32), title, 22, INK)
        write(pen, (left, top + height + 4), told, 19, INK)
    for line, text in enumerate(findings):
        write(pen, (MARGIN, sheet.height - 32 * len(findings) - 8 + 32 * line), text, 20, ACCENT if line == 0 else INK)
    return sheet


def _tile(photo, grid, shares, regions):
    if shares is None:
        return photo
    colors = mpl.colormaps["cividis"](shares.numpy(), bytes=True)[:, :3].reshape(*grid, 3)
    tile = Image.fromarray(colors).resize(photo.size, Image.Resampling.NEAREST)
    if regions is not None:
        draw_borders(ImageDraw.Draw(tile), cell_boxes((0, 0, *photo.size), grid), regions.view(grid).numpy())
    return tile
