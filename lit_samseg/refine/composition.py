"""Parts become a row: which go together, which are left out, and what the row is called at its shortest."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.refine.kinds import SLOTS, AskAgain, Gate, PromptPart, RegionFinder, Selector
from lit_samseg.refine.map_kinds import Belief, Composer, Evidence, Field, Judge, Painter, Start
from lit_samseg.refine.painting import OnBackground, OnBaseline
from lit_samseg.refine.part import PARTS, Part
from lit_samseg.refine.region_finders import WholeClass
from lit_samseg.refine.selection import ByLikeness
from lit_samseg.refine.variant import Variant

Words = Sequence[tuple[str, Part]]
"""Parts with the way they are written."""


def compose(
    prompt: Sequence[tuple[str, PromptPart]], others: Words, has_background: bool, notes: Sequence[str] = ()
) -> Variant:
    """Put parts together.

    Args:
        prompt: Parts of the prompt, in any order; none for a row that asks SAM for no mask.
        others: All other parts, in any order; of a kind that is missing the default is taken.
        has_background: Whether the data set has a background class; then it is the default fill, else ``baseline`` is.
        notes: What is to be said of the way the row was written.

    Raises:
        InputError: Parts exclude each other.
    """
    ordered = sorted(prompt, key=lambda pair: SLOTS.index(pair[1].slot))
    _check_prompt(ordered)
    by_kind = _by_kind(others)
    given = [(word, part) for word, part in by_kind.get(Composer, []) if isinstance(part, Composer)]
    composers = sorted(given, key=lambda pair: _place(pair[1]))
    beliefs = by_kind.get(Belief, [])
    single: dict[type[Part], Any] = {kind: pairs[0][1] for kind, pairs in by_kind.items() if kind is not Composer}
    fill: Painter = OnBackground() if has_background else OnBaseline()
    asks = any(kind in by_kind for kind in (RegionFinder, Selector)) or bool(composers)
    if not prompt:
        _check_without_prompt(by_kind, others, asks)
    variant = Variant(
        name="",
        prompt=tuple(part for _, part in ordered),
        finder=single.get(RegionFinder, WholeClass()),
        selector=single.get(Selector, ByLikeness()),
        composers=tuple(part for _, part in composers) or (() if Field in single or not prompt else (fill,)),
        gate=single.get(Gate),
        field=single.get(Field),
        again=single.get(AskAgain),
        start=single.get(Start),
        judge=single.get(Judge),
        beliefs=tuple(part for _, part in beliefs if isinstance(part, Belief)),
        notes=tuple(notes),
    )
    _check_background(variant, has_background)
    _check_beliefs(variant)
    if prompt:
        _check_scores(variant, composers, ordered)
    return replace(variant, name=_shortest_name(ordered, by_kind, composers, type(fill)))


def _place(part: Part) -> int:
    """Return a part's place among those of its kind; parts without a word of their own come last."""
    words = list(PARTS)
    return words.index(part.word) if part.word in words else len(words)


def _by_kind(others: Words) -> dict[type[Part], list[tuple[str, Part]]]:
    kinds: tuple[type[Part], ...] = (RegionFinder, Selector, AskAgain, Gate, Belief, Composer, Field, Judge, Start)
    by_kind: dict[type[Part], list[tuple[str, Part]]] = {}
    for word, part in others:
        kind = next(kind for kind in kinds if isinstance(part, kind))
        same = by_kind.setdefault(kind, [])
        if any(type(known) is type(part) for _, known in same):
            raise InputError(f"{word!r} stands twice")
        _check_mixed([*same, (word, part)])
        adds = kind is Belief or (isinstance(part, Evidence) and all(isinstance(known, Evidence) for _, known in same))
        if same and not adds:
            raise InputError(f"{same[0][0]!r} and {word!r} exclude each other; write one of {', '.join(_words(kind))}")
        same.append((word, part))
    return by_kind


def _check_mixed(composers: Words) -> None:
    """See that scores are not added up where masks are painted."""
    adding = [word for word, part in composers if isinstance(part, Evidence)]
    painting = [word for word, part in composers if isinstance(part, Painter)]
    if adding and painting:
        raise InputError(
            f"where scores are added up there is neither a fill nor an oracle; leave {painting[0]} or {adding[0]} out"
        )


def _words(kind: type[Part]) -> list[str]:
    """Return the words of this package's parts of a kind."""
    return [word for word in PARTS.own if issubclass(PARTS.find(word), kind)]


def _check_prompt(prompt: Sequence[tuple[str, PromptPart]]) -> None:
    for (one, first), (other, second) in itertools.pairwise(prompt):
        if one == other:
            raise InputError(f"the recipe names {one!r} twice")
        if first.slot == second.slot:
            there = [word for word in _words(PromptPart) if getattr(PARTS.find(word), "slot", "") == first.slot]
            raise InputError(f"{one!r} and {other!r} exclude each other; a recipe has one of {', '.join(there)}")
    if prompt and all(part.slot == "negative" for _, part in prompt):
        raise InputError(f"{prompt[0][0]!r} says only what is not meant; add another part")


