"""Where differences come from, laid out: rows of all kinds, and of runs of earlier releases."""

from typing import Any

from lit_samseg.analysis import LADDER, RUNGS
from lit_samseg.results.cause_tables import OF_CLASSES, cause_tables

FOUND = {
    "classes": 338, "missed_classes": 58, "absent_classes": 62, "objects": 747, "missed_objects": 274,
    "small_objects": 281, "missed_small_objects": 184, "components": 644, "wrong_components": 233, "by_scores": 200,
}  # fmt: skip


def a_row(name: str, steps: tuple[str, ...], **others: Any) -> Any:
    return {"name": name, "ladder": [{"step": step, "gain": 0.01 * n} for n, step in enumerate(steps)]} | others


def test_the_steps_are_those_of_the_analysis() -> None:
    assert OF_CLASSES == RUNGS


def test_rows_that_paint_rows_that_do_not_and_the_baseline() -> None:
    rows = [
        a_row("baseline", RUNGS, recognition=FOUND),
        a_row("box", ("refined", *RUNGS, *LADDER[1:]), recognition=FOUND | {"missed_objects": 3}),
        a_row("auto", ("refined", *RUNGS), recognition=FOUND),
    ]
    recognition, found, ladder = cause_tables(rows)
    assert recognition.header == ["row", *RUNGS]
    assert [row[:2] for row in recognition.rows] == [["baseline", "0.00"], ["box", "+1.00"], ["auto", "+1.00"]]
    assert recognition.notes[-1].endswith("the one that the baseline's scores rate highest.")
    assert found.header == [
        "row", "missed classes", "absent classes", "missed objects", "of small ones", "wrong components"
    ]  # fmt: skip
    assert found.rows[0] == ["baseline", "58 of 338", "62", "274 of 747", "184 of 281", "233 of 644"]
    assert found.rows[1][3] == "3 of 747"
    assert ladder.header == ["row", *LADDER]
    assert ladder.rows == [["box", "0.00", *(f"+{7 + n}.00" for n in range(6))]]


def test_an_earlier_release_s_rows_have_less() -> None:
    (ladder,) = cause_tables([{"name": "baseline"}, a_row("box", ("refined", "score", "true prompts"))])  # type: ignore[list-item]
    assert ladder.header == ["row", "refined", "score", "true prompts"]
    assert ladder.rows == [["box", "0.00", "+1.00", "+2.00"]]
    assert cause_tables([{"name": "baseline"}]) == []  # type: ignore[list-item]


def test_what_takes_the_place_of_absent_classes_is_said_where_it_is_one_thing() -> None:
    scores, nearest = (a_row(name, RUNGS, recognition=FOUND | {"by_scores": n}) for name, n in (("a", 3), ("b", 0)))
    assert "nearest pixel" in cause_tables([nearest])[0].notes[-1]
    assert len(cause_tables([scores, nearest])[0].notes) == 1
