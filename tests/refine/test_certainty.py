"""How sure a refined label map is of each pixel."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.refine import Decision, ImageContext, parse_variants
from lit_samseg.refine.certainty import MaskConfidence
from lit_samseg.refine.fields import GridField
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.grid import make_grid
from lit_samseg.sam import Frame, SegmentAnything
from lit_samseg.void import VOID
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam
from tests.refine.test_fusion import answered

FRAME = Frame(60, 80, 128, 32)


class Framed(BoxFillingSam):
    def frame(self, image: Tensor) -> Frame:
        return FRAME


def scored(decision: Decision, score: float) -> Decision:
    return replace(decision, scores=torch.tensor([score]))


def test_a_mask_is_as_sure_as_sam_times_its_probability() -> None:
    generator = torch.Generator().manual_seed(1)
    one, two, three = (torch.randn(32, 32, generator=generator) * 5 for _ in range(3))
    label_map = torch.randint(VOID, 4, (60, 80), generator=generator)
    masks = MaskConfidence(context_of(label_map, Framed()))
    # A score above 1, which SAM gives now and then, is no more than 1.
    for class_id, logits, score in ((1, one, 0.5), (1, two, 1.2), (3, three, 0.25)):
        masks.add(scored(answered(class_id, logits), score))
    claims = {
        1: FRAME.to_image(torch.maximum(0.5 * one.sigmoid(), two.sigmoid())[None])[0],
        3: FRAME.to_image(0.25 * three.sigmoid()[None])[0],
    }
    found = masks.of(label_map)
    for y in range(0, 60, 7):
        for x in range(80):
            class_id = int(label_map[y, x])
            left = 1 - max(float(claim[y, x]) for claim in claims.values())
            expected = 0 if class_id == VOID else float(claims[class_id][y, x]) if class_id in claims else left
            assert float(found[y, x]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_scores_are_as_sure_as_their_softmax(temperature: float) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 60, 80, generator=generator) * 3
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8, generator=generator)
    grid = make_grid(image, logits.argmax(0), logits, FRAME, background=0)
    label_map, confidence = grid.label_map_and_confidence(grid.log_probabilities, temperature)
    assert torch.equal(label_map, grid.label_map(grid.log_probabilities))
    # SAM's own steps; where they look at the padding, the last row of cells is there once more, or left out.
    padded = torch.cat([grid.log_probabilities, grid.log_probabilities[:, -1:].expand(-1, 8, -1)], dim=1)
    expected = (FRAME.to_image(padded) / temperature).softmax(0).max(0).values
    assert torch.allclose(confidence[:-4], expected[:-4], atol=1e-5)
    assert torch.allclose(confidence, expected, atol=2e-3)
    nothing = make_grid(image, torch.full((60, 80), VOID), None, FRAME, background=None)
    unknown, unsure = nothing.label_map_and_confidence(nothing.log_probabilities)
    assert (unknown == VOID).all()
    assert (unsure == 0).all()


@pytest.fixture(scope="module")
def context() -> ImageContext:
    predictor = Predictor(SegmentAnything("demo"), MobileNetV2DeepLab("demo"), background=0)
    return predictor.set_image(Scenes(size=3).read("scene_00002", with_target=True).image)


@pytest.mark.parametrize("row", ["box", "auto", "none@crf", "box@ondensecrf", "points+box+mask@component/gate"])
def test_every_row_has_it_and_is_the_same_without(context: ImageContext, row: str) -> None:
    (variant,) = parse_variants([row], has_background=True)
    predictor, seen = Predictor(context.sam, background=0), list[Decision]()
    refined, sure = predictor.refine_with_confidence(context, variant, seen.append)
    observed: list[Decision] = []
    expected = predictor.refine(context, [variant], {variant.name: observed.append})[variant.name]
    assert torch.equal(refined, expected)
    assert [d.region.pixels for d in seen] == [d.region.pixels for d in observed]
    assert sure.shape == context.label_map.shape
    assert 0 <= float(sure.min()) < float(sure.max()) <= 1


@pytest.mark.parametrize("row", ["box", "auto"])
def test_without_regions_it_is_what_was_known_before(row: str) -> None:
    labels = torch.zeros(60, 80, dtype=torch.int64)
    labels[:9] = VOID
    predictor, image = Predictor(Framed(), background=0), torch.zeros(3, 60, 80, dtype=torch.uint8)
    (variant,) = parse_variants([row], True, has_features=False)
    refined, sure = predictor.refine_with_confidence(predictor.set_image(image, labels), variant)
    assert torch.equal(refined, labels)
    assert (sure[:9] == 0).all()
    assert (sure[9:] == 1).all()
    logits = torch.zeros(2, 60, 80)
    logits[0] = 1
    _, sure = predictor.refine_with_confidence(predictor.set_image(image, torch.zeros_like(labels), logits), variant)
    expected = 1.0 if row == "box" else 1 / (1 + math.exp(-1))
    assert torch.allclose(sure, torch.full_like(sure, expected), atol=1e-5)


def test_a_field_says_how_much_it_exaggerates() -> None:
    """The label map is the same, and what is sure is as sure as the field's own scores, cooled down."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 60, 80, generator=generator) * 3
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8, generator=generator)
    context = context_of(logits.argmax(0), Framed(), image=image, logits=logits)
    fused = FusedScores(context, [], GridField())
    label_map, confidence = fused.finish_with_confidence()
    assert torch.equal(label_map, fused.finish())
    better = GridField().refine(context.grid.log_probabilities, context)
    _, expected = context.grid.label_map_and_confidence(better / 4)
    assert confidence is not None
    assert torch.allclose(confidence, expected, atol=1e-6)
    assert float(confidence.mean()) < float(context.grid.label_map_and_confidence(better)[1].mean())
