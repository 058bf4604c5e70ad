import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lit_samseg.refine import select
from lit_samseg.refine.selection import intersection_over_union

REGION = torch.tensor([[1, 1, 1, 0]]).bool()
MASKS = torch.tensor([[[1, 0, 0, 0]], [[1, 1, 0, 0]], [[0, 1, 1, 0]]]).bool()
SCORES = torch.tensor([0.2, 0.9, 0.9])


def test_iou_takes_the_candidate_most_like_the_region_and_the_first_of_equals() -> None:
    assert int(select(MASKS, SCORES, "iou", REGION)) == 1


def test_score_takes_sams_own_favourite_and_the_first_of_equals() -> None:
    assert int(select(MASKS, SCORES, "score", REGION)) == 1
    assert int(select(MASKS, SCORES.flip(0), "score", REGION)) == 0


def test_oracle_looks_at_the_truth_only() -> None:
    truth = torch.tensor([[0, 1, 1, 1]]).bool()
    assert int(select(MASKS, SCORES, "oracle", REGION, truth)) == 2
    with pytest.raises(ValueError, match="ground truth"):
        select(MASKS, SCORES, "oracle", REGION)


def test_single_takes_the_only_one() -> None:
    assert int(select(MASKS[2:], SCORES[2:], "single", REGION)) == 0


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3), st.integers(0, 255))
def test_iou_is_exact(masks: list[int], reference: int) -> None:
    def bits(number: int) -> torch.Tensor:
        return torch.tensor([[number >> i & 1 for i in range(8)]]).bool()

    stacked = torch.stack([bits(m) for m in masks])
    expected = [(m & reference).bit_count() / (m | reference).bit_count() if m | reference else 0.0 for m in masks]
    assert intersection_over_union(stacked, bits(reference)).tolist() == expected
    assert int(select(stacked, torch.zeros(3), "iou", bits(reference))) == expected.index(max(expected))
