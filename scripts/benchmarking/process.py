"""A process of its own for every configuration: none inherits another's memory, threads or warm caches."""

import json
import subprocess  # nosec B404 # it is what this module is for
import sys
import tempfile
from pathlib import Path
from typing import Any

from .job import Job

SCRIPT = Path(__file__).parent.parent / "benchmark.py"


class WorkerError(Exception):
    """A worker failed; the text is what it wrote to standard error."""


def run_job(job: Job) -> dict[str, Any]:
    """Run a job in a fresh process, which does not outlive this call.

    Raises:
        WorkerError: It failed.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
        asked, answered, log = (Path(folder, name) for name in ("job.json", "result.json", "stderr.txt"))
        asked.write_text(job.to_json(), encoding="utf-8")
        # Into files: a pipe that nobody reads would stop a talkative worker.
        with log.open("wb") as errors:
            worker = subprocess.Popen(  # nosec B603 # our own script, no shell
                [sys.executable, str(SCRIPT), "--worker", str(asked), str(answered)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            try:
                code = worker.wait()
            finally:
                _end(worker)
        if code != 0:
            text = log.read_text(encoding="utf-8", errors="replace").strip()
            raise WorkerError(f"{job.suite or job.kind}: {job.title or job.kind} ended with {code}\n{text}")
        result: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
        return result


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End a worker that still runs: Ctrl-C and errors leave nothing behind."""
    if worker.poll() is None:
        worker.terminate()
        try:
            worker.wait(timeout=10)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
