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

from patchwork._offsets import offset_places
from patchwork.attention import attention_weights
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.pretrained import PretrainedViT, load_vit
from patchwork.relations import attention_distance, mean_by_offset, offset_share, same_region_auc
from patchwork.similarity import cosine_similarity, patch_spectrum
from patchwork.windows import window_relation

FILE = pathlib.Path(__file__).parents[1] / "src/patchwork/measured/real_network.json"
GRID, PATCH = (16, 16), 14
SEEDS = range(3)
TRAIN, TEST, COLLAGES = 10, 20, 20
BUNDLED = ("astronaut", "camera", "chelsea", "coffee")
HALVES = {"all": range(12), "first six": range(6), "last six": range(6, 12)}
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
    """Return the network with the entries of each matrix, bias and scale in random order; tokens and positions stay."""
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


def by_depth(model, pictures):
    """Return the AUC of the features' cosine at each depth and after the last norm, and of centered features.

    {"as they are" or "centered": (pictures, depths + 1)}
    """
    rows = {"as they are": [], "centered": []}
    for image, labels in pictures:
        reading = model.read(image, layers=())
        features = [reading.patch_features(depth) for depth in range(model.layers + 1)] + [reading.features]
        for name, change in (("as they are", lambda x: x), ("centered", centered)):
            rows[name].append([same_region_auc(cosine_similarity(change(x)), labels) for x in features])
    return {name: torch.tensor(aucs) for name, aucs in rows.items()}


def parts_of_a_reading(reading, layer):
    """Return what may be compared of one layer's heads: queries, keys, values and outputs, each (heads, N, d)."""
    queries, keys, values = (each[layer] for each in (reading.queries, reading.keys, reading.values))
    outputs = reading.weights[layer][0] @ values
    parts = {"queries": queries, "keys": keys, "values": values, "outputs": outputs}
    return {name: part[:, reading.prefix :] for name, part in parts.items()}


def by_head(model, pictures):
    """Return the AUC of each head, those of a layer together in a last column: {name: (pictures, L, H + 1)}."""
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
    """Round the numbers of nested lists."""
    return [round_all(each) for each in values] if isinstance(values, list) else round(values, 4)


def relations(model):
    """Section 2: where the relation arises, on mosaics, collages of photographs, and mosaics in pieces."""
    train, test = mosaics("train", TRAIN), mosaics("test", TEST)
    sets = {"train": train, "test": test, "collages": collages(COLLAGES), "in pieces": shuffled_patches(test)}

    def of_each(measure, names):
        return {name: {k: spread(v) for k, v in measure(model, sets[name]).items()} for name in names}

    return {
        "baselines": of_each(baselines, sets),
        "depth": of_each(by_depth, sets),
        "heads": of_each(by_head, ("train", "test")),
    }


def controls(model):
    """Section 2's networks that learned nothing: the mean over six test mosaics, for each seed."""
    test, found = mosaics("test", 6), {}
    for name, make in (("random", random_network), ("shuffled", shuffled_network)):
        runs = [by_depth(make(model, seed), test) for seed in SEEDS]
        found[name] = {k: round_all(torch.stack([run[k].mean(0) for run in runs]).tolist()) for k in runs[0]}
    return found


