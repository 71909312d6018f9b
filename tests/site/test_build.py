"""What the book's Sphinx extensions make of formulas, pictures, boxes and docstrings, on a book of a few pages."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from patchwork.attention import MultiHeadSelfAttention
from patchwork.pretrained import Reading

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))
build_api, build_citations, build_math, build_pictures, build_terms = map(
    importlib.import_module, ("build_api", "build_citations", "build_math", "build_pictures", "build_terms")
)

CONFIG = f"""
title: Small
author: nobody
execute: {{execute_notebooks: "off"}}
parse: {{myst_enable_extensions: [amsmath, dollarmath]}}
html: {{use_multitoc_numbering: false}}
latex: {{use_jupyterbook_latex: false}}
sphinx:
  local_extensions: {{build_theme: {(ROOT / "book" / "_ext").as_posix()}}}
  config:
    project: Small
    extensions: [myst_nb, jupyter_book, sphinx_comments, sphinx_external_toc, sphinx_exercise, sphinx_proof,
                 build_theme, build_math, build_pictures, build_details, build_spaces]
    html_theme: patchwork
    html_theme_options: {{}}
    html_math_renderer: katex_at_build
    myst_update_mathjax: false
"""


FORMULAS = r"""# Formulas

Within a line, $a_{ij} < b$. On its own, with a number:

$$ y = \sum_j a_{ij} x_j $$ (weighted-sum)

```{math}
:label: two-rows
a &= b \\
c &= d
```

\begin{align}
e &= f \\
g &= h
\end{align}

See {eq}`weighted-sum` and {eq}`two-rows`.

| a formula in a table |
|---|
| $\sqrt{d}$ |

```{exercise} In a box, $E = mc^2$
:label: boxed
Show $x \in \mathbb{R}^N$.
```

```{solution} boxed
:class: dropdown
$$ x = 1 $$
```
"""
TOGETHER = """# Spaces

Pairs: 65 536 of 4 × 4 pixels, $4$ GB in 154 kB, a row $n$, a column $s$. The year 2020, `65 536` typed.
"""
PAGES = {
    "formulas": FORMULAS,
    "pictures": "# Pictures\n\n![A red box](one.png)\n\n![Again](two.png)\n",
    "together": TOGETHER,
    "contents": "# Title\n\n## One\n\n## Two\n",
}
FAULTS = {"open": r"\frac{1}{2", "ends": r"\begin{align} a \end{aligned}", "unknown": r"\nosuchmacro"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, build_book):
    """The folder of the pages of a book that builds without a warning."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "source").mkdir()
    for name, color in (("one", "red"), ("two", "blue")):
        drawing = Image.new("RGB", (90, 40), "white")
        ImageDraw.Draw(drawing).rectangle([10, 10, 40, 30], fill=color)
        drawing.save(folder / "source" / f"{name}.png")
    done = build_small(build_book, folder, PAGES)
    assert done.returncode == 0, done.stderr
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, build_book):
    """The finished process that built a book with a fault in each page."""
    pages = {name: f"# Fault\n\nA line.\n\n$$\n{formula}\n$$\n" for name, formula in FAULTS.items()}
    return build_small(build_book, tmp_path_factory.mktemp("faulty"), pages)


def build_small(build_book, folder, pages):
    source, (root, *others) = folder / "source", pages
    source.mkdir(exist_ok=True)
    chapters = "".join(f"- file: {name}\n" for name in others)
    (source / "_config.yml").write_text(CONFIG, "utf-8")
    (source / "_toc.yml").write_text(f"format: jb-book\nroot: {root}\nchapters:\n{chapters}", "utf-8")
    for name, text in pages.items():
        (source / f"{name}.md").write_text(text, "utf-8")
    return build_book(folder, source)


def test_formulas_are_numbered_referred_to_and_readable_everywhere(pages):
    page = (pages / "formulas.html").read_text("utf-8")
    assert page.count('class="katex"') == 9
    assert page.count('<math xmlns="http://www.w3.org/1998/Math/MathML"') == 9
    assert [f">({number})<" in page for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert 'href="#equation-two-rows"' in page
    assert "$" not in page
    assert "mathjax" not in page.lower()
    summary = re.search(r"<details[^>]*>\s*<summary[^>]*>(.*?)</summary>", page, re.DOTALL)[1]
    assert "Solution to" in summary
    assert "<a " not in summary


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_formula_fails_the_build_and_is_named(faulty, name):
    assert faulty.returncode != 0
    assert re.search(rf"{name}\.md:5: WARNING: .*\n +{re.escape(FAULTS[name])}", faulty.stderr), faulty.stderr


def test_without_an_engine_the_build_says_so_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "py_mini_racer", None)
    with pytest.raises(build_math.ExtensionError, match="rendered by mini-racer, which is missing"):
        build_math.new_engine()


def test_style_sheet_has_woff2_alone_and_fits_the_script():
    sheet, folder = build_math.katex_files()
    fonts = [
        word for word in sheet.replace("(", " ").replace(")", " ").split() if word.endswith((".woff2", ".woff", ".ttf"))
    ]
    assert len(fonts) == 20
    assert all(name.endswith(".woff2") and (folder / name).is_file() for name in fonts)
    with pytest.raises(build_math.ExtensionError, match="style sheet is 9"):
        build_math.check_versions('.katex-version::after { content: "9.9.9"; }')


