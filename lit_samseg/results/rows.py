"""What ``results.json`` says of each row: scores, differences, borders, causes, harm."""

from collections import defaultdict
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.boundary_scores import score_boundaries
from lit_samseg.metrics.scores import Scores, score
from lit_samseg.metrics.significance import compare_rows
from lit_samseg.results.causes import ladder_of_row, tags_of_row
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.harm import harm_of_row
from lit_samseg.results.numbers import finite
from lit_samseg.results.regions import by_row_and_image
from lit_samseg.results.row_contents import BoundaryFacts, ClassScores, Difference, Differences, Row

RESAMPLES = 10_000
SEED = 0


def describe_rows(
    evidence: Evidence, class_names: Sequence[str], tags: Sequence[str], resamples: int = RESAMPLES
) -> list[Row]:
    """Return the ``rows`` of ``results.json``; scores are fractions, null where there is none.

    Args:
        evidence: A run's counts and regions.
        class_names: Names by class id.
        tags: The tags regions may have, ``clean`` last.
        resamples: Of the bootstrap, and flips of the permutation test.
    """
    counts = evidence.counts
    differences = _differences(counts, resamples)
    regions = by_row_and_image(evidence.regions or [])
    described = []
    for index, (name, own) in enumerate(zip(evidence.rows, counts, strict=True)):
        scores = score(own)
        row: Row = {
            "name": name,
            "miou": finite(scores.miou),
            "miou_gt_present": finite(scores.miou_gt_present),
            "macc": finite(scores.macc),
            "pixel_acc": finite(scores.pixel_acc),
            "per_class": _per_class(scores, score(counts[0]), class_names),
        }
        # All pixels that count, less those that were predicted as some class.
        if void := int(own[1].sum() - own[2].sum()):
            row["void"] = void / int(own[1].sum())
        if index > 0:
            row["difference"] = differences[index]
            row["harm"] = harm_of_row(evidence.ids, own, counts[0], regions.get(name, {}))
        if evidence.boundary is not None:
            row["boundary"] = _boundary(evidence.boundary, index)
        if steps := _steps(evidence, index):
            row["ladder"] = ladder_of_row(own, steps, counts[0] if index > 0 else None)
        if evidence.recognition is not None:
            row["recognition"] = evidence.recognition.facts_of(index)
        if name in evidence.ladder_rows and evidence.regions is not None:
            mine = [region for image in regions.get(name, {}).values() for region in image]
            row["tags"] = tags_of_row(tags, mine)
        described.append(row)
    return described


def _steps(evidence: Evidence, index: int) -> dict[str, NDArray[np.int64]]:
    """Return the counts of a row's steps by name, int64 ``[3, N, C]``, in their order."""
    name, own = evidence.rows[index], evidence.counts[index]
    known = {} if evidence.recognition is None else evidence.recognition.steps_of(index, own[1])
    if name in evidence.ladder_rows and evidence.ladder is not None:
        ladder = evidence.ladder[list(evidence.ladder_rows).index(name)]
        # The first is the row itself.
        known |= dict(zip(evidence.steps[1:], ladder[1:], strict=True))
    return known


def _per_class(own: Scores, baseline: Scores, names: Sequence[str]) -> list[ClassScores]:
    return [
        {
            "class": name,
            "iou": finite(own.iou[i]),
            "acc": finite(own.acc[i]),
            "gt_area": int(own.gt_area[i]),
            "difference": finite(own.iou[i] - baseline.iou[i]),
        }
        for i, name in enumerate(names)
    ]


def _differences(counts: NDArray[np.int64], resamples: int) -> dict[int, Differences]:
    found: dict[int, dict[str, Difference]] = defaultdict(dict)
    for test in compare_rows(counts, resamples, SEED):
        found[test.row][test.metric] = {
            "value": finite(test.difference),
            "low": finite(test.low),
            "high": finite(test.high),
            "p": finite(test.p),
            "p_holm": finite(test.p_holm),
            "verdict": test.verdict,
            "detectable": finite(test.detectable),
            "enough": test.enough,
        }
    return {row: cast(Differences, tests) for row, tests in found.items()}


def _boundary(arrays: dict[str, NDArray[np.int64]], row: int) -> BoundaryFacts:
    scores = score_boundaries(
        arrays["before"][row], arrays["after"][row], arrays["trimap"][row], arrays["trimap_void"], arrays["mba"][row]
    )
    return {
        "iou_before": finite(scores.before.miou),
        "iou_before_gt_present": finite(scores.before.miou_gt_present),
        "iou_after": finite(scores.after.miou),
        "iou_after_gt_present": finite(scores.after.miou_gt_present),
        "mba": finite(scores.mba),
        "trimap_miou": [finite(width.miou) for width in scores.trimap],
        "trimap_void_share": [finite(share) for share in scores.trimap_void_share],
    }
