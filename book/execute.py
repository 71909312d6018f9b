"""Execute the chapters in place and leave them in the one form the repository keeps: ``make notebooks``.

A chapter is stored with the outputs that its code gave, without what changes from run to run: no widget state, no
timings, cell ids made from the cell's text, text printed piece by piece in one piece, and no widget view beside its
own HTML (without a kernel JupyterLab shows an error box for it). A cell that the page folds is folded in JupyterLab
too.
"""

import hashlib
import pathlib
import sys

import nbformat
from nbclient import NotebookClient

CHAPTERS = pathlib.Path(__file__).parents[1] / "chapters"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# Converters choose by these; the version of Python, which differs from machine to machine, is left out.
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}


def execute(path):
    """Run one notebook with warnings off its pages and write it back, normalized."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False).execute()
    stderr = [out.text for cell in code_cells(notebook) for out in cell.outputs if out.get("name") == "stderr"]
    if stderr:
        raise SystemExit(f"{path}: a chapter prints no warnings, got {stderr[0]!r}")
    path.write_text(nbformat.writes(normalize(notebook)) + "\n", "utf8")


def code_cells(notebook):
    """Return the notebook's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def normalize(notebook):
    """Return the notebook without anything that its code and text don't determine."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    notebook.nbformat_minor = 5
    seen = set()
    for cell in notebook.cells:
        cell.source = cell.source.strip("\n")
        cell.id = _identifier(cell, seen)
        cell.metadata.pop("execution", None)
        cell.metadata.pop("trusted", None)
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}
        if "hide-cell" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        if "outputs" in cell:
            cell.outputs = _printed_at_once(cell.outputs)
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data.pop(WIDGET_VIEW, None)
            if "metadata" in output:
                output.metadata = {mime: size for mime, size in output.metadata.items() if mime in output.data}
    return notebook


def _printed_at_once(outputs):
    """Join what a cell printed: a slow one prints in pieces, which the page would show as boxes."""
    joined = []
    for output in outputs:
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _identifier(cell, seen):
    text = f"{cell.cell_type}\n{cell.source}"
    while (identifier := hashlib.sha256(text.encode()).hexdigest()[:8]) in seen:
        text += "\n"
    seen.add(identifier)
    return identifier


if __name__ == "__main__":
    for chapter in map(pathlib.Path, sys.argv[1:] or sorted(CHAPTERS.glob("*.ipynb"))):
        print(f"executing {chapter.name}", flush=True)
        execute(chapter)
