"""Boundary scores from counts. Pure numpy; fractions."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.scores import Scores, score


@dataclass(frozen=True)
class BoundaryScores:
    """Boundary scores of one row.

    Attributes:
        before: Boundary IoU with void taken out first, the primary one: ``miou`` over classes with non-zero union,
            ``miou_gt_present`` over those in the ground truth, ``iou`` per class.
        after: Boundary IoU with void left out last.
        trimap: IoU and accuracy in the bands of widths 1, 2, ... px.
        trimap_void_share: float64 ``[W]``, the share of each band's area that is void and was not scored.
        mba: Mean boundary accuracy, see :func:`mean_boundary_accuracy`.
    """

    before: Scores
    after: Scores
    trimap: list[Scores]
    trimap_void_share: NDArray[np.float64]
    mba: float


def score_boundaries(
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    trimap: NDArray[np.int64],
    trimap_void: NDArray[np.int64],
    mba: NDArray[np.int64],
) -> BoundaryScores:
    """Score one row.

    Args:
        before: int64 ``[3, N, C]`` of ``N`` images.
        after: int64 ``[3, N, C]``.
        trimap: int64 ``[W, 3, C]``, summed over the images.
        trimap_void: int64 ``[W]``, summed over the images.
        mba: int64 ``[2, N, 5]``.

    Returns:
        The scores; nan where there is nothing to score.
    """
    area = trimap_void + trimap[:, 1].sum(axis=-1)
    return BoundaryScores(
        before=score(before),
        after=score(after),
        trimap=[score(counts[:, None]) for counts in trimap],
        trimap_void_share=np.where(area > 0, trimap_void / np.maximum(area, 1), np.nan),
        mba=mean_boundary_accuracy(mba),
    )


def mean_boundary_accuracy(counts: NDArray[np.int64]) -> float:
    """Average the accuracy over the five radii, then over the images whose ground truth has a boundary.

    Args:
        counts: int64 ``[2, N, 5]``: right and all pixels.

    Returns:
        mBA, nan without such an image. The sum is exact, so that the order of the images plays no part.
    """
    right, pixels = counts
    # A wider kernel holds the narrower, so an image has pixels at all radii or at none.
    bounded = pixels.all(axis=-1)
    of_images = (right[bounded] / pixels[bounded]).mean(axis=-1)
    return math.fsum(of_images.tolist()) / len(of_images) if len(of_images) else math.nan
