"""The net for digits that hold on one machine only: what it moves, what it leaves, and that it turns red."""

import contextlib
import doctest
import importlib
import io
import os
import pkgutil
import re
import subprocess
import sys

import nbformat
import portable
import pytest
import torch
import torch.nn.functional as F
from jitter import SIZES, Jitter

import patchwork

KINDS = pytest.mark.parametrize("kind", SIZES, ids=str)
ROUNDED = {
    "a product": lambda x: x @ x.T,
    "a sum": lambda x: x.sum(0),
    "a norm": lambda x: x.norm(dim=1),
    "softmax": lambda x: x.softmax(1),
    "a convolution": lambda x: F.conv2d(x[None, None], x[None, None, :3, :3]),
    "attention": lambda x: F.scaled_dot_product_attention(x[None, None], x[None, None], x[None, None]),
    "layer norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "a spectrum": lambda x: torch.fft.rfft2(x).abs(),
    "eigenvalues": lambda x: torch.linalg.eigvalsh(x @ x.T),
    "a logarithm": lambda x: x.square().add(1).log(),
}
EXACT = {
    "a sum of whole numbers": lambda x: (x > 0).to(x).sum(0),
    "a mean of halves": lambda x: ((x > 0).to(x) / 2).mean(0),
    "a product of whole numbers": lambda x: (4 * x).round() @ (4 * x).round().T,
    "a permutation": lambda x: torch.eye(len(x), dtype=x.dtype).roll(1, 0) @ x,
    "columns picked": lambda x: x @ torch.eye(x.shape[1], 3, dtype=x.dtype),
    "distances on a grid": lambda x: torch.cdist(*2 * [torch.cartesian_prod(*2 * [torch.arange(6.0)]).to(x)]),
    "exp(0)": lambda x: (0 * x).exp(),
    "a softmax of one": lambda x: x[:, :1].softmax(1),
    "patches": lambda x: F.unfold(x[None, None], 2, stride=2),
    "a maximum": lambda x: x.amax(0),
    "counts": lambda x: (x > 0).sum(),
}


@KINDS
@pytest.mark.parametrize("name", ROUNDED)
def test_what_is_rounded_differs_in_its_last_digits(name, kind, generator):
    x = torch.randn(12, 12, generator=generator, dtype=kind)
    expected = ROUNDED[name](x)
    with Jitter(1):
        found = ROUNDED[name](x)
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=200 * SIZES[kind], atol=200 * SIZES[kind])


@KINDS
@pytest.mark.parametrize("name", EXACT)
def test_what_is_exact_anywhere_stays(name, kind, generator):
    x = torch.randn(12, 12, generator=generator, dtype=kind)
    expected = EXACT[name](x)
    with Jitter(1):
        assert torch.equal(EXACT[name](x), expected)


def test_gradients_differ_too_and_a_seed_repeats_them(generator):
    x = torch.randn(8, 8, generator=generator)

    def gradient(seed=None):
        leaf = x.clone().requires_grad_()
        with Jitter(seed) if seed else contextlib.nullcontext():
            (leaf @ x).softmax(1)[:, 0].sum().backward()
        return leaf.grad

    assert torch.equal(gradient(1), gradient(1))
    assert not torch.equal(gradient(1), gradient(2))
    assert not torch.equal(gradient(1), gradient())
    torch.testing.assert_close(gradient(1), gradient())


def test_the_readers_random_numbers_are_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with Jitter(1):
        torch.rand(9, 9, generator=torch.Generator().manual_seed(0)).sum()
        assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("seed", [1, 2])
def test_examples_of_the_library_come_out_on_any_machine(seed):
    """Each docstring's example under jitter: what it prints hangs on no last digit."""
    options, found = doctest.NORMALIZE_WHITESPACE, io.StringIO()
    names = [each.name for each in pkgutil.walk_packages(patchwork.__path__, "patchwork.")]
    with Jitter(seed), contextlib.redirect_stdout(found):
        results = [doctest.testmod(importlib.import_module(name), optionflags=options) for name in names]
    assert sum(each.attempted for each in results) > 200
    assert sum(each.failed for each in results) == 0, found.getvalue()


FIRM = """
import torch
x = torch.rand(1000, generator=torch.Generator().manual_seed(0))
print(f"{x.mean().item():.4f}")
"""
EDGE = """
print([part.sum().item() for part in x.view(20, 50)])
"""
NEAR_TIES = """
y = torch.rand(40, 64, generator=torch.Generator().manual_seed(1))
print([int(row @ other > other.flip(0) @ row.flip(0)) for row, other in zip(y[::2], y[1::2])])
"""


def test_a_planted_digit_on_the_edge_turns_the_run_red(tmp_path):
    """A strict run under jitter fails where a cell prints last digits or counts near ties, and nowhere else."""
    names, cells = {}, []
    for count, source in enumerate((FIRM, EDGE, NEAR_TIES), 1):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(source, names)
        output = nbformat.v4.new_output("stream", text=printed.getvalue())
        cells.append(nbformat.v4.new_code_cell(source.strip(), outputs=[output], execution_count=count))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "planted.ipynb")
    done = portable.run("jitter-1", ["planted.ipynb"], cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert re.findall(r"^FAILED .*::Cell (\d)", done.stdout, re.MULTILINE) == ["1", "2"]


def test_the_oldest_processor_has_none_of_numpys_instructions():
    code = (
        "from numpy._core import _multiarray_umath as m; print([*filter(m.__cpu_features__.get, m.__cpu_dispatch__)])"
    )
    environment = os.environ | portable.variables("sse")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_settings_are_those_of_other_machines_and_others_are_refused(capsys, monkeypatch):
    assert portable.variables("sse")["ATEN_CPU_CAPABILITY"] == "default"
    assert portable.variables("jitter-12") == portable.variables("as-it-is")
    with pytest.raises(ValueError, match="jitter-SEED, got 'avx9'"):
        portable.variables("avx9")
    monkeypatch.setattr("sys.argv", ["portable.py", "jitter"])
    with pytest.raises(SystemExit, match="2"):
        portable.main()
    assert "got 'jitter'" in capsys.readouterr().err
