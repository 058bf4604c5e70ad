"""Every figure in every format."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.figures.conftest import RunFigure
from tests.figures.reading import read_pdf_pictures, read_svg

PICTURES = {"1": 6, "3": 2, "4": 8}
"""Panels of two images."""
PLOTS = ("forest", "trimap", "ladder", "classes")


# What figures 1 and 4 show is read back in test_comparison; plots are saved by the same function, see the tests below.
QUICK = ("3",)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in (*PICTURES, *PLOTS)],
)
def test_figures_are_files_for_print(name: str, pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    count = ["--count=2"] if name in PICTURES else []
    inches = 7 if name in PICTURES else 5
    for suffix in ("pdf", "svg", "png"):
        path = tmp_path / f"new/{name}.{suffix}"
        outcome = figure(pictured_run, name, "--output", path, *count)
        assert outcome.code == 0, outcome.err
        assert outcome.out.splitlines()[-1] == f"Written to {path}"
    with Image.open(tmp_path / f"new/{name}.png") as picture:
        assert picture.size[0] == 300 * inches
        assert picture.mode == "RGB"
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        pixels = np.array(picture)
    assert len(np.unique(pixels[..., 0])) > 10
    assert (pixels[-1] == 255).all()
    content = (tmp_path / f"new/{name}.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    box = re.search(rb"/MediaBox \[ 0 0 (\d+) ([\d.]+) \]", content)
    assert box is not None
    assert int(box[1]) == 72 * inches
    # As the picture, whose height is cut to whole pixels.
    assert float(box[2]) * 300 / 72 == pytest.approx(len(pixels), abs=1)
    # Text is text, in a font that comes with the file.
    assert b"/FontFile2" in content
    assert len(read_pdf_pictures(tmp_path / f"new/{name}.pdf")) == PICTURES.get(name, 0)
    root = ElementTree.parse(tmp_path / f"new/{name}.svg").getroot()
    assert root.get("width") == f"{72 * inches}pt"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 3
    for suffix in ("pdf", "svg"):
        content = (tmp_path / f"new/{name}.{suffix}").read_bytes()
        assert not re.search(rb"CreationDate|<dc:date>|20\d\d-\d\d-\d\dT", content)


def test_vectors_hold_every_pixel(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    for suffix in ("pdf", "svg"):
        assert figure(pictured_run, "4", "--count=1", "--output", tmp_path / f"4.{suffix}").code == 0
    ours, theirs = read_svg(tmp_path / "4.svg").panels, read_pdf_pictures(tmp_path / "4.pdf")
    assert len(ours) == len(theirs) == 4
    for panel, picture in zip(ours, theirs, strict=True):
        assert np.array_equal(panel.pixels, picture)


# The report, whose plots are SVG, is made twice in tests/report/test_page.py; a TIFF has the pixels of a PNG.
@pytest.mark.parametrize(
    "suffix", ["pdf", pytest.param("svg", marks=pytest.mark.slow), pytest.param("png", marks=pytest.mark.slow), "TIF"]
)
def test_the_same_command_gives_the_same_bytes(
    suffix: str, pictured_run: Path, figure: RunFigure, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{n}.{suffix}" for n in range(2)]
    for path in paths:
        assert figure(pictured_run, "3", "--count=2", "--output", path).code == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if suffix == "TIF":
        with Image.open(paths[0]) as picture, Image.open(tmp_path / "0.TIF") as again:
            assert (picture.format, picture.mode, picture.size[0]) == ("TIFF", "RGB", 2100)
            assert picture.info["dpi"] == (300, 300)
            assert np.array_equal(np.array(picture), np.array(again))
    assert sorted(tmp_path.iterdir()) == paths


def test_without_an_output_it_lies_in_the_run(pictured_run: Path, figure: RunFigure) -> None:
    path = pictured_run / "figure_forest.pdf"
    outcome = figure(pictured_run, "forest")
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"Written to {path}\n"
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    # Five inches wide, with text as text.
    assert b"/MediaBox [ 0 0 360 " in content
    assert b"/FontFile2" in content
    path.unlink()


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.pdf.gz"])
def test_other_formats_are_refused(name: str, pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    outcome = figure(pictured_run, "1", "--output", tmp_path / name)
    assert outcome.code == 2
    assert f"{name}: the suffix is the format; there are .pdf, .svg, .png, .tif, .tiff" in outcome.err
    assert not list(tmp_path.iterdir())
