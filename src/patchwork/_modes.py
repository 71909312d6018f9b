"""The mode of a model, training or evaluation, changed for a while."""

from contextlib import contextmanager


@contextmanager
def mode(model, *, training):
    """Put the model in a mode, and then each of its modules back in its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before
