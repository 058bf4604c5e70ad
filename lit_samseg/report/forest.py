"""The forest of a page's first screen: what rows gain, or a row on each pair, with intervals on one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.ticker import MaxNLocator

from lit_samseg.pooling.contents import StudyResults
from lit_samseg.report.study_verdict import StudyVerdict
from lit_samseg.report.verdict import Verdict
from lit_samseg.results.contents import Results
from lit_samseg.results.row_contents import Interval, Number
from lit_samseg.results.run_tables import METRIC, count, interval, points

Kind = Literal["own", "pooled", "next"]

ROOM = 0.5
"""What is pooled may make the axis longer by this share of what the lines take; beyond it there is an arrow."""


@dataclass(frozen=True)
class Line:
    """A line of a forest; values are fractions of mIoU*.

    Attributes:
        name: Of the row, or of the pair.
        verdict: As results have it; empty where there is none.
        value: The difference to the baseline; None where the line is an interval alone.
        low: The lower end of its 95 % interval; None where there is none.
        high: The upper end.
        kind: ``own``; ``pooled`` for the mean over pairs; ``next`` for what the next pair may bring.
        link: Where the name leads; empty for nowhere.
    """

    name: str
    verdict: str
    value: Number
    low: Number
    high: Number
    kind: Kind = "own"
    link: str = ""

    @property
    def words(self) -> tuple[str, str]:
        """Its value and its interval in points; empty where there is none."""
        ends = "" if self.low is None else interval({"low": self.low, "high": self.high})
        return ("" if self.value is None else points(self.value), ends)


@dataclass(frozen=True)
class Forest:
    """Lines on one axis, in points.

    Attributes:
        lines: From top to bottom.
        low: The axis' left end.
        high: Its right end.
        ticks: Numbers below it, 0 among them.
    """

    lines: tuple[Line, ...]
    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> "Forest | None":
        """Find an axis that all lines' own values fit on; None without any line."""
        if not any(line.kind == "own" for line in lines):
            return None
        low, high = _reach([line for line in lines if line.kind == "own"])
        room = ROOM * (high - low or 1)
        below, above = _reach(lines)
        low, high = max(below, low - room), min(above, high + room)
        margin = 0.04 * (high - low or 1)
        low, high = low - margin, high + margin
        ticks = [round(float(tick), 6) for tick in MaxNLocator(8, steps=[1, 2, 5, 10]).tick_values(low, high)]
        return cls(tuple(lines), low, high, tuple(tick for tick in ticks if low <= tick <= high))

    def at(self, value: float) -> float:
        """Return where a fraction is on the axis, in per cent of its length; what is beyond it is at its end."""
        return self.place(100 * value)

    def place(self, tick: float) -> float:
        """Return where a number of points is on the axis, in per cent of its length."""
        return round(100 * (min(max(tick, self.low), self.high) - self.low) / (self.high - self.low), 2)

    def beyond(self, value: float) -> bool:
        """Tell whether a fraction is beyond the axis."""
        return not self.low <= 100 * value <= self.high


def forest_of_run(results: Results, verdict: Verdict) -> Forest | None:
    """Lay out each row's difference to the baseline in mIoU*: the best first, and last those without a say."""
    lines = []
    for row in results["rows"]:
        if "difference" in row and row["difference"][METRIC]["value"] is not None:
            test = row["difference"][METRIC]
            lines.append(Line(row["name"], test["verdict"], test["value"], test["low"], test["high"]))
    lines.sort(key=lambda line: (line.name != verdict.best, line.name not in verdict.asked, -(line.value or 0)))
    return Forest.of(lines)


def forest_of_study(results: StudyResults, verdict: StudyVerdict, pages: Mapping[str, str]) -> Forest | None:
    """Lay out what the best row gains on each pair, on their mean, and on the next.

    Args:
        results: ``study.json``.
        verdict: What it says.
        pages: Links to the pairs' reports by name.
    """
    if verdict.best is None:
        return None
    pooled = verdict.best["pooled"]
    lines = [
        Line(e["pair"], e["verdict"], e["value"], e["low"], e["high"], link=pages.get(e["pair"], ""))
        for effects in verdict.effects.values()
        for e in effects
    ]
    ends: Interval = {"low": pooled["low"], "high": pooled["high"]}
    name = f"{count(pooled['pairs'], 'pair')}, pooled"
    lines.append(Line(name, _sign(ends), pooled["mean"], ends["low"], ends["high"], "pooled"))
    if pooled["predicted_low"] is not None:
        lines.append(Line("next pair", "", None, pooled["predicted_low"], pooled["predicted_high"], "next"))
    return Forest.of(lines)


def _reach(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the smallest and the largest number of points on some lines, and 0."""
    ends = [100 * end for line in lines for end in (line.value, line.low, line.high) if end is not None]
    return min([0.0, *ends]), max([0.0, *ends])


def _sign(ends: Interval) -> str:
    low, high = ends["low"], ends["high"]
    if low is not None and low > 0:
        return "better"
    return "worse" if high is not None and high < 0 else "no evidence"
