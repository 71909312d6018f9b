"""Small random models of each family, and what transformers makes of a photograph with them."""

import torch
import transformers

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}
FAMILY = {
    "vit": (transformers.ViTConfig, transformers.ViTModel, {}, 1),
    "deit": (transformers.DeiTConfig, transformers.DeiTModel, {}, 2),
    "dinov2": (transformers.Dinov2Config, transformers.Dinov2Model, {}, 1),
    "registers": (
        transformers.Dinov2WithRegistersConfig,
        transformers.Dinov2WithRegistersModel,
        {"num_register_tokens": 3},
        4,
    ),
    "dinov3": (transformers.DINOv3ViTConfig, transformers.DINOv3ViTModel, {"num_register_tokens": 2}, 3),
}
SCALES_WHEN_TOLD = ("vit", "deit")
IMAGENET = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def random_model(name, model_class=None):
    config_class, base, more, _ = FAMILY[name]
    model = (model_class or base)(config_class(**SIZES, **more, attn_implementation="eager")).eval()
    for parameter in model.parameters():  # the usual start would leave the attention of so small a model uniform
        torch.nn.init.normal_(parameter, std=0.6)
    return model


def theirs(model, image, name="vit", colors=IMAGENET):
    """Attentions and patch features as transformers gives them."""
    told = {"interpolate_pos_encoding": True} if name in SCALES_WHEN_TOLD else {}
    with torch.no_grad():
        pixels = (image - colors[0]) / colors[1]
        output = model(pixel_values=pixels.unsqueeze(0), output_attentions=True, **told)
    return output.attentions, output.last_hidden_state[0, FAMILY[name][3] :]
