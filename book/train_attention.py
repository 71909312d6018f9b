"""Train the attention of the relations explorer and store it in the package: ``python book/train_attention.py``.

Two heads of queries and keys on the standardized spectra of patches, as chapters 2 and 3 train them: 40 mosaics of the
textures' training halves, 400 steps, some seconds on one core. They are stored in half precision, in which they go to
the explorer's page.
"""

import torch
from safetensors.torch import save_file
from torch import nn

from patchwork.attention import attention_weights
from patchwork.images import texture_mosaic
from patchwork.similarity import standardize
from patchwork.synthesis.families import WEIGHTS, patch_spectra
from patchwork.training import minibatches, train

MOSAICS, HEADS, WIDTH, STEPS, SEED = 40, 2, 8, 400, 5


class QueriesAndKeys(nn.Module):
    """Queries and keys of all heads, linear maps of what is known of a patch: (…, N, D) → two of (…, heads, N, d)."""

    def __init__(self, dim, generator):
        """Draw the initial weights."""
        super().__init__()
        self.projections = nn.Parameter(torch.randn(2, HEADS, dim, WIDTH, generator=generator) / dim**0.5)

    def forward(self, x):
        """Return queries and keys."""
        return tuple(x.unsqueeze(-3) @ each for each in self.projections)


def loss(model, x, labels):
    """Ask for weight in the own region, and a little on all of it. No patch may attend to itself."""
    others = ~torch.eye(x.shape[-2], dtype=torch.bool)
    weights = attention_weights(*model(x), mask=others).mean(1)
    same = (labels[:, :, None] == labels[:, None]) & others
    stay = (weights * same).sum(-1).clamp(min=1e-9).log()
    cover = (weights.clamp(min=1e-9).log() * same).sum(-1) / same.sum(-1).clamp(min=1)
    return -(stay + 0.1 * cover).mean()


def main():
    """Train and store."""
    torch.set_num_threads(1)  # so that the sums have one order
    torch.set_flush_denormal(True)
    generator = torch.Generator().manual_seed(SEED)
    images, labels = zip(*(texture_mosaic(generator=generator) for _ in range(MOSAICS)), strict=True)
    spectra = torch.stack([patch_spectra(image) for image in images]).float()
    known = spectra.flatten(0, 1)
    model = QueriesAndKeys(spectra.shape[-1], generator)
    sets = minibatches(standardize(spectra, reference=known), torch.stack(labels), size=4, generator=generator)
    losses = train(model, lambda x, own: loss(model, x, own), sets, steps=STEPS)
    learned = {"projections": model.projections.detach(), "mean": known.mean(0), "deviation": known.std(0)}
    save_file({name: each.half() for name, each in learned.items()}, WEIGHTS)
    print(f"{WEIGHTS.name}: loss {losses[0]:.2f} → {losses[-1]:.2f}")


if __name__ == "__main__":
    main()
