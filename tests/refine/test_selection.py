import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lit_samseg.refine import PARTS, Region, RegionCandidates, Selector, find_regions, intersection_over_union
from lit_samseg.refine.region_finders import WholeClass
from lit_samseg.refine.selection import select
from lit_samseg.sam import MaskWindow
from tests.refine.contexts import context_of

REGION = torch.tensor([[1, 1, 1, 0]]).bool()
MASKS = torch.tensor([[[1, 0, 0, 0]], [[1, 1, 0, 0]], [[0, 1, 1, 0]]]).bool()
SCORES = torch.tensor([0.2, 0.9, 0.9])


def chosen(masks: Tensor, scores: Tensor, word: str, region: Tensor, truth: Tensor | None = None) -> int:
    """The candidate that a selector of the package keeps; of an empty region, those like it are asked about."""
    selector = PARTS.find(word)()
    assert isinstance(selector, Selector)
    labels = region.long()
    context = context_of(labels, target=truth)
    found = find_regions(labels, WholeClass(), 0) or [Region(1, labels, 1, torch.zeros(4), torch.zeros(0, 2), 0, 0)]
    window = MaskWindow(0, 0, masks)
    (chosen,) = select(selector, [RegionCandidates(found[0], window, masks.float(), scores, context)])
    return int(chosen)


def test_iou_takes_the_candidate_most_like_the_region_and_the_first_of_equals() -> None:
    assert chosen(MASKS, SCORES, "iou", REGION) == 1


def test_score_takes_sams_own_favourite_and_the_first_of_equals() -> None:
    assert chosen(MASKS, SCORES, "score", REGION) == 1
    assert chosen(MASKS, SCORES.flip(0), "score", REGION) == 0


def test_oracle_looks_at_the_truth_only() -> None:
    truth = torch.tensor([[0, 1, 1, 1]])
    assert chosen(MASKS, SCORES, "oracle", REGION, truth) == 2
    with pytest.raises(ValueError, match="ground truth"):
        chosen(MASKS, SCORES, "oracle", REGION)


def test_single_takes_the_only_one() -> None:
    assert chosen(MASKS[2:], SCORES[2:], "single", REGION) == 0


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3), st.integers(0, 255))
def test_iou_is_exact(masks: list[int], reference: int) -> None:
    def bits(number: int) -> torch.Tensor:
        return torch.tensor([[number >> i & 1 for i in range(8)]]).bool()

    stacked = torch.stack([bits(m) for m in masks])
    expected = [(m & reference).bit_count() / (m | reference).bit_count() if m | reference else 0.0 for m in masks]
    assert intersection_over_union(stacked, bits(reference)).tolist() == expected
    assert chosen(stacked, torch.zeros(3), "iou", bits(reference)) == expected.index(max(expected))
