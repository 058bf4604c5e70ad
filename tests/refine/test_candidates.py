"""Candidates of several regions, compared with them at once as on a GPU."""

import torch

from lit_samseg.refine import RegionCandidates
from lit_samseg.refine.candidates import compare_together
from lit_samseg.refine.merging import Union
from lit_samseg.sam import MaskWindow
from tests.refine.contexts import context_of, regions_of


def test_together_they_are_as_alike_as_each_alone() -> None:
    generator = torch.Generator().manual_seed(5)
    labels = torch.randint(0, 4, (9, 11), generator=generator)
    labels[:3] = 3
    context = context_of(labels)
    # Of two maps of numbers, and with another number of candidates in between.
    regions = regions_of(labels, "class") + regions_of(labels, "component", min_area=2)
    assert len(regions) > 5
    candidates = []
    for n, region in enumerate(regions):
        masks = torch.rand(1 if n == 2 else 3, 9, 11, generator=generator) > 0.4
        masks[0] &= n != 1
        scores = torch.zeros(len(masks))
        candidates.append(RegionCandidates(region, MaskWindow(0, 0, masks), masks.float(), scores, context))
    alone = [one.likeness for one in candidates]
    for one in candidates:
        del vars(one)["likeness"]
    compare_together(candidates)
    for one, expected in zip(candidates, alone, strict=True):
        assert "likeness" in vars(one)
        assert one.likeness.dtype == torch.float64
        assert torch.equal(one.likeness, expected)
    assert alone[1][0] == 0 < alone[1][1]


def test_a_union_of_whole_images_is_one_mask() -> None:
    masks = torch.rand(5, 1, 4, 6, generator=torch.Generator().manual_seed(1)) > 0.8
    union = Union()
    assert union.take() is None
    for mask in masks:
        union.add(MaskWindow(0, 0, mask.clone()))
    assert len(union._windows) == 1
    found = union.take()
    assert found is not None
    assert torch.equal(found.masks, masks.any(0))
    assert union.take() is None


def test_a_union_of_windows_holds_them_all() -> None:
    union, expected = Union(), torch.zeros(1, 9, 9, dtype=torch.bool)
    for top, left in ((1, 2), (5, 4), (5, 4), (0, 0)):
        mask = torch.eye(3, dtype=torch.bool)[None]
        union.add(MaskWindow(top, left, mask))
        expected[0, top : top + 3, left : left + 3] |= mask[0]
    found = union.take()
    assert found is not None
    assert torch.equal(found.whole(9, 9), expected)
