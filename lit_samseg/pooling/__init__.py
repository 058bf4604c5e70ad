"""One answer over many pairs of data set and baseline: from counts and effects, without torch."""

from lit_samseg.pooling.heterogeneity import Method
from lit_samseg.pooling.image_facts import image_facts, image_gains
from lit_samseg.pooling.joint_bootstrap import PairCounts, covariance_of, groups, joint_bootstrap
from lit_samseg.pooling.moderators import MEAN_SCORE, Slope, regress
from lit_samseg.pooling.random_effects import Pooled, leave_one_out, pool

__all__ = [
    "MEAN_SCORE",
    "Method",
    "PairCounts",
    "Pooled",
    "Slope",
    "covariance_of",
    "groups",
    "image_facts",
    "image_gains",
    "joint_bootstrap",
    "leave_one_out",
    "pool",
    "regress",
]
