"""Rows that believe otherwise of an image, against the same steps taken by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.refine import Belief, Grid, ImageContext, option, parse_variant, refine, refine_by_all
from lit_samseg.sam import SegmentAnything
from tests.refine.contexts import context_of
from tests.refine.test_asking import case

HERE = "tests.refine.test_beliefs:"


@dataclass(frozen=True)
class Same(Belief):
    """Believes what was believed before."""

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        return grid


@dataclass(frozen=True)
class Swapped(Belief):
    """Takes the last two classes for each other."""

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        order = torch.arange(len(grid.classes))
        order[-2:] = order[-2:].flip(0)
        return replace(grid, log_probabilities=grid.log_probabilities[order])


@dataclass(frozen=True)
class Found(Belief):
    """Finds a class in the image's middle."""

    main = "class_id"
    class_id: int = option(3, "the class that is found", least=1)

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        height, width = grid.shape
        found = grid.log_probabilities.new_full((1, height, width), -20.0)
        found[:, height // 4 : -(height // 4), width // 4 : -(width // 4)] = 20.0
        classes = torch.cat([grid.classes, grid.classes.new_tensor([self.class_id])])
        return replace(
            grid, classes=classes, log_probabilities=torch.cat([grid.log_probabilities, found]).log_softmax(0)
        )


@dataclass(frozen=True)
class Short(Belief):
    """Forgets a class's log-probabilities."""

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        return replace(grid, log_probabilities=grid.log_probabilities[1:])


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


def rows(context: ImageContext, texts: Sequence[str]) -> list[Tensor]:
    """Return each text's label map."""
    return [refine(context, parse_variant(text, has_background=True)) for text in texts]


@pytest.mark.parametrize(
    "row", ["points+box+mask@component", "point+box+margin@component/fuse/vote/samcrf", "none@crf"]
)
def test_the_same_belief_gives_the_same_row(sam: SegmentAnything, row: str) -> None:
    image, _, labels = case(3)
    context = context_of(labels, sam, image=image)
    plain, believing = rows(context, [row, f"{row}/{HERE}Same"])
    assert not torch.equal(plain, labels)
    assert torch.equal(believing, plain)


def test_regions_are_those_of_what_is_believed(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    context = context_of(labels, sam, image=image)
    *_, last, other = context.grid.classes.tolist()
    swapped = torch.where(labels == last, other, torch.where(labels == other, last, labels))
    by_hand = context_of(swapped, sam, image=image)
    row = "point+box+margin@component/fuse/vote"
    (expected,) = rows(by_hand, [row])
    both = refine_by_all(context, [parse_variant(text, True) for text in (row, f"{row}/{HERE}Swapped")])
    found, plain = both[parse_variant(f"{row}/{HERE}Swapped", True).name], both[row]
    assert torch.equal(found, expected)
    assert not torch.equal(found, plain)
    # Where nothing is believed otherwise, each pixel keeps its label, finer than a grid's cell.
    assert torch.equal(rows(context, [f"none@{HERE}Same"])[0], labels)


def test_beliefs_act_in_the_order_in_which_they_are_written(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    context = context_of(labels, sam, image=image)
    grid = context.grid
    for text, by_hand in (
        (f"none@{HERE}Found/{HERE}Swapped", Swapped().revise(Found().revise(grid, context), context)),
        (f"none@{HERE}Swapped/{HERE}Found", Found().revise(Swapped().revise(grid, context), context)),
    ):
        assert torch.equal(rows(context, [text])[0], context.believing(by_hand).label_map)


def test_a_class_is_found_where_there_was_no_region(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    nothing = torch.zeros_like(labels)
    predictor = Predictor(sam, background=0)
    context = predictor.set_image(image, nothing)
    row = parse_variant(f"box@component/fuse/{HERE}Found", has_background=True)
    plain = parse_variant("box@component/fuse", has_background=True)
    refined = predictor.refine(context, [plain, row])
    assert torch.equal(refined[plain.name], nothing)
    assert set(refined[row.name].unique().tolist()) == {0, 3}
    height, width = labels.shape
    assert refined[row.name][height // 2, width // 2] == 3
    map_, confidence = predictor.refine_with_confidence(context, row)
    assert torch.equal(map_, refined[row.name])
    assert confidence[height // 2, width // 2] > 0.9
    assert predictor.scores(context, row).classes.tolist() == [0, 3]


def test_masks_can_be_painted_for_what_is_believed(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    context = predictor_context = Predictor(sam, background=0).set_image(image, torch.zeros_like(labels))
    (painted,) = rows(context, [f"box@component/{HERE}Found"])
    believed = predictor_context.believing(Found().revise(context.grid, context))
    (by_hand,) = rows(context_of(believed.label_map, sam, image=image), ["box@component"])
    assert torch.equal(painted, by_hand)
    assert painted.any()


def test_what_cannot_be_believed_is_named(sam: SegmentAnything) -> None:
    image, _, labels = case(3)
    context = context_of(labels, sam, image=image)
    with pytest.raises(InputError, match=r"Short.*log-probabilities"):
        rows(context, [f"none@{HERE}Short"])
