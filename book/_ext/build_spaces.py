"""What belongs on one line stays on one line: 65 536, 154 kB, 4 × 4, and a formula with the comma after it."""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?!\d)")
UNIT = r" (?=[kMGTP]?B\b|ms\b|%)"
AFTER_NUMBER = re.compile(rf"(?<=\d){UNIT}|(?<=\d) (?=× \d)|(?<=\d ×) (?=\d)")
AFTER_FORMULA = re.compile(rf"^{UNIT}")
PUNCTUATION = re.compile(r"[,.;:!?)\]’”]+")
AS_TYPED = (nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.math, nodes.math_block, nodes.raw)


def held_together(text):
    """Put spaces that don't break into numbers, before units and around ×.

    >>> held_together("65 536 pairs, 154 kB, 4 × 4")
    '65\\u202f536 pairs, 154\\xa0kB, 4\\xa0×\\xa04'
    """
    text = THOUSANDS.sub(lambda number: number[0].replace(" ", "\u202f"), text)
    return AFTER_NUMBER.sub("\u00a0", text)


class Spaces(SphinxPostTransform):
    """Go through a page's words, leaving code and formulas as they are."""

    default_priority = 950
    formats = ("html",)

    def run(self, **kwargs):
        """Mend the spaces, then tie each formula to the punctuation after it."""
        for words in list(self.document.findall(nodes.Text)):
            if not within(words, AS_TYPED):
                mended = held_together(words)
                if isinstance(_before(words), nodes.math):
                    mended = AFTER_FORMULA.sub("\u00a0", mended)
                if mended != words:
                    words.parent.replace(words, nodes.Text(mended))
        for formula in list(self.document.findall(nodes.math)):
            tie(formula)


def tie(formula):
    """Move the punctuation after a formula into one span with it."""
    parent, place = formula.parent, formula.parent.index(formula)
    after = parent[place + 1] if place + 1 < len(parent) else None
    found = isinstance(after, nodes.Text) and PUNCTUATION.match(after)
    if found:
        both = nodes.inline("", "", formula.deepcopy(), nodes.Text(found[0]), classes=["together"])
        parent[place : place + 2] = [both, nodes.Text(after[found.end() :])]


def _before(node):
    place = node.parent.index(node)
    return node.parent[place - 1] if place else None


def within(node, kinds):
    """Tell whether a node is of one of the kinds, or lies in one."""
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node is not None


def setup(app):
    """Register the transform."""
    app.add_post_transform(Spaces)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
