"""The tables of a run: per cent, differences with their sign and verdict, the paper's numbers where a row has them."""

import csv
import io
from typing import Any

import pytest

from lit_samseg.results.run_tables import (
    METRIC,
    classes_table,
    ends_table,
    harm_table,
    points,
    scores_table,
    tags_table,
)
from lit_samseg.results.tables_of_run import tables_of_run
from lit_samseg.results.text_table import TextTable, write_tables


def results_with(dataset: str, rows: list[tuple[str, float | None, float | None]]) -> dict[str, Any]:
    """Make results of rows of (name, mIoU, mIoU*); differences are to the first."""
    made: list[dict[str, Any]] = []
    for name, miou, present in rows:
        row: dict[str, Any] = {"name": name, "miou": miou, METRIC: present, "macc": 0.5, "pixel_acc": 0.9}
        if made:
            before = made[0][METRIC]
            value = None if present is None or before is None else present - before
            ends = {"low": None, "high": None} if value is None else {"low": value - 0.01, "high": value + 0.02}
            test = {
                "value": value,
                "p": 0.5,
                "p_holm": 0.5,
                "verdict": "no evidence",
                "detectable": 0.0123,
                "enough": None,
            }
            test |= ends
            row["difference"] = {METRIC: test}
        made.append(row)
    return {
        "dataset": {"name": dataset, "split": "val", "ids": ["a"]},
        "baseline": {"name": "b"},
        "sam": {"name": "s", "precision": "fp32"},
        "rows": made,
    }


def cells_of(table: TextTable) -> dict[str, dict[str, str]]:
    return {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}


# SPEC 1, the paper's rows on VOC.
PAPER = ["75.75/82.75", "50.34/79.06", "64.30/74.09", "72.60/77.96", "75.31/82.96", "75.50/84.27"]
ROWS = ["baseline", "point", "points", "box", "points+box", "points+box+mask"]


def test_differences_are_to_the_baseline_on_the_classes_of_the_ground_truth() -> None:
    table = scores_table(
        results_with("scenes", [("baseline", 0.70, 0.72), ("box", 0.69, 0.7323), ("point", 0.9, 0.60)])
    )
    cells = cells_of(table)
    assert table.title == "scenes val, 1 image, b + s (fp32)"
    assert list(cells["baseline"].values()) == ["baseline", "70.00", "50.00", "72.00", "", "", ""]
    assert list(cells["box"].values())[1:] == ["69.00", "50.00", "73.23", "+1.23", "[+0.23, +3.23]", "no evidence"]
    assert cells["point"]["diff."] == "-12.00"
    assert "With 1 image a true difference of 1.2 points, depending on the row, is found 4 times in 5" in table.notes[1]


def test_too_few_images_are_said_in_place_of_what_they_could_show() -> None:
    results = results_with("scenes", [("baseline", 0.70, 0.72), ("box", 0.69, 0.7323), ("point", 0.9, 0.60)])
    for row, enough in zip(results["rows"][1:], (7, 14), strict=True):
        row["difference"][METRIC] |= {"verdict": "too few images", "enough": enough}
    notes = scores_table(results).notes
    assert "1 image cannot decide about 2 rows" in notes[1]
    assert "It takes 7 to 14 images at least." in notes[1]
    assert not any("4 times in 5" in note for note in notes)
    results["rows"][1]["difference"][METRIC] |= {"verdict": "no evidence", "enough": None}
    assert [note.split(" point")[0] for note in scores_table(results).notes[1:]] == [
        "With 1 image a true difference of 1.2",
        "1 image cannot decide about",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(-0.00004, "0.00"), (0.00004, "0.00"), (-0.00006, "-0.01"), (0.1, "+10.00")]
)
def test_nothing_is_minus_nought(value: float, text: str) -> None:
    assert points(value) == text


def test_a_name_in_brackets_is_no_space_between_lines_in_latex() -> None:
    latex = TextTable("t", ["name", "x"], [["[mine]", "1"], ["*", "2"], ["<a>", "[3]"]]).latex()
    assert "\n{}[mine] & 1" in latex
    assert "\n{}* & 2" in latex
    assert "\n\\textless{}a\\textgreater{} & [3]" in latex


def test_latex_has_the_sign_for_minus() -> None:
    table = TextTable("t", ["row", "x", "y"], [["a-1", "-1.03", "[-3.09, +1.23]"], ["b", "img-5 -2.00", "-"]])
    latex = table.latex()
    assert r"a-1 & $-$1.03 & [$-$3.09, +1.23] \\" in latex
    assert r"b & img-5 $-$2.00 & - \\" in latex
    # Programs read the others.
    assert "| a-1 | -1.03 | [-3.09, +1.23] |" in table.markdown()
    assert "a-1,-1.03," in table.csv()


