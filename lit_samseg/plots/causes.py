"""Where differences come from."""

from matplotlib.figure import Figure

from lit_samseg.plots.style import INK, MARKERS, ROW_COLOURS, new_figure, row_label
from lit_samseg.results.contents import Results

STEPS = {
    "score": "SAM's score chooses",
    "oracle": "best of SAM's candidates",
    "prompts": "prompts from ground truth",
    "merging": "perfect merging",
    "gate": "perfect gate",
}
"""Names in words of the ladder's steps after the row itself."""


def ladder_plot(results: Results) -> Figure | None:
    """Draw what each row would gain if one thing were made perfect; None where no analysis was made.

    Args:
        results: ``results.json``.
    """
    ladders = {row["name"]: row["ladder"] for row in results["rows"] if "ladder" in row}
    gains = {
        step: [next((rung["gain"] for rung in ladder if rung["step"] == step), None) for ladder in ladders.values()]
        for step in STEPS
    }
    if not any(gain is not None for row in gains.values() for gain in row):
        return None
    figure, axes = new_figure(1.6 + 0.36 * len(ladders))
    for index, (step, values) in enumerate(gains.items()):
        found = [(100 * gain, place) for place, gain in enumerate(values) if gain is not None]
        axes.plot(
            [gain for gain, _ in found],
            [place for _, place in found],
            linestyle="none",
            marker=MARKERS[index],
            color=ROW_COLOURS[index],
            label=STEPS[step],
            alpha=0.9,
        )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(ladders)), [row_label(name) for name in ladders])
    axes.set_ylim(len(ladders) - 0.4, -0.6)
    axes.grid()
    axes.set_axisbelow(True)
    axes.set_xlabel("gain over the row itself in mIoU*, points")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure
