"""Tags of regions drawn by hand."""

import numpy as np
import torch

from lit_samseg.analysis.tags import names_of, tag_regions
from tests.refine.contexts import regions_of

VOID = 255


def tags_of(labels: np.ndarray, target: np.ndarray, kind: str = "class") -> list[tuple[str, ...]]:
    regions = regions_of(torch.from_numpy(labels), kind)
    return [names_of(tags) for tags in tag_regions(regions, regions[0].numbers.numpy(), target, VOID)]


def canvas() -> np.ndarray:
    return np.zeros((120, 160), np.int64)


def test_a_region_that_is_its_object_is_clean() -> None:
    target = canvas()
    target[10:60, 10:60] = 1
    assert tags_of(target, target) == [("clean",)]


def test_one_region_for_two_objects() -> None:
    target = canvas()
    target[10:60, 10:60] = 1
    target[10:60, 80:130] = 1
    assert tags_of(target, target) == [("multiple",)]
    assert tags_of(target, target, "component") == [("clean",), ("clean",)]
    # Less than half of the second one is not covering it, and specks are no objects.
    labels = target.copy()
    labels[10:60, 100:130] = 0
    target[100, 0:19] = 1
    assert tags_of(labels, target) == [("clean",)]


def test_eighty_per_cent_of_an_object() -> None:
    target = canvas()
    target[10:110, 10:60] = 1
    for rows, expected in ((80, ("clean",)), (79, ("incomplete",))):
        labels = canvas()
        labels[10 : 10 + rows, 10:60] = 1
        assert tags_of(labels, target) == [expected]


def test_the_object_overlapped_most_decides_about_completeness() -> None:
    target = canvas()
    target[0:50, 0:50] = 1
    target[60:110, 60:150] = 1
    labels = canvas()
    labels[0:50, 0:50] = 1
    labels[60:70, 60:150] = 1
    assert tags_of(labels, target) == [("clean",)]


def test_boxes_that_overlap() -> None:
    target = canvas()
    target[0:50, 0:50] = 1
    target[0:50, 50:100] = 2
    assert tags_of(target, target) == [("clean",), ("clean",)]
    for rows, expected in ((5, "clean"), (6, "overlapping")):
        labels = target.copy()
        labels[0:50, 50:100] = 0
        labels[50 - rows : 100 - rows, 0:50] = np.where(labels[50 - rows : 100 - rows, 0:50] == 0, 2, 1)
        labels[49, 0] = 1  # keep the first box's corner
        labels[50 - rows, 0] = 2 if rows > 0 else 0
        names = tags_of(labels, labels)
        assert (names[0] == ("overlapping",)) == (expected == "overlapping")


def test_the_wrong_class() -> None:
    target = canvas()
    target[10:60, 10:60] = 2
    labels = canvas()
    labels[10:60, 10:60] = 1
    assert tags_of(labels, target) == [("wrong class",)]
    # On background, and on void alone.
    assert tags_of(labels, canvas()) == [("wrong class",)]
    assert tags_of(labels, np.full_like(labels, VOID)) == [("wrong class",)]


def test_void_counts_nowhere() -> None:
    target = canvas()
    target[10:60, 10:60] = 1
    target[10:60, 10:50] = VOID
    labels = np.where(target == VOID, 1, target)
    assert tags_of(labels, target) == [("clean",)]


def test_tiny() -> None:
    for side, expected in ((32, ("clean",)), (31, ("tiny",))):
        target = canvas()
        target[10 : 10 + side, 10:42] = 1
        assert tags_of(target, target) == [expected]


def test_several_tags() -> None:
    target = canvas()
    target[10:110, 10:60] = 1
    labels = canvas()
    labels[10:20, 10:60] = 1
    assert tags_of(labels, target) == [("incomplete", "tiny")]
    assert names_of(0) == ("clean",)
