"""What a site on the web needs: descriptions, links to sources and notebooks, cards, a sitemap, a page for the lost.

Two addresses decide what is shown; without them nothing is. Both stand in pyproject.toml's ``[project.urls]``, and the
environment overrides them:

- ``PATCHWORK_BASE`` (``Documentation``): where the site is served, ``https://example.org/book/``, or the path alone,
  ``/course/book/``;
- ``PATCHWORK_REPOSITORY`` (``Repository``): where its sources are; ``PATCHWORK_REF`` names the branch or tag (main).
"""

import os
import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import yaml
from cards import draw_card
from sphinx.errors import ConfigError

BOOK = Path(__file__).parents[1]
DESCRIPTIONS = BOOK / "descriptions.yml"
LINKS = {  # by host: the edit page, the file, and where a notebook runs
    "github.com": {
        "edit": "{repository}/edit/main/{path}",
        "view": "{repository}/blob/{ref}/{path}",
        "binder": "https://mybinder.org/v2/gh/{name}/{ref}?urlpath=lab/tree/{path}",
        "colab": "https://colab.research.google.com/github/{name}/blob/{ref}/{path}",
    },
    "gitlab.com": {
        "edit": "{repository}/-/edit/main/{path}",
        "view": "{repository}/-/blob/{ref}/{path}",
        "binder": "https://mybinder.org/v2/gl/{quoted}/{ref}?urlpath=lab/tree/{path}",
    },
}


def base_of(text):
    """Return where the site is served, with a slash at its end: an address, a path, or "" where it isn't known."""
    if not text:
        return ""
    parts = urlsplit(text)
    address = parts.scheme in ("http", "https") and parts.netloc
    if re.search(r"[\s\"'<>?#]", text) or (":" in text and not address):
        raise ConfigError(f"the site's base must be like https://example.org/book/ or /course/book/, got {text!r}")
    path = parts.path.strip("/")
    path = f"/{path}/" if path else "/"
    return f"{parts.scheme}://{parts.netloc}{path}" if parts.scheme else path


def repository_of(text):
    """Return the repository's address without what may follow it, or "" where it isn't known."""
    if text and not re.fullmatch(r"https?://[^\s\"'<>?#/]+/[^\s\"'<>?#]+", text):
        raise ConfigError(f"the repository must be like https://github.com/name/book, got {text!r}")
    return text.rstrip("/").removesuffix(".git")


def source_links(repository, ref, path):
    """Return a page's links by what they do: edit; for a notebook view, binder and colab too, if the host has them."""
    place = urlsplit(repository)
    name = place.path.strip("/")
    where = {"repository": repository, "ref": quote(ref), "path": path, "name": name, "quoted": quote(name, safe="")}
    links = {action: pattern.format(**where) for action, pattern in LINKS.get(place.netloc, {}).items()}
    return links if path.endswith(".ipynb") else {name: each for name, each in links.items() if name == "edit"}


def notebook_box(links, repository, ref):
    """Return the box below a notebook's title: where else it can be opened."""
    lines = [f'<a href="{escape(links["view"])}">Among the sources</a>, to read or download.']
    lines += [f'<a href="{escape(links["binder"])}">In Binder</a>: nothing to install; it takes minutes to start.']
    if "colab" in links:
        install = f'%pip install -q "patchwork-book[explorers] @ git+{escape(repository)}@{ref}"'
        lines += [f'<a href="{escape(links["colab"])}">In Colab</a>, with this in a first cell: <pre>{install}</pre>']
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f'<details class="notebook"><summary>Open this page as a notebook</summary><ul>{items}</ul></details>'


def read_addresses(app, config):
    """Take the addresses from the environment, else from pyproject.toml."""
    urls = tomllib.loads((BOOK.parent / "pyproject.toml").read_text("utf-8"))["project"].get("urls", {})
    config.book_base = base_of(os.environ.get("PATCHWORK_BASE") or urls.get("Documentation", ""))
    config.book_repository = repository_of(os.environ.get("PATCHWORK_REPOSITORY") or urls.get("Repository", ""))
    config.book_ref = os.environ.get("PATCHWORK_REF") or "main"
    config.book_descriptions = yaml.safe_load(DESCRIPTIONS.read_text("utf-8"))


def tell_the_page(app, pagename, templatename, context, doctree):
    """Give the templates the page's description, address and links."""
    config = app.config
    context["description"] = config.book_descriptions.get(pagename, "")
    context["repository"] = config.book_repository
    if config.book_base.startswith("http") and doctree:
        context["canonical"] = f"{config.book_base}{pagename}.html"
        context["card"] = f"{config.book_base}_images/{card_name(pagename)}"
    if config.book_repository and doctree:
        path = Path(app.env.doc2path(pagename)).relative_to(app.srcdir).as_posix()
        links = context["source_links"] = source_links(config.book_repository, config.book_ref, path)
        if "view" in links:
            box = notebook_box(links, config.book_repository, config.book_ref)
            context["body"] = context["body"].replace("</h1>", f"</h1>\n{box}", 1)


def card_name(pagename):
    """Return the name of a page's card."""
    return f"card-{pagename.replace('/', '-')}.png"


def lost_page(app):
    """Add the page that a server shows where there is none."""
    yield "404", {}, "404.html"


def finish(app, exception):
    """Write what is no page: the mark that spares folders with an underscore, the sitemap, the cards."""
    if exception or app.builder.format != "html":
        return
    output, base = Path(app.outdir), app.config.book_base
    (output / ".nojekyll").touch()
    lost = output / "404.html"  # a server shows it at any address, so its links start from the site's base
    text = lost.read_text("utf-8")
    lost.write_text(re.sub(r'\b(href|src|action)="(?![#/]|[a-z]+:)', rf'\1="{base_path(base)}', text), "utf-8")
    for old in (output / "robots.txt", output / "sitemap.xml", *output.glob("_images/card-*.png")):
        old.unlink(missing_ok=True)
    if base.startswith("http"):
        pages = sorted(app.env.found_docs)
        addresses = "\n".join(f"  <url><loc>{escape(f'{base}{page}.html')}</loc></url>" for page in pages)
        sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{addresses}\n</urlset>\n'
        (output / "sitemap.xml").write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{sitemap}', "utf-8")
        (output / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n", "utf-8")
        for page in pages:
            words = app.env.titles[page].astext(), app.config.book_descriptions.get(page, "")
            draw_card(output / "_images" / card_name(page), app.config.project, *words)


def base_path(base):
    """Return the path that a site's addresses on its own server start with."""
    return urlsplit(base).path or "/"


def setup(app):
    """Register what a site on the web needs; a page is written again when an address changes."""
    for name, first in (("base", ""), ("repository", ""), ("ref", "main"), ("descriptions", {})):
        app.add_config_value(f"book_{name}", first, "html")
    app.connect("config-inited", read_addresses)
    app.connect("html-page-context", tell_the_page)
    app.connect("html-collect-pages", lost_page)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
