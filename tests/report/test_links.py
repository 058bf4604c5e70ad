"""What is chosen in a report is in its address, and a link to it opens the same."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page

from lit_samseg.data.scene_generator import CLASS_NAMES
from tests.report.conftest import OpenPage
from tests.report.using import ROW, choose, in_view, shown


def words_of(page: Page) -> dict[str, str]:
    """Return what the address says of the gallery."""
    place, _, words = page.url.partition("#")[2].partition("?")
    assert place == "report:gallery"
    return {name: word for name, (word,) in parse_qs(words, strict_parsing=True).items()} if words else {}


def test_a_link_opens_the_same_view(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    everything = shown(page)
    choose(page, row=ROW, order="largest harm", tag="tiny", **{"class": CLASS_NAMES[2]})
    page.locator("[name=view][value=errors]").check()
    page.locator("[name=prompts]").check()
    page.keyboard.press("t")
    chosen = {"row": ROW, "order": "largest harm", "tag": "tiny", "class": CLASS_NAMES[2]}
    chosen |= {"view": "errors", "prompts": "on", "truth": "on"}
    assert words_of(page) == chosen
    seen = shown(page)
    assert 0 < len(seen) < len(everything)
    link = page.url.partition("#")[2]

    page = open_page(demo_report / "report.html", f"#{link}")
    assert shown(page) == seen
    for name in ("row", "order", "tag", "class"):
        assert page.locator(f"form [name={name}] option:checked").inner_text() == chosen[name]
    assert page.locator(".gallery").get_attribute("data-view") == "errors"
    assert page.locator(".gallery").get_attribute("data-prompts") == "on"
    assert page.locator("body").get_attribute("data-truth") == "on"
    assert in_view(page, seen[0])
    # What is usual again is not said.
    choose(page, order="largest gain and harm", tag="all", **{"class": "all"})
    page.keyboard.press("t")
    page.keyboard.press("p")
    page.keyboard.press("l")
    assert words_of(page) == {"row": ROW}
    page.reload()
    assert words_of(page) == {"row": ROW}
    assert page.locator("[name=row] option:checked").inner_text() == ROW
    assert shown(page) != everything


def test_a_link_to_a_zoomed_image_opens_it(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    choose(page, row="box", order="id")
    first, second, *_ = shown(page)
    page.locator(f"[id='{first}'] .zoom").click()
    page.keyboard.press("ArrowRight")
    assert words_of(page) == {"row": "box", "order": "id", "image": second, "zoom": "on"}
    link = page.url.partition("#")[2]
    page = open_page(demo_report / "report.html", f"#{link}")
    assert page.locator("dialog strong").inner_text() == second
    page.keyboard.press("Escape")
    page.wait_for_function("!location.hash.includes('zoom')")
    assert words_of(page) == {"row": "box", "order": "id", "image": second}
    assert in_view(page, second)


def test_an_image_s_link_keeps_what_is_chosen(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    card_id = shown(page)[3]
    title = page.locator(f"[id='{card_id}'] h3 a")
    assert title.get_attribute("href") == f"#{card_id}"
    choose(page, row="box", order="lowest baseline")
    title.click()
    assert words_of(page) == {"row": "box", "order": "lowest baseline", "image": card_id}
    assert in_view(page, card_id)
    assert page.locator(".card.linked").get_attribute("id") == card_id
    # Back, to what was before.
    page.go_back()
    assert page.locator(".card.linked").count() == 0
    assert page.locator("[name=row] option:checked").inner_text() == "box"


@pytest.mark.parametrize(
    "link",
    [
        "report:gallery?row=nothing&order=&class=%E0%A4%A",
        "report:gallery?image=none&zoom=on",
        "report:gallery?",
        "%E0%A4%A",
    ],
)
def test_a_link_that_says_nothing_known_opens_the_usual_view(demo_report: Path, open_page: OpenPage, link: str) -> None:
    usual = shown(open_page(demo_report / "report.html"))
    page = open_page(demo_report / "report.html", f"#{link}")
    assert shown(page) == usual
    assert not page.locator("dialog").is_visible()
    assert page.locator(".count").inner_text() == f"{len(usual)} of {len(usual)} images"
