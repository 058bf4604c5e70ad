"""Asking SAM about its own masks, and about a random field's label map, against the same steps taken by hand."""

from collections.abc import Sequence

import pytest
import torch

from lit_samseg.refine import Decision, parse_variants, refine, refine_by_all
from lit_samseg.sam import Candidates, Embedding, Prompt, SegmentAnything
from tests.refine.contexts import context_of, prompt_of, regions_of
from tests.refine.fake_sam import BoxFillingSam
from tests.refine.test_asking import case


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


@pytest.mark.parametrize("selection", ["iou", "score"])
def test_a_kept_mask_becomes_the_next_region(sam: SegmentAnything, selection: str) -> None:
    image, _, labels = case(3)
    context = context_of(labels, sam, image=image)
    recipe = "pole+negative+box+gauss"
    (variant,) = parse_variants([f"{recipe}@component/{selection}/rounds=3"], has_background=True)
    decisions: list[Decision] = []
    refine(context, variant, decisions.append)
    moved = 0
    for decision in decisions:
        mask = first = decision.region.mask
        for _ in range(3):
            (region,) = regions_of(mask.long(), "class")
            answer = sam.decode(context.embedding, [prompt_of(region, recipe)])
            ious = [float((m & first).sum() / (m | first).sum()) for m in answer.masks(0)]
            best = ious.index(max(ious)) if selection == "iou" else int(answer.scores[0].argmax())
            mask = answer.masks(0)[best]
        assert int(decision.chosen) == best
        assert torch.equal(decision.kept.whole(*labels.shape)[0], mask)
        moved += not torch.equal(mask, first)
    assert moved


def test_of_an_empty_mask_nothing_is_asked() -> None:
    class Hopeless(BoxFillingSam):
        asked = 0

        def decode(self, *args: object, **kwargs: object) -> Candidates:
            self.asked += 1
            answer = super().decode(*args, **kwargs)  # type: ignore[arg-type]
            answer.low_res_logits.fill_(-1)
            return answer

    labels = torch.zeros(12, 16, dtype=torch.int64)
    labels[2:8, 3:9] = 4
    sam = Hopeless()
    (variant,) = parse_variants(["box@rounds"], has_background=True)
    refined = refine(context_of(labels, sam), variant)
    assert sam.asked == 1
    assert not refined.any()


def test_parts_that_ask_the_same_at_first_may_ask_something_else_of_a_mask() -> None:
    class Torn(BoxFillingSam):
        """Answers with two blocks to one point, and with the first of them to two."""

        def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
            answer = super().decode(embedding, prompts, multimask)
            for logits, prompt in zip(answer.low_res_logits, prompts, strict=True):
                logits.fill_(-1)
                logits[:, 2:5, 2:5] = 1
                if prompt.points is not None and len(prompt.points) == 1:
                    logits[:, 7:11, 9:15] = 1
            return answer

    labels = torch.zeros(12, 16, dtype=torch.int64)
    labels[2:8, 3:9] = 4
    variants = parse_variants(["point@rounds=2", "points@rounds=2"], has_background=True)
    together = refine_by_all(context_of(labels, Torn()), variants)
    assert [int((together[variant.name] == 4).sum()) for variant in variants] == [9 + 24, 9]


def test_sam_refines_what_a_field_made(sam: SegmentAnything) -> None:
    image, _, labels = case(8)
    logits = torch.nn.functional.one_hot(labels, 8).permute(2, 0, 1) * 2.0
    context = context_of(labels, sam, image=image, logits=logits)
    texts = ["box", "box@ondensecrf", "none@densecrf", "box@component/gate/ondensecrf"]
    variants = parse_variants(texts, has_background=True)
    together = refine_by_all(context, variants)
    assert list(together) == texts
    field = together["none@densecrf"]
    assert not torch.equal(field, labels)
    plain = parse_variants(["box", "box@component/gate"], has_background=True)
    by_hand = refine_by_all(context_of(field, sam, image=image), plain)
    assert torch.equal(together["box@ondensecrf"], by_hand["box"])
    assert torch.equal(together["box@component/gate/ondensecrf"], by_hand["box@component/gate"])
    assert not torch.equal(together["box@ondensecrf"], together["box"])
    # Where a baseline gives no scores, the field begins with its label map.
    assert refine(context_of(labels, sam, image=image), variants[1]).shape == labels.shape
