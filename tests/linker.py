"""ES modules of the explorers in plain V8, which has no loader: linked into classic scripts, their functions called."""

import contextlib
import functools
import json
import re

from py_mini_racer import MiniRacer

from patchwork.explorers.common.modules import EXPLORERS

IMPORT = re.compile(r'^import \{([\w$\s,]*)\} from "(\.{1,2}/[\w./-]+\.mjs)";', re.MULTILINE)
JSON = re.compile(r'^import (\w+) from "(\.{1,2}/[\w./-]+\.json)" with \{ type: "json" \};', re.MULTILINE)
WHOLE = re.compile(r'^import \* as (\w+) from "(\.{1,2}/[\w./-]+\.mjs)";', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|const|let|class)\b[ *]+([\w$]+))", re.MULTILINE)
DEFAULT = re.compile(r"^export default (?!async\b|function\b|class\b)", re.MULTILINE)
UNKNOWN = re.compile(r"^.*(?:(?:^|[;{}])[ \t]*(?:import|export)\b|\bimport\s*[.(]).*", re.MULTILINE)
ANSWER = """
const loaded = {};
const atob = (text) => Array.from(Uint8Array.fromBase64(text), (byte) => String.fromCharCode(byte)).join("");
const revive = (each) => each?.bytes ? Uint8ClampedArray.from(each.bytes)
    : each?.floats ? Float64Array.from(each.floats) : each;
function answer(result) {
    if (result?.next) { let step; do step = result.next(); while (!step.done); result = step.value; }
    return JSON.stringify(result, (_, each) => ArrayBuffer.isView(each) ? [...each] : each);
}
"""


def link(path):
    """Write an ES module and all that it imports as one classic script, whose value is what the module exports.

    Each module becomes the scope of a function, after those that it imports. Of a declaration of several names only the
    first is exported. Raises ValueError for an import or export of a form that is not known here, for a name that is
    not exported, and for modules that import each other in a circle.
    """
    scopes, exports = [], {}

    def add(path, importing=()):
        if path in importing:
            circle = " → ".join(each.name for each in (*importing, path))
            raise ValueError(f"modules import each other in a circle: {circle}")
        if path in exports:
            return
        source = JSON.sub(lambda each: as_constant(each, path.parent), path.read_text("utf-8"))
        for _, file in WHOLE.findall(source):
            add((path.parent / file).resolve(), (*importing, path))
        for names, file in IMPORT.findall(source):
            other = (path.parent / file).resolve()
            add(other, (*importing, path))
            if missing := {name.split()[0] for name in names.split(",") if name.strip()} - exports[other]:
                raise ValueError(f"{path.name} imports what {other.name} does not export: {', '.join(sorted(missing))}")
        body, exports[path] = as_scope(source, path)
        scopes.append(f'modules["{path.as_posix()}"] = {body};\n')

    path = path.resolve()
    add(path)
    return f'(() => {{\nconst modules = {{}};\n{"".join(scopes)}return modules["{path.as_posix()}"];\n}})()'


def as_scope(source, path):
    """Write one module as a call that returns its exports, and their names."""
    exported = {each: each for each in EXPORT.findall(source)}
    exported |= {"default": "$default"} if DEFAULT.search(source) else {}
    linked = IMPORT.sub(lambda each: as_constants(each, path.parent), source)
    linked = WHOLE.sub(
        lambda each: f'const {each[1]} = modules["{(path.parent / each[2]).resolve().as_posix()}"];', linked
    )
    body = DEFAULT.sub("const $default = ", EXPORT.sub("", linked))
    if unknown := UNKNOWN.search(body):
        raise ValueError(f"{path.name} imports or exports in a form that can't be linked: {unknown[0].strip()}")
    given = ", ".join(f"{each}: {value}" for each, value in exported.items())
    return f'(() => {{ "use strict";\n{body}\nreturn {{ {given} }};\n}})()', exported.keys()


def as_constants(imported, folder):
    names = re.sub(r"\s+as\s+", ": ", imported[1])
    return f'const {{{names}}} = modules["{(folder / imported[2]).resolve().as_posix()}"];'


def as_constant(imported, folder):
    return f"const {imported[1]} = {(folder / imported[2]).read_text('utf-8').strip()};"


@contextlib.contextmanager
def plain_v8(folder=EXPLORERS):
    """Return a function that calls a JavaScript function on a module of the folder: run(module, script, *arguments).

    ``{"bytes": […]}`` and ``{"floats": […]}`` become typed arrays; the answer is JSON's: a typed array comes back as a
    list, NaN as None. A generator is driven to its end.
    """
    with MiniRacer() as engine:
        engine.eval(ANSWER)

        @functools.cache
        def load(module):
            engine.eval(f"void (loaded[{json.dumps(module)}] = {link(folder / module)})")

        def run(module, script, *arguments):
            load(module)
            given = f"loaded[{json.dumps(module)}], ...{json.dumps(arguments)}.map(revive)"
            return json.loads(engine.eval(f"answer(({script})({given}))"))

        yield run


def floats(tensor):
    """Write a tensor as an argument that arrives as a Float64Array."""
    return {"floats": tensor.flatten().tolist()}
