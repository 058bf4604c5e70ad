"""A baseline that looks again where it is in doubt."""

import pytest
import torch
from torch import Tensor

from lit_samseg.refine import Grid, ImageContext, parse_variants, refine
from lit_samseg.refine.second_look import Look
from lit_samseg.sam import Frame
from tests.conftest import refuses
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam

CLASSES = torch.tensor([0, 2, 3])


def context(share: float, look: Tensor | None = None, background: int | None = 0) -> tuple[ImageContext, list[float]]:
    """A thing of class 2, found with a probability; and at which scales the baseline looked again."""
    planes = torch.full((3, 40, 60), 0.01)
    planes[1, 10:30, 5:25] = share
    planes[0] = 1 - planes[1:].sum(0)
    labels = CLASSES[planes.max(0).indices]
    frame = Frame(40, 60, size=60, mask_size=60)
    grid = Grid(frame, CLASSES, planes.log(), labels, torch.zeros(3, 40, 60), scored=True)
    scales: list[float] = []

    def look_closer(scale: float) -> Tensor:
        scales.append(scale)
        assert look is not None
        return look

    closer = None if look is None else look_closer
    return context_of(labels, BoxFillingSam(), background, grid=grid, look_closer=closer), scales


def logits() -> Tensor:
    """The closer look says class 3, and class 1, which takes no part in the first."""
    closer = torch.zeros(4, 20, 30)
    closer[3, 5:15, 3:12] = 12.0
    closer[1] = 9.0
    return closer


def test_both_looks_count_alike_where_there_is_doubt() -> None:
    image, scales = context(0.6, logits())
    believed = Look(scale=2.0).revise(image.grid, image)
    assert scales == [2.0]
    assert torch.equal(believed.classes, CLASSES)
    torch.testing.assert_close(believed.log_probabilities.exp().sum(0), torch.ones(40, 60))
    # In the middle of a cell of both: of the closer look all four classes' shares, and then those of the first three.
    first = image.grid.log_probabilities[:, 21, 11]
    closer = logits()[:, 10, 5].log_softmax(0)[CLASSES]
    expected = ((first + closer) / 2).log_softmax(0)
    torch.testing.assert_close(believed.log_probabilities[:, 21, 11], expected)


@pytest.mark.parametrize(("share", "looks"), [(0.95, 0), (0.85, 0), (0.75, 1), (0.3, 1), (0.15, 0)])
def test_who_is_in_no_doubt_does_not_look(share: float, looks: int) -> None:
    image, scales = context(share, logits())
    believed = Look().revise(image.grid, image)
    assert len(scales) == looks
    assert (believed is image.grid) == (not looks)


def test_without_a_background_every_class_may_be_doubted() -> None:
    image, scales = context(0.15, logits(), background=None)
    Look().revise(image.grid, image)
    assert not scales
    image, scales = context(0.75, logits(), background=None)
    Look().revise(image.grid, image)
    assert scales == [1.5]


def test_a_row_looks_again_and_refines_what_is_believed_then() -> None:
    (row,) = parse_variants(["none@look/crf"], has_background=True)
    image, scales = context(0.45, logits())
    assert not (image.label_map == 2).any()
    assert not (image.label_map == 3).any()
    refined = refine(image, row)
    assert scales == [1.5]
    assert bool((refined[14:26, 8:20] == 3).all())
    nobody, _ = context(0.6)
    refuses(lambda: refine(nobody, row), "'look' has the baseline look again, and there is none")
