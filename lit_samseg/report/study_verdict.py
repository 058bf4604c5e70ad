"""A study's answer to the question: on the whole, where, and for the next pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lit_samseg.metrics.significance import ALPHA, holm
from lit_samseg.pooling.contents import Effect, PooledFacts, RowFacts, StudyResults
from lit_samseg.pooling.study_tables import next_pair
from lit_samseg.results.run_tables import count, interval, points

ENOUGH = 3
"""Pairs from which on something is said of others; two have an interval of twelve standard errors."""


@dataclass(frozen=True)
class StudyVerdict:
    """What a study says.

    Attributes:
        answer: ``Yes``, ``No``, ``No evidence``, ``Too few pairs`` or ``Not asked``.
        sentence: Which row, what it gains over the pairs, and how sure that is.
        expectation: What to expect of the next pair; empty where nothing can be said.
        control: What rows gain that ask SAM nothing; empty without any.
        best: The row that all this is about; None where there is none.
        effects: What it gains on each pair, by verdict: first where it helps, then where it may, then where it harms.
    """

    answer: str
    sentence: str
    expectation: str
    control: str
    best: RowFacts | None
    effects: Mapping[str, Sequence[Effect]]


def find_study_verdict(results: StudyResults) -> StudyVerdict:
    """Answer whether SAM improves baselines, over pairs.

    Rows that ask SAM nothing (``none``) are controls, and those whose candidates the ground truth chose (``oracle``)
    analyses; neither has a say. "Yes" needs a row whose pooled interval is above 0 and whose p-value, corrected for the
    number of such rows, is below 0.05; "No" that all are as surely below 0; "Too few pairs" that no row is on three
    pairs; anything else is "No evidence".

    Args:
        results: ``study.json``.
    """
    rows = [row for row in results["rows"] if asks_sam(row["name"]) and row["pooled"]["mean"] is not None]
    if not rows:
        sentence = f"No row with SAM was scored without the ground truth's help on {_pairs(results)}."
        return StudyVerdict("Not asked", sentence, "", _control(results), None, {})
    enough = [row for row in rows if row["pooled"]["pairs"] >= ENOUGH]
    if not enough:
        best = max(rows, key=_mean)
        sentence = f"{count(best['pooled']['pairs'], 'pair')} cannot tell how pairs differ; it takes {ENOUGH} at "
        sentence += f"least. Here {best['name']} changes mIoU* by {points(_mean(best))} points on average."
        return StudyVerdict("Too few pairs", sentence, "", _control(results, best), best, _by_verdict(best))
    corrected = holm([1.0 if (p := row["pooled"]["p"]) is None else p for row in enough]).tolist()
    signs = [_sign(row["pooled"], p) for row, p in zip(enough, corrected, strict=True)]
    better = [row for row, sign in zip(enough, signs, strict=True) if sign > 0]
    best = max(better or enough, key=_mean)
    p = corrected[next(n for n, row in enumerate(enough) if row is best)]
    answer = "Yes" if better else "No" if all(sign < 0 for sign in signs) else "No evidence"
    pooled = best["pooled"]
    begun = f"{best['name']} gains" if better else f"The best row, {best['name']}, changes mIoU* by"
    sentence = f"{begun} {_with_interval(pooled)} {'points of mIoU*' if better else 'points'} on average of "
    sentence += f"{count(pooled['pairs'], 'pair')} "
    sentence += f"({'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}"
    sentence += f" after correction for {count(len(enough), 'row')}): " if len(enough) > 1 else "): "
    return StudyVerdict(
        answer, sentence + _tally(best), _expectation(pooled), _control(results, best), best, _by_verdict(best)
    )


def asks_sam(row: str) -> bool:
    """Tell whether a row's masks are SAM's own choice: not a control, and not chosen by the ground truth."""
    recipe, _, rest = row.partition("@")
    return recipe != "none" and "oracle" not in rest.split("/")


def _mean(row: RowFacts) -> float:
    mean = row["pooled"]["mean"]
    assert mean is not None
    return mean


def _sign(pooled: PooledFacts, p: float) -> int:
    low, high = pooled["low"], pooled["high"]
    if low is None or high is None or p >= ALPHA:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


def _tally(row: RowFacts) -> str:
    number = {verdict: len(effects) for verdict, effects in _by_verdict(row).items()}
    if len(number) == 1:
        return f"{next(iter(number))} on all of them."
    return f"{', '.join(f'{verdict} on {n}' for verdict, n in number.items())}."


def _by_verdict(row: RowFacts) -> dict[str, list[Effect]]:
    known = [effect for effect in row["effects"] if effect["value"] is not None]
    known.sort(key=lambda effect: -(effect["value"] or 0))
    verdicts = ("better", "no evidence", "too few images", "worse")
    return {verdict: own for verdict in verdicts if (own := [e for e in known if e["verdict"] == verdict])}


def _expectation(pooled: PooledFacts) -> str:
    low, high = pooled["predicted_low"], pooled["predicted_high"]
    if low is None or high is None:
        return ""
    said = f"On the next pair of this kind its true gain is expected in {next_pair(pooled)} points"
    if low > 0:
        return f"{said}: it should help there too."
    return f"{said}: it should harm there too." if high < 0 else f"{said}: it may help there, and it may harm."


def _control(results: StudyResults, best: RowFacts | None = None) -> str:
    """Say what is gained without asking SAM, and how much more the best row gains."""
    said = []
    for row in results["rows"]:
        if row["name"].partition("@")[0] == "none" and row["pooled"]["mean"] is not None:
            said.append(f"{row['name']} gains {_with_interval(row['pooled'])}")
    text = f"Without asking SAM for masks, {'; '.join(said)}." if said else ""
    if best is not None and "above" in best and best["above"]["pooled"]["mean"] is not None:
        above = best["above"]
        text += f" {best['name']} gains {_with_interval(above['pooled'])} more than {above['row']} on the same images."
    return text.strip()


def _with_interval(pooled: PooledFacts) -> str:
    return f"{points(pooled['mean'])} {interval({'low': pooled['low'], 'high': pooled['high']})}".removesuffix(" -")


def _pairs(results: StudyResults) -> str:
    return count(len(results["pairs"]), "pair")
