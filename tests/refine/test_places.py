"""Points and boxes of a mask, against a search over all pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lit_samseg.refine import REGION_FINDERS, parse_variants
from lit_samseg.refine.prompt_geometry import widened_box
from lit_samseg.refine.prompt_requests import collect_requests
from lit_samseg.sam import Embedding, Frame
from tests.refine.contexts import context_of, prompt_of, regions_of
from tests.refine.test_regions import components_by_scipy

Place = tuple[int, int]
MASKS = st.tuples(st.integers(1, 11), st.integers(1, 11)).flatmap(lambda shape: arrays(np.bool_, shape))


def farthest(of: list[Place], from_all: list[Place]) -> Place:
    """The first (y, x) whose nearest of the others is farthest, by comparing squares, which are whole numbers."""
    nearest = [min((y - v) ** 2 + (x - u) ** 2 for v, u in from_all) for y, x in of]
    return of[nearest.index(max(nearest))]


def places(mask: np.ndarray) -> list[Place]:
    return [(int(y), int(x)) for y, x in np.argwhere(mask)]


@settings(max_examples=150, deadline=None)
@given(MASKS)
def test_points_are_those_found_by_search(mask: np.ndarray) -> None:
    regions = regions_of(torch.from_numpy(mask.astype(np.int64)), "class")
    if not mask.any():
        assert regions == []
        return
    prompt = prompt_of(regions[0], "pole+negative")
    largest = np.pad(components_by_scipy(mask)[0], 1)
    y, x = farthest(places(largest), places(~largest))
    assert prompt.points is not None
    assert prompt.points.dtype == torch.float64
    assert prompt.points.tolist() == [[x - 1, y - 1]]
    assert mask[y - 1, x - 1]
    rows, columns = np.nonzero(mask)
    in_box = np.zeros_like(mask)
    in_box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    if mask[in_box].all():
        assert prompt.negative_points is None
        assert prompt.token_layout == (1, 0, False, False)
    else:
        y, x = farthest(places(in_box & ~mask), places(mask))
        assert prompt.negative_points is not None
        assert prompt.negative_points.tolist() == [[x, y]]
        assert prompt.token_layout == (1, 1, False, False)


def test_a_pole_is_inside_where_a_centroid_is_not() -> None:
    y, x = np.mgrid[:60, :60]
    ring = torch.from_numpy((np.hypot(y - 30, x - 30) < 25) & (np.hypot(y - 30, x - 30) > 12)).long()
    (region,) = regions_of(ring, "class")
    (centroid,), (pole,) = region.centroids.long().tolist(), region.pole.long().tolist()
    assert not ring[centroid[1], centroid[0]]
    assert ring[pole[1], pole[0]]
    # The farthest from the ring: its hole's middle, or a corner of its box.
    assert region.negative is not None
    assert region.negative.tolist() == [[30.0, 30.0]]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([20.0, 30, 59, 49], [16.0, 28, 63, 51]),  # 40 x 20 pixels
        ([100, 100, 299, 400], [90, 90, 309, 410]),  # at most 10
        ([2, 0, 101, 7], [0, 0, 111, 7.8]),  # clipped
        ([600, 479, 639, 479], [596, 478.9, 639, 479]),
        ([0, 0, 639, 479], [0, 0, 639, 479]),
    ],
)
def test_widened_boxes(box: list[float], expected: list[float]) -> None:
    widened = widened_box(torch.tensor(box, dtype=torch.float64), 480, 640, 0.1, 10)
    assert widened.tolist() == pytest.approx(expected)


def test_parts_of_samrefiner_in_a_prompt() -> None:
    labels = torch.zeros(40, 50, dtype=torch.int64)
    labels[10:30, 20:40] = 1
    labels[10:14, 20:24] = 0
    (region,) = regions_of(labels, "class")
    prompt = prompt_of(region, "pole+negative+wide+gauss")
    assert prompt.negative_points is not None
    assert prompt.negative_points.tolist() == [[20, 10]]
    assert prompt.box is not None
    assert prompt.box.tolist() == [18, 8, 41, 31]
    assert prompt.mask is not None
    assert torch.equal(prompt.mask, labels == 1)
    assert (prompt.mask_strength, prompt.mask_gamma) == (30, 4)
    assert prompt.token_layout == (1, 1, True, True)
    assert prompt_of(region, "box+mask").mask_gamma is None


def test_which_prompts_are_one_request() -> None:
    labels = torch.zeros(60, 80, dtype=torch.int64)
    labels[5:25, 5:25] = 1
    labels[40:55, 5:25] = labels[40:55, 40:70] = 2
    context = context_of(labels)

    def asked(*texts: str) -> int:
        return len(collect_requests(parse_variants(texts, has_background=True), context))

    # A rectangle's negative point is none; a class in pieces has one.
    assert asked("box", "negative+box") == 3
    assert asked("pole", "pole@component") == 3
    assert asked("box", "wide") == 4
    assert asked("gauss", "mask") == 4
    assert asked("pole+gauss@component", "pole+gauss@split") == 3 + (len(context.regions(REGION_FINDERS["split"])) == 2)


def test_a_context_aware_box_grows_where_there_is_more_of_the_same() -> None:
    """60 x 80 pixels on 15 x 20 cells; the mask's embedding goes on below and to the right of it."""
    features = torch.zeros(3, 20, 20)
    features[0] = 1.0  # what lies around is at right angles to the thing
    features[:, 4:13, 5:12] = torch.tensor([0.0, 2.0, 1.0])[:, None, None]
    embedding = Embedding(features, Frame(60, 80, 80, 20))
    labels = torch.zeros(60, 80, dtype=torch.int64)
    labels[16:44, 20:40] = 1
    (region,) = regions_of(labels, "class")
    context = context_of(labels, embedding=embedding)
    box = prompt_of(region, "cebox", context).box
    assert box is not None
    # Cells 4..12 are rows 16..51, cells 5..11 columns 20..47: more of the same below and to the right.
    assert box.tolist() == pytest.approx([20, 16, 41, 45.8])
    labels[17:43, 21:39] = 0  # a frame one pixel wide is the most of no cell
    (thin,) = regions_of(labels, "class")
    unmoved = prompt_of(thin, "cebox", context).box
    assert unmoved is not None
    assert unmoved.tolist() == [20, 16, 39, 43]
