"""Objects to a label map, where each pixel has one object, and back to objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from skimage.measure import label as label_components

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, Ids, LabelMap
from lit_samseg.formats.objects.run_lengths import Piece
from lit_samseg.void import VOID


@dataclass(frozen=True)
class Outlined:
    """An object as a file has it.

    Attributes:
        class_id: Its class; `lit_samseg.void.VOID` for a category that is void.
        piece: Its pixels, those under other objects too.
        height: What is painted later: objects of greater height lie over others.
        facts: See `LabelMap.facts`.
    """

    class_id: int
    piece: Piece
    height: float
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Painted:
    """A picture's objects, painted.

    Attributes:
        masks: The label map.
        covered: The number of pixels that more than one object claims.
        hidden: Numbers of objects without a pixel of their own: without any, or wholly under others.
    """

    masks: LabelMap
    covered: int
    hidden: tuple[int, ...]


def paint(outlined: Sequence[Outlined], size: tuple[int, int], background: int | None) -> Painted:
    """Return the label map of a picture's objects, whose numbers are their places in the list.

    Args:
        outlined: The objects; of two of one height the later one lies over the other.
        size: Height and width of the picture.
        background: The class of pixels of no object; None for void.
    """
    labels = np.full(size, VOID if background is None else background, np.int32)
    objects = np.full(size, -1, np.int32)
    twice = np.zeros(size, np.bool_)
    for number in sorted(range(len(outlined)), key=lambda number: outlined[number].height):
        one = outlined[number]
        window, mask = one.piece.window, one.piece.mask
        twice[window] |= mask & (objects[window] >= 0)
        labels[window][mask] = one.class_id
        objects[window][mask] = number
    shown = numbers_in(objects)
    hidden = tuple(number for number in range(len(outlined)) if number not in shown)
    facts = {number: one.facts for number, one in enumerate(outlined)}
    return Painted(LabelMap(labels, objects, facts), int(np.count_nonzero(twice)), hidden)


@dataclass(frozen=True)
class Cut:
    """An object of a label map, to be written.

    Attributes:
        number: Its number in the label map.
        class_id: Its class.
        piece: Its pixels.
        is_same: It is as the file has it already, and may be written as it stands there.
    """

    number: int
    class_id: int
    piece: Piece
    is_same: bool = False


def cut(masks: LabelMap, classes: Classes, before: Sequence[Outlined], where: str) -> list[Cut]:
    """Return the objects of a label map in the order of their numbers.

    Pixels of a class other than the background that belong to no object are objects too, each connected piece one.
    Objects that had no pixel of their own in the file, and so none that could be refined, stay as they are; and so do
    all where nothing changed at all.

    Args:
        masks: The label map.
        classes: What its classes mean.
        before: The file's objects of the picture, whose places are their numbers; none for a new file.
        where: The picture, for messages.

    Raises:
        InputError: There is void, which objects cannot show; or an object of two classes.
    """
    had = paint(before, (masks.labels.shape[0], masks.labels.shape[1]), classes.background)
    whole = with_all_objects(masks, classes, where)
    assert whole.objects is not None
    assert had.masks.objects is not None
    unchanged = np.array_equal(had.masks.labels, masks.labels) and np.array_equal(had.masks.objects, whole.objects)
    if before and unchanged and set(had.masks.facts) == set(masks.facts):
        return [Cut(number, one.class_id, one.piece, True) for number, one in enumerate(before)]
    found = {
        number: Cut(number, before[number].class_id, before[number].piece, True)
        for number in had.hidden
        if number in masks.facts
    }
    windows = ndimage.find_objects(whole.objects + 1)
    for number, window in enumerate(windows):
        if window is None:
            continue
        mask = whole.objects[window] == number
        ids = np.unique(masks.labels[window][mask])
        if len(ids) > 1:
            raise InputError(f"{where}: object {number} has {len(ids)} classes; an object has one")
        class_id, piece = int(ids[0]), Piece.cut_out(mask, window[0].start, window[1].start)
        is_same = number < len(before) and before[number].class_id == class_id and before[number].piece.equals(piece)
        found[number] = Cut(number, class_id, piece, is_same)
    return [found[number] for number in sorted(found)]


def with_all_objects(masks: LabelMap, classes: Classes, where: str) -> LabelMap:
    """Return a label map whose pixels of classes other than the background all belong to objects.

    Raises:
        InputError: There is void, but no category for it.
    """
    labels = masks.labels
    objects = np.full_like(labels, -1) if masks.objects is None else masks.objects.copy()
    alone = objects < 0
    if classes.background is None:
        alone &= labels != VOID
    else:
        alone &= labels != classes.background
        lost = np.count_nonzero(labels[alone] == VOID)
        if lost and classes.void is None:
            raise InputError(
                f"{where} has {lost} void pixels, which files of objects cannot show; write label maps, or name the "
                "category that is void"
            )
    number = max([int(objects.max(initial=-1)), *masks.facts]) + 1
    pieces = pieces_of(np.where(alone, labels, VOID - 1), VOID - 1)
    objects[alone] = pieces[alone] + (number - 1)
    return LabelMap(labels, objects, masks.facts)


def pieces_of(labels: Ids, nothing: int) -> Ids:
    """Return the connected pieces of one label each, numbered from 1 on, int32 ``[H, W]``; 0 where there is nothing.

    Pixels that touch by a corner are connected, as in the regions of a refinement.
    """
    found: Ids = label_components(labels, background=nothing, connectivity=2).astype(np.int32)
    return found


def numbers_in(objects: Ids) -> set[int]:
    """Return the numbers of objects that have pixels."""
    found: list[int] = (np.flatnonzero(np.bincount(objects.ravel() + 1)) - 1).tolist()
    return set(found) - {-1}
