"""What a row's text means: ``RECIPE`` or ``RECIPE@WORD/WORD=NUMBER/...``; the words of a recipe are joined by ``+``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.refine.composition import compose
from lit_samseg.refine.kinds import PromptPart
from lit_samseg.refine.part import PARTS, Part
from lit_samseg.refine.prompts import Function
from lit_samseg.refine.regions import Region
from lit_samseg.refine.variant import RECOMMENDED, Variant
from lit_samseg.sam.interface import Prompt

NO_PROMPT = "none"
"""The recipe of a row that asks SAM for no mask."""
RowText = str | dict[str, Any]
"""A row as a configuration has it: a text, or ``{name: text}``, or ``{name: {row: text, word: {option: value}}}``."""


def parse_variant(text: str, has_background: bool) -> Variant:
    """Parse a variant's text.

    Args:
        text: For example ``points+box``, ``box@component``, ``box@class/score``, ``box@class/iou/baseline``,
            ``points+box+mask@gate=0.7``, ``point+box+margin@component/fuse=0.3/vote=0.3/samcrf``, ``none@crf``,
            ``point+mypackage.prompts:Halo@component``.
        has_background: Whether the data set has a background class; then it is the default fill, else ``baseline`` is.

    Raises:
        InputError: A word is unknown or stands twice, or words exclude each other.
    """
    recipe, at, rest = text.strip().partition("@")
    notes: list[str] = []
    try:
        prompt = (
            [] if recipe.strip() == NO_PROMPT else [_prompt_part(word.strip(), notes) for word in recipe.split("+")]
        )
        others = [_other_part(word.strip(), notes) for word in rest.split("/")] if at else []
        return compose(prompt, others, has_background, notes)
    except InputError as error:
        raise InputError(f"variant {text!r}: {error}") from error


def parse_variants(texts: Sequence[Any], has_background: bool, has_features: bool = True) -> list[Variant]:
    """Parse a list of variants; ``baseline`` may be among them and is left out, since it is always a row.

    Args:
        texts: As `parse_variant` takes them, or ``auto`` for the recommended one; or mappings with a name and options.
        has_background: As there.
        has_features: Whether SAM gives features, without which ``auto`` is another.

    Raises:
        InputError: A variant cannot be parsed, or two of them have one name.
    """
    auto = RECOMMENDED if has_features else RECOMMENDED.replace("samcrf", "crf")

    def parse(text: str) -> Variant:
        return parse_variant(auto if text.strip() == "auto" else text, has_background)

    variants = []
    for text in texts:
        if isinstance(text, Mapping):
            variants += [_named(name, row, parse) for name, row in text.items()]
        elif not isinstance(text, str):
            what = getattr(text, "__name__", None) or repr(text)
            raise InputError(
                f"variants: {what} is a {type(text).__name__}; a variant is a text such as 'points+box' or 'auto', or "
                "a name with one (docs/recipes.md lists the words)"
            )
        elif text.strip() != "baseline":
            variants.append(parse(text))
    names = [variant.name for variant in variants]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"variants: {twice[0]!r} is listed more than once; a row is computed once")
    return variants


def variant_of(ask: Callable[[Region], Prompt], words: str = "", has_background: bool = True) -> Variant:
    """Make a row of a plain function; for Python programs.

    Args:
        ask: Makes a prompt of a region.
        words: What stands behind the ``@`` in a row's text, such as ``component/score``.
        has_background: As for `parse_variant`.

    Raises:
        InputError: Words are unknown or exclude each other.
    """
    name = getattr(ask, "__name__", "function")
    notes: list[str] = []
    others = [_other_part(word.strip(), notes) for word in words.split("/")] if words else []
    return compose([(name, Function(ask))], others, has_background, notes)


def _named(name: object, row: object, parse: Any) -> Variant:
    """Return a row with a name of its own and, where they are given, other options of its parts."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or name.strip() == "baseline":
        raise InputError(f"variants: {name!r} cannot be a row's name; give a text of its own")
    options: Mapping[str, Any] = {}
    if isinstance(row, Mapping):
        options = {str(word): given for word, given in row.items() if word != "row"}
        row = row.get("row")
    if not isinstance(row, str):
        raise InputError(
            f"variants: {name!r} has no text; write {name}: TEXT, or {name}: {{row: TEXT, WORD: {{OPTION: N}}}}"
        )
    variant: Variant = parse(row)
    for word, given in options.items():
        if not isinstance(given, Mapping):
            raise InputError(
                f"variants: {name}.{word} is {given!r}; it is a mapping of options, such as {{weight: 0.3}}"
            )
        try:
            variant = variant.with_options(word, given)
        except InputError as error:
            raise InputError(f"variants: {name}: {error}") from error
    return replace(variant, name=name.strip())


def _prompt_part(word: str, notes: list[str]) -> tuple[str, PromptPart]:
    spelling, part = _part(word, notes)
    if not isinstance(part, PromptPart):
        raise InputError(f"{word!r} is no prompt; it stands behind the @, as in box@{word}")
    return spelling, part


def _other_part(word: str, notes: list[str]) -> tuple[str, Part]:
    spelling, part = _part(word, notes)
    if isinstance(part, PromptPart):
        raise InputError(f"{word!r} is a prompt; it stands before the @, as in {word}+...")
    return spelling, part


def _part(text: str, notes: list[str]) -> tuple[str, Part]:
    """Return how a word is written at its shortest, and what it means."""
    spelling, part, note = _read(text)
    notes += [note] if note else []
    return spelling, part


@cache
def _read(text: str) -> tuple[str, Part, str]:
    word, given, number = text.partition("=")
    kind = PARTS.find(word)
    try:
        part = kind()
    except TypeError as error:
        raise InputError(f"{word!r} cannot be made without options ({error}); give its options defaults") from error
    if not given:
        return word, part, ""
    if not kind.main:
        raise InputError(f"{text!r} has a number, which means nothing there; write {word}")
    default = part.options()[kind.main]
    old = kind.in_per_cent and number.isdecimal()
    try:
        value: float = int(number) / 100 if old else int(number) if type(default) is int else float(number)
    except ValueError as error:
        raise InputError(f"{text!r} has no number behind the =; write {word}={default}") from error
    part = part.with_options({kind.main: value})
    spelling = word if value == default else f"{word}={value}"
    return spelling, part, f"{text} is in per cent, an old spelling; write {word}={value}" if old else ""
