"""What every explorer is: a widget in JupyterLab, a live figure on a page with no kernel, a picture elsewhere."""

import copy
import html
import json
from functools import cached_property

import anywidget
import traitlets
from PIL import Image

from patchwork import _checks
from patchwork.explorers.common.encoding import encode_picture
from patchwork.explorers.common.modules import EXPLORERS, STYLE_SHEET, limits, widget_module

STATE_LIMIT = 150_000  # bytes of JSON that one explorer may bring to a page
LIMITED = {
    "choices": _checks.choice,
    "counts": lambda name, value, ends: _checks.count(name, value, at_least=ends[0], at_most=ends[1]),
    "ranges": lambda name, value, ends: _checks.number(name, value, within=ends),
}


class Explorer(anywidget.AnyWidget):
    """An interactive figure whose front end is one module, ``<module>/page.mjs``, in both its homes.

    A subclass declares its state as synced traits. Those named in ``settings`` can be changed, to what ``fit`` takes:
    what ``<module>/limits.json`` allows, if nothing else is said. Those in ``fixed`` stay as they were at the start.
    All numbers follow from the settings and from what is shown: they are the cached properties of a ``look``, an
    object that is made anew where one of these has changed, and otherwise kept. The explorer has them as its own
    properties. Read them, and clone what you write to.

        class PatchExplorer(Explorer, module="patches", look=PatchLook): ...

    It also gives ``_look``, ``picture`` and ``alt``. Two tags set traits apart: ``bulky`` ones stay out of the
    ``repr``, ``transient`` ones (what the pointer is over) also out of the state.

    Used from chapter 1 on.
    """

    remedy = "use smaller images"  # what the maker of a state too large for a page can do
    settings = ()
    fixed = ()
    limits = {}  # noqa: RUF012 (no trait, and never changed)

    def __init_subclass__(cls, module=None, look=None, **options):
        """Read the module, with its imports, once; ipywidgets makes subclasses of its own, which name none."""
        if module is not None:
            cls.module, cls.limits = module, limits(module)
            cls._esm = widget_module(EXPLORERS / module / "page.mjs")
            cls._css = STYLE_SHEET.read_text("utf-8")
            cls._fits = traitlets.validate(*cls.settings, *cls.fixed)(_fitting)
            for name in numbers(look):
                setattr(cls, name, _of_the_look(look, name))
        super().__init_subclass__(**options)

    def __init__(self, **traits):
        """Check the traits and keep them. Raises ValueError where one does not fit, or the state is too large."""
        self._first = {name: traits[name] for name in self.fixed}
        self._seen = None, None
        super().__init__(**{name: self.fit(name, value, traits) for name, value in traits.items()})
        self.state()

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept, ``beside`` the values of the others.

        Raises ValueError where it does not fit.
        """
        if name in self.fixed and value != self._first[name]:
            raise ValueError(f"{name} must stay as it is")
        for kind, check in LIMITED.items():
            if name in self.limits.get(kind, ()):
                return check(name, value, self.limits[kind][name])
        return value

    @property
    def look(self):
        """What follows from what is shown and the settings: an object with all the numbers, each computed once."""
        now = self._shown(), copy.deepcopy(self._settings())
        before, look = self._seen
        if look is None or now != before:
            look = self._look()
            self._seen = now, look
        return look

    def _shown(self):
        """Return what the settings are about, or text that tells it apart."""

    def _look(self):
        """Make the look of the present settings."""
        raise NotImplementedError

    def _settings(self):
        """Return the settings a look is made of, by name: all but the bulky ones."""
        return {name: getattr(self, name) for name in self.settings if not self.trait_metadata(name, "bulky")}

    def picture(self):
        """Draw the first view as a PIL image, for wherever the explorer can't run."""
        raise NotImplementedError

    def alt(self):
        """Say in words what ``picture`` shows."""
        raise NotImplementedError

    def state(self):
        """Return the committed public state, as a page carries it. Raises ValueError above ``STATE_LIMIT`` bytes."""
        state = json.dumps({name: getattr(self, name) for name in self._public(transient=None)})
        if len(state) > STATE_LIMIT:
            raise ValueError(f"the state takes {len(state)} bytes on the page, more than {STATE_LIMIT}: {self.remedy}")
        return json.loads(state)

    def _public(self, **metadata):
        inherited = anywidget.AnyWidget.class_traits()
        names = self.traits(sync=True, **metadata)
        return sorted(name for name in names if name not in inherited and not name.startswith("_"))

    def __repr__(self):
        """List the public state, the long parts left out."""
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._public(transient=None, bulky=None))
        return f"{type(self).__name__}({shown})"

    def _repr_mimebundle_(self, **options):
        bundled, metadata = super()._repr_mimebundle_(**options)
        picture, alt = self.picture(), self.alt()
        bundled["text/html"] = self._page(encode_picture(picture, "JPEG", quality=68), alt)
        bundled["image/png"] = encode_picture(_few_colors(picture), "PNG", optimize=True)
        return bundled, metadata

    def _page(self, jpeg, alt):
        state = html.escape(json.dumps(self.state(), separators=(",", ":")))
        figure = f'<figure><img src="data:image/jpeg;base64,{jpeg}" alt="{html.escape(alt)}"></figure>'
        return f'<div class="explorer" data-explorer="{self.module}" data-state="{state}">{figure}</div>'


def _fitting(explorer, proposal):
    beside = {name: getattr(explorer, name) for name in explorer.settings}
    try:
        return explorer.fit(proposal.trait.name, proposal.value, beside)
    except ValueError as error:
        raise traitlets.TraitError(str(error)) from None


def numbers(look):
    """List the names of what a look tells: its public cached properties, in the order in which they are defined.

    >>> class Look:
    ...     half = cached_property(lambda self: self.whole / 2)
    ...     _third = cached_property(lambda self: self.whole / 3)
    >>> numbers(Look)
    ['half']
    """
    defined = ((name, thing) for each in reversed(look.__mro__) for name, thing in vars(each).items())
    return [name for name, thing in defined if isinstance(thing, cached_property) and not name.startswith("_")]


def _of_the_look(look, name):
    return property(lambda explorer: getattr(explorer.look, name), doc=getattr(look, name).__doc__)


def _few_colors(picture):
    small = picture.resize((600, round(picture.height * 600 / picture.width)), Image.Resampling.LANCZOS)
    return small.quantize(64, dither=Image.Dither.NONE)
