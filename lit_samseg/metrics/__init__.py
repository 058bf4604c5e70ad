"""Per-image counts and what follows from them."""

from lit_samseg.metrics.boundary import BoundaryIoU, MeanBoundaryAccuracy, TrimapIoU
from lit_samseg.metrics.boundary_counts import BoundaryCounts, BoundaryTruth
from lit_samseg.metrics.boundary_gathered import GatheredBoundaryCounts, PerImageBoundaryCounts
from lit_samseg.metrics.boundary_scores import BoundaryScores, score_boundaries
from lit_samseg.metrics.counts import PerImageCounts, VoidShare, count_pixels
from lit_samseg.metrics.reference import TorchmetricsScores
from lit_samseg.metrics.scores import Scores, score
from lit_samseg.metrics.significance import Significance, compare_pair, compare_rows

__all__ = [
    "BoundaryCounts",
    "BoundaryIoU",
    "BoundaryScores",
    "BoundaryTruth",
    "GatheredBoundaryCounts",
    "MeanBoundaryAccuracy",
    "PerImageBoundaryCounts",
    "PerImageCounts",
    "Scores",
    "Significance",
    "TorchmetricsScores",
    "TrimapIoU",
    "VoidShare",
    "compare_pair",
    "compare_rows",
    "count_pixels",
    "score",
    "score_boundaries",
]
