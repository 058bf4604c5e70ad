"""Figures 1 and 4: their pictures against the run's own files, by separate code."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, generate_scene
from lit_samseg.figures.comparison import score_captions
from lit_samseg.formats.palettes import voc_palette
from tests.figures.conftest import RunFigure
from tests.figures.reading import ReadFigure, read_svg

IDS = ["scene_00004", "scene_00000", "scene_00003"]


def scene(image_id: str) -> tuple[np.ndarray, np.ndarray]:
    return generate_scene(SPLIT_SEEDS["test"], int(image_id[-5:]))


def saved(run: Path, row: str, image_id: str) -> Image.Image:
    with Image.open(run / f"predictions/{row}/{image_id}.png") as picture:
        picture.load()
    return picture


def in_colours(labels: np.ndarray) -> np.ndarray:
    """As Pillow shows VOC's own files, in which void is 255."""
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(voc_palette())
    return np.array(picture.convert("RGB"))


def mean_iou(target: np.ndarray, labels: np.ndarray) -> float:
    valid = target != 255
    ious = []
    for c in np.unique(target[valid]):
        truth, guess = (target == c) & valid, (labels == c) & valid
        ious.append((truth & guess).sum() / (truth | guess).sum())
    return 100 * float(np.mean(ious))


def draw(figure: RunFigure, run: Path, path: Path, *words: object) -> ReadFigure:
    outcome = figure(run, *words, "--output", path)
    assert outcome.code == 0, outcome.err
    return read_svg(path)


@pytest.mark.parametrize(
    ("name", "row"), [("1", None), ("4", "box"), pytest.param("4", "points+box+mask", marks=pytest.mark.slow)]
)
def test_panels_are_the_run_s_files(
    name: str, row: str | None, pictured_run: Path, figure: RunFigure, tmp_path: Path
) -> None:
    words = [] if row is None else ["--row", row]
    drawn = draw(figure, pictured_run, tmp_path / "figure.svg", name, "--ids", *IDS, *words)
    rows = ["baseline"] if row is None else ["baseline", row]
    columns = 2 + len(rows)
    assert len(drawn.panels) == columns * len(IDS)
    seen: set[int] = set()
    captions = []
    for line, image_id in enumerate(IDS):
        image, target = scene(image_id)
        maps = {row: saved(pictured_run, row, image_id) for row in rows}
        expected = [image, in_colours(target), *(np.array(maps[row].convert("RGB")) for row in rows)]
        for column, pixels in enumerate(expected):
            assert np.array_equal(drawn.panels[line * columns + column].pixels, pixels), (image_id, column)
        scores = [mean_iou(target, np.array(maps[row])) for row in rows]
        captions += [image_id, f"mIoU {scores[0]:.2f}"]
        if row is not None:
            captions.append(f"mIoU {scores[1]:.2f} ({scores[1] - scores[0]:+.2f})".replace("-", "\u2212"))
        seen |= {int(c) for labels in (target, *map(np.array, maps.values())) for c in np.unique(labels)}
    titles = ["image", "ground truth", "baseline", "deeplabv3_mobilenet_v2"]
    if row is not None:
        titles += ["baseline + SAM", f"sam, {row}"]
    legend = {("void" if c == 255 else CLASS_NAMES[c]): in_colours(np.array([[c]]))[0, 0] for c in sorted(seen)}
    assert drawn.texts[: len(titles)] == titles
    assert drawn.texts[len(titles) :] == [*captions, *legend]
    assert drawn.legend == {name: f"#{bytes(colour).hex()}" for name, colour in legend.items()}
    assert drawn.width == 504


def test_columns_are_level_and_do_not_overlap(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    drawn = draw(figure, pictured_run, tmp_path / "figure.svg", "4", "--ids", *IDS)
    for line in range(3):
        panels = drawn.panels[4 * line : 4 * line + 4]
        for panel in panels:
            height, width = panel.pixels.shape[:2]
            assert panel.width / panel.height == pytest.approx(width / height, rel=1e-4)
            assert panel.top == pytest.approx(panels[0].top, abs=1e-3)
            assert panel.left >= 0
            assert panel.left + panel.width <= 504
        for left, right in pairwise(panels):
            assert left.left + left.width < right.left
        if line:
            above = drawn.panels[4 * line - 4]
            assert panels[0].top > above.top + above.height


def test_label_maps_are_not_blurred_in_print(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    words = ("4", "--ids", IDS[0])
    drawn = draw(figure, pictured_run, tmp_path / "figure.svg", *words)
    assert figure(pictured_run, *words, "--output", tmp_path / "figure.png").code == 0
    with Image.open(tmp_path / "figure.png") as picture:
        page = np.array(picture)
    for panel in drawn.panels[1:]:
        # Two dots from the edges, which need not lie between dots.
        left, top, right, bottom = (
            round(place * 300 / 72)
            for place in (panel.left, panel.top, panel.left + panel.width, panel.top + panel.height)
        )
        inside = page[top + 2 : bottom - 2, left + 2 : right - 2].reshape(-1, 3)
        assert len(inside) > 100_000
        colours = [np.unique(np.dot(pixels.reshape(-1, 3), (65536, 256, 1))) for pixels in (inside, panel.pixels)]
        assert np.array_equal(*colours)


def test_label_maps_over_the_image(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    words = ("4", "--ids", *IDS, "--row=box", "--overlay")
    drawn = draw(figure, pictured_run, tmp_path / "over.svg", *words, "true")
    plain = draw(figure, pictured_run, tmp_path / "plain.svg", *words, "false")
    for line, image_id in enumerate(IDS):
        image, target = scene(image_id)
        assert np.array_equal(drawn.panels[4 * line].pixels, image)
        for column, labels in ((1, target), (3, np.array(saved(pictured_run, "box", image_id)))):
            pixels = drawn.panels[4 * line + column].pixels.astype(int)
            # Away from borders the background is as it was, and everything else nearer its colour.
            inner = np.ones(labels.shape, bool)
            inner[:-1] &= labels[:-1] == labels[1:]
            inner[:, :-1] &= labels[:, :-1] == labels[:, 1:]
            background = inner & (labels == 0)
            assert background.any()
            assert (pixels[background] == image[background]).all()
            coloured = inner & (labels != 0)
            mixed = 0.45 * image[coloured] + 0.55 * in_colours(labels)[coloured]
            assert np.abs(pixels[coloured] - mixed).max() <= 0.51
            assert (pixels[~inner] == 255).all()
    assert set(plain.legend) - set(drawn.legend) == {"background"}


def test_the_row_is_the_best_one_if_none_is_named(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    counts = np.load(pictured_run / "counts.npz")
    inter, truth, guess = (counts[key].sum(1) for key in ("intersection", "gt_area", "pred_area"))
    present = truth[0] > 0
    ious = (inter / (truth + guess - inter))[:, present].mean(1)
    best = counts["rows"][1 + np.argmax(ious[1:])]
    drawn = draw(figure, pictured_run, tmp_path / "figure.svg", "4")
    assert drawn.texts[5].endswith(f", {best}")


def test_captions_of_odd_scores() -> None:
    assert score_captions([float("nan"), float("nan")]) == ["", ""]
    assert score_captions([0.1, 0.1 - 1e-17, 0.05]) == ["mIoU 10.00", "mIoU 10.00 (0.00)", "mIoU 5.00 (\u22125.00)"]
    assert score_captions([0.3, 0.1 + 0.2 - 1e-16])[1] == "mIoU 30.00 (0.00)"
