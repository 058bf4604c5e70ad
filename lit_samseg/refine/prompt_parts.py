"""Points, boxes and masks that stand for a region (SPEC 1; SAMRefiner, Lin et al., ICLR 2025)."""

from dataclasses import dataclass

from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.kinds import PromptPart
from lit_samseg.refine.margin import MASK_STRENGTH, margin_prompt
from lit_samseg.refine.part import option, part
from lit_samseg.refine.prompt_geometry import context_box, widened_box
from lit_samseg.refine.regions import Region
from lit_samseg.sam.interface import Prompt

_STRENGTH = "logit of the mask prompt well inside the region"
_WIDEN, _MOST = "how much a box grows on each side, as a part of its extent", "pixels by which it grows at most"
_REFINER = "SAMRefiner's sam_refiner.py"


@part("point")
@dataclass(frozen=True)
class Point(PromptPart):
    """The centroid of the region's largest component."""

    slot, by_place, drawn = "points", True, "a point (disc)"

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return one point."""
        return Prompt(points=region.centroids[:1])


@part("points")
@dataclass(frozen=True)
class Points(PromptPart):
    """The centroids of the region's components, largest first."""

    slot, by_place, drawn = "points", True, "points (discs)"
    most: int = option(16, "points at most", least=1, source="SPEC 1")

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return a point for each component."""
        return Prompt(points=region.centroids[: self.most])


@part("pole")
@dataclass(frozen=True)
class Pole(PromptPart):
    """The innermost pixel of the region's largest component (SAMRefiner)."""

    slot, by_place, drawn = "points", True, "a point (disc)"

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return one point."""
        return Prompt(points=region.pole)


@part("negative")
@dataclass(frozen=True)
class Negative(PromptPart):
    """A background point: the box's pixel farthest from the region, if there is one (SAMRefiner)."""

    slot, by_place, drawn = "negative", True, "a background point (cross)"

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return one point, or none."""
        return Prompt(negative_points=region.negative)


@part("box")
@dataclass(frozen=True)
class Box(PromptPart):
    """The region's tight box, corners inclusive."""

    slot, by_place, drawn = "box", True, "a box"

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return the box."""
        return Prompt(box=region.box)


@part("wide")
@dataclass(frozen=True)
class Wide(PromptPart):
    """A box that is wider on all sides."""

    slot, by_place, drawn = "box", True, "a box"
    widening: float = option(0.1, _WIDEN, least=0, source=_REFINER)
    most: float = option(10.0, _MOST, least=0, source=_REFINER)

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return the box."""
        height, width = region.numbers.shape
        return Prompt(box=widened_box(region.box, height, width, self.widening, self.most))


@part("cebox")
@dataclass(frozen=True)
class ContextBox(PromptPart):
    """A box that is wider where SAM's features beyond it are like the region's (SAMRefiner's context-aware box)."""

    slot, drawn = "box", "a box"
    widening: float = option(0.1, _WIDEN, least=0, source=_REFINER)
    most: float = option(10.0, _MOST, least=0, source=_REFINER)
    alike: float = option(0.5, "cosine of embeddings above which they are of one thing", -1, 1, source=_REFINER)
    context: float = option(
        0.1,
        "a side moves if more than this part of what the box would take in is like the region",
        0,
        1,
        "docs/recipes.md",
    )

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return the box."""
        height, width = region.numbers.shape
        outer = widened_box(region.box, height, width, self.widening, self.most)
        return Prompt(box=context_box(region.box, outer, region.mask, context.embedding, (self.alike, self.context)))


@part("mask")
@dataclass(frozen=True)
class Mask(PromptPart):
    """The region itself as a mask prompt."""

    slot = "mask"
    strength: float = option(MASK_STRENGTH, _STRENGTH, least=0, source="SPEC 1")

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return the mask prompt."""
        return Prompt(mask=region.mask, mask_strength=self.strength)


@part("margin")
@dataclass(frozen=True)
class Margin(PromptPart):
    """A mask prompt that says by how much the baseline prefers the region's class to any other."""

    slot, for_scores = "mask", True
    strength: float = option(MASK_STRENGTH, "the largest log-ratio of probabilities", least=0, source="docs/recipes.md")

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return the mask prompt."""
        return Prompt(mask_logits=margin_prompt(region, context.grid, self.strength))


@part("gauss")
@dataclass(frozen=True)
class Gauss(PromptPart):
    """The region as a mask prompt, surest at its innermost cell (SAMRefiner)."""

    slot = "mask"
    strength: float = option(30.0, _STRENGTH, least=0, source=_REFINER)
    gamma: float = option(4.0, "how fast it falls off from the innermost cell", least=0, source=_REFINER)

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        """Return the mask prompt."""
        return Prompt(mask=region.mask, mask_strength=self.strength, mask_gamma=self.gamma)
