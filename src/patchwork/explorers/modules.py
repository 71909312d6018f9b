"""The explorers' front-end modules, as one text for each of their two homes."""

import base64
import json
import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_RELATIVE_IMPORT = re.compile(r"""((?:\bfrom|\bimport)\s*)(["'])(\./[\w-]+\.mjs)\2""")


def bundle(path, _importing=()):
    """Read an ES module with every relative import replaced by the imported module itself.

    A widget's module is loaded from a Blob URL, against which ``./math.mjs`` can't resolve. So each relative import
    becomes a ``data:text/javascript;base64,…`` import; the same module imported twice stays one module.

    Raises ValueError where modules import each other in a circle.

    >>> "./" in bundle(STATIC / "patches.mjs")
    False
    """
    path = Path(path).resolve()
    if path in _importing:
        circle = " → ".join(module.name for module in (*_importing, path))
        raise ValueError(f"modules import each other in a circle: {circle}")

    def inline(found):
        source = bundle(path.parent / found[3], (*_importing, path))
        return f'{found[1]}"data:text/javascript;base64,{base64.b64encode(source.encode()).decode()}"'

    return _RELATIVE_IMPORT.sub(inline, path.read_text("utf-8"))


def page_script():
    """Write the one classic script that mounts every explorer on a page, from http and from disk alike.

    ES modules don't load over ``file://``. So the script carries their texts in ``window.__patchwork_modules``, file
    name → source, followed by ``mount.js``, which imports them through Blob URLs.

    >>> page_script().startswith("window.__patchwork_modules = {")
    True
    """
    sources = {path.name: path.read_text("utf-8") for path in sorted(STATIC.glob("*.mjs"))}
    texts = json.dumps(sources, ensure_ascii=False, indent=0).replace("</", "<\\/")
    return f"window.__patchwork_modules = {texts};\n" + (STATIC / "mount.js").read_text("utf-8")
