"""Training or evaluation mode of a model, set for the time of a block."""

from contextlib import contextmanager


@contextmanager
def mode(model, *, training):
    """Temporarily set the mode of a model; at the end each of its modules gets its own back."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before
