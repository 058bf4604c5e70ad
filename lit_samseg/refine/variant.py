"""One row of the results: a way from a label map to a refined one, put together from parts."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lit_samseg.errors import InputError
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.gates import Learned
from lit_samseg.refine.kinds import AskAgain, Gate, PromptPart, RegionFinder, Selector
from lit_samseg.refine.map_kinds import Belief, Composer, Composition, Evidence, Field, Judge, Painter, Start
from lit_samseg.refine.painting import OnBackground, Unrefined
from lit_samseg.refine.part import Part
from lit_samseg.refine.region_finders import WholeClass
from lit_samseg.refine.selection import ByLikeness

P = TypeVar("P")

PAPER_VARIANTS = ("point", "points", "box", "points+box", "points+box+mask")
"""The refined rows of the paper's Table 2 (Qamar et al., 2023)."""

RECOMMENDED = "point+box+margin@component/fuse/vote/samcrf"
"""What ``auto`` means (docs/recipes.md); for a SAM that gives no features, with ``crf``."""


@dataclass(frozen=True)
class Variant:
    """One way from a label map to a refined one; one row of the results.

    Attributes:
        name: The row's name.
        prompt: Parts of the prompt in the order of their slots; empty where SAM is asked for no mask.
        finder: Which regions are prompted for.
        selector: Which candidate is kept.
        composers: One that makes the label map; or any number of `Evidence` whose scores are added up.
        gate: Which masks give way to their regions; None for none.
        field: Has the last word on scores; None for none.
        again: How often SAM is asked; None for once.
        start: Makes the label map that is refined; None for the baseline's.
        judge: Has the last word on the label map; None for none.
        beliefs: Change what is believed of the image before its regions are found, in this order.
        notes: What is to be said of the way it was written.
    """

    name: str
    prompt: tuple[PromptPart, ...]
    finder: RegionFinder = dataclasses.field(default_factory=WholeClass)
    selector: Selector = dataclasses.field(default_factory=ByLikeness)
    composers: tuple[Composer, ...] = dataclasses.field(default_factory=lambda: (OnBackground(),))
    gate: Gate | None = None
    field: Field | None = None
    again: AskAgain | None = None
    start: Start | None = None
    judge: Judge | None = None
    beliefs: tuple[Belief, ...] = ()
    notes: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def begin(self, context: ImageContext) -> Composition:
        """Begin the row's label map of an image."""
        if not self.prompt and self.is_direct and self.field is None:
            return Unrefined(context)
        if self.adds_scores:
            evidence = [composer for composer in self.composers if isinstance(composer, Evidence)]
            return FusedScores(context, evidence, self.field)
        return self.composers[0].begin(context)

    def parts(self) -> Iterator[Part]:
        """Yield all parts in the order of their words."""
        yield from self.prompt
        if self.prompt:
            yield from (self.finder, self.selector)
        optional = (self.again, self.gate, *self.beliefs, *self.composers, self.field, self.judge, self.start)
        yield from (part for part in optional if part is not None)

    def with_options(self, word: str, given: Mapping[str, Any]) -> "Variant":
        """Return the row with other options of one of its parts.

        Raises:
            InputError: The row has no such part, the part no such option, or a value cannot be used.
        """
        if all(word not in (part.word, part.path) for part in self.parts()):
            there = ", ".join(part.word or part.path for part in self.parts())
            raise InputError(f"{word!r} is no part of the row; it has {there}")

        def changed(part: P) -> P:
            return part.with_options(given) if isinstance(part, Part) and word in (part.word, part.path) else part

        return replace(
            self,
            prompt=tuple(map(changed, self.prompt)),
            finder=changed(self.finder),
            selector=changed(self.selector),
            composers=tuple(map(changed, self.composers)),
            beliefs=tuple(map(changed, self.beliefs)),
            **{name: changed(getattr(self, name)) for name in ("gate", "field", "again", "judge", "start")},
        )

    def describe(self) -> dict[str, Any]:
        """Return what ``results.json`` says of the row's parts."""
        single = {"gate": self.gate, "field": self.field, "start": self.start}
        return {
            "prompt": [part.describe() for part in self.prompt],
            "regions": self.finder.describe(),
            "select": self.selector.describe(),
            "compose": [part.describe() for part in self.composers],
            **({"beliefs": [part.describe() for part in self.beliefs]} if self.beliefs else {}),
            **{kind: None if part is None else part.describe() for kind, part in single.items()},
            **({"again": self.again.describe()} if self.again is not None and self.rounds == 1 else {}),
            **({"judge": self.judge.describe()} if self.judge is not None else {}),
            "rounds": self.rounds,
        }

    def legend(self) -> dict[str, Any]:
        """Return what a gallery says of the row's prompts, for reports; ``asks`` are words for people."""
        return {
            "name": self.name,
            "region": self.region,
            "recipe": list(self.recipe),
            "rounds": self.rounds,
            "asks": [part.asks for part in self.prompt],
        }

    @property
    def adds_scores(self) -> bool:
        """Whether scores are added up, and nothing is painted."""
        return not self.composers or any(isinstance(composer, Evidence) for composer in self.composers)

    @property
    def rounds(self) -> int:
        """How many times SAM is asked."""
        return 1 if self.again is None else self.again.rounds

    @property
    def recipe(self) -> tuple[str, ...]:
        """The words of the prompt's parts."""
        return tuple(part.word or part.path for part in self.prompt)

    @property
    def region(self) -> str:
        """The word of the kind of regions."""
        return self.finder.word or self.finder.path

    @property
    def fill(self) -> str:
        """What pixels get that no mask claims, ``background`` or ``baseline``; empty where no masks are painted."""
        painter = self.composers[0] if self.composers else None
        return painter.fill if isinstance(painter, Painter) else ""

    @property
    def learned(self) -> bool:
        """Whether a learned gate decides which masks give way to their regions."""
        return isinstance(self.gate, Learned)

    @property
    def remembers(self) -> bool:
        """Whether a fitted memory has a say."""
        return self.judge is not None and self.judge.remembers

    @property
    def needs_words(self) -> bool:
        """Whether a text-prompted segmenter has a say."""
        return any(part.needs_words for part in self.parts())

    @property
    def multimask(self) -> bool:
        """Whether SAM is asked for its three candidates."""
        return self.selector.multimask

    @property
    def needs_pixels(self) -> bool:
        """Whether scores are those of the image's own pixels, not of SAM's grid."""
        return self.start is not None or (self.field is not None and self.field.of_pixels)

    @property
    def is_direct(self) -> bool:
        """Whether the baseline's own label map is refined, and what it believes."""
        return self.start is None and not self.beliefs

    @property
    def needs_no_region(self) -> bool:
        """Whether something may become of an image even where its label map has no region."""
        return bool(self.beliefs) or self.judge is not None

    @property
    def has_ladder(self) -> bool:
        """Whether the first answers about the baseline's regions are painted: the ladder's steps are about these."""
        # The ladder paints by itself: of somebody else's painter its steps would be another row's.
        paints = bool(self.fill) and not self.composers[0].is_foreign
        return paints and self.gate is None and self.rounds == 1 and self.is_direct and self.judge is None

    @property
    def needs_grid(self) -> bool:
        """Whether the image and what the baseline thinks of it are wanted on SAM's grid, or its own."""
        gated = self.gate is not None and (self.gate.needs_grid or self.gate.is_foreign)
        foreign = any(part.is_foreign for part in (*self.prompt, self.selector, *self.composers))
        return self.adds_scores or not self.is_direct or gated or foreign or self.needs_words
