"""Two processes that learn together are one that sees batches twice as large."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, has_loopback, run_quietly

pytestmark = pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")


DECODER = ("--data.training.subset", "4", "--optimizer", "SGD", "--optimizer.lr", "0.002", "--trainer.max_epochs=2")
HEAD = ("--model", "lit_samseg.finetune.HeadFinetune", "--model.baseline", "demo", "--model.sam", "demo")
HEAD += ("--model.variants", "[none@memory]", "--model.width", "16", "--data.training.subset", "4")
HEAD += ("--data.training.views", "1", "--optimizer", "SGD", "--optimizer.lr", "0.01", "--trainer.max_epochs=2")
LORA = ("--model.lora.rank", "4", "--model.lora.parts", "[mask_decoder, image_encoder]", "--trainer.max_epochs=2")
LORA += ("--data.training.subset", "4", "--optimizer", "SGD", "--optimizer.lr", "0.05")
WORDS = (
    *("--model", "lit_samseg.finetune.TextCalibration", "--model.baseline", "demo", "--model.sam", "demo"),
    *("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "scenes"),
    *("--model.variants", "[none@text, none@add]", "--data.training.subset", "5", "--data.training.views", "1"),
    "--trainer.max_epochs=1",
)


def fit(folder: Path, processes: int, batch_size: int, *more: str) -> None:
    words = [
        *("fit", "--config", str(PROJECT / "configs/demo_finetune.yaml"), "--output_dir", str(folder)),
        *("--data.subset", "2", f"--data.training.batch_size={batch_size}", f"--trainer.devices={processes}", *more),
    ]
    if processes == 1:
        run_quietly(*words)
        return
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *start, "-m", "lit_samseg", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


# By default two processes test, in tests/test_processes.py, and one fits, in test_fit.py.
@pytest.mark.slow
def test_two_processes_learn_what_one_does_of_double_batches(tmp_path: Path) -> None:
    fit(tmp_path / "one", 1, 2, *DECODER)
    fit(tmp_path / "two", 2, 1, *DECODER)
    one, two = (load_file(tmp_path / name / "adapter.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    # Means of means: the sums' order is another.
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-5
    before = SegmentAnything("demo").model.state_dict()
    assert max(float((one[name] - before[name]).abs().max()) for name in one) > 1e-3
    rows = []
    for name in ("one", "two"):
        with (tmp_path / name / "curve.csv").open() as file:
            rows.append(list(csv.DictReader(file)))
    assert len(rows[0]) == len(rows[1]) == 3
    for alone, together in zip(*rows, strict=True):
        assert alone["step"] == together["step"]
        for column in ("val/miou", "val/baseline/macc", *(["train/loss"] if alone["train/loss"] else [])):
            assert float(together[column]) == pytest.approx(float(alone[column]), abs=2e-4)


# By default one process fits, in test_head.py.
@pytest.mark.slow
def test_two_processes_learn_a_head_as_one_does_of_double_batches(tmp_path: Path) -> None:
    fit(tmp_path / "one", 1, 2, *HEAD)
    fit(tmp_path / "two", 2, 1, *HEAD)
    one, two = (load_file(tmp_path / name / "memory.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    # Labels are counted on all images, whoever looked at them.
    assert all(torch.equal(one[name], two[name]) for name in ("mixed_up", "offset", "slope"))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4


# By default one process fits, in test_lora.py.
@pytest.mark.slow
def test_two_processes_learn_by_lora_what_one_does_of_double_batches(tmp_path: Path) -> None:
    fit(tmp_path / "one", 1, 2, *LORA)
    fit(tmp_path / "two", 2, 1, *LORA)
    one, two = (load_file(tmp_path / name / "adapter.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-5
    # Those that began with zeros.
    assert all(float(one[name].abs().max()) > 0 for name in one if ".lora_B" in name and "k_proj" not in name)
    assert max(float(one[name].abs().max()) for name in one if ".lora_B" in name) > 1e-3


# By default two processes test, and one calibrates words, in test_text_calibration.py.
@pytest.mark.slow
def test_two_processes_write_the_calibration_of_words_that_one_does(tmp_path: Path) -> None:
    fit(tmp_path / "one", 1, 2, *WORDS)
    fit(tmp_path / "two", 2, 2, *WORDS)
    one, two = ((tmp_path / name / "text.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    assert bool(load_file(tmp_path / "one/text.safetensors")["ratios"].any())
