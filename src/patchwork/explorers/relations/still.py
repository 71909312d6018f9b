"""The still picture of the relations: one map each, with its scores."""

from PIL import Image, ImageDraw

from patchwork.explorers.common.still import (
    cell_boxes,
    draw_borders,
    draw_outline,
    gray_picture,
    heat_colors,
    write,
)
from patchwork.explorers.relations.look import NAMES, NEAR, share_below
from patchwork.figures import ACCENT, INK, PAPER

SIDE, PITCH, MARGIN = 128, 176, 16  # of a map, from one to the next, around: as JPEG's blocks of 16 lie, they take less
COLUMNS = 4


def draw_relations(look):
    """Draw the picture, or the guess, and the maps with their scores, four in a row.

    The picture itself is seen in the first alone: the texture of all would make a large file.
    """
    photo, tiles, findings = gray_picture(look.pixels).convert("RGB"), _tiles(look), _findings(look)
    width, height = (round(length * SIDE / max(photo.size)) for length in photo.size)
    photo, down = photo.resize((width, height), Image.Resampling.BICUBIC), -(-(height + 76) // 16) * 16
    size = MARGIN + PITCH * COLUMNS, down * -(-len(tiles) // COLUMNS) + 24 + 32 * len(findings)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, (title, row, told) in enumerate(tiles):
        left, top = MARGIN + PITCH * (place % COLUMNS), 3 * MARGIN + down * (place // COLUMNS)
        drawn = photo if row is None else _map(look, row, photo.size)
        sheet.paste(Image.blend(photo, drawn, 0.6) if place == 0 else drawn, (left, top))
        x, y, wide, high = cell_boxes((left, top, width, height), look.grid)[look.selected]
        draw_outline(pen, (x, y, x + wide, y + high))
        write(pen, (left, top - 32), title, 21, INK)
        write(pen, (left, top + height + 4), told, 18, INK)
    for line, text in enumerate(findings):
        write(pen, (MARGIN, sheet.height - 32 * len(findings) - 8 + 32 * line), text, 20, ACCENT if line == 0 else INK)
    return sheet


def _tiles(look):
    """List what is drawn: title, row of weights (N,) or None, what is told below."""
    eye = ("The picture", None, "What belongs to it?")
    if look.guess is not None:
        eye = ("Your eye", look.marks, _told(look, look.guess))
    return [eye, *((NAMES[name], row, _told(look, look.scores[name])) for name, row in look.rows.items())]


def _map(look, row, size):
    colors = heat_colors(share_below(row, look.selected).numpy()).reshape(*look.grid, 3)
    drawn = Image.fromarray(colors).resize(size, Image.Resampling.NEAREST)
    if look.regions is not None:
        draw_borders(ImageDraw.Draw(drawn), cell_boxes((0, 0, *size), look.grid), look.regions.view(look.grid).numpy())
    return drawn


def describe_relations(look):
    """Say in words what ``draw_relations`` shows."""
    row, column = divmod(look.selected, look.grid[1])
    told = "; ".join(f"{NAMES[name].lower()} {_told(look, scores)}" for name, scores in look.scores.items())
    if look.guess is not None:
        told += f". The guess of {int(look.marks.sum())} patches: {_told(look, look.guess)}"
    return (
        f"The picture “{look.photo}”, cut into {look.grid[0]} × {look.grid[1]} patches, and how patch "
        f"{look.selected} in row {row}, column {column} relates to all others, as {len(look.rows)} maps: "
        f"{told}. {'. '.join(_findings(look))}."
    )


def _told(look, scores):
    first, second = scores
    if look.regions is None:
        return f"near {first:.2f}, over {second:.0f}"
    return f"AUC {first:.2f}, mass {second:.2f}".replace("nan", "–")


def _findings(look):
    if look.regions is None:
        return [f"Share of the weight within {NEAR} patches, and over how many it is spread"]
    auc, mass = (f"{score:.2f}".replace("nan", "–") for score in look.chance)
    return [
        f"AUC: do patches of its region come first? Chance {auc}",
        f"Mass: how much of the weight is in its region? Chance {mass}",
        "Trained: attention and windows with labels" + (", the network without" if look.read is not None else ""),
    ]
