"""A study's page: its numbers read back from the HTML, its links, and how it looks in a browser."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunCli
from tests.made_study import AUTO, PAIRS, made_study, write_made_study
from tests.report.conftest import OpenPage
from tests.report.reading import ReportText

SCRIPT = "<script>alert(1)</script>"


def in_points(value: float | None) -> str:
    text = "-" if value is None else f"{100 * value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def in_brackets(low: float | None, high: float | None) -> str:
    return f"[{in_points(low)}, {in_points(high)}]"


def page_of(run_cli: RunCli, folder: Path) -> ReportText:
    outcome = run_cli("report", folder)
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"Report: {folder / 'study.html'}\n"
    return ReportText(folder / "study.html")


def write_run(folder: Path, rows: dict[str, dict[str, float | None]]) -> None:
    """Write as much of a pair's run as the page reads, and a report to link to."""
    folder.mkdir(parents=True)
    made = [
        {"name": name, "per_class": [{"class": c, "difference": d} for c, d in classes.items()]}
        for name, classes in rows.items()
    ]
    results = {"schema_version": 2, "dataset": {"class_names": []}, "rows": made}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "report.html").write_text("a report")


def test_numbers_are_those_of_the_study(run_cli: RunCli, tmp_path: Path) -> None:
    rows = ["box", "none@crf", "point", "auto"]
    study = made_study(rows=rows, slopes=True)
    page = page_of(run_cli, write_made_study(tmp_path / "study", study))
    pooled, by_pair = page.records("Seven pairs, 7 pairs"), page.records("Gain on each pair")
    left_out, facts = page.records("Pooled gain without one pair"), page.records("Pairs")
    borders = page.records("Gain in Boundary IoU")
    assert list(pooled) == rows
    assert list(facts) == list(PAIRS)
    for number, pair in enumerate(study["pairs"], 1):
        line = facts[pair["name"]]
        assert (line["no."], line["images"], line["classes"]) == (
            str(number),
            str(pair["images"]),
            str(pair["classes"]),
        )
        assert line["mIoU*"] == f"{100 * (pair['miou_gt_present'] or 0):.2f}"
    for row in study["rows"]:
        own, line = row["pooled"], pooled[row["name"]]
        assert line["pooled gain"] == in_points(own["mean"])
        assert line["95 %"] == in_brackets(own["low"], own["high"])
        assert line["next pair, 95 %"] == in_brackets(own["predicted_low"], own["predicted_high"])
        assert line["tau"] == f"{100 * (own['tau'] or 0):.2f}"
        assert line["I2"] == f"{100 * (own['i2'] or 0):.0f} %"
        of_row = page.records(f"Gain of {row['name']} on each pair")
        assert list(of_row) == [effect["pair"] for effect in row["effects"]]
        for effect, left in zip(row["effects"], row["left_out"], strict=True):
            cells = of_row[effect["pair"]]
            assert cells["gain"] == in_points(effect["value"]) == by_pair[effect["pair"]][row["name"]].strip("()")
            assert cells["95 %"] == in_brackets(effect["low"], effect["high"])
            assert cells["verdict"] == effect["verdict"]
            assert cells["weight"] == f"{100 * effect['weight']:.0f} %"
            assert cells["bIoU"] == in_points(effect["boundary_iou"]) == borders[effect["pair"]][row["name"]]
            assert left_out[left["pair"]][row["name"]].strip("()") == in_points(left["mean"])
        _, *slopes = page.tables[f"What the gain of {row['name']} depends on"]
        for cells, slope in zip(slopes, row["depends_on"], strict=True):
            assert cells[3:5] == [in_points(slope["per_unit"]), in_brackets(slope["low"], slope["high"])]
            assert cells[5] == f"{slope['standardised']:+.2f}"
    # What is not told from chance is in brackets, and a row that a pair lacks is a dash.
    assert by_pair["VOC x the same, 121 images never used"]["auto"] == "(+0.82)"
    assert by_pair["VOC x ESPNetv2 s1.0"]["none@crf"] == "-"
    assert f"auto stands for {AUTO}." in page.text
    (heading,) = page.headings
    assert heading.startswith(f"Yes. auto gains {in_points(study['rows'][-1]['pooled']['mean'])} [")


