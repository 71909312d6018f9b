"""Measure chapter 8's network on many pictures and store the scores: ``python book/measure_real_network.py [PART …]``.

The network is that of ``make model``. Its relations are scored on mosaics of textures and of photographs, its heads are
compared with convolutions, and windows are put into its layers; networks with random or shuffled weights are the
controls. Each part prints how long it took, and replaces what was stored of it. All together take about half an hour
on one core.
"""

import copy
import json
import pathlib
import sys
import time
from importlib.util import find_spec

import torch
import torch.nn.functional as F

from patchwork.images import load_image, texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.pretrained import PretrainedViT, load_vit
from patchwork.relations import attention_distance, mean_by_offset, offset_share, same_region_auc
from patchwork.similarity import cosine_similarity, patch_spectrum
from patchwork.windows import window_relation

FILE = pathlib.Path(__file__).parents[1] / "src/patchwork/measured/real_network.json"
GRID, PATCH = (16, 16), 14
SEEDS = range(4)
TRAIN, TEST, PAIRS = 12, 24, 20
BUNDLED = ("astronaut", "camera", "chelsea", "coffee")
IN_PACKAGES = {
    "rocket": ("skimage", "data/rocket.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "coins": ("skimage", "data/coins.png"),
    "galaxies": ("skimage", "data/hubble_deep_field.jpg"),
    "moon": ("skimage", "data/moon.png"),
    "cells": ("skimage", "data/ihc.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}


def photographs():
    """Return twelve photographs of 224 × 224 pixels."""
    found = {name: load_image(name, size=224) for name in BUNDLED}
    for name, (package, file) in IN_PACKAGES.items():
        found[name] = load_image(pathlib.Path(find_spec(package).origin).parent / file, size=224)
    return found


def mosaics(half, number, seed=8):
    """Return mosaics of textures as three channels, and their labels."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [texture_mosaic(grid=GRID, patch_size=PATCH, half=half, generator=generator) for _ in range(number)]
    return [(image.expand(3, -1, -1), labels) for image, labels in drawn]


def collages(number, seed=9):
    """Return mosaics whose regions show three different photographs, brought to one mean and contrast a channel."""
    generator, pictures = torch.Generator().manual_seed(seed), torch.stack(list(photographs().values()))
    mean, std = pictures.mean((2, 3), keepdim=True), pictures.std((2, 3), keepdim=True)
    pictures = ((pictures - mean) / std / 8 + 0.5).clamp(0, 1)
    found = []
    for _, labels in mosaics("train", number, seed):
        three = pictures[torch.randperm(len(pictures), generator=generator)[:3]]
        owner = labels.view(1, 1, *GRID).repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3)
        found.append((three.gather(0, owner.expand(1, 3, -1, -1))[0], labels))
    return found


def shuffled_patches(pictures, seed=10):
    """Put the patches of each picture in random places: no region is left, only what each patch shows."""
    generator, found = torch.Generator().manual_seed(seed), []
    for image, labels in pictures:
        order = torch.randperm(len(labels), generator=generator)
        patches = image.unflatten(2, (-1, PATCH)).unflatten(1, (-1, PATCH)).permute(1, 3, 0, 2, 4).flatten(0, 1)
        moved = patches[order].view(*GRID, 3, PATCH, PATCH).permute(2, 0, 3, 1, 4).reshape(image.shape)
        found.append((moved, labels[order]))
    return found


def random_network(model, seed):
    """Return the same architecture with the initial weights of transformers."""
    torch.manual_seed(seed)
    backbone = type(model.backbone)(model.backbone.config).eval()
    return PretrainedViT(backbone, image_mean=model._mean.flatten().tolist(), image_std=model._std.flatten().tolist())


def shuffled_network(model, seed):
    """Return the network with the entries of each matrix, bias and scale in random order, positions and class token kept."""
    generator, shuffled = torch.Generator().manual_seed(seed), copy.copy(model)
    shuffled.backbone = copy.deepcopy(model.backbone)
    for name, weight in shuffled.backbone.named_parameters():
        if "position" not in name and "token" not in name:
            order = torch.randperm(weight.numel(), generator=generator)
            weight.data = weight.data.flatten()[order].view(weight.shape)
    return shuffled


def centered(x):
    """Take the mean of all patches off each."""
    return x - x.mean(0)


def by_depth(model, pictures, *, center=False):
    """Return the AUC of the features' cosine at each depth and after the last norm, (pictures, depths + 1)."""
    rows = []
    for image, labels in pictures:
        reading = model.read(image, layers=())
        features = [reading.patch_features(depth) for depth in range(model.layers + 1)] + [reading.features]
        features = [centered(x) for x in features] if center else features
        rows.append([same_region_auc(cosine_similarity(x), labels) for x in features])
    return torch.tensor(rows)


def parts_of_a_reading(reading, layer):
    """Return what may be compared of one layer's heads: queries, keys, values and outputs, each (heads, N, d)."""
    queries, keys, values = (each[layer] for each in (reading.queries, reading.keys, reading.values))
    outputs = reading.weights[layer][0] @ values
    parts = {"queries": queries, "keys": keys, "values": values, "outputs": outputs}
    return {name: part[:, reading.prefix :] for name, part in parts.items()}


def by_head(model, pictures):
    """Return the AUC of each head, and of all heads of a layer together in a last column, {name: (pictures, L, H + 1)}."""
    found = {}
    for image, labels in pictures:
        reading, rows = model.read(image, depths=()), {}
        for layer in range(model.layers):
            heads = [reading.relation(layer, head=head) for head in range(model.heads)]
            scored = {"attention": [*heads, torch.stack(heads).mean(0)]}
            for name, part in parts_of_a_reading(reading, layer).items():
                together = part.transpose(0, 1).flatten(1)
                scored[name] = [cosine_similarity(x) for x in (*part, together)]
            for name, relations in scored.items():
                rows.setdefault(name, []).append([same_region_auc(each, labels) for each in relations])
        for name, aucs in rows.items():
            found.setdefault(name, []).append(aucs)
    return {name: torch.tensor(aucs) for name, aucs in found.items()}


def baselines(model, pictures):
    """Return the AUC of what knows nothing of the network's layers, {name: (pictures,)}."""
    places, found = patch_centers(GRID), {}
    table = model.backbone.embeddings.position_embeddings.detach()[0, 1:].T.view(1, -1, 37, 37)
    positions = F.interpolate(table, GRID, mode="bicubic")[0].flatten(1).T
    for image, labels in pictures:
        pixels = patchify(image[None], PATCH)[0]
        spectra = patch_spectrum(patchify(image.mean(0)[None, None], PATCH)[0])
        relations = {
            "ruler": -torch.cdist(places, places),
            "pixels": cosine_similarity(pixels - pixels.mean(1, keepdim=True)),
            "spectra": cosine_similarity((spectra - spectra.mean(0)) / spectra.std(0)),
            "positions": cosine_similarity(positions),
            "positions, centered": cosine_similarity(centered(positions)),
        }
        for name, relation in relations.items():
            found.setdefault(name, []).append(same_region_auc(relation, labels))
    return {name: torch.tensor(aucs) for name, aucs in found.items()}


def spread(aucs):
    """Return mean and standard deviation over pictures, rounded."""
    return [round_all(aucs.mean(0).tolist()), round_all(aucs.std(0).tolist())]


def round_all(values):
    return [round_all(each) for each in values] if isinstance(values, list) else round(values, 4)


def relations(model):
    """Section 2: where the relation arises, on mosaics, collages and shuffled patches, with its controls."""
    train, test = mosaics("train", TRAIN), mosaics("test", TEST)
    other, apart = collages(PAIRS), shuffled_patches(test)
    sets = {"train": train, "test": test, "collages": other, "shuffled": apart}
    depth = {name: spread(by_depth(model, pictures)) for name, pictures in sets.items()}
    depth |= {f"{name}, centered": spread(by_depth(model, pictures, center=True)) for name, pictures in sets.items()}
    found = {
        "baselines": {name: {k: spread(v) for k, v in baselines(model, sets[name]).items()} for name in sets},
        "depth": depth,
        "heads": {
            name: {k: spread(v) for k, v in by_head(model, sets[name]).items()} for name in ("train", "test", "shuffled")
        },
    }
    return found


def controls(model):
    """Section 2's networks that learned nothing: the mean over mosaics for each seed."""
    test = mosaics("test", 8)
    kinds = {"random": random_network, "shuffled": shuffled_network}
    found = {}
    for name, make in kinds.items():
        for label, center in ((name, False), (f"{name}, centered", True)):
            runs = [by_depth(make(model, seed), test, center=center).mean(0) for seed in SEEDS]
            found[label] = round_all(torch.stack(runs).tolist())
        runs = [by_head(make(model, seed), test[:4])["attention"].mean(0)[:, -1] for seed in SEEDS]
        found[f"{name}, attention"] = round_all(torch.stack(runs).tolist())
    return found


def of_heads(model, pictures):
    """Return of each head: distances and shares for each picture, what positions explain, and the kernel of the mean."""
    stacks = [torch.stack([reading.relation(layer, head=head) for head in range(model.heads)])
              for image in pictures
              for reading in [model.read(image, depths=())]
              for layer in range(model.layers)]
    stacks = torch.stack(stacks).view(len(pictures), model.layers * model.heads, 256, 256)
    distances = torch.tensor([[attention_distance(head, GRID) for head in each] for each in stacks])
    shares = torch.tensor([[offset_share(head, GRID) for head in each] for each in stacks])
    mean = stacks.mean(0)
    within = (stacks - mean).square().sum((0, 2, 3)).double()
    total = (stacks - 1 / 256).square().sum((0, 2, 3)).double()
    number = len(pictures)
    by_position = 1 - within / total
    corrected = 1 - within * number / (number - 1) / total
    return {
        "distance": distances,
        "offset": shares,
        "mean_offset": torch.tensor([offset_share(head, GRID) for head in mean]),
        "position": by_position,
        "corrected": corrected,
    }, mean


def heads(model):
    """Section 3: how far each head looks, and how much of it is a convolution."""
    pictures = list(photographs().values())
    measured, mean = of_heads(model, pictures)
    found = {"pictures": list(photographs())}
    for name in ("distance", "offset"):
        found[name] = [round_all(each.view(model.layers, -1).tolist()) for each in spread_of(measured[name])]
    for name in ("mean_offset", "position", "corrected"):
        found[name] = round_all(measured[name].view(model.layers, -1).tolist())
    most = measured["offset"].mean(0).argsort(descending=True)[:6].tolist()
    kernels = [mean_by_offset(mean[head], GRID)[8:23, 8:23] for head in most]
    found["kernels"] = {f"{head // model.heads + 1},{head % model.heads}": kernel.tolist()
                        for head, kernel in zip(most, kernels, strict=True)}
    found["kernels"] = {name: [[round(v, 5) for v in row] for row in kernel]
                        for name, kernel in found["kernels"].items()}
    for name, make in (("random", random_network), ("shuffled", shuffled_network)):
        runs = [of_heads(make(model, seed), pictures[:4])[0] for seed in SEEDS[:2]]
        found[name] = {
            part: round_all(torch.stack([run[part].mean(0) for run in runs]).view(2, model.layers, -1).tolist())
            for part in ("distance", "offset")
        }
    return found


def spread_of(values):
    return values.mean(0), values.std(0)


def layer_masks(size, *, shift, layers, cut):
    """Return windows for each layer that is in ``layers``, shifted in every second one, and None for the others."""
    pair = [window_relation(GRID, size, shift=by) for by in ((0, size // 2) if shift else (0, 0))]
    masks = [pair[layer % 2] if layer in layers else None for layer in range(12)]
    return [over_tokens(mask) for mask in masks] if cut else masks


def over_tokens(mask):
    """Let no patch ask the class token."""
    patches = torch.ones(256, 256, dtype=torch.bool) if mask is None else mask
    whole = torch.ones(257, 257, dtype=torch.bool)
    whole[1:, 1:], whole[1:, 0] = patches, False
    return whole


def likeness(model, mask, pictures, whole):
    """Return the cosine of each picture's features with those of the network without windows, mean over patches."""
    features = [model.read(image, layers=(), depths=(), mask=mask).features for image in pictures]
    return torch.stack([F.cosine_similarity(a, b).mean() for a, b in zip(features, whole, strict=True)]), features


def windows(model):
    """Section 4: what is left of the features where layers hear only windows."""
    pictures, test = list(photographs().values()), mosaics("test", 10)
    read = lambda image: model.read(image, layers=(), depths=()).features  # noqa: E731
    whole = {"photographs": [read(image) for image in pictures], "mosaics": [read(image) for image, _ in test]}
    halves = {"all": range(12), "first six": range(6), "last six": range(6, 12)}
    found = {"floor": floor(whole["photographs"]), "rows": {}, "curves": {}}
    every = torch.ones(256, 256, dtype=torch.bool)
    settings = {"none, cut": ([over_tokens(None)] * 12)}
    for size in (1, 2, 4, 8):
        for shift in (False, True) if size > 1 else (False,):
            for name, layers in halves.items():
                for cut in (False, True):
                    words = f"{size}, {'shift' if shift else 'fixed'}, {name}{', cut' if cut else ''}"
                    settings[words] = layer_masks(size, shift=shift, layers=layers, cut=cut)
    for words, mask in settings.items():
        alike, _ = likeness(model, mask, pictures, whole["photographs"])
        _, features = likeness(model, mask, [image for image, _ in test], whole["mosaics"])
        aucs = [same_region_auc(cosine_similarity(x), labels) for x, (_, labels) in zip(features, test, strict=True)]
        found["rows"][words] = [spread(alike), spread(torch.tensor(aucs))]
    aucs = [same_region_auc(cosine_similarity(x), labels) for x, (_, labels) in zip(whole["mosaics"], test, strict=True)]
    found["rows"]["none"] = [[1.0, 0.0], spread(torch.tensor(aucs))]
    for size in (2, 4, 8):
        for name in ("first", "last"):
            curve = []
            for number in range(13):
                layers = range(number) if name == "first" else range(12 - number, 12)
                mask = layer_masks(size, shift=True, layers=layers, cut=False)
                curve.append(spread(likeness(model, mask, pictures, whole["photographs"])[0]))
            found["curves"][f"{size}, {name}"] = curve
    singles = []
    for layer in range(12):
        mask = layer_masks(4, shift=False, layers=[layer], cut=False)
        singles.append(spread(likeness(model, mask, pictures, whole["photographs"])[0]))
    found["one layer"] = singles
    del every
    return found


def floor(features):
    """Return what unrelated features score: patches of the same picture, and of other pictures, at random."""
    generator, same, other = torch.Generator().manual_seed(0), [], []
    for number, each in enumerate(features):
        order = torch.randperm(len(each), generator=generator)
        same.append(F.cosine_similarity(each, each[order]).mean())
        other.append(F.cosine_similarity(each, features[number - 1]).mean())
    return {"same picture": spread(torch.stack(same)), "other picture": spread(torch.stack(other))}


PARTS = {"relations": relations, "controls": controls, "heads": heads, "windows": windows}


def main(parts):
    """Measure the parts that are named, or all."""
    model = load_vit("dinov2-small-packaged")
    stored = json.loads(FILE.read_text("utf8")) if FILE.exists() else {}
    for name in parts or PARTS:
        start = time.perf_counter()
        stored[name] = PARTS[name](model)
        kept = {each: stored[each] for each in PARTS if each in stored}
        FILE.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf8")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
