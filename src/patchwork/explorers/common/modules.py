"""The explorers' front-end modules, as one text for each of their two homes, joined by one loader, ``link.js``."""

import json
import re
from pathlib import Path

EXPLORERS = Path(__file__).parents[1]
COMMON = EXPLORERS / "common"
STYLE_SHEET = COMMON / "explorers.css"
_RELATIVE_IMPORT = re.compile(r"""((?:\bfrom|\bimport)\s*)(["'])(\.{1,2}/[\w./-]+\.mjs)\2""")
_LIMITS_IMPORT = re.compile(r"""import (\w+) from "(\.{1,2}/[\w./-]+\.json)" with { type: "json" };""")
_NOT_NEEDED = re.compile(r"^[ ]+|^[ ]*//.*\n", re.MULTILINE)


def sources(*paths, root=EXPLORERS):
    """Read ES modules and all that they import: a dict of texts by name, the path from ``root``, each module once.

    A module that comes from a Blob can't resolve ``./canvas.mjs``. So each relative import becomes
    ``"patchwork:NAME"``, and ``link.js`` puts the address of a Blob there. What is imported comes before its
    importers.

    Raises ValueError where modules import each other in a circle.

    >>> list(sources(EXPLORERS / "panel.mjs"))
    ['common/canvas.mjs', 'panel.mjs']
    """
    root, texts = Path(root).resolve(), {}

    def add(path, importing=()):
        name = path.relative_to(root).as_posix()
        if name in importing:
            raise ValueError(f"modules import each other in a circle: {' → '.join((*importing, name))}")
        if name not in texts:

            def named(found_import):
                other = add((path.parent / found_import[3]).resolve(), (*importing, name))
                return f'{found_import[1]}"patchwork:{other}"'

            text = _LIMITS_IMPORT.sub(lambda each: written(path.parent / each[2], each[1]), path.read_text("utf-8"))
            texts[name] = _RELATIVE_IMPORT.sub(named, text)
        return name

    def written(path, name):
        return f"const {name} = {json.dumps(json.loads(path.read_text('utf-8')), ensure_ascii=False)};"

    for path in paths:
        add(Path(path).resolve())
    return texts


def limits(name):
    """Read what an explorer's settings may be, for its widget and its page alike: ``<name>/limits.json``.

    A dict of "choices", lists by setting; "counts", the least and the largest whole number; "ranges", the least and the
    largest number; and what else both know.

    >>> limits("graphs")["counts"]["clusters"]
    [2, 8]
    """
    return json.loads((EXPLORERS / name / "limits.json").read_text("utf-8"))


def widget_module(path):
    """Write the one ES module of a widget's front end, with all that it imports.

    >>> "./" in widget_module(EXPLORERS / "patches" / "page.mjs")
    False
    """
    texts = sources(path)
    name = json.dumps(list(texts)[-1])
    return (
        f"{_read('link.js')}\nconst loaded = import(moduleLinker({_as_script(texts)})({name}));\n"
        "export default { render: async (props) => (await loaded).default.render(props) };\n"
    )


def page_script():
    """Write the one classic script that mounts every explorer on a page, from http and from disk alike.

    ES modules don't load over ``file://``. So the script carries their texts in ``window.__patchwork_modules``, by
    name, and ``mount.js`` imports them through Blobs.

    >>> page_script().startswith("window.__patchwork_modules = {")
    True
    """
    texts = sources(*sorted(EXPLORERS.glob("*/page.mjs")))
    body = f'"use strict";\n{_read("link.js")}\n{_read("mount.js")}'
    return f"window.__patchwork_modules = {_as_script(texts)};\n(() => {{\n{body}}})();\n"


def page_parts():
    """Write what pages load only when it is chosen, a classic script each: a dict of texts by file name.

    The parts of an explorer are the JSON files of its folder ``parts``. A script lays its part beside the modules, as
    ``parts/EXPLORER/PART``, which is also its name after ``patchwork-``.

    >>> "patchwork-parts/real_network/mosaic.js" in page_parts()
    True
    """
    texts = {}
    for path in sorted(EXPLORERS.glob("*/parts/*.json")):
        name = f"parts/{path.parts[-3]}/{path.stem}"
        content = path.read_text("utf-8").strip()
        texts[f"patchwork-{name}.js"] = f"window.__patchwork_modules[{json.dumps(name)}] = {content};\n"
    return texts


def _read(name):
    return (COMMON / name).read_text("utf-8")


def _as_script(texts):
    """Write texts as JavaScript, without the comments and the indentation that no browser needs."""
    short = {name: _NOT_NEEDED.sub("", text) for name, text in texts.items()}
    return json.dumps(short, ensure_ascii=False, indent=0).replace("</", "<\\/")
