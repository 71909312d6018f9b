"""Interactive explorers: one front-end module, two homes."""

from importlib.util import find_spec

_missing = [package for package in ("anywidget", "ipywidgets", "matplotlib") if find_spec(package) is None]
if _missing:
    needs = f"explorers need {' and '.join(_missing)}: pip install 'patchwork-book[explorers]'"
    raise ModuleNotFoundError(needs, name=_missing[0])
