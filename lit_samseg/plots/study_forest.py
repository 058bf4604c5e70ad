"""What rows gain on the pairs of a study, and on the whole."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lit_samseg.plots.style import INK, VERDICT_COLOURS, WIDTH, new_figure, row_label, two_lines
from lit_samseg.pooling.contents import Effect, PooledFacts, RowFacts, StudyResults
from lit_samseg.pooling.study_tables import next_pair
from lit_samseg.results.row_contents import Number
from lit_samseg.results.run_tables import interval, points

LINE = 0.27
"""Inches from one line of a plot to the next."""

FAR = 5
"""Of the plot of all rows: values beyond so many times the usual one are arrows at its edge."""

_ROOM = 0.75
"""Of a forest plot: pooled intervals that reach further beyond those of the pairs, in their span, are cut off."""

_ONE_COLUMN = 3
"""Rows below each other; of more there are two columns."""


def study_forest_plot(results: StudyResults, rows: Sequence[str] | None = None) -> Figure | None:
    """Draw for each row its gain on each pair with its 95 % interval, and below them the pooled gain; None without any.

    The area of a pair's square is its weight. The diamond is the pooled gain with its interval, the bar below it the
    interval for the next pair. An arrow says that an interval goes on beyond the axis.

    Args:
        results: ``study.json``.
        rows: Names of rows, in this order; None draws all.
    """
    by_name = {row["name"]: row for row in results["rows"]}
    drawn = [by_name[name] for name in (by_name if rows is None else rows) if _known(by_name[name])]
    if not drawn:
        return None
    columns = 1 if len(drawn) <= _ONE_COLUMN else 2
    lines = [drawn[start : start + columns] for start in range(0, len(drawn), columns)]
    heights = [max(len(_known(row)) for row in line) + 2 for line in lines]
    figure = Figure(figsize=(columns * WIDTH, sum(0.75 + LINE * height for height in heights)))
    grid = figure.subplots(len(lines), columns, squeeze=False, height_ratios=[height + 2 for height in heights])
    for n, axes in enumerate(grid.ravel()):
        if n < len(drawn):
            _draw_row(axes, drawn[n], titled=len(drawn) > 1)
        else:
            axes.set_axis_off()
    return figure


def pooled_plot(results: StudyResults) -> Figure | None:
    """Draw each row's pooled gain (diamond), its gain on each pair (dots) and on the next (bar); None without any.

    Args:
        results: ``study.json``.
    """
    rows = [row for row in results["rows"] if row["pooled"]["mean"] is not None]
    if not rows:
        return None
    values = sorted(100 * value for row in rows for _, value in _known(row))
    reach = FAR * max(sorted(map(abs, values))[len(values) // 2], 0.1)
    figure, axes = new_figure(0.9 + 0.42 * len(rows))
    ends = [100 * end for row in rows for end in (row["pooled"]["low"], row["pooled"]["high"]) if end is not None]
    _set_limits(axes, max(min([*values, *ends, 0]), -reach), min(max([*values, *ends, 0]), reach))
    for place, row in enumerate(rows):
        _draw_pooled(axes, row["pooled"], place, place)
        for effect, value in _known(row):
            _draw_point(axes, 100 * value, place - 0.27, effect)
        _write_beside(axes, place, _pooled_text(row["pooled"]))
    _finish(axes, [row_label(row["name"], 26) for row in rows])
    return figure


def pooled_colour(pooled: PooledFacts) -> str:
    """Return the colour of what a row's pooled interval says."""
    low, high = pooled["low"], pooled["high"]
    if low is not None and low > 0:
        return VERDICT_COLOURS["better"]
    return VERDICT_COLOURS["worse" if high is not None and high < 0 else "no evidence"]


def _known(row: RowFacts) -> list[tuple[Effect, float]]:
    return [(effect, effect["value"]) for effect in row["effects"] if effect["value"] is not None]