def test_notebook_pictures_become_webp_with_their_size(pages):
    page = (pages / "pictures.html").read_text("utf-8")
    assert page.count('width="90"') == page.count('height="40"') == page.count(".webp") == 2
    assert 'alt="A red box"' in page
    assert page.count('loading="lazy"') == 1
    encoded = next((pages / "_images").glob("*.webp"))
    with Image.open(encoded) as shown:
        assert shown.size == (90, 40)


def test_the_smaller_encoding_wins():
    flat, noisy = Image.new("RGB", (64, 64), "gray"), Image.effect_noise((64, 64), 90).convert("RGB")
    assert b"VP8L" in build_pictures.smallest_webp(flat)[:16]
    assert b"VP8 " in build_pictures.smallest_webp(noisy)[:16]


def test_docstrings_keep_prose_formulas_and_examples_apart():
    lines = ["Sum |a|² of x * y.", "", "    Y = Σ_h A_h", "", "Shapes: a_ (N,)", "    continued.", "", ">>> 1", "1"]
    assert build_api.as_rest(lines) == [
        *("Sum \\|a\\|² of x \\* y.", ""),
        *(".. code-block:: none", "", "   Y = Σ_h A_h", ""),
        *("Shapes: a\\_ (N,)", "continued.", ""),
        *(">>> 1", "1", ""),
    ]


@pytest.mark.parametrize(
    ("made", "shown"), [(MultiHeadSelfAttention, None), (Reading, None), (torch.nn.Linear, ("", None))]
)
def test_only_signatures_of_our_own_are_shown(made, shown):
    assert build_api.own_signature(None, "class", made.__name__, made, {}, "(...)", None) == shown


def test_numbers_units_and_punctuation_stay_on_their_line(pages):
    page = (pages / "together.html").read_text("utf-8")
    assert "65\u202f536 of 4\u00a0×\u00a04 pixels" in page
    assert "154\u00a0kB" in page
    assert re.search(r"</span>\u00a0GB", page)
    assert re.findall(r'class="together">.*?annotation encoding="application/x-tex">(\w)<', page) == ["n", "s"]
    assert len(re.findall(r"</span>[,.]</span>", page)) == 2
    assert re.search(r"65(</span>)? (<span[^>]*>)?536", page), "code is left as typed"


def test_a_bar_holds_the_contents_of_the_page(pages):
    page = (pages / "contents.html").read_text("utf-8")
    bar = re.search(r'<nav id="page-contents".*?</nav>', page, re.DOTALL)[0]
    assert re.findall('href="(#.*?)"', bar) == ["#", "#one", "#two"]


SOURCES = {
    "han2022": (["Han", "Wang"], "2022"),
    "han2022local": (["Han", "Fan", "Wang"], "2022"),
    "ng2001": (["Ng", "Jordan", "Weiss"], "2001"),
    "meila2001": (["Meilă", "Shi"], "2001"),
    "luxburg2007": (["von Luxburg"], "2007"),
    "dascoli2021": (["d'Ascoli", "Touvron"], "2021"),
}


@pytest.mark.parametrize(
    ("link", "before", "key"),
    [
        ("Han, Wang et al. (2022)", "", "han2022"),
        ("Han, Fan et al. (2022)", "", "han2022local"),
        ("Meilă and Shi (2001)", "", "meila2001"),
        ("von Luxburg, 2007", "", "luxburg2007"),
        ("d’Ascoli et al. (2021)", "", "dascoli2021"),
        ("(2001)", "after Ng, Jordan and Weiss ", "ng2001"),
        ("(2001)", "after Meilă and Shi ", "meila2001"),
        ("bibliography", "see Ng's entry in the ", None),
    ],
)
def test_a_link_names_its_source(link, before, key):
    assert build_citations.key_of(link, before, SOURCES) == key


@pytest.mark.parametrize(
    ("link", "before", "message"),
    [
        ("Han et al. (2022)", "", r"^'Han et al. \(2022\)' may be han2022 or han2022local: name more authors$"),
        ("Han et al. (2021)", "", r"^'Han et al. \(2021\)' is not in the bibliography$"),
        ("Wang et al. (2022)", "", r"^'Wang et al. \(2022\)' is not in the bibliography$"),
        ("(2001)", "by somebody ", r"^'\(2001\)' is not in the bibliography$"),
        ("Meil et al. (2001)", "", r"is not in the bibliography$"),
    ],
)
def test_a_link_that_names_no_source_or_two(link, before, message):
    with pytest.raises(ValueError, match=message):
        build_citations.key_of(link, before, SOURCES)


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("patch", "Patches and a patch", "Patches"),
        ("heat map", "two heat\nmaps", "heat\nmaps"),
        ("similarity", "by their similarities", "similarities"),
        ("attention", "self-attention is no attention", "attention"),
        ("GELU", "a gelu", None),
        ("map", "mapped", None),
    ],
)
def test_a_term_is_found_as_a_chapter_may_write_it(term, text, found):
    match = build_terms.pattern_of(term).search(text)
    assert (match and match[0]) == found
    assert term != "attention" or match.start() > 5, "a part of another term is none"
