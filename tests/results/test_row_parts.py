"""What a row's prompts are made of, as files of this release and of earlier ones say it."""

import json

import pytest

from lit_samseg.refine import parse_variants
from lit_samseg.results.row_parts import prompt_slots

ROWS = [
    ("point", ["points"]),
    ("pole+negative+wide+gauss@split", ["points", "negative", "box", "mask"]),
    ("points+cebox@component", ["points", "box"]),
    ("point+box+margin@component/fuse/vote/samcrf", ["points", "box", "mask"]),
    ("none@crf", []),
]


@pytest.mark.parametrize(("row", "slots"), ROWS)
def test_slots_of_this_releases_rows_and_of_earlier_ones(row: str, slots: list[str]) -> None:
    (variant,) = parse_variants([row], has_background=True)
    described = json.loads(json.dumps(variant.describe()))
    assert prompt_slots({"name": row, "parts": described}) == slots
    assert prompt_slots({"name": row}) == slots


def test_slots_of_rows_whose_names_say_nothing() -> None:
    word = "tests.refine.own_parts:Halo"
    variants = parse_variants([{"mine": f"point+{word}"}, {"box": "points"}], has_background=True)
    parts = [{"name": variant.name, "parts": variant.describe()} for variant in variants]
    assert [prompt_slots(row) for row in parts] == [["points", "box"], ["points"]]


def test_the_baseline_has_no_prompt() -> None:
    assert prompt_slots({"name": "baseline"}) == []
