"""Plots of a study: the numbers in them, read from matplotlib's artists, and names of any kind."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from matplotlib.figure import Figure

from lit_samseg.plots.shared_classes import shared_classes_plot
from lit_samseg.plots.study_forest import pooled_plot, study_forest_plot
from lit_samseg.plots.study_relations import baseline_plot, borders_plot, cost_plot, slopes_plot
from lit_samseg.plots.style import VERDICT_COLOURS, plotting, svg
from lit_samseg.pooling.row_cost import cheapest_first, seconds_of
from tests.made_study import GAINS, PAIRS, made_row, made_study

HOSTILE = ["<script>&\"'", "a$b$ \\frac{", "猫", "line\nbreak", "x" * 80, " ".join(["word"] * 40)]


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def test_the_forest_has_each_pair_its_weight_and_what_is_pooled() -> None:
    study = made_study(rows=["auto"])
    (row,) = study["rows"]
    with plotting():
        axes = drawn(study_forest_plot(study)).axes[0]
        labels = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert labels == [*PAIRS, "7 pairs, pooled", "next pair"]
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    bars = [line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2]
    sizes = []
    for place, (square, bar, effect) in enumerate(zip(squares, bars, row["effects"], strict=False)):
        assert list(square.get_xdata()) == pytest.approx([100 * (effect["value"] or 0)])
        assert list(bar.get_xdata()) == pytest.approx([100 * (effect[end] or 0) for end in ("low", "high")])
        assert list(square.get_ydata()) == [place]
        assert square.get_color() == VERDICT_COLOURS[effect["verdict"]]
        sizes.append(square.get_markersize())
    weights = [effect["weight"] for effect in row["effects"]]
    assert sorted(range(7), key=lambda n: sizes[n]) == sorted(range(7), key=lambda n: weights[n])
    pooled = row["pooled"]
    (diamond,) = axes.patches
    assert sorted({x for x, _ in diamond.get_xy()}) == pytest.approx(
        [100 * (pooled[end] or 0) for end in ("low", "mean", "high")]
    )
    ahead = [line for line in bars if list(line.get_ydata()) == [8, 8]]
    assert list(ahead[0].get_xdata()) == pytest.approx(
        [100 * (pooled["predicted_low"] or 0), 100 * (pooled["predicted_high"] or 0)]
    )
    assert axes.texts[0].get_text() == "+2.28 [+1.49, +3.11]"
    assert axes.texts[7].get_text().startswith(f"{100 * (pooled['mean'] or 0):+.2f} [")


def test_what_reaches_beyond_the_axis_is_an_arrow() -> None:
    """Of two pairs the pooled interval is many times as wide as theirs."""
    study = made_study(2, ["auto"])
    with plotting():
        axes = drawn(study_forest_plot(study)).axes[0]
    left, right = axes.get_xlim()
    pooled = study["rows"][0]["pooled"]
    assert pooled["low"] is not None
    assert 100 * pooled["low"] < left
    arrows = {line.get_marker(): list(line.get_xdata()) for line in axes.lines if line.get_marker() in ("<", ">")}
    assert arrows == {"<": [left], ">": [right]}
    assert right - left < 12


def test_rows_stand_below_or_beside_each_other() -> None:
    with plotting():
        for count, columns in ((1, 1), (3, 1), (6, 2)):
            figure = drawn(study_forest_plot(made_study(), list(GAINS)[:count]))
            assert figure.get_figwidth() == 5 * columns
            titles = [axes.get_title(loc="left") for axes in figure.axes if axes.lines]
            assert titles == (list(GAINS)[:count] if count > 1 else [""])


def test_the_pooled_plot_keeps_small_gains_apart_where_one_is_huge() -> None:
    with plotting():
        axes = drawn(pooled_plot(made_study())).axes[0]
        assert [label.get_text() for label in axes.get_yticklabels()] == list(GAINS)
    left, right = axes.get_xlim()
    assert left > -8
    assert right < 4
    dots = [line for line in axes.lines if line.get_marker() in ("o", "<", ">") and line.get_markersize() == 4]
    assert len(dots) == sum(gain is not None for gains in GAINS.values() for gain in gains)
    assert all(left <= line.get_xdata()[0] <= right for line in dots)


def test_the_gain_is_drawn_against_each_pair_s_baseline() -> None:
    with plotting():
        figure = drawn(baseline_plot(made_study()))
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(GAINS)
    auto = figure.axes[-1]
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in auto.lines if line.get_marker() == "o"]
    wanted = [(miou, gain[0]) for (_, _, miou), gain in zip(PAIRS.values(), GAINS["auto"], strict=True) if gain]
    assert points == [pytest.approx(point) for point in wanted]
    assert [text.get_text() for text in auto.texts] == list("1234567")


def test_cost_is_drawn_with_those_that_no_other_beats() -> None:
    study = made_study()
    # What costs something and gains less than the baseline as it is has no place on the line.
    assert [row["name"] for row, _ in cheapest_first(study)] == ["none@crf", "none@densecrf", "auto"]
    assert seconds_of(study["rows"][1]) is None
    with plotting():
        axes = drawn(cost_plot(study)).axes[0]
    points = {line.get_label(): line.get_xdata()[0] for line in axes.lines if str(line.get_label())[0] != "_"}
    assert points == pytest.approx({"box": 0.11, "none@crf": 0.21, "none@densecrf": 0.52, "point": 0.09, "auto": 0.74})


def test_borders_slopes_and_classes_have_their_numbers() -> None:
    study = made_study(rows=["box", "auto"], slopes=True)
    kept = [{**slope, "together": True, "standardised": 9.0} for slope in study["rows"][1]["depends_on"]]
    study["rows"][1]["depends_on"] += kept  # type: ignore[arg-type]
    with plotting():
        borders = drawn(borders_plot(study)).axes[0]
        slopes = drawn(slopes_plot(study)).axes[0]
        classes = drawn(shared_classes_plot({"cat": [0.01, 0.03], "sky": [-0.02, 0.01, -0.02]}, "auto")).axes[0]
    assert list(borders.lines[0].get_xdata()) == pytest.approx([200 * g[0] / 100 + 1 for g in GAINS["box"] if g])
    # Those that were looked at alone, of two rows.
    assert [line.get_xdata()[0] for line in slopes.lines if line.get_marker() == "o" and len(line.get_xdata())] == (
        pytest.approx([-0.3, 0.07, 0.21, 0.4] * 2)
    )
    assert list(slopes.lines[0].get_xdata()) == pytest.approx([-0.45, -0.15])
    assert [label.get_text() for label in classes.get_yticklabels()] == ["cat (2)", "sky (3)"]
    assert [list(line.get_xdata()) for line in classes.lines[:4]] == [
        pytest.approx(numbers) for numbers in ([1, 3], [2], [-2, 1], [-1])
    ]


@pytest.mark.parametrize("plot", [study_forest_plot, pooled_plot, baseline_plot, cost_plot, borders_plot, slopes_plot])
def test_without_numbers_there_is_no_plot(plot: Any) -> None:
    nothing = made_row("box", {})
    with plotting():
        assert plot(made_study(1, [])) is None
        assert plot(made_study(1, []) | {"rows": [nothing]}) is None
        assert shared_classes_plot({}, "box") is None


def test_any_name_is_safe_and_the_same_each_time() -> None:
    study = made_study(len(HOSTILE), ["auto"], slopes=True)
    study["rows"][0]["name"] = HOSTILE[1]
    for pair, effect, name in zip(study["pairs"], study["rows"][0]["effects"], HOSTILE, strict=True):
        pair["name"] = effect["pair"] = name
    with plotting():
        for plot in (study_forest_plot, pooled_plot, baseline_plot, slopes_plot):
            light, dark = svg(drawn(plot(study)))
            assert not [one for one in ET.fromstring(light).iter() if one.tag.endswith("script")]
            assert light != dark
        assert svg(drawn(pooled_plot(study))) == svg(drawn(pooled_plot(study)))
