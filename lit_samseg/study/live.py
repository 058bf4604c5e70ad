"""What a study is doing, told while it does it: a table that changes on a terminal, lines elsewhere."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lit_samseg.results.record import read_results
from lit_samseg.results.run_tables import METRIC, per_cent, points
from lit_samseg.study.cost import Cost, minutes
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.jobs import Job
from lit_samseg.study.plan import Pair, StudyPlan

_EVERY = 2.0
"""Seconds between two looks at journals."""


class LiveTable(AbstractContextManager["LiveTable"]):
    """Each pair's state: images done, time left, and, when it is done, the baseline's score and a row's gain.

    Args:
        plan: The study.
        folder: Its folder.
        jobs: What is run, by `Job.name` a pair's; pairs without a job are done.
        costs: By pair.
        console: Where it is told; standard output if None.
    """

    def __init__(
        self,
        plan: StudyPlan,
        folder: StudyFolder,
        jobs: Sequence[Job],
        costs: Mapping[str, Cost],
        console: Console | None = None,
    ) -> None:
        self.plan, self.folder, self.costs = plan, folder, costs
        self._jobs = {job.name: job for job in jobs}
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._told: dict[str, str] = {}
        self._scores: dict[str, tuple[str, str]] = {}
        self._looked = -math.inf

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(self.table(), refresh=True)
            self._live.stop()

    def look(self) -> None:
        """Tell what is new."""
        changed = [job for job in self._jobs.values() if self._told.get(job.name) != job.state_of_all]
        for job in changed:
            self._told[job.name] = job.state_of_all
            if self._live is None and job.state_of_all != "waiting":
                self._console.print(Text(self._line(job)), soft_wrap=True)
        if self._live is not None and (changed or time.monotonic() - self._looked > _EVERY):
            self._looked = time.monotonic()
            self._live.update(self.table(), refresh=True)

    def table(self) -> Table:
        """Return the table as it is now."""
        table = Table(box=SIMPLE_HEAD)
        for n, heading in enumerate(
            ["pair", "state", "images", "left", "baseline mIoU*", f"gain, {_watched(self.plan)}"]
        ):
            table.add_column(Text(heading), justify="right" if n > 1 else "left")
        for pair in self.plan.pairs:
            table.add_row(*map(Text, self._cells(pair)))
        return table

    def _cells(self, pair: Pair) -> Sequence[str]:
        job, cost = self._jobs.get(pair.name), self.costs.get(pair.name)
        state = "done" if job is None else job.state_of_all
        images, left = "", ""
        if state == "running":
            done = self.folder.images_done(pair)
            images = str(done) if cost is None else f"{min(done, cost.images)}/{cost.images}"
            left = "" if cost is None else minutes(max(0, cost.images - done) * cost.seconds)
        scores = self._scored(pair) if state == "done" else ("", "")
        return [pair.name, state if job is None or not job.reason else f"{state}: {job.reason}", images, left, *scores]

    def _scored(self, pair: Pair) -> tuple[str, str]:
        if pair.name not in self._scores:
            baseline, *rows = read_results(self.folder.run(pair))["rows"]
            # By their places: a run has `auto` and old spellings under the names that they stand for.
            asked = dict(zip(pair.rows, rows, strict=True))
            watched = asked.get(_watched(self.plan))
            gain = None if watched is None else watched["difference"][METRIC]["value"]
            self._scores[pair.name] = per_cent(baseline[METRIC]), "-" if gain is None else points(gain)
        return self._scores[pair.name]

    def _line(self, job: Job) -> str:
        pair = next(pair for pair in self.plan.pairs if pair.name == job.name)
        if job.state == "done":
            baseline, gain = self._scored(pair)
            took = minutes(time.monotonic() - job.first_began)
            return f"{job.name}: done in {took}, baseline {baseline}, {_watched(self.plan)} {gain}"
        return f"{job.name}: {job.state_of_all}" + (f": {job.reason}" if job.reason else "")


def _watched(plan: StudyPlan) -> str:
    """Return the row whose gain is told at once: the recommended one, or the last of the first pair."""
    rows = plan.pairs[0].rows
    return "auto" if "auto" in rows else rows[-1]
