"""What the page says, read back from its HTML."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_samseg.data.scene_generator import generate_scene
from tests.conftest import PROJECT, RunCli
from tests.recomputation import results_of
from tests.report.conftest import OpenPage
from tests.report.reading import ReportText


def in_points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.2f}"


def in_per_cent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def test_numbers_are_those_of_the_results(demo_report: Path) -> None:
    results, page = results_of(demo_report), ReportText(demo_report / "report.html")
    scores = page.records("scenes test, 20 images")
    ladders, harm = page.records("Where the difference comes from"), page.records("Images, by mIoU")
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
        if row["name"] == "baseline":
            continue
        test = row["difference"]["miou_gt_present"]
        assert line["diff."] == in_points(test["value"])
        assert line["95 %"] == f"[{in_points(test['low'])}, {in_points(test['high'])}]"
        assert line["verdict"] == test["verdict"]
        assert ladders[row["name"]] == {"row": row["name"]} | {r["step"]: in_points(r["gain"]) for r in row["ladder"]}
        assert harm[row["name"]]["improved"] == in_per_cent(row["harm"]["improved"])
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
    assert f"{len(better)} of 7 rows with SAM are better than the baseline" in heading


def test_it_says_how_to_repeat_the_run(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """The page alone is enough: its settings are saved, its command is run, its counts are the same."""
    results, page = results_of(demo_report), ReportText(demo_report / "report.html")
    for fact in (results["baseline"]["sha256"], results["sam"]["sha256"], results["created"], results["device"]):
        assert fact in page.text
    for name, version in results["versions"].items():
        assert f"{name} {version}" in page.text
    text = (demo_report / "report.html").read_text(encoding="utf-8")
    (settings,) = re.findall(r'aria-label="config.yaml">(.*?)</pre>', text, re.DOTALL)
    assert yaml.safe_load(settings) == yaml.safe_load((demo_report / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(settings)
    (command,) = re.findall(r"lit-samseg (test --config config.yaml --output_dir NEW_FOLDER)", page.text)
    words = command.replace("NEW_FOLDER", str(tmp_path / "new")).replace("config.yaml", str(tmp_path / "config.yaml"))
    assert run_cli(*words.split()).code == 0
    first, second = np.load(demo_report / "counts.npz"), np.load(tmp_path / "new/counts.npz")
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
    assert stages == 19
    (folder / "gallery/gallery.json").write_text("[]")
    outcome = run_cli("report", folder)
    assert outcome.code == 2
    assert "gallery.json cannot be read" in outcome.err


def test_a_run_of_an_earlier_release_is_analysed_first(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    for name in ("boundary.npz", "ladder.npz", "regions.csv", "report.html"):
        (folder / name).unlink()
    shutil.rmtree(folder / "gallery")
    results = results_of(folder)
    del results["tags"], results["cache"]
    (folder / "results.json").write_text(json.dumps(results | {"schema_version": 1}))
    assert "lit-samseg analyse" in run_cli("report", folder).err
    assert run_cli("analyse", folder).code == 0
    outcome = run_cli("report", folder)
    assert outcome.code == 0, outcome.err
    assert list(ReportText(folder / "report.html").records("scenes test, 20 images")) == [
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


def test_the_user_s_own_plot_settings_change_nothing(demo_report: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\nlines.linewidth: 9\n")
    folder = Path(shutil.copytree(demo_report, tmp_path / "run"))
    command = [sys.executable, "-m", "lit_samseg", "report", str(folder)]
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").read_bytes() == (demo_report / "report.html").read_bytes()


SCRIPT = "<script>alert(1)</script>"
NAMES = [
    SCRIPT + "\x07",
    "\"quoted\" & 'single'",
    "猫 · größer",
    "a$b$ \\frac",
    "</style><b>x",
    "{{ 7 * 7 }}",
]


def own_words(root: Path, sizes: dict[str, tuple[int, int]]) -> list[Any]:
    """Make a data set of one's own with hostile class names, and return the options of a run on it."""
    for kind in ("images", "masks", "maps"):
        (root / kind).mkdir(parents=True)
    (root / "names.txt").write_text("\n".join(NAMES), encoding="utf-8")
    for n, (name, size) in enumerate(sizes.items()):
        image, target = generate_scene(7, n)
        Image.fromarray(image).resize(size).save(root / f"images/{name}.png")
        labels = np.asarray(Image.fromarray(target).resize(size, Image.Resampling.NEAREST)).copy()
        labels[labels != 255] %= len(NAMES)
        Image.fromarray(labels).save(root / f"masks/{name}.png")
        blocks = np.where(labels == 255, 0, labels)[::6, ::6].repeat(6, 0).repeat(6, 1)
        Image.fromarray(blocks[: size[1], : size[0]]).save(root / f"maps/{name}.png")
    return [
        *("test", "--data=lit_samseg.data.Folder", f"--data.images={root}/images", f"--data.masks={root}/masks"),
        *(f"--data.class_names={root}/names.txt", "--data.num_workers=0", "--model=lit_samseg.module.SamSegEvaluation"),
        *("--model.baseline=lit_samseg.baselines.Precomputed", f"--model.baseline.root={root}/maps"),
        *("--model.sam=lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint=demo", "--trainer.accelerator=cpu"),
        f"--output_dir={root}/run",
    ]


