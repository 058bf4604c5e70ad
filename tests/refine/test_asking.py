"""All rows from one pass: shared prompts are decoded once, and no row's map changes by it."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.refine import REGION_FINDERS, Decision, parse_variants, refine, refine_by_all, refiner
from lit_samseg.refine.prompt_requests import collect_requests
from lit_samseg.sam import Candidates, Embedding, Prompt, SegmentAnything
from tests.refine.contexts import context_of

TEXTS = [
    "point", "points", "box", "points+box", "points+box+mask", "mask", "box+mask", "box@component",
    "points+box@component", "points+box+mask@component", "point@component", "box@class/score", "box@class/single",
    "box@class/oracle", "box@class/iou/baseline", "points+box+mask@component/oracle", "pole+negative+box+gauss@split",
    "negative+wide+mask", "pole@split", "box@rounds=2", "box@class/score/rounds=3", "cebox+mask@component",
    "pole+negative+cebox+gauss@split/score/rounds=2", "point@component/rounds=2",
]  # fmt: skip


class Counting(SegmentAnything):
    """Counts the prompts that are decoded."""

    decoded = 0

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        self.decoded += len(prompts)
        return super().decode(embedding, prompts, multimask)


@pytest.fixture(scope="module")
def sam() -> Counting:
    return Counting("demo")


def case(seed: int, height: int | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A scene or its upper left part, its ground truth, and a label map with specks and classes in pieces."""
    image, target = generate_scene(99, seed)
    coarse = (
        np.where(target == 255, 0, target)[::8, ::8].repeat(8, 0).repeat(8, 1)[: target.shape[0], : target.shape[1]]
    )
    coarse = coarse.astype(np.int64)
    coarse[40:43, 20:90] = 0
    coarse[2, 2] = coarse[5, 9] = 3
    part = np.s_[:height, : None if height is None else height * 4 // 3]
    return (
        torch.from_numpy(image[part]).permute(2, 0, 1),
        torch.from_numpy(target[part]),
        torch.from_numpy(coarse[part]),
    )


# The quicker one is that of the first scene; `test_no_chunk_size_changes_a_bit` has more rows than a chunk takes.
@pytest.mark.parametrize(("seed", "height"), [(3, None), pytest.param(8, 64, marks=pytest.mark.slow)])
def test_every_row_is_what_it_is_alone(sam: Counting, seed: int, height: int | None) -> None:
    image, target, labels = case(seed, height)
    variants = parse_variants(TEXTS, has_background=True)
    context = context_of(labels, sam, image=image, target=target)
    seen: dict[str, list[Decision]] = {variant.name: [] for variant in variants}
    sam.decoded = 0
    together = refine_by_all(context, variants, {name: decisions.append for name, decisions in seen.items()})
    shared, sam.decoded = sam.decoded, 0
    for variant in variants:
        decisions: list[Decision] = []
        own = context_of(labels, sam, image=image, target=target, embedding=context.embedding)
        alone = refine(own, variant, decisions.append)
        assert torch.equal(together[variant.name], alone), variant.name
        assert len(decisions) == len(seen[variant.name]) == len(context.regions(variant.finder))
        for ours, theirs in zip(seen[variant.name], decisions, strict=True):
            assert torch.equal(ours.region.mask, theirs.region.mask)
            assert torch.equal(ours.candidates, theirs.candidates)
            assert torch.equal(ours.scores, theirs.scores)
            assert int(ours.chosen) == int(theirs.chosen)
    assert shared < sam.decoded
    once = [variant for variant in variants if variant.rounds == 1]
    sam.decoded = 0
    refine_by_all(context, once)
    assert sam.decoded == len(collect_requests(once, context)) < shared


def test_what_is_asked_once() -> None:
    labels = torch.zeros(60, 80, dtype=torch.int64)
    labels[5:25, 5:25] = 1  # in one piece
    labels[40:55, 5:25] = labels[40:55, 40:70] = 2  # in two
    context = context_of(labels)

    def asked(*texts: str) -> int:
        return len(collect_requests(parse_variants(texts, has_background=True), context))

    assert asked("box") == 2
    assert asked("box", "box@class/score", "box@class/oracle/baseline") == 2
    assert asked("box", "box@class/single") == 4  # another token of the decoder
    assert asked("point", "points") == 3  # the same for the class in one piece
    assert asked("box", "box@component") == 4
    assert asked("mask", "mask@component") == 4
    assert asked("points+box+mask", "points+box+mask@component") == 4
    # The centroid of a class's largest component is that component's.
    assert asked("point", "point@component") == 3


def test_equal_boxes_of_other_pixels_are_not_taken_for_equal_masks() -> None:
    """Two interlocked spirals: one class, two components of one area, one height and one width."""
    labels = torch.zeros(30, 30, dtype=torch.int64)
    labels[2:4, 2:26] = labels[2:20, 2:4] = 1
    labels[26:28, 4:28] = labels[10:28, 26:28] = 1
    context = context_of(labels)
    first, second = context.regions(REGION_FINDERS["component"])
    assert first.area == second.area
    assert first.pixels != second.pixels
    assert len(collect_requests(parse_variants(["mask@component"], True), context)) == 2


def test_no_chunk_size_changes_a_bit(sam: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    image, target, labels = case(3, 64)
    variants = parse_variants(TEXTS, has_background=True)
    context = context_of(labels, sam, image=image, target=target)
    assert len(collect_requests(variants, context)) > refiner.REQUESTS_AT_ONCE
    maps: list[dict[str, torch.Tensor]] = []
    scores: list[list[torch.Tensor]] = []
    for at_once in (refiner.REQUESTS_AT_ONCE, 1, 3, 1000):
        monkeypatch.setattr(refiner, "REQUESTS_AT_ONCE", at_once)
        seen: list[torch.Tensor] = []
        observe = {variant.name: lambda decision, seen=seen: seen.append(decision.scores) for variant in variants}
        maps.append(refine_by_all(context, variants, observe))
        scores.append(seen)
    for chunked, own in zip(maps[1:], scores[1:], strict=True):
        assert all(torch.equal(chunked[name], maps[0][name]) for name in maps[0])
        assert len(own) == len(scores[0])
        assert all(torch.equal(a, b) for a, b in zip(own, scores[0], strict=True))


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32])
def test_maps_are_like_the_label_map(sam: Counting, dtype: torch.dtype) -> None:
    image, _, labels = case(8)
    variants = parse_variants(["points+box+mask@component", "box"], has_background=True)
    wide = refine_by_all(context_of(labels, sam, image=image), variants)
    narrow = refine_by_all(context_of(labels.to(dtype), sam, image=image), variants)
    for name, label_map in wide.items():
        assert narrow[name].dtype == dtype
        assert torch.equal(narrow[name].long(), label_map)
