"""Regions: against scipy's labelling, by example and at the edges."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from torchvision.ops import masks_to_boxes

from tests.refine.contexts import regions_of

LABEL_MAPS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 3))
)


def components_by_scipy(mask: np.ndarray) -> list[np.ndarray]:
    """8-connected components by descending area, then first pixel."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    parts = [labels == i + 1 for i in range(count)]
    return sorted(parts, key=lambda part: (-part.sum(), np.flatnonzero(part)[0]))


def centroid(part: np.ndarray) -> list[float]:
    y, x = np.nonzero(part)
    return [x.mean(), y.mean()]


@settings(max_examples=150, deadline=None)
@given(LABEL_MAPS)
def test_class_regions_agree_with_scipy_and_torchvision(labels: np.ndarray) -> None:
    regions = regions_of(torch.from_numpy(labels), "class")
    assert [r.class_id for r in regions] == [c for c in np.unique(labels) if c != 0]
    for region in regions:
        mask = labels == region.class_id
        assert np.array_equal(region.mask.numpy(), mask)
        assert torch.equal(region.box.float(), masks_to_boxes(region.mask[None])[0])
        expected = [centroid(part) for part in components_by_scipy(mask)]
        np.testing.assert_allclose(region.centroids.numpy(), expected, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(LABEL_MAPS, st.integers(1, 8))
def test_component_regions_agree_with_scipy(labels: np.ndarray, min_area: int) -> None:
    regions = regions_of(torch.from_numpy(labels), "component", None, min_area)
    expected = []
    for class_id in np.unique(labels):
        parts = components_by_scipy(labels == class_id)
        large = [part for part in parts if part.sum() >= min_area]
        expected += [(class_id, part) for part in large or [labels == class_id]]
    assert len(regions) == len(expected)
    for region, (class_id, mask) in zip(regions, expected, strict=True):
        assert region.class_id == class_id
        assert np.array_equal(region.mask.numpy(), mask)
        assert torch.equal(region.box.float(), masks_to_boxes(region.mask[None])[0])


def test_default_min_area_is_twenty_pixels() -> None:
    labels = torch.zeros(30, 30, dtype=torch.int64)
    labels[0:4, 0:5] = 1  # 20 pixels: a component
    labels[10, 0:19] = 1  # 19 pixels: a speck
    assert [int(r.mask.sum()) for r in regions_of(labels, "component")] == [20]


def test_class_of_specks_only_is_one_region_with_all_its_centroids() -> None:
    labels = torch.zeros(8, 8, dtype=torch.int64)
    labels[0, 0] = labels[7, 6:8] = 2
    (region,) = regions_of(labels, "component")
    assert region.centroids.tolist() == [[6.5, 7.0], [0.0, 0.0]]
    assert region.box.tolist() == [0, 0, 7, 7]


def test_diagonal_neighbours_are_connected() -> None:
    labels = torch.eye(6, dtype=torch.int64)
    (region,) = regions_of(labels, "component", min_area=1)
    assert int(region.mask.sum()) == 6


def test_equal_areas_are_ordered_by_first_pixel() -> None:
    labels = torch.zeros(3, 9, dtype=torch.int64)
    labels[2, 0:2] = labels[0, 7:9] = labels[1, 3:5] = 1
    (region,) = regions_of(labels, "class")
    assert region.centroids.tolist() == [[7.5, 0], [3.5, 1], [0.5, 2]]


@pytest.mark.parametrize("kind", ["class", "component"])
def test_background_only_gives_no_region(kind: str) -> None:
    assert regions_of(torch.zeros(5, 7, dtype=torch.int64), kind) == []


def test_region_touching_every_border_and_one_pixel_high_images() -> None:
    (frame,) = regions_of(torch.ones(4, 6, dtype=torch.int64), "class")
    assert frame.box.tolist() == [0, 0, 5, 3]
    assert frame.centroids.tolist() == [[2.5, 1.5]]
    (line,) = regions_of(torch.tensor([[0, 1, 1, 0]]), "class")
    assert line.box.tolist() == [1, 0, 2, 0]


def test_points_are_found_in_the_map_on_the_host() -> None:
    labels = torch.zeros(12, 9, dtype=torch.int64)
    labels[2:9, 1:8] = 1
    labels[2:4, 1:3] = 0
    (region,) = regions_of(labels, "class")
    assert region.on_host is not None
    elsewhere = replace(region, numbers=region.numbers.to("meta"))
    assert torch.equal(elsewhere.pole, replace(region, on_host=None).pole)
    assert elsewhere.negative is not None
    assert torch.equal(elsewhere.negative, torch.tensor([[1.0, 2.0]], dtype=torch.float64))
