"""Whose pixels are whose after refinement: a refined label map has classes, and no objects."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lit_samseg.formats.interface import Ids, LabelMap
from lit_samseg.formats.objects.painting import numbers_in, pieces_of
from lit_samseg.void import VOID

REACH = 16.0
"""Pixels: a piece that lies no farther from an object of its class, and holds none itself, belongs to that object."""


def objects_after(before: LabelMap, labels: Ids, background: int | None = None) -> LabelMap:
    """Return refined labels with objects.

    A refined pixel belongs to the nearest old pixel of its class in its connected piece, and so to that one's object,
    or to none if that one did: where nothing changed, nothing changes. A piece without old pixels of its class belongs
    to the nearest object of the class within `REACH`; else it is a new object, whose number no other had.

    Args:
        before: The label map before, with objects.
        labels: The refined class ids, int32 ``[H, W]``.
        background: The class whose pixels are of no object unless they were; None where there is none.

    Returns:
        The objects; `LabelMap.facts` without those of objects that are gone, which `vanished` names.
    """
    old = np.full_like(before.labels, -1) if before.objects is None else before.objects
    with_objects = set(np.flatnonzero(np.bincount(before.labels[old >= 0] - VOID)) + VOID)
    after = np.full(labels.shape, -1, np.int32)
    new = max([int(old.max(initial=-1)), *before.facts]) + 1
    pieces = pieces_of(labels, VOID - 1)
    for index, window in enumerate(ndimage.find_objects(pieces), 1):
        piece = pieces[window] == index
        class_id = int(labels[window][piece][0])
        if class_id in (VOID, background) and class_id not in with_objects:
            continue
        seeds = piece & (before.labels[window] == class_id)
        if seeds.any():
            after[window][piece] = _nearest(old[window], seeds)[piece]
        elif class_id not in (VOID, background):
            number = _within_reach(before.labels, old, class_id, window, piece)
            after[window][piece] = new if number is None else number
            new += number is None
    kept = LabelMap(labels, after, before.facts)
    gone = set(vanished(before, kept))
    return LabelMap(labels, after, {number: facts for number, facts in before.facts.items() if number not in gone})


def vanished(before: LabelMap, after: LabelMap) -> list[int]:
    """Return the numbers of objects that had pixels and have none any more, ascending."""
    if before.objects is None or after.objects is None:
        return []
    return sorted(numbers_in(before.objects) - numbers_in(after.objects))


def _nearest(values: Ids, seeds: NDArray[np.bool_]) -> Ids:
    """Return for each pixel the value at the nearest seed."""
    found = np.unique(values[seeds])
    if len(found) == 1:
        return np.full_like(values, found[0])
    rows, columns = ndimage.distance_transform_edt(~seeds, return_distances=False, return_indices=True)
    nearest: Ids = values[rows, columns]
    return nearest


def _within_reach(
    labels: Ids, old: Ids, class_id: int, window: tuple[slice, slice], piece: NDArray[np.bool_]
) -> int | None:
    """Return the number of the object of a class nearest to a piece, or None if none is within `REACH`."""
    margin = int(REACH) + 1
    top, left = (max(side.start - margin, 0) for side in window)
    around = slice(top, window[0].stop + margin), slice(left, window[1].stop + margin)
    seeds = (labels[around] == class_id) & (old[around] >= 0)
    if not seeds.any():
        return None
    far, (rows, columns) = ndimage.distance_transform_edt(~seeds, return_indices=True)
    inside = np.zeros(seeds.shape, np.bool_)
    y, x = window[0].start - top, window[1].start - left
    inside[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
    place = np.flatnonzero(inside)[int(far[inside].argmin())]
    if far.flat[place] > REACH:
        return None
    return int(old[around][rows.flat[place], columns.flat[place]])
