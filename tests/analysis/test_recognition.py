"""Recognition's rungs against plain loops over classes and objects, and faults of one kind each."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lit_samseg.analysis import FOUND, RUNGS, Recognition
from lit_samseg.analysis.recognition import ThingsOfImage, nearest
from lit_samseg.data import Scenes
from lit_samseg.metrics import ImageFacts, ImageRows, count_pixels, score

VOID = 255
CLASSES = 9
Map = NDArray[np.int64]


def objects_of(labels: Map, background: int | None, void: int) -> list[tuple[int, NDArray[np.bool_]]]:
    """Every object or component of 20 pixels or more, with its class."""
    found = []
    for label in np.unique(labels):
        if label not in (background, void):
            numbers, count = ndimage.label(labels == label, np.ones((3, 3)))
            masks = [numbers == n for n in range(1, count + 1)]
            found += [(int(label), mask) for mask in masks if mask.sum() >= 20]
    return found


def check_removed(removed: Map, labels: Map, target: Map, likeliest: Map | None) -> None:
    """See that pixels of absent classes, and no others, have a class in their place that may be there."""
    present = np.isin(labels, np.unique(target[target != VOID]))
    kept = present | (labels == -1)
    assert np.array_equal(removed[kept], labels[kept])
    if likeliest is not None:
        assert np.array_equal(removed[~kept], likeliest[~kept])
        return
    for y, x in np.argwhere(~kept):
        distances = ((np.argwhere(present) - (y, x)) ** 2).sum(1)
        # Of equally near pixels any will do.
        nearest_ones = np.argwhere(present)[distances == distances.min()]
        assert removed[y, x] in labels[tuple(nearest_ones.T)]


def by_hand(labels: Map, target: Map, background: int | None, removed: Map) -> tuple[list[Map], list[int]]:
    """The rungs' label maps after the first, and the numbers, a class and an object at a time."""
    seen, void_label = target != VOID, -1
    there = [int(label) for label in np.unique(target[seen])]
    absent = [int(label) for label in np.unique(labels) if label != void_label and label not in there]
    classes = [label for label in there if label != background]
    objects = objects_of(target, background, VOID)
    painted, counts = [], []
    for things, recall in (([(label, target == label) for label in classes], 0.05), (objects, 0.2)):
        for base in (labels, removed):
            one, missed = base.copy(), 0
            for label, mask in things:
                if (base[mask] == label).mean() < recall:
                    one[mask] = label
                    missed += 1
            painted.append(one)
            counts.append(missed)
    lost = [mask for label, mask in objects if (labels[mask] == label).mean() < 0.2]
    relabelled, wrong = labels.copy(), 0
    components = objects_of(labels, background, void_label)
    for label, mask in components:
        if (mask & seen).any():
            most = np.bincount(target[mask & seen]).argmax()
            relabelled[mask] = most
            wrong += int(most != label)
    small = [mask for _, mask in objects if mask.sum() < 1024]
    numbers = [len(classes), counts[0], len([label for label in absent if label != background]), len(objects)]
    numbers += [counts[2], len(small), sum(mask.sum() < 1024 for mask in lost), len(components), wrong]
    return [*painted, relabelled], numbers


def random_map(rng: np.random.Generator, labels: list[int], shape: tuple[int, int] = (40, 56)) -> Map:
    """Blobs of several sizes."""
    made = np.full(shape, labels[0], np.int64)
    for _ in range(25):
        size = rng.integers(1, 24, 2)
        y, x = (int(rng.integers(0, end)) for end in shape)
        made[y : y + size[0], x : x + size[1]] = rng.choice(labels)
    return made


