"""Figure 3: boxes against regions.csv, the ground truth's red against the ground truth."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.figures.panels import POINT_COLOUR
from lit_samseg.figures.prompts import OPACITY, TRUTH_COLOUR, tint_truth
from tests.figures.conftest import RunFigure
from tests.figures.reading import read_svg

IDS = [f"scene_{n:05d}" for n in (3, 1, 5, 0, 2)]


@pytest.mark.parametrize("row", [None, "points+box+mask"])
def test_boxes_are_those_of_the_regions(row: str | None, pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    path = tmp_path / "3.svg"
    words = [] if row is None else ["--row", row]
    outcome = figure(pictured_run, "3", "--ids", *IDS, *words, "--output", path)
    assert outcome.code == 0, outcome.err
    with (pictured_run / "regions.csv").open() as file:
        regions = [line for line in csv.DictReader(file) if line["row"] == (row or "box")]
    drawn = read_svg(path)
    assert len(drawn.panels) == len(IDS)
    for image_id, panel in zip(IDS, drawn.panels, strict=True):
        mine = [region for region in regions if region["id"] == image_id]
        assert mine
        assert len(panel.boxes) == len(mine)
        for box, region in zip(panel.boxes, mine, strict=True):
            assert box == pytest.approx([int(region[key]) for key in ("x_min", "y_min", "x_max", "y_max")], abs=0.01)
    name = "box prompts" if row is None else f"box prompts, {row}"
    points = {} if row is None else {"point prompts": f"#{bytes(POINT_COLOUR).hex()}"}
    assert drawn.legend == {"ground truth": f"#{bytes(TRUTH_COLOUR).hex()}", name: "#0057ff"} | points
    # Five in lines of three and two.
    tops = [panel.top for panel in drawn.panels]
    assert tops[0] == pytest.approx(tops[2])
    assert tops[3] == pytest.approx(tops[4])
    assert tops[3] > tops[0] + drawn.panels[0].height


@pytest.mark.parametrize("row", ["wide", "pole+negative+box@split", "point"])
def test_prompts_are_those_that_sam_got(row: str, prompted_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    outcome = figure(prompted_run, "3", "--row", row, "--ids", *IDS[1:2], "--output", tmp_path / "3.svg")
    assert outcome.code == 0, outcome.err
    kept = json.loads((prompted_run / f"gallery/prompts/{IDS[1]}.json").read_text())
    prompts = [kept["prompts"][place] for place in kept["rows"][row]]
    drawn = read_svg(tmp_path / "3.svg")
    (panel,) = drawn.panels
    assert len(prompts) > 1
    for box, asked in zip(panel.boxes, [p["box"] for p in prompts if "box" in p], strict=True):
        assert box == pytest.approx(asked, abs=0.02)
    points = [at for kind in ("points", "negative") for p in prompts for at in p.get(kind, ())]
    assert panel.points == [pytest.approx(at, abs=0.02) for at in points]
    named = {"wide": "box prompts, wide", "point": "point prompts, point"}.get(row, "background points")
    assert named in drawn.legend
    words = set(row.partition("@")[0].split("+"))
    assert bool(panel.boxes) == bool(words & {"box", "wide"})
    assert bool(panel.points) == bool(words - {"box", "wide"})


def test_captions_have_the_difference(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    assert figure(pictured_run, "3", "--ids", IDS[0], "--output", tmp_path / "3.svg").code == 0
    with (pictured_run / "per_image.csv").open() as file:
        # Of one image, mIoU over the classes of its ground truth.
        scores = {line["row"]: float(line["miou_gt_present"]) for line in csv.DictReader(file) if line["id"] == IDS[0]}
    change = f"{100 * (scores['box'] - scores['baseline']):+.2f}".replace("-", "\u2212")
    assert read_svg(tmp_path / "3.svg").texts[0] == f"{IDS[0]} ({change})"


def test_the_ground_truth_is_red(pictured_run: Path, figure: RunFigure, tmp_path: Path) -> None:
    assert figure(pictured_run, "3", "--ids", *IDS, "--output", tmp_path / "3.svg").code == 0
    for image_id, panel in zip(IDS, read_svg(tmp_path / "3.svg").panels, strict=True):
        image, target = generate_scene(SPLIT_SEEDS["test"], int(image_id[-5:]))
        red = (panel.pixels == TRUTH_COLOUR).all(-1)
        classes = np.where(target == 255, 0, target)
        across = classes[:, :-1] != classes[:, 1:]
        assert red[:, :-1][across].all()
        assert red[:-1][classes[:-1] != classes[1:]].all()
        # Where all is one class for three pixels around there is no line.
        high, wide = classes.shape
        windows = np.lib.stride_tricks.sliding_window_view(classes, (7, 7))
        inner = np.zeros((high, wide), bool)
        inner[3:-3, 3:-3] = windows.min((-1, -2)) == windows.max((-1, -2))
        outside, inside = inner & (classes == 0), inner & (classes > 0)
        assert outside.any()
        assert inside.any()
        assert np.array_equal(panel.pixels[outside], image[outside])
        mixed = (1 - OPACITY) * image[inside] + OPACITY * np.array(TRUTH_COLOUR)
        assert np.abs(panel.pixels[inside] - mixed).max() <= 0.51


def test_without_a_background_there_are_lines_only() -> None:
    image = np.full((6, 6, 3), 100, np.uint8)
    target = np.zeros((6, 6), np.uint8)
    target[:, 3:] = 1
    target[5] = 255
    drawn = tint_truth(image, target, None, 255)
    expected = np.zeros((6, 6), bool)
    expected[:, 2] = expected[4] = True
    # Void has no parts.
    expected[5] = False
    assert np.array_equal((drawn == TRUTH_COLOUR).all(-1), expected)
    assert (drawn[~expected] == 100).all()


def test_lines_grow_with_the_image() -> None:
    target = np.zeros((720, 4), np.uint8)
    target[360:] = 1
    red = (tint_truth(np.zeros((720, 4, 3), np.uint8), target, None, 255) == TRUTH_COLOUR).all(-1)
    assert red[:, 0].sum() == red[:, 3].sum() == 4
    assert red[359].all()