def test_little_is_readable_too(run_cli: RunCli, tmp_path: Path) -> None:
    for pairs, answer in ((1, "Too few pairs"), (2, "Too few pairs"), (3, "No evidence")):
        page = page_of(run_cli, write_made_study(tmp_path / str(pairs), made_study(pairs, ["auto"])))
        assert page.headings[0].startswith(f"{answer}.")
        assert page.records("Gain on each pair, with its 95 % interval")
        assert ("There is only one pair." in page.text) == (pairs == 1)
        assert "No two pairs share a class" in page.text
    nothing = made_study(2, [], title="Nothing", failed=[{"pair": "a", "reason": "no <data>"}])
    page = page_of(run_cli, write_made_study(tmp_path / "none", nothing))
    assert page.headings[0].startswith("Not asked.")
    assert "a failed and is not in the answer: no <data>" in page.text


def test_links_lead_to_the_reports_that_are_there(run_cli: RunCli, tmp_path: Path) -> None:
    study = made_study(3, ["auto"])
    folder = write_made_study(tmp_path / "a study's", study)
    study["pairs"][1]["folder"] = "pairs/größer #1"
    write_made_study(folder, study)
    for pair in study["pairs"][:2]:
        write_run(folder / pair["folder"], {"baseline": {}, AUTO: {}})
    outcome = run_cli("report", folder, "--output_dir", tmp_path)
    assert outcome.code == 0, outcome.err
    for path, before in ((tmp_path / "study.html", "a%20study%27s/"), (None, "")):
        page = ReportText(path) if path else page_of(run_cli, folder)
        links = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
        outside = {link for link in links if link and not link.startswith("#")}
        assert outside == {f"{before}pairs/0/report.html", f"{before}pairs/gr%C3%B6%C3%9Fer%20%231/report.html"}


def test_classes_that_pairs_share(run_cli: RunCli, tmp_path: Path) -> None:
    folder = write_made_study(tmp_path / "study", made_study(4, ["box", "auto"]))
    gains: list[dict[str, float | None]] = [{"Car": 0.01, "sky": None, "cat": 0.5}, {"car": 0.04, "sky": 0.2}]
    for n, classes in enumerate([*gains, {"car": -0.02, "sky": 0.1}]):
        write_run(folder / f"pairs/{n}", {"baseline": {}, AUTO: classes, "box": dict.fromkeys(classes, 0.0)})
    page = page_of(run_cli, folder)
    shared = page.records("Gain by class")
    assert list(shared) == ["Car", "sky"]
    assert shared["Car"]["pairs"] == "3"
    assert shared["Car"]["auto"] == "+1.00 (-2.00 to +4.00)"
    # Where the row has no number on a pair it is left out.
    assert shared["sky"]["auto"] == "+15.00 (+10.00 to +20.00)"
    assert "Not in it: CamVid x ESPNet, label maps alone, whose run cannot be read." in page.text


def test_hostile_names_are_text(run_cli: RunCli, open_page: OpenPage, tmp_path: Path) -> None:
    names = [SCRIPT, "a$b$ \\frac{ & \"'", "猫 " * 60, "{{ 7 * 7 }}"]
    study: Any = made_study(len(names), ["box", "auto"], slopes=True, title=f"{SCRIPT}</title><b>")
    for n, name in enumerate(names):
        study["pairs"][n] |= {"name": name, "baseline": SCRIPT, "folder": f"pairs/{SCRIPT}"}
        for row in study["rows"]:
            row["effects"][n]["pair"] = row["left_out"][n]["pair"] = name
    study["rows"][1]["name"] = "auto" + "@" * 90
    study["failed"] = [{"pair": SCRIPT, "reason": f"{SCRIPT} is not there"}]
    folder = write_made_study(tmp_path / "study", study)
    (folder / "study.yaml").write_text(f"title: '{SCRIPT}</pre>'\n")
    page = page_of(run_cli, folder)
    assert list(page.records("Pairs")) == names
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert f"title: '{SCRIPT}</pre>'" in page.text
    seen = open_page(folder / "study.html", viewport={"width": 390, "height": 900})
    seen.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert seen.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture
def full_page(run_cli: RunCli, tmp_path: Path) -> Path:
    """A page with all that there may be on it."""
    failed = [{"pair": "Cityscapes", "reason": "not there"}]
    folder = write_made_study(tmp_path / "study", made_study(3, ["box", "auto"], slopes=True, failed=failed))
    (folder / "study.yaml").write_text("title: t\n")
    for n in range(3):
        write_run(folder / f"pairs/{n}", {"baseline": {}, AUTO: {"car": 0.01 * n}})
    page_of(run_cli, folder)
    return folder / "study.html"


