"""Which images pairs have in common."""

from typing import Any, cast

import numpy as np

from lit_samseg.pooling.finished_pair import FinishedPair, image_keys
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.record import RunRecord

IDS = ["a", "b", "c"]


def pair(name: str, seed: int, ids: list[str] = IDS, classes: int = 2) -> FinishedPair:
    """Make a pair over a data set of that name; pairs of one seed have one ground truth."""
    counts = np.zeros((2, 3, len(ids), classes), np.int64)
    truth = np.random.default_rng(seed).integers(1, 1000, (len(IDS), classes))
    counts[:, 1] = truth[[IDS.index(image) for image in ids]]
    facts = cast(Any, {"dataset": {"name": name}})
    record = RunRecord(Evidence(["baseline", "box"], ids, counts), [f"class {n}" for n in range(classes)], facts)
    return FinishedPair(f"{name} {seed}", "folder", record, ["box"], {})


def test_equal_ids_of_one_data_set_are_one_image() -> None:
    assert image_keys([pair("voc", 1), pair("ade", 1), pair("voc", 1, ids=["c", "a"])]) == ["voc", "ade", "voc"]


def test_folders_that_name_other_images_alike_are_told_apart_by_their_truth() -> None:
    first, second, third = image_keys([pair("folder", 1), pair("folder", 2), pair("folder", 2, ids=["b"])])
    assert first != second == third


def test_pictures_with_other_classes_are_the_same_pictures() -> None:
    first, second = image_keys([pair("coco", 1), pair("coco", 2, classes=5)])
    assert first == second
