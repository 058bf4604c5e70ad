"""Hostile names, odd sizes and little to show: the report stays readable."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.record import RunRecord
from lit_samseg.writing.replacing import remove_others
from tests.conftest import RunCli
from tests.recomputation import results_of
from tests.report.conftest import IMAGES, OpenPage
from tests.report.reading import ReportText

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
        *(
            f"--data.class_names={json.dumps(NAMES)}",
            "--data.num_workers=0",
            "--model=lit_samseg.module.SamSegEvaluation",
        ),
        *("--model.baseline=lit_samseg.baselines.Precomputed", f"--model.baseline.root={root}/maps"),
        *("--model.sam=lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint=demo", "--trainer.accelerator=cpu"),
        "--model.variants=[box, points+box+mask@component]",
        f"--output_dir={root}/run",
    ]


def check_readable(
    folder: Path, open_page: OpenPage, images: int, plots: int = 3, widths: tuple[int, ...] = (390,)
) -> ReportText:
    """Open it: it is whole, nothing is too wide, and no script of a name ran."""
    for width in widths:
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
    text = check_readable(root / "run", open_page, len(sizes), widths=(1440, 390))
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
        pytest.param("one image", [], marks=pytest.mark.slow),
        # The quicker one is the run that was left with its baseline below.
        pytest.param("no variants", ["--model.variants=[]"], marks=pytest.mark.slow),
        pytest.param("no pictures", ["--gallery=false"], marks=pytest.mark.slow),
        # test_asked and test_anywhere look at a page without it.
        pytest.param(
            "no analysis",
            ["--model.analysis=false", "--model.variants=[box, points+box@component/oracle]"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_little_is_readable_too(
    case: str, words: list[str], run_cli: RunCli, open_page: OpenPage, tmp_path: Path
) -> None:
    sizes = {"a": (90, 60)} if case == "one image" else {"a": (90, 60), "b": (64, 64)}
    outcome = run_cli(*own_words(tmp_path / "own", sizes), *words)
    assert outcome.code == 0, outcome.err
    plots = {"no analysis": 2}.get(case, 3)
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
        assert "2 images cannot tell box from the baseline; it takes 7 at least" in heading


def write_counts(earlier: Path, folder: Path, rows: int, share: int) -> None:
    """Write the files of a run with the first rows of an earlier one, whose counts are multiplied."""
    record = RunRecord.read(earlier)
    old = record.evidence
    facts: Any = record.facts | {"tags": []}
    assert old.boundary is not None
    borders = {key: share * (own if key == "trimap_void" else own[:rows]) for key, own in old.boundary.items()}
    evidence = Evidence(old.rows[:rows], old.ids, share * old.counts[:rows], borders)
    RunRecord(evidence, record.class_names, facts).write(folder)


def test_a_baseline_alone_is_readable(demo_report: Path, run_cli: RunCli, open_page: OpenPage, tmp_path: Path) -> None:
    write_counts(demo_report, tmp_path, 1, 1)
    assert run_cli("report", tmp_path).code == 0
    text = check_readable(tmp_path, open_page, IMAGES, plots=2)
    assert text.headings[0].startswith(
        "Not asked. No row with SAM was scored without the ground truth's help; the baseline has"
    )


def test_nothing_that_was_scored(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """As where the ground truth is void all over."""
    write_counts(demo_report, tmp_path, 3, 0)
    assert run_cli("report", tmp_path).code == 0
    assert ReportText(tmp_path / "report.html").headings[0].startswith("Not asked")


def test_nothing_of_an_earlier_run_is_left(demo_report: Path, run_cli: RunCli, tmp_path: Path) -> None:
    words = [*own_words(tmp_path / "own", {"a": (90, 60)}), "--model.variants=[box]"]
    run = Path(shutil.copytree(demo_report, tmp_path / "own/run"))
    assert (run / "gallery/image/scene_00000.webp").is_file()
    assert (run / "regions.csv").is_file()
    assert run_cli(*words, "--overwrite=true", "--gallery=false", "--report=false", "--model.analysis=false").code == 0
    for name in ("gallery", "report.html", "ladder.npz", "recognition.npz", "regions.csv"):
        assert not (run / name).exists()
    # A folder of the user's own, that has such a name, is none of it.
    (run / "gallery").mkdir()
    (run / "gallery/gallery.json").write_text("mine")
    remove_others(run, [])
    assert (run / "gallery/gallery.json").read_text() == "mine"
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


@pytest.mark.slow
def test_an_image_of_24_megapixels(run_cli: RunCli, open_page: OpenPage, tmp_path: Path) -> None:
    root = tmp_path / "own"
    outcome = run_cli(*own_words(root, {"big": (6000, 4000)}), "--model.variants=[box]", "--model.analysis=false")
    assert outcome.code == 0, outcome.err
    check_readable(root / "run", open_page, 1, plots=2)
    with Image.open(root / "run/gallery/image/big.webp") as picture:
        assert picture.size == (512, 341)
    assert (root / "run/report.html").stat().st_size < 1e6
