"""A controlled experiment: one question, one network, and one thing that differs, the relation.

On a grid of 12 × 12 patches of two textures one is marked, and every other patch answers at its own place whether it is
of the marked one's texture. The Boolean product of the relations tells, before anything is trained, how often it can.

The relations are "own" (each hears itself); a 3 × 3 "convolution"; attention under a 3 × 3 mask ("local"), in 4 × 4
windows ("window"), in windows of which every second block shifts by 2 ("shifted"), or without a mask ("global"); and
the graphs "grid" (4 neighbors) and "knn" (the 8 patches most alike), normalized as a GCN's.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from patchwork import _checks, _mixing, _scenes
from patchwork._mixing import BLOCKS, GRID, RELATIONS
from patchwork._modes import mode
from patchwork._scenes import FEATURES, QUESTIONS, TOKENS
from patchwork.patches import patch_centers
from patchwork.similarity import standardize
from patchwork.training import train
from patchwork.windows import reach

_WIDTH = 2 * FEATURES  # a feature, and a copy of it that only the marked patch holds
_LOUDNESS = 2  # of that copy
_WEIGHTS = Path(__file__).parent / "weights"


def texture_features(half, *, device=None, dtype=None):
    """Describe the patches of brick and grass: their spectra, along the 16 directions in which those differ most.

    Patches of 16 × 16 pixels, 8 apart, are cut from the left halves of the textures ("train") or the right ones
    ("test"). ``standardize(patch_spectrum(…))`` is projected on the largest principal components. Mean, deviation and
    components are those of the training half, always; the first component has variance 1 there.

    Shapes: (2, 1953, 16), brick first. Raises ValueError where half is not "train" or "test". Used in chapter 7.

    >>> texture_features("train").flatten(0, 1).square().mean(0)[:3].round(decimals=2)
    tensor([1.0000, 0.0600, 0.0400])
    """
    _choice("half", half, ("train", "test"))
    device, dtype = _checks.placement(device, dtype)
    with torch.device("cpu"):
        known = _scenes.spectra("train")
        wanted = known if half == "train" else _scenes.spectra("test")
        axes, variance = _scenes.principal_axes(standardize(known.flatten(0, 1)))
        found = standardize(wanted, reference=known.flatten(0, 1)) @ axes / variance.sqrt()
    return found.to(dtype).to(device)


def marked_textures(features, number, *, question="same", generator=None):
    """Draw scenes: 12 × 12 patches of random textures, one of them marked, and what the others are to answer.

    The question "same": am I of the marked one's texture? The question "left": is the marked one in a column left of
    mine? The second is put only where the mirror image of the mark, seen from the patch that answers, lies on the
    grid too. So half of the answers is yes at every distance and every place, and nothing but the mark tells which.

    Shapes: features (2, K, F), as ``texture_features`` gives them → a named tuple: features (number, N, F), marked
    (number,) the places of the marks, labels (number, N) bool, and distances (number, N), those to the mark along the
    longer axis, in 1 … 11, and 0 where nothing is asked. N = 144. Drawn where the generator is.
    Raises ValueError where the question has another name, or shapes do not fit. Used in chapter 7.

    >>> bank = torch.zeros(2, 5, 16)
    >>> scenes = marked_textures(bank, 3, generator=torch.Generator().manual_seed(0))
    >>> scenes.features.shape, scenes.distances[0, scenes.marked[0]]
    (torch.Size([3, 144, 16]), tensor(0))
    """
    textures, patches, _ = _checks.shape("features", features, "2 K F")
    if textures != 2:
        raise ValueError(f"features must be those of two textures, (2, K, F), got {tuple(features.shape)}")
    _checks.floating("features", features)
    number, _ = _checks.count("number", number), _choice("question", question, QUESTIONS)
    source = _checks.random_source(generator)

    def draw(below, *shape):
        return torch.randint(below, shape, generator=generator, device=source).to(features.device)

    texture, patch, marked = draw(2, number, TOKENS), draw(patches, number, TOKENS), draw(TOKENS, number)
    same = texture == texture.gather(1, marked.unsqueeze(1))
    labels = same if question == "same" else _scenes.offsets(features.device)[1][marked] > 0
    return _scenes.Scenes(
        features[texture, patch], marked, labels, _scenes.distances(question, features.device)[marked]
    )


def relation_masks(relation, *, features=None, device=None):
    """Return who may hear whom in each of the three blocks.

    The graph "knn" depends on what the patches are: it needs the features of one scene, whose device it is then on.

    Shapes: features (N, F), for "knn" only → boolean (3, N, N), N = 144, True = may hear.
    Raises ValueError for an unknown relation, and where "knn" has no features or another relation has.
    Used in chapter 7.

    >>> relation_masks("convolution")[0, 13].view(12, 12)[:4, :4].int()
    tensor([[1, 1, 1, 0],
            [1, 1, 1, 0],
            [1, 1, 1, 0],
            [0, 0, 0, 0]], dtype=torch.int32)
    """
    if (_choice("relation", relation, RELATIONS) == "knn") != (features is not None):
        fault = "depends on the features: give those of one scene" if features is None else "depends on no features"
        raise ValueError(f"the relation {relation!r} {fault}")
    if features is not None:
        return _mixing.nearest_masks(features)
    return _mixing.masks(relation, _checks.placement(device)[0])


def ceiling(relation, *, question="same", device=None, dtype=None):
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
    distances = _scenes.distances(_choice("question", question, QUESTIONS), device)
    heard = reach(list(relation_masks(relation, device=device))).mT  # rows: the mark
    reached, asked = _scenes.counts(heard.flatten()[None], distances.flatten()[None])
    return ((1 + reached / asked) / 2)[0, 1:].to(dtype)


class RelationNetwork(nn.Module):
    """Answer at every patch by a network in which only the relation differs.

    A patch starts as its feature beside a copy of it that only the marked one holds. One block of width 32 is applied
    three times, the weights the same: x + W_o Σ_j R_ij W_v norm(x)_j, then x + mlp(norm(x)), the mlp a gated product
    without other nonlinearity. R is the only difference: learned by a convolution (one per channel), computed by
    attention (two heads), or fixed by a graph. The mlp is wider where R has no parameters, so that each network has
    12 thousand. ``pooling`` adds to each patch the mean over all of them, after the last block; ``coordinates`` adds
    a linear map of its place, before the first.

    Shapes: features (B, 144, 16), marked (B,) whole numbers → logits (B, 144), above 0 for yes.
    Raises ValueError for an unknown relation, or where shapes, devices or dtypes do not fit. Derived in chapter 7.

    >>> model = RelationNetwork("grid")
    >>> model(torch.zeros(2, 144, 16), torch.tensor([0, 50])).shape
    torch.Size([2, 144])
    """

    def __init__(self, relation, *, pooling=False, coordinates=False, device=None, dtype=None):
        """Make a network; the weights of fixed relations start near the identity."""
        super().__init__()
        device, dtype = _checks.placement(device, dtype)
        made = {"device": device, "dtype": dtype}
        self.relation, self.pooling, self.coordinates = _choice("relation", relation, RELATIONS), pooling, coordinates
        if coordinates:
            self.place = nn.Linear(2, _WIDTH, bias=False, **made)
        self.mixing_norm, self.mlp_norm, self.norm = (nn.LayerNorm(_WIDTH, **made) for _ in range(3))
        self.mixing = _mixing.mixing(relation, _WIDTH, **made)
        self.mlp = _mixing.thinking(relation, _WIDTH, **made)
        if pooling:
            self.pool_norm, self.pool = nn.BatchNorm1d(_WIDTH, **made), nn.Linear(_WIDTH, _WIDTH, bias=False, **made)
            self.pool_mlp_norm, self.pool_mlp = nn.LayerNorm(_WIDTH, **made), _mixing.Gated(_WIDTH, 2 * _WIDTH, **made)
        self.head = nn.Linear(_WIDTH, 1, **made)
        self.register_buffer("given", _mixing.given(relation, device, dtype), persistent=False)

    def forward(self, features, marked):
        """Return the logits of all patches."""
        self._check(features, marked)
        places = torch.arange(TOKENS, device=features.device)
        mark = (places == marked.unsqueeze(1)).to(features.dtype).unsqueeze(2)
        x = torch.cat([features, _LOUDNESS * mark * features], 2)
        if self.coordinates:
            x = x + self.place(patch_centers(GRID, device=x.device, dtype=x.dtype) / GRID[0] * 2 - 1)
        for given in self._given(features):
            x = x + self.mixing(self.mixing_norm(x), given)
            x = x + self.mlp(self.mlp_norm(x))
        x = self.norm(x)
        if self.pooling:
            x = x + self.pool(self.pool_norm(x.mean(1))).unsqueeze(1)
            x = x + self.pool_mlp(self.pool_mlp_norm(x))
        return self.head(x).squeeze(2)

    def _given(self, features):
        if self.relation == "knn":
            return [_mixing.nearest_graphs(features)] * BLOCKS
        return [None] * BLOCKS if self.given is None else self.given

    def _check(self, features, marked):
        number, tokens, width = _checks.shape("features", features, "B N F")
        if (tokens, width) != (TOKENS, FEATURES):
            raise ValueError(f"features must be (B, {TOKENS}, {FEATURES}), got {tuple(features.shape)}")
        _checks.together(features=features, weight=self.head.weight)
        _checks.no_nan("features", features)
        _checks.whole("marked", marked, boolean=False)
        if _checks.shape("marked", marked, "B") != (number,):
            raise ValueError(f"marked must have shape ({number},), got {tuple(marked.shape)}")
        _checks.on_one_device(features=features, marked=marked)
        if _checks.has_values(marked) and not 0 <= marked.min() <= marked.max() < TOKENS:
            found = f"{marked.min().item()} … {marked.max().item()}"
            raise ValueError(f"marked must lie in 0 … {TOKENS - 1}, got {found}")

    def extra_repr(self):
        """Show what no weight shows."""
        return f"{self.relation!r}, pooling={self.pooling}, coordinates={self.coordinates}"


def fit(model, features, *, question="same", steps=300, size=64, learning_rate=5e-3, generator=None):
    """Train a network on new scenes in every step, by ``training.train``, and return the losses.

    The loss is the binary cross-entropy. In each scene every distance from the mark counts the same, however many
    patches are so far away: else the few near ones, where learning begins, would hardly count.

    Shapes: features (2, K, 16), as ``texture_features("train")`` gives them → losses (steps,).
    Raises ValueError as ``marked_textures`` and ``training.train`` do. Used in chapter 7.

    >>> bank = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    >>> fit(RelationNetwork("own"), bank, steps=2, size=3, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2])
    """

    def loss(features, marked, labels, distances):
        logits = model(features, marked)
        _, counts = _scenes.counts(labels, distances)
        weights = ((distances > 0) / counts.gather(1, distances)).to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
        return (losses * weights).sum() / weights.sum()

    steps = _checks.count("steps", steps)
    batches = (marked_textures(features, size, question=question, generator=generator) for _ in range(steps))
    return train(model, loss, batches, steps=steps, learning_rate=learning_rate, clip=1.0)


@torch.no_grad()
def accuracy_by_distance(model, scenes):
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
    if not isinstance(model, nn.Module) or not isinstance(scenes, _scenes.Scenes):
        got = f"{type(model).__name__} and {type(scenes).__name__}"
        raise ValueError(f"expected a module, and scenes as marked_textures draws them; got {got}")
    with mode(model, training=False):
        parts = zip(scenes.features.split(64), scenes.marked.split(64), strict=True)
        right = torch.cat([model(*part) > 0 for part in parts]) == scenes.labels
    good, asked = _scenes.counts(right, scenes.distances)
    share, total = good.sum(0) / asked.sum(0), asked.sum(0)
    error = (good - share * asked).square().sum(0).sqrt() / total
    return tuple(part[1:].to(scenes.features.dtype) for part in (share, error))


def trained(relation, seed=0, *, question="same", pooling=False, coordinates=False, device=None, dtype=None):
    """Load a network that comes with the book, trained on the left halves of the textures by ``fit``.

    For the question "same" there is each relation with the seeds 0, 1 and 2, and "own", "window" and "grid" with
    pooling and seed 0; for the question "left", all with seed 0, there are "convolution", "grid", "global", and
    "global" with coordinates. All are in evaluation mode. ``python book/train.py`` makes them anew.

    Shapes: a ``RelationNetwork``. Raises ValueError, with what there is, for a network that is not there.
    Used in chapter 7.

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
    model.given = _mixing.given(relation, device, dtype)
    return model.eval()


def weights_file(relation, seed, *, question="same", pooling=False, coordinates=False):
    """Return where the weights of a trained network lie, whether they are there or not.

    Raises ValueError for an unknown relation, or a seed that is no whole number of at least 0. Used in chapter 7.

    >>> weights_file("grid", 0, pooling=True).name
    'grid-same-pooling-0.safetensors'
    """
    _choice("relation", relation, RELATIONS)
    seed = _checks.count("seed", seed, at_least=0)
    parts = [relation, question, "pooling" * pooling, "coordinates" * coordinates, str(seed)]
    return _WEIGHTS / f"{'-'.join(filter(None, parts))}.safetensors"


def _choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value
