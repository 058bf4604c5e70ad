"""Which images a figure shows."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lit_samseg.data.subset import draw_subset
from lit_samseg.errors import InputError
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.harm import image_scores

Pick = Literal["best", "worst", "random"]

MOST = 40
"""Images of a figure at most; beyond, it is a report."""

DIGITS = 12
"""Differences that agree in so many decimals are a tie; what follows is rounding."""


def differences(evidence: Evidence, row: str) -> NDArray[np.float64]:
    """Return by how much a row's mean IoU over the classes of an image's ground truth exceeds the baseline's.

    Args:
        evidence: The run's counts.
        row: One of its rows.

    Returns:
        float64 ``[N]``, fractions; nan for an image without any class.
    """
    own = image_scores(evidence.counts[list(evidence.rows).index(row)])
    # Adding nothing turns a negative zero into zero.
    return np.round(own - image_scores(evidence.counts[0]), DIGITS) + 0.0


def pick_images(evidence: Evidence, row: str | None, pick: Pick, count: int, seed: int) -> list[str]:
    """Pick images of a run.

    Args:
        evidence: The run's counts.
        row: The row by whose differences ``best`` and ``worst`` go, which ``random`` needs not.
        pick: ``best`` and ``worst`` leave out images without any class; among equals they go by id.
        count: How many; fewer where the run has no more.
        seed: Of ``random``.

    Returns:
        Ids: the best or the worst first, random ones sorted.

    Raises:
        InputError: ``count`` is out of range, or there is no row to go by, or no image.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"--count is {count}; a figure shows 1 to {MOST} images")
    if pick == "random":
        return draw_subset(evidence.ids, min(count, len(evidence.ids)), seed)
    if row is None:
        raise InputError("the run has no row with SAM to pick images by; give --ids or --pick random")
    change = differences(evidence, row)
    known = [n for n in range(len(evidence.ids)) if np.isfinite(change[n])]
    if not known:
        raise InputError("no image of the run has a class in its ground truth; give --ids")
    sign = -1 if pick == "best" else 1
    known.sort(key=lambda n: (sign * change[n], evidence.ids[n]))
    return [evidence.ids[n] for n in known[:count]]


def check_ids(evidence: Evidence, ids: Sequence[str]) -> list[str]:
    """Return the ids, which must be the run's.

    Raises:
        InputError: They are not, or there are too many.
    """
    strangers = [i for i in ids if i not in set(evidence.ids)]
    if strangers:
        raise InputError(f"--ids: the run has no image {strangers[0]!r}; its ids are in ids.txt, as {evidence.ids[0]}")
    if len(ids) > MOST:
        raise InputError(f"--ids: {len(ids)} images; a figure shows 1 to {MOST}")
    return list(ids)
