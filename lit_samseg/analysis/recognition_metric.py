"""What recognition would be worth to every row, counted like any metric's numbers, in host memory."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lit_samseg.analysis.recognition import FOUND, RUNGS, ThingsOfImage
from lit_samseg.metrics import Column, Counts, ImageFacts, ImageRows, LabelMap, Metric
from lit_samseg.void import VOID


class Recognition(Metric):
    """Counts the label maps of `RUNGS` of every row, the baseline among them.

    It needs nothing but label maps, so it works where all rows' are in host memory anyway: a GPU is not waited for.

    Args:
        background: Class that is never prompted, or None.

    Counts, all int64: ``rungs`` ``[len(RUNGS), 2, C]``, intersection and pred_area of each; ``found``
    ``[len(FOUND)]``; ``by_scores``, 1 where the baseline's scores say what takes the place of absent classes.
    """

    word: ClassVar[str] = "recognition"
    columns: ClassVar[tuple[Column, ...]] = ()

    def __init__(self, background: int | None) -> None:
        self.background = background

    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> dict[str, NDArray[np.int64]]:
        """Count one row's label map, of which no scores are known."""
        return self._count(label_map, ThingsOfImage(target, image.num_classes, self.background, image.ignore_index))

    def count_rows(self, image: ImageRows) -> dict[str, NDArray[Any]]:
        """Count all rows; by name ``[R, ...]``."""
        facts = image.facts
        things = ThingsOfImage(
            image.target_on_host, facts.num_classes, self.background, facts.ignore_index, image.likeliest_on_host
        )
        rows = [self._count(label_map, things) for label_map in image.maps_on_host]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def nothing(self, num_classes: int) -> dict[str, NDArray[Any]]:
        """Return zeros."""
        shapes = {"rungs": (len(RUNGS), 2, num_classes), "found": (len(FOUND),), "by_scores": ()}
        return {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}

    def score(self, counts: Counts) -> Mapping[str, float]:
        """Return nothing: the ladder is made of the counts."""
        return {}

    def _count(self, label_map: LabelMap, things: ThingsOfImage) -> dict[str, NDArray[np.int64]]:
        labels, maps, found = things.recognise(label_map)
        own = _pixels(labels, things.target, things.num_classes)
        rungs = []
        for changed in maps:
            rungs.append(own)
            if changed is not labels:
                # A rung changes few pixels.
                here = np.flatnonzero(changed != labels)
                before, after = (
                    _pixels(some.ravel()[here], things.target.ravel()[here], things.num_classes)
                    for some in (labels, changed)
                )
                rungs[-1] = own - before + after
        return {"rungs": np.stack(rungs), "found": found, "by_scores": np.array(things.by_scores, np.int64)}


def _pixels(labels: NDArray[np.int32], truth: NDArray[np.int32], num_classes: int) -> NDArray[np.int64]:
    """Return intersection and pred_area of pixels, int64 ``[2, C]``; where the truth is void, they count nowhere."""
    counted = np.where(labels == truth, truth, VOID), np.where(truth == VOID, VOID, labels)
    return np.stack([np.bincount((some - VOID).ravel(), minlength=num_classes + 1)[1:] for some in counted])
