"""The program: what needs no network is answered without one, and each way to end has its exit code.

0: done. 2: something a user can mend, said in one line. 130: Ctrl-C. 143: SIGTERM. 1, with a traceback: a defect.
``python -m lit_samseg`` is ``lit-samseg``. A reader that has seen enough (``| head``) is no failure.
"""

import argparse
import difflib
import errno
import gc
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from lit_samseg.cli.command_help import COMMANDS_WITH_HELP, HELP_ALL, command_help
from lit_samseg.cli.description import COMMANDS, WITHOUT_LIGHTNING, WITHOUT_NETWORKS, help_text
from lit_samseg.cli.streams import Streams
from lit_samseg.errors import InputError
from lit_samseg.runtime.waiting import choose_waiting
from lit_samseg.runtime.worker_death import TerminatedError, explain_death
from lit_samseg.version import __version__

_LOGGER_PACKAGES = ("comet_ml", "mlflow", "neptune", "wandb")
"""Errors of their own tell the user what to mend."""

_INTERRUPTED, _TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM


def main(args: Sequence[str] | None = None) -> None:
    """Run a command line.

    Args:
        args: The words after the program's name; None takes the process's own, and its Ctrl-C until the end.

    Raises:
        SystemExit: The command did not succeed, or help or the version was asked for.
    """
    words = list(sys.argv[1:] if args is None else args)
    streams = Streams() if args is None else None
    try:
        _run(words, None if args is None else words)
        if streams is not None and (reason := streams.failure()) is not None:
            _end(f"error: standard output cannot be written ({reason}); all files were", 2)
    except argparse.ArgumentError as error:
        from lit_samseg.cli.option_errors import in_one_line

        known = [word for word in words[:1] if word in COMMANDS]
        _end(f"error: {in_one_line(str(error))} (see {' '.join(['lit-samseg', *known, '--help'])})", 2)
    except KeyboardInterrupt:
        _end("interrupted", _INTERRUPTED)
    except SystemExit as stop:
        # Lightning ends an interrupted run with 1; shells expect 128 + SIGINT.
        if isinstance(stop.__context__, KeyboardInterrupt):
            _end("interrupted", _INTERRUPTED)
        # Lightning ends a run that was told to end (by a batch system, say) as if all were well.
        if _is(stop, "SIGTERMException"):
            _end("terminated", _TERMINATED)
        raise
    except Exception as error:
        readable = _readable_cause(error)
        if readable is None:
            raise
        if isinstance(readable, TerminatedError):
            _end("terminated", _TERMINATED)
        _end(f"error: {' '.join(str(readable).split())}", 2)
    finally:
        if args is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            # All is said; who presses Ctrl-C again, while Python puts its things away, wants no traceback.
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run(words: list[str], args: list[str] | None) -> None:
    if not words:
        raise InputError(f"give a command: {', '.join(COMMANDS)} (see lit-samseg --help)")
    first = words[0]
    if first in ("-h", "--help", "help"):
        print(help_text(), end="")
    elif first in ("--version", "version"):
        print(f"lit-samseg {__version__}")
    elif first in WITHOUT_LIGHTNING:
        if first not in WITHOUT_NETWORKS:
            choose_waiting(os.environ)
        with _ending_at_once():
            from lit_samseg.commands import run_report
        run_report(words)
    elif first in COMMANDS_WITH_HELP and {"-h", "--help"} & set(words):
        print(command_help(first), end="")
    elif first in COMMANDS or _has_options_first(words):
        # Here, since a mistaken name is answered at once.
        from lit_samseg.configurations import find_configurations

        words = find_configurations(["--help" if word == HELP_ALL else word for word in words])
        choose_waiting(os.environ)
        with _ending_at_once(), _without_collecting():
            from lit_samseg.cli.command_line import run_command
        run_command(words, args)
    else:
        meant = difflib.get_close_matches(first, COMMANDS, 1)
        hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(COMMANDS)}"
        raise InputError(f"no command {first!r}; {hint} (see lit-samseg --help)")


def _has_options_first(words: list[str]) -> bool:
    """Tell whether options stand before the command, as Lightning allows for a file of several commands."""
    if not words[0].startswith("-"):
        return False
    from lit_samseg.cli.config_files import check_command_first, check_config_files

    check_config_files(words)
    check_command_first(words, tuple(COMMANDS))
    return any(word in COMMANDS for word in words)


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """Have Ctrl-C end the process while libraries are imported, which takes seconds.

    An exception would come out of the middle of an import as another one, or not at all.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: _end_at_once())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Import libraries without looking for garbage among what they define: there is next to none, and it takes long."""
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        # Nor is it looked through later.
        gc.freeze()


def _end_at_once() -> NoReturn:
    print("lit-samseg: interrupted", file=sys.stderr, flush=True)
    os._exit(_INTERRUPTED)


def _readable_cause(error: BaseException | None) -> BaseException | None:
    """Find the error that was written for the user; jsonargparse wraps what a constructor raises.

    Only causes are followed: an error on the way to which another happened to be handled is a defect of the program,
    and its traceback must be seen.
    """
    while error is not None:
        # OSError: a full disk, a file without permission; its text names the file. ModuleNotFoundError: a logger whose
        # package is not installed.
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
            # A logger's, or a library's; what this program writes has a name.
            return InputError(f"{error}: a logger's folder, or that for temporary files ({tempfile.gettempdir()})")
        if isinstance(error, InputError | OSError | ModuleNotFoundError | TerminatedError):
            return error
        if _is(error, "MisconfigurationException"):
            return error
        if _is(error, "OutOfMemoryError"):
            what = str(error).partition(". ")[0]
            return InputError(f"out of memory ({what}); use smaller images or networks, or --trainer.accelerator cpu")
        if isinstance(error, MemoryError):
            return InputError("out of memory; use smaller images or networks, or fewer --data.num_workers")
        if (death := explain_death(error)) is not None:
            return death
        # A server that is not there, a login that is missing.
        if type(error).__module__.partition(".")[0] in _LOGGER_PACKAGES:
            return error
        error = error.__cause__
    return None


def _is(error: BaseException, name: str) -> bool:
    """Tell whether an error is of a class of Lightning or torch, without importing either for it."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _end(message: str, code: int) -> NoReturn:
    print(f"lit-samseg: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
