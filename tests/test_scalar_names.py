"""Names of logged scores: taken by every logger as they are, and never the same for two rows."""

import re
from itertools import combinations, product

import pytest

from lit_samseg.errors import InputError
from lit_samseg.evaluation.scalar_names import scalar_name
from lit_samseg.refine import PARTS, Painter, Part, PromptPart, RegionFinder, Selector, parse_variant
from lit_samseg.refine.kinds import SLOTS


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("baseline", "baseline"),
        ("points+box+mask", "points_box_mask"),
        ("points+box+mask@component", "points_box_mask.component"),
        ("box@class/score", "box.class.score"),
        ("box@component/iou/baseline", "box.component.iou.baseline"),
        ("box@fuse=0.5", "box.fuse-0.5"),
        ("box+my.parts:Halo@split", "box_my.parts_Halo.split"),
        ("my own row", "my_own_row"),
    ],
)
def test_names(row: str, name: str) -> None:
    assert scalar_name(row) == name


def words(kind: type[Part]) -> list[str]:
    return [word for word in PARTS.own if issubclass(PARTS.find(word), kind)]


def every_row() -> set[str]:
    """All names that rows can have, with a background and without."""
    parts = words(PromptPart)
    recipes = ["+".join(some) for size in range(1, len(SLOTS) + 1) for some in combinations(parts, size)]
    rows = {"baseline"}
    for recipe, *rest in product(recipes, words(RegionFinder), words(Selector), words(Painter)):
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
