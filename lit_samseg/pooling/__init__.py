"""One answer over many pairs of data set and baseline: from counts and effects, without torch."""

from lit_samseg.pooling.heterogeneity import Method
from lit_samseg.pooling.joint_bootstrap import PairCounts, covariance_of, groups, joint_bootstrap
from lit_samseg.pooling.random_effects import Pooled, leave_one_out, pool

__all__ = [
    "Method",
    "PairCounts",
    "Pooled",
    "covariance_of",
    "groups",
    "joint_bootstrap",
    "leave_one_out",
    "pool",
]
