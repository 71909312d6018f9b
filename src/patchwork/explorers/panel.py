"""The live panel beside each explorer: a reader's own photograph, and the library behind the controls."""

import contextlib
import html
import inspect
import io
import os
import random

import anywidget
import ipywidgets as widgets
import torch
from ipywidgets.widgets.interaction import interactive
from matplotlib import pyplot
from matplotlib.figure import Figure

from patchwork import _checks
from patchwork.devices import best_device
from patchwork.explorers.common.encoding import encode_bytes
from patchwork.explorers.common.modules import EXPLORERS, widget_module
from patchwork.figures import drawn
from patchwork.images import load_image, sample_names

_WRAP = widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="4px 12px")
_ALT = "The picture that the sentence below tells of"
_NATURAL = {"layout": widgets.Layout(width="auto", min_width="16rem"), "style": {"description_width": "initial"}}


class _Manners(anywidget.AnyWidget):
    """Names the sliders of the panel it stands in, and keeps single keys from the notebook."""

    _esm = widget_module(EXPLORERS / "panel.mjs")


class LivePanel(widgets.VBox):
    """Ask ``answer(image, **settings)`` for a picture each time a control changes; errors are told, never swallowed.

    ``answer`` gets the photograph (3, size, size) on ``best_device()`` and returns a matplotlib figure, or a figure and
    a sentence that says what it shows. A control is a widget, or short for one: a list of choices, a tuple
    (least, largest[, step]), a bool, a text; it starts at the default of ``answer``. Sliders answer when let go, texts
    on Enter, without the blanks around them. Raises ValueError for a sample or a control it does not know.

    Used from chapter 1 on.

    >>> def halves(image, rows=2):
    ...     return Figure(), f"{rows} rows of a photograph"
    >>> LivePanel(halves, size=32, rows=[2, 4])
    LivePanel(halves, sample='astronaut', size=32, rows=2)
    """

    def __init__(self, answer, *, sample="astronaut", size=224, **controls):
        """Make the controls and show the first answer."""
        _checks.choice("sample", sample, sample_names())
        self._answer, self._size, self._device = answer, _checks.count("size", size), best_device()
        defaults = {name: each.default for name, each in inspect.signature(answer).parameters.items()}
        self.controls = {name: _control(name, each, defaults.get(name)) for name, each in controls.items()}
        self._make_sources(sample)
        self.message, self.picture = widgets.HTML(), widgets.HTML()
        self.sentence = widgets.HTML()
        device = widgets.HTML(f"torch runs on: <code>{self._device.type}</code>")
        advice = widgets.HTML("<small>over 10 MB: better by its path</small>")
        sources = widgets.HBox([self.sample, self.upload, advice, self.path, device], layout=_WRAP)
        settings = widgets.HBox(list(self.controls.values()), layout=_WRAP)
        super().__init__([sources, settings, self.message, self.picture, self.sentence, _Manners()])
        self.add_class("pw-live-panel")
        for control in self.controls.values():
            control.observe(lambda _: self._show(), "value")
        self._open(sample)

    def compute(self, **settings):
        """Ask once, for the photograph shown → the picture as PNG bytes, a sentence about it. Errors are raised."""
        with _figures_closed():
            answer = self._answer(self.image, **settings)
            figure, sentence = answer if isinstance(answer, tuple) else (answer, self._describe(settings))
            if not isinstance(figure, Figure):
                raise TypeError(f"{self._name} must return a matplotlib figure, got {type(figure).__name__}")
            return _png(figure), sentence

    def _describe(self, settings):
        what = _first_line(inspect.getdoc(self._answer)) or self._name
        return f"{what} {', '.join(f'{_label(name)} {value}' for name, value in settings.items())}".strip()

    def settings(self, samples=50, *, seed=0):
        """List settings to try: every value of each control with the others as they are, then random ones.

        A test calls ``compute`` with each.
        """
        now = self._values()
        values = {name: _choices(control) for name, control in self.controls.items()}
        each = [{**now, name: value} for name, choices in values.items() for value in choices]
        chance = random.Random(seed)
        return each + [{name: chance.choice(choices) for name, choices in values.items()} for _ in range(samples)]

    def _values(self):
        return {name: _value(control) for name, control in self.controls.items()}

    @property
    def _name(self):
        return getattr(self._answer, "__name__", type(self._answer).__name__)

    def _make_sources(self, sample):
        self.sample = widgets.Dropdown(options=sample_names(), value=sample, description="Photograph", **_NATURAL)
        self.upload = widgets.FileUpload(accept="image/*", description="Upload your own", layout={"width": "auto"})
        self.path = widgets.Text(
            description="or its path", placeholder="~/photo.jpg", continuous_update=False, **_NATURAL
        )
        self.sample.observe(lambda change: change.new and self._open(change.new), "value")
        self.upload.observe(lambda change: change.new and self._open_upload(), "value")
        self.path.observe(lambda change: change.new.strip() and self._open_path(), "value")

    def _open_upload(self):
        content = bytes(self.upload.value[0]["content"])
        self.upload.value = ()  # so that the button counts none, and takes the same file again
        self._open(content)

    def _open_path(self):
        self._open(self.path.value.strip(), where=_whole_path(self.path.value.strip()))

    def _open(self, source, where=None):
        with self._telling(where):
            self.image = load_image(source, size=self._size).to(self._device)
            if source != self.sample.value:
                self.sample.value = None  # so that it can be chosen again, as the path below
            if where is None:
                self.path.value = ""
            self._show()

    def _show(self):
        with self._telling():
            png, sentence = self.compute(**self._values())
            source = f"data:image/png;base64,{encode_bytes(png)}"
            self.picture.value = f'<img style="max-width: 100%" src="{source}" alt="{_ALT}">'
            self.sentence.value = f'<p role="status">{html.escape(sentence)}</p>'
            self.message.value = ""

    @contextlib.contextmanager
    def _telling(self, where=None):
        try:
            yield
        except Exception as error:
            words = _explain(error)
            words = html.escape(words if where is None or where in words else f"{words} (looked for {where})")
            self.message.value = f'<p role="alert" style="color: var(--pw-red, #b3331f)"><b>{words}</b></p>'

    def __repr__(self):
        """List what the panel asks for and its settings, the same on every machine."""
        values = {"sample": self.sample.value, "size": self._size}
        values |= self._values()
        return f"LivePanel({self._name}, {', '.join(f'{name}={value!r}' for name, value in values.items())})"

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        names = ", ".join(["own photograph", *map(_label, self.controls)])
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = (
            f'<p class="live-panel">Live panel ({html.escape(names)}): it needs a running kernel. '
            "Run this cell (Shift+Enter) in JupyterLab; <code>make lab</code> opens it.</p>"
        )
        return bundle


