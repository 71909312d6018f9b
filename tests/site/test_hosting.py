"""The site on a server, below any path, among the sources of any host, and from a disk."""

import contextlib
import http.server
import importlib
import re
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from PIL import Image
from servers import serving
from sphinx.errors import ConfigError

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "book"), str(ROOT / "book" / "_ext")]
hosting, make_site = map(importlib.import_module, ("build_hosting", "make_site"))

CONFIG = f"""
title: Small
author: nobody
execute: {{execute_notebooks: "off"}}
repository: {{url: ""}}
html: {{use_multitoc_numbering: false}}
latex: {{use_jupyterbook_latex: false}}
sphinx:
  local_extensions: {{build_theme: {(ROOT / "book" / "_ext").as_posix()}}}
  config:
    project: Small
    extensions: [myst_nb, jupyter_book, sphinx_comments, sphinx_external_toc, build_theme, build_hosting]
    html_theme: patchwork
    html_theme_options: {{}}
"""
WHERE = {
    "PATCHWORK_BASE": "https://example.org/course/book",
    "PATCHWORK_REPOSITORY": "https://github.com/someone/book.git",
    "PATCHWORK_REF": "v1.2.0",
}


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("", ""),
        ("/", "/"),
        ("course/book", "/course/book/"),
        ("/course/book/", "/course/book/"),
        ("https://example.org", "https://example.org/"),
        ("http://localhost:8000/book", "http://localhost:8000/book/"),
    ],
)
def test_base(given, base):
    assert hosting.base_of(given) == base


@pytest.mark.parametrize(
    "given", ["ftp://example.org/", "C:/Program Files/book", "C:/book", "https:///book", 'a"b', "a?b"]
)
def test_a_base_that_is_none_is_refused_by_name(given):
    with pytest.raises(
        ConfigError, match=rf"like https://example.org/book/ or /course/book/, got {re.escape(repr(given))}"
    ):
        hosting.base_of(given)


def test_repository():
    assert hosting.repository_of("") == ""
    assert hosting.repository_of("https://github.com/a/b.git") == "https://github.com/a/b"
    assert hosting.repository_of("https://github.com/a/b/") == "https://github.com/a/b"
    for odd in ("github.com/a/b", "git@github.com:a/b.git", "https://github.com", 'https://github.com/a/b"'):
        with pytest.raises(ConfigError, match=rf"like https://github.com/name/book, got {re.escape(repr(odd))}"):
            hosting.repository_of(odd)


@pytest.mark.parametrize(
    ("repository", "path", "actions"),
    [
        ("https://github.com/a/b", "chapters/x.ipynb", ["edit", "view", "binder", "colab"]),
        ("https://github.com/a/b", "book/x.md", ["edit"]),
        ("https://gitlab.com/a/b/c", "chapters/x.ipynb", ["edit", "view", "binder"]),
        ("https://example.org/a/b", "chapters/x.ipynb", []),
    ],
)
def test_links_that_a_host_has(repository, path, actions):
    links = hosting.source_links(repository, "v1", path)
    assert list(links) == actions
    assert all(path in link for link in links.values())
    assert "%2F" not in links.get("binder", "") or "gl/a%2Fb%2Fc/v1?" in links["binder"]


@pytest.fixture(scope="module")
def small(tmp_path_factory, build_book):
    """The pages of a small book, built with both addresses and then, in the same folder, without."""
    folder = tmp_path_factory.mktemp("hosted")
    source = folder / "source"
    (source / "chapters").mkdir(parents=True)
    (source / "_config.yml").write_text(CONFIG, "utf-8")
    (source / "_toc.yml").write_text("format: jb-book\nroot: first\nchapters:\n- file: chapters/second\n", "utf-8")
    (source / "first.md").write_text("# The first & only <one>\n\nWords.\n", "utf-8")
    cell = nbformat.v4.new_markdown_cell("# Second\n\nA notebook.")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), source / "chapters" / "second.ipynb")
    built, kept = folder / "_build" / "html", folder / "addressed"
    for addresses in (WHERE, {}):
        done = build_book(folder, source, **addresses)
        assert done.returncode == 0, done.stderr
        if addresses:
            shutil.copytree(built, kept)
    return {"addressed": kept, "plain": built}


def test_with_addresses_a_page_leads_to_its_source_and_notebook(small):
    page = (small["addressed"] / "chapters" / "second.html").read_text("utf-8")
    home = "github.com/someone/book"
    for link in (
        f"https://{home}/edit/main/chapters/second.ipynb",
        f"https://{home}/blob/v1.2.0/chapters/second.ipynb",
        "https://mybinder.org/v2/gh/someone/book/v1.2.0?urlpath=lab/tree/chapters/second.ipynb",
        "https://colab.research.google.com/github/someone/book/blob/v1.2.0/chapters/second.ipynb",
    ):
        assert f'href="{link}"' in page
    assert f"patchwork-book[explorers] @ git+https://{home}@v1.2.0" in page
    first = (small["addressed"] / "first.html").read_text("utf-8")
    assert f"https://{home}/edit/main/first.md" in first
    assert 'class="notebook"' not in first


def test_with_an_address_a_page_has_a_card_and_the_site_a_map(small):
    folder, base = small["addressed"], "https://example.org/course/book/"
    page = (folder / "first.html").read_text("utf-8")
    assert f'<link rel="canonical" href="{base}first.html">' in page
    assert '<meta property="og:title" content="The first &amp; only &lt;one&gt;">' in page
    card = re.search(rf'og:image" content="{base}(_images/[^"]+)"', page)[1]
    with Image.open(folder / card) as drawn:
        assert drawn.size == (1200, 630)
        assert len(drawn.convert("RGB").getcolors(2**20)) > 10
    places = re.findall("<loc>(.*?)</loc>", (folder / "sitemap.xml").read_text("utf-8"))
    assert places == [f"{base}chapters/second.html", f"{base}first.html"]
    assert f"Sitemap: {base}sitemap.xml\n" in (folder / "robots.txt").read_text("utf-8")


