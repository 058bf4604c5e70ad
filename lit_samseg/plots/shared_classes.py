"""Classes that pairs of a study share."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from lit_samseg.plots.classes import MOST
from lit_samseg.plots.style import INK, VERDICT_COLOURS, axis_label, new_figure, row_label


def shared_classes_plot(gains: Mapping[str, Sequence[float]], row: str) -> Figure | None:
    """Draw a row's mean gain in the IoU of each class, and from which to which it is on pairs; None without any.

    Args:
        gains: By class on each pair, fractions; of more than 30 classes those whose mean is largest are drawn.
        row: The row's name.
    """
    means = {name: 100 * sum(own) / len(own) for name, own in gains.items() if own}
    if not means:
        return None
    kept = set(sorted(means, key=lambda name: -abs(means[name]))[:MOST])
    names = [name for name in means if name in kept]
    figure, axes = new_figure(1.0 + 0.22 * len(names))
    for place, name in enumerate(names):
        mean, own = means[name], gains[name]
        colour = VERDICT_COLOURS["better" if mean > 0 else "worse" if mean < 0 else "no evidence"]
        axes.plot([100 * min(own), 100 * max(own)], [place, place], color=colour, linewidth=1.6, alpha=0.6)
        axes.plot([mean], [place], marker="o", color=colour, markersize=5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), [f"{axis_label(name)} ({len(gains[name])})" for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel(f"gain in IoU of {row_label(row, 30)}, points")
    return figure
