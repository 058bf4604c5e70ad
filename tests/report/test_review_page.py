"""The page of refined masks as a person uses it: order, filters, keys, marks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from lit_samseg.review.page import write_page
from lit_samseg.review.pictures import write_pictures
from tests.report.conftest import OpenPage
from tests.review.test_records import PICTURE

NAMES = ("a", "b <i>&'\"", "c")


@pytest.fixture
def review(tmp_path: Path) -> Path:
    """Three pictures: doubt says b, c, a; change says a, c, b; b keeps its mask, and c has lost an object."""
    records = [
        replace(PICTURE, key=NAMES[0], doubt=0.1, changed=0.3, confidence=0.5),
        replace(PICTURE, key=NAMES[1], doubt=0.9, changed=0.0, confidence=0.9, kept=("pole",)),
        replace(PICTURE, key=NAMES[2], doubt=0.5, changed=0.2, confidence=0.2, classes=("pole",), lost=2),
    ]
    image, before = np.full((48, 64, 3), 120, np.uint8), np.zeros((48, 64), np.int64)
    after = before.copy()
    after[:20] = 1
    for record in records:
        maps, colours = (before, after), np.array([[0, 0, 0], [200, 0, 0]], np.uint8)
        write_pictures(tmp_path / "review", record.key, image, maps, colours, background=0)
    write_page(
        tmp_path / "review.html",
        tmp_path / "review",
        records,
        {"pole": (200, 0, 0), "traffic light": (0, 90, 0)},
        ["3 pictures."],
    )
    return tmp_path / "review.html"


def shown(page: Page) -> list[str]:
    # Not the inner texts: of what is out of sight nothing is laid out.
    return [text.strip() for text in page.locator(".picture:visible h3 a").all_text_contents()]


def test_order_and_filters(review: Path, open_page: OpenPage) -> None:
    a, b, c = NAMES
    page = open_page(review, beside="review")
    assert shown(page) == [b, c, a]
    assert page.evaluate("[...document.images].slice(0, 2).every(image => image.naturalWidth === 64)")
    for order, expected in (("changed", [a, c, b]), ("confidence", [c, a, b]), ("key", [a, b, c])):
        page.select_option("[name=order]", order)
        assert shown(page) == expected
    for show, expected in (("kept", [b]), ("changed", [a, c]), ("lost", [c]), ("", [a, b, c])):
        page.select_option("[name=show]", show)
        assert shown(page) == expected
        assert page.locator(".count").inner_text() == f"{len(expected)} of 3 pictures"
    page.select_option("[name=class]", "traffic light")
    assert shown(page) == [a, b]


def test_a_link_opens_the_same_view(review: Path, open_page: OpenPage) -> None:
    a, _, c = NAMES
    page = open_page(review, beside="review")
    page.select_option("[name=order]", "key")
    page.select_option("[name=show]", "changed")
    page.select_option("[name=view]", "changed")
    link = page.url.partition("#")[2]
    assert link == "review:pictures?order=name&show=changed&view=what+changed"
    page = open_page(review, f"#{link}", beside="review")
    assert shown(page) == [a, c]
    assert page.locator(".second figcaption").first.text_content() == "what changed"
    page.reload()
    assert shown(page) == [a, c]
    for name, usual in (("order", "doubt"), ("show", ""), ("view", "after")):
        page.select_option(f"[name={name}]", usual)
    assert page.url.partition("#")[2] == "review:pictures"


def test_keys_go_through_swap_and_mark(review: Path, open_page: OpenPage) -> None:
    a, b, c = NAMES
    page = open_page(review, beside="review")
    page.keyboard.press("j")
    first = page.locator(".picture.current")
    assert first.locator("h3 a").inner_text() == b
    own = first.locator("img").first.get_attribute("src")
    page.keyboard.press("b")
    assert first.locator("img").first.get_attribute("src") == first.locator("img").nth(1).get_attribute("src") != own
    assert first.locator("figcaption").first.inner_text() == "after"
    page.keyboard.press("b")
    assert first.locator("img").first.get_attribute("src") == own
    page.keyboard.press("r")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.keyboard.press("k")
    assert page.locator(".picture.current h3 a").inner_text() == b
    assert page.locator("textarea").input_value() == b
    assert page.locator(".picture:visible .mark").all_text_contents() == ["redo", "good", ""]
    page.select_option("[name=show]", "open")
    assert shown(page) == [a]
    page.reload()
    assert shown(page) == [a]
    page.select_option("[name=show]", "")
    assert page.locator(".picture:visible .mark").all_text_contents() == ["redo", "good", ""]
    page.locator(".picture").nth(1).get_by_role("button", name="good").click()
    assert page.locator(".picture:visible .mark").all_text_contents() == ["redo", "", ""]
    assert c not in page.locator("textarea").input_value()


def test_what_changed_takes_the_second_place(review: Path, open_page: OpenPage) -> None:
    page = open_page(review, beside="review")
    page.select_option("[name=view]", "changed")
    second = page.locator(".picture").first.locator("img").nth(1)
    assert str(second.get_attribute("src")).endswith(".changed.jpg")
    assert page.locator(".second figcaption").first.inner_text() == "what changed"
    page.select_option("[name=view]", "after")
    assert str(second.get_attribute("src")).endswith(".after.jpg")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_no_serious_fault(axe: str, review: Path, open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(review, beside="review", color_scheme=scheme, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 15
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in serious] == []
