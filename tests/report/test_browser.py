"""The report of the built-in world in a real headless Chromium."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from lit_samseg.data.scene_generator import CLASS_NAMES
from lit_samseg.data.voc import voc_palette
from lit_samseg.results.regions import read_regions
from tests.conftest import RunCli
from tests.report.conftest import AXE, OpenPage, missing

COLOURS = np.array(voc_palette(), np.uint8).reshape(-1, 3)
ROW = "points+box+mask"


def per_image(folder: Path) -> dict[tuple[str, str], float]:
    with (folder / "per_image.csv").open() as file:
        return {(line["id"], line["row"]): float(line["miou_gt_present"]) for line in csv.DictReader(file)}


def shown(page: Page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('.card')].filter(c => c.offsetParent).map(c => c.id)")


def choose(page: Page, **fields: str) -> None:
    for name, label in fields.items():
        page.locator(f"form [name={name}]").select_option(label=label)


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


def painted(page: Page, card_id: str, selector: str, size: tuple[int, int]) -> np.ndarray:
    """Return what the browser paints of one view, scaled to the image's own size."""
    view = page.locator(f"[id='{card_id}'] {selector}")
    picture = Image.open(io.BytesIO(view.screenshot())).convert("RGB")
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST))


def agreement(painting: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of the pixels inside a class whose colour is the class's; the background shows the image."""
    inside = np.zeros(labels.shape, bool)
    # At an edge the slider's bar may be, and pixels are painted in part.
    inside[4:-4, 4:-4] = labels[4:-4, 4:-4] > 0
    for axis in (0, 1):
        for step in range(-3, 4):
            inside &= np.roll(labels, step, axis) == labels
    assert inside.sum() > 200
    near = np.abs(painting[inside].astype(int) - COLOURS[labels[inside]]).max(-1) <= 3
    return float(near.mean())


def test_what_is_painted_are_the_run_s_label_maps(demo_report: Path, open_page: OpenPage) -> None:
    """The right map at the right place: compared with the PNGs of the predictions, pixel by pixel."""
    page = open_page(demo_report / "report.html", viewport={"width": 1400, "height": 900}, device_scale_factor=2)
    page.locator("[name=opacity]").fill("100")
    for card_id in shown(page)[:3]:
        maps = {
            row: np.asarray(Image.open(demo_report / "predictions" / row / f"{card_id}.png"))
            for row in ("baseline", "box", ROW)
        }
        size = maps[ROW].shape[::-1]
        assert (maps["box"] != maps[ROW]).any()
        card = page.locator(f"[id='{card_id}']")
        for row in ("box", ROW):
            choose(page, row=row)
            card.locator("input.wipe").fill("0")
            assert agreement(painted(page, card_id, ".stage", size), maps[row]) > 0.99
        assert agreement(painted(page, card_id, ".stage", size), maps["box"]) < 0.999
        card.locator("input.wipe").fill("100")
        assert agreement(painted(page, card_id, ".stage", size), maps["baseline"]) > 0.99
        card.locator("summary").click()
        panel = f"[aria-label='box, {card_id}']"
        assert agreement(painted(page, card_id, panel, size), maps["box"]) > 0.99
        card.locator("summary").click()


def test_filters_leave_the_right_cards(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    counts = np.load(demo_report / "counts.npz")
    ids, scores = counts["ids"].tolist(), per_image(demo_report)
    assert shown(page) == ids

    choose(page, row=ROW, **{"class": CLASS_NAMES[2]})
    having = [i for i, area in zip(ids, counts["gt_area"][0, :, 2], strict=True) if area]
    assert 0 < len(having) < len(ids)
    assert shown(page) == having
    assert page.locator(".count").inner_text() == f"{len(having)} of {len(ids)} images"

    choose(page, change="harm", row="box")
    assert shown(page) == [i for i in having if scores[i, "box"] < scores[i, "baseline"] - 1e-12]
    choose(page, change="gain", **{"class": "all"})
    helped = [i for i in ids if scores[i, "box"] > scores[i, "baseline"] + 1e-12]
    assert 0 < len(helped) < len(ids)
    assert shown(page) == helped

    choose(page, change="all", tag="tiny", row="box")
    regions = read_regions(demo_report / "regions.csv")
    tiny = {region["id"] for region in regions if region["row"] == "box" and "tiny" in region["tags"]}
    assert 0 < len(tiny) < len(ids)
    assert shown(page) == [i for i in ids if i in tiny]


def test_order_and_numbers_follow_the_row(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    scores = per_image(demo_report)
    ids = shown(page)
    for row in ("box", ROW):
        gains = {i: scores[i, row] - scores[i, "baseline"] for i in ids}
        choose(page, row=row, order="largest gain")
        assert [gains[i] for i in shown(page)] == sorted(gains.values(), reverse=True)
        texts = page.locator(".card .delta").all_text_contents()
        assert texts == [f"{100 * gains[i]:+.2f}" for i in shown(page)]
        choose(page, order="largest harm")
        assert [gains[i] for i in shown(page)] == sorted(gains.values())
    choose(page, order="lowest baseline")
    assert [scores[i, "baseline"] for i in shown(page)] == sorted(scores[i, "baseline"] for i in ids)


def in_view(page: Page, card_id: str) -> bool:
    """Tell whether a card's picture can be seen."""
    page.wait_for_timeout(200)
    box = page.locator(f"[id='{card_id}'] .stage").bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


@pytest.mark.parametrize("width", [1440, 390])
def test_a_link_scrolls_to_its_image(demo_report: Path, open_page: OpenPage, width: int) -> None:
    window: dict[str, Any] = {"viewport": {"width": width, "height": 900}}
    page = open_page(demo_report / "report.html", "#scene_00017", **window)
    assert in_view(page, "scene_00017")
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


def per_image_ids(folder: Path) -> list[str]:
    return np.load(folder / "counts.npz")["ids"].tolist()


def test_keys_and_zoom(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    dialog = page.locator("dialog")
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    ids = per_image_ids(demo_report)
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
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
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


def test_keys_go_on_from_where_one_is(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", "#scene_00007")
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


def test_prompts_are_drawn_where_they_are(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    choose(page, row="box")
    card_id = shown(page)[0]
    assert not page.locator(f"[id='{card_id}'] .stage rect").first.is_visible()
    page.locator("[name=prompts]").check()
    boxes = page.locator(f"[id='{card_id}'] .stage .of-class rect")
    assert boxes.first.is_visible()
    assert not page.locator(f"[id='{card_id}'] .stage circle").first.is_visible()
    regions = [r for r in read_regions(demo_report / "regions.csv") if (r["id"], r["row"]) == (card_id, "box")]
    drawn = boxes.evaluate_all("all => all.map(r => ['x', 'y', 'width', 'height'].map(a => +r.getAttribute(a)))")
    assert sorted(drawn) == sorted([x0, y0, x1 - x0 + 1, y1 - y0 + 1] for x0, y0, x1, y1 in (r["box"] for r in regions))
    # In the panel the same, and the image below them.
    page.locator(f"[id='{card_id}'] summary").click()
    with Image.open(demo_report / f"gallery/image/{card_id}.webp") as photo:
        expected = np.asarray(photo.convert("RGB")).astype(int)
    panel = painted(page, card_id, "[aria-label^='Image and prompts']", expected.shape[1::-1]).astype(int)
    assert (np.abs(panel - expected).max(-1) < 40).mean() > 0.85
    assert (np.abs(panel - (26, 102, 255)).max(-1) < 60).sum() > 30
    page.locator(f"[id='{card_id}'] summary").click()
    choose(page, row="box@component")
    assert not boxes.first.is_visible()
    assert page.locator(f"[id='{card_id}'] .stage .of-component rect").first.is_visible()
    choose(page, row="point")
    assert page.locator(f"[id='{card_id}'] .stage .of-class circle.first").first.is_visible()
    assert page.locator(f"[id='{card_id}'] .stage .of-class circle:not(.first)").evaluate_all(
        "all => all.every(c => getComputedStyle(c).display === 'none')"
    )


def test_without_javascript_everything_can_be_read(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", java_script_enabled=False)
    assert page.locator("h1").is_visible()
    assert page.locator("form.tools").is_hidden()
    assert page.locator("button:visible").count() == 0
    card = page.locator(".card").last
    card.locator("summary").click()
    assert card.locator(".stage").is_visible()
    assert page.locator("input:visible").count() == 0
    assert card.locator(".panels figure").count() == 1 + 8
    assert card.locator(f"[aria-label^='{ROW}, ']").is_visible()


def test_pictures_beside_the_file_are_loaded_when_they_are_seen(
    demo_report: Path, open_page: OpenPage, run_cli: RunCli, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(demo_report, tmp_path / "a run's copy"))
    outcome = run_cli("report", folder, "--pictures", "link")
    assert outcome.code == 0, outcome.err
    assert (folder / "report.html").stat().st_size < (demo_report / "report.html").stat().st_size * 0.6
    page = open_page(folder / "report.html", beside="gallery", viewport={"width": 390, "height": 800})
    page.wait_for_timeout(300)
    assert [url for url in open_page.asked if "/gallery/" in url] == []
    view = page.locator(".card .stage").nth(10)
    view.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    # An image is three pictures; of twenty images a few are near the window.
    assert 3 <= len({url for url in open_page.asked if "/gallery/" in url}) < 3 * 15
    seen = np.asarray(Image.open(io.BytesIO(view.screenshot())).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(seen, axis=0)) > 50


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_serious_fault(demo_report: Path, open_page: OpenPage, scheme: str, width: int) -> None:
    if not AXE.is_file():
        missing(f"axe-core in {AXE}")
    page = open_page(demo_report / "report.html", color_scheme=scheme, viewport={"width": width, "height": 900})
    page.locator(".card summary").first.click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for state in ("page", "zoom"):
        if state == "zoom":
            page.locator(".card .zoom").first.click()
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 15
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in serious] == []


@pytest.mark.parametrize(
    ("scheme", "media", "plots"),
    [("light", "screen", "by-day"), ("dark", "screen", "by-night"), ("dark", "print", "by-day")],
)
def test_light_dark_and_paper(demo_report: Path, open_page: OpenPage, scheme: Any, media: Any, plots: str) -> None:
    """Paper is white, whatever the screen was."""
    page = open_page(demo_report / "report.html", color_scheme=scheme)
    page.emulate_media(media=media, color_scheme=scheme)
    seen = page.locator(".plots img").evaluate_all("all => all.filter(i => i.offsetParent).map(i => i.className)")
    assert seen == [plots] * 4
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (plots == "by-day")
    assert page.locator("form.tools").is_visible() == (media == "screen")
    # On paper too there is what repeats the run.
    assert page.locator("[aria-label='config.yaml']").is_visible() == (media == "print")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window(demo_report: Path, open_page: OpenPage, width: int) -> None:
    page = open_page(demo_report / "report.html", viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
