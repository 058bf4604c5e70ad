"""Devices that are refused, or that nobody asked for."""

import pytest
import torch

from lit_samseg.runtime.device import accelerator, check_device, find_device
from tests.conftest import RunCli, SmallVoc, refuses


def test_what_has_no_float64_is_refused() -> None:
    refuses(lambda: find_device("mps"), "device is mps", "--device cpu", "--trainer.accelerator cpu")
    check_device(torch.device("cpu"))


@pytest.mark.filterwarnings("ignore:GPU available but not used")
def test_auto_is_no_apple_gpu(monkeypatch: pytest.MonkeyPatch, small_voc: SmallVoc, run_cli: RunCli) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert [accelerator(asked) for asked in ("auto", "gpu", "cpu")] == ["cpu", "gpu", "cpu"]
    words = [word for word in small_voc.words() if not word.startswith("--trainer.accelerator")]
    monkeypatch.setattr("lightning.pytorch.accelerators.mps.MPSAccelerator.is_available", lambda: True)
    outcome = run_cli(*words, f"--output_dir={small_voc.root}/out", "--model.variants=[box]", "--model.analysis=false")
    assert outcome.code == 0, outcome.err
