"""How much the true effects of pairs differ: tau, from the differences between pairs alone.

The effects of ``K`` pairs are ``y ~ N(mu 1, V + tau^2 I)``. An orthogonal matrix turns the differences between them
into ``K - 1`` independent numbers ``z_i ~ N(0, d_i + tau^2)``, whatever ``mu`` is, so that likelihood, ``Q`` and the
typical variance are sums:

- Cochran's ``Q = sum z_i^2 / d_i``, chi-squared with ``K - 1`` degrees of freedom where ``tau`` is 0;
- DerSimonian and Laird (1986), for any ``V``: ``tau^2 = max(0, (Q - (K - 1)) / sum 1 / d_i)``, as ``Q``'s mean says;
- REML (Viechtbauer 2005): the ``tau^2`` that maximises the likelihood of the ``z_i``;
- ``I^2 = tau^2 / (tau^2 + s^2)`` with the typical variance ``s^2 = (K - 1) / sum 1 / d_i`` (Higgins and Thompson
  2002). The other definition, ``1 - (K - 1) / Q``, would contradict REML's ``tau``; with DerSimonian and Laird's it is
  the same.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Method = Literal["reml", "dl"]

SINGULAR = 1e-14
"""Of a covariance's largest eigenvalue: smaller ones are rounding."""
_PLACES = 300
"""Where REML's likelihood is looked at before its maxima are found exactly."""


@dataclass(frozen=True)
class Differences:
    """What the differences between ``K >= 2`` pairs come to.

    Attributes:
        variances: ``d``, float64 ``[K - 1]``.
        squares: ``z^2``, float64 ``[K - 1]``.
    """

    variances: Floats
    squares: Floats

    @classmethod
    def of(cls, effects: Floats, covariance: Floats) -> "Differences":
        """Take effects float64 ``[K]`` and their sampling covariance ``[K, K]``, which is not 0, apart."""
        contrasts = _contrasts(len(effects))
        variances, axes = np.linalg.eigh(contrasts @ covariance @ contrasts.T)
        squares = (axes.T @ (contrasts @ effects)) ** 2
        return cls(np.maximum(variances, SINGULAR * variances.max()), squares)

    @property
    def q(self) -> float:
        """Cochran's ``Q``."""
        return float((self.squares / self.variances).sum())

    @property
    def typical(self) -> float:
        """The typical sampling variance of a pair."""
        return len(self.variances) / float((1 / self.variances).sum())

    def tau2(self, method: Method) -> float:
        """Estimate ``tau^2``."""
        if method == "reml":
            return _reml(self.variances, self.squares)
        return max(0.0, (self.q / len(self.variances) - 1) * self.typical)


@cache
def _contrasts(pairs: int) -> Floats:
    """Return orthonormal contrasts between pairs, float64 ``[K - 1, K]``."""
    contrasts: Floats = scipy.linalg.helmert(pairs)
    return contrasts


def _reml(d: Floats, z2: Floats) -> float:
    """Return the ``tau^2 >= 0`` that maximises the likelihood of ``z_i ~ N(0, d_i + tau^2)``.

    No ``z_i`` asks for more than ``z_i^2 - d_i``, so the maximum lies between 0 and the largest of these. The
    likelihood may have several maxima: all that are found between close places are compared.
    """
    most = float((z2 - d).max())
    if most <= 0:
        return 0.0

    def slope(tau2: float) -> float:
        return float(((z2 - d - tau2) / (d + tau2) ** 2).sum())

    def loss(tau2: float) -> float:
        return float((np.log(d + tau2) + z2 / (d + tau2)).sum())

    places = most * np.concatenate([[0.0], np.geomspace(1e-12, 1.01, _PLACES)])
    total = d[:, None] + places
    slopes = ((z2[:, None] - total) / total**2).sum(axis=0)
    found = [0.0] if slopes[0] <= 0 else []
    for n in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
        found.append(scipy.optimize.brentq(slope, places[n], places[n + 1], xtol=1e-300, rtol=1e-15))
    return min(found, key=loss)
