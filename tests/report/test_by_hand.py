"""The gallery by mouse, key and finger, in a real headless Chromium."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lit_samseg.data import Scenes
from tests.report.conftest import IMAGES, OpenPage
from tests.report.using import agreement, choose, in_view, painted, per_image_ids, shown


def test_the_slider_moves_by_key_and_by_pointer(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    card = page.locator(".card").first
    card.scroll_into_view_if_needed()

    def edge() -> float:
        bar, stage = card.locator(".bar").bounding_box(), card.locator(".stage").bounding_box()
        assert bar is not None
        assert stage is not None
        return (bar["x"] + bar["width"] / 2 - stage["x"]) / stage["width"]

    assert edge() == pytest.approx(0.5, abs=0.01)
    slider = card.locator("input.wipe")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert edge() == pytest.approx(0.7, abs=0.01)
    clips = [card.locator(side).evaluate("e => getComputedStyle(e).clipPath") for side in (".left", ".right")]
    assert clips == ["inset(0px 30% 0px 0px)", "inset(0px 0px 0px 70%)"]
    box = card.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.up()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20)
    assert edge() == pytest.approx(0.2, abs=0.02)
    assert float(slider.input_value()) == pytest.approx(20, abs=2)


@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.slow), 390])
def test_a_link_scrolls_to_its_image(demo_report: Path, open_page: OpenPage, width: int) -> None:
    window: dict[str, Any] = {"viewport": {"width": width, "height": 900}}
    page = open_page(demo_report / "report.html", "#scene_00010", **window)
    assert in_view(page, "scene_00010")
    assert not in_view(page, "scene_00000")
    # Also to one that a filter hides, from the table of best and worst images.
    choose(page, row="box", order="largest harm", change="gain")
    hidden = [i for i in per_image_ids(demo_report) if i not in shown(page)]
    page.evaluate("id => { location.hash = id }", hidden[0])
    assert in_view(page, hidden[0])
    # Not under the bars that stay at the top.
    title, form = page.locator(f"[id='{hidden[0]}'] h3").bounding_box(), page.locator("form.tools").bounding_box()
    assert title is not None
    assert form is not None
    assert title["y"] >= form["y"] + form["height"]


def test_keys_and_zoom(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    dialog = page.locator("dialog")
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    ids = shown(page)
    assert ids != per_image_ids(demo_report)
    assert page.evaluate("document.activeElement.closest('.card').id") == ids[1]
    page.keyboard.press("e")
    assert page.locator(".gallery").get_attribute("data-view") == "errors"
    page.keyboard.press("z")
    assert dialog.locator("strong").inner_text() == ids[1]
    before = dialog.locator(".stage").bounding_box()
    page.keyboard.press("+")
    after = dialog.locator(".stage").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(1.5 * before["width"], rel=0.01)
    dialog.locator(".viewport").hover()
    page.mouse.wheel(0, -400)
    wheeled = dialog.locator(".stage").bounding_box()
    assert wheeled is not None
    assert wheeled["width"] > after["width"]
    page.keyboard.press("j")
    assert dialog.locator("strong").inner_text() == ids[2]
    dialog.locator("input.wipe").fill("10")
    assert dialog.locator(".stage").evaluate("e => e.style.getPropertyValue('--wipe')") == "10%"
    # Moved as far as it goes, an edge of the picture is at the edge of the window; at its first size, in the middle.
    dialog.locator("button[name=in]").focus()
    for _ in range(3):
        page.keyboard.press("+")
    for key in ("ArrowLeft", "ArrowUp"):
        page.keyboard.press(f"Shift+{key}")
        # And held, which the browser would tell us of 60 times.
        page.evaluate(
            "key => { for (let n = 0; n < 60; n++) document.activeElement.dispatchEvent(new KeyboardEvent("
            "'keydown', { key, shiftKey: true, bubbles: true, cancelable: true, repeat: n > 0 })) }",
            key,
        )
    stage, window = dialog.locator(".stage").bounding_box(), dialog.locator(".viewport").bounding_box()
    assert stage is not None
    assert window is not None
    assert (stage["x"], stage["y"]) == (pytest.approx(window["x"], abs=1), pytest.approx(window["y"], abs=1))
    page.keyboard.press("0")
    page.set_viewport_size({"width": 500, "height": 800})
    page.wait_for_timeout(100)
    stage, window = dialog.locator(".stage").bounding_box(), dialog.locator(".viewport").bounding_box()
    assert stage is not None
    assert window is not None
    assert stage["x"] >= window["x"] - 1
    assert stage["x"] + stage["width"] <= window["x"] + window["width"] + 1
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.wait_for_function("id => document.activeElement.closest('.card')?.id === id", arg=ids[2], timeout=2000)


def test_arrows_go_from_one_zoomed_image_to_the_next(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    dialog, (first, second, third, *_) = page.locator("dialog"), shown(page)
    page.locator(f"[id='{second}'] .zoom").click()
    for key, image, place in (("ArrowRight", third, 3), ("ArrowLeft", second, 2), ("ArrowLeft", first, 1)):
        page.keyboard.press(key)
        assert dialog.locator("strong").inner_text() == image
        assert dialog.locator("output").inner_text() == f"{place} of {IMAGES}"
        assert dialog.locator(".delta").inner_text() == page.locator(f"[id='{image}'] .delta").inner_text()
        legend = dialog.locator(".legend .chips")
        assert legend.inner_text() == page.locator(f"[id='{image}'] .chips").inner_text()
        assert legend.is_visible()
    # By mouse too; and what errors' colours mean.
    dialog.locator("[name=next]").click()
    assert dialog.locator("strong").inner_text() == second
    dialog.locator("[name=previous]").click()
    assert dialog.locator("strong").inner_text() == first
    assert dialog.locator(".legend .key").is_hidden()
    page.keyboard.press("e")
    assert dialog.locator(".legend .key").inner_text().split() == ["wrong", "void", "mended", "broken"]
    # On the slider arrows wipe.
    dialog.locator("input.wipe").focus()
    page.keyboard.press("ArrowRight")
    assert dialog.locator("input.wipe").input_value() == "51"
    assert dialog.locator("strong").inner_text() == first
    page.keyboard.press("Escape")
    assert dialog.is_hidden()


def test_the_first_screen_is_used_by_keys_alone(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        if reached[-1] == "truth":
            page.keyboard.press("Enter")
            assert page.locator("body").get_attribute("data-truth") == "on"
        if reached[-1] == "larger":
            break
    assert reached[-2:] == ["truth", "larger"]
    # Nothing is before them but the example's name.
    assert len(reached) == 3
    page.keyboard.press("Enter")
    example = page.locator(".example figcaption a").inner_text()
    assert page.locator("dialog strong").inner_text() == example
    page.keyboard.press("t")
    assert page.locator("body").get_attribute("data-truth") == "off"
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog strong").inner_text() == shown(page)[1] != example
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()


def test_the_truth_is_one_key_away(demo_report: Path, open_page: OpenPage) -> None:
    """Against the ground truth's file, in the gallery and in the zoom; the slider's ends say what is at them."""
    page = open_page(demo_report / "report.html", viewport={"width": 1400, "height": 900})
    choose(page, row="point", order="largest harm")
    page.locator("[name=opacity]").fill("100")
    card_id = shown(page)[0]
    card, dialog = page.locator(f"[id='{card_id}']"), page.locator("dialog")
    target = Scenes(size=IMAGES).read(card_id, with_target=True).target
    assert target is not None
    size = target.shape[::-1]
    # Void has a colour of its own.
    labels = np.where(target == 255, 0, target)
    for place in (card, dialog):
        assert [place.locator(end).inner_text() for end in (".from", ".to")] == ["baseline", "refined"]
        place.locator("input.wipe").fill("0")
        before = agreement(painted(page, card_id, ".stage", size), labels) if place is card else 0
        page.keyboard.press("t")
        assert [place.locator(end).inner_text() for end in (".from", ".to")] == ["baseline", "truth"]
        if place is card:
            assert before < 0.9 < 0.99 < agreement(painted(page, card_id, ".stage", size), labels)
            # Also where errors are shown: the truth has none.
            page.keyboard.press("e")
            page.locator("[name=opacity]").fill("100")
            assert agreement(painted(page, card_id, ".stage", size), labels) > 0.98
            page.keyboard.press("l")
            page.keyboard.press("t")
            card.locator(".zoom").click()
    assert dialog.locator("[name=truth]").get_attribute("aria-pressed") == "true"
    dialog.locator("[name=truth]").click()
    assert dialog.locator(".to").inner_text() == "refined"
    assert not page.locator("form [name=truth]").is_checked()


def test_keys_go_on_from_where_one_is(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", "#report:gallery?order=id&image=scene_00007")
    page.locator("[name=view][value=errors]").click()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.card').id") == "scene_00008"
    page.locator("[id='scene_00011'] .stage").click()
    page.keyboard.press("z")
    assert page.locator("dialog strong").inner_text() == "scene_00011"
    page.keyboard.press("l")
    assert page.locator(".gallery").get_attribute("data-view") == "labels"


def test_a_finger_that_moves_down_scrolls_and_two_scale(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", has_touch=True, viewport={"width": 390, "height": 844})
    touch = page.context.new_cdp_session(page)

    def move(*paths: list[tuple[float, float]]) -> None:
        """Move fingers, each along its path."""
        for n, points in enumerate(zip(*paths, strict=True)):
            kind = "touchMove" if n else "touchStart"
            at = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(100)

    card = page.locator(".card").nth(2)
    card.scroll_into_view_if_needed()
    slider = card.locator("input.wipe")

    def middle() -> tuple[float, float]:
        box = card.locator(".stage").bounding_box()
        assert box is not None
        return box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]

    x, y = middle()
    move([(x, y - 10 * n) for n in range(8)])
    assert slider.input_value() == "50"
    x, y = middle()
    move([(x - 5 * n, y) for n in range(8)])
    assert float(slider.input_value()) < 25
    card.locator(".zoom").click()
    stage = page.locator("dialog .stage")
    before = stage.bounding_box()
    move([(195 - 10 * n, 400) for n in range(1, 8)], [(195 + 10 * n, 400) for n in range(1, 8)])
    after = stage.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(7 * before["width"], rel=0.05)
    move([(195 + 5 * n, 400) for n in range(8)])
    moved = stage.bounding_box()
    assert moved is not None
    assert moved["x"] - after["x"] == pytest.approx(35, abs=1)
