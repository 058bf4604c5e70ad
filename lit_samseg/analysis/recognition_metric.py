"""What recognition would be worth to every row, counted like any metric's numbers, in host memory."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lit_samseg.analysis.recognition import FOUND, RUNGS, ThingsOfImage
from lit_samseg.metrics import Column, Counts, ImageFacts, ImageRows, LabelMap, Metric


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
        maps, found = things.recognise(label_map)
        seen = things.target.ravel() >= 0
        truth, labels = things.target.ravel()[seen], label_map.ravel()[seen]
        own = _pixels(labels, truth, things.num_classes)
        rungs = []
        for changed in maps.reshape(len(maps), -1)[:, seen]:
            # A rung changes few pixels.
            here = np.flatnonzero(changed != labels)
            before, after = (_pixels(some[here], truth[here], things.num_classes) for some in (labels, changed))
            rungs.append(own - before + after)
        return {"rungs": np.stack(rungs), "found": found, "by_scores": np.array(things.by_scores, np.int64)}


def _pixels(labels: NDArray[np.integer], truth: NDArray[np.int32], num_classes: int) -> NDArray[np.int64]:
    """Return intersection and pred_area, int64 ``[2, C]``, of pixels of which none is void in the ground truth."""
    counted = (labels[labels == truth], labels[labels >= 0])
    return np.stack([np.bincount(some, minlength=num_classes) for some in counted])
