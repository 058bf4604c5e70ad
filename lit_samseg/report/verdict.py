"""The run's answer to the question, in a few words that leave nothing out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lit_samseg.results.contents import Results
from lit_samseg.results.row_contents import Difference, Row
from lit_samseg.results.row_parts import asks_by_words, asks_sam
from lit_samseg.results.run_tables import METRIC, TOO_FEW, at_least, count, images_of, interval, per_cent, points, span

NAMED = 4
"""Rows that a sentence names; of more it gives the number."""

UNCHANGED = 0.0005
"""Differences below it are 0.0 points in print."""

Tests = Mapping[str, Difference]


@dataclass(frozen=True)
class Verdict:
    """What a run says.

    Attributes:
        answer: ``Yes``, ``No``, ``No evidence``, ``Too few images`` or ``Not asked``.
        claim: Why, in a sentence: what the best row changes.
        tally: How many of the rows are better, worse, or only look so; empty where there is none.
        best: The row with the largest difference, which the report shows first; None where there is none.
        asked: The rows that have a say in the answer, by name.
    """

    answer: str
    claim: str
    tally: str
    best: str | None
    asked: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Claim and tally."""
        return f"{self.claim} {self.tally}".rstrip()


def find_verdict(results: Results) -> Verdict:
    """Answer whether SAM improves the baseline.

    Rows whose candidates the ground truth chose (selection ``oracle``), and rows with words of somebody who looks at
    the ground truth, are analyses and have no say. "Yes" needs a row
    whose verdict is "better"; "No" that every row is "worse"; "Too few images" that none could have had either;
    anything else is "No evidence".

    Args:
        results: ``results.json``.
    """
    simulated = results.get("text", {}).get("needs_truth", False)
    rows = [r for r in results["rows"] if "difference" in r and _counts(r, simulated)]
    scored = {r["name"]: r["difference"][METRIC] for r in rows}
    scored = {name: test for name, test in scored.items() if test["value"] is not None}
    baseline, images = per_cent(results["rows"][0][METRIC]), images_of(results)
    if not scored:
        return Verdict(
            "Not asked",
            f"No row with SAM was scored without the ground truth's help; the baseline has {baseline} mIoU* "
            f"on {images}.",
            "",
            None,
        )
    better = [name for name, test in scored.items() if test["verdict"] == "better"]
    # The largest difference need not be one that is told from chance.
    best = max(better or scored, key=lambda name: _value(scored[name]))
    test = scored[best]
    between = "" if test["low"] is None else f" {interval(test)}"
    change = f"mIoU* from {baseline} by {points(test['value'])} points{between} on {images}"
    if all(test["verdict"] == TOO_FEW for test in scored.values()):
        needed = at_least(test["enough"] for test in scored.values())
        whom = best if len(scored) == 1 else count(len(scored), "row")
        observed = _tally({name: test for name, test in scored.items() if name != best}, "")
        claim = f"{images} cannot tell {whom} from the baseline; it takes {needed} at least."
        tally = f"On these, {best} changes mIoU* from {baseline} by {points(test['value'])} points"
        return Verdict("Too few images", claim, f"{'; '.join([tally, *observed])}.", best, tuple(scored))
    assert test["p_holm"] is not None
    p = "p < 0.001" if test["p_holm"] < 0.001 else f"p = {test['p_holm']:.3f}"
    corrected = sum("difference" in row for row in results["rows"])
    change += f" ({p} after correction for {count(corrected, 'row')})."
    whose = " with SAM" if all(map(asks_sam, rows)) else ""
    tally = f"{len(better) or 'None'} of {count(len(scored), 'row')}{whose} {'are' if len(better) > 1 else 'is'} "
    tally += "better than the baseline"
    others = {name: test for name, test in scored.items() if name not in better}
    tally = "; ".join([tally, *_tally(others, f" (not significant with {images})")]) + "."
    if better:
        return Verdict("Yes", f"{best} improves {change}", tally, best, tuple(scored))
    worse = [name for name, test in scored.items() if test["verdict"] == "worse"]
    answer = "No" if len(worse) == len(scored) else "No evidence"
    return Verdict(answer, f"The best row, {best}, changes {change}", tally, best, tuple(scored))


def _value(test: Difference) -> float:
    """Return a difference that is there."""
    assert test["value"] is not None
    return test["value"]


def _tally(tests: Tests, unsure: str) -> list[str]:
    """Say of rows what they lose, for sure or not, and what they seem to gain.

    Args:
        tests: Of rows that are not better.
        unsure: Said of differences that are not told from chance.
    """
    worse = {name: _value(test) for name, test in tests.items() if test["verdict"] == "worse"}
    rest = {name: _value(test) for name, test in tests.items() if name not in worse}
    lost = {name: value for name, value in rest.items() if value <= -UNCHANGED}
    gained = {name: value for name, value in rest.items() if value >= UNCHANGED}
    same = [name for name in rest if name not in lost and name not in gained]
    parts = [
        f"{_names(list(values))} {verb}{'s' * (len(values) == 1)} {span(values.values())} points{remark}"
        for values, verb, remark in ((worse, "lose", " (worse)"), (lost, "lose", unsure), (gained, "gain", unsure))
        if values
    ]
    return parts + ([f"{_names(same)} {'is' if len(same) == 1 else 'are'} as good within 0.1 points"] if same else [])


def _names(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return count(len(names), "row")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _counts(row: Row, simulated: bool) -> bool:
    helped = simulated and asks_by_words(row)
    return not helped and "oracle" not in row["name"].partition("@")[2].split("/")
