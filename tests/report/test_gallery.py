"""What the gallery shows, in a real headless Chromium, against the files of the run."""

import json
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from lit_samseg.data.scene_generator import CLASS_NAMES
from lit_samseg.results.regions import read_regions
from tests.report.conftest import OpenPage
from tests.report.using import ROW, agreement, choose, painted, per_image, shown


def test_what_is_painted_are_the_run_s_label_maps(demo_report: Path, open_page: OpenPage) -> None:
    """The right map at the right place: compared with the PNGs of the predictions, pixel by pixel."""
    page = open_page(demo_report / "report.html", viewport={"width": 1400, "height": 900})
    page.locator("[name=opacity]").fill("100")
    for card_id in shown(page)[:1]:
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
    choose(page, order="id")
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
        choose(page, row=row, order="largest gain and harm")
        assert shown(page) == in_turns(gains)
        choose(page, row=row, order="largest gain")
        assert [gains[i] for i in shown(page)] == sorted(gains.values(), reverse=True)
        texts = page.locator(".card .delta").all_text_contents()
        assert texts == [f"{100 * gains[i]:+.2f}" for i in shown(page)]
        choose(page, order="largest harm")
        assert [gains[i] for i in shown(page)] == sorted(gains.values())
    choose(page, order="lowest baseline")
    assert [scores[i, "baseline"] for i in shown(page)] == sorted(scores[i, "baseline"] for i in ids)


def in_turns(gains: dict[str, float]) -> list[str]:
    """Return the largest gain, the largest harm, the next largest gain and so on; no image of these stays the same."""
    up = sorted((i for i in gains if gains[i] > 0), key=lambda i: -gains[i])
    down = sorted((i for i in gains if gains[i] < 0), key=lambda i: gains[i])
    assert len(up) + len(down) == len(gains)
    return [i for both in zip_longest(up, down) for i in both if i is not None]


def test_the_largest_gain_and_the_largest_harm_are_first(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    scores, row = per_image(demo_report), page.locator("[name=row] option:checked").inner_text()
    order = in_turns({i: scores[i, row] - scores[i, "baseline"] for i in shown(page)})
    assert scores[order[0], row] > scores[order[0], "baseline"]
    assert scores[order[1], row] < scores[order[1], "baseline"]
    assert shown(page) == order


def test_prompts_are_drawn_where_they_are(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    choose(page, row="box")
    card_id = shown(page)[0]
    assert not page.locator(f"[id='{card_id}'] .stage rect").first.is_visible()
    page.locator("[name=prompts]").check()
    boxes = drawn(page, card_id, "rect")
    assert boxes
    assert not drawn(page, card_id, "circle")
    regions = [r for r in read_regions(demo_report / "regions.csv") if (r["id"], r["row"]) == (card_id, "box")]
    assert sorted(boxes) == sorted([x0, y0, x1 - x0 + 1, y1 - y0 + 1] for x0, y0, x1, y1 in (r["box"] for r in regions))
    # In the panel the same, and the image below them.
    page.locator(f"[id='{card_id}'] summary").click()
    with Image.open(demo_report / f"gallery/image/{card_id}.webp") as photo:
        expected = np.asarray(photo.convert("RGB")).astype(int)
    panel = painted(page, card_id, "[aria-label^='Image and prompts']", expected.shape[1::-1]).astype(int)
    assert (np.abs(panel - expected).max(-1) < 40).mean() > 0.85
    assert (np.abs(panel - (26, 102, 255)).max(-1) < 60).sum() > 30
    page.locator(f"[id='{card_id}'] summary").click()
    # Every row's are what it asked SAM.
    kept = json.loads((demo_report / f"gallery/prompts/{card_id}.json").read_text())
    for row, mine in kept["rows"].items():
        choose(page, row=row)
        prompts = [kept["prompts"][place] for place in mine]
        corners = {tuple(prompt["box"]) for prompt in prompts if "box" in prompt}
        boxes = sorted((x0, y0, x1 - x0 + 1, y1 - y0 + 1) for x0, y0, x1, y1 in corners)
        assert sorted(drawn(page, card_id, "rect")) == [pytest.approx(box, abs=0.01) for box in boxes]
        points = {(x, y) for prompt in prompts for x, y in prompt.get("points", ())}
        discs = sorted((x - 0.5, y - 0.5) for x, y in drawn(page, card_id, "circle"))
        assert discs == [pytest.approx(point, abs=0.01) for point in sorted(points)]
        words = page.locator(".asks").inner_text()
        assert ("a box" in words, "point" in words) == (bool(corners), bool(points))


def drawn(page: Page, card_id: str, shape: str) -> list[list[float]]:
    """Return the attributes of all shapes of a kind that are shown on a card."""
    seen: list[list[float]] = page.locator(f"[id='{card_id}'] .stage .prompts {shape}").evaluate_all(
        "all => all.filter(e => getComputedStyle(e.parentNode).display !== 'none')"
        ".map(e => ['x', 'y', 'width', 'height', 'cx', 'cy'].filter(a => e.hasAttribute(a))"
        ".map(a => +e.getAttribute(a)))"
    )
    return seen
