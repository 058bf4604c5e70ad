"""Classes, baseline against a row."""

from matplotlib.figure import Figure

from lit_samseg.plots.style import INK, RULE, VERDICT_COLOURS, axis_label, new_figure
from lit_samseg.results.contents import Results

MOST = 30
"""Classes drawn at most: of more, those that change most."""


def classes_plot(results: Results, row: str | None) -> Figure | None:
    """Draw each class's IoU in the baseline and, beside it, in a row; None where no class was scored.

    Args:
        results: ``results.json``.
        row: The row's name; None draws the baseline alone.
    """
    before = {c["class"]: c["iou"] for c in results["rows"][0]["per_class"] if c["iou"] is not None}
    rows = {r["name"]: r for r in results["rows"]}
    after = {} if row is None else {c["class"]: c["iou"] for c in rows[row]["per_class"] if c["iou"] is not None}
    names = list(before)
    if not names:
        return None
    if len(names) > MOST:
        changes = {name: abs(after.get(name, before[name]) - before[name]) for name in names}
        kept = set(sorted(names, key=lambda name: -changes[name])[:MOST])
        names = [name for name in names if name in kept]
    figure, axes = new_figure(1.3 + 0.22 * len(names))
    for place, name in enumerate(names):
        start, end = 100 * before[name], 100 * after.get(name, before[name])
        axes.barh(place, start, height=0.62, color=RULE)
        if row is not None:
            colour = VERDICT_COLOURS["no evidence" if end == start else "better" if end > start else "worse"]
            # The part that changes, and where the row ends.
            axes.barh(place, end - start, left=start, height=0.3, color=colour)
            axes.plot([end, end], [place - 0.31, place + 0.31], color=colour, linewidth=2)
    axes.set_yticks(range(len(names)), [axis_label(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.grid(axis="x", color=INK, alpha=0.15)
    axes.set_axisbelow(True)
    axes.set_xlabel("IoU, %" if row is None else f"IoU, %: grey, baseline; line, {row}")
    return figure
