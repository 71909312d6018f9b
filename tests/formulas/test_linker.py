"""The linker that runs the explorers' ES modules in plain V8: what it links, and what it refuses."""

import base64

import pytest
from linker import link, plain_v8


@pytest.fixture
def run_of(tmp_path):
    """Return a function that writes modules and gives what answers a script on the last of them."""

    def written(modules, script, *arguments):
        for name, source in modules.items():
            (tmp_path / name).write_text(source, "utf-8")
        with plain_v8(tmp_path) as run:
            return run(name, script, *arguments)

    return written


def test_each_form_of_export_and_import_is_linked(run_of):
    exports = """
        // A module's exports: whatever is declared.
        export const one = 1;
        export let two = 2;
        export function three() { return 3; }
        export function* four() { yield 0; return 4; }
        export async function five() {}
        export class Six { value = 6; }
        export default { seven: 7 };
        const hidden = 8;
    """
    imports = """
        import { one, two as second } from "./a-1.mjs"; // why
        import {
          three, four,
          default as rest,
        } from "./a-1.mjs";
        import {} from "./a-1.mjs";
        import { Six as $6 } from "./a-1.mjs";
        import * as every from "./a-1.mjs";
        export const all = () => [one, second, three(), [...four()], new $6().value, rest.seven, every.two, hid()];
        const hid = () => typeof hidden;
    """
    modules = {"a-1.mjs": exports.replace("\n        ", "\n"), "b.mjs": imports.replace("\n        ", "\n")}
    assert run_of(modules, "({ all }) => all()") == [1, 2, 3, [0], 6, 7, 2, "undefined"]
    names = "(module) => Object.keys(module)"
    exported = ["one", "two", "three", "four", "five", "Six", "default"]
    assert run_of({"a-1.mjs": modules["a-1.mjs"]}, names) == exported


def test_json_stands_where_it_is_imported(run_of, tmp_path):
    (tmp_path / "limits.json").write_text('{"k": [1, 15]}', "utf-8")
    source = 'import limits from "./limits.json" with { type: "json" };\nexport const most = limits.k[1];'
    assert run_of({"a.mjs": source}, "({ most }) => most") == 15


def test_a_module_runs_once_before_those_that_import_it(run_of):
    append = 'import {{ order }} from "./first.mjs";\norder.push("{}");\nexport const done = order;'
    modules = {
        "first.mjs": 'export const order = ["first"];',
        "left.mjs": append.format("left"),
        "right.mjs": append.format("right"),
        "last.mjs": 'import { done as l } from "./left.mjs";\nimport { done as r } from "./right.mjs";\n'
        "export const same = l === r, order = l;\nexport const both = [same, order];",
    }
    assert run_of(modules, "({ both }) => both") == [True, ["first", "left", "right"]]


def test_a_module_is_strict(run_of):
    with pytest.raises(Exception, match="undeclared is not defined"):
        run_of({"a.mjs": "undeclared = 1;"}, "() => 0")


@pytest.mark.parametrize(
    "form",
    [
        'import all from "./b.mjs";',
        'import "./b.mjs";',
        'import all, { one } from "./b.mjs";',
        "import { one } from './b.mjs';",
        'import { one } from "./b.mjs"',
        'import { one } from "b";',
        'import { "a name" as one } from "./b.mjs";',
        'import { one } from "./b.mjs" with { type: "json" };',
        'const all = await import("./b.mjs");',
        "const here = import.meta.url;",
        'const one = 1; import { two } from "./b.mjs";',
        "export { one };",
        'export { one } from "./b.mjs";',
        'export * from "./b.mjs";',
        "export const { one, two } = {};",
        "export const [one] = [];",
        "export var one = 1;",
        "export default function one() {}",
        "export default class {}",
        "  export const one = 1;",
        "const one = 1; export const two = 2;",
    ],
)
def test_a_form_that_is_not_known_is_refused(tmp_path, form):
    (tmp_path / "a.mjs").write_text(f"const before = 1;\n{form}\nconst after = 2;\n", "utf-8")
    (tmp_path / "b.mjs").write_text("export const one = 1;\nexport const two = 2;\n", "utf-8")
    with pytest.raises(ValueError, match=r"^a\.mjs imports or exports in a form that can't be linked: ") as caught:
        link(tmp_path / "a.mjs")
    assert str(caught.value).endswith(form.strip())


@pytest.mark.parametrize("name", ["hidden", "one as hidden, hidden as one"])
def test_a_name_that_nobody_exports_is_refused(tmp_path, name):
    (tmp_path / "a.mjs").write_text("export const one = 1, hidden = 2;", "utf-8")
    (tmp_path / "b.mjs").write_text(f'import {{ {name} }} from "./a.mjs";', "utf-8")
    with pytest.raises(ValueError, match=r"^b\.mjs imports what a\.mjs does not export: hidden$"):
        link(tmp_path / "b.mjs")


def test_a_circle_is_refused(tmp_path):
    for name, other in (("a", "b"), ("b", "c"), ("c", "b")):
        (tmp_path / f"{name}.mjs").write_text(f'import {{ x }} from "./{other}.mjs";', "utf-8")
    with pytest.raises(ValueError, match=r"in a circle: a\.mjs → b\.mjs → c\.mjs → b\.mjs$"):
        link(tmp_path / "a.mjs")


def test_arguments_and_answers_keep_their_kind(run_of):
    kinds = "(_, ...given) => given.map((each) => [each?.constructor.name, each])"
    given = ([1.5], {"bytes": [1, 300]}, {"floats": [0.1, float("nan")]}, {"a": None}, "é\u2028", float("inf"), None)
    assert run_of({"a.mjs": ""}, kinds, *given) == [
        ["Array", [1.5]],
        ["Uint8ClampedArray", [1, 255]],
        ["Float64Array", [0.1, None]],
        ["Object", {"a": None}],
        ["String", "é\u2028"],
        ["Number", None],
        [None, None],
    ]
    assert run_of({"a.mjs": ""}, "function* () { yield 1; return new Float32Array([0.5]); }") == [0.5]


def test_atob_reads_base64(run_of, rng):
    given = rng.randbytes(rng.randint(1, 99))
    text = base64.b64encode(given).decode()
    assert run_of({"a.mjs": ""}, "(_, text) => [...atob(text)].map((each) => each.charCodeAt(0))", text) == [*given]
