"""The middle of the experiment: one label map and one encoded image in, refined label maps out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import chain, groupby

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.asking import Question, collect_questions
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.merging import Canvas, unite
from lit_samseg.refine.regions import Region
from lit_samseg.refine.selection import intersection_over_union, select
from lit_samseg.refine.variant import Fusion, Variant
from lit_samseg.sam.interface import Candidates, Embedding, Prompt, PromptableSegmenter
from lit_samseg.sam.thresholding import MaskWindow

QUESTIONS_AT_ONCE = 32
"""Bounds what is held of prompts: a mask prompt is a bool ``[H, W]``, low-resolution logits take 0.8 MB."""


@dataclass(frozen=True)
class Decision:
    """What became of one region.

    Attributes:
        region: What was prompted for.
        prompt: The prompt made of it.
        window: SAM's candidates where one of them can be set.
        logits: The candidates as SAM gave them, float32 ``[M, mask_size, mask_size]``.
        scores: The IoU that SAM predicts for each, float32 ``[M]``.
        chosen: Index of the candidate that was kept, int64 scalar.
    """

    region: Region
    prompt: Prompt
    window: MaskWindow
    logits: Tensor
    scores: Tensor
    chosen: Tensor

    @cached_property
    def candidates(self) -> Tensor:
        """SAM's masks in the whole image, bool ``[M, H, W]``."""
        return self.window.whole(*self.region.numbers.shape)

    @property
    def kept(self) -> MaskWindow:
        """The candidate that was kept, bool ``[1, h, w]``."""
        return MaskWindow(self.window.top, self.window.left, self.window.masks.index_select(0, self.chosen[None]))

    def kept_if(self, least: float) -> MaskWindow:
        """Return `kept`, or the region itself if their IoU is less than that."""
        left, top, right, bottom = (int(corner) for corner in self.region.box)
        window = self.kept.widened(top, left, bottom + 1, right + 1)
        area = (self.region.numbers[window.area] == self.region.number)[None]
        alike = intersection_over_union(window.masks, area[0]) >= least
        return MaskWindow(window.top, window.left, torch.where(alike[:, None, None], window.masks, area))


def refine(
    label_map: Tensor,
    regions: Sequence[Region],
    embedding: Embedding,
    sam: PromptableSegmenter,
    variant: Variant,
    background: int | None,
    target: Tensor | None = None,
    ignore_index: int = 255,
    observe: Callable[[Decision], None] | None = None,
    grid: Grid | None = None,
) -> Tensor:
    """Refine a label map as one variant says; see `refine_by_all`.

    Args:
        label_map: As there.
        regions: The map's regions of the variant's kind (``find_regions``).
        embedding: As there.
        sam: As there.
        variant: Recipe, region, selection and fill.
        background: As there.
        target: As there.
        ignore_index: As there.
        observe: Called with each region's `Decision`, by ascending class id.
        grid: As there.
    """
    note = None if observe is None else {variant.name: observe}
    given = {variant.region: regions}
    refined = refine_by_all(label_map, given, embedding, sam, [variant], background, target, ignore_index, note, grid)
    return refined[variant.name]


