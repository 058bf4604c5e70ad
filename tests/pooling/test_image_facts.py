"""Moderators of each image, from a run's numbers by hand."""

import dataclasses

import numpy as np
import pytest

from lit_samseg.pooling.image_facts import image_facts, image_gains
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.regions import RegionLine

IDS = ["i", "j", "void"]


def region(image: str, row: str, area: int) -> RegionLine:
    return {
        "id": image, "row": row, "region": 0, "class": "cat", "area": area, "box": [0, 0, 1, 1], "tags": [],
        "before": 0.5, "after": 0.5, "best": 0.5, "chosen": 0, "score": [], "iou": [], "truth": [],
    }  # fmt: skip


def evidence(regions: list[RegionLine] | None, borders: bool = True) -> Evidence:
    """Two rows, three images of 100 pixels, two classes; nothing of the third is scored."""
    intersection = np.array([[[40, 20], [90, 0], [0, 0]], [[45, 30], [95, 0], [0, 0]]])
    gt_area = np.array([[[60, 40], [100, 0], [0, 0]]] * 2)
    pred_area = np.array([[[60, 40], [90, 10], [0, 0]], [[55, 45], [95, 5], [0, 0]]])
    bands = np.zeros((2, 3, 3, 2), np.int64)
    bands[0, 2] = [[10, 8], [0, 6], [0, 0]]
    bands[1, 2] = 99
    return Evidence(
        ["baseline", "box"], IDS, np.stack([intersection, gt_area, pred_area], axis=1),
        {"before": bands} if borders else None, regions=regions, ladder_rows=[] if regions is None else ["box"],
    )  # fmt: skip


def test_moderators_by_hand() -> None:
    regions = [region("i", "box", 10), region("i", "box", 30), region("i", "box", 21), region("j", "box", 90)]
    regions += [region("j", "box@class", 90)]
    found = image_facts(evidence(regions), "box")
    before = [(40 / 80 + 20 / 60) / 2, 0.9, np.nan]
    after = [(45 / 70 + 30 / 55) / 2, 0.95, np.nan]
    assert found["baseline_score"] == pytest.approx(before, nan_ok=True)
    assert image_gains(evidence(regions), "box") == pytest.approx(np.subtract(after, before), nan_ok=True)
    assert found["mean_score"] == pytest.approx(np.add(after, before) / 2, nan_ok=True)
    assert found["regions"].tolist() == [3, 1, 0]
    assert found["region_size"] == pytest.approx([np.log2(0.21), np.log2(0.9), np.nan], nan_ok=True)
    assert found["border_share"] == pytest.approx([0.18, 0.06, np.nan], nan_ok=True)
    assert image_gains(evidence(regions), "baseline") == pytest.approx([0, 0, np.nan], nan_ok=True)


def test_entropy_where_it_was_kept() -> None:
    kept = evidence(None)
    assert np.isnan(image_facts(kept, "box")["entropy"]).all()
    counts = {"nats": np.array([[0.5, 0.0, 0.25]] * 2), "known": np.array([[1, 0, 1]] * 2)}
    found = image_facts(dataclasses.replace(kept, metrics={"entropy": counts}), "box")
    assert found["entropy"] == pytest.approx([0.5, np.nan, 0.25], nan_ok=True)


def test_without_an_analysis_classes_are_counted() -> None:
    found = image_facts(evidence(None, borders=False), "box")
    assert found["regions"].tolist() == [2, 2, 0]
    assert found["region_size"] == pytest.approx([np.log2(0.5), np.log2(0.5), np.nan], nan_ok=True)
    assert np.isnan(found["border_share"]).all()


def test_an_analysis_without_a_region_has_none() -> None:
    found = image_facts(evidence([]), "box")
    assert found["regions"].tolist() == [0, 0, 0]
    assert np.isnan(found["region_size"]).all()
