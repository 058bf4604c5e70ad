"""A baseline that looks again, enlarged, for a SAM whose prompts say what it thinks then."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lit_samseg.baselines import Baseline, MobileNetV2DeepLab
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.finetune.guesses import guess_of_look
from lit_samseg.refine import build_prompt
from lit_samseg.refine.class_beliefs import RULED_OUT, planes_of_look
from lit_samseg.refine.region_finders import Component
from lit_samseg.refine.second_look import Look
from lit_samseg.sam import SegmentAnything
from tests.conftest import refuses
from tests.refine.contexts import prompt_parts

NAMES = tuple("abcdefghi")


@pytest.fixture(scope="module")
def baseline() -> MobileNetV2DeepLab:
    return MobileNetV2DeepLab("demo")


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.from_numpy(generate_scene(99, 3)[0]).permute(2, 0, 1)


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    sam = SegmentAnything("demo")
    sam.know_classes(NAMES, 1.5)
    return sam


def test_the_same_size_is_the_same_look(baseline: MobileNetV2DeepLab, image: torch.Tensor) -> None:
    side = baseline.canvas
    square = F.interpolate(image[None].float(), (side, side), mode="bilinear")[0].round().byte()
    torch.testing.assert_close(baseline.look_closer(square, 1.0), baseline.logits(square), atol=1e-4, rtol=0)


def test_a_closer_look_is_at_an_enlarged_image(baseline: MobileNetV2DeepLab, image: torch.Tensor) -> None:
    height, width = image.shape[1:]
    closer = baseline.look_closer(image, 1.5)
    # An image larger than the canvas is enlarged from what fits.
    scale = 1.5 * min(1, baseline.canvas / max(height, width))
    assert closer.shape == (baseline.num_classes, round(scale * height), round(scale * width))
    # It sees about the same things as at once.
    labels = F.interpolate(closer[None], (height, width), mode="bilinear")[0].argmax(0)
    assert float((labels == baseline.label_map(image, "")).float().mean()) > 0.7


def test_prompts_say_what_it_thinks(baseline: MobileNetV2DeepLab, image: torch.Tensor, sam: SegmentAnything) -> None:
    predictor = Predictor(sam, baseline, background=0)
    context = predictor.set_image(image)
    region = context.regions(Component())[0]
    prompt = build_prompt(prompt_parts("box"), region, context)
    assert prompt.beliefs is not None
    planes = planes_of_look(baseline.look_closer(image, 1.5), context.frame)
    assert len(prompt.beliefs) == 2 * (2 + len(NAMES))
    second = prompt.beliefs[2 + len(NAMES) :]
    own = region.class_id
    assert torch.equal(second[0], planes[own])
    rest = [n for n in range(len(NAMES)) if n != own]
    assert torch.equal(second[1], planes[rest].amax(0))
    assert torch.equal(second[2:], planes)
    # It is of the image, whatever the label map.
    other = context.on(torch.zeros_like(context.label_map))
    assert other.closer is context.closer
    assert len(sam.decode(context.embedding, [prompt])) == 1


def test_rows_and_prompts_share_a_look(
    baseline: MobileNetV2DeepLab, image: torch.Tensor, sam: SegmentAnything, monkeypatch: pytest.MonkeyPatch
) -> None:
    scales: list[float] = []
    honest = baseline.look_closer

    def look_closer(image: torch.Tensor, scale: float) -> torch.Tensor:
        scales.append(scale)
        return honest(image, scale)

    monkeypatch.setattr(baseline, "look_closer", look_closer)
    predictor = Predictor(sam, baseline, background=0)
    for times in (1, 2):
        context = predictor.set_image(image)
        assert context.closer is not None
        for _ in range(2):
            Look(1.5, doubt=0).revise(context.grid, context)
            Look(1.25, doubt=0).revise(context.grid, context)
        # Another image, or the same one again, is looked at anew.
        assert scales == [1.5, 1.25] * times


def test_planes_are_how_likely_classes_are(sam: SegmentAnything, image: torch.Tensor) -> None:
    frame = sam.frame(image)
    logits = torch.zeros(3, 20, 30)
    logits[1] = 5
    planes = planes_of_look(logits, frame)
    likely = logits[:, 0, 0].log_softmax(0)
    for plane, share in zip(planes, likely, strict=True):
        assert float(plane[0, 0]) == pytest.approx(float(share) / RULED_OUT + 1, abs=1e-5)
    # The frame's padding is nobody's.
    used = [-(-count // 4) for count in frame.low_res_used]
    assert (planes[:, used[0] :] == 0).all()
    assert (planes[:, :, used[1] :] == 0).all()


def test_who_cannot_look_again_is_named(
    baseline: MobileNetV2DeepLab, image: torch.Tensor, sam: SegmentAnything
) -> None:
    class Blind(Baseline):
        name, checkpoint, sha256 = "blind", "blind.pt", None

        def label_map(self, image: torch.Tensor, image_id: str) -> torch.Tensor:
            return torch.ones(image.shape[1:], dtype=torch.int64)

    refuses(lambda: Predictor(sam, Blind(), 0).set_image(image).closer, "blind.pt cannot look at an image again")
    alone = Predictor(sam, None, 0).set_image(image, torch.ones(image.shape[1:], dtype=torch.int64))
    refuses(lambda: alone.closer, "there is no baseline")
    once = Predictor(SegmentAnything("demo"), baseline, 0).set_image(image)
    assert once.closer is None


def test_noise_moves_what_it_thinks_and_leaves_the_padding() -> None:
    planes = torch.rand(4, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.5 + 0.4
    planes[:, 12:] = 0
    assert guess_of_look(planes, 0.0, np.random.default_rng(1)) is planes
    moved = guess_of_look(planes, 3.0, np.random.default_rng(1))
    assert torch.equal(moved, guess_of_look(planes, 3.0, np.random.default_rng(1)))
    assert not torch.allclose(moved, guess_of_look(planes, 3.0, np.random.default_rng(2)))
    assert (moved[:, 12:] == 0).all()
    assert 0 <= float(moved.min()) <= float(moved.max()) <= 1
    shares = ((moved[:, :12] - 1) * RULED_OUT).exp().sum(0)
    # Next to no noise moves next to nothing.
    shown = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(2)).log_softmax(0) / RULED_OUT + 1
    torch.testing.assert_close(guess_of_look(shown, 1e-4, np.random.default_rng(1)), shown, atol=1e-3, rtol=0)
    assert float(shares.max()) < 1 + 4 * float(np.exp(-RULED_OUT)) + 1e-4