@pytest.mark.parametrize("background", [0, 3, None])
@pytest.mark.parametrize("by_scores", [False, True])
def test_random_maps_against_plain_loops(background: int | None, by_scores: bool) -> None:
    rng = np.random.default_rng(7)
    changed, summed = set(), np.zeros(len(FOUND), int)
    for _ in range(12):
        target = random_map(rng, [0, 1, 2, 3, 5, VOID])
        noise = random_map(rng, [-1, 0, 1, 4, 7, 3])
        labels = np.where(random_map(rng, [0, 1]) == 0, np.where(target == VOID, 2, target), noise)
        likeliest = random_map(rng, [int(label) for label in np.unique(target) if label != VOID]) if by_scores else None
        _, maps, found = ThingsOfImage(target, CLASSES, background, VOID, likeliest).recognise(labels)
        check_removed(maps[0], labels, target, likeliest)
        expected, numbers = by_hand(labels, target, background, maps[0])
        assert dict(zip(FOUND, found.tolist(), strict=True)) == dict(zip(FOUND, numbers, strict=True))
        summed += found
        for rung, ours, theirs in zip(RUNGS, maps, [maps[0], *expected], strict=True):
            assert np.array_equal(ours, theirs), rung
            if not np.array_equal(ours, labels):
                changed.add(rung)
    assert changed == set(RUNGS)
    assert (summed > 0).all()


def test_what_was_missed_may_be_found_once_absent_classes_are_gone() -> None:
    target = np.full((10, 20), 2)
    target[0] = 0
    labels = np.zeros_like(target)
    labels[:, :5] = 4
    _, maps, found = ThingsOfImage(target, CLASSES, 0, VOID, likeliest=target).recognise(labels)
    by_rung = dict(zip(RUNGS, maps, strict=True))
    assert found[FOUND.index("missed_classes")] == found[FOUND.index("missed_objects")] == 1
    for rung in ("classes", "objects"):
        assert np.array_equal(by_rung[rung], np.where(target == 2, 2, labels))
    # A quarter of it is there: it is not missed any more.
    for rung in ("absent", "absent+classes", "absent+objects"):
        assert np.array_equal(by_rung[rung], np.where(labels == 4, target, 0))


def test_nothing_to_go_by_changes_nothing() -> None:
    only_void = np.full((8, 8), VOID)
    labels = np.full((8, 8), 4)
    for target in (only_void, np.where(np.eye(8) > 0, 2, VOID)):
        _, maps, found = ThingsOfImage(target, CLASSES, 0, VOID).recognise(labels)
        # Class 4 is not there, but no pixel says what else.
        assert np.array_equal(maps[RUNGS.index("absent")], labels)
        assert found[FOUND.index("absent_classes")] == 1
    assert np.array_equal(nearest(labels.astype(np.int32), labels == 4), labels)


def test_void_in_eight_bits_is_void() -> None:
    target = np.array([[1] * 30 + [VOID] * 30] * 4, np.uint8)
    _, maps, found = ThingsOfImage(target, CLASSES, 0, VOID).recognise(np.zeros((4, 60), np.int16))
    assert dict(zip(FOUND, found.tolist(), strict=True))["classes"] == 1
    assert np.array_equal(maps[RUNGS.index("classes")], np.where(target == 1, 1, 0))


class Fault(NamedTuple):
    """A perfect label map made wrong.

    Attributes:
        labels: It.
        gaining: The rungs that put it right.
        found: By how much numbers differ from those of the perfect map.
    """

    labels: Map
    gaining: set[str]
    found: dict[str, int]


def truth() -> Map:
    """The ground truth of a built-in scene, and below it things that are easily made wrong one by one."""
    target = Scenes().read("scene_00000", with_target=True).target
    assert target is not None
    upper = target.numpy().astype(np.int64)
    lower = np.zeros((80, upper.shape[1]), np.int64)
    lower[10:30, 10:60] = 1
    lower[50:70, 10:60] = 1
    lower[10:40, 70:110] = 4
    assert upper.shape[1] > 110
    return np.concatenate([upper, lower])


def perfect() -> tuple[Map, Map]:
    target = truth()
    return target, np.where(target == VOID, 0, target)


def lower(labels: Map, rows: slice, columns: slice) -> Map:
    """A view of a part of the lower picture."""
    return labels[len(labels) - 80 :][rows, columns]


def class_removed() -> Fault:
    """Its objects are missed with it."""
    _, labels = perfect()
    lower(labels, slice(10, 40), slice(70, 110))[:] = 0
    gaining = {"classes", "absent+classes", "objects", "absent+objects"}
    return Fault(labels, gaining, {"missed_classes": 1, "missed_objects": 1, "components": -1})


