"""Per-image counts and what follows from them."""

from lit_samseg.metrics.counts import PerImageCounts, count_pixels
from lit_samseg.metrics.reference import TorchmetricsScores
from lit_samseg.metrics.scores import Scores, score

__all__ = ["PerImageCounts", "Scores", "TorchmetricsScores", "count_pixels", "score"]
