"""The likeliest of the classes that are there, against every pixel's scores."""

import pytest
import torch
from torch.nn import functional as F

from lit_samseg.analysis.likeliest import likeliest_of_truth
from tests.refine.contexts import context_of


@pytest.mark.parametrize("size", [(7, 9), (40, 56)])
def test_scores_of_any_size(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(6, *size)
    target = torch.full((40, 56), 255, dtype=torch.uint8)
    target[5:20, 3:30] = 2
    target[20:30] = 5
    labels = torch.zeros(40, 56, dtype=torch.int16)
    found = likeliest_of_truth(context_of(labels, logits=logits, target=target))
    assert found is not None
    assert found.dtype == labels.dtype
    scores = F.interpolate(logits[None], (40, 56), mode="bilinear", align_corners=False)[0]
    expected = torch.where(scores[5] > scores[2], 5, 2)
    clear = (scores[5] - scores[2]).abs() > 1e-4
    assert clear.float().mean() > 0.99
    assert torch.equal(found[clear].long(), expected[clear])
    assert {2, 5} == set(found.unique().tolist())


def test_a_class_without_a_score_is_left_out() -> None:
    target = torch.tensor([[1, 7, 255, 7]])
    found = likeliest_of_truth(context_of(torch.zeros_like(target), logits=torch.zeros(6, 1, 4), target=target))
    assert found is not None
    assert found.tolist() == [[1] * 4]


def test_nothing_is_known_without_scores_or_classes() -> None:
    labels, logits = torch.zeros(4, 4, dtype=torch.int16), torch.zeros(6, 4, 4)
    void, there = torch.full((4, 4), 255), torch.ones(4, 4, dtype=torch.int64)
    assert likeliest_of_truth(context_of(labels, target=there)) is None
    assert likeliest_of_truth(context_of(labels, logits=logits)) is None
    assert likeliest_of_truth(context_of(labels, logits=logits, target=void)) is None
