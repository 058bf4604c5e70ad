"""The whole middle of the experiment, with a SAM that can be followed by hand and with the built-in one."""

import pytest
import torch

from lit_samseg.refine import parse_variants, refine
from lit_samseg.sam import SegmentAnything
from tests.refine.contexts import context_of


def refine_with(text: str, labels: torch.Tensor, target: torch.Tensor | None = None) -> list[list[int]]:
    (variant,) = parse_variants([text], has_background=True)
    refined: list[list[int]] = refine(context_of(labels, target=target), variant).tolist()
    return refined


def test_class_box_joins_two_components_and_component_boxes_do_not() -> None:
    labels = torch.tensor([[1, 0, 0, 1]] * 20)
    assert refine_with("box", labels) == [[1, 1, 1, 1]] * 20
    assert refine_with("box@component", labels) == [[1, 0, 0, 1]] * 20


def test_selections_differ() -> None:
    labels = torch.tensor([[1, 1, 1, 1]])
    assert refine_with("box", labels) == [[1, 1, 1, 1]]
    assert refine_with("box@class/score", labels) == [[0, 0, 0, 0]]
    assert refine_with("box@class/score/baseline", labels) == [[1, 1, 1, 1]]
    assert refine_with("box@class/single", labels) == [[1, 1, 1, 1]]
    truth = torch.tensor([[1, 1, 0, 0]], dtype=torch.uint8)
    assert refine_with("box@class/oracle", labels, truth) == [[1, 1, 0, 0]]


def test_the_oracle_does_not_see_void() -> None:
    labels = torch.tensor([[1] * 8])
    # Without void candidate 0 (all eight) has IoU 5/5 and candidate 1 (the left four) 4/5; with it 5/8 and 4/5.
    truth = torch.tensor([[1, 1, 1, 1, 1, 255, 255, 255]], dtype=torch.uint8)
    assert refine_with("box@class/oracle", labels, truth) == [[1] * 8]


def test_the_better_fitting_class_is_on_top() -> None:
    labels = torch.tensor([[2, 1, 1, 2]])
    assert refine_with("box", labels) == [[2, 1, 1, 2]]


@pytest.fixture(scope="module")
def tiny_sam() -> SegmentAnything:
    return SegmentAnything("demo")


EDGE_CASES = {
    "empty map": torch.zeros(20, 30, dtype=torch.int64),
    "one pixel": torch.zeros(20, 30, dtype=torch.int64).index_put(
        (torch.tensor([7]), torch.tensor([9])), torch.tensor(3)
    ),
    "touches every border": torch.ones(20, 30, dtype=torch.int64),
    "one pixel high": torch.tensor([[0, 1, 1, 2, 2, 2, 0, 0]]),
    "one pixel wide": torch.tensor([[0], [1], [1], [2]]),
    "one by one": torch.tensor([[1]]),
    "every class": torch.arange(8).repeat_interleave(6).expand(30, 48).contiguous(),
    "specks only": torch.eye(24, dtype=torch.int64) * 5,
}


@pytest.mark.parametrize("case", EDGE_CASES)
@pytest.mark.parametrize("text", ["point", "points", "points+box+mask@component", "mask@class/single"])
def test_edge_cases_with_a_real_sam(case: str, text: str, tiny_sam: SegmentAnything) -> None:
    labels = EDGE_CASES[case]
    image = torch.randint(0, 256, (3, *labels.shape), generator=torch.Generator().manual_seed(0))
    context = context_of(labels, tiny_sam, image=image.to(torch.uint8))
    for fill in ("background", "baseline"):
        recipe, _, rest = text.partition("@")
        region, selection = [*rest.split("/"), ""][:2] if rest else ("class", "")
        (variant,) = parse_variants([f"{recipe}@{region}/{selection or 'iou'}/{fill}"], has_background=True)
        refined = refine(context, variant)
        assert refined.shape == labels.shape
        assert refined.dtype == labels.dtype
        assert set(refined.unique().tolist()) <= {0, *labels.unique().tolist()}
        if case == "empty map":
            assert torch.equal(refined, labels)
        if fill == "baseline":
            # Pixels never turn into background where the baseline fills.
            assert not ((refined == 0) & (labels != 0)).any()
