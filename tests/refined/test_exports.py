"""What other libraries take: COCO's annotations and supervision's detections."""

import sys
import types
from typing import Any

import numpy as np
import pytest

from lit_samseg import Refinement
from lit_samseg.errors import InputError


def decoded(rle: dict[str, list[int]]) -> np.ndarray:
    """As COCO's page has it: runs of 0 and 1 in turn, down the columns."""
    pixels = [value % 2 for value, count in enumerate(rle["counts"]) for _ in range(count)]
    height, width = rle["size"]
    return np.array(pixels, bool).reshape(width, height).T


def test_annotations_are_those_of_the_regions(ring: Refinement) -> None:
    annotations = ring.to_coco(image_id=7)
    assert [a["id"] for a in annotations] == [1, 2, 3]
    assert {a["image_id"] for a in annotations} == {7}
    for annotation, region in zip(annotations, ring.regions, strict=True):
        mask = decoded(annotation["segmentation"])
        assert np.array_equal(mask, region.mask())
        y, x = np.nonzero(mask)
        assert annotation["bbox"] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
        assert annotation["area"] == mask.sum()
        assert annotation["category_id"] == region.class_id
        assert annotation["score"] == pytest.approx(region.confidence, abs=1e-6)


def test_without_supervision_a_line_says_so(ring: Refinement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(InputError, match=r"pip install 'lit_samseg\[supervision\]'"):
        ring.to_supervision()


def test_detections(ring: Refinement, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself where it is installed, else what it would be given."""
    try:
        import supervision  # noqa: F401
    except ImportError:
        library: Any = types.ModuleType("supervision")
        library.Detections = types.SimpleNamespace
        monkeypatch.setitem(sys.modules, "supervision", library)
    found = ring.to_supervision()
    assert found.xyxy.tolist() == [[1, 1, 3, 3], [4, 4, 4, 4], [5, 1, 5, 2]]
    assert found.mask.shape == (3, 5, 6)
    assert found.mask.sum((1, 2)).tolist() == [8, 1, 2]
    assert found.class_id.tolist() == [1, 1, 2]
    assert found.data["class_name"].tolist() == ["cat", "cat", "dog"]
    assert found.confidence.dtype == np.float32
