"""The page that says where to look."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from lit_samseg.review.page import summary, write_page
from lit_samseg.review.pictures import SIDE, picture_path, write_pictures
from lit_samseg.review.records import PictureRecord
from tests.review.test_records import PICTURE


def test_the_summary_weighs_pictures_by_their_pixels() -> None:
    large = replace(PICTURE, key="large", width=640, height=480, changed=0.01)
    # 64 * 48 * 0.125 and 640 * 480 * 0.01 of all pixels.
    share = (3072 * 0.125 + 307_200 * 0.01) / (3072 + 307_200)
    assert summary([PICTURE, large]) == f"2 masks refined, {100 * share:.1f} % of all pixels changed."
    assert summary([]) == "No picture was refined."


def test_the_summary_tells_of_classes_kept_and_objects_gone() -> None:
    kept = replace(PICTURE, kept=("pole",))
    assert summary([kept]) == (
        "1 mask refined, 12.5 % of all pixels changed. 1 mask keeps classes of which little would have been left."
    )
    both = summary([kept, replace(kept, key="b", lost=3)])
    assert both.endswith("2 masks keep classes of which little would have been left. 3 objects are gone.")


def test_the_page_has_pictures_in_the_order_to_look(tmp_path: Path) -> None:
    records: list[PictureRecord] = [PICTURE, replace(PICTURE, key="odd # name", doubt=0.9)]
    write_page(tmp_path / "review.html", tmp_path / "review", records, {"pole": (255, 0, 16)}, ["With MobileSAM."])
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert re.findall(r'<img loading="lazy" src="([^"]+)"', page) == [
        f"review/pictures/{name}.{kind}.jpg"
        for name in ("odd%20%23%20name", "street/one")
        for kind in ("before", "after")
    ]
    assert "With MobileSAM." in page
    assert "background:#ff0010" in page


def test_pictures_are_small_and_show_what_changed(tmp_path: Path) -> None:
    image = np.full((300, 2 * SIDE, 3), 90, np.uint8)
    before = np.zeros((300, 2 * SIDE), np.int64)
    after = before.copy()
    after[:, : SIDE // 2] = 1
    colours = np.array([[0, 0, 0], [0, 200, 0]], np.uint8)
    write_pictures(tmp_path, "a/b", image, (before, after), colours, background=0)
    drawn = {
        kind: np.array(Image.open(picture_path(tmp_path, "a/b", kind))).astype(int)
        for kind in ("before", "after", "changed")
    }
    assert {array.shape for array in drawn.values()} == {(150, SIDE, 3)}
    inside, outside = (slice(20, 130), slice(20, 200)), (slice(20, 130), slice(400, 900))
    assert abs(drawn["before"][inside] - 90).max() < 5
    # 45 % of the photograph, 55 % of the class.
    assert abs(drawn["after"][inside] - [40, 150, 40]).max() < 6
    assert abs(drawn["after"][outside] - 90).max() < 5
    assert abs(drawn["changed"][inside] - [230, 60, 0]).max() < 8
    assert abs(drawn["changed"][outside] - 156).max() < 5
