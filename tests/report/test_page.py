"""What the page says, read back from its HTML."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from lit_samseg.analysis import RUNGS
from tests.conftest import PROJECT, RunCli
from tests.recomputation import results_of
from tests.report.conftest import IMAGES, ROWS
from tests.report.reading import ReportText


def in_points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.2f}"


def in_per_cent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def test_numbers_are_those_of_the_results(demo_report: Path) -> None:
    results, page = results_of(demo_report), ReportText(demo_report / "report.html")
    scores = page.records(f"scenes test, {IMAGES} images")
    ladders, harm = page.records("Where the difference comes from"), page.records("Images, by mIoU")
    recognition, found = page.records("What recognition is worth"), page.records("What is not found")
    classes, timing = page.records("Classes, IoU"), page.records("Seconds per image")
    assert list(scores) == [row["name"] for row in results["rows"]]
    for row in results["rows"]:
        line = scores[row["name"]]
        for column, key in (("mIoU", "miou"), ("mAcc", "macc"), ("mIoU*", "miou_gt_present")):
            assert line[column] == in_per_cent(row[key])
        assert line["bIoU"] == in_per_cent(row["boundary"]["iou_before"])
        for number, name in enumerate(classes):
            if row["name"] == "baseline":
                assert classes[name]["baseline"] == in_per_cent(row["per_class"][number]["iou"])
            else:
                assert classes[name][row["name"]] == in_points(row["per_class"][number]["difference"])
        gains = {rung["step"]: in_points(rung["gain"]) for rung in row["ladder"]}
        assert recognition[row["name"]] == {"row": row["name"]} | {step: gains.pop(step) for step in RUNGS}
        counts = row["recognition"]
        missed = f"{counts['missed_objects']} of {counts['objects']}"
        assert found[row["name"]]["missed objects"] == missed
        if row["name"] == "baseline":
            continue
        test = row["difference"]["miou_gt_present"]
        assert line["diff."] == in_points(test["value"])
        assert line["95 %"] == f"[{in_points(test['low'])}, {in_points(test['high'])}]"
        assert line["verdict"] == test["verdict"]
        assert harm[row["name"]]["improved"] == in_per_cent(row["harm"]["improved"])
        # The recommended row adds scores up: there are no masks that are painted, and no steps about them.
        assert (row["name"] in ladders) == ("tags" in row) == (len(gains) > 1) == ("fuse" not in row["name"])
        if "tags" not in row:
            continue
        assert ladders[row["name"]] == {"row": row["name"]} | gains
        tags = page.records(f"Regions of {row['name']}")
        for tag in row["tags"]:
            assert tags[tag["tag"]]["count"] == str(tag["count"])
            assert tags[tag["tag"]]["of all loss"] == in_per_cent(tag["of_loss"])
    for stage, seconds in results["timing"].items():
        assert timing[stage.replace("_", " ")]["s/image"] == f"{seconds:.3f}"


def test_the_answer_is_the_best_row_s(demo_report: Path) -> None:
    results, page = results_of(demo_report), ReportText(demo_report / "report.html")
    better = [
        (row["difference"]["miou_gt_present"]["value"], row["name"])
        for row in results["rows"][1:]
        if row["difference"]["miou_gt_present"]["verdict"] == "better"
    ]
    value, name = max(better)
    (heading,) = page.headings
    assert heading.startswith(f"Yes. {name} improves mIoU* from {in_per_cent(results['rows'][0]['miou_gt_present'])}")
    assert f"by {in_points(value)} points" in heading
    # Below it, since the heading is the answer alone.
    assert f"{len(better)} of {len(ROWS)} rows with SAM are better than the baseline" not in heading
    assert f"{len(better)} of {len(ROWS)} rows with SAM are better than the baseline" in page.text


def test_it_says_how_to_repeat_the_run(asked_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """The page alone is enough: its settings are saved, its command is run, its counts are the same."""
    results, page = results_of(asked_report), ReportText(asked_report / "report.html")
    for fact in (results["baseline"]["sha256"], results["sam"]["sha256"], results["created"], results["device"]):
        assert fact in page.text
    for name, version in results["versions"].items():
        assert f"{name} {version}" in page.text
    text = (asked_report / "report.html").read_text(encoding="utf-8")
    (settings,) = re.findall(r'aria-label="config.yaml">(.*?)</pre>', text, re.DOTALL)
    assert yaml.safe_load(settings) == yaml.safe_load((asked_report / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(settings)
    (command,) = re.findall(r"lit-samseg (test --config config.yaml --output_dir NEW_FOLDER)", page.text)
    words = command.replace("NEW_FOLDER", str(tmp_path / "new")).replace("config.yaml", str(tmp_path / "config.yaml"))
    # Its gallery and page are those of other tests.
    assert run_cli(*words.split(), "--gallery=false", "--report=false").code == 0
    first, second = np.load(asked_report / "counts.npz"), np.load(tmp_path / "new/counts.npz")
    assert all(np.array_equal(first[name], second[name]) for name in first.files)


def test_the_command_makes_the_same_page_again(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folders = [Path(shutil.copytree(demo_report, tmp_path / name)) for name in ("a", "b")]
    for folder in folders:
        (folder / "report.html").unlink()
    outcome = run_cli("report", *folders)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [f"Report: {folder / 'report.html'}" for folder in folders]
    pages = {hashlib.sha256((f / "report.html").read_bytes()).hexdigest() for f in (*folders, demo_report)}
    assert len(pages) == 1


def test_only_our_script_may_run(demo_report: Path) -> None:
    page = ReportText(demo_report / "report.html")
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["nowhere"], "no such run"), (["."], "results.json cannot be read"), (["--picture=x"], "usage")],
)
def test_wrong_words_are_named(words: list[str], complaint: str, run_cli: RunCli) -> None:
    outcome = run_cli("report", *words)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert "Traceback" not in outcome.err


def test_broken_files_are_named(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    (folder / "gallery/prompts/scene_00003.json").write_text("{")
    outcome = run_cli("report", folder)
    assert outcome.code == 2
    assert "scene_00003.json cannot be read" in outcome.err
    (folder / "gallery/prompts/scene_00003.json").unlink()
    (folder / "gallery/labels/scene_00003.webp").unlink()
    assert run_cli("report", folder).code == 0
    stages = (folder / "report.html").read_text().count('class="stage view"')
    assert stages == IMAGES - 1
    (folder / "gallery/gallery.json").write_text("[]")
    outcome = run_cli("report", folder)
    assert outcome.code == 2
    assert "gallery.json cannot be read" in outcome.err


def test_a_run_of_an_earlier_release_is_analysed_first(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    for name in ("boundary.npz", "ladder.npz", "recognition.npz", "regions.csv", "report.html"):
        (folder / name).unlink()
    shutil.rmtree(folder / "gallery")
    results = results_of(folder)
    del results["tags"], results["cache"]
    (folder / "results.json").write_text(json.dumps(results | {"schema_version": 1}))
    assert "lit-samseg analyse" in run_cli("report", folder).err
    assert run_cli("analyse", folder).code == 0
    outcome = run_cli("report", folder)
    assert outcome.code == 0, outcome.err
    assert list(ReportText(folder / "report.html").records(f"scenes test, {IMAGES} images")) == [
        row["name"] for row in results["rows"]
    ]


def test_pictures_of_another_run_are_not_shown(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """The same images and rows, but other counts: a run that ended between its gallery and its results, say."""
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    counts = dict(np.load(folder / "counts.npz"))
    counts["intersection"][1, 0, 0] -= 1
    np.savez(folder / "counts.npz", **counts)
    assert run_cli("report", folder).code == 0
    assert "No pictures were kept" in ReportText(folder / "report.html").text


def test_scores_of_another_run_are_refused(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    results = results_of(folder)
    (folder / "results.json").write_text(json.dumps(results | {"rows": results["rows"][:3]}))
    outcome = run_cli("report", folder)
    assert outcome.code == 2
    assert "results.json and counts.npz are of different runs" in outcome.err


@pytest.mark.slow
def test_the_user_s_own_plot_settings_change_nothing(demo_report: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\nlines.linewidth: 9\n")
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    command = [sys.executable, "-m", "lit_samseg", "report", str(folder)]
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").read_bytes() == (demo_report / "report.html").read_bytes()
