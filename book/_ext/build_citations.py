"""A source named in the text leads to its entry in the bibliography, and the entry back to where it is named.

The notebooks hold plain links to the bibliography, such as ``[Liu et al. (2021)](../book/bibliography.md)``, since
JupyterLab shows a citation's role as an error. Which source is meant follows from the names and the year.
"""

import re

from docutils import nodes
from pybtex.database import parse_file
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

BIBLIOGRAPHY = "book/bibliography"
NEARBY = 60  # characters before a link that holds the year alone

log = logging.getLogger(__name__)


def surnames(entry):
    """Return the authors' surnames of an entry, without TeX's accents."""
    return [" ".join(map(str, [*each.rich_prelast_names, *each.rich_last_names])) for each in entry.persons["author"]]


def key_of(link, before, sources):
    """Return which source a link's text names, or in one line why none, by (surnames, year) of each.

    Where the text is the year alone, the names stand before it. Of several sources of one year the right one has most
    of its first authors named, in their order.

    >>> sources = {"liu2022": (["Liu", "Hu"], "2022"), "liu2022convnext": (["Liu", "Mao"], "2022")}
    >>> key_of("Liu, Mao et al. (2022)", "", sources), key_of("(2022)", "as Liu and Hu ", sources)
    ('liu2022convnext', 'liu2022')
    >>> key_of("Liu et al. (2022)", "", sources)
    Traceback (most recent call last):
    ValueError: 'Liu et al. (2022)' may be liu2022 or liu2022convnext: name more authors
    """
    year = re.search(r"\b(\d{4})\b", link)
    if year is None:
        return None
    link, before = (text.replace("’", "'") for text in (link, before))
    words = link[: year.start()] if re.search(r"\w", link[: year.start()]) else before[-NEARBY:]
    named = {key: _leading(names, words) for key, (names, when) in sources.items() if when == year[1]}
    most = max([1, *named.values()])
    best = [key for key in named if named[key] == most]
    if len(best) != 1:
        choice = f"may be {' or '.join(best)}: name more authors" if best else "is not in the bibliography"
        raise ValueError(f"{link!r} {choice}")
    return best[0]


def _leading(names, words):
    """Count the authors, from the first on, that are named."""
    named = [bool(re.search(rf"\b{re.escape(name)}\b", words)) for name in names]
    return [*named, False].index(False)


def sources_of(app):
    """Read the book's sources: surnames and year by key."""
    entries = parse_file(str(app.srcdir / app.config.bibtex_bibfiles[0])).entries
    return {key: (surnames(entry), entry.fields["year"]) for key, entry in entries.items()}


def remember(app, document):
    """Note which source each link to the bibliography names; the first of a page can be come back to."""
    named = app.env.patchwork_named[app.env.docname] = {}
    for link in document.findall(addnodes.pending_xref):
        if link.get("reftarget") != BIBLIOGRAPHY or not link.children:
            continue
        try:
            key = key_of(link.astext(), _before(link), app.patchwork_sources)
        except ValueError as error:
            log.warning("%s", error, location=link, type="citation")
            continue
        if key:
            named.setdefault(key, f"names-{key}")


def _before(link):
    siblings = link.parent.children
    return "".join(each.astext() for each in siblings[: siblings.index(link)])


class Citations(SphinxPostTransform):
    """Lead the links to their entries, and the entries to the pages that name them."""

    default_priority = 930
    formats = ("html",)

    def run(self, **kwargs):
        """Go through a page's links, and through the entries where this is the bibliography."""
        self._lead_there()
        if self.env.docname == BIBLIOGRAPHY:
            keys = {each.citation_id: each.key for each in self.env.get_domain("cite").citations}
            for entry in list(self.document.findall(nodes.citation)):
                key = next((keys[each] for each in entry["ids"] if each in keys), None)
                if key is None:
                    raise ExtensionError(f"a source of {BIBLIOGRAPHY} has none of the ids that it is cited by")
                entry["ids"].append(f"source-{key}")
                self._lead_back(entry, key)

    def _lead_there(self):
        named = dict(self.env.patchwork_named.get(self.env.docname, {}))
        uri = self.app.builder.get_relative_uri(self.env.docname, BIBLIOGRAPHY)
        for link in self.document.findall(nodes.reference):
            key = link.get("refuri") == uri and self._key(link)
            if key:
                link["refuri"] += f"#source-{key}"
                link["ids"] += [named.pop(key)] if key in named else []

    def _key(self, link):
        try:
            return key_of(link.astext(), _before(link), self.app.patchwork_sources)
        except ValueError:
            return None  # the build has told, and failed

    def _lead_back(self, entry, key):
        pages = [page for page in _in_order(self.env) if key in self.env.patchwork_named.get(page, {})]
        links = [self._link(page, self.env.patchwork_named[page][key]) for page in pages]
        if links:
            told = nodes.inline("", " Named in ", classes=["named-in"])
            for number, link in enumerate(links):
                told += [nodes.Text(", ")] * bool(number) + [link]
            entry[-1] += [told, nodes.Text(".")]

    def _link(self, page, anchor):
        uri = self.app.builder.get_relative_uri(BIBLIOGRAPHY, page)
        chapter = re.match(r"chapters/0*(\d+)", page)
        title = f"chapter {chapter[1]}" if chapter else self.env.titles[page].astext()
        return nodes.reference("", title, internal=True, refuri=f"{uri}#{anchor}")


def _in_order(env):
    """List the pages as the table of contents has them."""
    order, waiting = [], [env.config.root_doc]
    while waiting:
        page = waiting.pop(0)
        order.append(page)
        waiting = [each for each in env.toctree_includes.get(page, []) if each not in order] + waiting
    return order


def begin(app):
    """Read the sources before any page."""
    app.patchwork_sources = sources_of(app)
    app.env.patchwork_named = getattr(app.env, "patchwork_named", {})


def forget(app, env, page):
    """Drop what a page that is read anew had named."""
    env.patchwork_named.pop(page, None)


def merge(app, env, pages, other):
    """Take over what pages read elsewhere name."""
    env.patchwork_named |= {page: other.patchwork_named[page] for page in pages if page in other.patchwork_named}


def again(app, env):
    """Write the bibliography anew, since any page may name a source."""
    return [BIBLIOGRAPHY] if BIBLIOGRAPHY in env.found_docs else []


def setup(app):
    """Register the transform and what it needs to remember."""
    app.connect("builder-inited", begin)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", remember)
    app.connect("env-updated", again)
    app.add_post_transform(Citations)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
