"""Where a row's difference comes from: its ladder, and its regions by tag."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.scores import Scores, score
from lit_samseg.results.numbers import finite
from lit_samseg.results.regions import RegionLine
from lit_samseg.results.row_contents import LadderStep, Step, TagFacts

Floats = NDArray[np.float64]


def ladder_of_row(
    own: NDArray[np.int64], steps: Mapping[str, NDArray[np.int64]], baseline: NDArray[np.int64] | None = None
) -> list[LadderStep]:
    """Score each step of a row's ladder.

    Args:
        own: The row's counts, int64 ``[3, N, C]``.
        steps: Those of its steps by name, likewise.
        baseline: The baseline's; None for the baseline itself, which is not refined.

    Returns:
        For each step ``step``, ``miou``, ``miou_gt_present`` and ``gain``: its ``miou_gt_present`` less the row's own;
        of ``refined``, which comes first, less the baseline's.
    """
    row = score(own)
    ladder = [] if baseline is None else [_rung("refined", row, score(baseline))]
    return ladder + [_rung(step, score(counts), row) for step, counts in steps.items()]


def _rung(step: str, after: Scores, before: Scores) -> LadderStep:
    return {
        "step": cast(Step, step),
        "miou": finite(after.miou),
        "miou_gt_present": finite(after.miou_gt_present),
        "gain": finite(after.miou_gt_present - before.miou_gt_present),
    }


def tags_of_row(tags: Sequence[str], regions: Sequence[RegionLine]) -> list[TagFacts]:
    """Sum up a row's regions by tag.

    Args:
        tags: The tags there are, ``clean`` last.
        regions: The row's regions: ``tags``, ``before``, ``after`` of each.

    Returns:
        For each tag ``tag``, ``count``, mean IoU with the class's ground truth ``before`` and ``after``, and the shares
        ``of_loss`` and ``of_gain``: of all that regions lost in that IoU, and of all that they gained, what its regions
        did. A region with several tags counts under each, so shares add up to more than 1. None where there is nothing
        to share.
    """
    changes = np.array([region["after"] - region["before"] for region in regions], np.float64)
    lost, gained = np.clip(-changes, 0, None), np.clip(changes, 0, None)
    rows: list[TagFacts] = []
    for tag in tags:
        has = np.array([tag in region["tags"] for region in regions], bool)
        rows.append(
            {
                "tag": tag,
                "count": int(has.sum()),
                "before": _mean([region["before"] for region, holds in zip(regions, has, strict=True) if holds]),
                "after": _mean([region["after"] for region, holds in zip(regions, has, strict=True) if holds]),
                "of_loss": _share(lost, has),
                "of_gain": _share(gained, has),
            }
        )
    return rows


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _share(values: Floats, has: NDArray[np.bool_]) -> float | None:
    return float(values[has].sum() / values.sum()) if values.sum() > 0 else None
