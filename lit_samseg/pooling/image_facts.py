"""What is known of each image of a finished run: its gain, and what the gain may depend on."""

import numpy as np
from numpy.typing import NDArray

from lit_samseg.pooling.moderators import MEAN_SCORE
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.harm import image_scores

Floats = NDArray[np.float64]

BASELINE_SCORE = "baseline_score"
REGIONS = "regions"
REGION_SIZE = "region_size"
BORDER_SHARE = "border_share"
ENTROPY = "entropy"

_PREDICTED = 2
"""The place of pred_area among counts."""


def image_gains(evidence: Evidence, row: str) -> Floats:
    """Return each image's gain, float64 ``[N]``; nan where its ground truth is all void.

    It is the row's score minus the baseline's, both of `image_scores`: mean IoU over the classes of the image's truth.

    Args:
        evidence: The run's numbers.
        row: The row's name.
    """
    before, after = _both_scores(evidence, row)
    return after - before


def image_facts(evidence: Evidence, row: str) -> dict[str, Floats]:
    """Return moderators of each image's gain, float64 ``[N]`` by name; nan where one is not known.

    - ``baseline_score``: the baseline's score of the image.
    - ``mean_score``: the mean of that and the row's, for Oldham's slope.
    - ``regions``: how many regions the baseline's label map has. Of the ways in which the run's rows find regions, the
      one that finds most is taken, for all rows alike; a run without an analysis has classes in their stead.
    - ``region_size``: binary logarithm of the median region's share of the scored pixels, so that one unit is a region
      of twice the size; nan without a region.
    - ``border_share``: share of the scored pixels that the baseline has within 2 % of the image's diagonal of a border
      (the bands of Boundary IoU).
    - ``entropy``: how unsure the baseline is of its classes, in nats; of runs with ``--model.metrics [entropy]``.

    Args:
        evidence: The run's numbers.
        row: The row's name.
    """
    before, after = _both_scores(evidence, row)
    scored = evidence.counts[0, _PREDICTED].sum(axis=-1).astype(np.float64)
    number, median = _regions(evidence)
    entropy = evidence.metrics.get(ENTROPY)
    unknown = np.full(len(evidence.ids), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log2(median / scored)
        border = unknown if evidence.boundary is None else evidence.boundary["before"][0, _PREDICTED].sum(-1) / scored
    return {
        BASELINE_SCORE: before,
        MEAN_SCORE: (before + after) / 2,
        REGIONS: number,
        REGION_SIZE: np.where(np.isfinite(size), size, np.nan),
        BORDER_SHARE: np.where(np.isfinite(border), border, np.nan),
        ENTROPY: np.where(entropy["known"][0] > 0, entropy["nats"][0], np.nan) if entropy else unknown,
    }


def _both_scores(evidence: Evidence, row: str) -> tuple[Floats, Floats]:
    return image_scores(evidence.counts[0]), image_scores(evidence.counts[list(evidence.rows).index(row)])


def _regions(evidence: Evidence) -> tuple[Floats, Floats]:
    """Return the number of each image's regions and their median size in pixels, float64 ``[N]`` each."""
    areas: dict[str, dict[str, list[int]]] = {row: {} for row in evidence.ladder_rows}
    for region in evidence.regions or ():
        areas.setdefault(region["row"], {}).setdefault(region["id"], []).append(region["area"])
    if not areas:
        by_image = [sizes[sizes > 0].tolist() for sizes in evidence.counts[0, _PREDICTED]]
    else:
        finest = max(areas.values(), key=lambda images: sum(map(len, images.values())))
        by_image = [finest.get(image, []) for image in evidence.ids]
    number = np.array([len(sizes) for sizes in by_image], dtype=np.float64)
    return number, np.array([np.median(sizes) if sizes else np.nan for sizes in by_image], dtype=np.float64)
