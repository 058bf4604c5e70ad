"""Quality at borders as a metric: Boundary IoU, trimap IoU and mBA."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.boundary_counts import BoundaryTruth
from lit_samseg.metrics.boundary_scores import score_boundaries
from lit_samseg.metrics.columns import BOUNDARY_COLUMNS
from lit_samseg.metrics.mba import STEPS
from lit_samseg.metrics.metric import METRICS, Counts, ImageFacts, LabelMap, Metric
from lit_samseg.metrics.trimap import MAX_WIDTH


@METRICS.register("boundary")
class BoundaryMetric(Metric):
    """Counts near borders; the ground truth's bands are made once for all rows.

    Counts: those of `BoundaryCounts`, all int64. The trimap's are summed at once: kept apart, 20 widths, 150 classes
    and 12 rows would take 1.7 GB for ADE20K's 2000 images. mBA is a mean over images, so its counts are not added up.
    """

    word: ClassVar[str] = "boundary"
    columns = BOUNDARY_COLUMNS
    summed = frozenset({"trimap", "trimap_void"})

    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> dict[str, NDArray[np.int64]]:
        """Count one row's pixels."""
        return self.prepare(target, image)(label_map)

    def prepare(self, target: LabelMap, image: ImageFacts) -> Callable[[LabelMap], dict[str, NDArray[np.int64]]]:
        """Make the ground truth's bands."""
        truth = BoundaryTruth(target, image.num_classes, image.ignore_index)
        return lambda label_map: dict(vars(truth.count(label_map)))

    def nothing(self, num_classes: int) -> dict[str, NDArray[Any]]:
        """Return zeros."""
        shapes = {
            "before": (3, num_classes),
            "after": (3, num_classes),
            "trimap": (MAX_WIDTH, 3, num_classes),
            "trimap_void": (MAX_WIDTH,),
            "mba": (2, STEPS),
        }
        return {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}

    def merge(self, images: Counts) -> Counts:
        """Sum the bands' counts; mBA's stay ``[N, 2, 5]``."""
        bands = {name: images[name].sum(axis=0) for name in ("before", "after")}
        return {**images, **bands}

    def score(self, counts: Counts) -> Mapping[str, float]:
        """Return Boundary IoU in both treatments of void, and mBA."""
        scores = score_boundaries(
            counts["before"][:, None],
            counts["after"][:, None],
            counts["trimap"],
            counts["trimap_void"],
            counts["mba"].swapaxes(0, 1),
        )
        return {
            "iou_before": scores.before.miou,
            "iou_before_gt_present": scores.before.miou_gt_present,
            "iou_after": scores.after.miou,
            "iou_after_gt_present": scores.after.miou_gt_present,
            "mba": scores.mba,
        }
