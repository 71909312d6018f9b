"""The still picture of attention: every model's answers to one query, as heat over the photograph."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from patchwork.explorers.attention.scenes import is_crisp, prefix_length
from patchwork.explorers.common.encoding import to_picture
from patchwork.explorers.common.modules import limits
from patchwork.explorers.common.still import cell_boxes, draw_borders, draw_outline, heat_colors, write
from patchwork.figures import INK, PAPER

ROOM = limits("attention")["room"]  # full color takes so many times the uniform weight, and the largest at most so many


def draw_attention(look):
    """Draw the answers to one query as heat over a photograph, one column for each model, on one scale.

    Tokens before the patches stand at the left.
    """
    photo = to_picture(look.scene.image.expand(3, -1, -1))
    rows = {model: look.row(model).tolist() for model in look.models}
    findings = {model: _findings(look, model) for model in look.models}
    side = (740 - 20) / max(len(rows), 2) - 20
    lines = max(len(each) for each in findings.values())
    sheet = Image.new("RGB", (740, round(150 + side * photo.height / photo.width + 30 * lines)), PAPER)
    tokens, largest = len(look.weights), max(max(row) for row in rows.values())
    top = max(ROOM / tokens, largest / ROOM)
    pen = ImageDraw.Draw(sheet)
    for place, (model, row) in enumerate(rows.items()):
        left = 20 + place * (side + 20)
        bottom = _draw_map(sheet, photo, (left, 54, side), look, _heat([weight / top for weight in row]))
        write(pen, (left, 14), model.capitalize(), 26, INK)
        for line, text in enumerate(findings[model]):
            write(pen, (left, bottom + 12 + 30 * line), text, 20, INK)
    _draw_legend(sheet, top, tokens, above=largest > top)
    return sheet


def _heat(shares):
    """Color shares of the top weight, by their square root → (N, 3) bytes."""
    return heat_colors(np.sqrt(shares))


def _draw_map(sheet, photo, place, look, heat):
    """Draw the heat of all tokens, (T, 3), at (left, top) as wide as a side → where its bottom is."""
    (left, top, side), prefix, crisp = place, prefix_length(look.scene), is_crisp(look.scene.image)
    strip = side * 0.2 if prefix else 0
    width = round(side - 1.2 * strip)
    height, start = round(width * photo.height / photo.width), round(left + side - width)
    cells = Image.fromarray(heat[prefix:].reshape(*look.scene.grid, 3))
    cells = cells.resize((width, height), Image.Resampling.NEAREST)
    below = photo.resize((width, height), Image.Resampling.NEAREST if crisp else Image.Resampling.BICUBIC)
    sheet.paste(Image.blend(below, cells, 0.65 if crisp else 0.8), (start, top))
    boxes = [(left, top + 1.2 * strip * token, strip, strip) for token in range(prefix)]
    boxes += cell_boxes((start, top, width, height), look.scene.grid)
    pen = ImageDraw.Draw(sheet)
    for color, (x, y, wide, high) in zip(heat[:prefix].tolist(), boxes[:prefix], strict=True):
        pen.rectangle((x, y, x + wide, y + high), fill=tuple(color))
    if look.scene.labels is not None:
        draw_borders(pen, boxes[prefix:], look.scene.labels.view(look.scene.grid).cpu().numpy())
    x, y, wide, high = boxes[look.query]
    draw_outline(pen, (x, y, x + wide, y + high))
    return top + height


def _draw_legend(sheet, top, tokens, *, above):
    left, right, y = 20, 720, sheet.height - 50
    scale = Image.fromarray(_heat(np.linspace(0, 1, 700) ** 2)[None])
    sheet.paste(scale.resize((right - left, 14)), (left, y))
    pen, uniform = ImageDraw.Draw(sheet), left + (right - left) * (1 / tokens / top) ** 0.5
    pen.rectangle((uniform - 1, y - 3, uniform + 1, y + 16), fill=INK)
    write(pen, (left, y + 20), "weight 0", 18, INK)
    write(pen, (max(uniform, 200), y + 20), f"uniform 1/{tokens}", 18, INK, anchor="ma")
    write(pen, (right, y + 20), f"{top:.2g}{' or more' if above else ''}", 18, INK, anchor="ra")


def describe_attention(look):
    """Say in words what ``draw_attention`` shows."""
    heads = "the mean of all heads" if look.head is None else f"head {look.head}"
    each = "; ".join(f"{model.capitalize()}: {', '.join(_findings(look, model))}" for model in look.models)
    return (
        f"Attention of {_token_name(look)} over the picture “{look.name}” as heat, block {look.block}, {heads}. {each}."
    )


def _token_name(look):
    place = look.query - prefix_length(look.scene)
    if place < 0:
        return "the class token" if look.query == 0 else f"register {look.query}"
    row, column = divmod(place, look.scene.grid[1])
    return f"patch {place} in row {row}, column {column}"


def _findings(look, model):
    row, score = look.row(model), look.score(model)
    spread = torch.special.entr(row.double()).sum().exp().item()
    lines = [f"as if spread over {spread:.0f} of {len(row)}", f"largest weight {row.max():.2g}"]
    return lines if score is None else [f"{score[0]:.0%} in its region, chance {score[1]:.0%}", *lines]
