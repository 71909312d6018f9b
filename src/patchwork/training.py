"""The one training loop that all chapters share."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor, nn

from patchwork import _checks
from patchwork._training_mode import mode

_WARM_UP = 0.1


def minibatches(
    *tensors: Shaped[Tensor, "R ..."],
    size: int,
    generator: torch.Generator | None = None,
) -> Iterator[tuple[Shaped[Tensor, "_R ..."], ...]]:
    """Return an endless iterator over shuffled batches: tuples of some rows of each tensor, the same rows.

    In each epoch every row comes once, in a new order; the last batch holds what is left. The order is drawn where
    the generator is, on the CPU unless you choose otherwise, so a seed gives one order on every device.

    Shapes: tensors (R, …) with R rows each, on one device → tuples of tensors (size or fewer, …).
    Raises ValueError where the tensors differ in R or device, or have no rows. Used from chapter 2 on.

    >>> batches = minibatches(torch.arange(5), size=2, generator=torch.Generator().manual_seed(0))
    >>> [len(next(batches)[0]) for _ in range(4)]
    [2, 2, 1, 2]
    """
    rows, size = _rows(tensors), _checks.count("size", size)
    return _shuffled(tensors, rows, size, generator, _checks.random_source(generator))


def train(
    model: nn.Module,
    loss: Callable[..., Tensor],
    batches: Iterable[tuple[Any, ...] | list[Any]],
    *,
    steps: int,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-2,
    clip: float | None = None,
) -> Float[Tensor, " steps"]:
    """Fit the model's parameters by AdamW, one step for each of the first ``steps`` batches.

    The learning rate rises linearly over the first tenth of the steps, then falls to 0 as half a cosine. ``clip`` is
    the largest norm that the gradient of all parameters together may have. For one batch in every step, give
    ``itertools.repeat((inputs, labels))``. The model is in training mode meanwhile, then in the mode it came in.
    With ``PATCHWORK_PROGRESS=1`` in the environment, a bar on stderr shows the step and the loss.

    Shapes: ``loss(*batch)`` → a tensor (), batches an iterable of tuples → losses (steps,), on the device of the loss.
    Raises ValueError where the batches run out, the loss does not depend on the model, or is not finite.
    Source: Loshchilov & Hutter 2019 (AdamW). Used from chapter 2 on.

    >>> model, x = nn.Linear(1, 1), torch.linspace(-1, 1, 64).view(64, 1)
    >>> def loss(x):
    ...     return (model(x) - 3 * x).square().mean()
    >>> losses = train(model, loss, minibatches(x, size=16), steps=400, learning_rate=0.1)
    >>> losses.shape, round(model.weight.item(), 1)
    (torch.Size([400]), 3.0)
    """
    parameters, steps = _trainable(model), _checks.count("steps", steps)
    _check_loop(loss, batches)
    learning_rate = _checks.number("learning_rate", learning_rate, above=0)
    weight_decay = _checks.number("weight_decay", weight_decay, at_least=0)
    clip = None if clip is None else _checks.number("clip", clip, above=0)
    optimizer, losses = torch.optim.AdamW(parameters, weight_decay=weight_decay), []
    with mode(model, training=True), _progress(steps) as report:
        for step, batch in zip(range(steps), batches, strict=False):
            optimizer.param_groups[0]["lr"] = learning_rate * _rate(step, steps)
            losses.append(_descend(optimizer, parameters, _loss(loss, batch), clip))
            report(losses[-1])
    if len(losses) < steps:
        raise ValueError(f"batches ran out after {len(losses)} of {steps} steps")
    return _finite(torch.stack(losses), parameters)


@torch.no_grad()
def accuracy(
    model: nn.Module,
    inputs: Shaped[Tensor, "R ..."],
    labels: Integer[Tensor, " R"],
    *,
    batch_size: int = 256,
) -> Float[Tensor, ""]:
    """Return the share of inputs whose largest logit is the one of their label, in [0, 1].

    The model is in evaluation mode meanwhile, then in the mode it came in.

    Shapes: inputs (R, …), labels (R,) whole numbers, ``model(inputs)`` (R, classes) → a tensor ().
    Raises ValueError where the shapes do not fit, a label is no class, or a logit is NaN. Used from chapter 2 on.

    >>> accuracy(nn.Identity(), torch.eye(4), torch.tensor([0, 1, 2, 2]))
    tensor(0.7500)
    """
    rows, size = _rows((inputs, labels)), _checks.count("batch_size", batch_size)
    _checks.shape("labels", labels, "R")
    _checks.whole("labels", labels, boolean=False)
    logits = _logits(model, inputs, size)
    if len(logits) != rows:
        raise ValueError(f"model(inputs) must have shape ({rows}, classes), got {tuple(logits.shape)}")
    _check_classes(labels, logits.shape[1])
    return (logits.argmax(1) == labels).to(logits.dtype).mean()


def _rows(tensors):
    """Return the number of rows that all tensors share."""
    if not tensors or not all(isinstance(tensor, torch.Tensor) and tensor.ndim for tensor in tensors):
        raise ValueError(f"expected tensors with rows, got {[type(tensor).__name__ for tensor in tensors]}")
    lengths = [len(tensor) for tensor in tensors]
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise ValueError(f"expected tensors with one number of rows, at least 1; got {lengths}")
    _checks.on_one_device(**{f"tensor {number}": tensor for number, tensor in enumerate(tensors)})
    return lengths[0]


def _logits(model, inputs, size):
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a module, got {type(model).__name__}")
    with mode(model, training=False):
        parts = [model(part) for part in inputs.split(size)]
    for part in parts:
        _checks.shape("model(inputs)", part, "R classes")
        _checks.floating("model(inputs)", part)
    logits = torch.cat(parts)
    _checks.no_nan("model(inputs)", logits)
    return logits


def _check_classes(labels, classes):
    if _checks.has_values(labels) and not 0 <= labels.min() <= labels.max() < classes:
        ends = f"{labels.min().item()} … {labels.max().item()}"
        raise ValueError(f"labels must lie in 0 … {classes - 1}, got {ends}")


def _shuffled(tensors, rows, size, generator, source):
    while True:
        order = torch.randperm(rows, generator=generator, device=source).to(tensors[0].device)
        for chosen in order.split(size):
            yield tuple(tensor[chosen] for tensor in tensors)


def _rate(step, steps):
    """Return the share of the full learning rate in this step: up to 1, then down towards 0."""
    rising = max(1, round(_WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step + 1 - rising) / (steps + 1 - rising))) / 2


def _loss(loss, batch):
    if not isinstance(batch, (tuple, list)):
        raise ValueError(f"a batch must be a tuple, the arguments of loss; got {type(batch).__name__}")
    value = loss(*batch)
    _checks.shape("loss", value, "")
    if not value.requires_grad:
        raise ValueError("the loss does not depend on the parameters of the model")
    return value


def _descend(optimizer, parameters, loss, clip):
    """Take one step and return the loss; nothing here waits for the device."""
    optimizer.zero_grad()
    loss.backward()
    if all(parameter.grad is None for parameter in parameters):
        raise ValueError("the loss does not depend on the parameters of the model")
    if clip is not None:
        nn.utils.clip_grad_norm_(parameters, clip)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def _finite(losses, parameters):
    if _checks.has_values(losses):
        bad = losses.isfinite().logical_not().nonzero().flatten().tolist()
        if bad:
            raise ValueError(f"the loss is {losses[bad[0]].item()} in step {bad[0] + 1} of {len(losses)}")
        if not all(parameter.isfinite().all() for parameter in parameters):
            raise ValueError(f"a gradient was not finite in the last of {len(losses)} steps")
    return losses


def _trainable(model):
    parameters = [p for p in model.parameters() if p.requires_grad] if isinstance(model, nn.Module) else []
    if not parameters:
        raise ValueError(f"model must be a module with parameters to train, got {type(model).__name__}")
    return parameters


def _check_loop(loss, batches):
    if not callable(loss):
        raise ValueError(f"loss must be a function of a batch, got {type(loss).__name__}")
    if not isinstance(batches, Iterable):
        raise ValueError(f"batches must be an iterable of tuples, got {type(batches).__name__}")


@contextmanager
def _progress(steps):
    """Show a bar only where the environment asks for it: stored notebooks and tests compare stderr."""
    if os.environ.get("PATCHWORK_PROGRESS") != "1":
        yield lambda loss: None
        return
    from tqdm import tqdm

    with tqdm(total=steps, unit="step", mininterval=0.25) as bar:

        def report(loss):
            if bar.update() or bar.n == steps:  # drawn just now: reading the loss each step would stall a GPU
                bar.set_postfix_str(f"loss {loss.item():.4g}")

        yield report
