"""What a search over pairs leaves behind: each pair by a recipe that was tuned without it, and the best of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from lit_samseg.pooling.contents import AboveEffect, Effect, PooledFacts, StudyResults
from lit_samseg.pooling.study_tables import effect_on
from lit_samseg.refine.grammar import RowText
from lit_samseg.results.run_tables import count, interval, points
from lit_samseg.results.text_table import TextTable
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.search.candidates import AUTO, TUNED
from lit_samseg.search.chooser import Choice
from lit_samseg.search.pair_images import PairImages
from lit_samseg.search.words import Leave, Objective

_WORDS = {
    "mean": "mean gain over data sets (pairs of one data set count as one)",
    "worst": "gain on the pair that gains least",
}


@dataclass(frozen=True)
class Chosen:
    """What came of the tuning.

    Attributes:
        choices: The recipe of each pair.
        best: The best recipe over all pairs.
        tried: How many were tried.
        objective: What they were chosen by.
        leave: What each pair's was chosen without.
    """

    choices: Sequence[Choice]
    best: Choice
    tried: int
    objective: Objective
    leave: Leave


def write_best(folder: Path, best: Choice, row: RowText, tried: int, objective: Objective) -> None:
    """Write ``best.yaml``: the best recipe over all pairs, to be laid over a configuration of ``test``."""
    note = (
        f"# The best of {tried} recipes over all pairs, by the {_WORDS[objective]}: {points(best.objective)} on the "
        "tuning\n# images, which is optimistic. For a pair of your own: lit-samseg test --config MINE.yaml --config "
        "best.yaml\n"
    )
    text = yaml.safe_dump({"model": {"init_args": {"variants": [row]}}}, sort_keys=False, allow_unicode=True)
    _write(folder / "best.yaml", note + text)


def write_summary(folder: Path, results: StudyResults, pairs: Sequence[PairImages], chosen: Chosen) -> TextTable:
    """Write ``summary.md`` and return its table.

    Args:
        folder: The search's.
        results: Of the report study.
        pairs: With their images.
        chosen: What came of the tuning.
    """
    table = summary_table(results, pairs, chosen)
    without = "its data set" if chosen.leave == "dataset" else "the pair"
    notes = [
        verdict(results, chosen),
        f"Each pair's recipe is the best of {chosen.tried} on tuning images without {without}, by the "
        f"{_WORDS[chosen.objective]}. Tuning is that number, which is optimistic. The gain on the pair's own images, "
        "none of which took part in the choice, is the result.",
        "Differences in points of mIoU over the classes of the ground truth, with 95 % intervals. Pooled: "
        "random-effects mean over pairs; report/study.md has more.",
    ]
    if AUTO in {choice.recipe for choice in chosen.choices}:
        notes.append(
            f"{AUTO} was made before this search, on images of VOC 2012 (docs/recipes.md): where it is chosen, its "
            "gain there is not free of them."
        )
    if dropped := [own for own in pairs if own.dropped]:
        told = ", ".join(f"{own.dropped} of {own.pair.name}" for own in dropped)
        notes.append(f"Images that a pair's recipe was tuned on by way of another pair are not reported on: {told}.")
    notes += [f"Not in it: {failed['pair']}, which failed ({failed['reason']})." for failed in results["failed"]]
    table = TextTable(table.title, table.header, table.rows, notes)
    _write(folder / "summary.md", table.markdown())
    return table


def summary_table(results: StudyResults, pairs: Sequence[PairImages], chosen: Chosen) -> TextTable:
    """Lay out each pair's recipe, and its gain beside that of ``auto``."""
    of_pair = {own.pair.name: (own, choice) for own, choice in zip(pairs, chosen.choices, strict=True)}
    rows = {row["name"]: row for row in results["rows"]}
    tuned, auto = rows[TUNED], rows[AUTO]
    above = {effect["pair"]: effect for effect in tuned["above"]["effects"]}
    cells = []
    for pair in results["pairs"]:
        own, choice = of_pair[pair["name"]]
        cells.append(
            [
                pair["name"],
                f"{len(own.tune)} / {pair['images']}",
                choice.recipe,
                points(choice.objective),
                _gain(effect_on(tuned, pair["name"])),
                _gain(effect_on(auto, pair["name"])),
                _gain(above.get(pair["name"])),
            ]
        )
    pooled = [tuned["pooled"], auto["pooled"], tuned["above"]["pooled"]]
    cells.append([f"pooled, {count(len(results['pairs']), 'pair')}", "", "", "", *map(_mean, pooled)])
    header = ["pair", "images: tuning / report", "recipe", "tuning (optimistic)", "gain", AUTO, f"tuned - {AUTO}"]
    unit = "data set" if chosen.leave == "dataset" else "pair"
    return TextTable(f"Each {unit} by a recipe that was tuned without it", header, cells)


def verdict(results: StudyResults, chosen: Chosen) -> str:
    """Say whether another recipe than ``auto`` is to be recommended."""
    stays = f"{AUTO} stays the recipe to recommend"
    if {choice.recipe for choice in chosen.choices} == {AUTO}:
        return f"No other recipe was better on the tuning images, whichever pairs are left out: {stays}."
    pooled = next(row["above"]["pooled"] for row in results["rows"] if row["name"] == TUNED)
    low, high = pooled["low"], pooled["high"]
    if low is None or high is None:
        return f"So few pairs cannot tell whether another recipe is better: {stays}."
    than = f"than {AUTO}, {_mean(pooled)} points"
    if low > 0:
        best = f"over all pairs {chosen.best.recipe} is the best"
        return f"Evidence that recipes tuned on other pairs gain more {than}; {best}."
    if high < 0:
        return f"Evidence that recipes tuned on other pairs gain less {than}: {stays}."
    return f"No evidence that recipes tuned on other pairs gain more {than}: {stays}."


def _gain(effect: Effect | AboveEffect | None) -> str:
    if effect is None:
        return "-"
    return f"{points(effect['value'])} {interval({'low': effect['low'], 'high': effect['high']})}"


def _mean(pooled: PooledFacts) -> str:
    return f"{points(pooled['mean'])} {interval({'low': pooled['low'], 'high': pooled['high']})}"


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")
