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
from tests.finetune.snapshots import SNAPSHOT, put_back

pytestmark = pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")


DECODER = ("--data.training.subset", "4", "--optimizer", "SGD", "--optimizer.lr", "0.002", "--trainer.max_epochs=2")
BARE_HEAD = ("--model", "lit_samseg.finetune.HeadFinetune", "--model.baseline", "demo", "--model.sam", "demo")
BARE_HEAD += ("--model.variants", "[none@memory]", "--model.width", "16")
HEAD = (*BARE_HEAD, "--data.training.subset", "4", "--data.training.views", "1")
HEAD += ("--optimizer", "SGD", "--optimizer.lr", "0.01", "--trainer.max_epochs=2")
LORA = ("--model.lora.rank", "4", "--model.lora.parts", "[mask_decoder, image_encoder]", "--trainer.max_epochs=2")
LORA += ("--data.training.subset", "4", "--optimizer", "SGD", "--optimizer.lr", "0.05")
WORDS = (
    *("--model", "lit_samseg.finetune.TextCalibration", "--model.baseline", "demo", "--model.sam", "demo"),
    *("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "scenes"),
    *("--model.variants", "[none@text, none@add]", "--data.training.subset", "5", "--data.training.views", "1"),
    "--trainer.max_epochs=1",
)
MEMORY = ("--model", "lit_samseg.finetune.MemoryFinetune", "--model.baseline", "demo", "--model.sam", "demo")
MEMORY += ("--model.variants", "[none@memory]", "--model.cells", "60", "--model.hidden", "4", "--model.epochs", "1")
MEMORY += ("--model.folds", "2")
# Three images are not the same number for both: one comes twice.
TWO_EPOCHS = ("--data.training.subset", "3", "--data.training.views", "2", "--trainer.max_epochs", "2")
BROKEN = {
    "decoder": (("--model.average", "0.5", *TWO_EPOCHS), "adapter.safetensors"),
    "memory": ((*MEMORY, *TWO_EPOCHS), "memory.safetensors"),
    "head": ((*BARE_HEAD, *TWO_EPOCHS), "memory.safetensors"),
}


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


# By default one process goes on, in test_going_on.py.
@pytest.mark.slow
@pytest.mark.parametrize("kind", BROKEN)
def test_two_processes_go_on_as_two_that_were_not_stopped(kind: str, tmp_path: Path) -> None:
    """The weights, to the bit, which images they were trained on, and the curve but for the seconds."""
    words, file = BROKEN[kind]
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    fit(parts, 2, 1, *words, *SNAPSHOT)
    put_back(parts)
    assert not (parts / file).exists()
    last = torch.load(parts / "checkpoints/last.ckpt", weights_only=True)
    assert (last["epoch"], last["global_step"]) == (0, 2)
    fit(parts, 2, 1, *words, "--ckpt_path", str(parts / "checkpoints/last.ckpt"))
    assert (parts / file).read_bytes() == (whole / file).read_bytes()
    curves = [
        [line.split(",")[:2] + line.split(",")[3:] for line in (folder / "curve.csv").read_text().split("\n")]
        for folder in (parts, whole)
    ]
    assert curves[0] == curves[1]
    assert [line[0] for line in curves[0]] == ["epoch", "0", "1", "2", ""]
    one, other = (torch.load(folder / "checkpoints/last.ckpt", weights_only=True) for folder in (parts, whole))
    assert len(one["trained_on"]) == 3
    assert one["trained_on"] == other["trained_on"]
    # The second epoch changed something.
    assert any(not torch.equal(one["state_dict"][name], weight) for name, weight in last["state_dict"].items())
