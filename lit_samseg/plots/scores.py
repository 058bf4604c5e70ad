"""Differences with their intervals, and scores near borders."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lit_samseg.plots.style import INK, VERDICT_COLOURS, new_figure, row_colour, row_lines
from lit_samseg.results.contents import Results
from lit_samseg.results.run_tables import METRIC, interval, points


def forest_plot(results: Results) -> Figure | None:
    """Draw each row's difference to the baseline in mIoU* with its 95 % interval; None where no row has one.

    Args:
        results: ``results.json``.
    """
    tests = {row["name"]: row["difference"][METRIC] for row in results["rows"] if "difference" in row}
    tests = {name: test for name, test in tests.items() if test["value"] is not None}
    if not tests:
        return None
    figure, axes = new_figure(1.0 + 0.37 * len(tests))
    for place, test in enumerate(tests.values()):
        colour = VERDICT_COLOURS[test["verdict"]]
        assert test["value"] is not None
        if test["low"] is not None and test["high"] is not None:
            ends = [100 * test["low"], 100 * test["high"]]
            axes.plot(ends, [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot([100 * test["value"]], [place], marker="o", color=colour, markersize=6)
        axes.annotate(
            f"{points(test['value'])} {interval(test)}",
            (1.02, place),
            xycoords=("axes fraction", "data"),
            verticalalignment="center",
            fontsize=8.5,
        )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(tests)), [row_lines(name) for name in tests])
    axes.set_ylim(len(tests) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("difference to the baseline in mIoU*, points")
    return figure


def trimap_plot(results: Results) -> Figure | None:
    """Draw each row's mIoU within 1, 2, ... px of a border of the ground truth; None where it was not measured.

    Args:
        results: ``results.json``.
    """
    curves = {
        (index, row["name"]): [None if value is None else 100 * value for value in row["boundary"]["trimap_miou"]]
        for index, row in enumerate(results["rows"])
        if "boundary" in row
    }
    curves = {key: curve for key, curve in curves.items() if any(value is not None for value in curve)}
    if not curves:
        return None
    labels = [row_lines(name) for _, name in curves]
    half = (len(labels) + 1) // 2
    # The legend has two columns.
    deepest = max(sum(1 + label.count("\n") for label in column) for column in (labels[:half], labels[half:]))
    figure, axes = new_figure(3.1 + 0.19 * deepest)
    for label, ((index, name), curve) in zip(labels, curves.items(), strict=True):
        widths = [width for width, value in enumerate(curve, start=1) if value is not None]
        values = [value for value in curve if value is not None]
        axes.plot(
            widths,
            values,
            color=row_colour(index),
            linewidth=1.4 if index else 2.4,
            linestyle="--" if "@" in name else "-",
            marker="." if len(values) == 1 else None,
            label=label,
        )
    axes.grid()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("distance from a border of the ground truth, pixels")
    axes.set_ylabel("mIoU there, %")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure
