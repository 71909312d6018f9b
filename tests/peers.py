"""The same random weights for a module of ours and one of transformers."""

import torch
from torch import nn


def randomized(module):
    """Give every weight, the biases too, a number that would be missed."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def copy_linear(target, *sources):
    """Copy linear layers, one below the other, into one."""
    with torch.no_grad():
        target.weight.copy_(torch.cat([source.weight.flatten(1) for source in sources]))
        target.bias.copy_(torch.cat([source.bias for source in sources]))


def copy_block(block, layer):
    """Copy a transformer block of transformers into one of ours."""
    attend = layer.attention
    block.attention_norm.load_state_dict(layer.layernorm_before.state_dict())
    block.mlp_norm.load_state_dict(layer.layernorm_after.state_dict())
    copy_linear(block.attention.qkv, attend.q_proj, attend.k_proj, attend.v_proj)
    copy_linear(block.attention.projection, attend.o_proj)
    copy_linear(block.mlp[0], layer.mlp.fc1)
    copy_linear(block.mlp[2], layer.mlp.fc2)
