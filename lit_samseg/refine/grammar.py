"""What a row's name means: ``RECIPE`` or ``RECIPE@REGION/SELECTION/FILL/WORD=NUMBER/...``."""

from collections.abc import Sequence

from lit_samseg.errors import InputError
from lit_samseg.refine.variant import (
    FIELDS,
    FILLS,
    MOST_ROUNDS,
    NO_PROMPT,
    PARTS,
    RECOMMENDED,
    REGIONS,
    RIVALS,
    SELECTIONS,
    WORDS,
    Fusion,
    Variant,
)

PAINTING = frozenset({"rounds", "gate", "learned", "ondensecrf"})
"""Words of rows that paint masks, though the first is one of all rows with a prompt."""


def parse_variant(text: str, has_background: bool) -> Variant:
    """Parse a variant's text.

    Args:
        text: For example ``points+box``, ``box@component``, ``box@class/score``, ``box@class/iou/baseline``,
            ``points+box+mask@gate=70``, ``point+box+margin@component/fuse=30/vote=30/samcrf``, ``none@crf``.
        has_background: Whether the data set has a background class; then it is the default fill, else ``baseline`` is.

    Raises:
        InputError: A word is unknown or stands twice; the message lists the words there are.
    """
    recipe_text, at, rest = text.strip().partition("@")
    said = rest.split("/") if at else []
    start = next((n for n, word in enumerate(said) if word.partition("=")[0] in WORDS), len(said))
    further = _parse_words(said[start:], text)
    recipe = _parse_recipe(recipe_text, text, further)
    words = said[:start]
    defaults = [REGIONS[0], SELECTIONS[0], "background" if has_background else "baseline"]
    if len(words) > len(defaults):
        raise InputError(f"variant {text!r}: at most @REGION/SELECTION/FILL may follow the recipe, then {_known()}")
    for word, choices, what in zip(words, (REGIONS, SELECTIONS, FILLS), ("region", "selection", "fill"), strict=False):
        if word not in choices:
            raise InputError(
                f"variant {text!r}: unknown {what} {word!r}; it is one of {', '.join(choices)}; other words: {_known()}"
            )
    if words[2:] == ["background"] and not has_background:
        raise InputError(f"variant {text!r}: this data set has no background class to fill with")
    fusion = _fusion(further)
    if fusion is not None and (words[2:] or words[1:] == ["oracle"]):
        raise InputError(f"variant {text!r}: where scores are added up there is neither a fill nor an oracle")
    if not recipe and words:
        raise InputError(f"variant {text!r}: without a prompt there is no {words[0]!r}")
    chosen = words + defaults[len(words) :]
    spoken = 3
    while spoken and chosen[spoken - 1] == defaults[spoken - 1]:
        spoken -= 1
    shown = chosen[:spoken] + [
        word if further[word] == WORDS[word] else f"{word}={further[word]}" for word in WORDS if word in further
    ]
    name = "+".join(recipe) or NO_PROMPT
    region, selection, fill = chosen
    return Variant(
        f"{name}@{'/'.join(shown)}" if shown else name,
        *(recipe, region, selection, fill),
        gate=(further.get("gate") or 0) / 100,
        fusion=fusion,
        rounds=further.get("rounds") or 1,
        on_field="ondensecrf" in further,
        learned="learned" in further,
    )


def parse_variants(texts: Sequence[str], has_background: bool, has_features: bool = True) -> list[Variant]:
    """Parse a list of variants; ``baseline`` may be among them and is left out, since it is always a row.

    Args:
        texts: As `parse_variant` takes them, or ``auto`` for the recommended one.
        has_background: As there.
        has_features: Whether SAM gives features, without which ``auto`` is another.

    Raises:
        InputError: A variant cannot be parsed, or two of them mean the same.
    """
    if strangers := [text for text in texts if not isinstance(text, str)]:
        what = getattr(strangers[0], "__name__", None) or repr(strangers[0])
        raise InputError(
            f"variants: {what} is a {type(strangers[0]).__name__}; a variant is a text such as 'points+box' or 'auto' "
            "(docs/recipes.md lists the words)"
        )
    auto = RECOMMENDED if has_features else RECOMMENDED.replace("samcrf", "crf")
    wanted = [auto if text.strip() == "auto" else text for text in texts if text.strip() != "baseline"]
    variants = [parse_variant(text, has_background) for text in wanted]
    names = [variant.name for variant in variants]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"variants: {twice[0]!r} is listed more than once; a row is computed once")
    return variants


