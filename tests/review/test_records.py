"""What is known of refined pictures, as files."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from lit_samseg.errors import InputError
from lit_samseg.review.records import (
    PictureRecord,
    RegionRecord,
    first_to_look_at,
    read_record,
    write_record,
    write_table,
)

REGION = RegionRecord("pole", 3, 4, 10, 20, area=150, changed=30, agreement=0.75, confidence=0.5)
PICTURE = PictureRecord("street/one", 64, 48, ("pole", "traffic light"), 0.125, 0.9, 0.75, 0.3, (), 0, 1.25, (REGION,))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path, PICTURE)
    assert read_record(tmp_path, "street/one") == PICTURE
    assert read_record(tmp_path, "street/two") is None


@pytest.mark.parametrize("text", ["", "[]", '{"key": "a"}', '{"regions": [{"label": "a"}]}'])
def test_a_broken_record_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records/a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json is no record of this release; remove it"):
        read_record(tmp_path, "a")


def test_the_most_doubtful_comes_first_and_equals_by_name() -> None:
    records = [replace(PICTURE, key=key, doubt=doubt) for key, doubt in (("b", 0.2), ("c", 0.9), ("a", 0.2))]
    assert [record.key for record in first_to_look_at(records)] == ["c", "a", "b"]


def test_the_table_has_each_picture_and_then_its_regions(tmp_path: Path) -> None:
    other = replace(PICTURE, key="two", doubt=0.8, kept=("traffic light",), agreement=None, regions=())
    write_table(tmp_path / "review.csv", [PICTURE, other])
    with (tmp_path / "review.csv").open(newline="") as file:
        first, second, region = csv.DictReader(file)
    assert (first["image"], first["kept"], first["agreement"], first["doubt"]) == ("two", "traffic_light", "", "0.8000")
    assert (second["image"], second["region"], second["changed"], second["pixels"]) == (
        "street/one",
        "",
        "0.1250",
        "3072",
    )
    assert second["class"] == "pole traffic_light"
    assert (region["image"], region["region"], region["class"]) == ("street/one", "0", "pole")
    assert (region["x"], region["y"], region["pixels"], region["changed"]) == ("3", "4", "150", "0.2000")
