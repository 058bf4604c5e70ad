"""What a row's gain goes with: the baseline's quality, the time it takes, borders, and facts about images."""

import math

from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from lit_samseg.plots.style import INK, MARKERS, VERDICT_COLOURS, WIDTH, axis_label, new_figure, row_colour, row_label
from lit_samseg.pooling.contents import RowFacts, SlopeFacts, StudyResults
from lit_samseg.pooling.row_cost import cheapest_first, seconds_of
from lit_samseg.pooling.study_tables import ABOUT


def baseline_plot(results: StudyResults) -> Figure | None:
    """Draw, a panel for each row, its gain on each pair against the pair's baseline; None without any.

    Points have the pairs' numbers, as `lit_samseg.pooling.study_tables` gives them.

    Args:
        results: ``study.json``.
    """
    quality = {pair["name"]: pair["miou_gt_present"] for pair in results["pairs"]}
    numbers = {pair["name"]: number for number, pair in enumerate(results["pairs"], 1)}
    rows = [row for row in results["rows"] if any(effect["value"] is not None for effect in row["effects"])]
    if not rows or len({score for score in quality.values() if score is not None}) < 2:
        return None
    columns = min(2, len(rows))
    lines = math.ceil(len(rows) / columns)
    figure = Figure(figsize=(WIDTH, 0.5 + 1.55 * lines))
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for n, axes in enumerate(grid.ravel()):
        if n >= len(rows):
            axes.set_axis_off()
            continue
        for effect in rows[n]["effects"]:
            before, value = quality[effect["pair"]], effect["value"]
            if before is None or value is None:
                continue
            colour = VERDICT_COLOURS[effect["verdict"]]
            if effect["low"] is not None and effect["high"] is not None:
                ends = [100 * effect["low"], 100 * effect["high"]]
                axes.plot([100 * before] * 2, ends, color=colour, linewidth=1.2, alpha=0.6)
            axes.plot([100 * before], [100 * value], marker="o", color=colour, markersize=4.5, linestyle="none")
            axes.annotate(
                str(numbers[effect["pair"]]),
                (100 * before, 100 * value),
                xytext=(4, 2),
                textcoords="offset points",
                fontsize=7,
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.grid()
        axes.set_axisbelow(True)
        axes.set_title(row_label(rows[n]["name"], 30), fontsize=8.5, loc="left")
        # The panels at the bottom of their columns, also where the last line is not full.
        axes.tick_params(labelbottom=n + columns >= len(rows))
    figure.supxlabel("baseline, mIoU* in %", fontsize=9.5)
    figure.supylabel("gain, points of mIoU*", fontsize=9.5)
    return figure


def cost_plot(results: StudyResults) -> Figure | None:
    """Draw each row's pooled gain against its seconds per image, and a line along those that no other beats.

    None where no row has both. Seconds are the mean over the pairs that know them.

    Args:
        results: ``study.json``.
    """
    rows = [(index, row, seconds) for index, row in enumerate(results["rows"], 1) if (seconds := seconds_of(row))]
    rows = [own for own in rows if own[1]["pooled"]["mean"] is not None]
    if not rows:
        return None
    figure, axes = new_figure(2.8 + 0.19 * math.ceil(len(rows) / 2))
    front = [(seconds, _mean(row)) for row, seconds in cheapest_first(results)]
    if len(front) > 1:
        axes.step(*zip(*front, strict=True), where="post", color=INK, linewidth=0.9, linestyle=":")
    for index, row, seconds in rows:
        pooled, colour = row["pooled"], row_colour(index)
        if pooled["low"] is not None and pooled["high"] is not None and pooled["pairs"] > 2:
            ends = [100 * pooled["low"], 100 * pooled["high"]]
            axes.plot([seconds] * 2, ends, color=colour, linewidth=1.4, alpha=0.7)
        marker = MARKERS[(index - 1) % len(MARKERS)]
        label = row_label(row["name"], 32)
        axes.plot([seconds], [_mean(row)], marker=marker, color=colour, linestyle="none", label=label)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.7 * min(own[2] for own in rows), 1.5 * max(own[2] for own in rows))
    axes.grid()
    axes.set_axisbelow(True)
    axes.set_xlabel("seconds per image of the row alone")
    axes.set_ylabel("pooled gain, points of mIoU*")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def borders_plot(results: StudyResults) -> Figure | None:
    """Draw each row's gain in Boundary IoU on each pair (dots) and their mean (line); None where none was measured.

    Args:
        results: ``study.json``.
    """
    gains = {
        row["name"]: [e["boundary_iou"] for e in row["effects"] if e["boundary_iou"] is not None]
        for row in results["rows"]
    }
    gains = {name: own for name, own in gains.items() if own}
    if not gains:
        return None
    figure, axes = new_figure(0.9 + 0.3 * len(gains))
    for place, own in enumerate(gains.values()):
        mean = 100 * sum(own) / len(own)
        colour = VERDICT_COLOURS["better" if mean > 0 else "worse" if mean < 0 else "no evidence"]
        places = [place] * len(own)
        axes.plot(
            [100 * gain for gain in own], places, marker="o", color=colour, markersize=4.5, linestyle="none", alpha=0.6
        )
        axes.plot([mean, mean], [place - 0.3, place + 0.3], color=colour, linewidth=2)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(gains)), [row_label(name, 30) for name in gains], fontsize=8.5)
    axes.set_ylim(len(gains) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("gain in Boundary IoU, points")
    return figure


def slopes_plot(results: StudyResults) -> Figure | None:
    """Draw how each row's gain goes with facts about the image, looked at alone; None without any.

    Slopes are standardised, with 95 % intervals.

    Args:
        results: ``study.json``.
    """
    by_row = [
        (index, row["name"], [slope for slope in row["depends_on"] if not slope["together"]])
        for index, row in enumerate(results["rows"], 1)
    ]
    by_row = [own for own in by_row if own[2]]
    names = list(dict.fromkeys(slope["name"] for _, _, slopes in by_row for slope in slopes))
    if not names:
        return None
    figure, axes = new_figure(1.0 + 0.19 * math.ceil(len(by_row) / 2) + (0.16 + 0.11 * len(by_row)) * len(names))
    for n, (index, row, slopes) in enumerate(by_row):
        shift = (n - (len(by_row) - 1) / 2) * 0.7 / len(by_row)
        colour, label = row_colour(index), row_label(row, 32)
        for slope in slopes:
            ends = standardised_interval(slope)
            if slope["standardised"] is None:
                continue
            place = names.index(slope["name"]) + shift
            if ends is not None:
                axes.plot(ends, [place, place], color=colour, linewidth=1.4)
            axes.plot([slope["standardised"]], [place], marker="o", color=colour, markersize=4)
        # Of the row's own look, whichever of its slopes are known.
        axes.plot([], [], marker="o", markersize=4, linewidth=1.4, color=colour, label=label)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), [axis_label(ABOUT.get(name, name)) for name in names], fontsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("change of the gain, in standard deviations for one")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def standardised_interval(slope: SlopeFacts) -> tuple[float, float] | None:
    """Return a slope's interval in standard deviations: that for one unit, scaled alike; None where there is none."""
    standardised, low, high = slope["standardised"], slope["low"], slope["high"]
    if standardised is None or not slope["per_unit"] or low is None or high is None:
        return None
    return low * standardised / slope["per_unit"], high * standardised / slope["per_unit"]


def _mean(row: RowFacts) -> float:
    mean = row["pooled"]["mean"]
    assert mean is not None
    return 100 * mean
