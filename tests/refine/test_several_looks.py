"""Test-time augmentation as a word of a row."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.refine import Grid, ImageContext, parse_variants, refine
from lit_samseg.refine.several_looks import SeveralLooks
from lit_samseg.sam import Frame, SegmentAnything
from tests.conftest import refuses
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam

VIEWS = [(0.5, False), (0.5, True), (1.0, False), (1.0, True)]


def looks(classes: int = 5) -> dict[tuple[float, bool], Tensor]:
    """Logits of each view, at the size of the cells of `context`, so that nothing is interpolated."""
    draw = torch.Generator().manual_seed(3)
    return {view: torch.randn(classes, 12, 16, generator=draw) * 3 for view in VIEWS}


def context(answers: dict[tuple[float, bool], Tensor]) -> tuple[ImageContext, list[tuple[float, bool]]]:
    """An image all of class 1, of whose other looks nothing but ``answers`` is known."""
    labels = torch.ones(12, 16, dtype=torch.int64)
    frame = Frame(12, 16, size=16, mask_size=16)
    grid = Grid(frame, torch.tensor([0, 1]), torch.zeros(2, 12, 16), labels, torch.zeros(3, 12, 16))
    asked: list[tuple[float, bool]] = []

    def look_closer(scale: float, mirrored: bool = False) -> Tensor:
        asked.append((scale, mirrored))
        return answers[scale, mirrored]

    return context_of(labels, BoxFillingSam(), 0, grid=grid, look_closer=look_closer), asked


def test_the_probabilities_of_all_looks_are_averaged() -> None:
    image, asked = context(looks())
    believed = SeveralLooks(largest=1.0, step=0.5).revise(image.grid, image)
    assert asked == VIEWS
    numbers = np.stack([own.double().numpy() for own in looks().values()])
    shares = np.exp(numbers) / np.exp(numbers).sum(1, keepdims=True)
    assert believed.classes.tolist() == [0, 1, 2, 3, 4]
    assert believed.scored
    np.testing.assert_allclose(believed.log_probabilities.exp().numpy(), shares.mean(0), rtol=1e-4)


def test_unlikely_classes_take_no_part_and_the_background_does() -> None:
    answers = {view: torch.zeros(5, 12, 16) for view in VIEWS}
    for own in answers.values():
        own[3] = 20
        own[1, 2, 2] = 19
    image, _ = context(answers)
    believed = SeveralLooks(largest=1.0, step=0.5).revise(image.grid, image)
    assert believed.classes.tolist() == [0, 1, 3]


def test_of_very_many_classes_the_likeliest_of_a_cell_takes_part() -> None:
    answers = {view: torch.zeros(100, 12, 16) for view in VIEWS}
    for own in answers.values():
        own[7, 3, 3] = own[60] = 0.1
    image, _ = context(answers)
    assert SeveralLooks(largest=1.0, step=0.5).revise(image.grid, image).classes.tolist() == [0, 7, 60]


def test_scales_are_those_of_the_paper() -> None:
    assert SeveralLooks().scales == (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
    assert SeveralLooks(smallest=0.1, largest=0.4, step=0.1).scales == (0.1, 0.2, 0.3, 0.4)
    assert SeveralLooks(smallest=1.0, largest=1.4, step=0.25).scales == (1.0, 1.25)
    assert SeveralLooks(smallest=1.0, largest=1.0).scales == (1.0,)


def test_a_row_begins_with_what_all_looks_say() -> None:
    words = {"mine": {"row": "none@tta=1.0/crf", "tta": {"step": 0.5, "mirrored": False}}}
    (row,) = parse_variants([words], has_background=True)
    answers = looks()
    for own in answers.values():
        own[2] = 9
    image, asked = context(answers)
    assert (refine(image, row) == 2).all()
    assert asked == [(0.5, False), (1.0, False)]


def test_bad_scales_and_a_missing_baseline_are_said() -> None:
    refuses(lambda: SeveralLooks(smallest=2.0, largest=1.0), "'tta' has the smallest scale 2 and the largest 1")
    refuses(lambda: SeveralLooks(step=0.0), "option 'step' of tta is 0")
    image, _ = context({})
    image.look_closer = None
    refuses(lambda: SeveralLooks().revise(image.grid, image), "'tta' has the baseline look again, and there is none")


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_a_mirrored_look_lies_as_the_image_does(scale: float) -> None:
    baseline, image = MobileNetV2DeepLab("demo"), torch.from_numpy(generate_scene(99, 3)[0]).permute(2, 0, 1)
    look = Predictor(SegmentAnything("demo"), baseline, 0).set_image(image).look_closer
    assert look is not None
    assert torch.equal(look(scale, True).flip(-1), baseline.look_closer(image.flip(-1), scale))
    assert torch.equal(look(scale), baseline.look_closer(image, scale))
    # Things lie where they lay: the mirrored look is more like the other one than it is mirrored.
    there, back = look(scale).argmax(0), look(scale, True).argmax(0)
    thing = there > 0
    alike, turned = ((there == labels)[thing].float().mean() for labels in (back, back.flip(-1)))
    assert float(alike) > float(turned)
