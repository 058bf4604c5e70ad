"""What a row's text means: ``RECIPE`` or ``RECIPE@WORD/WORD=NUMBER/...``; the words of a recipe are joined by ``+``."""

import dataclasses
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.refine.composition import compose
from lit_samseg.refine.kinds import KINDS, PromptPart
from lit_samseg.refine.part import PARTS, Part
from lit_samseg.refine.prompts import Function
from lit_samseg.refine.regions import Region
from lit_samseg.refine.variant import RECOMMENDED, Variant
from lit_samseg.sam.interface import Prompt

_NAME_SIGNS, _LONGEST_NAME = " +@/=._-", 100
"""Of names that rows are given: they become names of files."""
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
    _check_told_apart(names)
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


def only_variant(given: RowText | Callable[[Region], Prompt], has_background: bool, has_features: bool) -> Variant:
    """Return the row that a Python program asks for by its text, or by a function that makes a prompt of a region.

    Raises:
        InputError: It cannot be parsed, is the baseline, or needs the ground truth.
    """
    if callable(given) and not isinstance(given, type):
        variants = [variant_of(given, has_background=has_background)]
    else:
        variants = parse_variants([given], has_background, has_features)
    if not variants or variants[0].selector.needs_truth:
        raise InputError(f"variant {given!r} is no way to refine a picture; the default is auto")
    return variants[0]


def _check_told_apart(names: Sequence[str]) -> None:
    """Refuse names that are the same where signs are replaced, as in names of files and in loggers."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault("".join(sign if sign.isalnum() else "-" for sign in name.casefold()), name)
        if other != name:
            raise InputError(f"variants: {other!r} and {name!r} differ in signs only; give one of them another name")


def _named(name: object, row: object, parse: Any) -> Variant:
    """Return a row with a name of its own and, where they are given, other options of its parts."""
    fits = isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name[:1].isalnum()
    if not (fits and all(sign.isalnum() or sign in _NAME_SIGNS for sign in str(name)) and name != "baseline"):
        raise InputError(
            f"variants: {name!r} cannot be a row's name; give up to {_LONGEST_NAME} letters, digits, blanks and "
            f"{' '.join(_NAME_SIGNS.strip())}, a letter or digit first, and not baseline"
        )
    assert isinstance(name, str)
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
    return replace(variant, name=name)


def _prompt_part(word: str, notes: list[str]) -> tuple[str, PromptPart]:
    if word == NO_PROMPT:
        raise InputError(f"{NO_PROMPT!r} stands alone before the @, as in none@crf")
    check_known(word, "recipe", KINDS[:1])
    spelling, part = _part(word, notes)
    if not isinstance(part, PromptPart):
        raise InputError(f"{word!r} is no prompt; it stands behind the @, as in box@{word}")
    return spelling, part


def _other_part(word: str, notes: list[str]) -> tuple[str, Part]:
    check_known(word, "word", KINDS[1:])
    spelling, part = _part(word, notes)
    if isinstance(part, PromptPart):
        raise InputError(f"{word!r} is a prompt; it stands before the @, as in {word}+...")
    return spelling, part


def check_known(text: str, what: str, kinds: Sequence[type[Part]]) -> None:
    """Name the words that may stand in a place, if there is another one.

    Raises:
        InputError: The text begins with no known word, and is no path.
    """
    word = text.partition("=")[0]
    if word in PARTS or ":" in word:
        return
    own = [name for kind in kinds for name in PARTS.own if issubclass(PARTS.find(name), kind)]
    # Of what kind the others are is not known before they are imported.
    there = [*own, *(name for name in PARTS if name not in PARTS.own)]
    meant = difflib.get_close_matches(word, there, 1)
    hint = f"did you mean {meant[0]!r}?" if meant else "write package.module:Name for one of your own"
    raise InputError(f"unknown {what} {word!r}; there are {', '.join(there)}; {hint}")


def _part(text: str, notes: list[str]) -> tuple[str, Part]:
    """Return how a word is written at its shortest, and what it means."""
    kind: Any = PARTS.find(text.partition("=")[0])
    spelling, part, note = _read(kind, text)
    notes += [note] if note else []
    return spelling, part


@cache
def _read(kind: type[Part], text: str) -> tuple[str, Part, str]:
    """Read a word. The class is looked up before: defined anew, as a notebook's cell does, it is another one."""
    word, given, number = text.partition("=")
    forgotten = [name for name, value in vars(kind).items() if isinstance(value, dataclasses.Field)]
    if forgotten:
        raise InputError(f"{word!r} has an option {forgotten[0]!r}; write @dataclass(frozen=True) above its class")
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
        what = "whole number" if type(default) is int else "number"
        raise InputError(f"{text!r} has no {what} behind the =; write {word}={default}") from error
    part = part.with_options({kind.main: value})
    spelling = word if value == default else f"{word}={value}"
    return spelling, part, f"{text} is in per cent, an old spelling; write {word}={value}" if old else ""
