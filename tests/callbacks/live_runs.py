"""A short run of the built-in world with a logger of the user's, and what its pictures must show."""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image

from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, generate_scene
from lit_samseg.drawing import class_colours, draw_overlay
from lit_samseg.formats.palettes import voc_palette
from tests.conftest import RunCli
from tests.recomputation import results_of

CALLBACK = "--trainer.callbacks+=lit_samseg.callbacks.live_overlays.OverlayLogger"
SCORES = ("miou", "miou_gt_present", "macc", "pixel_acc")
NAMES = {
    "baseline": "baseline",
    "box": "box",
    "points+box@component/score": "points_box.component.score",
}
"""Under which name each of the run's rows is logged."""

CHOSEN = [f"scene_0000{n}" for n in (0, 1, 3, 4)]
"""Four of five ids, spread evenly."""


class LiveRun(NamedTuple):
    """A finished run.

    Attributes:
        folder: Its output folder.
        err: What it wrote to standard error.
    """

    folder: Path
    err: str

    @property
    def scores(self) -> dict[str, Any]:
        """The scores of ``results.json`` under the names they are logged under."""
        return {
            f"{NAMES[row['name']]}/{score}": pytest.approx(row[score], abs=1e-6)
            for row in results_of(self.folder)["rows"]
            for score in SCORES
        }

    def check_picture(self, image_id: str, sheet: np.ndarray) -> None:
        """Find image, ground truth and every row, pixel by pixel, in this order: four in a line."""
        image, target = generate_scene(SPLIT_SEEDS["test"], int(image_id[-5:]))
        colours = class_colours(len(CLASS_NAMES), voc_palette())
        rows = [
            np.array(Image.open(self.folder / f"predictions/{row.replace('/', '__')}/{image_id}.png")) for row in NAMES
        ]
        tiles = [image, *(draw_overlay(image, labels, colours, background=0) for labels in (target, *rows))]
        corners = [find_tile(sheet, tile) for tile in tiles]
        (first, *_, fourth), (fifth,) = corners[:4], corners[4:]
        assert [top for top, _ in corners[:4]] == [first[0]] * 4
        lefts = [left for _, left in corners[:4]]
        assert lefts == sorted(set(lefts))
        assert fifth[0] > fourth[0] + image.shape[0]
        assert fifth[1] == first[1]


def run_live(run_cli: RunCli, config: Path, folder: Path, *words: object) -> LiveRun:
    """Test five scenes with the callback and whatever logger the words make."""
    outcome = run_cli(
        *("test", "--config", config, "--data.size", 5, "--trainer.accelerator", "cpu", "--model.analysis", "false"),
        *("--model.variants", f"[{', '.join(list(NAMES)[1:])}]", "--model.save_predictions", "true"),
        *("--gallery", "false", "--report", "false", "--output_dir", folder, CALLBACK, *words),
    )
    assert outcome.code == 0, outcome.err
    return LiveRun(folder, outcome.err)


def find_tile(sheet: np.ndarray, tile: np.ndarray) -> tuple[int, int]:
    """Return top and left of the place where a picture stands in a larger one."""
    misfit = cv2.matchTemplate(sheet, tile, cv2.TM_SQDIFF)
    top, left = (int(n) for n in np.unravel_index(misfit.argmin(), misfit.shape))
    height, width, _ = tile.shape
    assert np.array_equal(sheet[top : top + height, left : left + width], tile)
    return top, left
