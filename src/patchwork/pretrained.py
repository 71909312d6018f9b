"""Real pretrained vision transformers, from a local folder or a model hub, and what they make of a photograph."""

import math
import os
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F

from patchwork import _checkpoints, _checks

_SCALES_POSITIONS_WHEN_TOLD = ("vit", "deit")
_MOST_BYTES = 4 * 2**30  # of attention weights in one reading: a laptop holds them, 52 × 52 patches of DINOv2-base fit


def load_vit(name_or_folder, *, device=None):
    """Load a pretrained vision transformer from a folder, or by its name on the Hugging Face hub.

    The family: ViT, DINO, DeiT, DINOv2, with registers or without, and DINOv3, with any patch size; of a classifier the
    head is left out. A folder holds config.json and model.safetensors, and preprocessor_config.json with the mean
    and deviation of the colors (ImageNet's are taken without it). A name such as "facebook/dinov2-small" is
    downloaded once and found offline from then on. Weights are loaded as float32, from safetensors only.

    Raises ValueError, in one line, where there is no such model, no connection to download it, or nothing that this
    function loads. Used in chapter 2.

    >>> load_vit("models/none/here")
    Traceback (most recent call last):
    ValueError: no folder 'models/none/here', and no name on the hub either: those look like 'facebook/dinov2-small'
    """
    device, _ = _checks.placement(device)
    with _quiet(), torch.device("cpu"):
        folder = _checkpoints.find(name_or_folder)
        backbone = _backbone(name_or_folder, folder).to(device).eval()
    return PretrainedViT(backbone, **_checkpoints.colors(folder))


class Reading(NamedTuple):
    """What a pretrained model computes from one photograph.

    The T tokens are ``prefix`` special ones, the class token first, then the N patches of the grid, row by row.

    Shapes: weights, one (1, heads, T, T) per layer, as ``attention_rollout`` takes them; features (N, D), the last
    layer's normalized output; grid (rows, columns); prefix = T − N. ValueError: see its methods. Used in chapter 2.

    >>> uniform = torch.full((1, 2, 7, 7), 1 / 7)
    >>> reading = Reading([uniform], torch.zeros(6, 4), (2, 3), 1)
    >>> round(reading.relation(0)[0, 0].item(), 4), reading.attention_map(0, query=4).shape
    (0.1667, torch.Size([2, 3]))
    """

    weights: list
    features: torch.Tensor
    grid: tuple
    prefix: int

    def relation(self, layer, *, head=None):
        """Return how a layer's patches attend to each other, (N, N): one head, or the mean of all.

        The special tokens are left out and each row is renormalized to sum 1. Raises ValueError for no layer or head.
        """
        return self._over_patches(layer, head)[self.prefix :]

    def attention_map(self, layer, *, head=None, query=None):
        """Return as a picture (rows, columns) where a patch attends, or, without query, the class token.

        Normalized as in ``relation``. Raises ValueError where there is no such layer, head or patch.
        """
        token = 0 if query is None else self.prefix + self._patch(query)
        return self._over_patches(layer, head)[token].view(self.grid)

    def _patch(self, query):
        number, patch = self.grid[0] * self.grid[1], _checks.count("query", query, at_least=0)
        if patch >= number:
            raise ValueError(f"query must be one of the patches 0 … {number - 1}, got {query}")
        return patch

    def _over_patches(self, layer, head):
        weights = _item("layer", self.weights, layer)[0]
        weights = weights.mean(0) if head is None else _item("head", weights, head)
        weights = weights[:, self.prefix :]
        total = weights.sum(1, keepdim=True)
        return weights / torch.where(total > 0, total, 1)


