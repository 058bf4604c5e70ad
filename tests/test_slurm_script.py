"""The script of docs/running.md for SLURM, run by a ``srun`` of this machine's own: two nodes, which share a disk."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PROJECT, SmallVoc, has_loopback, run_quietly
from tests.recomputation import results_of

SRUN = """#!{python}
import os, subprocess, sys, time
assert sys.argv[1] == "--kill-on-bad-exit=1"
nodes, tasks = int(os.environ["SLURM_NNODES"]), int(os.environ["SLURM_NTASKS_PER_NODE"])
started = []
for rank in range(nodes * tasks):
    own = {{"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank % tasks), "SLURM_NODEID": str(rank // tasks)}}
    started.append(subprocess.Popen(sys.argv[2:], env=os.environ | own))
while any(task.poll() is None for task in started):
    time.sleep(0.1)
    if any(task.poll() for task in started):
        # As long as SLURM's KillWait.
        deadline = time.monotonic() + 30
        while any(task.poll() is None for task in started) and time.monotonic() < deadline:
            time.sleep(0.1)
        for task in started:
            task.kill()
sys.exit(max(abs(task.wait()) for task in started))
"""


def script() -> str:
    """Return the page's script."""
    blocks = re.findall(r"```bash\n(.*?)```", (PROJECT / "docs/running.md").read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if "srun " in block]
    return str(found)


def submit(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run it as ``sbatch`` would, with one process a node on the CPU, and options in place of the dots."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "srun").write_text(SRUN.format(python=sys.executable))
    (programs / "lit-samseg").write_text(f'#!/bin/sh\nexec {sys.executable} -m lit_samseg "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    text = script().replace("-node=4", "-node=1").replace("devices 4", "devices 1").replace("DIR", str(folder))
    text = text.replace("test ...", " ".join(options))
    (folder / "job.sh").write_text(text)
    asked = dict(re.findall(r"--(nodes|ntasks-per-node)=(\d+)", text))
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NAME": "evaluation", "SLURM_NODELIST": "127.0.0.1"}
    job |= {"SLURM_NNODES": asked["nodes"], "SLURM_NTASKS_PER_NODE": asked["ntasks-per-node"]}
    job |= {"SLURM_NTASKS": str(int(asked["nodes"]) * int(asked["ntasks-per-node"])), "OMP_NUM_THREADS": "1"}
    job |= {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        ["bash", str(folder / "job.sh")],
        cwd=folder, env=os.environ | job, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def words(small_voc: SmallVoc) -> list[str]:
    return [*small_voc.words(), "--model.variants=[point]"]


def test_it_has_what_the_test_runs() -> None:
    text = script()
    for needed in ("#SBATCH --nodes=2 --ntasks-per-node=4", "--trainer.num_nodes 2 --trainer.devices 4", "test ..."):
        assert needed in text


# The quicker ones are those of processes that fail, or are interrupted, and of their scores.
@pytest.mark.slow
@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
def test_two_nodes_share_a_disk(small_voc: SmallVoc, tmp_path: Path) -> None:
    """The first job meets a broken file and ends in time; queued again, the same one goes on from both journals."""
    run_quietly(*words(small_voc), "--output_dir", tmp_path / "alone")
    broken = small_voc.coarse / f"{small_voc.ids[3]}.png"
    good = broken.read_bytes()
    broken.write_bytes(b"no picture")
    done = submit(tmp_path, *words(small_voc))
    assert done.returncode == 2, done.stderr
    assert f"error: label map {broken} is not a picture" in done.stderr
    assert "Traceback" not in done.stderr
    broken.write_bytes(good)
    done = submit(tmp_path, *words(small_voc))
    assert done.returncode == 0, done.stderr
    resumed = re.search(r"(\d) of 4 images are done already", done.stderr)
    assert resumed is not None, done.stderr
    ours, theirs = np.load(tmp_path / "run/counts.npz"), np.load(tmp_path / "alone/counts.npz")
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs.files)
    results = results_of(tmp_path / "run")
    assert results["rows"] == results_of(tmp_path / "alone")["rows"]
    assert results["resumed"] == int(resumed[1])
    assert len(results["processes"]) == 2
    # Both nodes left their embeddings in one cache, each once.
    embeddings = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix == ".safetensors"]
    assert len(embeddings) >= 4