def _draw_row(axes: Axes, row: RowFacts, *, titled: bool) -> None:
    effects, pooled = _known(row), row["pooled"]
    ends = [100 * end for effect, value in effects for end in (effect["low"], effect["high"], value) if end is not None]
    low, high = min([0, *ends]), max([0, *ends])
    reach = _ROOM * (high - low or 1)
    wanted = [100 * end for end in (pooled["low"], pooled["high"]) if end is not None]
    _set_limits(axes, max(min([low, *wanted]), low - reach), min(max([high, *wanted]), high + reach))
    heaviest = max((effect["weight"] for effect, _ in effects), default=0) or 1
    for place, (effect, value) in enumerate(effects):
        colour = VERDICT_COLOURS[effect["verdict"]]
        _draw_bar(axes, effect["low"], effect["high"], place, colour, 1.8)
        size = 3.5 + 6 * math.sqrt(max(effect["weight"], 0) / heaviest)
        axes.plot([100 * value], [place], marker="s", color=colour, markersize=size, linestyle="none")
        _write_beside(axes, place, f"{points(value)} {interval(effect)}")
    below = len(effects)
    axes.axhline(below - 0.5, color=INK, linewidth=0.6, alpha=0.4)
    _draw_pooled(axes, pooled, below, below + 1)
    _write_beside(axes, below, _pooled_text(pooled))
    _write_beside(axes, below + 1, next_pair(pooled))
    labels = [*(two_lines(effect["pair"]) for effect, _ in effects), f"{pooled['pairs']} pairs, pooled"]
    _finish(axes, [*labels, "next pair"])
    if titled:
        axes.set_title(row_label(row["name"], 40), fontsize=9.5, fontweight="bold", loc="left")


def _draw_pooled(axes: Axes, pooled: PooledFacts, place: float, ahead: float) -> None:
    """Draw the diamond, and the bar of the next pair."""
    mean, colour = pooled["mean"], pooled_colour(pooled)
    if mean is None:
        return
    _draw_bar(axes, pooled["predicted_low"], pooled["predicted_high"], ahead, colour, 1.2)
    low, high = pooled["low"], pooled["high"]
    if low is None or high is None:
        axes.plot([100 * mean], [place], marker="d", color=colour, markersize=7, fillstyle="none", linestyle="none")
        return
    corners = [100 * low, 100 * mean, 100 * high, 100 * mean]
    axes.fill(corners, [place, place - 0.24, place, place + 0.24], facecolor=colour, edgecolor=colour, linewidth=0.8)
    _draw_arrows(axes, 100 * low, 100 * high, place, colour)


def _draw_bar(axes: Axes, low: Number, high: Number, place: float, colour: str, width: float) -> None:
    if low is None or high is None:
        return
    left, right = axes.get_xlim()
    ends = [min(max(100 * end, left), right) for end in (low, high)]
    axes.plot(ends, [place, place], color=colour, linewidth=width, solid_capstyle="butt")
    _draw_arrows(axes, 100 * low, 100 * high, place, colour)


def _draw_arrows(axes: Axes, low: float, high: float, place: float, colour: str) -> None:
    left, right = axes.get_xlim()
    for beyond, at, marker in ((low < left, left, "<"), (high > right, right, ">")):
        if beyond:
            axes.plot([at], [place], marker=marker, color=colour, markersize=5, linestyle="none", clip_on=False)


def _draw_point(axes: Axes, value: float, place: float, effect: Effect) -> None:
    left, right = axes.get_xlim()
    at = min(max(value, left), right)
    marker = "o" if at == value else "<" if value < left else ">"
    colour = VERDICT_COLOURS[effect["verdict"]]
    axes.plot([at], [place], marker=marker, color=colour, markersize=4, alpha=0.75, linestyle="none", clip_on=False)


def _set_limits(axes: Axes, low: float, high: float) -> None:
    low, high = min(low, 0), max(high, 0)
    margin = 0.05 * (high - low or 1)
    axes.set_xlim(low - margin, high + margin)


def _pooled_text(pooled: PooledFacts) -> str:
    return f"{points(pooled['mean'])} {interval({'low': pooled['low'], 'high': pooled['high']})}"


def _write_beside(axes: Axes, place: float, text: str) -> None:
    where = ("axes fraction", "data")
    axes.annotate(text, (1.05, place), xycoords=where, verticalalignment="center", fontsize=8.5)


def _finish(axes: Axes, labels: Sequence[str]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels, linespacing=0.95)
    for label in axes.get_yticklabels():
        label.set_fontsize(7.5 if "\n" in label.get_text() else 8.5)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("gain over the baseline in mIoU*, points")