def check_readable(folder: Path, open_page: OpenPage, images: int, plots: int = 4) -> ReportText:
    """Open it at two widths: it is whole, nothing is too wide, and no script of a name ran."""
    for width in (1440, 390):
        page = open_page(folder / "report.html", viewport={"width": width, "height": 900})
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".card").count() == images
        assert page.locator(".count").inner_text() == f"{images} of {images} images"
        pictures = page.locator(".plots img").evaluate_all("all => all.map(i => i.naturalWidth)")
        assert len(pictures) == 2 * plots
        assert min(pictures) > 0
        assert page.locator("h1").is_visible()
    return ReportText(folder / "report.html")


def test_hostile_names_and_sizes_are_readable(run_cli: RunCli, open_page: OpenPage, tmp_path: Path) -> None:
    sizes = {"one": (1, 1), "a b'c\"d&<i>": (90, 60), "ünïcode #1?": (40, 160), "wide": (400, 4), "%41": (33, 33)}
    root = tmp_path / "own <data>'s"
    outcome = run_cli(*own_words(root, sizes))
    assert outcome.code == 0, outcome.err
    text = check_readable(root / "run", open_page, len(sizes))
    seen = [cell for row in text.tables["Classes, IoU and differences"] for cell in row[:1]]
    assert {*NAMES} >= {*seen[1:]}
    assert f"{SCRIPT}\x07" in seen
    assert "猫 · größer" in seen
    # Linked pictures have the same names.
    assert run_cli("report", root / "run", "--pictures", "link").code == 0
    page = open_page(root / "run/report.html", beside="gallery", viewport={"width": 1440, "height": 900})
    cards = page.locator(".card")
    for n in range(cards.count()):
        cards.nth(n).locator(".stage").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    # Image and labels; errors are asked for where they are shown.
    assert len({url for url in open_page.asked if "/gallery/" in url}) == 2 * len(sizes)
    page.locator("[name=view][value=errors]").check()
    for n in range(cards.count()):
        cards.nth(n).locator(".stage").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert len({url for url in open_page.asked if "/gallery/" in url}) == 3 * len(sizes)
    for name in sizes:
        page.evaluate("id => { location.hash = '#' + encodeURIComponent(id) }", name)
        assert page.locator(".card:target").get_attribute("id") == name


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("one image", []),
        ("no variants", ["--model.variants=[]"]),
        ("no pictures", ["--gallery=false"]),
        ("no analysis", ["--model.analysis=false", "--model.variants=[box, points+box@component/oracle]"]),
    ],
)
def test_little_is_readable_too(
    case: str, words: list[str], run_cli: RunCli, open_page: OpenPage, tmp_path: Path
) -> None:
    sizes = {"a": (90, 60)} if case == "one image" else {"a": (90, 60), "b": (64, 64)}
    outcome = run_cli(*own_words(tmp_path / "own", sizes), *words)
    assert outcome.code == 0, outcome.err
    plots = {"no variants": 2, "no analysis": 3}.get(case, 4)
    text = check_readable(tmp_path / "own/run", open_page, len(sizes), plots)
    (heading,) = text.headings
    if case == "no variants":
        assert heading.startswith(
            "Not asked. No row with SAM was scored without the ground truth's help; the baseline has"
        )
    if case == "no pictures":
        assert "No pictures were kept" in text.text
        assert not (tmp_path / "own/run/gallery").exists()
    if case == "no analysis":
        assert "No analysis was made" in text.text
        # The ground truth chose its candidates: it is no answer.
        assert "of 1 row with SAM" in heading
        assert "after correction for 2 rows" in heading


def test_nothing_of_an_earlier_run_is_left(run_cli: RunCli, tmp_path: Path) -> None:
    words = own_words(tmp_path / "own", {"a": (90, 60)})
    run = tmp_path / "own/run"
    assert run_cli(*words).code == 0
    assert (run / "gallery/image/a.webp").is_file()
    assert (run / "regions.csv").is_file()
    assert run_cli(*words, "--gallery=false", "--report=false", "--model.analysis=false").code == 0
    for name in ("gallery", "report.html", "ladder.npz", "regions.csv"):
        assert not (run / name).exists()
    assert run_cli("analyse", run).code == 0
    assert "ladder" not in results_of(run)["rows"][1]


def test_an_image_that_is_void_all_over(run_cli: RunCli, open_page: OpenPage, tmp_path: Path) -> None:
    root = tmp_path / "own"
    words = own_words(root, {"a": (90, 60), "b": (64, 64)})
    Image.new("L", (64, 64), 255).save(root / "masks/b.png")
    outcome = run_cli(*words)
    assert outcome.code == 0, outcome.err
    text = check_readable(root / "run", open_page, 2)
    assert "-" in re.findall(r'class="delta">(.*?)<', (root / "run/report.html").read_text())
    assert text.records("Images, by mIoU")["box"]["improved"] in ("0.00", "100.00")
    # And where it is the only one: nothing was scored.
    (root / "ids.txt").write_text("b\n")
    outcome = run_cli(*words, f"--data.ids={root}/ids.txt")
    assert outcome.code == 0, outcome.err
    assert ReportText(root / "run/report.html").headings[0].startswith("Not asked")


@pytest.mark.slow
def test_an_image_of_24_megapixels(run_cli: RunCli, open_page: OpenPage, tmp_path: Path) -> None:
    root = tmp_path / "own"
    outcome = run_cli(*own_words(root, {"big": (6000, 4000)}), "--model.variants=[box]", "--model.analysis=false")
    assert outcome.code == 0, outcome.err
    check_readable(root / "run", open_page, 1, plots=3)
    with Image.open(root / "run/gallery/image/big.webp") as picture:
        assert picture.size == (512, 341)
    assert (root / "run/report.html").stat().st_size < 1e6