def _parse_recipe(recipe: str, text: str, further: dict[str, int | None]) -> tuple[str, ...]:
    parts = [part.strip() for part in recipe.split("+")]
    if parts == [NO_PROMPT]:
        if not further.keys() & set(FIELDS) or further.keys() - set(FIELDS):
            fields = " or ".join(f"{NO_PROMPT}@{field}" for field in FIELDS)
            raise InputError(f"variant {text!r}: a row without a prompt is {fields}")
        return ()
    for part in parts:
        if part not in PARTS:
            raise InputError(
                f"variant {text!r}: unknown recipe {part!r}; a recipe is a sum of {', '.join(PARTS)}, "
                "e.g. points+box+mask"
            )
    if further.keys() & set(FIELDS) and not {"fuse", "vote"} & further.keys():
        raise InputError(f"variant {text!r}: SAM is asked, but nobody uses the answer; add /fuse or /vote")
    if len(set(parts)) < len(parts):
        raise InputError(f"variant {text!r}: the recipe names a part twice")
    for rivals in RIVALS:
        if len(set(rivals) & set(parts)) > 1:
            raise InputError(f"variant {text!r}: a recipe has one of {', '.join(rivals)}")
    if parts == ["negative"]:
        raise InputError(f"variant {text!r}: 'negative' says only what is not meant; add another part")
    if "margin" in parts and "fuse" not in further and "vote" not in further:
        raise InputError(f"variant {text!r}: 'margin' is for rows that add up scores; add /fuse or /vote")
    return tuple(part for part in PARTS if part in parts)


def _parse_words(words: Sequence[str], text: str) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for said in words:
        word, given, number = said.partition("=")
        if word not in WORDS:
            raise InputError(f"variant {text!r}: unknown word {said!r}; it is one of {_known()}")
        if word in found:
            raise InputError(f"variant {text!r}: {word!r} stands twice")
        found[word] = WORDS[word]
        if given:
            if WORDS[word] is None or not (number.isdecimal() and 1 <= int(number) <= 1000):
                raise InputError(f"variant {text!r}: {said!r} is no word; give {_known()}, numbers in 1..1000")
            found[word] = int(number)
    if len(found.keys() & set(FIELDS)) > 1:
        raise InputError(f"variant {text!r}: write one of {', '.join(FIELDS)}")
    if "densecrf" in found and len(found) > 1:
        raise InputError(
            f"variant {text!r}: 'densecrf' is of the image's pixels, the others of SAM's grid; leave one out"
        )
    added = [word for word in found if word not in PAINTING]
    if "gate" in found and added:
        raise InputError(f"variant {text!r}: a gate is for masks that are painted; leave it or {', '.join(added)} out")
    others = [word for word in found if word not in ("learned", "rounds")]
    if "learned" in found and others:
        raise InputError(
            f"variant {text!r}: a learned gate is for masks of the baseline's regions that are painted; leave it or "
            f"{', '.join(others)} out"
        )
    if "ondensecrf" in found and added:
        raise InputError(f"variant {text!r}: 'ondensecrf' is for masks that are painted; leave {', '.join(added)} out")
    if (found.get("gate") or 0) > 100:
        raise InputError(f"variant {text!r}: no IoU is above 100 %")
    if (found.get("rounds") or 0) > MOST_ROUNDS:
        raise InputError(f"variant {text!r}: SAM is asked {MOST_ROUNDS} times at most")
    return found


def _fusion(further: dict[str, int | None]) -> Fusion | None:
    if not further.keys() - PAINTING:
        return None
    field = next((word for word in FIELDS if word in further), "")
    return Fusion((further.get("fuse") or 0) / 100, (further.get("vote") or 0) / 100, field)


def _known() -> str:
    numbers = {word: "N" if word == "rounds" else "PERCENT" for word, default in WORDS.items() if default is not None}
    return ", ".join(f"{word}={numbers[word]}" if word in numbers else word for word in WORDS)
