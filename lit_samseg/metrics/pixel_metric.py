"""Pixels per class as a metric: mIoU, mAcc and what else follows from them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from lit_samseg.metrics.columns import PIXEL_COLUMNS
from lit_samseg.metrics.metric import METRICS, Counts, ImageFacts, ImageRows, LabelMap, Metric
from lit_samseg.metrics.scores import score


@METRICS.register("pixels")
class PixelMetric(Metric):
    """Intersection and areas by class, counted where the label maps are.

    Counts: ``pixels``, int64 ``[3, C]``, see `lit_samseg.metrics.counts.count_pixels`. Every difference, interval and
    p-value is made of them.
    """

    word: ClassVar[str] = "pixels"
    columns = PIXEL_COLUMNS

    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> dict[str, NDArray[np.int64]]:
        """Count one row's pixels."""
        maps = torch.from_numpy(np.ascontiguousarray(label_map))[None]
        rows = self.count_rows(ImageRows(image, maps, torch.from_numpy(np.ascontiguousarray(target))))
        return {name: counts[0] for name, counts in rows.items()}

    def count_rows(self, image: ImageRows) -> dict[str, NDArray[Any]]:
        """Count all rows' pixels."""
        return {"pixels": image.pixels_on_host}

    def nothing(self, num_classes: int) -> dict[str, NDArray[Any]]:
        """Return zeros."""
        return {"pixels": np.zeros((3, num_classes), np.int64)}

    def score(self, counts: Counts) -> Mapping[str, float]:
        """Return ``miou``, ``macc``, ``miou_gt_present``, ``pixel_acc``."""
        scores = score(counts["pixels"][:, None])
        return {column.key: float(getattr(scores, column.key)) for column in self.columns}
