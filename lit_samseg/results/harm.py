"""Which images and classes a row helps and harms, and which region is to blame."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lit_samseg.results.regions import RegionLine
from lit_samseg.results.row_contents import BlamedRegion, EndImage, Harm

LISTED = 10
"""Images listed at either end."""

Floats = NDArray[np.float64]


def image_scores(counts: NDArray[np.int64]) -> Floats:
    """Return each image's mean IoU over the classes of its ground truth, float64 ``[N]``; nan where it has none.

    Args:
        counts: int64 ``[3, N, C]``.
    """
    intersection, gt_area, pred_area = counts
    union = np.maximum(gt_area + pred_area - intersection, 1)
    present = gt_area > 0
    total = np.where(present, intersection / union, 0).sum(-1)
    return np.where(present.any(-1), total / np.maximum(present.sum(-1), 1), np.nan)


def harm_of_row(
    ids: Sequence[str],
    counts: NDArray[np.int64],
    baseline: NDArray[np.int64],
    regions: Mapping[str, Sequence[RegionLine]],
) -> Harm:
    """Compare a row with the baseline image by image.

    Args:
        ids: The images' ids, ``N`` of them.
        counts: The row's, int64 ``[3, N, C]``.
        baseline: The baseline's.
        regions: The row's regions by image id; empty where no analysis was made.

    Returns:
        ``improved``, ``unchanged``, ``worse``: shares of the images by the sign of the difference of their mean IoU
        over the classes of their ground truth; ``best`` and ``worst``: up to ten images each of ``id``, ``difference``
        and ``region``, the one whose own IoU changed most in that direction, or None.
    """
    difference = image_scores(counts) - image_scores(baseline)
    known = np.flatnonzero(np.isfinite(difference))
    signs = np.sign(difference[known])
    order = known[np.argsort(difference[known], kind="stable")]
    worst = [int(i) for i in order if difference[i] < 0][:LISTED]
    best = [int(i) for i in order[::-1] if difference[i] > 0][:LISTED]

    def share(sign: int) -> float | None:
        return float((signs == sign).mean()) if known.size else None

    def listed(indices: Sequence[int]) -> list[EndImage]:
        return [
            {
                "id": ids[i],
                "difference": float(difference[i]),
                "region": _to_blame(regions.get(ids[i], ()), float(difference[i])),
            }
            for i in indices
        ]

    return {
        "improved": share(1),
        "unchanged": share(0),
        "worse": share(-1),
        "best": listed(best),
        "worst": listed(worst),
    }


def _to_blame(regions: Sequence[RegionLine], difference: float) -> BlamedRegion | None:
    """Return the region whose IoU moved most in the direction of the image's difference."""
    moved = [(region["after"] - region["before"]) * np.sign(difference) for region in regions]
    if not moved or max(moved) <= 0:
        return None
    region = regions[int(np.argmax(moved))]
    return {
        "class": region["class"],
        "box": region["box"],
        "tags": region["tags"],
        "before": region["before"],
        "after": region["after"],
    }
