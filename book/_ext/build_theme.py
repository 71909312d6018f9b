"""The book's own look: the theme in ``book/_theme``, and what its templates need to know."""

import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

BOOK = Path(__file__).parents[1]


class SiteNumbersChapters(SphinxTransform):
    """Drop the "1 · " of a notebook's title: on the site the table of contents numbers the chapters."""

    default_priority = 400

    def apply(self, **kwargs):
        """Change the title's first words."""
        title = next(self.document.findall(nodes.title), None)
        if title is None or not isinstance(title.children[0], nodes.Text):
            return
        words = title.children[0]
        title.replace(words, nodes.Text(re.sub(r"^\d+ · ", "", words)))


class ChineseTerms(SphinxPostTransform):
    """Mark the glossary's Chinese terms as Chinese, for fonts and screen readers."""

    default_priority = 400

    def run(self, **kwargs):
        """Go through the terms."""
        for term in self.document.findall(nodes.term):
            if re.search(r"[\u4e00-\u9fff]", term.astext()):
                term["classes"].append("language-zh")


def book_writer(translator_class):
    """Extend a page writer by what Sphinx's own leaves out."""

    class BookWriter(translator_class):
        def emptytag(self, node, tagname, suffix="\n", **attributes):
            """Give pictures their size, which holds their place until they have come."""
            if tagname == "img" and "pixels" in node:
                width, height = node["pixels"]
                attributes |= {"width": str(width), "height": str(height)}
            return super().emptytag(node, tagname, suffix, **attributes)

        def starttag(self, node, tagname, *arguments, **attributes):
            """Make each source an item of the list of sources: the role "doc-biblioentry" is no longer one."""
            if attributes.get("role") == "doc-biblioentry":
                attributes["role"] = "listitem"
            return super().starttag(node, tagname, *arguments, **attributes)

    return BookWriter


def use_book_writer(app):
    """Put the extended writer in place of Sphinx's."""
    if app.builder.format == "html":
        app.set_translator(app.builder.name, book_writer(app.builder.default_translator_class), override=True)


def plain_title(app, pagename, templatename, context, doctree):
    """Give the browser's tab a title without markup: a formula in it would come out thrice."""
    title = app.env.titles.get(pagename)
    context["plain_title"] = title.astext() if title else context.get("title", "")


def menu_with_sections(app, pagename, templatename, context, doctree):
    """Offer the book's pages as a menu, the sections of the present one below it, which a phone shows."""
    sections = re.search(r"<ul>.*</ul>", context.get("toc", "")[4:-5], re.DOTALL)

    def menu():
        pages = context["toctree"](collapse=True, maxdepth=1, titles_only=True, includehidden=True)
        pages = pages.replace(' role="heading"', "")
        if not sections:
            return pages
        below = sections[0].replace("<ul>", '<ul class="sections">', 1)
        return re.sub(r'(<a class="current [^>]*>.*?</a>)', lambda current: current[1] + below, pages, count=1)

    context["menu"] = menu


def front_door(app):
    """Add ``index.html``, which leads to the first page; Jupyter Book's own has no title, language or icon."""
    if app.config.root_doc != "index":
        yield "index", {}, "redirect.html"


def setup(app):
    """Register the theme."""
    app.add_html_theme("patchwork", str(BOOK / "_theme"))
    app.add_transform(SiteNumbersChapters)
    app.add_post_transform(ChineseTerms)
    app.connect("builder-inited", use_book_writer)
    app.connect("html-collect-pages", front_door)
    app.connect("html-page-context", plain_title)
    app.connect("html-page-context", menu_with_sections)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
