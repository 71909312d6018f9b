"""Train each relation of chapter 7 under one recipe, ten seeds, from two starts: ``python book/measure_synthesis.py``.

All have the same width, learning rate, number of steps and scenes a step. What each gave is one row of
``measured/synthesis.csv`` in the package, which is written as soon as it is known; what stands there already is left
alone: delete a row to train it anew. About 7 seconds each on one free core, twenty minutes for all.
"""

import csv
import time

import torch

from patchwork import measured, synthesis
from patchwork.synthesis import recipe

FOUND = ("start", "relation", "seed", "accuracy", "curve")


def measure(start, relation, seed, training, scenes):
    """Train one network and return its row: accuracies in per mille, on the way at the distances 1, 2 and 3."""
    torch.manual_seed(seed)
    network = synthesis.RelationNetwork(relation, start=start)
    some = type(scenes)(*(part[: recipe.SCENES // 8] for part in scenes))
    curve = []

    def watch(step):
        if step and step % recipe.EVERY == 0:
            curve.append(per_mille(synthesis.accuracy_by_distance(network, some)[0][:3]))

    generator = torch.Generator().manual_seed(1000 + seed)
    synthesis.fit(network, training, steps=recipe.STEPS, size=recipe.SIZE, generator=generator, watch=watch)
    accuracy = per_mille(synthesis.accuracy_by_distance(network, scenes)[0])
    return dict(zip(FOUND, (start, relation, seed, accuracy, "|".join(curve)), strict=True))


def per_mille(shares):
    """Write shares as whole numbers."""
    return " ".join(str(round(1000 * share)) for share in shares.tolist())


def main():
    """Train what the table lacks."""
    torch.set_num_threads(1)  # so that the sums have one order
    torch.set_flush_denormal(True)
    training, scenes = synthesis.texture_features("train"), recipe.measuring_scenes()
    if not recipe.FILE.exists():
        recipe.FILE.write_text(",".join(FOUND) + "\n")
    there = {(row["start"], row["relation"], int(row["seed"])) for row in measured.load("synthesis")}
    for run in recipe.RUNS:
        if run not in there:
            begun = time.perf_counter()
            row = measure(*run, training, scenes)
            with recipe.FILE.open("a", newline="") as file:
                csv.DictWriter(file, FOUND, lineterminator="\n").writerow(row)
            print(*run, f"{time.perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
