"""Commands of a study as jobs of a batch system: SLURM by submitit, which also runs them on this machine."""

import importlib.util
import subprocess  # nosec B404 # the command is the program itself
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lit_samseg.errors import InputError

Cluster = Literal["auto", "slurm", "local"]

_PARAMETERS: dict[str, Any] = {"timeout_min": 12 * 60, "cpus_per_task": 4, "stderr_to_stdout": True}
"""What a job is given where nobody says otherwise; the batch system's own limit of time is often minutes."""

_EVERY = 0.5
"""Seconds between two looks at a job that is to end."""


class ClusterCommand:
    """A command of the program, to be run on a node. It meets the study in the study's folder alone.

    A job that is preempted, or whose time is up, is queued again; its run goes on where its journal ends.

    Args:
        words: The words after ``lit-samseg``.
        log: The file of what it prints.
    """

    def __init__(self, words: Sequence[str], log: Path) -> None:
        self.words, self.log = list(words), log
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> int:
        """Run it, and return its exit code."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            # A process of its own: the job's has handlers for the batch system's signals.
            command = [sys.executable, "-m", "lit_samseg", *self.words]
            self._process = subprocess.Popen(  # nosec B603 # the program itself, no shell
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            return self._process.wait()

    def checkpoint(self) -> Any:
        """Return the job that goes on with this one; what is finished is on disk first."""
        import submitit

        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        return submitit.helpers.DelayedSubmission(ClusterCommand(self.words, self.log))

    __submitit_checkpoint__ = checkpoint


class ClusterJob:
    """A job that was handed over.

    Args:
        job: submitit's.
        log: The command's file, for what the batch system has to say where the command said nothing.
    """

    def __init__(self, job: Any, log: Path) -> None:
        self._job, self._log = job, log
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs or waits for its turn."""
        if self._code is None and self._job.done():
            self._code = self._result()
        return self._code

    def _result(self) -> int:
        from submitit.core.utils import UncompletedJobError

        try:
            return int(self._job.result())
        except UncompletedJobError as error:
            # It died, ran out of time too often, or was cancelled.
            lines = [line for line in str(error).splitlines() if line.strip()]
            with self._log.open("a", encoding="utf-8") as log:
                log.write("\n".join(["", *lines, ""]))
            return 1

    def stop(self) -> None:
        """Cancel the job; what is finished is kept."""
        if self.poll() is None:
            self._job.cancel()

    def wait(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(_EVERY)

    def kill(self) -> None:
        """Do no more: the batch system ends what was cancelled."""


class ClusterLauncher:
    """Hands each command over as a job, all at once; the batch system decides when they run.

    Args:
        folder: Where submitit's files go; on a disk that all nodes share.
        cluster: ``slurm``; ``local`` for this machine; ``auto`` for SLURM where it is there, else this machine.
        parameters: Of `submitit.AutoExecutor.update_parameters`, such as ``slurm_partition`` and ``gpus_per_node``.
        at_once: How many jobs may be handed over at a time; None for all.

    Raises:
        InputError: submitit is not installed, or does not know a parameter or the cluster.
    """

    def __init__(
        self,
        folder: Path,
        cluster: Cluster = "auto",
        parameters: Mapping[str, Any] | None = None,
        at_once: int | None = None,
    ) -> None:
        self.at_once = at_once
        if importlib.util.find_spec("submitit") is None:
            raise InputError("--launcher submitit needs submitit; install it by: pip install 'lit_samseg[cluster]'")
        import submitit

        try:
            self._executor = submitit.AutoExecutor(folder / "%j", cluster=None if cluster == "auto" else cluster)
            self._executor.update_parameters(**_PARAMETERS | dict(parameters or {}))
        except (RuntimeError, ValueError, TypeError, NameError, AssertionError) as error:
            raise InputError(f"--cluster, --cluster_options: {' '.join(str(error).split())}") from error

    def start(self, words: Sequence[str], log: Path) -> ClusterJob:
        """Hand a command over; what it prints replaces what is in ``log``."""
        return ClusterJob(self._executor.submit(ClusterCommand(words, log.resolve())), log.resolve())
