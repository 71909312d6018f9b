"""The library's plain docstrings as reStructuredText: prose stays prose, formulas and examples keep their lines."""

import re
import textwrap

from sphinx.domains.python import PythonDomain

MARKUP = re.compile(r"(``.+?``)|([*|`\\]|(?<=\w)_(?!\w))")


def escaped(line):
    """Escape what reStructuredText would read as markup, outside ````code````.

    >>> escaped("the share |a|² of ``x * y``, σ_h * 2")
    'the share \\\\|a\\\\|² of ``x * y``, σ_h \\\\* 2'
    """
    return MARKUP.sub(lambda found: found[1] or "\\" + found[2], line)


def as_rest(lines):
    """Turn a docstring's lines into reStructuredText.

    Blocks are parted by blank lines: one that starts with ``>>>`` is an example, an indented one is shown as it stands
    (a formula, a table), any other is prose.

    >>> as_rest(["Sum.", "", "    Y = A * X", "", ">>> 1 + 1", "2"])
    ['Sum.', '', '.. code-block:: none', '', '   Y = A * X', '', '>>> 1 + 1', '2', '']
    """
    rest = []
    for block in re.split(r"\n[ \t]*\n", "\n".join(lines).strip("\n")):
        first, rows = block.lstrip("\n"), textwrap.dedent(block).strip("\n").split("\n")
        if first.lstrip().startswith(">>>"):
            rest += rows
        elif first.startswith(" "):
            rest += [".. code-block:: none", "", *("   " + row for row in rows)]
        else:
            rest += [escaped(row.strip()) for row in rows]
        rest.append("")
    return rest


def rewrite(app, what, name, obj, options, lines):
    """Rewrite one docstring in place, as autodoc asks for it."""
    lines[:] = as_rest(lines)


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out what a base class of another library writes into ours."""
    home = getattr(obj, "__module__", None) or type(obj).__module__
    return skip or not home.startswith(("patchwork", "builtins", "traitlets"))


def own_signature(app, what, name, obj, options, signature, returns):
    """Show no signature of a class that another library's base class makes."""
    ours = what != "class" or issubclass(obj, tuple) or obj.__init__.__module__.startswith("patchwork")
    return None if ours else ("", None)


class QuietPythonDomain(PythonDomain):
    """Let the search find modules, classes and functions, after the chapters; what belongs to a class stays with it."""

    def get_objects(self):
        """Set each object's priority: 2 comes last, -1 is left out."""
        for name, shown, kind, page, anchor, _ in super().get_objects():
            yield name, shown, kind, page, anchor, 2 if kind in ("module", "class", "function") else -1


def index_terms_only(app, env):
    """Keep the glossary's terms in the index that the search reads; the library is found by its names already."""
    entries = env.get_domain("index").entries
    for page, found in entries.items():
        entries[page] = [entry for entry in found if entry[2].startswith("term-")]


def setup(app):
    """Connect to autodoc and to the search."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-skip-member", skip_inherited)
    app.connect("autodoc-process-signature", own_signature)
    app.add_domain(QuietPythonDomain, override=True)
    app.connect("env-updated", index_terms_only)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
