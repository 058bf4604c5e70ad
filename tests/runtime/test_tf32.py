"""fp32 is computed as such whatever a program has set, and its settings are as they were afterwards."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lit_samseg.runtime.fp32_module import Fp32Module
from lit_samseg.runtime.tf32 import arithmetic_of_fp32, without_tf32

BACKENDS: Any = torch.backends
OPERATIONS = {
    "matmul": BACKENDS.cuda.matmul,
    "conv": BACKENDS.cudnn.conv,
    "rnn": BACKENDS.cudnn.rnn,
    "matmul of a CPU": BACKENDS.mkldnn.matmul,
    "conv of a CPU": BACKENDS.mkldnn.conv,
    "rnn of a CPU": BACKENDS.mkldnn.rnn,
}


@pytest.fixture(autouse=True)
def nothing_set() -> Iterator[None]:
    yield
    torch.set_float32_matmul_precision("highest")
    BACKENDS.fp32_precision = BACKENDS.cudnn.fp32_precision = "none"
    for operation in OPERATIONS.values():
        operation.fp32_precision = "none"
    BACKENDS.cudnn.allow_tf32 = True  # PyTorch's default


def readings() -> dict[str, str]:
    places = {"all": BACKENDS, "all of a GPU": BACKENDS.cudnn} | OPERATIONS
    return {name: place.fp32_precision for name, place in places.items()}


def set_for_all() -> None:
    BACKENDS.fp32_precision = "tf32"


def set_for_gpus() -> None:
    BACKENDS.cudnn.fp32_precision = "tf32"


def set_one_by_one() -> None:
    set_for_all()
    for name, operation in OPERATIONS.items():
        operation.fp32_precision = "bf16" if name.endswith("CPU") else "tf32"


def set_of_old() -> None:
    BACKENDS.cuda.matmul.allow_tf32 = BACKENDS.cudnn.allow_tf32 = True


def set_high() -> None:
    torch.set_float32_matmul_precision("high")


@pytest.mark.parametrize("choose", [set_for_all, set_for_gpus, set_one_by_one, set_of_old, set_high])
def test_whatever_a_program_has_set(choose: Callable[[], None]) -> None:
    choose()
    before = readings()
    assert "tf32" in before.values()
    with without_tf32():
        assert set(readings().values()) == {"ieee"}
        assert arithmetic_of_fp32() == ["ieee", "ieee"]
        with without_tf32():
            pass
        assert set(readings().values()) == {"ieee"}
    assert readings() == before


def test_what_followed_another_setting_follows_it_again() -> None:
    for operation in OPERATIONS.values():
        operation.fp32_precision = "none"
    BACKENDS.cudnn.rnn.fp32_precision = "ieee"
    set_for_all()
    with without_tf32():
        pass
    for value in ("ieee", "tf32"):
        BACKENDS.fp32_precision = value
        assert {name for name, read in readings().items() if read != value} <= {"rnn"}
        assert BACKENDS.cudnn.rnn.fp32_precision == "ieee"


class Reading(Fp32Module):
    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.fails, self.read, self.layer = fails, set[str](), nn.Linear(1, 1)

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        self.read |= set(readings().values())
        if self.fails:
            raise KeyError("on purpose")


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*treespec, LeafSpec.*")
@pytest.mark.parametrize("fails", [False, True])
def test_a_trainer_puts_them_back_however_it_ends(fails: bool) -> None:
    set_for_all()
    module = Reading(fails)
    trainer = Trainer(logger=False, accelerator="cpu", enable_checkpointing=False, enable_progress_bar=False)
    data: Any = DataLoader(torch.zeros(1, 1), num_workers=0)  # type: ignore[arg-type]
    with pytest.raises(KeyError) if fails else nullcontext():
        trainer.test(module, data, verbose=False)
    assert module.read == {"ieee"}
    assert set(readings().values()) == {"tf32"}


UNTOUCHED = """
import torch
from lit_samseg.runtime.tf32 import without_tf32
conv = torch.backends.cudnn.conv
before = conv.fp32_precision, torch.backends.cudnn.allow_tf32
with without_tf32():
    assert conv.fp32_precision == "ieee"
assert (conv.fp32_precision, torch.backends.cudnn.allow_tf32) == before
torch.backends.fp32_precision = "ieee"
assert conv.fp32_precision == "ieee", "it follows no more"
"""


def test_what_nobody_has_set_stays_so() -> None:
    """In a process of its own: once set, a setting has no way back to what PyTorch begins with."""
    outcome = subprocess.run([sys.executable, "-c", UNTOUCHED], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
