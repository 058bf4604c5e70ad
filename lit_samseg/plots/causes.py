"""Where differences come from."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lit_samseg.plots.style import INK, MARKERS, ROW_COLOURS, WIDTH, row_lines
from lit_samseg.results.contents import Results
from lit_samseg.results.row_contents import Row

RECOGNITION = {
    "absent": "absent classes removed",
    "classes": "missed classes painted",
    "absent+classes": "both",
    "objects": "missed objects painted",
    "absent+objects": "these, and absent classes removed",
    "components": "components' classes right",
}
"""Names in words of the ladder's steps about what the label map takes things for."""

STEPS = {
    "score": "SAM's score chooses",
    "oracle": "best of SAM's candidates",
    "true boxes": "true boxes",
    "true prompts": "true regions as prompts",
    "merging": "perfect merging",
    "gate": "perfect gate",
}
"""Names in words of those about SAM's masks, after the row itself."""


def ladder_plot(results: Results) -> Figure | None:
    """Draw what each row would gain if one thing were made perfect; None where no analysis was made.

    Recognition is above, where all rows have steps, and SAM's masks are below, where those are that paint them.

    Args:
        results: ``results.json``.
    """
    shown = [
        (words, with_steps) for words in (RECOGNITION, STEPS) if (with_steps := _rows_with(results["rows"], words))
    ]
    if not shown:
        return None
    heights = [1.6 + 0.37 * len(rows) for _, rows in shown]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    panels = figure.subfigures(len(shown), squeeze=False, height_ratios=heights)[:, 0]
    for panel, (words, rows) in zip(panels, shown, strict=True):
        _draw(panel.add_subplot(), words, rows)
        panel.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def _rows_with(rows: Sequence[Row], words: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Return by row the gains of those steps that it has."""
    found = {
        row["name"]: {
            str(r["step"]): r["gain"] for r in row.get("ladder", ()) if r["step"] in words and r["gain"] is not None
        }
        for row in rows
    }
    return {name: gains for name, gains in found.items() if gains}


def _draw(axes: Axes, words: Mapping[str, str], rows: Mapping[str, Mapping[str, float]]) -> None:
    for index, (step, label) in enumerate(words.items()):
        found = [(100 * gains[step], place) for place, gains in enumerate(rows.values()) if step in gains]
        axes.plot(
            [gain for gain, _ in found],
            [place for _, place in found],
            linestyle="none",
            marker=MARKERS[index],
            color=ROW_COLOURS[index],
            label=label,
            alpha=0.9,
        )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row_lines(name) for name in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid()
    axes.set_axisbelow(True)
    axes.set_xlabel("gain in mIoU*, points")