def of_heads(model, pictures):
    """Return distances and shares of each head, what positions explain, and the mean of each head over the pictures."""
    pairs = [(layer, head) for layer in range(model.layers) for head in range(model.heads)]
    readings = (model.read(image, depths=()) for image in pictures)
    stacks = torch.stack([torch.stack([each.relation(layer, head=head) for layer, head in pairs]) for each in readings])
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
        found[name] = [
            round_all(each.view(model.layers, -1).tolist()) for each in (measured[name].mean(0), measured[name].std(0))
        ]
    for name in ("mean_offset", "position", "corrected"):
        found[name] = round_all(measured[name].view(model.layers, -1).tolist())
    most = measured["offset"].mean(0).argsort(descending=True)[:6].tolist()
    kernels = [round_all(mean_by_offset(mean[head], GRID)[11:20, 11:20].tolist()) for head in most]
    names = [f"layer {head // model.heads + 1}, head {head % model.heads}" for head in most]
    found["kernels"] = dict(zip(names, kernels, strict=True))
    for name, make in (("random", random_network), ("shuffled", shuffled_network)):
        runs = [of_heads(make(model, seed), pictures[:4])[0] for seed in SEEDS[:2]]
        found[name] = {
            part: round_all(torch.stack([run[part].mean(0) for run in runs]).view(2, model.layers, -1).tolist())
            for part in ("distance", "offset")
        }
    return found


