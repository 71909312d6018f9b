"""The book's own look: the theme in ``book/_theme``, and what its templates need to know."""

from pathlib import Path

BOOK = Path(__file__).parents[1]


def plain_title(app, pagename, templatename, context, doctree):
    """Give the browser's tab a title without markup: a formula in it would come out thrice."""
    title = app.env.titles.get(pagename)
    context["plain_title"] = title.astext() if title else context.get("title", "")


def setup(app):
    """Register the theme."""
    app.add_html_theme("patchwork", str(BOOK / "_theme"))
    app.connect("html-page-context", plain_title)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
