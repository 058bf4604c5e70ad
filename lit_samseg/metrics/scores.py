"""Scores from counts (SPEC 3). Pure numpy in float64; nothing here has seen a model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COUNTS = ("intersection", "gt_area", "pred_area")
"""What is counted per image and class: the only state from which every table is made."""


@dataclass(frozen=True)
class Scores:
    """Scores of one row; fractions.

    Attributes:
        miou: Mean IoU over classes with non-zero union (torchmetrics' macro Jaccard, mmsegmentation).
        miou_gt_present: Mean IoU over classes present in the ground truth (detectron2). Its class set does not
            depend on predictions, so differences between rows are taken on it as well.
        macc: Mean over ground-truth classes of intersection / gt_area.
        pixel_acc: Share of non-void pixels that are right.
        iou: float64 ``[C]``, nan where the union is empty.
        acc: float64 ``[C]``, nan where the class is not in the ground truth.
        gt_area: int64 ``[C]``, pixels.
    """

    miou: float
    miou_gt_present: float
    macc: float
    pixel_acc: float
    iou: NDArray[np.float64]
    acc: NDArray[np.float64]
    gt_area: NDArray[np.int64]


def score(counts: NDArray[np.int64]) -> Scores:
    """Score pooled counts.

    Args:
        counts: int64 ``[3, N, C]``: intersection, gt_area, pred_area of ``N`` images.

    Returns:
        The scores; means over no class at all are nan.
    """
    intersection, gt_area, pred_area = counts.sum(axis=1)
    union = gt_area + pred_area - intersection
    iou = _ratio(intersection, union)
    acc = _ratio(intersection, gt_area)
    return Scores(
        miou=_mean(iou[union > 0]),
        miou_gt_present=_mean(iou[gt_area > 0]),
        macc=_mean(acc[gt_area > 0]),
        pixel_acc=float(intersection.sum() / gt_area.sum()) if gt_area.any() else float("nan"),
        iou=iou,
        acc=acc,
        gt_area=gt_area,
    )


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
