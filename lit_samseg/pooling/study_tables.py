"""The tables of a study, from ``study.json``; differences in points of mIoU over the classes of the ground truth."""

from lit_samseg.pooling.contents import Effect, PooledFacts, RowFacts, StudyResults
from lit_samseg.results.run_tables import count, interval, per_cent, points
from lit_samseg.results.text_table import TextTable

WIDE = 3
"""Rows that stand beside each other with their intervals; of more a line would be too long for print."""

BRACKETED = "In brackets: the interval holds 0."


def summary_of_study(results: StudyResults) -> list[TextTable]:
    """Return what is read first: pooled, by pair, above the control, without each pair, what gains depend on."""
    tables = [pooled_table(results), pairs_table(results)]
    if any("above" in row for row in results["rows"]):
        tables.append(above_table(results))
    if any(row["left_out"] for row in results["rows"]):
        tables.append(left_out_table(results))
    if any(row["depends_on"] for row in results["rows"]):
        tables.append(dependence_table(results))
    return tables


def tables_of_study(results: StudyResults) -> list[TextTable]:
    """Return all tables: the summary, and each row's gain on each pair."""
    return [*summary_of_study(results), *(row_table(results, row) for row in results["rows"])]


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
    """Lay out the gain of each row on each pair; intervals are left out where `row_table` has them."""
    short = len(results["rows"]) > WIDE
    header = ["pair", "images", "baseline mIoU*", *(row["name"] for row in results["rows"])]
    cells = [
        [
            pair["name"],
            str(pair["images"]),
            per_cent(pair["miou_gt_present"]),
            *(_gain(effect_on(row, pair["name"]), short=short) for row in results["rows"]),
        ]
        for pair in results["pairs"]
    ]
    if short:
        pooled = [row["pooled"] for row in results["rows"]]
        cells.append(["pooled", "", "", *(_value(own["mean"], own["low"], own["high"], short=True) for own in pooled)])
    notes = ["mIoU*: over the classes of the ground truth.", *([BRACKETED] if short else [])]
    return TextTable(f"Gain on each pair{'' if short else ', with its 95 % interval'}", header, cells, notes)


def row_table(results: StudyResults, row: RowFacts) -> TextTable:
    """Lay out a row's gain on each pair, with all that is known of it."""
    cells = []
    for pair in results["pairs"]:
        effect = effect_on(row, pair["name"])
        if effect is not None:
            cells.append(
                [
                    pair["name"],
                    str(pair["images"]),
                    per_cent(pair["miou_gt_present"]),
                    points(effect["value"]),
                    interval(effect),
                    effect["verdict"],
                    f"{100 * effect['weight']:.0f} %",
                    points(effect["boundary_iou"]),
                    "-" if effect["seconds"] is None else f"{effect['seconds']:.3f}",
                ]
            )
    header = ["pair", "images", "baseline mIoU*", "gain", "95 %", "verdict", "weight", "bIoU", "s/image"]
    notes = [
        "Weight: in the pooled gain. bIoU: gain in Boundary IoU. s/image: of the row alone, beyond baseline and SAM's "
        "image encoder.",
    ]
    stands_for = [effect["row"] for effect in row["effects"] if effect["row"] != row["name"]]
    if stands_for:
        notes.append(f"{row['name']} stands for {', '.join(dict.fromkeys(stands_for))}.")
    return TextTable(f"Gain of {row['name']} on each pair", header, cells, notes)


def above_table(results: StudyResults) -> TextTable:
    """Lay out how much more each row gains than the control, which asks no SAM."""
    compared = [(row["name"], row["above"]) for row in results["rows"] if "above" in row]
    short = len(results["pairs"]) > WIDE
    header = ["row", "pooled", "95 %", "next pair, 95 %"]
    # Names of pairs are long; of many there is no room for them above columns.
    header += [str(number) if short else pair["name"] for number, pair in enumerate(results["pairs"], 1)]
    cells = []
    for name, above in compared:
        by_pair = {effect["pair"]: effect for effect in above["effects"]}
        own = [by_pair.get(pair["name"]) for pair in results["pairs"]]
        pooled = above["pooled"]
        cells.append(
            [name, points(pooled["mean"]), interval({"low": pooled["low"], "high": pooled["high"]}), next_pair(pooled)]
            + ["-" if one is None else _value(one["value"], one["low"], one["high"], short=short) for one in own]
        )
    numbered = ", ".join(f"{number} {pair['name']}" for number, pair in enumerate(results["pairs"], 1))
    notes = [f"Pairs: {numbered}. {BRACKETED}"] if short else []
    return TextTable(f"Gain above {compared[0][1]['row']}, on the same images", header, cells, notes)


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
                        "-" if kept is None else _value(kept["per_unit"], kept["low"], kept["high"], short=False),
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
    "border_share": "share of pixels near borders",
    "entropy": "entropy of the scores, nats",
}
"""What is known of an image, in words."""


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def left_out_table(results: StudyResults) -> TextTable:
    """Lay out the pooled gain without each pair: how much hangs on a single one."""
    short = len(results["rows"]) > WIDE
    header = ["without", *(row["name"] for row in results["rows"])]
    cells = []
    for pair in results["pairs"]:
        left = [next((own for own in row["left_out"] if own["pair"] == pair["name"]), None) for row in results["rows"]]
        told = ["-" if own is None else _value(own["mean"], own["low"], own["high"], short=short) for own in left]
        cells.append([pair["name"], *told])
    return TextTable("Pooled gain without one pair", header, cells, [BRACKETED] if short else [])


def effect_on(row: RowFacts, pair: str) -> Effect | None:
    """Return what a row gains on a pair; None where the pair has no such row."""
    return next((effect for effect in row["effects"] if effect["pair"] == pair), None)


def next_pair(pooled: PooledFacts) -> str:
    """Format the interval for the next pair."""
    return interval({"low": pooled["predicted_low"], "high": pooled["predicted_high"]})


def _gain(effect: Effect | None, *, short: bool) -> str:
    return "-" if effect is None else _value(effect["value"], effect["low"], effect["high"], short=short)


def _value(value: float | None, low: float | None, high: float | None, *, short: bool) -> str:
    """Format a gain with its interval, or in brackets where the interval does not keep it from 0."""
    if not short:
        return f"{points(value)} {interval({'low': low, 'high': high})}"
    sure = low is not None and high is not None and (low > 0 or high < 0)
    return points(value) if sure or value is None else f"({points(value)})"


def _number_of(row: RowFacts, verdict: str) -> int:
    return sum(effect["verdict"] == verdict for effect in row["effects"])
