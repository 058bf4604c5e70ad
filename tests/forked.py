"""The program in a process of its own that need not import anything: a fork of the one that runs the tests.

Importing torch and Lightning takes a fresh process many times as long as evaluating a few small images. Everything
else is as in ``python -m lit_samseg``: the module runs as ``__main__``, with words, environment, streams and signals
of its own. What importing itself must show is tested by fresh processes.
"""

import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import torch

from lit_samseg.metrics.metric import METRICS
from lit_samseg.refine.part import PARTS
from tests.conftest import PROJECT


class Forked:
    """A command that runs, as `subprocess.Popen` has it; its streams go to files, so that it never waits for a reader.

    Args:
        words: The words after ``lit-samseg``.
        environment: Variables that it has besides those of this process.
        packages: A further folder of installed packages.
        cwd: The folder it runs in.
    """

    def __init__(
        self,
        words: Sequence[object],
        environment: Mapping[str, str] | None = None,
        packages: Path | None = None,
        cwd: Path = PROJECT,
    ) -> None:
        self._streams = tuple(tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 (closed when read)
        arguments = ([str(word) for word in words], dict(environment or {}), packages, cwd, self._streams)
        self._process = multiprocessing.get_context("fork").Process(target=_run, args=arguments)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal's, or None while it runs."""
        return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        """The same, as of a process that was waited for."""
        return self.poll()

    def send_signal(self, sent: signal.Signals) -> None:
        """Send a signal to the process alone."""
        if self.poll() is None:
            os.kill(self.pid, sent)

    def kill(self) -> None:
        """Kill the process and all that it started."""
        # Whatever it started may live on after it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end; return standard output and standard error, once.

        Raises:
            TimeoutError: It is still running; it is killed.
        """
        self._process.join(timeout)
        late = self.poll() is None
        if late:
            self.kill()
            self._process.join()
        out, err = (_whole(stream) for stream in self._streams)
        if late:
            raise TimeoutError(f"{self.pid} is still running after {timeout} s:\n{err}")
        return out, err


def _whole(stream: IO[bytes]) -> str:
    with stream:
        stream.seek(0)
        return stream.read().decode()


def _run(
    words: list[str], environment: dict[str, str], packages: Path | None, cwd: Path, streams: tuple[IO[bytes], ...]
) -> None:
    os.setsid()
    for number, stream in enumerate(streams, 1):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115 (as long as the process)
    sys.stderr = sys.__stderr__ = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
    # A shell's background jobs ignore Ctrl-C, and so would what these tests start, if they are one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    os.chdir(cwd)
    if packages is not None:
        sys.path.insert(0, str(packages))
        for registry in (PARTS, METRICS):
            # Of what was installed for the tests' process.
            vars(registry).pop("_installed", None)
    # Threads do not outlive a fork: who asked for two would wait for the other for ever.
    torch.set_num_threads(1)
    sys.argv = ["lit-samseg", *words]
    # Imported by the tests; it runs anew.
    sys.modules.pop("lit_samseg.__main__", None)
    try:
        runpy.run_module("lit_samseg", run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
