"""What a label map would be worth with one thing about its classes and objects put right: no SAM takes part."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from lit_samseg.analysis.tags import TINY
from lit_samseg.refine.components import Components, find_components
from lit_samseg.refine.region_finders import Component
from lit_samseg.void import VOID

RUNGS = ("absent", "classes", "absent+classes", "objects", "absent+objects", "components")
"""What is put right of a label map; pixels that the ground truth leaves void decide nothing:

- ``absent``: pixels of classes that the image's ground truth does not have get a class that it has: the one that the
  baseline's scores rate highest there or, where there are no scores, that of the nearest pixel of such a class.
- ``classes``: the true pixels of each missed class are painted.
- ``objects``: the true pixels of each missed object are painted.
- ``absent+classes``, ``absent+objects``: the first, and then of what is still missed the other.
- ``components``: each component of the label map gets the class that most of its pixels have in the ground truth.

A class of the ground truth is missed where the label map has less than `CLASS_RECALL` of its pixels right, an object
where it has less than `OBJECT_RECALL`. Objects and components are 8-connected, of one class and of 20 pixels or more.
The background is never missed, and has neither objects nor components.
"""

FOUND = (
    "classes", "missed_classes", "absent_classes", "objects", "missed_objects", "small_objects", "missed_small_objects",
    "components", "wrong_components",
)  # fmt: skip
"""Numbers of one image: its classes, those of them that are missed, and classes of the label map that it does not have;
its objects, and those under 32 x 32 pixels; components, and those that ``components`` changes. Background counts
nowhere."""

CLASS_RECALL = 0.05
OBJECT_RECALL = 0.2
LEAST_AREA = Component().min_area

Map = NDArray[np.integer]


class Recognised(NamedTuple):
    """What became of one label map.

    Attributes:
        labels: The label map, int32 ``[H, W]``.
        maps: What each of `RUNGS` makes of it, likewise; itself, where that is nothing else.
        found: Numbers in the order of `FOUND`, int64 ``[len(FOUND)]``.
    """

    labels: NDArray[np.int32]
    maps: list[NDArray[np.int32]]
    found: NDArray[np.int64]


class ThingsOfImage:
    """The classes and objects that an image's ground truth has.

    Args:
        target: Ground truth, integer ``[H, W]``.
        num_classes: Number of classes ``C``.
        background: Class that is never prompted, or None.
        ignore_index: Void label of ``target``.
        likeliest: Of the classes that the ground truth has, the one that the baseline's scores rate highest at each
            pixel, integer ``[H, W]``; None where there are no scores.

    Attributes:
        target: The ground truth with `VOID`, int32 ``[H, W]``.
        num_classes: ``C``.
        by_scores: Whether scores say what takes the place of absent classes.
    """

    def __init__(
        self, target: Map, num_classes: int, background: int | None, ignore_index: int, likeliest: Map | None = None
    ) -> None:
        # The type first: -1 is no uint8, and becomes 255 in it.
        self.target = np.where(target == ignore_index, VOID, target.astype(np.int32))
        self.num_classes, self.by_scores = num_classes, likeliest is not None
        self._background, self._likeliest = background, likeliest
        self._areas = _per_class(self.target, num_classes)
        self._objects, self._object_areas = _large(find_components(self.target, background))

    def recognise(self, label_map: Map) -> Recognised:
        """Put one thing after the other right.

        Args:
            label_map: Integer ``[H, W]``, `VOID` where it gives no class.
        """
        labels = label_map.astype(np.int32)
        kept, absent = self._without_absent(labels)
        relabelled, components, wrong = self._relabelled(labels)
        missed, lost = self._missed(labels)
        still_missed, still_lost = (missed, lost) if kept is labels else self._missed(kept)
        maps = [
            kept,
            self._painted(labels, self.target, missed),
            self._painted(kept, self.target, still_missed),
            self._painted(labels, self._objects, lost),
            self._painted(kept, self._objects, still_lost),
            relabelled,
        ]
        there: NDArray[np.bool_] = self._areas > 0
        small = self._object_areas < TINY
        found = [self._foreground(there).sum(), missed.sum(), absent, len(lost) - 1, lost.sum()]
        # Place 0 is that of no object.
        found += [small[1:].sum(), (small & lost).sum(), components, wrong]
        return Recognised(labels, maps, np.array(found, np.int64))

    def _foreground(self, classes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return classes without the background."""
        if self._background is None:
            return classes
        others = classes.copy()
        others[self._background] = False
        return others

    def _missed(self, labels: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell of each class, bool ``[C + 1]``, and of each object, whether it is missed; object 0 is none."""
        right = labels == self.target
        hits = _per_class(np.where(right, self.target, VOID), self.num_classes)
        found = np.bincount(np.where(right, self._objects, 0).ravel(), minlength=len(self._object_areas))
        return self._foreground(hits < CLASS_RECALL * self._areas), found < OBJECT_RECALL * self._object_areas

    def _painted(
        self, labels: NDArray[np.int32], numbers: NDArray[np.int32], missed: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Return the label map with the truth of what is missed by its number."""
        return np.where(missed[numbers], self.target, labels) if missed.any() else labels

    def _without_absent(self, labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], int]:
        """Return the label map without classes that are not there, and how many these are, but for the background."""
        absent = (_per_class(labels, self.num_classes) > 0) & (self._areas == 0)
        number = int(self._foreground(absent).sum())
        if not absent.any() or not self._areas.any():
            return labels, number
        lacking = absent[labels]
        others = nearest(labels, lacking | (labels == VOID)) if self._likeliest is None else self._likeliest
        return np.where(lacking, others, labels).astype(np.int32), number

    def _relabelled(self, labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], int, int]:
        """Return the label map with its components' classes right, how many there are, and how many were wrong."""
        numbers, areas = _large(find_components(labels, self._background))
        # `VOID` first, and then away with it.
        labelled = self.num_classes + 1
        pairs = np.bincount((numbers * labelled + (self.target - VOID)).ravel(), minlength=len(areas) * labelled)
        pairs = pairs.reshape(len(areas), labelled)[:, 1:]
        most, known = pairs.argmax(1).astype(np.int32), pairs.sum(1) > 0
        known[0] = False
        relabelled = np.where(known[numbers], most[numbers], labels)
        return relabelled, len(areas) - 1, len(np.unique(numbers[relabelled != labels]))


