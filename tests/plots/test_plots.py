"""Plots: the numbers in them, read from matplotlib's artists and from the SVG."""

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from lit_samseg.plots import classes_plot, forest_plot, ladder_plot, plotting, svg, trimap_plot

HOSTILE = ["<script>&\"'", "a$b$ \\frac{", "猫", "line\nbreak", "x" * 80]


def a_row(name: str, difference: float | None, classes: list[float | None]) -> dict[str, Any]:
    low = None if difference is None else difference - 0.01
    high = None if difference is None else difference + 0.02
    verdict = "better" if difference is not None and difference > 0.01 else "no evidence"
    row = {
        "name": name,
        "per_class": [{"class": c, "iou": v} for c, v in zip(HOSTILE, classes, strict=False)],
        "boundary": {"trimap_miou": [None if difference is None else 0.5 + 0.01 * w for w in range(20)]},
    }
    if name != "baseline":
        row["difference"] = {"miou_gt_present": {"value": difference, "low": low, "high": high, "verdict": verdict}}
        row["ladder"] = [
            {"step": step, "gain": difference}
            for step in (
                "refined",
                "absent",
                "classes",
                "score",
                "oracle",
                "true boxes",
                "true prompts",
                "merging",
                "gate",
            )
        ]
    return row


RESULTS = {
    "rows": [
        a_row("baseline", 0.0, [0.5, 0.25, None, 0.1, 0.9]),
        a_row("box", -0.004, [0.4, 0.3, None, 0.1, 0.9]),
        a_row("points+box@component", 0.03, [0.6, 0.25, None, None, 0.95]),
    ]
}
NOTHING = {"rows": [a_row("baseline", None, [None] * 5), a_row("box", None, [None] * 5)]}


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def test_a_forest_plot_has_each_difference_and_its_interval() -> None:
    with plotting():
        axes = drawn(forest_plot(RESULTS)).axes[0]
        lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
        labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["box", "points+box@component"]
    for place, difference in enumerate([-0.4, 3.0]):
        ends, middle = lines[2 * place], lines[2 * place + 1]
        assert ends[0] == pytest.approx([difference - 1, difference + 2])
        assert middle[0] == pytest.approx([difference])
        assert ends[1] == [place, place]
    assert axes.texts[1].get_text() == "+3.00 [+2.00, +5.00]"


def test_other_plots_have_the_results_numbers() -> None:
    with plotting():
        curves = drawn(trimap_plot(RESULTS)).axes[0].lines
        recognition, masks = (axes.lines for axes in drawn(ladder_plot(RESULTS)).axes)
        bars = drawn(classes_plot(RESULTS, "points+box@component")).axes[0]
        names = [label.get_text() for label in bars.get_yticklabels()]
    assert [len(curve.get_xdata()) for curve in curves] == [20, 20, 20]
    assert list(curves[0].get_ydata())[:2] == pytest.approx([50, 51])
    assert [list(step.get_xdata()) for step in masks[:6]] == [pytest.approx([-0.4, 3.0])] * 6
    # Steps that no row has are empty, and only the line at 0 is left.
    assert [list(step.get_xdata()) for step in recognition[:6]] == [pytest.approx([-0.4, 3.0])] * 2 + [[]] * 4
    # Two bars a class: the baseline's, and what changes; a class without a score has none.
    assert len(names) == 4
    widths = [patch.get_width() for patch in bars.patches]
    assert widths == pytest.approx([50, 10, 25, 0, 10, 0, 90, 5])


@pytest.mark.parametrize("plot", [forest_plot, trimap_plot, ladder_plot])
def test_long_names_of_rows_lie_within_the_plot(plot: Any) -> None:
    auto = "point+box+margin@component/fuse/vote/samcrf"
    names = ["baseline", auto, auto.replace("/fuse", "/text/fuse"), "none@remove/add/text", "x" * 80]
    names += [f"points+box+mask{n}@component/iou/baseline" for n in range(5)]
    rows = [a_row(name, 0.03, [0.5]) for name in names]
    with plotting():
        figure = drawn(plot({"rows": rows}))
        # A warning, which is an error in tests, would say that there is no room for the axes.
        figure.draw_without_rendering()
        # Numbers of ticks beyond the axis are not drawn.
        texts = [t for t in figure.findobj(Text) if t.get_text().strip("\u2212.0123456789")]
        room = figure.bbox
        for text in texts:
            own = text.get_window_extent()
            assert room.x0 <= own.x0 < own.x1 <= room.x1, text.get_text()
            assert room.y0 - 1 <= own.y0 < own.y1 <= room.y1 + 1, text.get_text()
        for axes in figure.axes:
            assert axes.bbox.width > 0.15 * room.width
    shown = [text.get_text() for text in texts]
    assert "point+box+margin@component\n/text/fuse/vote/samcrf" in shown or plot is not forest_plot
    assert len({name for name in shown if "samcrf" in name}) == 2


@pytest.mark.parametrize("plot", [forest_plot, trimap_plot, ladder_plot, lambda results: classes_plot(results, None)])
def test_svg_is_safe_the_same_each_time_and_has_two_lights(plot: Any) -> None:
    with plotting():
        light, dark = svg(drawn(plot(RESULTS)))
        assert svg(drawn(plot(RESULTS))) == (light, dark)
    for text in (light, dark):
        assert text.startswith("<svg")
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
        assert "script" not in tags
        assert "text" in tags
    assert light != dark
    assert "#101418" in light
    assert "#101418" not in dark


@pytest.mark.parametrize("plot", [forest_plot, trimap_plot, ladder_plot, lambda results: classes_plot(results, "box")])
def test_without_numbers_there_is_no_plot(plot: Any) -> None:
    with plotting():
        assert plot(NOTHING) is None


def test_of_many_classes_those_that_change_most_are_drawn() -> None:
    names = [f"class {n}" for n in range(150)]
    rows = [
        {"name": name, "per_class": [{"class": c, "iou": 0.5 + sign * 0.001 * n} for n, c in enumerate(names)]}
        for name, sign in (("baseline", 0), ("box", 1))
    ]
    with plotting():
        figure = drawn(classes_plot({"rows": rows}, "box"))
        shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == names[-30:]
    assert figure.get_figheight() < 10
    assert math.isclose(figure.get_figwidth(), 5)
