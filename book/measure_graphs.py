"""Train chapter 6's networks on graphs from six seeds and store their scores: ``python book/measure_graphs.py``.

The networks are those of the chapter: its cells tagged ``recipe`` are run, and ``by_depth`` names what is trained. For
each seed three shares of right patches are stored, in percent: all patches, those inside a region, those at borders.
One network takes a second to half a minute on one core. What is stored already is left alone: delete what is to be
trained anew.
"""

import json
import pathlib
import time

import nbformat

from patchwork import measured

ROOT = pathlib.Path(__file__).parents[1]
SCORES = measured.FOLDER / "graphs.json"
SEEDS = range(6)


def recipe():
    """Return what the tagged cells of the chapter define."""
    notebook, defined = nbformat.read(ROOT / "chapters/06_graphs.ipynb", as_version=4), {}
    for cell in notebook.cells:
        if "recipe" in cell.metadata.get("tags", []):
            exec(compile(cell.source, f"cell {cell.id}", "exec"), defined)
    return defined


def store(scores):
    """Write the scores, one network a line."""
    depths = [
        f'"{depth}": {{\n'
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(runs)}" for name, runs in networks.items())
        + "\n}"
        for depth, networks in scores.items()
    ]
    SCORES.write_text("{\n" + ",\n".join(depths) + "\n}\n", "utf8")


def main():
    """Train what is not stored yet."""
    chapter, scores = recipe(), json.loads(SCORES.read_text("utf8")) if SCORES.exists() else {}
    for depth, networks in chapter["by_depth"].items():
        for name, layer in networks.items():
            of_depth = scores.setdefault(str(depth), {})
            if name in of_depth:
                continue
            start = time.perf_counter()
            runs = [chapter["shares"](chapter["learn"](layer, depth, seed)) for seed in SEEDS]
            of_depth[name] = [[round(share, 1) for share in run] for run in runs]
            scores[str(depth)] = {each: of_depth[each] for each in networks if each in of_depth}
            store(scores)
            print(f"{depth:2} layers, {name}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
