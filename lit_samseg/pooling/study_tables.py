"""The tables of a study, from ``study.json``; differences in points of mIoU over the classes of the ground truth."""

from lit_samseg.pooling.contents import Effect, PooledFacts, RowFacts, StudyResults
from lit_samseg.results.run_tables import count, interval, per_cent, points
from lit_samseg.results.text_table import TextTable


def tables_of_study(results: StudyResults) -> list[TextTable]:
    """Return all tables: pooled, by pair, without each pair."""
    tables = [pooled_table(results), pairs_table(results)]
    if any("above" in row for row in results["rows"]):
        tables.append(above_table(results))
    if any(row["left_out"] for row in results["rows"]):
        tables.append(left_out_table(results))
    if any(row["depends_on"] for row in results["rows"]):
        tables.append(dependence_table(results))
    return tables


def pooled_table(results: StudyResults) -> TextTable:
    """Lay out each row's pooled gain, how much pairs differ, and what to expect of the next."""
    header = ["row", "pairs", "pooled gain", "95 %", "next pair, 95 %", "tau", "I2", "better / worse"]
    cells = [
        [
            row["name"],
            str(row["pooled"]["pairs"]),
            points(row["pooled"]["mean"]),
            interval({"low": row["pooled"]["low"], "high": row["pooled"]["high"]}),
            next_pair(row["pooled"]),
            per_cent(row["pooled"]["tau"]),
            "-" if row["pooled"]["i2"] is None else f"{100 * row['pooled']['i2']:.0f} %",
            f"{_number_of(row, 'better')} / {_number_of(row, 'worse')}",
        ]
        for row in results["rows"]
    ]
    notes = [
        "Gain: mIoU over the classes of the ground truth, row minus baseline, in points. Pooled: random-effects mean "
        "over pairs (REML) with Hartung and Knapp's interval; images that pairs share are resampled jointly.",
        "Next pair: where the true gain on another pair of this kind is expected. tau: standard deviation of the "
        "pairs' true gains, in points; I2: the share of their differences that is not sampling of images.",
    ]
    notes += [f"Not in it: {failed['pair']}, which failed ({failed['reason']})." for failed in results["failed"]]
    return TextTable(f"{results['title']}, {count(len(results['pairs']), 'pair')}", header, cells, notes)


def pairs_table(results: StudyResults) -> TextTable:
    """Lay out the gain of each row on each pair."""
    header = ["pair", "images", "baseline mIoU*", *(row["name"] for row in results["rows"])]
    cells = [
        [
            pair["name"],
            str(pair["images"]),
            per_cent(pair["miou_gt_present"]),
            *(_gain(effect_on(row, pair["name"])) for row in results["rows"]),
        ]
        for pair in results["pairs"]
    ]
    return TextTable(
        "Gain on each pair, with its 95 % interval", header, cells, ["mIoU*: over the classes of the ground truth."]
    )


def above_table(results: StudyResults) -> TextTable:
    """Lay out how much more each row gains than the control, which asks no SAM."""
    compared = [(row["name"], row["above"]) for row in results["rows"] if "above" in row]
    header = ["row", "pooled", "95 %", "next pair, 95 %", *(pair["name"] for pair in results["pairs"])]
    cells = []
    for name, above in compared:
        by_pair = {effect["pair"]: effect for effect in above["effects"]}
        own = [by_pair.get(pair["name"]) for pair in results["pairs"]]
        pooled = above["pooled"]
        cells.append(
            [name, points(pooled["mean"]), interval({"low": pooled["low"], "high": pooled["high"]}), next_pair(pooled)]
            + ["-" if one is None else _with_interval(one["value"], one["low"], one["high"]) for one in own]
        )
    return TextTable(f"Gain above {compared[0][1]['row']}, on the same images", header, cells)


def dependence_table(results: StudyResults) -> TextTable:
    """Lay out what each row's gain depends on, image by image, within pairs."""
    header = ["row", "about the image", "images", "points per unit", "95 %", "standardised", "with the others kept"]
    cells = []
    for row in results["rows"]:
        together = {slope["name"]: slope for slope in row["depends_on"] if slope["together"]}
        for slope in row["depends_on"]:
            if not slope["together"]:
                kept = together.get(slope["name"])
                cells.append(
                    [
                        row["name"],
                        ABOUT.get(slope["name"], slope["name"]),
                        str(slope["images"]),
                        points(slope["per_unit"]),
                        interval({"low": slope["low"], "high": slope["high"]}),
                        _plain(slope["standardised"]),
                        "-" if kept is None else _with_interval(kept["per_unit"], kept["low"], kept["high"]),
                    ]
                )
    notes = [
        "Slopes of an image's gain in mIoU, within pairs; intervals allow for an image being in several pairs. The "
        "gain holds the baseline's own score with a minus sign, so that its slope is below 0 by chance alone; the mean "
        "of both scores (Oldham) has no such fault. Sizes count doublings; shares and scores run from 0 to 1.",
    ]
    return TextTable("What the gain depends on", header, cells, notes)


ABOUT = {
    "baseline_score": "baseline's score",
    "mean_score": "mean score of both",
    "regions": "number of regions",
    "region_size": "size of regions, doublings",
    "border_share": "share near borders",
    "entropy": "entropy of the scores, nats",
}
"""What is known of an image, in words."""


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def left_out_table(results: StudyResults) -> TextTable:
    """Lay out the pooled gain without each pair: how much hangs on a single one."""
    header = ["without", *(row["name"] for row in results["rows"])]
    cells = []
    for pair in results["pairs"]:
        left = [next((own for own in row["left_out"] if own["pair"] == pair["name"]), None) for row in results["rows"]]
        cells.append(
            [pair["name"]]
            + ["-" if own is None else _with_interval(own["mean"], own["low"], own["high"]) for own in left]
        )
    return TextTable("Pooled gain without one pair", header, cells)


def effect_on(row: RowFacts, pair: str) -> Effect | None:
    """Return what a row gains on a pair; None where the pair has no such row."""
    return next((effect for effect in row["effects"] if effect["pair"] == pair), None)


def next_pair(pooled: PooledFacts) -> str:
    """Format the interval for the next pair."""
    return interval({"low": pooled["predicted_low"], "high": pooled["predicted_high"]})


def _gain(effect: Effect | None) -> str:
    return "-" if effect is None else _with_interval(effect["value"], effect["low"], effect["high"])


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    return f"{points(value)} {interval({'low': low, 'high': high})}"


def _number_of(row: RowFacts, verdict: str) -> int:
    return sum(effect["verdict"] == verdict for effect in row["effects"])
