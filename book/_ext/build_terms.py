"""Each chapter's words lead to the glossary: a term is a link where the chapter first uses it, and only there.

So the notebooks stay free of roles, which JupyterLab would show as errors.
"""

import re

from build_spaces import within
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "book/glossary"
# Words that everybody uses, mostly in another sense: linked only where a chapter sets them in bold, as a new term.
# fmt: off
EVERYDAY = {
    "aggregation", "ceiling", "control", "correlation", "cut", "degree", "density", "edge", "feature",
    "frequency", "gain", "grid", "head", "hierarchy", "hub", "jump", "kernel", "key", "label", "loop", "loss",
    "offset", "pattern", "phase", "query", "rank", "reach", "region", "register", "relation", "representation",
    "sequence", "similarity", "stage", "stride", "symmetric", "training", "value", "window",
}
# fmt: on
LEFT_AS_IT_IS = (
    nodes.Admonition,
    nodes.caption,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.reference,
    nodes.table,
    nodes.title,
    addnodes.pending_xref,
)


def pattern_of(term):
    """Match a term as a chapter may write it: in the plural, across a line's end, with a capital at a sentence's start.

    >>> found = pattern_of("heat map").search("Two Heat\\nmaps.")
    >>> found[0], pattern_of("map").search("a heat-map, mapped"), pattern_of("GELU").search("gelu")
    ('Heat\\nmaps', None, None)
    """
    words = r"\s+".join(map(re.escape, term.split()))
    plural = words[:-1] + "(?:y|ies)" if term.endswith("y") else words + "(?:e?s)?"
    flags = 0 if any(letter.isupper() for letter in term) else re.IGNORECASE
    return re.compile(rf"(?<![\w-]){plural}(?![\w-])", flags)


def entries(glossary):
    """Return the English terms of a glossary's document → the anchor and the words of their explanation."""
    found = {}
    for item in glossary.findall(nodes.definition_list_item):
        terms, (explanation,) = list(item.findall(nodes.term)), item.findall(nodes.definition)
        for term in terms:
            if term.astext().isascii() or "-" in term.astext():
                found[term.astext()] = term["ids"][0], " ".join(explanation.astext().split())
    return found


class Terms(SphinxPostTransform):
    """Make the first use of each term in a chapter a link to its explanation."""

    default_priority = 940  # before build_spaces, while the words are as they were typed
    formats = ("html",)

    def run(self, **kwargs):
        """Go through the terms, the longest first, so that none is taken for a part of another."""
        if not self.env.docname.startswith("chapters/") or GLOSSARY not in self.env.found_docs:
            return
        base = self.app.builder.get_relative_uri(self.env.docname, GLOSSARY)
        found = entries(self.env.get_doctree(GLOSSARY))
        prose = [words for words in self.document.findall(nodes.Text) if not within(words, LEFT_AS_IT_IS)]
        for term in sorted(found, key=len, reverse=True):
            anchor, explanation = found[term]
            link = {"internal": True, "refuri": f"{base}#{anchor}", "reftitle": explanation, "classes": ["glossed"]}
            _link_first(prose, term, link)


def _link_first(prose, term, link):
    """Make the first use of a term a link, and keep what stands around it in the list of prose."""
    pattern, start = pattern_of(term), term.split()[0].lower().removesuffix("y")
    for number, words in enumerate(prose):
        if start not in words.lower():  # far quicker than the pattern
            continue
        bold = isinstance(words.parent, nodes.strong) and pattern.fullmatch(words)
        place = bold if term in EVERYDAY else pattern.search(words)
        if place:
            around = [nodes.Text(words[: place.start()]), nodes.Text(words[place.end() :])]
            parts = [around[0], nodes.reference("", place[0], **link), around[1]]
            words.parent.replace(words, [part for part in parts if part.astext()])
            prose[number : number + 1] = [part for part in around if part.astext()]
            return


def setup(app):
    """Register the transform."""
    app.add_post_transform(Terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
