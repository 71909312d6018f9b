import pytest
import torch

from patchwork.devices import best_device


@pytest.fixture
def machine(monkeypatch):
    """Pretend to have some accelerators."""

    def pretend(*, cuda=0, mps=False):
        monkeypatch.delenv("PATCHWORK_DEVICE", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        return monkeypatch

    return pretend


@pytest.mark.parametrize(
    ("present", "expected"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": 1}, "cuda"), ({"cuda": 2, "mps": True}, "cuda")],
)
def test_takes_the_best_device_present(machine, present, expected):
    machine(**present)
    assert best_device() == torch.device(expected)


@pytest.mark.parametrize("wanted", ["cpu", "cuda", "cuda:0", "cuda:1", " cuda:1 "])
def test_the_environment_overrides(machine, wanted):
    machine(cuda=2).setenv("PATCHWORK_DEVICE", wanted)
    assert best_device() == torch.device(wanted.strip())


def test_an_empty_override_is_none(machine):
    machine(cuda=1).setenv("PATCHWORK_DEVICE", "")
    assert best_device() == torch.device("cuda")


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "cuda:-2", "cuda, cpu"])
def test_an_override_that_names_no_device(machine, wanted):
    machine(cuda=1).setenv("PATCHWORK_DEVICE", wanted)
    with pytest.raises(ValueError, match=f"^PATCHWORK_DEVICE={wanted} names no device; use cpu, cuda.*$") as caught:
        best_device()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wanted", ["cuda:1", "mps", "meta", "xpu"])
def test_an_override_that_this_machine_lacks(machine, wanted):
    machine(cuda=1).setenv("PATCHWORK_DEVICE", wanted)
    with pytest.raises(ValueError, match=f"^PATCHWORK_DEVICE={wanted} is not on this machine, which has: cpu, cuda$"):
        best_device()
