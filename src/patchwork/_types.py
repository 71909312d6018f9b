"""What signatures say often. An axis has the letter of its docstring there; letters side by side are a product: CPP."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Device = torch.device | str | None
Pair = tuple[int, int] | list[int] | torch.Size
Mask = Bool[Tensor, "..."] | Float[Tensor, "..."]  # it broadcasts
Adjacency = Float[Tensor, "N N"] | Bool[Tensor, "N N"]  # dense, or by rows
