"""Measure over eight seeds what chapter 2 tells of training, and store it in the package.

    python book/measure_attention.py hold_out digits agreement

Each takes some minutes on one core; what is not named stays as it is stored. The chapter prints the means and the
standard deviations of these numbers.
"""

import argparse
import json

import torch
import torch.nn.functional as F
from scipy.stats import rankdata, spearmanr
from torch import nn

from patchwork import measured
from patchwork.attention import VisionTransformer, attention_rollout, attention_weights
from patchwork.images import digits, texture_mosaic
from patchwork.patches import patchify, unpatchify
from patchwork.training import accuracy, minibatches, train

FILE = measured.FOLDER / "attention.json"
TEXTURES = ("brick", "grass", "gravel")
SEEDS = range(8)
STARTS = {"all 0.5": (0.5, 0.5), "positions": (0.5, 0.02), "class token": (0.02, 0.5), "all 0.02": (0.02, 0.02)}


def spectra(image):
    """Return the logarithms of the Fourier magnitudes of each 16 × 16 patch, without the first: (N, 143)."""
    x = patchify(image[None], 16)[0]
    squares = (x - x.mean(1, keepdim=True)).view(-1, 16, 16)
    return (torch.fft.rfft2(squares).abs().flatten(1)[:, 1:] + 0.1).log()


def mosaics(half, number, generator):
    """Draw mosaics: their spectra (number, N, 143), their labels (number, N)."""
    drawn = [texture_mosaic(half=half, generator=generator) for _ in range(number)]
    return torch.stack([spectra(image) for image, _ in drawn]), torch.stack([labels for _, labels in drawn])


class QueriesAndKeys(nn.Module):
    """Two heads of queries and keys of width 8, of spectra standardized over the patches (P, D) of the training."""

    def __init__(self, known, generator):
        """Draw the initial weights."""
        super().__init__()
        self.mean, self.std = known.mean(0), known.std(0)
        W = torch.randn(2, 2, known.shape[1], 8, generator=generator)
        self.W = nn.Parameter(W / known.shape[1] ** 0.5)

    def standardize(self, x):
        """Standardize by the training's patches."""
        return (x - self.mean) / self.std

    def forward(self, x):
        """Return queries and keys."""
        x = self.standardize(x).unsqueeze(-3)
        return x @ self.W[0], x @ self.W[1]


def loss(model, x, labels, left_out):
    """Chapter 2's loss; patches of a texture that is left out neither ask nor answer."""
    seen = labels != left_out
    allowed = ~torch.eye(x.shape[1], dtype=torch.bool) & seen[:, None]
    weights = attention_weights(*model(x), mask=allowed[:, None]).mean(1)
    same = (labels[:, :, None] == labels[:, None]) & allowed
    stay = (weights * same).sum(-1).clamp(min=1e-9).log()
    cover = (weights.clamp(min=1e-9).log() * same).sum(-1) / same.sum(-1).clamp(min=1)
    return -((stay + 0.1 * cover) * seen).sum() / seen.sum()


def row_aucs(relation, labels):
    """Return the same-region AUC of each row: (N,)."""
    found = []
    for patch, row in enumerate(relation):
        others = torch.arange(len(labels)) != patch
        own, ranks = labels[others] == labels[patch], torch.tensor(rankdata(row[others]))
        inside, outside = own.sum(), (~own).sum()
        found.append((ranks[own].sum() - inside * (inside + 1) / 2) / (inside * outside))
    return torch.stack(found)


@torch.no_grad()
def by_texture(make, sets, labels):
    """Return the mean row AUC of the patches of each texture, over all mosaics."""
    found = torch.zeros(len(sets), 3)
    for m, (x, own) in enumerate(zip(sets, labels, strict=True)):
        aucs = row_aucs(make(x), own)
        found[m] = torch.stack([aucs[own == texture].mean() for texture in range(3)])
    return [round(auc, 3) for auc in found.mean(0).tolist()]