def test_wide_narrow_and_on_paper(full_page: Path, open_page: OpenPage) -> None:
    page = open_page(full_page, viewport={"width": 1280, "height": 900})
    pictures = page.locator(".plots img").evaluate_all("all => all.map(i => i.naturalWidth)")
    # Pooled, two forests, baseline, slopes, classes, cost, borders; each by day and by night.
    assert len(pictures) == 2 * 8
    assert min(pictures) > 0
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme="dark")
    # Without opening anything: where it helps.
    assert page.locator(".forest a").count() == 3
    assert page.locator(".forest a").first.is_visible()
    page.evaluate("document.querySelectorAll('details:not(.copies)').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print", color_scheme="light")
    assert page.locator("nav").is_hidden()
    assert page.locator("[aria-label='study.yaml']").is_visible()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_first_screen_has_one_forest_over_the_pairs(
    run_cli: RunCli, open_page: OpenPage, tmp_path: Path, width: int, height: int
) -> None:
    study = made_study(5, ["box", "auto"])
    write_run(tmp_path / study["pairs"][1]["folder"], {"baseline": {}})
    page_of(run_cli, write_made_study(tmp_path, study))
    page = open_page(tmp_path / "study.html", viewport={"width": width, "height": height})
    lines, (auto,) = page.locator(".forest li"), [row for row in study["rows"] if row["name"] == "auto"]
    told = {
        line.locator(".row").inner_text(): (
            line.locator(".numbers").inner_text(),
            line.locator(".said").all_inner_texts(),
        )
        for line in lines.all()
    }
    pooled = auto["pooled"]
    expected = {
        effect["pair"]: (
            f"{in_points(effect['value'])} {in_brackets(effect['low'], effect['high'])}",
            [effect["verdict"]],
        )
        for effect in auto["effects"]
    }
    expected["5 pairs, pooled"] = (f"{in_points(pooled['mean'])} {in_brackets(pooled['low'], pooled['high'])}", [])
    expected["next pair"] = (in_brackets(pooled["predicted_low"], pooled["predicted_high"]), [])
    assert told == expected
    # The diamond's middle is the mean, and the next pair's bar is as long as its interval on the same axis.
    low, high = pooled["low"] or 0, pooled["high"] or 0
    diamond, ahead = (lines.nth(n).locator("i.ends").bounding_box() for n in (5, 6))
    assert diamond is not None
    assert ahead is not None
    scale = diamond["width"] / (high - low)
    span = (pooled["predicted_high"] or 0) - (pooled["predicted_low"] or 0)
    assert ahead["width"] == pytest.approx(scale * span, abs=1)
    middle = lines.nth(5).locator(".track").evaluate("e => e.style.getPropertyValue('--middle')")
    assert float(middle.rstrip("%")) == pytest.approx(100 * ((pooled["mean"] or 0) - low) / (high - low), abs=0.1)
    # A pair's name leads to its report; all is seen without scrolling.
    link = lines.locator("a")
    assert link.inner_text() == study["pairs"][1]["name"]
    assert str(link.get_attribute("href")).endswith("pairs/1/report.html")
    box = page.locator(".forest").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_axe_finds_no_serious_fault(axe: str, full_page: Path, open_page: OpenPage) -> None:
    page = open_page(full_page, color_scheme="dark", viewport={"width": 390, "height": 900})
    page.evaluate("document.querySelectorAll('details:not(.copies)').forEach(d => { d.open = true })")
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 15
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in serious] == []


def test_the_same_files_give_the_same_page_and_only_our_script_may_run(run_cli: RunCli, tmp_path: Path) -> None:
    folders = [write_made_study(tmp_path / name, made_study(3, ["auto"])) for name in "ab"]
    pages = [page_of(run_cli, folder) for folder in folders]
    texts = {(folder / "study.html").read_bytes() for folder in folders}
    assert len(texts) == 1
    (policy,) = [a["content"] for tag, a in pages[0].tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert not re.search(r'(src|href)="(?!data:|#)', (folders[0] / "study.html").read_text())


def test_what_is_no_study_is_named(run_cli: RunCli, tmp_path: Path) -> None:
    folder = write_made_study(tmp_path, made_study(1, ["auto"]))
    outcome = run_cli("report", folder, "--pictures", "embed")
    assert outcome.code == 2
    assert "--pictures has no meaning" in outcome.err
    for text, told in (("{}", "is not the study.json of a study"), ('{"schema_version": 99, "rows": []}', "update it")):
        (folder / "study.json").write_text(text)
        outcome = run_cli("report", folder)
        assert outcome.code == 2
        assert told in outcome.err
