import torch

from tests.refine.contexts import prompt_of, regions_of


def region_of_blocks(count: int):
    """One class in ``count`` blocks of growing size."""
    labels = torch.zeros(30, 30 * count, dtype=torch.int64)
    for n in range(count):
        labels[0 : n + 1, 30 * n : 30 * n + n + 1] = 1
    (region,) = regions_of(labels, "class")
    return region


def test_point_is_the_centroid_of_the_largest_component() -> None:
    prompt = prompt_of(region_of_blocks(3), "point")
    assert prompt.points is not None
    assert prompt.points.tolist() == [[61.0, 1.0]]
    assert prompt.box is None
    assert prompt.mask is None


def test_points_are_the_sixteen_largest_components() -> None:
    prompt = prompt_of(region_of_blocks(18), "points")
    assert prompt.points is not None
    assert len(prompt.points) == 16
    assert prompt.points[0].tolist() == [30 * 17 + 8.5, 8.5]
    assert prompt.points[-1].tolist() == [30 * 2 + 1.0, 1.0]


def test_parts_add_up() -> None:
    region = region_of_blocks(2)
    prompt = prompt_of(region, "points+box+mask")
    assert prompt.points is not None
    assert prompt.mask is not None
    assert torch.equal(prompt.points, region.centroids)
    assert prompt.box is region.box
    assert torch.equal(prompt.mask, region.mask)
    assert prompt.mask_strength == 10
