"""Measure what chapter 4 tells of its networks over many splits and seeds, and store it in the package.

    python book/measure_convolution.py digits textures filters

What is not named stays as it is stored; without a name all is measured.

Digits: the chapter's CNN, its ViT, its pooled CNN and the two steps between, on splits 0 to 19, each of 1400 digits
for training and 397 for the test; the split alone changes, weights and batches start from seed 0. Stored are the
mistakes on the test digits, and the share that is right when these move by one and by two pixels.

Textures: the chapter's features of patches, seeds 0 to 4, before and after training: the AUC of their cosine on the ten
mosaics of the chapter, for all patches, then for the patches of a texture that the training left
out; for each seed the mean over the mosaics, then the standard deviation over them.

Filters: what each width of ``WIDTHS`` makes of the chapter's four photographs, in decibels, the mean over three draws
of noise; and for each photograph and filter the width that is best on the other three, by the mean over these.

It takes about a quarter of an hour on one core, the filters some seconds of it. The chapter reads the numbers;
its own cells train split 0 and seed 0.
"""

import argparse
import itertools
import json
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import nn

from patchwork import measured
from patchwork.attention import VisionTransformer
from patchwork.convolution import bilateral_filter, non_local_means
from patchwork.images import digits, load_image, texture_mosaic
from patchwork.patches import patchify
from patchwork.relations import same_region_auc
from patchwork.training import accuracy, minibatches, train

FILE = measured.FOLDER / "convolution.json"
SPLITS, SEEDS, WIDTH = range(20), range(5), 16
TEXTURES = "brick", "grass", "gravel"
PHOTOGRAPHS = "camera", "astronaut", "coffee", "chelsea"
NOISE, DRAWS = 0.1, range(3)
WIDTHS = {
    "Gaussian": (0.7, 0.8, 0.9, 1.0, 1.2, 1.5),  # pixels
    "bilateral": tuple(itertools.product((0.8, 1.0, 1.5, 2.0), (0.1, 0.2, 0.3, 0.4, 0.5))),  # pixels, gray levels
    "non-local means": (0.1, 0.12, 0.15, 0.18, 0.2, 0.25),  # gray levels
}


