"""One row of the results: a way from a label map to a refined one, and the words that name it."""

from dataclasses import dataclass

# The order of the parts in a name and in SAM's token sequence.
PARTS = ("point", "points", "pole", "negative", "box", "wide", "cebox", "mask", "margin", "gauss")
MASKS = ("mask", "margin", "gauss")
"""Parts that are mask prompts."""
RIVALS = (("point", "points", "pole"), ("box", "wide", "cebox"), MASKS)
"""Parts for one another; a recipe has one of each group at most."""
NO_PROMPT = "none"
"""The recipe of a row that asks SAM for no mask."""
REGIONS = ("class", "component", "split")
SELECTIONS = ("iou", "score", "single", "oracle")
FILLS = ("background", "baseline")
WORDS: dict[str, int | None] = {
    "rounds": 5,
    "gate": 70,
    "learned": None,
    "fuse": 30,
    "vote": 30,
    "crf": None,
    "samcrf": None,
    "densecrf": None,
    "ondensecrf": None,
}
"""Further words with the number they mean where none follows, per cents but for ``rounds``; None for those without."""
MOST_ROUNDS = 20
FIELDS = ("crf", "samcrf", "densecrf")
"""Random fields; a row has one of them at most."""

PAPER_VARIANTS = ("point", "points", "box", "points+box", "points+box+mask")
"""The refined rows of the paper's Table 2 (Qamar et al., 2023)."""

RECOMMENDED = "point+box+margin@component/fuse/vote/samcrf"
"""What ``auto`` means (docs/recipes.md); for a SAM that gives no features, with ``crf``."""


@dataclass(frozen=True)
class Fusion:
    """How scores of classes come about, where nothing is painted.

    Attributes:
        weight: Of SAM's logits, added to the baseline's log-probability of the region's class; 0 adds none.
        vote: Weight of what the baseline thinks of a mask as a whole, added all over the mask; 0 adds none.
        crf: ``crf`` or ``samcrf`` lets a conditional random field on SAM's grid have the last word, with kernels of
            position and colour, and for ``samcrf`` of SAM's features; ``densecrf`` is DeepLabV2's field on the image's
            own pixels, a control; empty for none.
    """

    weight: float = 0.0
    vote: float = 0.0
    crf: str = ""


@dataclass(frozen=True)
class Variant:
    """One way from a label map to a refined one; one row of the results.

    Attributes:
        name: The row's name in its shortest form.
        recipe: Parts of the prompt, a subset of ``PARTS`` in that order; empty for none.
        region: ``class`` (the paper's), ``component`` or ``split``.
        selection: ``iou`` (the paper's), ``score``, ``single`` or ``oracle``.
        fill: What pixels get that no mask claims: ``background`` or the ``baseline``'s label.
        gate: A mask whose IoU with its region is less gives way to the region.
        learned: A `LearnedGate` decides which masks give way to their regions.
        fusion: How SAM's answers are added to the baseline's scores; None paints masks, as the paper does.
        rounds: How many times SAM is asked: from the second time on about the mask it gave before.
        on_field: SAM refines what ``densecrf`` made of the baseline's label map.
    """

    name: str
    recipe: tuple[str, ...]
    region: str
    selection: str
    fill: str
    gate: float = 0.0
    fusion: Fusion | None = None
    rounds: int = 1
    on_field: bool = False
    learned: bool = False

    @property
    def multimask(self) -> bool:
        """Whether SAM is asked for its three candidates."""
        return self.selection != "single"

    @property
    def needs_pixels(self) -> bool:
        """Whether scores are those of the image's own pixels, not of SAM's grid."""
        return self.on_field or (self.fusion is not None and self.fusion.crf == "densecrf")

    @property
    def has_ladder(self) -> bool:
        """Whether the first answers about the baseline's regions are painted: the ladder's steps are about these."""
        gated = bool(self.gate) or self.learned
        return self.fusion is None and not gated and self.rounds == 1 and not self.on_field

    @property
    def needs_grid(self) -> bool:
        """Whether the image and what the baseline thinks of it are wanted on SAM's grid, or its own."""
        return self.fusion is not None or self.on_field or self.learned
