"""The chapters are stored executed, complete and in the one form that `make notebooks` leaves."""

import ast
import builtins
import copy
import json
import pathlib
import re
import statistics
import subprocess
import symtable
import sys

import jupytext
import nbformat
import pytest
from nbconvert.exporters import HTMLExporter, MarkdownExporter, ScriptExporter

from patchwork.exercises._judges import JUDGES

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))
from execute import WIDGET_VIEW, code_cells, normalize  # noqa: E402

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
EXERCISES = {
    "00_introduction": 4,
    "01_patches": 5,
    "02_attention": 5,
    "03_windows": 5,
    "04_convolution": 5,
    "05_similarity": 5,
    "06_graphs": 5,
    "07_synthesis": 5,
}


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    notebook = nbformat.read(request.param, as_version=4)
    notebook.path = request.param
    return notebook


def outputs(notebook):
    return [(cell, output) for cell in code_cells(notebook) for output in cell.outputs]


def markdown(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_every_code_cell_was_run_in_order(chapter):
    counts = [cell.execution_count for cell in code_cells(chapter)]
    assert counts == list(range(1, len(counts) + 1))


def test_stored_in_the_form_make_notebooks_leaves(chapter):
    stored = chapter.path.read_text("utf8")
    chapter.pop("path")
    assert nbformat.writes(normalize(copy.deepcopy(chapter))) + "\n" == stored


def test_no_warning_traceback_or_widget_state(chapter):
    assert "widgets" not in chapter.metadata
    for cell, output in outputs(chapter):
        assert output.output_type != "error", cell.source
        assert output.get("name") != "stderr", cell.source
        assert not {"text/html", WIDGET_VIEW} <= output.get("data", {}).keys(), cell.source


def test_as_a_script_it_is_python_with_the_prose_as_comments(chapter):
    script, resources = ScriptExporter().from_notebook_node(chapter)
    assert resources["output_extension"] == ".py"
    compile(script, chapter.path.stem, "exec")
    comments = {line[2:].strip() for line in script.splitlines() if line.startswith("# ")}
    assert {line.strip() for line in markdown(chapter).splitlines()} - {""} <= comments
    for cell in code_cells(chapter):
        assert cell.source in script


def test_a_magic_does_not_break_the_script():
    """A reader's own cell may have one."""
    cells = [nbformat.v4.new_code_cell(source) for source in ("%matplotlib inline\n!ls", "%%time\nx = 1")]
    script, _ = ScriptExporter().from_notebook_node(normalize(nbformat.v4.new_notebook(cells=cells)))
    compile(script, "magic", "exec")
    assert "run_line_magic('matplotlib', 'inline')" in script


def test_other_converters_keep_prose_code_and_language(chapter):
    percent = jupytext.writes(chapter, "py:percent")
    compile(percent, chapter.path.stem, "exec")
    back = jupytext.reads(percent, "py:percent")
    assert [cell.source for cell in back.cells] == [cell.source for cell in chapter.cells]
    assert back.metadata.kernelspec == chapter.metadata.kernelspec
    text, _ = MarkdownExporter().from_notebook_node(chapter)
    assert text.count("```python\n") == len(code_cells(chapter))
    page, _ = HTMLExporter().from_notebook_node(chapter)
    assert page.count('class="highlight hl-ipython3"') == len(code_cells(chapter))
    shown = "".join(output.get("data", {}).get("text/html", "") for _, output in outputs(chapter))
    assert page.count("data-explorer=") == shown.count("data-explorer=") > 0


def test_one_picture_a_cell_with_caption_and_alt_text(chapter):
    for cell in code_cells(chapter):
        pictures = [out for out in cell.outputs if "image/png" in out.get("data", {})]
        if not pictures:
            continue
        assert len(pictures) == 1, cell.source
        if "text/html" in pictures[0].data:
            assert re.search(r'<img[^>]* alt="[^"]{20,}"', pictures[0].data["text/html"]), cell.source
        else:
            style = cell.metadata.mystnb
            assert len(style.image.alt) > 20, cell.source
            assert style.figure.caption, cell.source
            assert style.figure.name.startswith("fig-"), cell.source


def test_cells_are_short(chapter):
    lengths = sorted(len(cell.source.splitlines()) for cell in code_cells(chapter))
    assert statistics.median(lengths) <= 6
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 18


def test_set_up_is_one_cell_that_the_page_folds(chapter):
    first = code_cells(chapter)[0]
    assert "hide-input" in first.metadata.tags
    assert "best_device()" in first.source or chapter.path.stem == "00_introduction"
    for cell in code_cells(chapter)[1:]:
        if "remove-cell" not in cell.metadata.get("tags", []):
            assert not re.search(r"^(from patchwork|import torch)", cell.source, re.M), (
                "imports belong to the first cell"
            )


def test_each_exercise_has_hint_solution_and_check(chapter):
    text = markdown(chapter)
    labels = re.findall(r"```\{exercise\}[^\n]*\n:label: (\S+)", text)
    assert len(labels) >= EXERCISES.get(chapter.path.stem, 4)
    assert re.findall(r"```\{solution\} (\S+)\n:class: dropdown", text) == labels
    assert text.count("```{admonition} Hint\n:class: tip dropdown") == len(labels)
    # each exercise has a cell for the reader's own answer, which the page leaves out
    answers = [cell for cell in code_cells(chapter) if "remove-cell" in cell.metadata.get("tags", [])]
    assert len(answers) == len(labels)
    assert all(re.search(r"^# check\(", cell.source, re.M) for cell in answers)
    hidden = [cell for cell in code_cells(chapter) if "hide-cell" in cell.metadata.get("tags", [])]
    checks = [cell for cell in hidden if "check(" in cell.source]
    assert len(checks) == len(labels)
    for cell in checks:
        assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}, cell.source
        assert cell.source.startswith("# Solution: "), "JupyterLab shows the first line of a folded cell"
        assert "✓" in cell.outputs[0].text, cell.source


