"""The report without JavaScript, linked, light and dark, narrow and wide, on paper, and by people who hear it."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import RunCli
from tests.report.conftest import IMAGES, ROWS, OpenPage
from tests.report.using import ROW


def test_without_javascript_everything_can_be_read(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", java_script_enabled=False)
    assert page.locator("h1").is_visible()
    assert page.locator("form.tools").is_hidden()
    assert page.locator("button:visible").count() == 0
    card = page.locator(".card").last
    card.locator("summary").click()
    assert card.locator(".stage").is_visible()
    assert page.locator("input:visible").count() == 0
    assert card.locator(".panels figure").count() == 1 + 1 + len(ROWS)
    assert card.locator(f"[aria-label^='{ROW}, ']").is_visible()


def test_pictures_beside_the_file_are_loaded_when_they_are_seen(
    demo_report: Path, open_page: OpenPage, run_cli: RunCli, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(demo_report, tmp_path / "a run's copy"))
    outcome = run_cli("report", folder, "--pictures", "link")
    assert outcome.code == 0, outcome.err
    # All that an embedded picture takes, as base64, is gone but for its URL.
    pictures = [path.stat().st_size for path in (folder / "gallery").rglob("*.webp")]
    saved = (demo_report / "report.html").stat().st_size - (folder / "report.html").stat().st_size
    assert saved > sum(pictures) * 4 / 3 - 100 * len(pictures)
    # The addresses' 100 bytes are little beside that.
    assert sum(pictures) * 4 / 3 > 20 * 100 * len(pictures)
    page = open_page(folder / "report.html", beside="gallery", viewport={"width": 390, "height": 800})
    page.wait_for_timeout(300)
    # At first those of the example alone.
    (example,) = page.locator(".example figcaption a").all_text_contents()
    expected = {(folder / f"gallery/{what}/{example}.webp").as_uri() for what in ("image", "labels")}
    assert {url for url in open_page.asked if "/gallery/" in url} == expected
    open_page.asked.clear()
    view = page.locator(".card .stage").nth(10)
    view.scroll_into_view_if_needed()
    asked: set[str] = set()
    for _ in range(100):
        page.wait_for_timeout(100)
        before, asked = asked, {url for url in open_page.asked if "/gallery/" in url}
        if len(asked) >= 3 and asked == before:
            break
    # An image is three pictures; of twelve images a few are near the window.
    assert 3 <= len(asked) < 3 * IMAGES
    page.wait_for_load_state("networkidle")
    seen = np.asarray(Image.open(io.BytesIO(view.screenshot())).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(seen, axis=0)) > 50


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_axe_finds_no_serious_fault(axe: str, demo_report: Path, open_page: OpenPage, scheme: str) -> None:
    width = {"light": 1440, "dark": 390}[scheme]
    check_by_axe(axe, demo_report, open_page, color_scheme=scheme, viewport={"width": width, "height": 900})


def test_axe_finds_no_serious_fault_in_a_short_page(axe: str, asked_report: Path, open_page: OpenPage) -> None:
    check_by_axe(axe, asked_report, open_page, color_scheme="dark", viewport={"width": 390, "height": 900})


def check_by_axe(axe: str, run: Path, open_page: OpenPage, **options: Any) -> None:
    page = open_page(run / "report.html", **options)
    page.locator(".card summary").first.click()
    page.evaluate(axe)
    for state in ("page", "told and sorted, with the truth", "zoom"):
        if state == "zoom":
            page.locator(".card .zoom").first.click()
        elif state != "page":
            page.locator("th button").nth(1).click()
            page.keyboard.press("t")
            assert page.get_by_role("tooltip").is_visible()
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 15
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in serious] == []


@pytest.mark.parametrize(
    ("scheme", "media", "plots"),
    [
        # Most tests see the page by day.
        pytest.param("light", "screen", "by-day", marks=pytest.mark.slow),
        ("dark", "screen", "by-night"),
        ("dark", "print", "by-day"),
    ],
)
def test_light_dark_and_paper(demo_report: Path, open_page: OpenPage, scheme: Any, media: Any, plots: str) -> None:
    """Paper is white, whatever the screen was."""
    page = open_page(demo_report / "report.html", color_scheme=scheme)
    page.emulate_media(media=media, color_scheme=scheme)
    seen = page.locator(".plots img").evaluate_all("all => all.filter(i => i.offsetParent).map(i => i.className)")
    assert seen == [plots] * 3
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (plots == "by-day")
    assert page.locator("form.tools").is_visible() == (media == "screen")
    # On paper too there is what repeats the run.
    assert page.locator("[aria-label='config.yaml']").is_visible() == (media == "print")


# Wide windows are those of other tests.
@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.slow), 390])
def test_nothing_is_wider_than_the_window(demo_report: Path, open_page: OpenPage, width: int) -> None:
    page = open_page(demo_report / "report.html", viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
