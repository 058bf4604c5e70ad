"""The table: per cent, differences with their sign, the paper's numbers where a row has them."""

from typing import Any

from lit_samseg.results.table import results_table
from rich.console import Console


def lines_of(dataset: str, rows: list[tuple[str, float | None, float | None]]) -> dict[str, list[str]]:
    """Render rows of (name, mIoU, mIoU*) and return each row's cells by its name."""
    results: dict[str, Any] = {
        "dataset": {"name": dataset, "split": "val", "ids": ["a"]},
        "baseline": {"name": "b"},
        "sam": {"name": "s", "precision": "fp32"},
        "rows": [
            {"name": name, "miou": miou, "miou_gt_present": present, "macc": 0.5, "pixel_acc": 0.9}
            for name, miou, present in rows
        ],
    }
    console = Console(width=100)
    with console.capture() as captured:
        console.print(results_table(results))
    cells = [line.split() for line in captured.get().splitlines()]
    names = {name for name, _, _ in rows}
    return {line[0]: line[1:] for line in cells if line and line[0] in names}


# SPEC 1, the paper's rows on VOC.
PAPER = ["75.75/82.75", "50.34/79.06", "64.30/74.09", "72.60/77.96", "75.31/82.96", "75.50/84.27"]
ROWS = ["baseline", "point", "points", "box", "points+box", "points+box+mask"]


def test_differences_are_to_the_baseline_on_the_classes_of_the_ground_truth() -> None:
    table = lines_of("scenes", [("baseline", 0.70, 0.72), ("box", 0.69, 0.7323), ("point", 0.9, 0.60)])
    assert table["baseline"] == ["70.00", "50.00", "72.00"]
    assert table["box"] == ["69.00", "50.00", "73.23", "+1.23"]
    assert table["point"][-1] == "-12.00"


def test_the_papers_numbers_stand_beside_its_rows() -> None:
    table = lines_of("voc2012", [(row, 0.5, 0.5) for row in [*ROWS, "box@component"]])
    assert [table[row][-1] for row in ROWS] == PAPER
    assert table["box@component"][-1] == "-"


def test_a_score_over_no_class_is_a_dash() -> None:
    table = lines_of("scenes", [("baseline", None, None), ("box", None, None)])
    assert table["box"] == ["-", "50.00", "-", "-"]