def _whole_path(path):
    return os.path.abspath(os.path.expanduser(path))


def _label(name):
    return name.replace("_", " ")


def _control(name, control, default):
    if not isinstance(control, widgets.ValueWidget):
        short, control = control, interactive.widget_from_abbrev(control)
        if control is None:
            raise ValueError(f"control {name!r} must be a widget, a list, a tuple or a bool, got {short!r}")
        control.layout, control.style.description_width = {"width": "auto", "min_width": "16rem"}, "initial"
        if default is not None and default is not inspect.Parameter.empty:
            control.value = default
    control.description = control.description or _label(name).capitalize()
    if hasattr(control, "continuous_update"):
        control.continuous_update = False
    return control


def _value(control):
    """Read a control; a text without the blanks around it, which come along when a name or a path is pasted."""
    return control.value.strip() if isinstance(control, widgets.Text) else control.value


def _choices(control):
    if isinstance(getattr(control, "options", None), dict):
        return list(control.options.values())
    if hasattr(control, "options"):
        return [option[1] if isinstance(option, tuple) else option for option in control.options]
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return [False, True]
    if hasattr(control, "min"):
        steps = round((control.max - control.min) / control.step)
        return [min(control.min + step * control.step, control.max) for step in range(steps + 1)]
    return [_value(control)]


def _first_line(text):
    return (text or "").strip().partition("\n")[0]


def _explain(error):
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "Not enough memory for this. Try a smaller photograph or larger patches."
    line = _first_line(str(error)) or type(error).__name__
    return line if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {line}"


def _png(figure):
    """Quick to make, for it is shown once; packed well, it would be a quarter of the bytes."""
    file = io.BytesIO()
    drawn(figure).save(file, "PNG", compress_level=1)
    return file.getvalue()


@contextlib.contextmanager
def _figures_closed():
    """Close what a function leaves open in pyplot, also where it fails."""
    before = set(pyplot.get_fignums())
    try:
        yield
    finally:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)
