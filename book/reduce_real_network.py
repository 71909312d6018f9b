"""Reduce what a DINOv2-small backbone makes of four pictures to what the explorer's page carries, and store it.

    python book/reduce_real_network.py [PICTURE …]

It needs the model (`make model`) and some minutes a picture on one core. `tests/explorers/test_real_network_widget.py`
compares what is stored with the model.
"""

import json
import sys

import torch

from patchwork.explorers.real_network.parts import FOLDER, SIDE, write_heads, write_picture
from patchwork.images import load_image, texture_mosaic
from patchwork.pretrained import load_vit

PHOTOGRAPHS = ("chelsea", "coffee", "astronaut")


def picture(name, patch_size):
    """Return the image (3, H, W), and the labels of its patches or None."""
    if name in PHOTOGRAPHS:
        return load_image(name, size=SIDE * patch_size), None
    fixed = torch.Generator().manual_seed(0)
    image, labels = texture_mosaic(grid=(SIDE, SIDE), patch_size=patch_size, half="test", generator=fixed)
    return image.expand(3, -1, -1), labels


def main(names):
    """Write the parts of the pictures named, or of all."""
    model = load_vit("dinov2-small-packaged", device="cpu")
    for name in names or (*PHOTOGRAPHS, "mosaic"):
        image, labels = picture(name, model.patch_size)
        reading = model.read(image)
        parts = {name: write_picture(reading, image, labels)}
        for layer in range(1, model.layers + 1):
            parts[f"{name}-{layer}"] = write_heads(reading, layer)
            print(name, layer, [code["fit"] for code in parts[f"{name}-{layer}"]], flush=True)
        for part, content in parts.items():
            (FOLDER / f"{part}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
