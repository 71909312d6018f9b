"""Formulas rendered while the book is built: KaTeX in an embedded V8, its style sheet and fonts beside the pages.

The script comes with sphinxcontrib-katex, the style sheet and the fonts with jupyterlab-myst; nothing is fetched.
"""

import json
import platform
import re
import shutil
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path

from docutils import nodes
from jupyter_core.paths import jupyter_path
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

# jupyterlab-myst holds KaTeX's style sheet inside a webpack chunk; this runs the one module of it that is the sheet.
READ_STYLE_SHEET = """(() => {
  const modules = Object.values(self)[0][0][1], loaded = {};
  const load = (id) => {
    if (!(id in loaded)) modules[id](loaded[id] = { id, exports: {} }, loaded[id].exports, load);
    return loaded[id].exports;
  };
  load.n = (module) => Object.assign(() => module, { a: () => module });
  load.d = (target, getters) => Object.entries(getters).forEach(
    ([name, get]) => Object.defineProperty(target, name, { enumerable: true, get }));
  load.p = "";
  const sheet = Object.keys(modules).find((id) => String(modules[id]).includes("KaTeX_Main"));
  return Object.values(load(sheet)).map(String).join("");
})()"""
AS_INNER = {"align": "aligned", "gather": "gathered", "alignat": "alignedat", "multline": "gathered", "equation": None}


def new_engine():
    """Start a V8 engine of our own."""
    try:
        from py_mini_racer import MiniRacer
    except ImportError as error:
        machine = f"{platform.system()} on {platform.machine()}"
        raise ExtensionError(f"The book's formulas are rendered by mini-racer, which is missing ({machine})") from error
    return MiniRacer()


@cache
def katex():
    """Start an engine that has KaTeX loaded."""
    engine = new_engine()
    engine.eval(resources.files("sphinxcontrib").joinpath("katex.min.js").read_text("utf-8"))
    return engine


@cache
def render(tex, display):
    """Render one formula to HTML with MathML for screen readers; raises ValueError with KaTeX's own words."""
    options = {"displayMode": display, "output": "htmlAndMathml", "strict": "ignore", "throwOnError": True}
    call = f"katex.renderToString({json.dumps(tex)}, {json.dumps(options)})"
    attempt = f"JSON.stringify((() => {{ try {{ return [{call}]; }} catch (error) {{ return error.message; }} }})())"
    answer = json.loads(katex().eval(attempt))
    if isinstance(answer, str):
        raise ValueError(answer)
    return answer[0]


def render_node(node, tex, display):
    """Render a node's formula; a fault fails the build and names the page and the formula."""
    try:
        return render(tex, display)
    except ValueError as error:
        logger.warning("TeX that KaTeX can't read: %s\n    %s", error, tex.strip(), location=node, type="math")
        return f"<code>{escape(tex)}</code>"


def display_tex(node):
    """Read a display formula as one that KaTeX numbers nothing of: the page itself shows the number."""
    tex = node.astext().strip()
    for outer, inner in AS_INNER.items():
        found = re.fullmatch(rf"\\begin{{{outer}\*?}}(.*)\\end{{{outer}\*?}}", tex, re.DOTALL)
        if found:
            return rf"\begin{{{inner}}}{found[1]}\end{{{inner}}}" if inner else found[1]
    rows = [row.strip() for row in re.split(r"\n\s*\n", tex) if row.strip()]
    tex = r" \\ ".join(rows)
    outside = re.sub(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", "", tex, flags=re.DOTALL)
    return rf"\begin{{aligned}}{tex}\end{{aligned}}" if r"\\" in outside else tex


def visit_math(self, node):
    """Write a formula within a line."""
    self.body.append(render_node(node, node.astext(), display=False))
    raise nodes.SkipNode


def visit_displaymath(self, node):
    """Write a formula on a line of its own, its number beside it."""
    self.body.append(self.starttag(node, "div", CLASS="equation"))
    formula = render_node(node, display_tex(node), display=True)
    self.body.append(f'<div class="equation-body scrolls" data-scrolls="Formula">{formula}</div>')
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def katex_files():
    """Find KaTeX's style sheet and fonts: the sheet's text, and the folder of the font files it names."""
    folders = [Path(folder) for folder in jupyter_path("labextensions", "jupyterlab-myst", "static")]
    for chunk in (chunk for folder in folders for chunk in sorted(folder.glob("*.js"))):
        source = chunk.read_text("utf-8")
        if "KaTeX_Main" in source and "@font-face" in source:
            return style_sheet(source), chunk.parent
    raise ExtensionError(f"KaTeX's style sheet, part of jupyterlab-myst, is in none of {', '.join(map(str, folders))}")


def style_sheet(chunk):
    """Read the style sheet out of a webpack chunk, with woff2 fonts alone, which every browser of today reads."""
    engine = new_engine()
    engine.eval(
        "const self = {}; class URL { constructor(path) { this.path = path; } toString() { return this.path; } }"
    )
    engine.eval(chunk)
    sheet = engine.eval(READ_STYLE_SHEET)
    sheet = re.sub(r'(url\(\S+?\.woff2\) format\("woff2"\)),[^;]*;', r"\1;", sheet)
    check_versions(sheet)
    return sheet


def check_versions(sheet):
    """Hold the style sheet to the minor version of the script whose classes it styles."""
    drawn = katex().eval("katex.version")
    styled = re.search(r'katex-version::after\s*{\s*content:\s*"([\d.]+)"', sheet)[1]
    if drawn.rsplit(".", 1)[0] != styled.rsplit(".", 1)[0]:
        raise ExtensionError(f"KaTeX's script is {drawn} but its style sheet is {styled}")


def write_assets(app):
    """Lay the style sheet and the fonts where Sphinx collects static files."""
    if app.builder.format != "html":
        return
    sheet, fonts = katex_files()
    static = Path(app.doctreedir) / "math_static"
    folder = static / "katex"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "katex.css").write_text(sheet, "utf-8")
    for name in set(re.findall(r"url\((\S+?\.woff2)\)", sheet)):
        shutil.copyfile(fonts / name, folder / name)
    app.config.html_static_path.append(str(static))


def link_style_sheet(app, pagename, templatename, context, doctree):
    """Link the style sheet on the pages that hold a formula."""
    if 'class="katex' in context.get("body", ""):
        app.add_css_file("katex/katex.css", priority=300)


def setup(app):
    """Register the renderer; ``html_math_renderer: katex_at_build`` chooses it."""
    app.add_html_math_renderer("katex_at_build", (visit_math, None), (visit_displaymath, None))
    app.connect("builder-inited", write_assets)
    app.connect("html-page-context", link_style_sheet)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