_ALONE: tuple[type[Part], ...] = (Field, Belief, Judge)
"""Kinds that make sense without SAM's masks."""


def _check_without_prompt(by_kind: Mapping[type[Part], Words], others: Words, asks: bool) -> None:
    if not by_kind or any(kind not in _ALONE for kind in by_kind):
        strange = next((word for word, part in others if isinstance(part, RegionFinder | Selector | Painter)), "")
        what = f"without a prompt there is no {strange!r}; " if asks and strange else ""
        rows = " or ".join(f"none@{word}" for kind in _ALONE for word in _words(kind))
        raise InputError(f"{what}a row without a prompt is {rows}")


def _check_beliefs(variant: Variant) -> None:
    """See that what a row believes is of SAM's grid, and of the image whose regions are asked about."""
    if not variant.beliefs:
        return
    word = variant.beliefs[0].word or variant.beliefs[0].path
    if variant.start is not None:
        raise InputError(
            f"{variant.start.word!r} makes a label map of which nothing else is known; leave it or {word} out"
        )
    if variant.field is not None and variant.field.of_pixels:
        raise InputError(
            f"{variant.field.word!r} is of the image's pixels, {word!r} of SAM's grid; leave one of them out"
        )
    if variant.gate is not None and variant.gate.is_learned:
        raise InputError(f"a learned gate is for masks of the baseline's regions; leave it or {word} out")


def _check_background(variant: Variant, has_background: bool) -> None:
    if variant.fill == "background" and not has_background:
        raise InputError("this data set has no background class to fill with")


def _check_scores(variant: Variant, composers: Words, prompt: Sequence[tuple[str, PromptPart]]) -> None:
    """See that what paints and what adds up scores are not mixed."""
    evidence = [word for word, part in composers if isinstance(part, Evidence)]
    add = f"add /{' or /'.join(_words(Evidence))}"
    bound = next((word for word, part in composers if isinstance(part, Evidence) and part.binds), None)
    if bound is not None and (variant.field is None or not variant.field.takes_cliques):
        takers = [word for word in _words(Field) if PARTS.find(word).takes_cliques]  # type: ignore[attr-defined]
        raise InputError(f"{bound!r} binds cells in a random field; add /{' or /'.join(takers)}")
    users = [part for _, part in composers if isinstance(part, Evidence) and part.takes_both]
    if variant.again is not None and variant.again.asks_otherwise and not users:
        word = variant.again.word or variant.again.path
        takers = [name for name in _words(Evidence) if PARTS.find(name).takes_both]  # type: ignore[attr-defined]
        raise InputError(f"nobody uses the second answer of {word!r}; add /{' or /'.join(takers)}")
    if variant.field is not None and not evidence:
        if composers:
            raise InputError(
                f"{composers[0][0]!r} paints, and {variant.field.word!r} is for rows that add up scores; leave one out"
            )
        raise InputError(f"SAM is asked, but nobody uses the answer; {add}")
    for word, part in prompt:
        if part.for_scores and not evidence:
            raise InputError(f"{word!r} is for rows that add up scores; {add}")
    if not evidence:
        if variant.gate is not None and variant.gate.is_learned and variant.start is not None:
            raise InputError(
                f"a learned gate is for masks of the baseline's regions; leave it or {variant.start.word} out"
            )
        return
    if variant.field is not None and variant.field.of_pixels:
        raise InputError(
            f"{variant.field.word!r} is of the image's pixels, the others of SAM's grid; leave one of them out"
        )
    adding = ", ".join([*evidence, *([variant.field.word] if variant.field is not None else [])])
    if variant.gate is not None:
        raise InputError(f"a gate is for masks that are painted; leave it or {adding} out")
    if variant.start is not None:
        raise InputError(f"{variant.start.word!r} is for masks that are painted; leave it or {adding} out")
    if variant.selector.needs_truth:
        raise InputError("where scores are added up there is neither a fill nor an oracle")


def _shortest_name(
    prompt: Sequence[tuple[str, PromptPart]],
    by_kind: Mapping[type[Part], Words],
    composers: Words,
    fill: type[Painter],
) -> str:
    """Leave out what is the default: the last ones of region, selection and fill, and numbers."""
    painter = [(word, part) for word, part in composers if isinstance(part, Painter)]
    places = [by_kind.get(RegionFinder, []), by_kind.get(Selector, []), painter]
    plain: list[type[Part]] = [WholeClass, ByLikeness, fill]
    words = [pairs[0][0] if pairs else default.word for pairs, default in zip(places, plain, strict=True)]
    isnt_default = [
        bool(pairs) and type(pairs[0][1]) is not default for pairs, default in zip(places, plain, strict=True)
    ]
    shown = words[: 3 - isnt_default[::-1].index(True)] if any(isnt_default) else []
    shown += [word for kind in (AskAgain, Gate, Belief) for word, _ in by_kind.get(kind, [])]
    shown += [word for word, part in composers if not isinstance(part, Painter)]
    shown += [word for kind in (Field, Judge, Start) for word, _ in by_kind.get(kind, [])]
    recipe = "+".join(word for word, _ in prompt) or "none"
    return f"{recipe}@{'/'.join(shown)}" if shown else recipe
