"""Measure chapter 7's networks with a mean, and those that tell left from right: ``python book/measure_variants.py``.

They are those of ``train.MORE``, three seeds each, on the chapter's scenes from the test halves: 400 for each of the
two questions, drawn with the seeds 77 and 78. What is shipped is measured as it is; the others are trained as those
were, and rounded to half precision too. Stored is for each network and seed the share of right answers at the distances
1 to 11. Twelve minutes on one core, most of them for "global" and the question "left".
"""

import json

import torch
import train

from patchwork import measured, synthesis

FILE = measured.FOLDER / "variants.json"
SEEDS, SCENES = range(3), 400
DRAWS = {"same": 77, "left": 78}


def named(relation, options):
    """Return the name under which a network is stored, that of its weights without the seed."""
    return synthesis.weights_file(relation, 0, **options).stem.removesuffix("-0")


def network(relation, seed, options):
    """Return a network: the shipped one, or one that is trained as that was."""
    if synthesis.weights_file(relation, seed, **options).exists():
        return synthesis.trained(relation, seed, **options)
    model = train.network(relation, seed, synthesis.texture_features("train"), **options)
    for weight in model.parameters():
        weight.data = weight.data.half().float()
    return model


def scenes(question):
    """Draw the scenes of the chapter."""
    generator = torch.Generator().manual_seed(DRAWS[question])
    features = synthesis.texture_features("test")
    return synthesis.marked_textures(features, SCENES, question=question, generator=generator)


def shares(relation, seed, options):
    """Return the share of right answers at each distance."""
    accuracy, _ = synthesis.accuracy_by_distance(
        network(relation, seed, options), scenes(options.get("question", "same"))
    )
    return [round(share, 3) for share in accuracy.tolist()]


def main():
    """Measure, and store."""
    torch.set_num_threads(1)  # so that the sums have one order
    torch.set_flush_denormal(True)
    found = {}
    for relation, _, options in train.MORE:
        found[named(relation, options)] = [shares(relation, seed, options) for seed in SEEDS]
        print(named(relation, options), found[named(relation, options)], flush=True)
    lines = (f" {json.dumps(name)}: {json.dumps(runs)}" for name, runs in found.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf8")


if __name__ == "__main__":
    main()
