"""Per-image counts and what follows from them.

What makes counts needs torch or OpenCV; what reads them does not, so that a finished run is read without either.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lit_samseg.metrics.boundary_scores import BoundaryScores, score_boundaries
from lit_samseg.metrics.columns import Column
from lit_samseg.metrics.metric import METRICS, Counts, ImageFacts, ImageRows, LabelMap, Metric
from lit_samseg.metrics.scores import Scores, score
from lit_samseg.metrics.significance import Significance, compare_pair, compare_rows

if TYPE_CHECKING:
    from lit_samseg.metrics.boundary import BoundaryIoU, MeanBoundaryAccuracy, TrimapIoU
    from lit_samseg.metrics.boundary_counts import BoundaryCounts, BoundaryTruth
    from lit_samseg.metrics.boundary_metric import BoundaryMetric
    from lit_samseg.metrics.choice import always, count_others, find_metrics
    from lit_samseg.metrics.counts import PerImageCounts, VoidShare, count_pixels
    from lit_samseg.metrics.gathered import Gathered, GatheredCounts
    from lit_samseg.metrics.pixel_metric import PixelMetric
    from lit_samseg.metrics.reference import TorchmetricsScores

__all__ = [
    "METRICS",
    "BoundaryCounts",
    "BoundaryIoU",
    "BoundaryMetric",
    "BoundaryScores",
    "BoundaryTruth",
    "Column",
    "Counts",
    "Gathered",
    "GatheredCounts",
    "ImageFacts",
    "ImageRows",
    "LabelMap",
    "MeanBoundaryAccuracy",
    "Metric",
    "PerImageCounts",
    "PixelMetric",
    "Scores",
    "Significance",
    "TorchmetricsScores",
    "TrimapIoU",
    "VoidShare",
    "always",
    "compare_pair",
    "compare_rows",
    "count_others",
    "count_pixels",
    "find_metrics",
    "score",
    "score_boundaries",
]

_MADE_IN = {
    "BoundaryIoU": "boundary",
    "MeanBoundaryAccuracy": "boundary",
    "TrimapIoU": "boundary",
    "BoundaryCounts": "boundary_counts",
    "BoundaryTruth": "boundary_counts",
    "BoundaryMetric": "boundary_metric",
    "always": "choice",
    "count_others": "choice",
    "find_metrics": "choice",
    "Gathered": "gathered",
    "GatheredCounts": "gathered",
    "PixelMetric": "pixel_metric",
    "PerImageCounts": "counts",
    "VoidShare": "counts",
    "count_pixels": "counts",
    "TorchmetricsScores": "reference",
}


def __getattr__(name: str) -> Any:
    if name in _MADE_IN:
        return getattr(import_module(f"{__name__}.{_MADE_IN[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
