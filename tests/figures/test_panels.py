"""Layout on its own: odd sizes, hostile names, many classes."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.figures.lettering import fitted, plain, text_width
from lit_samseg.figures.panels import draw_plate
from lit_samseg.figures.plate import Entry, Panel, Plate
from lit_samseg.figures.saving import is_vector, save_figure
from lit_samseg.plots import plotting
from tests.figures.reading import ReadFigure, read_svg

HOSTILE = ["a$b$", "$", r"\frac{$1}", "<b>&amp;", "数字", "x\x00y\nz", "half \ud800 pair", "", "n" * 300, "%s {0}"]


def saved(plate: Plate, path: Path) -> Path:
    with plotting():
        save_figure(draw_plate(plate, is_vector(path)), path)
    return path


def panel(height: int, width: int, caption: str = "") -> Panel:
    pixels = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)
    return Panel(pixels, caption, [(0, 0, width - 1, height - 1)])


# The quicker ones are the SVG, laid out alike, and for a PDF the hostile names and for a PNG the photos below.
@pytest.mark.parametrize(
    "suffix", ["svg", pytest.param("pdf", marks=pytest.mark.slow), pytest.param("png", marks=pytest.mark.slow)]
)
def test_odd_sizes(suffix: str, tmp_path: Path) -> None:
    sizes = [(1, 1), (1, 1000), (1000, 1), (2, 3), (30, 20), (20, 30)]
    for in_columns in (True, False):
        lines = [[panel(*size, "caption")] * 4 for size in sizes] if in_columns else [[panel(*size) for size in sizes]]
        plate = Plate(lines, [], [("title", "")] * 4 if in_columns else [])
        path = saved(plate, tmp_path / f"figure.{suffix}")
        if suffix != "svg":
            assert path.stat().st_size > 1000
            continue
        drawn = read_svg(path)
        expected = [own for line in lines for own in line]
        assert len(drawn.panels) == len(expected)
        for found, own in zip(drawn.panels, expected, strict=True):
            height, width = own.pixels.shape[:2]
            assert np.array_equal(found.pixels, own.pixels)
            assert found.boxes[0] == pytest.approx(own.boxes[0], abs=0.01)
            # All in the page; nothing thinner than 0.03 inches; the proportions else.
            assert found.left >= 0
            assert found.top >= 0
            assert found.left + found.width <= drawn.width
            assert found.top + found.height <= drawn.height
            assert min(found.width, found.height) >= 0.03 * 72 - 1e-3
            if max(height, width) < 1000:
                assert found.width / found.height == pytest.approx(width / height, rel=1e-3)


def test_portraits_and_landscapes_share_a_line(tmp_path: Path) -> None:
    drawn = read_svg(saved(Plate([[panel(500, 375), panel(375, 500), panel(333, 500)]], []), tmp_path / "figure.svg"))
    assert {round(own.height, 2) for own in drawn.panels} == {round(drawn.panels[0].height, 2)}
    gaps = [b.left - a.left - a.width for a, b in pairwise(drawn.panels)]
    assert gaps == pytest.approx([0.06 * 72] * 2, abs=0.01)
    left, right = drawn.panels[0].left, drawn.width - drawn.panels[2].left - drawn.panels[2].width
    assert left == pytest.approx(right, abs=0.01)


def hostile_plate() -> Plate:
    legend = [Entry(name, (0, 0, n)) for n, name in enumerate(HOSTILE)]
    titles = [(name, name) for name in HOSTILE[:4]]
    return Plate([[panel(20, 30, name) for name in HOSTILE[4 * n : 4 * n + 4]] for n in range(2)], legend, titles)


def test_hostile_names_as_text(tmp_path: Path) -> None:
    drawn = read_svg(saved(hostile_plate(), tmp_path / "figure.svg"))
    for name in ("a$b$", "$", r"\frac{$1}", "<b>&amp;", "数字", "x y z", "half pair"):
        # In the legend and elsewhere.
        assert drawn.texts.count(name) >= 2, name
    assert any(text.startswith("nnn") and "…" in text for text in drawn.texts)


# A PDF has a font for each sign; pictures are drawn with the same text by the same function.
@pytest.mark.parametrize(
    "suffix", ["pdf", pytest.param("png", marks=pytest.mark.slow), pytest.param("tif", marks=pytest.mark.slow)]
)
def test_hostile_names_in_other_formats(suffix: str, tmp_path: Path) -> None:
    assert saved(hostile_plate(), tmp_path / f"figure.{suffix}").stat().st_size > 1000


def legend_of(count: int, path: Path) -> ReadFigure:
    entries = [Entry(f"class {n}", (n, 255 - n, 128)) for n in range(count)]
    return read_svg(saved(Plate([[panel(20, 30)]], entries), path))


def test_a_legend_of_150_classes_fits(tmp_path: Path) -> None:
    drawn, small = legend_of(150, tmp_path / "many.svg"), legend_of(1, tmp_path / "one.svg")
    assert drawn.legend == {f"class {n}": f"#{bytes((n, 255 - n, 128)).hex()}" for n in range(150)}
    # Some ten in a line.
    lines = (drawn.height - small.height) / (0.17 * 72) + 1
    assert lines == pytest.approx(round(lines), abs=1e-3)
    assert 12 <= round(lines) <= 22


def test_names_fit_their_place() -> None:
    with plotting():
        assert fitted("box", 8, 1) == ("box", 8)
        text, size = fitted("points+box+mask@component", 8, 1.2)
        assert text == "points+box+mask@component"
        assert 5 < size < 8
        assert text_width(text, size) <= 1.201
        text, size = fitted("points+box+mask@component", 8, 0.5)
        assert size == 5
        assert text_width(text, size) <= 0.501
        head, _, tail = text.partition("…")
        assert "points+box+mask@component".startswith(head)
        assert "points+box+mask@component".endswith(tail)
        assert abs(len(head) - len(tail)) <= 1
        assert fitted("W" * 500, 8, 0.01) == ("…", 5)
        # Half as large is half as wide; an inch has 72 points.
        assert text_width("mmmm", 4) == pytest.approx(text_width("mmmm", 8) / 2)
        assert 0.3 < text_width("mmmm", 8) < 0.5
    assert plain(" a\tb\n") == "a b"


def test_photos_are_averaged_and_label_maps_are_not(tmp_path: Path) -> None:
    """A chequered picture far larger than its place."""
    pixels = np.zeros((1600, 1600, 3), np.uint8)
    pixels[::2, ::2] = pixels[1::2, 1::2] = 255
    for is_photo in (True, False):
        path = saved(Plate([[Panel(pixels, is_photo=is_photo), *[panel(1, 1)] * 3]], []), tmp_path / f"{is_photo}.png")
        with Image.open(path) as picture:
            inside = np.array(picture)[100:300, 100:300, 0]
        values = set(np.unique(inside).tolist())
        if is_photo:
            assert 100 < inside.min() <= inside.max() < 155
        else:
            assert values <= {0, 255}