@torch.inference_mode()
def refine_by_all(
    label_map: Tensor,
    regions: Mapping[str, Sequence[Region]],
    embedding: Embedding,
    sam: PromptableSegmenter,
    variants: Sequence[Variant],
    background: int | None,
    target: Tensor | None = None,
    ignore_index: int = 255,
    observe: Mapping[str, Callable[[Decision], None]] | None = None,
    grid: Grid | None = None,
) -> dict[str, Tensor]:
    """Refine a label map by every variant (Qamar et al., 2023, Algorithm 1); a prompt they share is decoded once.

    Args:
        label_map: The baseline's, signed integer ``[H, W]``.
        regions: The map's regions by kind (``find_regions_of_kinds``).
        embedding: The image as SAM's encoder sees it.
        sam: The promptable segmenter.
        variants: Recipe, region, selection and fill of each row.
        background: Class that is never prompted, or None.
        target: Ground truth ``[H, W]``, only for the selection ``oracle``.
        ignore_index: Void label in ``target``; void pixels take no part in the oracle's choice.
        observe: By a variant's name, what is called with each of its regions' `Decision`, by ascending class id.
        grid: The image and what the baseline thinks of it, for variants that add up scores.

    Returns:
        By name, integer ``[H, W]`` like ``label_map``. Memory does not grow with classes or regions: beside one
        `Canvas` a variant, a class's kept masks and a decoder call, the largest are the bool ``[H, W]`` of up to
        ``QUESTIONS_AT_ONCE`` mask prompts.

    Raises:
        InputError: SAM answered with NaN or infinity; ``observe`` may have seen it.
    """
    canvases = {v.name: Canvas(label_map, v.fill, background) for v in variants if v.fusion is None}
    features = cache(partial(sam.pixel_features, embedding))
    fused = {
        v.name: FusedScores(_grid_of(v.fusion, grid), v.fusion, features) for v in variants if v.fusion is not None
    }
    questions = collect_questions(variants, regions)
    some = [questions[start : start + QUESTIONS_AT_ONCE] for start in range(0, len(questions), QUESTIONS_AT_ONCE)]
    finite: list[Tensor] = []
    decided = chain.from_iterable(_decide(part, embedding, sam, target, ignore_index, finite, grid) for part in some)
    # Class by class, so that no more than one class's masks are held.
    for class_id, decisions in groupby(decided, lambda pair: pair[1].region.class_id):
        kept: dict[str, list[MaskWindow]] = {}
        for variant, decision in decisions:
            if observe is not None and variant.name in observe:
                observe[variant.name](decision)
            if variant.fusion is not None:
                (logits,) = decision.logits.index_select(0, decision.chosen[None])
                fused[variant.name].add(decision.region.class_id, logits)
            else:
                mask = decision.kept_if(variant.gate) if variant.gate else decision.kept
                kept.setdefault(variant.name, []).append(mask)
        area = (label_map == class_id).sum()
        for name, windows in kept.items():
            canvases[name].paint(class_id, unite(windows), area)
    # Once an image, since a GPU is waited for. A mask of NaN would be an empty one like any other.
    if finite and not torch.stack(finite).all():
        raise InputError(
            f"SAM {sam.checkpoint} answers in {sam.precision} with NaN or infinity; use another checkpoint"
            + (", or --model.sam.precision bf16 or fp32" if sam.precision == "fp16" else "")
        )
    return {
        v.name: canvases[v.name].finish() if v.fusion is None else fused[v.name].finish().to(label_map.dtype)
        for v in variants
    }


def _decide(
    questions: Sequence[Question],
    embedding: Embedding,
    sam: PromptableSegmenter,
    target: Tensor | None,
    ignore_index: int,
    finite: list[Tensor],
    grid: Grid | None,
) -> Iterator[tuple[Variant, Decision]]:
    """Decode a few questions and choose for all who ask; what is held of them goes with the iterator.

    Whether all that SAM answered are numbers is added to ``finite``, bool ``[4]`` a decoder call.
    """
    prompts = [question.prompt(grid) for question in questions]
    # Three candidates and the single mask are other tokens of the decoder.
    answers: dict[int, tuple[Candidates, int]] = {}
    for multimask in (True, False):
        places = [n for n, question in enumerate(questions) if question.multimask == multimask]
        if places:
            candidates = sam.decode(embedding, [prompts[n] for n in places], multimask)
            finite.append(_extremes(candidates).isfinite())
            answers |= {n: (candidates, index) for index, n in enumerate(places)}
    for n, question in enumerate(questions):
        candidates, index = answers[n]
        window, scores = candidates.window(index), candidates.scores[index]
        logits = candidates.low_res_logits[index]
        chosen: dict[object, Tensor] = {}
        for variant, region in question.askers:
            key = variant.selection, region.pixels
            if key not in chosen:
                chosen[key] = _choose(variant.selection, window, scores, region, target, ignore_index)
            yield variant, Decision(region, prompts[n], window, logits, scores, chosen[key])


def _grid_of(fusion: Fusion, grid: Grid | None) -> Grid:
    own = grid.pixels if grid is not None and fusion.crf == "densecrf" else grid
    if own is None:
        raise ValueError("variants that add up scores need a grid")
    return own


def _extremes(candidates: Candidates) -> Tensor:
    """Return the least and largest logit and score, float ``[4]``; NaN where one of them is."""
    return torch.stack([*candidates.low_res_logits.aminmax(), *candidates.scores.aminmax()])


def _choose(
    selection: str, window: MaskWindow, scores: Tensor, region: Region, target: Tensor | None, ignore_index: int
) -> Tensor:
    area = region.numbers[window.area] == region.number
    if selection == "oracle" and target is not None:
        whole, seen = target == region.class_id, target[window.area] != ignore_index
        truth = whole[window.area]
        return select(window.masks & seen, scores, selection, area, truth, whole.sum() - truth.sum())
    return select(window.masks, scores, selection, area, outside=region.area - area.sum())
