"""Figures 1 and 4: an image, its ground truth, and what the rows made of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lit_samseg.drawing import VOID_COLOUR, draw_overlay
from lit_samseg.figures.choice import DIGITS
from lit_samseg.figures.lettering import change
from lit_samseg.figures.plate import Entry, Panel, Plate
from lit_samseg.figures.source import FigureSource
from lit_samseg.results.harm import image_scores
from lit_samseg.results.row_parts import asks_sam
from lit_samseg.results.run_tables import per_cent

Labels = NDArray[np.integer]


def comparison_plate(source: FigureSource, ids: Sequence[str], row: str | None, overlay: bool) -> Plate:
    """Lay out a line of panels for each image: itself, ground truth, baseline, and a row.

    Args:
        source: The run.
        ids: The images'.
        row: The row beside the baseline; None leaves it out.
        overlay: Draw label maps over the image; else they stand alone, in the data set's colours.

    Raises:
        InputError: A file is missing or not the run's.
    """
    rows = [source.evidence.rows[0]] if row is None else [source.evidence.rows[0], row]
    places = [list(source.evidence.rows).index(name) for name in rows]
    scores = np.stack([image_scores(source.evidence.counts[place]) for place in places])
    data, colours = source.data, source.colours
    lines = []
    # Void is beyond the last class.
    seen = np.zeros(data.num_classes + 1, bool)
    for image_id in ids:
        image, target = source.read(image_id)
        maps = [np.where(target == data.ignore_index, data.num_classes, target)]
        maps += [source.label_map(name, image_id, target) for name in rows]
        own = scores[:, list(source.evidence.ids).index(image_id)]
        captions = ["", *score_captions(own.tolist())]
        line = [Panel(image, image_id)]
        for labels, caption in zip(maps, captions, strict=True):
            seen[np.unique(labels)] = True
            if overlay:
                drawn = draw_overlay(image, labels, colours, data.background)
            else:
                drawn = np.vstack([colours, VOID_COLOUR]).astype(np.uint8)[labels]
            line.append(Panel(drawn, caption, is_photo=overlay))
        lines.append(line)
    if overlay and data.background is not None:
        # It is left as it is.
        seen[data.background] = False
    known = [*map(tuple, colours.tolist()), VOID_COLOUR]
    legend = [Entry([*data.class_names, "void"][i], known[i]) for i in np.flatnonzero(seen)]
    titles = [("image", ""), ("ground truth", ""), ("baseline", str(source.results["baseline"]["name"]))]
    if row is not None:
        titles.append(_title(source, row))
    return Plate(lines, legend, titles)


def _title(source: FigureSource, row: str) -> tuple[str, str]:
    """Return a row's heading and what stands below it; a row that asks SAM nothing does not bear its name."""
    asks = any(asks_sam(one) for one in source.results["rows"] if one["name"] == row)
    return ("baseline + SAM", f"{source.results['sam']['name']}, {row}") if asks else ("refined", row)


def score_captions(scores: Sequence[float]) -> list[str]:
    """Write the baseline's score and, if there is one, the row's with its difference; nan is none."""
    texts: list[str] = []
    for score in scores:
        known = np.isfinite(score)
        beside = f" {change(round(score - scores[0], DIGITS) + 0.0)}" if texts else ""
        texts.append(f"mIoU {per_cent(score)}{beside}" if known else "")
    return texts
