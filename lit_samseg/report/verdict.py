"""The run's answer to the question, in one sentence."""

from dataclasses import dataclass
from typing import Any

from lit_samseg.results.run_tables import METRIC, interval, per_cent, points


@dataclass(frozen=True)
class Verdict:
    """What a run says.

    Attributes:
        answer: ``Yes``, ``No``, ``No evidence`` or ``Not asked``.
        sentence: Why.
        best: The row with the largest difference, which the report shows first; None where there is none.
    """

    answer: str
    sentence: str
    best: str | None


def find_verdict(results: dict[str, Any]) -> Verdict:
    """Answer whether SAM improves the baseline.

    Rows whose candidates the ground truth chose (selection ``oracle``) are analyses and have no say. "Yes" needs a row
    whose verdict is "better"; "No" that every row is "worse"; anything else is "No evidence".

    Args:
        results: ``results.json``.
    """
    scored = {r["name"]: r["difference"][METRIC] for r in results["rows"] if "difference" in r and _counts(r["name"])}
    scored = {name: test for name, test in scored.items() if test["value"] is not None}
    baseline, images = per_cent(results["rows"][0][METRIC]), _plural(len(results["dataset"]["ids"]), "image")
    if not scored:
        return Verdict(
            "Not asked",
            f"No row with SAM was scored without the ground truth's help; the baseline has {baseline} mIoU* "
            f"on {images}.",
            None,
        )
    better = [name for name, test in scored.items() if test["verdict"] == "better"]
    worse = [name for name, test in scored.items() if test["verdict"] == "worse"]
    # The largest difference need not be one that is told from chance.
    best = max(better or scored, key=lambda name: scored[name]["value"])
    test = scored[best]
    change = f"mIoU* from {baseline} by {points(test['value'])} points {interval(test)} on {images}"
    p = "p < 0.001" if test["p_holm"] < 0.001 else f"p = {test['p_holm']:.3f}"
    corrected = sum("difference" in row for row in results["rows"])
    change += f" ({p} after correction for {_plural(corrected, 'row')})."
    tally = f"{len(better) or 'None'} of {_plural(len(scored), 'row')} with SAM {'are' if len(better) > 1 else 'is'} "
    tally += f"better than the baseline, {len(worse) or 'none'} worse."
    if better:
        return Verdict("Yes", f"{best} improves {change} {tally}", best)
    answer = "No" if len(worse) == len(scored) else "No evidence"
    return Verdict(answer, f"The best row, {best}, changes {change} {tally}", best)


def _counts(row: str) -> bool:
    return "oracle" not in row.partition("@")[2].split("/")


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