def test_an_answers_cell_runs_alone_and_waits_for_the_answer(chapter):
    """Right after a restart it runs; its check runs as soon as the # is gone, and finds no answer but the reader's."""
    answers = [cell for cell in code_cells(chapter) if "remove-cell" in cell.metadata.get("tags", [])]
    for cell in answers:
        assert cell.outputs == []
        assert re.search(
            r"^# Your answer goes here\. Then take the # away and run the cell:\n# check", cell.source, re.M
        )
        names = {}
        exec(cell.source, names)
        called = re.search(r'^# (check\("([\w.]+)", (\w+)\))$', cell.source, re.M)
        assert called[2] in JUDGES
        with pytest.raises(NameError, match=called[3]):
            exec(called[1], names)
        assert f"`{called[1]}`" in markdown(chapter)


def test_no_cell_answers_an_exercise_in_the_readers_name(chapter):
    """A check without an answer must not pass on what the chapter or a solution has left behind."""
    cells = code_cells(chapter)
    readers = set(re.findall(r'^# check\("[\w.]+", (\w+)\)$', "\n".join(cell.source for cell in cells), re.M))
    for cell in cells:
        made = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.FunctionDef)]
        assert not readers & {node.name for node in made}, cell.source
        top = symtable.symtable(cell.source, "cell", "exec")
        assigned = {each.get_name() for each in top.get_symbols() if each.is_assigned() and not each.is_namespace()}
        assert not assigned & readers & {"smallest", "cells", "your_number"}, cell.source


def test_every_equation_label_is_used_and_known(chapter):
    text = markdown(chapter)
    labels = re.findall(r"^\$\$ \((eq-[\w-]+)\)$", text, re.M)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\{eq\}`([\w-]+)`", text)) == set(labels)


def test_no_role_that_jupyterlab_shows_as_an_error(chapter):
    assert not re.findall(r"\{(?:cite|numref|term|doc|ref)[^}]*\}`", markdown(chapter))


def test_nothing_names_a_machine(chapter):
    stored = json.dumps([output for _, output in outputs(chapter)])
    for trace in (str(ROOT), "/home/", "/root/", "C:\\\\Users", "cuda:0", "device="):
        assert trace not in stored


def stands_alone(cell):
    """Whether a code cell uses nothing but what it defines itself, so that it need not wait for an import of torch."""
    top = symtable.symtable(cell.source, "cell", "exec")
    tables = top, *top.get_children()
    used = {each.get_name() for table in tables for each in table.get_symbols() if each.is_global()}
    return used <= set(dir(builtins)) | {each.get_name() for each in top.get_symbols() if each.is_assigned()}


def test_nbval_notices_a_wrong_number(tmp_path):
    """A digit changed in a stored output must turn the run red, at that cell and nowhere else."""
    notebook = nbformat.read(ROOT / "chapters/01_patches.ipynb", as_version=4)
    notebook.cells = [cell for cell in code_cells(notebook) if cell.outputs and stands_alone(cell)][:2]
    output = next(out for out in notebook.cells[0].outputs if "text" in out)
    output.text = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), output.text, count=1)
    nbformat.write(notebook, tmp_path / "planted.ipynb")
    command = [
        "-m",
        "pytest",
        "-q",
        "--nbval",
        "--nbval-current-env",
        "--nbval-sanitize-with",
        ROOT / "tests/nbval.cfg",
    ]
    run = subprocess.run(
        [sys.executable, *command, "-p", "no:cacheprovider", "planted.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 1, run.stdout
    assert "1 failed, 1 passed" in run.stdout
    assert "::Cell 0 - " in run.stdout
