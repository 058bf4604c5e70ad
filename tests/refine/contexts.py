"""Images for tests, and parts by their words."""

from typing import Any

import torch
from torch import Tensor

from lit_samseg.refine import PARTS, Grid, ImageContext, PromptPart, Region, build_prompt, find_regions
from lit_samseg.refine.region_finders import REGION_FINDERS, Component
from lit_samseg.sam import Embedding, Prompt, PromptableSegmenter
from tests.refine.fake_sam import BoxFillingSam


def context_of(
    labels: Tensor,
    sam: PromptableSegmenter | None = None,
    background: int | None = 0,
    image: Tensor | None = None,
    embedding: Embedding | None = None,
    grid: Grid | None = None,
    **others: Any,
) -> ImageContext:
    """An image of a label map; black and of a SAM that answers from geometry alone, where nothing else is given."""
    pixels = torch.zeros(3, *labels.shape, dtype=torch.uint8) if image is None else image
    context = ImageContext(pixels, labels, sam or BoxFillingSam(), background, **others)
    if embedding is not None:
        context.embedding = embedding
    if grid is not None:
        context.grid = grid
    return context


def prompt_parts(recipe: str) -> tuple[PromptPart, ...]:
    """The parts of ``point+box`` with their defaults."""
    parts = [PARTS.find(word)() for word in recipe.split("+")]
    return tuple(part for part in parts if isinstance(part, PromptPart))


def prompt_of(region: Region, recipe: str, context: ImageContext | None = None) -> Prompt:
    """What a recipe makes of a region."""
    return build_prompt(prompt_parts(recipe), region, context or context_of(region.numbers))


def regions_of(labels: Tensor, kind: str, background: int | None = 0, min_area: int | None = None) -> list[Region]:
    """The regions of one kind."""
    finder = REGION_FINDERS[kind] if min_area is None else Component(min_area)
    return find_regions(labels, finder, background)
