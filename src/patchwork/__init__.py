"""How image patches relate: the library behind the book.

Each module is one room, imported by name: ``from patchwork import images, patches``.
"""


def __getattr__(name):
    """Give ``__version__``, which stands in pyproject.toml alone."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("patchwork-book")