def hold_out(seed):
    """Leave out no texture, then each in turn: AUC of brick, grass, gravel, trained and by plain inner products."""
    generator = torch.Generator().manual_seed(5 + seed)
    (x, labels), (unseen, truth) = mosaics("train", 40, generator), mosaics("test", 10, generator)
    found = {}
    for left_out in (-1, 0, 1, 2):
        model = QueriesAndKeys(x[labels != left_out], generator)
        batches = minibatches(x, labels, size=4, generator=generator)
        train(model, lambda x, own, m=model, t=left_out: loss(m, x, own, t), batches, steps=400)
        makers = {
            "trained": lambda x, m=model: attention_weights(*m(x)).mean(0),
            "inner": lambda x, m=model: m.standardize(x) @ m.standardize(x).T,
        }
        name = "none" if left_out < 0 else TEXTURES[left_out]
        found[name] = {key: by_texture(make, unseen, truth) for key, make in makers.items()}
    return found


def split_digits():
    """Return the digits in chapter 2's order: images and labels, 1400 to learn from, the rest unseen."""
    images, labels = digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order], labels[order]


def read_digits(seed, positions, class_token, steps):
    """Train chapter 2's ViT from these standard deviations: the model, and its accuracy on unseen digits."""
    images, labels = split_digits()
    torch.manual_seed(seed)
    vit = VisionTransformer(1, (4, 4), 2, dim=48, depth=2, heads=4, classes=10, position_std=1.0)
    with torch.no_grad():
        vit.positions *= positions
        vit.class_token *= class_token
    if not positions:
        vit.positions.requires_grad_(False)
    draw = torch.Generator().manual_seed(seed)
    batches = minibatches(images[:1400], labels[:1400], size=64, generator=draw)
    train(vit, lambda x, y: F.cross_entropy(vit(x), y), batches, steps=steps, learning_rate=5e-3)
    return vit, round(accuracy(vit, images[1400:], labels[1400:]).item(), 3)


def starts(seed):
    """Return the accuracy after 220 and 440 steps, by what starts large; and without positions."""
    found = {name: read_digits(seed, *pair, steps=220)[1] for name, pair in STARTS.items()}
    found["none"] = read_digits(seed, 0, 0.5, steps=220)[1]
    for name in ("all 0.5", "all 0.02"):
        found[f"{name}, 440"] = read_digits(seed, *STARTS[name], steps=440)[1]
    return found


@torch.no_grad()
def drops(vit, images, blank):
    """Return by how much each patch, replaced by ``blank``, lowers the logit of the predicted class: (B, 16)."""
    logits = vit(images)
    own, patches, found = logits.argmax(1, keepdim=True), patchify(images, 2), []
    for n in range(16):
        erased = patches.clone()
        erased[:, n] = blank[n]
        found.append((logits - vit(unpatchify(erased, (4, 4), channels=1))).gather(1, own))
    return torch.cat(found, 1)


def agreement(seed):
    """Return the rank correlation of rollout, last block and ink with the effect of erasing a patch."""
    vit, _ = read_digits(seed, 0.5, 0.5, steps=440)
    images, _ = split_digits()
    known, unseen = images[:1400], images[1400:]
    with torch.no_grad():
        _, layers = vit(unseen, return_weights=True)
    orders = {
        "rollout": attention_rollout(layers, query=0)[:, 1:],
        "last block": layers[-1].mean(1)[:, 0, 1:],
        "ink": patchify(unseen, 2).mean(-1),
    }
    average = patchify(known, 2).mean(0)
    found = {}
    for blank, value in {"paper": torch.zeros_like(average), "average": average}.items():
        effect = drops(vit, unseen, value)
        for name, order in orders.items():
            pairs = zip(order, effect, strict=True)
            found[f"{name}, {blank}"] = round(sum(spearmanr(a, b).statistic for a, b in pairs) / len(effect), 3)
    return found


def main():
    """Measure what is named, and store it."""
    parts = {"hold_out": hold_out, "digits": starts, "agreement": agreement}
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    torch.set_num_threads(1)  # so that the sums have one order
    torch.set_flush_denormal(True)
    found = json.loads(FILE.read_text("utf8")) if FILE.exists() else {}
    for name in parser.parse_args().parts or parts:
        found[name] = []
        for seed in SEEDS:
            found[name].append(parts[name](seed))
            print(name, seed, found[name][-1], flush=True)
    FILE.write_text(json.dumps(found, indent=1) + "\n", "utf8")


if __name__ == "__main__":
    main()
