"""The recipes a search may try: lists of choices, and the rows' names they make."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lit_samseg.errors import InputError
from lit_samseg.refine import PARTS, Part, PromptPart, RegionFinder, Selector, parse_variant
from lit_samseg.refine.gates import Learned
from lit_samseg.refine.grammar import NO_PROMPT, check_known
from lit_samseg.refine.kinds import KINDS

ABSENT = "none"
"""The choice that leaves a word out."""
MOST_POINTS = 200_000
"""Every combination is parsed before anything is run, at some 20 microseconds each."""

_LISTS = ("recipes", "regions", "selections")

Point = Mapping[str, str]
"""One choice for each dimension."""


@dataclass(frozen=True)
class Space:
    """Choices by dimension; the first three are what a name begins with, each other is a word or its absence.

    Attributes:
        dimensions: Texts to choose from, at least one each, by ``recipes``, ``regions``, ``selections`` and further
            names of any kind.
    """

    dimensions: Mapping[str, Sequence[str]]

    @property
    def size(self) -> int:
        """Number of combinations, those without a meaning included."""
        return math.prod(map(len, self.dimensions.values()))

    def points(self) -> Iterator[Point]:
        """Yield every combination; the last dimension changes first."""
        for choices in itertools.product(*self.dimensions.values()):
            yield dict(zip(self.dimensions, choices, strict=True))

    def text(self, choices: Sequence[str]) -> str:
        """Return the row of one choice for each dimension, every word of it."""
        return _text(dict(zip(self.dimensions, choices, strict=True)))

    def yaml(self) -> str:
        """Return the text that `read_space` makes this of."""
        lists = {name: list(choices) for name, choices in self.dimensions.items()}
        given: dict[str, Any] = {name: lists.pop(name) for name in _LISTS} | {"words": lists}
        text: str = yaml.safe_dump(given, sort_keys=False, default_flow_style=None, width=120)
        return text

    def rows(self, has_background: bool, has_features: bool) -> dict[tuple[str, ...], str]:
        """Return the row's name in its shortest form of every combination that means something.

        Args:
            has_background: Whether the data set has a background class.
            has_features: Whether SAM gives features; without them there is no ``samcrf``.

        Returns:
            Names by combination; several combinations may have one name.

        Raises:
            InputError: No combination means anything; the message says why the last one does not.
        """
        found: dict[tuple[str, ...], str] = {}
        why = "it needs a SAM that gives features"
        for point in self.points():
            try:
                variant = parse_variant(_text(point), has_background)
            except InputError as error:
                why = str(error)
                continue
            if has_features or variant.field is None or not variant.field.needs_features:
                found[tuple(point.values())] = variant.name
        if not found:
            raise InputError(f"the space holds no recipe that can be tried: {why}")
        return found


DEFAULT_SPACE = Space(
    {
        "recipes": (
            *("none", "box", "point+box", "points+box", "points+box+mask"),
            *("box+margin", "point+box+margin", "points+box+margin"),
        ),
        "regions": ("component", "class"),
        "selections": ("iou", "score", "single"),
        "gate": ("none", "0.5", "0.7", "0.85"),
        "fuse": ("none", "0.15", "0.3", "0.5"),
        "vote": ("none", "0.15", "0.3", "0.6"),
        "crf": ("none", "crf", "samcrf"),
    }
)
"""What is tried where no ``--space`` is given."""


def read_space(path: Path) -> Space:
    """Read a space from YAML: ``recipes``, ``regions``, ``selections`` and ``words``, whose lists are choices.

    A list that is missing leaves the grammar's default. Of ``words`` each is named after what it is about; its choices
    are ``none``, a word (``crf``, ``fuse=0.3``), or the number of the word it is named after.

    Raises:
        InputError: The file cannot be read, or has a key or choice that means nothing; the message names it.
    """
    given = _read(path)
    try:
        return _parse(given)
    except InputError as error:
        raise InputError(f"space {path}: {error}") from error


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"space {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"space {path} is not YAML ({error})") from error


def _parse(given: Any) -> Space:
    keys = (*_LISTS, "words")
    if not isinstance(given, dict):
        raise InputError(f"expected a mapping with {', '.join(keys)}, each a list of choices")
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r}; it is one of {', '.join(keys)}")
    if "recipes" not in given:
        raise InputError("'recipes' is missing, a list such as [points+box, points+box+mask]")
    dimensions = {
        "recipes": _choices("recipes", given["recipes"]),
        "regions": _choices("regions", given.get("regions", ["class"])),
        "selections": _choices("selections", given.get("selections", ["iou"])),
    }
    for recipe in dimensions["recipes"]:
        for part in [] if recipe == NO_PROMPT else recipe.split("+"):
            _find(part, PromptPart, f"part {part!r} of recipe {recipe!r}")
    for region in dimensions["regions"]:
        _find(region, RegionFinder, f"region {region!r}")
    for selection in dimensions["selections"]:
        # The oracle looks at the ground truth: an analysis, never a result.
        if getattr(_find(selection, Selector, f"selection {selection!r}"), "needs_truth", False):
            raise InputError(f"selection {selection!r} looks at the ground truth, so it cannot be tried")
    words = given.get("words", {})
    if not isinstance(words, dict):
        raise InputError("'words' must be a mapping of words to lists of choices, such as fuse: [none, 0.3]")
    for about, choices in words.items():
        if about in dimensions:
            raise InputError(f"'words' cannot have a list named {about!r}")
        dimensions[str(about)] = _choices(str(about), choices)
        for choice in dimensions[str(about)]:
            _check_word(str(about), choice)
    space = Space(dimensions)
    if space.size > MOST_POINTS:
        raise InputError(f"{space.size} combinations; at most {MOST_POINTS} can be looked through, so leave some out")
    return space


def _choices(name: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise InputError(f"{name!r} must be a list with at least one choice")
    choices = tuple(ABSENT if choice is None else str(choice).strip() for choice in given)
    twice = [choice for choice in choices if choices.count(choice) > 1]
    if twice:
        raise InputError(f"{name!r} lists {twice[0]!r} twice")
    return choices


def _find(word: str, kind: type[Part], what: str) -> type[Part]:
    found = PARTS.find(word) if word in PARTS or ":" in word else None
    if found is None or not issubclass(found, kind):
        there = ", ".join(name for name in PARTS.own if issubclass(PARTS.find(name), kind))
        raise InputError(f"unknown {what}; it is one of {there}")
    return found


def _check_word(about: str, choice: str) -> None:
    if choice == ABSENT:
        return
    word, _, number = _word(about, choice).partition("=")
    check_known(word, "word", KINDS[1:])
    found = PARTS.find(word)
    if issubclass(found, Learned):
        raise InputError(f"{choice!r} is no choice for {about!r}: a search has no gate file, so it cannot be tried")
    if number:
        try:
            parse_variant(f"box@{word}={number}", has_background=True)
        except InputError as error:
            raise InputError(f"{choice!r} is no choice for {about!r}; {str(error).partition(': ')[2]}") from error


def _word(about: str, choice: str) -> str:
    """Return a choice as it stands in a name."""
    return choice if choice.partition("=")[0] in PARTS or ":" in choice else f"{about}={choice}"


def _text(point: Point) -> str:
    recipe, region, selection = (point[name] for name in _LISTS)
    # Without a prompt there is nothing to choose a region or a mask for: all of them are one row.
    said = [] if recipe == NO_PROMPT else [region, selection]
    said += [_word(about, point[about]) for about in point if about not in _LISTS and point[about] != ABSENT]
    return f"{recipe}@{'/'.join(said)}" if said else recipe
