"""A command of the program in a process of its own, whose words go to a file.

Libraries are imported once, by a server that is forked for each command: that takes longer than many a run.

Where processes are spawned, this module is imported before the program's own libraries. It imports none of them, since
their order matters: after rich, ``Union[int, float]`` in Lightning's signatures is ``Union[float, int]`` (Python keeps
unions that are equal), and ``--trainer.limit_test_batches 1``, one image, becomes 1.0, all of them.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from lit_samseg.errors import InputError

_PRELOADED = ["lit_samseg.cli.command_line"]


class PairProcess:
    """A command that runs.

    It hears no Ctrl-C, which is the study's to hear; it ends, as by a batch system's SIGTERM, when the study is no
    more.

    Args:
        words: The words after ``lit-samseg``.
        log: The file of what it prints; what is there is replaced.
        threads: How many threads it computes with; None leaves that to torch.

    Raises:
        InputError: The file cannot be written.
    """

    def __init__(self, words: Sequence[str], log: Path, threads: int | None = None) -> None:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.open("w").close()
        except OSError as error:
            raise InputError(f"{log} cannot be written ({error.strerror}); give another --output_dir") from error
        self._process = _context().Process(target=_run, args=(list(words), str(log), threads))
        self._process.start()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal's, or None while it runs."""
        code: int | None = self._process.exitcode
        return code

    def stop(self) -> None:
        """Ask it to end; what is finished is kept."""
        if self.poll() is None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        self._process.join(seconds)

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            self._process.kill()


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _run(words: list[str], log: str, threads: int | None) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (as long as the process)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    # The server's own way to start processes is not for those that read pictures.
    multiprocessing.set_start_method(None, force=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    sys.argv = ["lit-samseg", *words]
    # The study's own program has imported it; it runs anew, as by ``python -m lit_samseg``.
    sys.modules.pop("lit_samseg.__main__", None)
    try:
        runpy.run_module("lit_samseg", run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()


def _end_with_parent() -> None:
    """Wait for the end of the study, however it ends, and end this process in good order."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
