"""The tables that say where differences come from, from ``results.json``."""

from collections.abc import Sequence
from typing import get_args

from lit_samseg.results.row_contents import Row, Step
from lit_samseg.results.run_tables import points
from lit_samseg.results.text_table import TextTable

OF_CLASSES = ("absent", "classes", "absent+classes", "objects", "absent+objects", "components")
"""Steps about what label maps take things for: SAM has no part in them, and all rows and the baseline have them."""

_SAM = tuple(step for step in get_args(Step) if step not in OF_CLASSES)

_OF_CLASSES_NOTE = (
    "Against the row itself, with one thing put right by the ground truth. absent: classes that the image does not "
    "have are removed; classes: missed classes are painted; objects: missed objects are; components: each component of "
    "20 px or more gets the class that most of it is."
)
_SAM_NOTE = (
    "refined: against the baseline. Then against the row itself, with one thing changed: score: SAM's score picks the "
    "candidate; oracle: the ground truth does; true boxes: SAM is asked by the boxes of true regions; true prompts: it "
    "is asked as the row asks, about true regions, so that a mask prompt has the true outline already; merging: the "
    "ground truth decides what is contested or unclaimed; gate: it decides between SAM's mask and the region."
)
_FOUND = (
    ("missed classes", "missed_classes", "classes"),
    ("missed objects", "missed_objects", "objects"),
    ("of small ones", "missed_small_objects", "small_objects"),
    ("wrong components", "wrong_components", "components"),
)


def cause_tables(rows: Sequence[Row]) -> list[TextTable]:
    """Return those of the tables below that any row has numbers for."""
    tables = []
    if any("recognition" in row for row in rows):
        tables += [recognition_table(rows), found_table(rows)]
    if set(_steps(rows, _SAM)) - {"refined"}:
        tables.append(ladder_table(rows))
    return tables


def recognition_table(rows: Sequence[Row]) -> TextTable:
    """Lay out what each row would gain from knowing more of what is in the images, in points of mIoU*."""
    return _table("What recognition is worth, in points", rows, OF_CLASSES, [_OF_CLASSES_NOTE, *_absent_notes(rows)])


def ladder_table(rows: Sequence[Row]) -> TextTable:
    """Lay out what each row gains, and what it would from SAM's answers, in points of mIoU*."""
    return _table("Where the difference comes from, in points", rows, _SAM, [_SAM_NOTE])


def found_table(rows: Sequence[Row]) -> TextTable:
    """Lay out what each row does not find, and what it finds that is not there."""
    cells = []
    for row in rows:
        if "recognition" in row:
            found = row["recognition"]
            parts = [f"{found[part]} of {found[whole]}" for _, part, whole in _FOUND]  # type: ignore[literal-required]
            cells.append([row["name"], *parts[:1], str(found["absent_classes"]), *parts[1:]])
    names = [name for name, _, _ in _FOUND]
    notes = [
        "Over all images, the background not counted. missed: less than 5 % of the class's pixels in its image are "
        "right, or less than 20 % of the object's; absent: in the label map, but not in the image's ground truth; "
        "objects: 8-connected, of 20 px or more; small: under 32 x 32 px; wrong: most of it is of another class."
    ]
    return TextTable("What is not found", ["row", names[0], "absent classes", *names[1:]], cells, notes)


def _table(title: str, rows: Sequence[Row], wanted: Sequence[str], notes: Sequence[str]) -> TextTable:
    steps = _steps(rows, wanted)
    cells = []
    for row in rows:
        gains = {str(rung["step"]): rung["gain"] for rung in row.get("ladder", ()) if rung["step"] in steps}
        if gains.keys() - {"refined"}:
            cells.append([row["name"], *(points(gains.get(step)) for step in steps)])
    return TextTable(title, ["row", *steps], cells, notes)


def _steps(rows: Sequence[Row], wanted: Sequence[str]) -> list[str]:
    """Return those of the steps that any row has."""
    there = {rung["step"] for row in rows for rung in row.get("ladder", ())}
    return [step for step in wanted if step in there]


def _absent_notes(rows: Sequence[Row]) -> list[str]:
    """Say what takes the place of absent classes."""
    by_scores = {row["recognition"]["by_scores"] > 0 for row in rows if "recognition" in row}
    if by_scores == {True}:
        return ["In place of absent classes: of those that are there, the one that the baseline's scores rate highest."]
    if by_scores == {False}:
        return ["In place of absent classes: that of the nearest pixel of a class which is there."]
    return []
