"""What a report shows before anything is scrolled: the answer, an image that shows it, and all rows."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import Scenes
from lit_samseg.drawing import VOID_COLOUR
from lit_samseg.report.cards import Card
from lit_samseg.report.example import find_example
from lit_samseg.report.forest import Forest, Line
from lit_samseg.report.verdict import Verdict
from lit_samseg.results.layout import prediction_path
from tests.recomputation import results_of
from tests.report.conftest import IMAGES, ROWS, OpenPage
from tests.report.test_page import in_per_cent, in_points
from tests.report.using import agreement, per_image

SCREENS = {"desk": (1440, 900), "phone": (390, 844)}


def differences(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row["difference"]["miou_gt_present"] for row in results_of(folder)["rows"][1:]}


@pytest.mark.parametrize("screen", SCREENS)
def test_the_answer_is_on_the_first_screen(demo_report: Path, open_page: OpenPage, screen: str) -> None:
    width, height = SCREENS[screen]
    page = open_page(demo_report / "report.html", viewport={"width": width, "height": height})
    tests = differences(demo_report)
    best = page.locator(".forest li.best")
    name = best.locator(".row").inner_text()
    test = tests[name]
    assert test["value"] == max(own["value"] for own in tests.values() if own["verdict"] == "better")
    # The verdict is beside the row's name, and the interval beside its number.
    assert best.locator(".name .said").inner_text() == test["verdict"]
    ends = f"[{in_points(test['low'])}, {in_points(test['high'])}]"
    assert best.locator(".numbers").inner_text() == f"{in_points(test['value'])} {ends}"
    seen = [
        "h1",
        ".example .half >> nth=0",
        ".example .half >> nth=1",
        ".forest li.best .numbers",
        ".forest li.best .said",
    ]
    for selector in seen:
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["width"] > 0
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height, selector
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_forest_has_all_rows_where_their_numbers_are(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", viewport={"width": 1440, "height": 900})
    tests = differences(demo_report)
    lines = page.locator(".forest li")
    names = lines.locator(".row").all_text_contents()
    assert sorted(names) == sorted(tests)
    values = [tests[name]["value"] for name in names]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(ROWS)
    # Points, ends and ticks lie on one straight line: places against numbers.
    places, numbers = [], []
    for n, name in enumerate(names):
        at, ends = (lines.nth(n).locator(f"i.{what}").bounding_box() for what in ("at", "ends"))
        assert at is not None
        assert ends is not None
        places += [at["x"] + at["width"] / 2, ends["x"], ends["x"] + ends["width"]]
        numbers += [100 * tests[name][key] for key in ("value", "low", "high")]
    for tick in page.locator(".forest .ticks i").all():
        box = tick.bounding_box()
        assert box is not None
        places.append(box["x"] + box["width"] / 2)
        numbers.append(float(tick.inner_text()))
    assert 0.0 in numbers
    slope, start = np.polyfit(numbers, places, 1)
    assert slope > 0
    assert np.abs(slope * np.array(numbers) + start - places).max() < 1
    for n, name in enumerate(names):
        colour = lines.nth(n).locator("i.at").evaluate("e => getComputedStyle(e).backgroundColor")
        said = lines.nth(n).locator(".said").evaluate("e => getComputedStyle(e).color")
        assert colour == said
        assert lines.nth(n).locator(".said").inner_text() == tests[name]["verdict"]
    assert (
        len({lines.nth(n).locator("i.at").evaluate("e => getComputedStyle(e).backgroundColor") for n in range(5)}) > 1
    )


def test_the_example_is_the_image_that_gains_most(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", viewport={"width": 1440, "height": 900})
    scores, row = per_image(demo_report), page.locator("[name=row] option:checked").inner_text()
    gains = {i: scores[i, row] - scores[i, "baseline"] for i, name in scores if name == row}
    best = max(gains, key=lambda i: gains[i])
    caption = page.locator(".example figcaption")
    assert caption.locator("a").inner_text() == best
    assert f"the largest gain of {IMAGES} images" in caption.inner_text()
    up, down = (round(100 * np.mean([sign * gain > 0 for gain in gains.values()])) for sign in (1, -1))
    assert f"{up} % of the images gain and {down} % lose." in caption.inner_text()
    halves = page.locator(".example .half")
    assert halves.nth(0).locator("p").inner_text() == f"baseline {in_per_cent(scores[best, 'baseline'])}"
    gained = f"{in_per_cent(scores[best, row])} ({in_points(gains[best])})"
    assert halves.nth(1).locator("p").inner_text() == f"refined {gained}"
    # What is painted, and after one key the truth in place of the row.
    page.evaluate("document.querySelector('.example').style.setProperty('--opacity', 1)")
    target = Scenes(size=IMAGES).read(best, with_target=True).target
    assert target is not None
    truth = np.asarray(target)
    folder = demo_report / "predictions"
    maps = {n: np.asarray(Image.open(f"{prediction_path(folder, n, best)}.png")) for n in ("baseline", row)}
    maps["truth"] = np.where(truth == 255, 0, truth)

    def painting(half: int) -> np.ndarray:
        seen = Image.open(io.BytesIO(halves.nth(half).locator(".view").screenshot())).convert("RGB")
        return np.asarray(seen.resize(truth.shape[::-1], Image.Resampling.NEAREST))

    def void(half: int) -> float:
        return float((np.abs(painting(half).astype(int) - VOID_COLOUR).max(-1) <= 3).mean())

    assert agreement(painting(0), maps["baseline"]) > 0.99
    assert agreement(painting(1), maps[row]) > 0.99
    # Only the truth has any void.
    assert void(1) == 0
    page.keyboard.press("t")
    assert agreement(painting(0), maps["baseline"]) > 0.99
    assert agreement(painting(1), maps["truth"]) > 0.99
    # Its bands are a pixel or two wide, of which some are painted in part.
    share = float((truth == 255).mean())
    assert 0.01 < share / 3 < void(1) < share
    assert void(0) == 0
    assert halves.nth(1).locator("p").inner_text() == "ground truth"
    page.locator(".example [name=truth]").click()
    assert void(1) == 0
    # It is made larger where it stands, and closed again one is back.
    page.locator(".example [name=larger]").click()
    assert page.locator("dialog strong").inner_text() == best
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.name === 'larger'")


def test_the_example_s_pictures_are_in_the_page_once(demo_report: Path) -> None:
    text = (demo_report / "report.html").read_text(encoding="utf-8")
    pictures = [part.partition(")")[0] for part in text.split("url(data:image/webp;base64,")[1:]]
    assert len(pictures) == len(set(pictures)) == 3 * IMAGES


def cards(*changes: float | None, pictures: bool = True) -> list[Card]:
    made: dict[str, str] = {"photo": "p"} if pictures else {}
    return [
        Card(str(n), [], [], [{"score": 0.5, "difference": None}, {"score": 0.5, "difference": change}], made, None)
        for n, change in enumerate(changes)
    ]


@pytest.mark.parametrize(
    ("answer", "changes", "number", "reason"),
    [
        ("Yes", (0.1, 0.3, -0.4, 0.3, None), 1, "the largest gain of 4 images"),
        ("No", (0.1, 0.3, -0.4), 2, "the largest harm of 3 images"),
        ("No evidence", (0.1, 0.3, -0.4), 0, "the change in the middle of 3 images"),
        ("Too few images", (None, -0.2), 1, "the only image"),
        # Nothing gains, and still the pooled score does.
        ("Yes", (-0.1, 0.0, -0.2), 0, "the change in the middle of 3 images"),
    ],
)
def test_which_image_is_the_example(answer: str, changes: Any, number: int, reason: str) -> None:
    found = find_example(cards(*changes), 1, Verdict(answer, "", "", "row"))
    assert found is not None
    assert (found.number, found.row, found.reason) == (number, 1, reason)


def test_without_pictures_scores_or_rows_there_is_no_example() -> None:
    verdict = Verdict("Yes", "", "", "row")
    assert find_example(cards(0.1, pictures=False), 1, verdict) is None
    assert find_example(cards(None), 1, verdict) is None
    assert find_example(cards(0.1), 0, verdict) is None


def test_what_is_beyond_the_axis_is_at_its_end() -> None:
    own = Line("a", "better", 0.02, 0.01, 0.03)
    forest = Forest.of([own, Line("pooled", "", 0.02, -0.5, 0.035, "pooled")])
    assert forest is not None
    # Half of what the lines take, 0 to 3, and a margin of 4 % of -1.5 to 3.5.
    assert (forest.low, forest.high) == (pytest.approx(-1.7), pytest.approx(3.7))
    assert forest.beyond(-0.5)
    assert not forest.beyond(0.035)
    assert forest.at(-0.5) == 0
    assert forest.at(0.01) == pytest.approx(50, abs=0.01)
    assert forest.place(0) == pytest.approx(100 * 1.7 / 5.4, abs=0.01)
    assert 0 in forest.ticks
    assert Forest.of([Line("pooled", "", 0.1, 0.0, 0.2, "pooled")]) is None


def test_a_line_without_any_width_has_an_axis() -> None:
    forest = Forest.of([Line("a", "no evidence", 0.0, None, None)])
    assert forest is not None
    assert forest.low < 0 < forest.high
    assert forest.place(0) == pytest.approx(50)
