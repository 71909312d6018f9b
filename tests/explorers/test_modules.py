"""What joins the explorers' ES modules: one text for a widget, one script for a page."""

import json
import re
import subprocess
import sys

import pytest

from patchwork.explorers.common import modules


def test_no_relative_import_is_left():
    for path in modules.EXPLORERS.rglob("*.mjs"):
        assert not re.search(r"""(from|import)\s*["']\.""", modules.widget_module(path)), path


def test_a_module_is_brought_once_after_what_it_imports(tmp_path):
    folders = {"a": 'import { b } from "../b/b.mjs";\nimport "../c/c.mjs";\nexport const a = b;'}
    folders |= {"b": "import { c } from '../c/c.mjs'; export const b = c;", "c": "export const c = 'é';"}
    for name, text in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.mjs").write_text(text, "utf-8")
    found = modules.sources(tmp_path / "a" / "a.mjs", root=tmp_path)
    assert list(found) == ["c/c.mjs", "b/b.mjs", "a/a.mjs"]
    assert found["c/c.mjs"] == "export const c = 'é';"
    assert found["b/b.mjs"] == 'import { c } from "patchwork:c/c.mjs"; export const b = c;'
    assert found["a/a.mjs"].startswith('import { b } from "patchwork:b/b.mjs";\nimport "patchwork:c/c.mjs";')


def test_modules_in_a_circle_are_named(tmp_path):
    (tmp_path / "a.mjs").write_text('import "./b.mjs";')
    (tmp_path / "b.mjs").write_text('import "./a.mjs";')
    with pytest.raises(ValueError, match=r"a\.mjs → b\.mjs → a\.mjs"):
        modules.sources(tmp_path / "a.mjs", root=tmp_path)


def test_the_page_script_carries_every_module_but_the_panels():
    line, _, rest = modules.page_script().partition("};\n")
    carried = json.loads(line.removeprefix("window.__patchwork_modules = ") + "}")
    every = {path.relative_to(modules.EXPLORERS).as_posix() for path in modules.EXPLORERS.rglob("*.mjs")}
    assert set(carried) == every - {"panel.mjs"}
    for name in ("link.js", "mount.js"):
        assert (modules.COMMON / name).read_text("utf-8") in rest
    assert "</script" not in modules.page_script()


def test_a_widget_brings_each_module_once():
    for name in ("relations", "answers"):
        path = modules.EXPLORERS / name / "page.mjs"
        size = sum(len(text.encode()) for text in modules.sources(path).values())
        assert len(modules.widget_module(path).encode()) < 1.1 * size + 2_000


def test_lines_fit_on_a_screen():
    for path in [*modules.EXPLORERS.rglob("*.mjs"), *modules.EXPLORERS.rglob("*.js")]:
        long = [number for number, line in enumerate(path.read_text("utf-8").split("\n"), 1) if len(line) > 120]
        assert not long, f"{path.relative_to(modules.EXPLORERS)}: lines {long} have more than 120 characters"


def test_without_the_extra_the_explorers_name_it_in_one_line():
    code = "import sys; sys.modules['anywidget'] = None; import patchwork.explorers.graphs"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    needs = "explorers need anywidget: pip install 'patchwork-book[explorers]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {needs}"
