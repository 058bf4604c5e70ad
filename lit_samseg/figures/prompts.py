"""Figure 3: what a row asked SAM, over the ground truth."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.figures.choice import differences
from lit_samseg.figures.lettering import change
from lit_samseg.figures.panels import (
    BOX_COLOUR,
    NEGATIVE_COLOUR,
    NEGATIVE_MARKER,
    POINT_COLOUR,
    POINT_MARKER,
)
from lit_samseg.figures.plate import Entry, Panel, Plate
from lit_samseg.figures.source import FigureSource
from lit_samseg.gallery import ASKED, GalleryPrompts
from lit_samseg.report.cards import read_legend
from lit_samseg.results.regions import by_row_and_image

TRUTH_COLOUR = (230, 20, 30)
OPACITY = 0.4
BESIDE_EACH_OTHER = 4


def prompts_plate(source: FigureSource, ids: Sequence[str], row: str) -> Plate:
    """Lay out images, up to four in a line, with their ground truth in red and what a row asked SAM.

    Args:
        source: The run.
        ids: The images'.
        row: The row, with boxes or points in its recipe.

    Raises:
        InputError: The run kept no prompts of this row, or a file is missing or not the run's.
    """
    prompts_of = _kept_prompts(source, row)
    changes = dict(zip(source.evidence.ids, differences(source.evidence, row).tolist(), strict=True))
    panels = []
    for image_id in ids:
        image, target = source.read(image_id)
        prompts, file = prompts_of(image_id)
        boxes = [prompt["box"] for prompt in prompts if "box" in prompt]
        points, negative = ([at for p in prompts for at in p.get(kind, ())] for kind in ("points", "negative"))
        height, width = target.shape
        corners = [(box[2], box[3]) for box in boxes]
        if any(x > width - 1 or y > height - 1 for x, y in [*corners, *points, *negative]):
            raise InputError(
                f"{file} has prompts of {image_id} beyond its {width}x{height} pixels; they are of another run or "
                "image, run the test again"
            )
        beside = f" {change(changes[image_id])}" if np.isfinite(changes[image_id]) else ""
        drawn = tint_truth(image, target, source.data.background, source.data.ignore_index)
        panels.append(Panel(drawn, f"{image_id}{beside}", boxes, points, negative))
    parts = np.array_split(np.arange(len(panels)), -(-len(panels) // BESIDE_EACH_OTHER))
    lines = [[panels[n] for n in part] for part in parts]
    return Plate(lines, [Entry("ground truth", TRUTH_COLOUR), *_entries(panels, row)])


def _entries(panels: Sequence[Panel], row: str) -> list[Entry]:
    rounds = next((word for word in row.partition("@")[2].split("/") if word.startswith("rounds")), "")
    whose = "" if row == "box" else f", {row}" + (", first round" if rounds else "")
    boxes, points, negative = (
        any(getattr(panel, kind) for panel in panels) for kind in ("boxes", "points", "negative")
    )
    entries = [Entry(f"box prompts{whose}", BOX_COLOUR, is_outline=True)] if boxes or not points else []
    if points:
        entries.append(Entry("point prompts" + ("" if boxes else whose), POINT_COLOUR, marker=POINT_MARKER))
    return entries + ([Entry("background points", NEGATIVE_COLOUR, marker=NEGATIVE_MARKER)] if negative else [])


_Prompts = Callable[[str], tuple[Sequence[Mapping[str, Any]], Path]]


def _kept_prompts(source: FigureSource, row: str) -> _Prompts:
    """Return what gives an image's prompts, and the file they are in."""
    gallery = source.folder / "gallery"
    legend = read_legend(source.folder, source.evidence)
    if legend is not None and legend.version >= ASKED:

        def asked(image_id: str) -> tuple[Sequence[Mapping[str, Any]], Path]:
            return GalleryPrompts.read(gallery, image_id).of_row(row), gallery / f"prompts/{image_id}.json"

        return asked
    # Runs without a gallery, and of earlier releases: the regions' own boxes are what `box` asks.
    if "box" not in row.partition("@")[0].split("+"):
        raise InputError(
            f"the test in {source.folder} kept no gallery with what {row} asked SAM; run it again with --gallery true"
        )
    # Of a run without analysis no regions are known; a file may be left of an earlier one in the same folder.
    if source.evidence.regions is None or not source.results.get("tags"):
        raise InputError(
            f"the test in {source.folder} kept neither a gallery nor regions.csv, which have the boxes; run it again "
            "with --gallery true or --model.analysis true"
        )
    regions = by_row_and_image(source.evidence.regions).get(row, {})
    return lambda image_id: (regions.get(image_id, ()), source.folder / "regions.csv")


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
