"""One figure from the CSVs: where the time goes, and how it grows with the number of rows."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .summary import Record, read_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"read": "#bbbbbb", "baseline": "#4477aa", "encode": "#ee6677", "refine": "#228833", "count": "#ccbb44"}
OTHER = "#aa3377"
PLAIN, OURS = "#444444", "#4477aa"
NO_MATPLOTLIB = "--plot needs matplotlib: pip install -e '.[dev]'"


def has_matplotlib() -> bool:
    """Tell whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(folder: Path, path: Path) -> None:
    """Draw ``main.csv`` and, where there is one, ``variants.csv``.

    Args:
        folder: Where the CSVs are.
        path: The SVG.

    Raises:
        FileNotFoundError: There is no ``main.csv``.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    main = read_csv(folder / "main.csv")
    variants = read_csv(folder / "variants.csv") if (folder / "variants.csv").is_file() else []
    # Letters stay letters (small, and one can search them); the same figures give the same file.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "benchmark", "font.family": "sans-serif", "font.size": 10}
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(
            1, 2 if variants else 1, figsize=(10 if variants else 6, 3.2), layout="constrained", facecolor="white"
        )
        left, *right = list(axes) if variants else [axes]
        _draw_stages(left, main)
        for axis in right:
            _draw_growth(axis, main, variants)
        for axis in (left, *right):
            axis.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
        pyplot.close(figure)


def _draw_stages(axis: "Axes", records: list[Record]) -> None:
    """Stack each row's stages."""
    stages = list(dict.fromkeys(name for record in records for name in record if name.startswith("stage:")))
    names = [str(record["row"]) for record in records]
    starts = [0.0] * len(records)
    for stage in stages:
        widths = [max(0.0, record.get(stage, 0.0)) for record in records]
        label = stage.removeprefix("stage:")
        axis.barh(names, widths, left=starts, label=label, color=COLOURS.get(label, OTHER), height=0.65)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for name, end in zip(names, starts, strict=True):
        axis.annotate(f"{end:#.3g} s", (end, name), xytext=(4, 0), textcoords="offset points", va="center")
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.set_xlabel("seconds per image")
    narrow = {"handlelength": 1, "handletextpad": 0.4, "columnspacing": 0.9}
    axis.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(stages), **narrow)


def _draw_growth(axis: "Axes", main: list[Record], variants: list[Record]) -> None:
    """Draw seconds against rows."""
    plain = [record for record in variants if record["row"] == "plain loop"]
    if plain:
        axis.plot(*_points(plain), "o-", color=PLAIN, label="plain loop")
    else:
        measured = next((record for record in main if record["row"] == "plain loop"), None)
        if measured is not None:
            counts = sorted({record["label_maps"] for record in variants})
            label = f"plain loop (scaled from {measured['label_maps']:.0f} rows)"
            axis.plot(counts, [scaled(measured, count) for count in counts], "--", color=PLAIN, label=label)
    for name in dict.fromkeys(str(record["row"]) for record in variants if record["row"] != "plain loop"):
        axis.plot(*_points([record for record in variants if record["row"] == name]), "o-", color=OURS, label=name)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("rows, the baseline among them")
    axis.set_ylabel("seconds per image")
    axis.legend(frameon=False, fontsize=9)


def _points(records: list[Record]) -> tuple[list[float], list[float]]:
    return [record["label_maps"] for record in records], [record["seconds"] for record in records]


def scaled(plain: Record, count: float) -> float:
    """Return what the plain loop would take for ``count`` rows: it encodes, prompts and counts for each anew."""
    per_row = (plain["stage:encode"] + plain["stage:refine"]) / (plain["label_maps"] - 1)
    counting = plain["stage:count"] / plain["label_maps"]
    return float(plain["stage:read"] + plain["stage:baseline"] + (count - 1) * per_row + count * counting)