def test_without_addresses_none_of_it_is_left(small):
    folder = small["plain"]
    pages = [page.read_text("utf-8") for page in folder.rglob("*.html")]
    assert len(pages) >= 4
    for words in ("example.org", "github.com", "og:", "canonical", "Edit this page", 'class="notebook"'):
        assert not [page for page in pages if words in page], words
    assert not [*folder.glob("robots.txt"), *folder.glob("sitemap.xml"), *folder.rglob("card-*.png")]


@pytest.mark.parametrize(("name", "start"), [("addressed", "/course/book/"), ("plain", "/")])
def test_the_lost_page_works_at_any_address(small, name, start):
    page = (small[name] / "404.html").read_text("utf-8")
    leads = re.findall(r'\b(?:href|src|action)="([^"]*)"', page)
    assert f"{start}chapters/second.html" in leads
    assert f"{start}search.html" in leads
    assert not [lead for lead in leads if not lead.startswith((start, "#", "https://"))]
    assert (small[name] / ".nojekyll").is_file()


def test_every_page_says_what_it_is_about(site):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    said = [
        re.findall('<meta name="description" content="([^"]+)">', (site / f"{name}.html").read_text("utf-8"))
        for name in names
    ]
    assert all(len(each) == 1 for each in said), dict(zip(names, said, strict=True))
    assert set(yaml.safe_load(hosting.DESCRIPTIONS.read_text("utf-8"))) == set(names)
    assert len({text for (text,) in said}) == len(said)
    assert not [text for (text,) in said if not 40 <= len(text) <= 170]


class Narrow(http.server.SimpleHTTPRequestHandler):
    """A server that knows one path alone and hides whatever begins with an underscore, as Jekyll does."""

    prefix = "/course/book"

    def translate_path(self, path):
        known = path.startswith(f"{self.prefix}/") and "/_" not in path
        return super().translate_path(path.removeprefix(self.prefix) if known else "/nowhere")

    def log_message(self, *details):
        pass


@pytest.fixture(scope="module")
def delivered(site, tmp_path_factory):
    """What `make site` leaves: a folder for a server, and one that a zip became on a disk."""
    folder = tmp_path_factory.mktemp("delivered")
    make_site.make_site(site, folder / "site")
    make_site.zip_site(folder / "site", folder / "patchwork-1.zip")
    with zipfile.ZipFile(folder / "patchwork-1.zip") as packed:
        packed.extractall(folder)
    return folder


def test_nothing_that_is_delivered_has_a_name_that_a_server_hides(delivered):
    names = {path.relative_to(delivered / "site").as_posix() for path in (delivered / "site").rglob("*")}
    assert not [name for name in names if re.search(r"(^|/)[_.]", name) and name != ".nojekyll"]
    assert {"static/patchwork.css", "index.html", "404.html"} <= names
    disk = {path.name for path in (delivered / "patchwork-1").iterdir()}
    assert "index.html" in disk
    assert not disk & {".nojekyll", "404.html", "robots.txt"}


@pytest.mark.parametrize("over", ["server", "disk"])
def test_pages_have_all_they_ask_for(delivered, browser, over):
    context = browser.new_context()
    page, troubles = context.new_page(), []
    # what else fails was asked for by a page that was left
    page.on("requestfailed", lambda request: "NOT_FOUND" in request.failure and troubles.append(request.url))
    page.on("response", lambda response: response.status >= 400 and troubles.append(response.url))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    with contextlib.ExitStack() as open_now:
        disk = (delivered / "patchwork-1").as_uri()
        site = delivered / "site"
        base = open_now.enter_context(serving(Narrow, site)) + Narrow.prefix if over == "server" else disk
        for name in ("chapters/03_windows", "book/index", "book/glossary"):
            page.goto(f"{base}/{name}.html")
            pictures = page.locator("img").evaluate_all("all => all.map(img => img.loading = 'eager').length")
            assert pictures > 3 or not name.startswith("chapters")  # the first page's one gives way to its explorer
            page.wait_for_function("[...document.images].every(img => img.complete)")
            assert page.locator("img").evaluate_all("all => all.filter(img => !img.naturalWidth).length") == 0
            if page.locator(".explorer").count():
                page.locator(".explorer").first.evaluate("node => node.scrollIntoView()")
                page.wait_for_selector(".explorer[data-ready]")
        page.goto(f"{base}/search.html?q=window")
        page.wait_for_selector("#search-results a")
        page.goto(f"{base}/index.html")
        page.wait_for_url("**/book/index.html")
    context.close()
    assert troubles == []


def test_the_lost_page_offers_a_search_by_the_address_and_all_pages(site, browser, served):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/404.html")
    assert page.locator("#asked").inner_text() == "/404.html"
    assert page.locator(".all-pages a").count() == 15
    text = (site / "404.html").read_text("utf-8")
    page.route(
        "**/chapters/3_window-partition.htm",
        lambda route: route.fulfill(status=404, body=text, content_type="text/html"),
    )
    page.goto(f"{served}/chapters/3_window-partition.htm")
    assert page.locator("#query").input_value() == "window partition"
    page.locator(".search-form button").click()
    page.wait_for_selector("#search-results a")
    context.close()


def test_a_site_is_made_of_built_pages_alone(tmp_path):
    with pytest.raises(FileNotFoundError):
        make_site.make_site(tmp_path / "nowhere", tmp_path / "site")
