"""The notebooks run as they are, without a download; with a reader's own two lines, too.

Those that run them take a minute together, so they are `slow`; `.ci/run` asks for them.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest
from PIL import Image

from scripts.write_notebooks import PAGES, execute, read_notebook
from tests.conftest import PROJECT, SHARED

NAMES = ["prompt", "refine", "worth"]
CHANGED = {"prompt": ("DATA", "NETWORKS"), "refine": ("PICTURES, MASKS", "SAM, BACKGROUND")} | {
    "worth": ("IMAGES, TRUTH, LABEL_MAPS", "CLASSES, BACKGROUND, SAM")
}
"""The lines that a reader changes."""


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def printed(notebook: Any) -> str:
    """Return what cells print, and the Markdown they show."""
    shown = (out.get("text") or out.get("data", {}).get("text/markdown") or "" for out in outputs(notebook))
    return "".join(shown)


def pictures(notebook: Any) -> int:
    return sum("image/png" in out.get("data", {}) for out in outputs(notebook))


def run(name: str, folder: Path, values: dict[str, str] | None = None) -> Any:
    """Run a notebook; no cell fails, and nothing is said on standard error."""
    notebook = execute(read_notebook(PAGES / f"{name}.md", values), folder)
    assert [out.text for out in outputs(notebook) if out.get("name") == "stderr"] == []
    text = printed(notebook)
    # A command that fails ends no cell.
    assert "error:" not in text
    return notebook


def miou(truths: list[np.ndarray], predictions: list[np.ndarray], classes: int) -> float:
    """Return the mean IoU over the classes of the ground truth in points, void left out."""
    pooled = [np.concatenate([one.ravel() for one in maps]) for maps in (truths, predictions)]
    truth, predicted = (one[pooled[0] != 255] for one in pooled)
    ious = [
        ((truth == c) & (predicted == c)).sum() / ((truth == c) | (predicted == c)).sum()
        for c in range(classes)
        if (truth == c).any()
    ]
    return 100 * float(np.mean(ious))


def wrong_pixels(folder: Path, truth: Path) -> float:
    pairs = [[np.asarray(Image.open(place / path.name)) for place in (folder, truth)] for path in truth.iterdir()]
    return 100 * float(np.mean([(one != other).any(-1).mean() for one, other in pairs]))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_a_page_that_jupytext_reads(name: str) -> None:
    notebook = read_notebook(PAGES / f"{name}.md")
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    kinds = [cell.cell_type for cell in notebook.cells]
    assert min(kinds.count("code"), kinds.count("markdown")) >= 5
    # Written as a notebook and read again, it is the same page.
    again = jupytext.reads(jupytext.writes(notebook, fmt="ipynb"), fmt="ipynb")
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]


def test_all_notebooks_are_tested() -> None:
    assert sorted(page.stem for page in PAGES.glob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_changes_two_lines(name: str) -> None:
    values = {line: f"{n}, 'mine'" for n, line in enumerate(CHANGED[name])}
    sources = [cell.source for cell in read_notebook(PAGES / f"{name}.md", values).cells]
    (cell,) = [source for source in sources if "'mine'" in source]
    assert cell.splitlines() == [f"{names} = {value}" for names, value in values.items()]
    with pytest.raises(KeyError, match="nothing"):
        read_notebook(PAGES / f"{name}.md", {"nothing": "1"})


@pytest.mark.slow
def test_masks_are_refined(tmp_path: Path) -> None:
    notebook = run("refine", tmp_path)
    assert pictures(notebook) == 4
    found = re.findall(r"(before|after): (\d+\.\d) % of the pixels are wrong", printed(notebook))
    example = tmp_path / "example"
    wrong = [wrong_pixels(folder, example / "truth") for folder in (example / "masks", tmp_path / "refined/masks")]
    assert found == [("before", f"{wrong[0]:.1f}"), ("after", f"{wrong[1]:.1f}")]
    assert wrong[1] < wrong[0]


@pytest.mark.slow
def test_the_question_is_answered(tmp_path: Path) -> None:
    notebook = run("worth", tmp_path)
    assert pictures(notebook) == 3
    example = {name: sorted((tmp_path / "example" / name).iterdir()) for name in ("truth", "label_maps")}
    truths, label_maps = ([np.asarray(Image.open(path)) for path in paths] for paths in example.values())
    table = printed(notebook)
    assert f"| baseline | {miou(truths, label_maps, 9):.2f} |" in table
    (gain,) = re.findall(r"^\| point\+box\+margin@\S+ .* \| ([+-]\d+\.\d)\d \| \[", table, re.MULTILINE)
    (control,) = re.findall(r"^\| none@densecrf .* \| ([+-]\d+\.\d)\d \| \[", table, re.MULTILINE)
    assert abs(float(re.findall(r"^auto: +(\S+) points", table, re.MULTILINE)[0]) - float(gain)) < 0.11
    assert abs(float(re.findall(r"^without SAM: +(\S+)$", table, re.MULTILINE)[0]) - float(control)) < 0.11


@pytest.mark.slow
def test_a_prompt_is_written_and_measured(tmp_path: Path) -> None:
    notebook = run("prompt", tmp_path)
    assert pictures(notebook) == 4
    assert (tmp_path / "halo.py").is_file()
    rows = re.findall(r"^\| (\S+) \| (\d+\.\d\d) \|", printed(notebook), re.MULTILINE)
    scores = dict(rows)
    assert list(scores) == ["baseline", "box@component", "halo:Halo@component", "points+halo:Halo+mask@component"]
    # It is another prompt than the box.
    assert scores["halo:Halo@component"] != scores["box@component"]


@pytest.mark.real
@pytest.mark.slow
def test_masks_of_real_pictures_are_refined(tmp_path: Path) -> None:
    voc = next((SHARED / "data").rglob("VOC2012"))
    for folder in ("pictures", "masks"):
        (tmp_path / folder).mkdir()
    for path in sorted((voc / "SegmentationClass").glob("2007_*.png"))[:2]:
        (tmp_path / "pictures" / f"{path.stem}.jpg").symlink_to(voc / "JPEGImages" / f"{path.stem}.jpg")
        labels = np.asarray(Image.open(path))
        colours = np.asarray(Image.open(path).convert("RGB"))
        (height, width) = labels.shape
        coarse = colours[::16, ::16].repeat(16, 0).repeat(16, 1)[:height, :width]
        Image.fromarray(coarse).save(tmp_path / "masks" / path.name)
    own = {"PICTURES, MASKS": '"pictures", "masks"'}
    own["SAM, BACKGROUND"] = f'"{SHARED / "weights/mobile_sam.pt"}", "background"'
    notebook = run("refine", tmp_path, own)
    assert pictures(notebook) == 2
    assert "2 masks refined" in printed(notebook)
    assert len(list((tmp_path / "refined/masks").iterdir())) == 2


def test_notebooks_are_written(tmp_path: Path) -> None:
    command = [sys.executable, PROJECT / "scripts/write_notebooks.py", tmp_path / "made"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [f"{name}.ipynb" for name in NAMES]
    made = jupytext.read(tmp_path / "made/refine.ipynb")
    assert made.cells[0].source == read_notebook(PAGES / "refine.md").cells[0].source
