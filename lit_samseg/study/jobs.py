"""Commands that run beside each other, so many at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

State = Literal["waiting", "running", "done", "failed"]

_LOOK = 0.2
"""Seconds between two looks at what runs."""

_PATIENCE = 60.0
"""Seconds that a command has to put its things away."""


class Running(Protocol):
    """A command that runs somewhere."""

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs or waits for its turn."""

    def stop(self) -> None:
        """Ask it to end; what is finished is kept."""

    def wait(self, seconds: float) -> None:
        """Wait for its end, so long at most."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """What starts commands.

    Attributes:
        at_once: How many may run at a time; None for as many as there are.
    """

    at_once: int | None

    def start(self, words: Sequence[str], log: Path) -> Running:
        """Start a command; what it prints replaces what is in ``log``."""


@dataclass
class Job:
    """A command and what became of it.

    Attributes:
        name: The pair's.
        words: After ``lit-samseg``.
        log: The file of what it prints.
        group: Jobs of one group rather run one after another, since they would compute the same for their cache.
        state: What it is doing.
        reason: Why it failed, in a line.
        began: When, in seconds of `time.monotonic`.
        after: Jobs that must have ended first, however they ended: what they left undone this one does.
    """

    name: str
    words: Sequence[str]
    log: Path
    group: str = ""
    state: State = "waiting"
    reason: str = ""
    began: float = 0.0
    after: Sequence["Job"] = ()
    _running: Running | None = field(default=None, repr=False)

    @property
    def first_began(self) -> float:
        """When the first of this and those that come before it began."""
        return min([self.began, *(job.began for job in self.after)])

    @property
    def state_of_all(self) -> State:
        """What this is doing; where it waits for others, what they are doing."""
        return (
            "running" if self.state == "waiting" and any(job.state != "waiting" for job in self.after) else self.state
        )


def run_jobs(jobs: Sequence[Job], launcher: Launcher, watch: Callable[[], None]) -> None:
    """Run all jobs; one that fails holds up no other.

    Args:
        jobs: What is to be run; their states change.
        launcher: What runs them.
        watch: Called at every look.

    Raises:
        BaseException: What came in between, as Ctrl-C; all jobs are ended first, in good order.
    """
    try:
        while any(job.state in ("waiting", "running") for job in jobs):
            for job in jobs:
                if job.state == "running":
                    _look_at(job)
            while (following := _following(jobs, launcher.at_once)) is not None:
                following._running = launcher.start(following.words, following.log)
                following.state, following.began = "running", time.monotonic()
            watch()
            if any(job.state == "running" for job in jobs):
                time.sleep(_LOOK)
    except BaseException:
        _end([job for job in jobs if job.state == "running"])
        raise


def _following(jobs: Sequence[Job], at_once: int | None) -> Job | None:
    running = [job for job in jobs if job.state == "running"]
    ended = ("done", "failed")
    waiting = [job for job in jobs if job.state == "waiting" and all(other.state in ended for other in job.after)]
    if not waiting or (at_once is not None and len(running) >= at_once):
        return None
    groups = {job.group for job in running}
    return next((job for job in waiting if job.group not in groups), waiting[0])


def _look_at(job: Job) -> None:
    assert job._running is not None
    code = job._running.poll()
    if code is None:
        return
    job.state = "failed" if code else "done"
    if code:
        job.reason = reason_of(job.log, code)


def _end(jobs: Sequence[Job]) -> None:
    deadline = time.monotonic() + _PATIENCE
    for job in jobs:
        assert job._running is not None
        job._running.stop()
    for job in jobs:
        assert job._running is not None
        job._running.wait(max(0.0, deadline - time.monotonic()))
        job._running.kill()


def reason_of(log: Path, code: int) -> str:
    """Return the last line of a command's log that says why it failed, or else where to look."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    said = [line.partition(": error: ")[2] for line in lines if ": error: " in line and not line.startswith(" ")]
    if code > 0 and said:
        return said[-1]
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")
    return f"{how}{last} (see {log})"
