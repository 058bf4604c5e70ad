"""Figures of a study: files for print, and words that mean nothing for it."""

from pathlib import Path

import pytest
from PIL import Image

from tests.figures.conftest import RunFigure
from tests.figures.reading import SVG, ElementTree
from tests.made_study import made_study, write_made_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_made_study(tmp_path / "study", made_study(slopes=True))


def texts(path: Path) -> list[str]:
    return [element.text or "" for element in ElementTree.parse(path).getroot().iter(f"{SVG}text")]


def test_the_forest_of_the_rows_that_are_named(study: Path, figure: RunFigure, tmp_path: Path) -> None:
    path = tmp_path / "forest.svg"
    outcome = figure(study, "forest", "--row", "auto", "--row=box", "--output", path)
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"Written to {path}\n"
    written = texts(path)
    assert written.index("auto") < written.index("box")
    assert "point" not in written
    assert written.count("7 pairs, pooled") == written.count("next pair") == 2
    assert "+2.28 [+1.49, +3.11]" in written
    first = path.read_bytes()
    assert figure(study, "forest", "--row", "auto", "--row=box", "--output", path).code == 0
    assert path.read_bytes() == first
    assert figure(study, "forest", "--row=auto").code == 0
    assert (study / "figure_forest.pdf").read_bytes().startswith(b"%PDF")
    assert figure(study, "forest", "--row=auto", "--output", tmp_path / "forest.tif").code == 0
    with Image.open(tmp_path / "forest.tif") as picture:
        assert (picture.mode, round(picture.info["dpi"][0])) == ("RGB", 300)


def test_the_other_plots_of_the_page(study: Path, figure: RunFigure, tmp_path: Path) -> None:
    for name in ("pooled", "baseline", "cost", "borders", "slopes"):
        path = tmp_path / f"{name}.svg"
        assert figure(study, name, "--row=auto", "--output", path).code == 0
        assert "auto" in texts(path), name
        assert "box" not in texts(path), name


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["4"], "4 has no meaning for a study; there are forest, pooled, baseline"),
        (["trimap"], "trimap has no meaning for a study"),
        (["forest", "--row", "bx"], "the study has no row 'bx'; there are box, points+box"),
        (["forest", "--ids", "a"], "--ids has no meaning for forest"),
        (["forest", "--data.root=x"], "--data has no meaning for forest"),
        (["classes", "--row=auto", "--row=box"], "2 times --row; classes is of one row"),
        (["classes"], "has no numbers for classes: no two pairs share a class"),
        (["forest", "--output", "forest.doc"], "the suffix is the format"),
    ],
)
def test_what_has_no_meaning_is_named(study: Path, figure: RunFigure, words: list[str], complaint: str) -> None:
    outcome = figure(study, *words)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert "Traceback" not in outcome.err


def test_plots_of_a_study_are_none_of_a_run(figure: RunFigure, tmp_path: Path) -> None:
    outcome = figure(tmp_path, "cost")
    assert outcome.code == 2
    assert "cost has no meaning for a run; there are 1, 3, 4, forest" in outcome.err
    outcome = figure(tmp_path, "classes", "--row=a", "--row=b")
    assert "2 times --row" in outcome.err
