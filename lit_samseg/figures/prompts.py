"""Figure 3: what a row's boxes ask SAM for, over the ground truth."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.figures.choice import differences
from lit_samseg.figures.lettering import change
from lit_samseg.figures.panels import BOX_COLOUR
from lit_samseg.figures.plate import Entry, Panel, Plate
from lit_samseg.figures.source import FigureSource
from lit_samseg.results.regions import by_row_and_image

TRUTH_COLOUR = (230, 20, 30)
OPACITY = 0.4
BESIDE_EACH_OTHER = 4


def prompts_plate(source: FigureSource, ids: Sequence[str], row: str) -> Plate:
    """Lay out images, up to four in a line, with their ground truth in red and a row's boxes in blue.

    Args:
        source: The run.
        ids: The images'.
        row: The row, with boxes in its recipe.

    Raises:
        InputError: No analysis was made, or a file is missing or not the run's.
    """
    # Of a run without analysis no regions are known; a file may be left of an earlier one in the same folder.
    if source.evidence.regions is None or not source.results.get("tags"):
        raise InputError(
            f"the test in {source.folder} wrote no regions.csv, which has the boxes; run it again with "
            "--model.analysis true"
        )
    regions = by_row_and_image(source.evidence.regions).get(row, {})
    changes = dict(zip(source.evidence.ids, differences(source.evidence, row).tolist(), strict=True))
    panels = []
    for image_id in ids:
        image, target = source.read(image_id)
        boxes = [region["box"] for region in regions.get(image_id, ())]
        height, width = target.shape
        if any(box[2] >= width or box[3] >= height for box in boxes):
            raise InputError(
                f"{source.folder / 'regions.csv'} has boxes of {image_id} beyond its {width}x{height} pixels; they are "
                "of another run or image, run the test again"
            )
        beside = f" {change(changes[image_id])}" if np.isfinite(changes[image_id]) else ""
        drawn = tint_truth(image, target, source.data.background, source.data.ignore_index)
        panels.append(Panel(drawn, f"{image_id}{beside}", boxes))
    parts = np.array_split(np.arange(len(panels)), -(-len(panels) // BESIDE_EACH_OTHER))
    lines = [[panels[n] for n in part] for part in parts]
    name = "box prompts" if row == "box" else f"box prompts, {row}"
    return Plate(lines, [Entry("ground truth", TRUTH_COLOUR), Entry(name, BOX_COLOUR, is_outline=True)])


def tint_truth(
    image: NDArray[np.uint8], target: NDArray[np.integer], background: int | None, ignore_index: int
) -> NDArray[np.uint8]:
    """Draw a ground truth in red: lines where classes meet and, if one class is the background, a tint on the others.

    Args:
        image: RGB, uint8 ``[H, W, 3]``.
        target: Ground truth ``[H, W]``.
        background: That class, or None.
        ignore_index: Void label in ``target``; it is drawn like the background.

    Returns:
        uint8 ``[H, W, 3]``.
    """
    drawn = image.astype(np.float32)
    labels = target.astype(np.int32)
    if background is not None:
        labels[target == ignore_index] = background
        tinted = labels != background
        drawn[tinted] = (1 - OPACITY) * drawn[tinted] + OPACITY * np.array(TRUTH_COLOUR, np.float32)
    lines = np.zeros(labels.shape, np.uint8)
    lines[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    lines[:-1] |= labels[:-1] != labels[1:]
    # As thick in print whatever the image's size, for panels beside each other are equally high.
    side = max(1, round(len(labels) / 180))
    thick = cv2.dilate(lines, np.ones((side, side), np.uint8)).reshape(labels.shape)
    drawn[thick > 0] = TRUTH_COLOUR
    pixels: NDArray[np.uint8] = drawn.round().astype(np.uint8)
    return pixels