def object_removed() -> Fault:
    _, labels = perfect()
    lower(labels, slice(50, 70), slice(10, 60))[:] = 0
    gaining = {"objects", "absent+objects"}
    return Fault(labels, gaining, {"missed_objects": 1, "missed_small_objects": 1, "components": -1})


def component_relabelled() -> Fault:
    """A part of a thing of which the rest is right, so that the thing itself is found."""
    _, labels = perfect()
    lower(labels, slice(10, 40), slice(95, 110))[:] = 1
    return Fault(labels, {"components"}, {"wrong_components": 1, "components": 1})


def absent_class_painted() -> Fault:
    """Specks of a class that is nowhere, each too small to be a component."""
    _, labels = perfect()
    absent = 8
    for x in range(72, 108, 6):
        lower(labels, slice(15, 18), slice(x, x + 3))[:] = absent
    return Fault(labels, {"absent", "absent+classes", "absent+objects"}, {"absent_classes": 1})


def borders_eroded() -> Fault:
    """Every thing of the lower picture is a pixel smaller on each side."""
    _, labels = perfect()
    below = lower(labels, slice(None), slice(None))
    for label in (1, 4):
        mask = below == label
        below[mask & ~ndimage.binary_erosion(mask)] = 0
    return Fault(labels, set(), {})


@pytest.mark.parametrize(
    "fault", [class_removed, object_removed, component_relabelled, absent_class_painted, borders_eroded]
)
def test_each_fault_is_put_right_by_its_own_rung_alone(fault: Callable[[], Fault]) -> None:
    target, right = perfect()
    wrong, gaining, differing = fault()
    image = ImageRows(
        ImageFacts("x", CLASSES, VOID), torch.from_numpy(np.stack([right, wrong])), torch.from_numpy(target)
    )
    counts = Recognition(0).count_rows(image)
    own = count_pixels(image.maps, image.target, CLASSES, VOID).numpy()
    assert score(own[0][:, None]).miou_gt_present == 1
    before = score(own[1][:, None]).miou_gt_present
    assert before < 1
    for row in (0, 1):
        for rung, (intersection, predicted) in zip(RUNGS, counts["rungs"][row], strict=True):
            after = score(np.stack([intersection, own[row][1], predicted])[:, None]).miou_gt_present
            assert after == (1 if row == 0 or rung in gaining else before), rung
    found = [dict(zip(FOUND, numbers.tolist(), strict=True)) for numbers in counts["found"]]
    assert {name: found[1][name] - found[0][name] for name in FOUND if found[1][name] != found[0][name]} == differing
    assert not any(found[0][name] for name in FOUND if name.startswith(("missed", "absent", "wrong")))
    assert counts["by_scores"].tolist() == [0, 0]


def test_counts_are_those_of_the_label_maps() -> None:
    rng = np.random.default_rng(3)
    target = random_map(rng, [0, 1, 2, 3, VOID])
    maps = np.stack([random_map(rng, [-1, 0, 1, 4, 7]) for _ in range(3)])
    likeliest = random_map(rng, [int(label) for label in np.unique(target) if label != VOID])
    image = ImageRows(
        ImageFacts("x", CLASSES, VOID), *map(torch.from_numpy, (maps, target)), likeliest=torch.from_numpy(likeliest)
    )
    counts = Recognition(0).count_rows(image)
    assert counts["by_scores"].tolist() == [1, 1, 1]
    things = ThingsOfImage(target, CLASSES, 0, VOID, likeliest)
    for row, label_map in enumerate(maps):
        changed = things.recognise(label_map)
        expected = count_pixels(
            torch.from_numpy(np.stack(changed.maps)), torch.from_numpy(target), CLASSES, VOID
        ).numpy()
        assert np.array_equal(counts["rungs"][row], expected[:, [0, 2]])
    alone = Recognition(0).count(maps[0], target, image.facts)
    plain = ThingsOfImage(target, CLASSES, 0, VOID).recognise(maps[0])
    assert np.array_equal(alone["found"], plain.found)
    nothing = Recognition(0).nothing(CLASSES)
    assert {name: (a.shape, a.dtype) for name, a in nothing.items()} == {
        name: (a.shape, a.dtype) for name, a in alone.items()
    }