def test_the_papers_numbers_stand_beside_its_rows() -> None:
    table = scores_table(results_with("voc2012", [(row, 0.5, 0.5) for row in [*ROWS, "box@component"]]))
    cells = cells_of(table)
    assert [cells[row]["paper mIoU/mAcc"] for row in ROWS] == PAPER
    assert cells["box@component"]["paper mIoU/mAcc"] == "-"
    assert "the paper contradicts itself" in table.notes[-1]


def test_a_score_over_no_class_is_a_dash() -> None:
    cells = cells_of(scores_table(results_with("scenes", [("baseline", None, None), ("box", None, None)])))
    assert list(cells["box"].values())[1:] == ["-", "50.00", "-", "-", "-", "no evidence"]


def test_borders_have_a_column_where_they_were_counted() -> None:
    results = results_with("scenes", [("baseline", 0.5, 0.5), ("box", 0.5, 0.5)])
    results["rows"][1]["boundary"] = {"iou_before": 0.5881}
    cells = cells_of(scores_table(results))
    assert (cells["baseline"]["bIoU"], cells["box"]["bIoU"]) == ("-", "58.81")


def test_harm_and_tags() -> None:
    worst = [{"id": "x", "difference": -0.5, "region": None}, {"id": "y", "difference": -0.1, "region": None}]
    harm = {"improved": 0.25, "unchanged": 0.0, "worse": 0.75, "best": [], "worst": worst}
    assert harm_table([{"name": "baseline"}, {"name": "box", "harm": harm}]).rows == [
        ["box", "25.00", "0.00", "75.00", "-", "x -50.00"]
    ]
    tag = {"tag": "tiny", "count": 3, "before": 0.5, "after": 0.25, "of_loss": 1.0, "of_gain": None}
    assert tags_table({"name": "box", "tags": [tag]}).rows == [["tiny", "3", "50.00", "25.00", "100.00", "-"]]


def test_the_images_at_either_end_and_the_classes() -> None:
    region = {"class": "cat", "box": [1, 2, 3, 4], "tags": ["tiny", "multiple"], "before": 0.5, "after": 0.25}
    best = [{"id": "x", "difference": 0.5, "region": None}]
    worst = [{"id": "z", "difference": -0.5, "region": region}, {"id": "y", "difference": -0.1, "region": None}]
    table = ends_table({"name": "box", "harm": {"best": best, "worst": worst}})
    # From the best image down to the worst.
    assert table.rows == [
        ["x", "+50.00", "-", "-", "-", "-"],
        ["y", "-10.00", "-", "-", "-", "-"],
        ["z", "-50.00", "cat", "1 2 3 4", "tiny, multiple", "-25.00"],
    ]
    rows: list[dict[str, Any]] = [
        {"name": "baseline", "per_class": [{"class": "cat", "iou": 0.5}, {"class": "dog", "iou": None}]},
        {"name": "box", "per_class": [{"difference": -0.125}, {"difference": None}]},
    ]
    assert classes_table(rows).rows == [["cat", "50.00", "-12.50"]]


def test_a_baseline_alone_has_one_table() -> None:
    assert len(tables_of_run(results_with("scenes", [("baseline", 0.5, 0.5)]))) == 1


TABLE = TextTable("50 % of_a|b", ["row", "x"], [["a|b&c_d", "1"], ["{e}^~\\", "[red]2"]], ["note #1"])


def test_markdown_latex_and_csv_keep_what_is_special() -> None:
    assert TABLE.markdown().splitlines() == [
        "**50 % of_a|b**", "",
        "| row | x |", "| --- | ---: |", "| a\\|b&c_d | 1 |", "| {e}^~\\ | [red]2 |", "",
        "note #1",
    ]  # fmt: skip
    latex = TABLE.latex()
    # As it is, LaTeX's usual font has a dash in place of the bar, and marks of exclamation in place of the other two.
    assert r"\caption{50 \% of\_a\textbar{}b}" in latex
    assert r"a\textbar{}b\&c\_d & 1 \\" in latex
    assert r"\{e\}\textasciicircum{}\textasciitilde{}\textbackslash{} & [red]2 \\" in latex
    assert latex.index(r"\toprule") < latex.index(r"\midrule") < latex.index(r"\bottomrule")
    assert latex.count("{") == latex.count("}")
    assert list(csv.reader(io.StringIO(TABLE.csv()))) == [["row", "x"], *TABLE.rows]


def test_nothing_is_cut_off_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    wide = TextTable("t", ["row", *"abcdefg"], [["points+box+mask@component", *["[+10.00, +20.00]"] * 7]])
    TABLE.print()
    wide.print()
    printed = capsys.readouterr().out
    assert printed.count("[+10.00, +20.00]") == 7
    assert "[red]2" in printed
    assert "…" not in printed
    write_tables([TABLE, wide], tmp_path, "tables")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tables.csv", "tables.md", "tables.tex"]
    assert "points+box+mask@component" in (tmp_path / "tables.tex").read_text()
