"""The Sphinx extension: explorers on the static pages, where no kernel runs.

It writes one classic script, so that explorers work over http and ``file://`` alike, and links it on the pages that
hold an explorer; the style sheet, which also defines the book's colors, goes to every page. A directive shows an
explorer where there is no notebook, on a bundled photograph, or as it is without any argument:

    ```{explorer} patches.PatchExplorer
    :photo: coffee
    :size: 224
    ```
"""

import importlib
import shutil
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from patchwork.explorers.common.modules import STYLE_SHEET, page_parts, page_script

HOLDS_EXPLORER = 'class="explorer"'


class ExplorerDirective(SphinxDirective):
    """Show an explorer of a bundled photograph, or of its own pictures, as its cell in a notebook would."""

    required_arguments = 1
    option_spec = {"photo": directives.unchanged_required, "size": directives.positive_int}  # noqa: RUF012 (docutils)

    def run(self):
        """Build the explorer and keep the HTML that a notebook would store."""
        from patchwork.images import load_image

        module, _, name = self.arguments[0].rpartition(".")
        explorer = getattr(importlib.import_module(f"patchwork.explorers.{module}"), name)
        photo = self.options.get("photo")
        shown = explorer({photo: load_image(photo, size=self.options.get("size"))}) if photo else explorer()
        bundled, _ = shown._repr_mimebundle_()
        return [nodes.raw("", bundled["text/html"], format="html")]


def write_assets(app):
    """Lay script and style sheet where Sphinx collects static files."""
    if app.builder.format != "html":
        return
    static = Path(app.doctreedir) / "explorer_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "patchwork-explorers.js").write_text(page_script(), "utf-8")
    for name, text in page_parts().items():
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        (static / name).write_text(text, "utf-8")
    shutil.copyfile(STYLE_SHEET, static / "explorers.css")
    app.config.html_static_path.append(str(static))
    app.add_css_file("explorers.css", priority=150)


def link_script(app, pagename, templatename, context, doctree):
    """Link the script on the pages that hold an explorer."""
    if HOLDS_EXPLORER in context.get("body", ""):
        app.add_js_file("patchwork-explorers.js", loading_method="defer")


def setup(app):
    """Register the directive and the assets."""
    app.add_directive("explorer", ExplorerDirective)
    app.connect("builder-inited", write_assets)
    app.connect("html-page-context", link_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
