"""What was asked of several images together is not asked again, and gives the same label maps."""

from collections.abc import Sequence

import torch

from lit_samseg.refine import ImageContext, parse_variants, refine_by_all
from lit_samseg.refine.asking import REQUESTS_AT_ONCE, ask, ask_ahead, directly
from lit_samseg.refine.prompt_requests import collect_requests
from lit_samseg.sam import Candidates, Embedding, Prompt, SegmentAnything

ROWS = ["points+box", "box@class/single", "point+box+mask@component", "box@component/score"]


class Counting(SegmentAnything):
    """Remembers how many prompts each call had."""

    def __init__(self) -> None:
        super().__init__("demo")
        self.asked: list[int] = []

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        self.asked.append(len(prompts))
        return super().decode(embedding, prompts, multimask)

    def decode_images(
        self, asked: Sequence[tuple[Embedding, Sequence[Prompt]]], multimask: bool = True
    ) -> list[Candidates]:
        self.asked.append(sum(len(prompts) for _, prompts in asked))
        return [super(Counting, self).decode(embedding, prompts, multimask) for embedding, prompts in asked]


def contexts_of(sam: SegmentAnything) -> list[ImageContext]:
    generator = torch.Generator().manual_seed(3)
    contexts = []
    for height, width in ((60, 90), (80, 40)):
        labels = torch.randint(0, 3, (height // 10, width // 10), generator=generator)
        labels = labels.repeat_interleave(10, 0).repeat_interleave(10, 1)
        image = torch.randint(0, 256, (3, height, width), generator=generator).to(torch.uint8)
        contexts.append(ImageContext(image, labels, sam, 0))
    return contexts


def test_what_was_asked_ahead_is_not_asked_again() -> None:
    sam, variants = Counting(), parse_variants(ROWS, True)
    expected = [refine_by_all(context, variants) for context in contexts_of(sam)]
    contexts = contexts_of(sam)
    requests = [collect_requests(directly(variants), context) for context in contexts]
    firsts = [own[:REQUESTS_AT_ONCE] for own in requests]
    assert all(len(own) > 4 for own in firsts)
    sam.asked.clear()
    for context, answers in zip(contexts, ask(contexts, firsts), strict=True):
        context.ahead = (tuple(directly(variants)), answers)
    # The three candidates, and the single mask.
    assert sam.asked[-2:] == [
        sum(request.multimask == multimask for own in firsts for request in own) for multimask in (True, False)
    ]
    sam.asked.clear()
    found = [refine_by_all(context, variants) for context in contexts]
    assert sum(sam.asked) == sum(len(own) for own in requests) - sum(len(own) for own in firsts)
    for ours, theirs in zip(found, expected, strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    # Once: what is asked for later is asked anew.
    refine_by_all(contexts[0], variants)
    assert sum(sam.asked) >= len(firsts[0])


def test_answers_are_for_those_rows_alone() -> None:
    sam = Counting()
    some, others = parse_variants(ROWS[:1], True), parse_variants(ROWS[1:2], True)
    contexts = contexts_of(sam)
    for context in contexts:
        context.ahead = (tuple(some), ask([context], [collect_requests(some, context)])[0])
    assert contexts[0].take_ahead(tuple(others)) is None
    assert contexts[0].take_ahead(tuple(some)) is None
    assert contexts[1].take_ahead(tuple(some)) is not None


def test_on_a_cpu_nothing_is_asked_ahead() -> None:
    sam, variants = Counting(), parse_variants(ROWS, True)
    contexts = contexts_of(sam)
    for context in contexts:
        context.find(variant.finder for variant in variants)
    ask_ahead(contexts, variants)
    assert sam.asked == []
    assert contexts[0].ahead is None
