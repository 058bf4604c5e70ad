"""Which components are one thing: against the published rule written out pair by pair, and by example."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lit_samseg.refine import find_regions_by
from lit_samseg.refine.region_finders import Component, Split, WholeClass
from tests.refine.contexts import regions_of
from tests.refine.test_regions import components_by_scipy

FINDERS = (WholeClass(), Component(min_area=3), Split())
LABEL_MAPS = st.tuples(st.integers(1, 16), st.integers(1, 16)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.sampled_from([0, 0, 0, 1, 1, 2]))
)


def facts(mask: np.ndarray) -> tuple[int, tuple[int, int, int, int], int]:
    """Area, box and the box's area."""
    y, x = np.nonzero(mask)
    box = int(x.min()), int(y.min()), int(x.max()), int(y.max())
    return len(y), box, (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def merged(parts: list[np.ndarray]) -> list[np.ndarray]:
    """SAMRefiner's ``merge_regions`` on masks; the parts come largest first."""
    kept = [part for part in parts if part.sum() >= 5]
    if not kept:
        return [np.any(parts, axis=0)]
    name = list(range(len(kept)))

    def mask_of(group: int) -> np.ndarray:
        return np.any([part for part, own in zip(kept, name, strict=True) if own == group], axis=0)

    for i in range(len(kept)):
        for j in range(i + 1, len(kept)):
            if name[i] == name[j]:
                continue
            ours, theirs = mask_of(name[i]), mask_of(name[j])
            (area, _, box), (other_area, _, other_box) = facts(ours), facts(theirs)
            union = facts(ours | theirs)[2]
            least = min(0.5, min(area / box, other_area / other_box) - 0.1)
            if box + other_box > 0.5 * union and (area + other_area) / union > least:
                gone = name[j]
                name = [name[i] if own == gone else own for own in name]
    return [mask_of(group) for group in sorted(set(name))]


@settings(max_examples=300, deadline=None)
@given(LABEL_MAPS)
def test_groups_are_those_of_the_published_rule(labels: np.ndarray) -> None:
    regions = regions_of(torch.from_numpy(labels), "split")
    expected = [(c, m) for c in np.unique(labels) if c for m in merged(components_by_scipy(labels == c))]
    assert len(regions) == len(expected)
    found = {(region.class_id, region.mask.numpy().tobytes()) for region in regions}
    assert found == {(int(c), m.tobytes()) for c, m in expected}
    for region in regions:
        area, box, _ = facts(region.mask.numpy())
        assert (region.area, tuple(region.box.tolist())) == (area, box)
        assert region.first_pixel == int(np.flatnonzero(region.mask)[0])
        y, x = np.nonzero(components_by_scipy(region.mask.numpy())[0])
        np.testing.assert_allclose(region.centroids[0].numpy(), [x.mean(), y.mean()], atol=1e-12)
    keys = [(region.class_id, -region.area) for region in regions]
    assert keys == sorted(keys)


@settings(max_examples=200, deadline=None)
@given(LABEL_MAPS)
def test_regions_of_all_kinds_are_told_apart_by_their_pixels(labels: np.ndarray) -> None:
    regions = find_regions_by(torch.from_numpy(labels), FINDERS, 0)
    masks: dict[tuple[int, int, int], bytes] = {}
    for region in (region for finder in FINDERS for region in regions[finder]):
        mask = region.mask.numpy().tobytes()
        assert masks.setdefault(region.pixels, mask) == mask
    assert len(set(masks.values())) == len(masks)


def test_what_a_lamp_post_cuts_is_one_and_what_is_far_is_another() -> None:
    labels = torch.zeros(60, 120, dtype=torch.int64)
    labels[10:40, 5:25] = labels[10:40, 28:50] = 1  # a bus behind a post
    labels[45:55, 100:115] = 1  # another one
    labels[0, 0:4] = 1  # a speck
    bus, other = regions_of(labels, "split")
    assert bus.area == 30 * 42
    assert bus.box.tolist() == [5, 10, 49, 39]
    assert bus.centroids.tolist() == [[38.5, 24.5], [14.5, 24.5]]
    assert other.area == 150
    assert int(bus.mask.sum()) == 30 * 42


def test_a_class_of_specks_is_one_region() -> None:
    labels = torch.zeros(8, 8, dtype=torch.int64)
    labels[0, 0] = labels[7, 6:8] = 2
    (region,) = regions_of(labels, "split")
    assert region.area == 3


def test_thousands_of_components() -> None:
    """In seconds, not hours: noise has a few thousand of a class."""
    labels = torch.zeros(300, 300, dtype=torch.int64)
    labels[::5, ::5] = 1
    for shift in range(3):
        labels[shift::5, ::5] = labels[shift::5, 1::5] = 1
    assert len(regions_of(labels, "component", min_area=1)) == 3600
    assert len(regions_of(labels, "split")) >= 1
