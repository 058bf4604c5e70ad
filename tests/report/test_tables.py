"""Tables as one uses them: what columns are, sorted by mouse and key, and what a phone shows of them."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from lit_samseg.report.columns import COLUMNS, about_column
from tests.conftest import RunCli
from tests.made_study import made_study, write_made_study
from tests.recomputation import results_of
from tests.report.conftest import OpenPage
from tests.report.reading import ReportText
from tests.report.test_page import in_points
from tests.report.test_study_page import page_of


def scores(page: Page) -> Locator:
    return page.locator("section[id='report:scores'] table")


def column(table: Locator, name: str) -> list[str]:
    heads = table.locator("thead th").all_text_contents()
    return [
        line.locator("th, td").nth(heads.index(name)).text_content() or "" for line in table.locator("tbody tr").all()
    ]


def check_heads(page: ReportText, tables: int) -> None:
    heads = [attributes for tag, attributes in page.tags if tag == "th" and attributes["scope"] == "col"]
    assert len(page.tables) >= tables
    assert len(heads) == sum(len(rows[0]) for rows in page.tables.values())
    assert all(len(attributes.get("title") or "") > 8 for attributes in heads)


def test_every_column_is_told(demo_report: Path) -> None:
    page = ReportText(demo_report / "report.html")
    check_heads(page, 10)
    # Also where there is no script.
    titles = [a["title"] for tag, a in page.tags if tag == "th" and "title" in a]
    assert "IoU of the class in box, less the baseline's, in points." in titles


def test_every_column_of_a_study_is_told(run_cli: RunCli, tmp_path: Path) -> None:
    check_heads(
        page_of(run_cli, write_made_study(tmp_path, made_study(5, ["box", "none@densecrf", "auto"], slopes=True))), 9
    )


def test_a_column_nobody_knows_is_an_error() -> None:
    assert about_column("scores", "specks", {"specks": "components, per image."}) == "components, per image."
    assert about_column("by_pair", "box") == "Gain of box on the pair, in points of mIoU*."
    for kind, head in (("scores", "specks"), ("nothing", "row")):
        with pytest.raises(KeyError):
            about_column(kind, head)


@pytest.mark.parametrize("kind", COLUMNS)
def test_what_is_measured_has_its_unit(kind: str) -> None:
    units = ("in points", "in per cent", "in pixels", "Seconds", "how many", "How many", "unit")
    measured = {
        "mIoU",
        "mAcc",
        "mIoU*",
        "diff.",
        "95 %",
        "bIoU",
        "gain",
        "baseline mIoU*",
        "s/image",
        "images",
        "*",
        "tau",
    }
    for head in measured & COLUMNS[kind].keys():
        assert any(unit in COLUMNS[kind][head] for unit in units), head


@pytest.mark.parametrize("width", [1440, 390])
def test_a_head_says_what_it_is_when_pointed_at_or_focused(demo_report: Path, open_page: OpenPage, width: int) -> None:
    page = open_page(demo_report / "report.html", viewport={"width": width, "height": 900})
    tip, head = page.get_by_role("tooltip"), scores(page).locator("thead button", has_text="bIoU")
    assert tip.count() == 0
    head.scroll_into_view_if_needed()
    head.hover()
    assert tip.inner_text() == COLUMNS["scores"]["bIoU"]
    box, place = tip.bounding_box(), head.bounding_box()
    assert box is not None
    assert place is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    # It does not hide the head.
    assert box["y"] + box["height"] <= place["y"] or box["y"] >= place["y"] + place["height"]
    page.mouse.move(5, 5)
    assert tip.count() == 0
    head.focus()
    assert tip.inner_text() == COLUMNS["scores"]["bIoU"]
    assert head.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.keyboard.press("Shift+Tab")
    other = page.evaluate("document.activeElement.textContent")
    assert tip.inner_text() == COLUMNS["scores"][other]
    page.keyboard.press("Escape")
    assert tip.count() == 0


def test_a_finger_that_sorts_is_told_what_by(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", has_touch=True, viewport={"width": 390, "height": 844})
    head = scores(page).locator("thead th", has_text="mAcc")
    head.locator("button").tap()
    assert head.get_attribute("aria-sort") == "descending"
    assert page.get_by_role("tooltip").inner_text() == COLUMNS["scores"]["mAcc"]
    page.locator("section[id='report:scores'] h2").tap()
    assert page.get_by_role("tooltip").count() == 0


def test_a_head_sorts(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    table = scores(page)
    names = column(table, "row")
    head, values = table.locator("thead th", has_text="diff."), dict(zip(names, column(table, "diff."), strict=True))
    assert values["baseline"] == ""
    rest = sorted(names[1:], key=lambda name: float(values[name]))
    assert rest[::-1] != names[1:]
    # By mouse, then by key. The baseline has no difference: it is last, whichever way.
    head.locator("button").click()
    assert column(table, "row") == [*rest[::-1], "baseline"]
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert column(table, "row") == [*rest, "baseline"]
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert column(table, "row") == names
    assert table.locator("[aria-sort]").count() == 0
    # Words from a to z; only one column is sorted by.
    head.locator("button").click()
    table.locator("thead button", has_text="row").click()
    assert column(table, "row") == sorted(names)
    assert table.locator("[aria-sort]").evaluate_all("all => all.map(e => [e.textContent, e.ariaSort])") == [
        ["row", "ascending"]
    ]
    # Intervals by their lower end.
    table.locator("thead button", has_text="95 %").click()
    low = {row["name"]: row["difference"]["miou_gt_present"]["low"] for row in results_of(demo_report)["rows"][1:]}
    assert column(table, "row") == [*sorted(low, key=lambda name: -low[name]), "baseline"]


def test_images_are_sorted_by_the_number_beside_them(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html")
    table = page.locator("section[id='report:images'] table").first
    table.locator("thead button", has_text="best image").click()
    seen = [float(text.split()[1]) for text in column(table, "best image")]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) > 2


def test_a_phone_shows_the_verdict_below_the_row_s_name(demo_report: Path, open_page: OpenPage) -> None:
    page = open_page(demo_report / "report.html", viewport={"width": 390, "height": 844})
    table = scores(page)
    table.scroll_into_view_if_needed()
    seen = table.evaluate("e => [e.getBoundingClientRect().right, e.closest('.scroll').getBoundingClientRect().right]")
    assert seen[0] <= seen[1] + 1
    assert table.locator("thead th", has_text="verdict").is_hidden()
    for row in results_of(demo_report)["rows"][1:]:
        test = row["difference"]["miou_gt_present"]
        head = table.locator("tbody th").nth([r["name"] for r in results_of(demo_report)["rows"]].index(row["name"]))
        told = head.evaluate("e => getComputedStyle(e, '::after').content").strip('"').replace("\u00a0", " ")
        ends = f"[{in_points(test['low'])}, {in_points(test['high'])}]"
        assert told == f"{test['verdict']} {in_points(test['value'])} {ends}"
    # There is room for columns of their own elsewhere.
    page.set_viewport_size({"width": 1440, "height": 900})
    assert table.locator("thead th", has_text="verdict").is_visible()
    assert table.locator("tbody th").nth(1).evaluate("e => getComputedStyle(e, '::after').content") == "none"
