"""A batch system ends a job and queues it again: finished images are kept, and the same command goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lit_samseg.cli.command_line import run
from lit_samseg.journal import Journal
from tests.conftest import PROJECT, has_loopback
from tests.recomputation import results_of

OPTIONS = (f"--config={PROJECT / 'configs/demo.yaml'}", "--model.variants=[points]", "--trainer.accelerator=cpu")


def start(folder: Path, *words: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the command in a folder and session of its own; the run's folder is ``run`` there."""
    return subprocess.Popen(
        [sys.executable, "-m", "lit_samseg", "test", *OPTIONS, f"--output_dir={folder / 'run'}", *words],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_images(process: "subprocess.Popen[str]", folder: Path, images: int) -> None:
    deadline = time.monotonic() + 120
    while len(Journal(folder / "run").records()) < images:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_checkpoint_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lightning loads one by itself when a SLURM job begins again, whatever run it is of."""
    monkeypatch.setattr("sys.argv", ["lit-samseg"])
    words = [*OPTIONS, "--data.size=1", "--gallery=false", "--report=false", f"--output_dir={tmp_path / 'run'}"]
    module = run(["test", *words]).model
    before = {name: parameter.clone() for name, parameter in module.named_parameters()}
    assert before
    assert module.state_dict() == {}
    module.load_state_dict({name: torch.zeros_like(parameter) for name, parameter in before.items()})
    assert all(torch.equal(parameter, before[name]) for name, parameter in module.named_parameters())


@pytest.mark.slow
def test_slurm_queues_a_job_again(tmp_path: Path) -> None:
    """As ``sbatch --requeue --signal=SIGUSR1@90`` does, with a ``scontrol`` that takes down what it is told."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n')
    (programs / "scontrol").chmod(0o755)
    job = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "evaluation", "SLURM_NTASKS": "1", "SLURM_PROCID": "0"}
    job |= {"SLURM_LOCALID": "0", "SLURM_NODEID": "0", "PATH": f"{programs}:{os.environ['PATH']}"}
    words = ("--resume=true", "--data.size=30")
    process = start(tmp_path, *words, **job)
    wait_for_images(process, tmp_path, 2)
    process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 60
    while not (tmp_path / "told").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert (tmp_path / "told").read_text() == "requeue 4711\n"
    done = len(Journal(tmp_path / "run").records())
    process = start(tmp_path, *words, **job)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert f"{done} of 30 images are done already" in errors
    assert results_of(tmp_path / "run")["resumed"] == done
    # Lightning's own checkpoint is neither in the way nor left behind.
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.slow
@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("to_all", [False, True])
def test_two_processes_end_in_time(sent: signal.Signals, code: int, to_all: bool, tmp_path: Path) -> None:
    if sent == signal.SIGINT and not to_all:
        pytest.skip("a terminal sends it to all")
    process = start(tmp_path, "--data.size=1000", "--trainer.devices=2")
    wait_for_images(process, tmp_path, 4)
    if to_all:
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    before = time.monotonic()
    _, errors = process.communicate(timeout=60)
    # A batch system kills after 30 s, the issue asks for 10; machines of tests are slow.
    assert time.monotonic() - before < 20
    assert process.returncode == code
    assert "Traceback" not in errors
    assert "images are done and kept" in errors
    assert len(Journal(tmp_path / "run").records()) >= 4
