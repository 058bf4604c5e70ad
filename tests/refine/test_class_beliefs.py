"""What prompts say of classes to a SAM that listens."""

import pytest
import torch

from lit_samseg.refine import Grid, ImageContext
from lit_samseg.refine.class_beliefs import RULED_OUT
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.sam import Frame, Prompt
from tests.refine.contexts import context_of, prompt_parts, regions_of
from tests.refine.fake_sam import BoxFillingSam


class ListeningSam(BoxFillingSam):
    """One that listens to classes."""

    class_names = ("ground", "cat", "dog", "bird")

    def frame(self, image: torch.Tensor) -> Frame:
        return Frame(*image.shape[1:], size=64, mask_size=16)


LABELS = torch.zeros(64, 48, dtype=torch.int64)
LABELS[8:24, 8:24] = 1


def context(sam: BoxFillingSam, labels: torch.Tensor = LABELS, classes: tuple[int, ...] = (0, 1, 3)) -> ImageContext:
    frame = sam.frame(torch.zeros(3, 64, 48))
    generator = torch.Generator().manual_seed(1)
    log_probabilities = (4 * torch.randn(len(classes), 16, 12, generator=generator)).log_softmax(0)
    cells = torch.zeros(16, 12, dtype=torch.int64)
    grid = Grid(frame, torch.tensor(classes), log_probabilities, cells, torch.zeros(3, 16, 12), scored=True)
    return context_of(labels, sam, grid=grid)


def prompt_in(image: ImageContext) -> Prompt:
    (region,) = regions_of(image.label_map, "component")
    return build_prompt(prompt_parts("box"), region, image)


def test_planes_are_means_of_how_likely_classes_are() -> None:
    image = context(ListeningSam())
    prompt = prompt_in(image)
    assert prompt.class_id == 1
    assert prompt.beliefs is not None
    assert prompt.beliefs.shape == (2 + 4, 4, 4)
    likely = image.grid.log_probabilities
    for row in range(4):
        for column in range(4):
            cells = likely[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].flatten(1)
            if column == 3:  # the frame's padding
                assert (prompt.beliefs[:, row, column] == 0).all()
                continue
            shares = [float((cell.clamp(min=-RULED_OUT) / RULED_OUT + 1).mean()) for cell in cells]
            rival = float((cells[[0, 2]].amax(0).clamp(min=-RULED_OUT) / RULED_OUT + 1).mean())
            expected = [shares[1], rival, shares[0], shares[1], 0.0, shares[2]]
            assert prompt.beliefs[:, row, column].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_class_that_takes_no_part_is_ruled_out_and_so_are_rivals_of_one_alone() -> None:
    other = prompt_in(context(ListeningSam(), torch.where(LABELS == 1, 2, 0)))
    assert other.class_id == 2
    assert other.beliefs is not None
    assert (other.beliefs[0] == 0).all()
    assert (other.beliefs[4] == 0).all()
    assert other.beliefs[1].max() > 0
    alone = prompt_in(context(ListeningSam(), classes=(1,)))
    assert alone.beliefs is not None
    assert (alone.beliefs[1] == 0).all()
    assert (alone.beliefs[0, :, :3] == 1).all()


def test_nothing_is_said_to_whom_does_not_listen_and_no_name_of_an_unknown_class() -> None:
    silent = prompt_in(context(BoxFillingSam()))
    assert silent.class_id is None
    assert silent.beliefs is None

    class NamelessSam(ListeningSam):
        class_names = ()

    nameless, named = prompt_in(context(NamelessSam())), prompt_in(context(ListeningSam()))
    assert nameless.class_id is None
    assert nameless.beliefs is not None
    assert named.beliefs is not None
    assert torch.equal(nameless.beliefs, named.beliefs[:2])
