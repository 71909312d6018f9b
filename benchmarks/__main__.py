"""Measure all rows, print them as tables, and keep them in benchmarks/results/<device>.json."""

import argparse
import importlib
import json
from pathlib import Path

import torch

from benchmarks import browser, machine
from patchwork.devices import best_device

CHAPTERS = ("patches", "attention", "windows", "convolution", "similarity", "graphs")
RESULTS = Path(__file__).parent / "results"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--device", type=torch.device, default=best_device(), help="cpu, cuda or mps; the best if left out"
    )
    device = parser.parse_args().device
    torch.set_num_threads(1)
    torch.manual_seed(0)
    chapters = [importlib.import_module(f"benchmarks.{name}") for name in CHAPTERS]
    report = {
        "machine": machine.description(device),
        "speeds": machine.speeds(device),
        "comparisons": [row for chapter in chapters for row in chapter.comparisons(device)],
        "growths": [row for chapter in chapters for row in chapter.growths(device)],
        "browser": browser.rows(),
    }
    show(report)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{device.type}.json"
    file.write_text(json.dumps(rounded(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nSaved as {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


def show(report):
    about = report["machine"]
    print(
        f"{about['device']} · {about['processor']} · {about['threads']} thread(s) · torch {about['versions']['torch']}"
    )
    table(
        "How fast the machine is", ["", "measured"], [[row["name"], f"{row['value']:.3g}"] for row in report["speeds"]]
    )
    table(
        "Ours against a peer (medians, interleaved; a ratio below 1: ours is faster)",
        ["function", "size", "peer", "ratio", "reach", "ours ms", "peer ms", "ours MiB", "peer MiB", "reach"],
        [comparison_cells(row) for row in report["comparisons"]],
    )
    for row in report["growths"]:
        title = f"Growth of {row['function']}: time ~ {row['letter']}^{row['exponent']:.2f}"
        cells = [[str(point[row["letter"]]), f"{point['ms']:.3g}", f"{point['mib']:.3g}"] for point in row["points"]]
        table(title, [row["letter"], "ms", "peak MiB"], cells)
    cells = [
        [row["name"], f"{row['value']:g} {row['unit']}", verdict(row["value"], row["reach"])]
        for row in report["browser"]
    ]
    table("In the browser (95th percentile of an answer)", ["", "measured", "reach"], cells)


def comparison_cells(row):
    numbers = [f"{row[key]:.3g}" for key in ("ours_ms", "peer_ms", "ours_mib", "peer_mib")]
    return [
        row["function"],
        row["size"],
        row["peer"],
        f"{row['ratio']:.2f}",
        verdict(row["ratio"], row["reach"]),
        *numbers,
        verdict(row["ours_mib"] / row["peer_mib"], row["memory_reach"]) if row["memory_reach"] else "–",
    ]


def verdict(value, reach):
    return "–" if reach is None else f"≤ {reach:g} {'✓' if value <= reach else '✗'}"


def table(title, heads, rows):
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    print(f"\n{title}")
    for cells in (heads, ["─" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
