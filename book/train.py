"""Train the networks of chapter 7 and store their weights in the package: ``python book/train.py``.

Each relation has the recipe that suits it; ``measure_synthesis.py`` trains all under one.

It lies here and not in the library since it writes into the sources, as ``execute.py`` does. One network takes half a
minute to four minutes on one core. Each is stored as soon as it is trained, in half precision, and what is stored
already is left alone: delete what is to be trained anew.
"""

import time

import torch
from safetensors.torch import save_file

from patchwork import synthesis

MORE = [
    ("own", 0, {"pooling": True}),
    ("window", 0, {"pooling": True}),
    ("grid", 0, {"pooling": True}),
    ("convolution", 0, {"question": "left"}),
    ("grid", 0, {"question": "left"}),
    ("global", 0, {"question": "left"}),
    ("global", 0, {"question": "left", "coordinates": True}),
]
RUNS = [(relation, seed, {}) for relation in synthesis.RELATIONS for seed in range(3)] + MORE
STEPS = {"local": 800, "knn": 600}  # the others need 300


def lessons(relation, question):
    """Return what a network is trained for, one after the other: questions, and how many steps of each."""
    if (relation, question) == ("global", "left"):
        # From scratch, 900 steps teach it nothing; the cause was not tested. The
        # other question teaches it to find the mark.
        return [("same", 300), ("left", 1500)]
    return [(question, STEPS.get(relation, 300))]


def network(relation, seed, features, *, question="same", **options):
    """Train one network: the seed gives its initial weights, and the scenes it sees."""
    torch.manual_seed(seed)
    model = synthesis.RelationNetwork(relation, **options)
    generator = torch.Generator().manual_seed(1000 + seed)
    for asked, steps in lessons(relation, question):
        synthesis.fit(model, features, question=asked, steps=steps, generator=generator)
    return model


def main():
    """Train what is not stored yet."""
    torch.set_num_threads(1)  # so that the sums have one order
    torch.set_flush_denormal(True)
    features = synthesis.texture_features("train")
    for relation, seed, options in RUNS:
        file = synthesis.weights_file(relation, seed, **options)
        if file.exists():
            continue
        start = time.perf_counter()
        model = network(relation, seed, features, **options)
        half = {
            name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()
        }
        save_file(half, file)
        print(f"{file.stem}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
