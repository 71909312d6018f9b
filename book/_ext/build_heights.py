"""About how tall each section is: what is out of sight isn't laid out, and this holds its place until it is.

Without it the scrollbar, and the End key, would believe a chapter to be a third as long as it is. The numbers are
rough: what has been in sight once keeps its true height.
"""

import re
from math import ceil
from typing import NamedTuple

from build_details import Details
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode


class Screen(NamedTuple):
    """What a screen has room for, in pixels and characters, and how tall a line of text and of code is."""

    characters: int
    text: int
    wide: int
    line: float
    explorer: int


WIDE = Screen(characters=84, text=592, wide=736, line=29.7, explorer=1150)
NARROW = Screen(characters=49, text=350, wide=350, line=27.2, explorer=2100)
CODE_LINE, CLOSED, GAP = 23.9, 50, 19


def height(node, screen):
    """Return about how many pixels tall a node is on a screen, with the space below it.

    >>> height(nodes.paragraph("", "word " * 100), WIDE) > height(nodes.paragraph("", "word"), WIDE)
    True
    """
    for kind, measure in MEASURES.items():
        if isinstance(node, kind):
            return measure(node, screen)
    return sum(height(child, screen) for child in node.children)


def _paragraph(node, screen):
    lines = ceil(len(node.astext()) / screen.characters)
    gap = GAP / 2 if isinstance(node.parent, (nodes.list_item, nodes.Admonition, nodes.entry)) else GAP
    return lines * screen.line + gap


def _title(node, screen):
    lines = ceil(len(node.astext()) * 1.4 / screen.characters)
    return lines * 34 + 32


def _code(node, screen):
    return len(node.astext().splitlines()) * CODE_LINE + 24


def _formula(node, screen):
    rows = len(re.findall(r"\\\\", node.astext())) + 1
    return 50 + rows * (62 if r"\frac" in node.astext() or r"\sum" in node.astext() else 38)


def _image(node, screen):
    width, tall = node.get("pixels", (screen.wide, screen.wide / 2))
    return tall * min(width, screen.wide) / width + 24


def _table(node, screen):
    total = 60.0
    for row in node.findall(nodes.row):
        cells = max((len(cell.astext()) for cell in row.findall(nodes.entry)), default=0)
        total += 20 + 24 * ceil(cells / max(18, 2 * screen.characters / max(1, len(row.children))))
    return total


def _raw(node, screen):
    text = node.astext()
    if 'class="explorer"' in text:
        return screen.explorer
    return 44 * text.count("<tr") + 20


def _closed(node, screen):
    return CLOSED


MEASURES = {
    (Details, HideCodeCellNode): _closed,
    nodes.title: _title,
    nodes.paragraph: _paragraph,
    nodes.math_block: _formula,
    nodes.literal_block: _code,
    nodes.doctest_block: _code,
    nodes.image: _image,
    nodes.table: _table,
    nodes.raw: _raw,
    nodes.Admonition: lambda node, screen: 56 + sum(height(child, screen) for child in node.children),
    nodes.caption: _paragraph,
}


def note_heights(app, pagename, templatename, context, doctree):
    """Write the heights, in rem, on the sections that a page draws when they come into sight."""
    if doctree is None or app.builder.format != "html":
        return
    for section in doctree.findall(nodes.section):
        if not (isinstance(section.parent, nodes.section) and isinstance(section.parent.parent, nodes.document)):
            continue
        tall, narrow = (round(height(section, screen) / 16) for screen in (WIDE, NARROW))
        opened = f'<section id="{section["ids"][0]}"'
        told = f'{opened} style="--tall:{tall};--tall-narrow:{narrow}"'
        context["body"] = context["body"].replace(opened, told, 1)


def setup(app):
    """Register it."""
    app.connect("html-page-context", note_heights)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
