"""A memory has the last word on a row, against plain numpy."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from lit_samseg.errors import InputError
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.refine import CellMemory, ImageContext, Judge, parse_variant, refine, refine_by_all
from lit_samseg.refine.cells import cells_to_image
from lit_samseg.refine.seen_cells import see_cells
from lit_samseg.sam import SegmentAnything
from lit_samseg.void import VOID
from tests.refine.contexts import context_of
from tests.refine.test_asking import case

CLASSES = 9


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


def remembering(sam: SegmentAnything, seed: int = 0) -> ImageContext:
    """An image with a memory of random weights."""
    image, _, labels = case(3)
    with torch.inference_mode():
        (embedding,) = sam.encode([image])
        seen = see_cells(image, embedding.frame, embedding.features, sam.pixel_features(embedding))
    torch.manual_seed(seed)
    memory = CellMemory(tuple(f"class {n}" for n in range(CLASSES)), len(seen.coarse), len(seen.fine), 16)
    memory.mixed_up.copy_(torch.rand(CLASSES, CLASSES) * 5 + 90 * torch.eye(CLASSES))
    # Loud enough to be heard.
    memory.slope.fill_(40.0)
    return context_of(labels, sam, image=image, memory=memory, num_classes=CLASSES)


def judged(context: ImageContext, refined: torch.Tensor, weight: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The label map and how sure it is, by the formula, in float64."""
    assert context.memory is not None
    with torch.inference_mode():
        told = context.memory.remember(context.image, context.frame, context.embedding.features, context.features)
        remembered = cells_to_image(told, context.frame).double().numpy()
    chances = np.log(context.memory.label_chances(0.9).double().numpy())
    labels = refined.long().numpy()
    scores = weight * remembered + np.where(labels == VOID, 0, chances[:, labels])
    odds = np.exp(scores - scores.max(0))
    return scores.argmax(0), odds.max(0) / odds.sum(0)


def test_the_memory_and_what_labels_say_are_multiplied(sam: SegmentAnything) -> None:
    context = remembering(sam)
    row = "point+box+margin@component/fuse"
    plain, last = (refine(context, parse_variant(text, True)) for text in (row, f"{row}/memory"))
    expected, _ = judged(context, plain)
    assert 0.01 < (expected != plain.numpy()).mean() < 0.9
    assert (last.numpy() == expected).mean() > 0.9999
    half = refine(context, parse_variant(f"{row}/memory=0.5", True))
    assert (half.numpy() == judged(context, plain, 0.5)[0]).mean() > 0.9999
    assert not torch.equal(half, last)


def test_without_sam_the_memory_looks_at_the_baselines_map(sam: SegmentAnything) -> None:
    context = remembering(sam, seed=1)
    alone = parse_variant("none@memory", True)
    assert (refine(context, alone).numpy() == judged(context, context.label_map)[0]).mean() > 0.9999
    # A memory that counts nothing leaves each label, which is its class's likeliest.
    assert torch.equal(refine(context, parse_variant("none@memory=0", True)), context.label_map)


def test_how_sure_a_judge_is_and_what_becomes_of_void(sam: SegmentAnything) -> None:
    context = remembering(sam, seed=2)
    context.label_map[:10] = VOID
    predictor = Predictor(sam, background=0, num_classes=CLASSES)
    predictor.give(RowNeeds(memory=context.memory))
    own = predictor.set_image(context.image, context.label_map)
    last, sure = predictor.refine_with_confidence(own, parse_variant("none@memory", True))
    labels, confidence = judged(context, context.label_map)
    assert (last.numpy() == labels).mean() > 0.9999
    assert np.abs(sure.numpy() - confidence).max() < 1e-3
    assert predictor.scores(own, parse_variant("none@memory", True)).label_map.equal(last.long())


def test_a_class_that_a_memory_does_not_know_is_named(sam: SegmentAnything) -> None:
    context = remembering(sam)
    context.num_classes = None
    context.label_map[:5] = CLASSES
    with pytest.raises(InputError, match=r"the label map has class 9, and the memory knows 0\.\.8"):
        refine(context, parse_variant("none@memory", True))


def test_what_sam_sees_is_computed_once(sam: SegmentAnything, monkeypatch: pytest.MonkeyPatch) -> None:
    context = remembering(sam)
    asked: list[int] = []
    own = sam.pixel_features
    monkeypatch.setattr(sam, "pixel_features", lambda embedding: (asked.append(1), own(embedding))[1])
    rows = ["none@samcrf", "none@memory", "none@blur/samcrf/memory", "box@blur/fuse/samcrf"]
    refine_by_all(context, [parse_variant(text, True) for text in rows])
    assert len(asked) == 1


def test_an_image_without_regions_is_judged_too(sam: SegmentAnything) -> None:
    context = remembering(sam)
    predictor = Predictor(sam, background=0, num_classes=CLASSES)
    predictor.give(RowNeeds(memory=context.memory))
    empty = predictor.set_image(context.image, torch.zeros_like(context.label_map))
    rows = [parse_variant(text, True) for text in ("box", "box@memory", "none@memory")]
    found = predictor.refine(empty, rows)
    assert torch.equal(found["box"], empty.label_map)
    assert found["none@memory"].any()
    assert torch.equal(found["none@memory"], found[rows[1].name])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("box@memory/fuse/component", "box@component/fuse/memory"),
        ("point+box+margin@component/memory/fuse/samcrf", "point+box+margin@component/fuse/samcrf/memory"),
        ("box@gate/memory=1.0", "box@gate/memory"),
        ("none@memory/densecrf", "none@densecrf/memory"),
        ("box@memory/ondensecrf", "box@memory/ondensecrf"),
    ],
)
def test_a_memory_stands_last(text: str, name: str) -> None:
    variant = parse_variant(text, has_background=True)
    assert variant.name == name
    assert variant.remembers
    assert not variant.has_ladder
    assert parse_variant(name, True) == variant


@dataclass(frozen=True)
class Loose(Judge):
    """Answers with another image's size."""

    def judge(self, refined: torch.Tensor, context: ImageContext) -> tuple[torch.Tensor, torch.Tensor]:
        return refined[1:], torch.ones(refined.shape)


def test_a_judge_of_ones_own_that_cannot_be_used_is_named(sam: SegmentAnything) -> None:
    with pytest.raises(InputError, match=r"Loose.*label map"):
        refine(remembering(sam), parse_variant("box/tests.refine.test_judges:Loose".replace("/", "@"), True))


def test_a_memory_alone_has_no_regions() -> None:
    with pytest.raises(InputError, match="without a prompt there is no 'component'"):
        parse_variant("none@component/memory", True)
