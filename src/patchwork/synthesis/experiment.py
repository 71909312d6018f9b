"""What the networks of chapter 7 can answer, what they do after training, and those that come with the book."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from patchwork import _checks
from patchwork._training_mode import mode
from patchwork._types import Device
from patchwork.synthesis import network
from patchwork.synthesis import scenes as drawn
from patchwork.synthesis.network import RELATIONS, Relation, RelationNetwork, relation_masks
from patchwork.synthesis.scenes import QUESTIONS, Question, marked_textures
from patchwork.training import train
from patchwork.windows import reach

_WEIGHTS = Path(__file__).parents[1] / "weights"


def ceiling(
    relation: Relation,
    *,
    question: Question = "same",
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, " 11"]:
    """Predict, before any training, which share of the answers can be right at each distance from the mark.

    ½ + ½ · P(reach | Δ): where news of the mark arrives, by ``windows.reach`` over the three blocks, the answer can be
    right; elsewhere it is a guess. P is the share of the pairs (mark, patch that is asked) at the distance Δ, over all
    places of the mark. To be reached is not enough where the answer depends on where the news came from.

    Shapes: (11,) for Δ = 1 … 11, in [½, 1]; NaN for distances at which the question is never put.
    Raises ValueError for an unknown relation or question, and for "knn", whose graph depends on the features: there
    to be reached is an answer itself, since nearly all neighbors are of one texture. Derived in chapter 7.

    >>> ceiling("window")[:4]
    tensor([0.8735, 0.7455, 0.6190, 0.5000])
    """
    device, dtype = _checks.placement(device, dtype)
    distances = drawn.distances(_checks.choice("question", question, QUESTIONS), device)
    heard = reach(list(relation_masks(relation, device=device))).mT  # rows: the mark
    reached, asked = drawn.counts(heard.flatten()[None], distances.flatten()[None])
    return ((1 + reached / asked) / 2)[0, 1:].to(dtype)


def fit(
    model: nn.Module,
    features: Float[Tensor, "2 K F"],
    *,
    question: Question = "same",
    steps: int = 300,
    size: int = 64,
    learning_rate: float = 5e-3,
    generator: torch.Generator | None = None,
    watch: Callable[[int], None] | None = None,
) -> Float[Tensor, " steps"]:
    """Train a network on new scenes in every step, by ``training.train``, and return the losses.

    The loss is the binary cross-entropy. In each scene every distance from the mark counts the same, however many
    patches are so far away: else the few near ones, where learning begins, would hardly count. ``watch`` is called
    before each step with the number of those done, to measure on the way.

    Shapes: features (2, K, 16), as ``texture_features("train")`` gives them → losses (steps,).
    Raises ValueError as ``marked_textures`` and ``training.train`` do. Used in chapter 7.

    >>> bank = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    >>> fit(RelationNetwork("own"), bank, steps=2, size=3, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2])
    """

    def loss(features, marked, labels, distances):
        logits = model(features, marked)
        _, counts = drawn.counts(labels, distances)
        weights = ((distances > 0) / counts.gather(1, distances)).to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
        return (losses * weights).sum() / weights.sum()

    steps = _checks.count("steps", steps)

    def batches():
        for step in range(steps):
            if watch is not None:
                watch(step)
            yield marked_textures(features, size, question=question, generator=generator)

    return train(model, loss, batches(), steps=steps, learning_rate=learning_rate, clip=1.0)


@torch.no_grad()
def accuracy_by_distance(model: nn.Module, scenes: drawn.Scenes) -> tuple[Float[Tensor, " 11"], Float[Tensor, " 11"]]:
    """Measure which share of the answers is right at each distance from the mark, and how far that may be off.

    The standard error is that over scenes, since the answers of one scene are right or wrong together: with r_s right
    ones of n_s, and the accuracy p = Σ r_s / Σ n_s, it is √Σ(r_s − p n_s)² / Σ n_s.

    Shapes: scenes as ``marked_textures`` draws them → accuracies (11,) and their standard errors (11,), for distances
    1 … 11; NaN where no scene asks. The model is in evaluation mode meanwhile, then in the mode it came in.
    Raises ValueError where the scenes do not fit the model. Used in chapter 7.

    >>> scenes = marked_textures(torch.zeros(2, 5, 16), 200, generator=torch.Generator().manual_seed(0))
    >>> accuracy, error = accuracy_by_distance(RelationNetwork("own"), scenes)
    >>> abs(accuracy[0] - 0.5) < 4 * error[0]
    tensor(True)
    """
    if not isinstance(model, nn.Module) or not isinstance(scenes, drawn.Scenes):
        got = f"{type(model).__name__} and {type(scenes).__name__}"
        raise ValueError(f"expected a module, and scenes as marked_textures draws them; got {got}")
    with mode(model, training=False):
        parts = zip(scenes.features.split(64), scenes.marked.split(64), strict=True)
        right = torch.cat([model(*part) > 0 for part in parts]) == scenes.labels
    good, asked = drawn.counts(right, scenes.distances)
    share, total = good.sum(0) / asked.sum(0), asked.sum(0)
    error = (good - share * asked).square().sum(0).sqrt() / total
    return tuple(part[1:].to(scenes.features.dtype) for part in (share, error))


def trained(
    relation: Relation,
    seed: int = 0,
    *,
    question: Question = "same",
    pooling: bool = False,
    coordinates: bool = False,
    device: Device = None,
    dtype: torch.dtype | None = None,
) -> RelationNetwork:
    """Load a network that comes with the book, trained on the left halves of the textures by ``fit``.

    Each has the start "tuned" and the number of steps that its relation needs: it shows what can be learned.
    ``under_one_recipe`` tells how well all relations learn under one recipe.

    For the question "same" there is each relation with the seeds 0, 1 and 2, and "own", "window" and "grid" with
    pooling and seed 0; for the question "left", all with seed 0, there are "convolution", "grid", "global", and
    "global" with coordinates. All are in evaluation mode. ``python book/train.py`` makes them anew.

    Shapes: a ``RelationNetwork``. Raises ValueError, with what there is, for a network that is not there.
    Used in chapter 7.

    >>> from patchwork.synthesis import texture_features
    >>> model = trained("shifted", 1)
    >>> scenes = marked_textures(texture_features("test"), 200, generator=torch.Generator().manual_seed(0))
    >>> bool(accuracy_by_distance(model, scenes)[0][0] > 0.98)
    True
    """
    from safetensors.numpy import load_file

    file = weights_file(relation, seed, question=question, pooling=pooling, coordinates=coordinates)
    if not file.exists():
        there = ", ".join(sorted(path.stem for path in file.parent.glob("*.safetensors")))
        raise ValueError(f"no trained network {file.stem!r}; there are {there}")
    device, dtype = _checks.placement(device, dtype)
    # On the meta device no weights are drawn in vain.
    model = RelationNetwork(relation, pooling=pooling, coordinates=coordinates, device="meta", dtype=dtype)
    stored = {name: torch.tensor(value, device=device) for name, value in load_file(file).items()}
    weights = {name: value.to(dtype) if value.is_floating_point() else value for name, value in stored.items()}
    model.load_state_dict(weights, assign=True)
    model.masks_or_weights = network.masks_or_weights(relation, device, dtype)
    return model.eval()


def weights_file(
    relation: Relation,
    seed: int,
    *,
    question: Question = "same",
    pooling: bool = False,
    coordinates: bool = False,
) -> Path:
    """Return where the weights of a trained network lie, whether they are there or not.

    Raises ValueError for an unknown relation, or a seed that is no whole number of at least 0. Used in chapter 7.

    >>> weights_file("grid", 0, pooling=True).name
    'grid-same-pooling-0.safetensors'
    """
    _checks.choice("relation", relation, RELATIONS)
    seed = _checks.count("seed", seed, at_least=0)
    parts = [relation, question, "pooling" * pooling, "coordinates" * coordinates, str(seed)]
    return _WEIGHTS / f"{'-'.join(filter(None, parts))}.safetensors"
