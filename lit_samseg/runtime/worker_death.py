"""What became of a process that read pictures, told from PyTorch's words; no library is imported for it."""

import re
import signal

from lit_samseg.errors import InputError

_DEATH = re.compile(r"DataLoader worker \(pid.*?\) (?:is killed by signal: (?P<signal>[^.]+)|exited unexpectedly)")
_EXIT_CODE = re.compile(r"with exit code (\d+)")


class TerminatedError(Exception):
    """A run that was told to end, as by SIGTERM from a batch system."""


def explain_death(error: BaseException) -> InputError | TerminatedError | None:
    """Return in one line what became of a process that read pictures; None for any other error.

    One that SIGTERM ended was ended with the whole run, by a batch system, say: that is no lack of memory.
    """
    # PyTorch has no error of its own for it.
    death = _DEATH.search(str(error)) if isinstance(error, RuntimeError) else None
    if death is None:
        return None
    # Where the main process was waiting for a batch, the cause says more.
    first = explain_death(error.__cause__) if error.__cause__ is not None else None
    if first is not None:
        return first
    numbers = [n for n in signal.Signals if signal.strsignal(n) == death["signal"]] if death["signal"] else []
    code = _EXIT_CODE.search(str(error))
    if signal.SIGTERM in numbers:
        return TerminatedError()
    if numbers:
        what = f"was killed by signal {int(numbers[0])} ({death['signal']})"
    elif death["signal"]:
        what = f"died: {death['signal']}"
    else:
        what = f"ended with exit code {code[1]}" if code else "ended before its time"
    # The kernel says SIGKILL where memory runs out.
    memory = ", perhaps out of memory" if death["signal"] == "Killed" or (not code and not death["signal"]) else ""
    return InputError(
        f"a process that reads pictures {what}{memory}; use fewer of them (--data.num_workers, 0 for none) "
        "or smaller pictures"
    )
