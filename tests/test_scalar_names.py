"""Names of logged scores: taken by every logger as they are, and never the same for two rows."""

import re
from itertools import combinations, product

import pytest

from lit_samseg.errors import InputError
from lit_samseg.evaluation.scalar_names import scalar_name
from lit_samseg.refine.grammar import parse_variant
from lit_samseg.refine.variant import FILLS, PARTS, REGIONS, SELECTIONS


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("baseline", "baseline"),
        ("points+box+mask", "points_box_mask"),
        ("points+box+mask@component", "points_box_mask.component"),
        ("box@class/score", "box.class.score"),
        ("box@component/iou/baseline", "box.component.iou.baseline"),
    ],
)
def test_names(row: str, name: str) -> None:
    assert scalar_name(row) == name


def every_row() -> set[str]:
    """All names that rows can have, with a background and without."""
    recipes = ["+".join(parts) for size in range(1, len(PARTS) + 1) for parts in combinations(PARTS, size)]
    rows = {"baseline"}
    for recipe, *rest in product(recipes, REGIONS, SELECTIONS, FILLS):
        for has_background in (True, False):
            try:
                rows.add(parse_variant(f"{recipe}@{'/'.join(rest)}", has_background).name)
            except InputError:
                continue
    return rows


def test_no_two_rows_share_a_name_and_no_logger_alters_one() -> None:
    rows = every_row()
    assert len(rows) > 150
    names = {scalar_name(row) for row in rows}
    assert len(names) == len(rows)
    # MLflow takes more signs, but what is no word, dot or slash is replaced by some other program yet.
    assert [name for name in names if not re.fullmatch(r"[a-z_.]+", name)] == []