def nearest(labels: NDArray[np.int32], lacking: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return a label map where pixels that lack a label have that of the nearest pixel which does not.

    Args:
        labels: Integer ``[H, W]``.
        lacking: bool ``[H, W]``. Where all pixels are, nothing is changed.
    """
    if lacking.all() or not lacking.any():
        return labels
    # On the way to its nearest pixel all others lack one too: so that lies within these or right beside them.
    x, y, width, height = cv2.boundingRect(lacking.view(np.uint8))
    here = slice(max(0, y - 1), y + height + 1), slice(max(0, x - 1), x + width + 1)
    rows, columns = distance_transform_edt(lacking[here], return_distances=False, return_indices=True)
    filled = labels.copy()
    filled[here] = labels[here][rows, columns]
    return filled


def _large(components: Components) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Number the large components from 1 on; return the numbers ``[H, W]`` and the areas, that of none first."""
    kept = components.areas >= LEAST_AREA
    numbers = np.zeros(len(kept) + 1, np.int32)
    numbers[1:][kept] = np.arange(1, kept.sum() + 1, dtype=np.int32)
    return numbers[components.places], np.concatenate([[0], components.areas[kept]])


def _per_class(labels: NDArray[np.int32], num_classes: int) -> NDArray[np.int64]:
    """Return how many pixels each class has, int64 ``[C + 1]``; at the end, where -1 leads, 0 for `VOID`."""
    return np.append(np.bincount((labels - VOID).ravel(), minlength=num_classes + 1)[1:], 0)