def cnn(stride=2, pool=False):
    """Return three convolutions; then one weight for each place and channel, or one for each channel's maximum."""
    wide = WIDTH * (2 if stride == 2 else 4)
    places = 1 if pool else (8 // stride) ** 2
    return nn.Sequential(
        *(nn.Conv2d(1, WIDTH, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(WIDTH, 2 * WIDTH, 3, stride=stride, padding=1), nn.ReLU()),
        *(nn.Conv2d(2 * WIDTH, wide, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveMaxPool2d(1) if pool else nn.Identity(), nn.Flatten(), nn.Linear(wide * places, 10)),
    )


def vit():
    """Return the ViT of chapters 2 and 4."""
    return VisionTransformer(1, (4, 4), 2, dim=48, depth=2, heads=4, classes=10, position_std=0.5)


NETWORKS = {
    "CNN": cnn,
    "ViT": vit,
    "pooled, no stride": lambda: cnn(stride=1, pool=True),
    "no stride": lambda: cnn(stride=1),
    "pooled": lambda: cnn(pool=True),
}


def learned(make, split, steps=440):
    """Train one network on one split: how many mistakes, and the shares right by moves of 1 and 2 pixels."""
    images, numbers = digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(split))
    x, y = images[order], numbers[order]
    torch.manual_seed(0)
    model = make()
    batches = minibatches(x[:1400], y[:1400], size=64, generator=torch.Generator().manual_seed(0))
    train(model, lambda a, b: F.cross_entropy(model(a), b), batches, steps=steps, learning_rate=5e-3)

    def right(by):
        return accuracy(model, F.pad(x[1400:], (by, -by)), y[1400:]).item()

    return round((1 - right(0)) * len(x[1400:])), *((right(by) + right(-by)) / 2 for by in (1, 2))


def features():
    """Return three convolutions and a mean over what is left of the patch: 2·WIDTH numbers."""
    return nn.Sequential(
        *(nn.Conv2d(1, WIDTH, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(WIDTH, 2 * WIDTH, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


def patches(half, number, generator):
    """Draw mosaics: their patches (number, 256, 1, 16, 16) around zero, and labels (number, 256)."""
    draws = [texture_mosaic(half=half, generator=generator) for _ in range(number)]
    images, labels = map(torch.stack, zip(*draws, strict=True))
    return patchify(images, 16).view(number, 256, 1, 16, 16) - 0.5, labels


def trained(seed, known, labels, keep, steps=200):
    """Train features to name the textures in ``keep``."""
    torch.manual_seed(seed)
    net = features()
    model = nn.Sequential(net, nn.Linear(2 * WIDTH, 3))
    kept = torch.isin(labels, torch.tensor(keep))
    batches = minibatches(known[kept], labels[kept], size=128, generator=torch.Generator().manual_seed(seed))
    train(model, lambda a, b: F.cross_entropy(model(a), b), batches, steps=steps, learning_rate=5e-3)
    return net


@torch.no_grad()
def scored(net, known, mosaics, labels, texture=None):
    """Return the AUC of each mosaic, over the patches of one texture where one is given."""
    mean, std = net(known).mean(0), net(known).std(0) + 1e-6
    found = []
    for each, own in zip(mosaics, labels, strict=True):
        z = F.normalize((net(each) - mean) / std, dim=1)
        rows = same_region_auc(z @ z.T, own, reduction=None)
        found.append(rows.mean() if texture is None else rows[own == texture].mean())
    return torch.stack(found)


def digit_runs():
    """Return for each network and split its mistakes and the shares right by moves of 1 and 2 pixels, in percent."""
    found = {}
    for name, make in NETWORKS.items():
        runs = [learned(make, split) for split in SPLITS]
        found[name] = [[mistakes, *(round(100 * share, 1) for share in moved)] for mistakes, *moved in runs]
        print(name, found[name], flush=True)
    return found


def texture_runs():
    """Return for each texture left out, untrained and trained, and each seed: mean AUC and spread over mosaics."""
    generator, found = torch.Generator().manual_seed(5), {}
    (known, answers), (mosaics, labels) = patches("train", 40, generator), patches("test", 10, generator)
    known, answers = known.flatten(0, 1), answers.flatten()
    for texture, name in enumerate((*TEXTURES, "nothing")):
        left_out = texture if texture < 3 else None
        keep = [each for each in range(3) if each != left_out]
        found[name] = {"untrained": [], "trained": []}
        for seed in SEEDS:
            torch.manual_seed(seed)
            nets = {"untrained": features(), "trained": trained(seed, known, answers, keep)}
            for state, net in nets.items():
                scores = scored(net, known, mosaics, labels, left_out)
                found[name][state].append([round(number.item(), 3) for number in (scores.mean(), scores.std())])
        print(name, found[name], flush=True)
    return found


def filtered(noisy, method, width):
    """Average by one of the three filters, in a window of 7 × 7."""
    if method == "non-local means":
        return non_local_means(noisy, 3, 7, bandwidth=width)
    space, color = width if method == "bilateral" else (width, 1e3)
    return bilateral_filter(noisy, 7, sigma_space=space, sigma_color=color)


def decibels(photograph, method, width):
    """Return the peak signal-to-noise ratio of what a filter makes of a noisy photograph, the mean over the draws."""
    clean = load_image(photograph, size=256).mean(0)[None, None, 24:120, 72:168]
    found = []
    for draw in DRAWS:
        noise = NOISE * torch.randn(clean.shape, generator=torch.Generator().manual_seed(draw))
        error = (filtered(clean + noise, method, width) - clean).square().mean()
        found.append(-10 * error.log10().item())
    return round(fmean(found), 2)


def best_elsewhere(found, photograph, method):
    """Return the width that is best on the photographs but this one."""
    others = [found[method][other] for other in PHOTOGRAPHS if other != photograph]
    means = [fmean(each) for each in zip(*others, strict=True)]
    return WIDTHS[method][means.index(max(means))]


def filter_runs():
    """Return the widths tried, the decibels of each on each photograph, and for each the widths chosen elsewhere."""
    found = {
        method: {each: [decibels(each, method, width) for width in widths] for each in PHOTOGRAPHS}
        for method, widths in WIDTHS.items()
    }
    chosen = {each: {method: best_elsewhere(found, each, method) for method in WIDTHS} for each in PHOTOGRAPHS}
    print("filters", chosen, flush=True)
    return {"widths": WIDTHS, "decibels": found, "chosen": chosen}


def main():
    """Measure what is named, and store it."""
    parts = {"digits": digit_runs, "textures": texture_runs, "filters": filter_runs}
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    torch.set_num_threads(1)
    found = measured.load("convolution") if FILE.exists() else {}
    for name in parser.parse_args().parts or parts:
        found[name] = parts[name]()
    FILE.write_text(json.dumps({name: found[name] for name in parts if name in found}) + "\n", "utf-8")


if __name__ == "__main__":
    main()