def layer_masks(size, *, shift, layers, cut=False):
    """Return windows for each layer that is in ``layers``, shifted in every second one, and None for the others."""
    pair = [window_relation(GRID, size, shift=by) for by in ((0, size // 2) if shift else (0, 0))]
    masks = [pair[layer % 2] if layer in layers else None for layer in range(12)]
    return [over_tokens(mask) for mask in masks] if cut else masks


def with_heads_replaced(model, image, instead):
    """Return the features where some heads spread what patches get by a fixed relation {(layer, head): (N, N)}."""
    backbone = model.backbone
    x = backbone.embeddings((image - model._mean)[None] / model._std)
    for number, layer in enumerate(backbone.encoder.layer):
        normed, parts = layer.norm1(x), layer.attention
        projected = (
            each(normed).unflatten(-1, (model.heads, -1)) for each in (parts.q_proj, parts.k_proj, parts.v_proj)
        )
        queries, keys, values = (each.transpose(1, 2) for each in projected)
        weights = attention_weights(queries, keys)
        for head in range(model.heads):
            if (number, head) in instead:
                to_patches = weights[0, head, 1:, 1:].sum(1, keepdim=True)
                weights[0, head, 1:, 1:] = to_patches * instead[number, head]
        x = x + layer.layer_scale1(parts.o_proj((weights @ values).transpose(1, 2).flatten(2)))
        x = x + layer.layer_scale2(layer.mlp(layer.norm2(x)))
    return backbone.layernorm(x)[0, 1:]


@torch.no_grad()
def replaced(model):
    """Section 3: the features left where heads become convolutions, whose kernels come from other photographs."""
    pictures = list(photographs().values())
    measured, mean = of_heads(model, pictures[4:])
    order = measured["offset"].mean(0).argsort(descending=True).tolist()
    fixed = {(head // model.heads, head % model.heads): convolution(mean[head]) for head in order}
    heads = list(fixed)
    whole = [with_heads_replaced(model, image, {}) for image in pictures[:4]]

    def alike(chosen, relation=None):
        instead = {head: fixed[head] if relation is None else relation for head in chosen}
        found = [with_heads_replaced(model, image, instead) for image in pictures[:4]]
        return torch.stack([F.cosine_similarity(x, y).mean() for x, y in zip(found, whole, strict=True)])

    found = {"pictures": list(photographs())[:4], "most": {}, "least": {}, "random": {}, "most, uniform": {}}
    for number in (6, 12, 24, 36, 72):
        found["most"][number] = spread(alike(heads[:number]))
        found["least"][number] = spread(alike(heads[-number:]))
        found["most, uniform"][number] = spread(alike(heads[:number], torch.full((256, 256), 1 / 256)))
        generator = torch.Generator().manual_seed(number)
        draws = [torch.randperm(len(heads), generator=generator)[:number] for _ in SEEDS]
        found["random"][number] = spread(torch.stack([alike([heads[i] for i in draw]).mean() for draw in draws]))
    return found


def convolution(relation):
    """Return the nearest convolution, with rows that sum to 1: those at the border are divided by less."""
    fixed = mean_by_offset(relation, GRID).flatten()[offset_places(GRID)]
    return fixed / fixed.sum(1, keepdim=True)


def over_tokens(mask):
    """Let no patch ask the class token."""
    patches = torch.ones(256, 256, dtype=torch.bool) if mask is None else mask
    whole = torch.ones(257, 257, dtype=torch.bool)
    whole[1:, 1:], whole[1:, 0] = patches, False
    return whole


def windows(model):
    """Section 4: what is left of the features where layers hear only windows."""
    pictures, test = list(photographs().values())[:8], mosaics("test", 8)
    whole = [read(model, image) for image in pictures]

    def alike(mask):
        found = [
            F.cosine_similarity(read(model, image, mask), x).mean() for image, x in zip(pictures, whole, strict=True)
        ]
        return spread(torch.stack(found))

    def aucs(mask):
        scored = [same_region_auc(cosine_similarity(read(model, image, mask)), labels) for image, labels in test]
        return spread(torch.stack(scored))

    masks = {"none": None, "none, cut": [over_tokens(None)] * 12}
    for size in (2, 4, 8):
        for kind in ("fixed", "shifted"):
            for name, layers in HALVES.items():
                masks[f"{size}, {kind}, {name}"] = layer_masks(size, shift=kind == "shifted", layers=layers)
            masks[f"{size}, {kind}, all, cut"] = layer_masks(size, shift=kind == "shifted", layers=range(12), cut=True)
    curves = {
        "first": [alike(layer_masks(4, shift=True, layers=range(number))) for number in range(13)],
        "last": [alike(layer_masks(4, shift=True, layers=range(12 - number, 12))) for number in range(13)],
        "one": [alike(layer_masks(4, shift=False, layers=[layer])) for layer in range(12)],
    }
    rows = {name: {"cosine": alike(mask), "auc": aucs(mask)} for name, mask in masks.items()}
    return {"floor": floor(whole), "rows": rows, "curves": curves, "shift": worth_of_the_shift(model, test)}


def worth_of_the_shift(model, pictures):
    """Return what the shift adds to the AUC, and the standard error of that mean, by differences picture by picture."""
    found = {}
    for size, name, cut in ((4, "all", False), (4, "last six", False), (2, "all", True), (4, "all", True)):
        aucs = []
        for shift in (False, True):
            mask = layer_masks(size, shift=shift, layers=HALVES[name], cut=cut)
            scores = [
                same_region_auc(cosine_similarity(read(model, image, mask)), labels) for image, labels in pictures
            ]
            aucs.append(torch.stack(scores))
        gain = aucs[1] - aucs[0]
        error = gain.std() / len(gain) ** 0.5
        found[f"{size}, {name}" + ", cut" * cut] = [round(each.item(), 4) for each in (gain.mean(), error)]
    return found


def read(model, image, mask=None):
    """Return the features of one picture."""
    return model.read(image, layers=(), depths=(), mask=mask).features


def floor(features):
    """Return what unrelated features score: patches of the same picture, and of other pictures, at random."""
    generator, same, other = torch.Generator().manual_seed(0), [], []
    for number, each in enumerate(features):
        order = torch.randperm(len(each), generator=generator)
        same.append(F.cosine_similarity(each, each[order]).mean())
        other.append(F.cosine_similarity(each, features[number - 1]).mean())
    return {"same picture": spread(torch.stack(same)), "other picture": spread(torch.stack(other))}


PARTS = {"relations": relations, "controls": controls, "heads": heads, "replaced": replaced, "windows": windows}


def main(parts):
    """Measure the parts that are named, or all."""
    model = load_vit("dinov2-small-packaged")
    for name in parts or PARTS:
        start = time.perf_counter()
        found = PARTS[name](model)
        stored = json.loads(FILE.read_text("utf8")) if FILE.exists() else {}
        stored[name] = found
        kept = {each: stored[each] for each in PARTS if each in stored}
        FILE.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf8")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