class PretrainedViT:
    """A pretrained vision transformer that reads photographs; ``load_vit`` makes one.

    ``backbone`` is a model of the family from ``transformers``, with eager attention, in evaluation mode; mean and std
    are those of the colors it was trained with. Raises ValueError where it is anything else, where its patches are not
    square, or where a color is not three numbers. Used in chapter 2.

    >>> from transformers import ViTConfig, ViTModel
    >>> sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    >>> backbone = ViTModel(ViTConfig(**sizes, patch_size=8, attn_implementation="eager")).eval()
    >>> PretrainedViT(backbone, image_mean=(0.5, 0.5, 0.5), image_std=(0.5, 0.5, 0.5)).read(torch.rand(3, 32, 50)).grid
    (4, 6)
    """

    def __init__(self, backbone, *, image_mean, image_std):
        """Keep the model and its colors."""
        config = backbone.config
        if config._attn_implementation != "eager":
            kind = config._attn_implementation
            raise ValueError(f"backbone must have eager attention, which alone shows its weights; got {kind!r}")
        if backbone.training:
            raise ValueError("backbone must be in evaluation mode: call its eval()")
        self.backbone, self.family = backbone, config.model_type
        self.patch_size = _checks.count("patch_size", config.patch_size)
        self.layers, self.heads = config.num_hidden_layers, config.num_attention_heads
        colors = {"image_mean": image_mean, "image_std": image_std}
        values = [_checkpoints.color(name, value) for name, value in colors.items()]
        self._mean, self._std = torch.tensor(values, device="cpu").view(2, 3, 1, 1)

    def __repr__(self):
        return (
            f"<PretrainedViT {self.family}: {self.layers} layers of {self.heads} heads, "
            f"patches of {self.patch_size}×{self.patch_size} pixels>"
        )

    @torch.no_grad()
    def read(self, image):
        """Return the ``Reading`` of one photograph: attention weights of all layers, and patch features.

        The image is scaled to the nearest multiple of the patch size; other sizes than the trained one work, for the
        model scales its positions. All weights are kept, layers·heads·T² numbers, since a rollout needs them all.

        Shapes: image (3, H, W) in [0, 1], any floating dtype, on the model's device.
        Raises ValueError for anything else, and for more patches than 4 GiB of weights have room for.
        """
        rows, columns = self._grid(image)
        pixels = (_resize(image, (rows * self.patch_size, columns * self.patch_size)) - self._mean) / self._std
        told = {"interpolate_pos_encoding": True} if self.family in _SCALES_POSITIONS_WHEN_TOLD else {}
        output = self.backbone(pixels.to(image.device).unsqueeze(0), output_attentions=True, **told)
        tokens = output.last_hidden_state[0]
        prefix = len(tokens) - rows * columns
        return Reading(list(output.attentions), tokens[prefix:], (rows, columns), prefix)

    def _grid(self, image):
        channels, height, width = _checks.shape("image", image, "3 H W")
        _checks.floating("image", image)
        _checks.on_one_device(image=image, model=next(self.backbone.parameters()))
        _checks.no_nan("image", image)
        low, high = image.min().item(), image.max().item()
        if channels != 3 or low < 0 or high > 1:
            raise ValueError(f"image must be (3, H, W) in [0, 1], got {tuple(image.shape)} in [{low:g}, {high:g}]")
        size = self.patch_size
        if min(height, width) < size:
            raise ValueError(f"an image of {height}×{width} pixels has no room for a patch of {size}×{size}")
        rows, columns = (int(pixels / size + 0.5) for pixels in (height, width))
        self._check_memory(rows, columns)
        return rows, columns

    def _check_memory(self, rows, columns):
        bytes_per_pair, patches, size = 4 * self.layers * self.heads, rows * columns, self.patch_size
        needed, fits = bytes_per_pair * patches**2, math.isqrt(_MOST_BYTES // bytes_per_pair)
        if needed > _MOST_BYTES:
            fewer = max(1, int(rows * math.sqrt(fits / patches)))
            narrower = min(fits // fewer, int(columns * math.sqrt(fits / patches)))
            raise ValueError(
                f"the weights between {rows}×{columns} patches in {self.layers} layers would take "
                f"{needed / 2**30:.3g} GiB; scale the image to at most {fewer * size}×{narrower * size} pixels"
            )


def _resize(image, size):
    """Scale on the CPU, where antialiasing gives the same on every machine."""
    image = image.cpu().float()
    if image.shape[1:] == size:
        return image
    return F.interpolate(image.unsqueeze(0), size, mode="bilinear", antialias=True)[0]


def _item(name, items, index):
    number = len(items)
    try:
        place = _checks.count(name, index, at_least=-number)
    except ValueError:
        place = number
    if place >= number:
        raise ValueError(f"{name} must be a whole number from {-number} to {number - 1}, got {index!r}")
    return items[place]


def _backbone(name, folder):
    transformers = _checkpoints.optional("transformers")
    try:
        backbone, loading = transformers.AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            attn_implementation="eager",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged file or a config at odds with itself: the reader needs one line
        raise ValueError(f"{str(name)!r} cannot be loaded: {_checkpoints.first_line(error)}") from None
    amiss = {key for key in loading["missing_keys"] if not key.startswith("pooler.")}
    amiss |= {key for key, *_ in loading["mismatched_keys"]}
    if amiss:
        raise ValueError(f"{str(name)!r} lacks weights that its config.json asks for: {', '.join(sorted(amiss)[:3])}")
    return backbone


@contextmanager
def _quiet():
    """Keep the libraries' warnings off stderr, and their bars where the environment does not ask for one."""
    hub, transformers = (_checkpoints.optional(package) for package in ("huggingface_hub", "transformers"))
    logs = (hub.utils.logging, transformers.logging)
    before, bars = [log.get_verbosity() for log in logs], transformers.logging.is_progress_bar_enabled()
    for log in logs:
        log.set_verbosity_error()
    if os.environ.get("PATCHWORK_PROGRESS") != "1":
        transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()
