"""What a row is made of: small frozen dataclasses, each known by a word, with options that have units."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeVar

from lit_samseg.errors import InputError
from lit_samseg.runtime.registry import Registry

Option = bool | int | float | str
_KINDS = {bool: "bool, true or false", int: "whole number", float: "number", str: "text"}
Class = TypeVar("Class", bound=type["Part"])


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of a row; its fields are its options, and the first line of its docstring is its help.

    Attributes:
        word: What it is called in a row's text.
        kind: Which place in a row it takes.
        main: The option that ``word=NUMBER`` sets; empty where a number means nothing.
        in_per_cent: Whether earlier releases wrote that number as whole per cents.
        needs_words: Whether it asks what a text-prompted segmenter says (`ImageContext.told`).
    """

    word: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    main: ClassVar[str] = ""
    in_per_cent: ClassVar[bool] = False
    needs_words: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: One is of another type, or out of its range.
        """
        for option in dataclasses.fields(self):
            if "what" in option.metadata:
                object.__setattr__(self, option.name, _checked(self, option, getattr(self, option.name)))

    @property
    def is_foreign(self) -> bool:
        """Whether it is from outside this package: what it gives is looked at before it is used."""
        return not type(self).__module__.startswith("lit_samseg.")

    @property
    def title(self) -> str:
        """What it is called in messages."""
        path = self.path
        return f"part {self.word!r} ({path})" if self.word else f"part {path}"

    @property
    def path(self) -> str:
        """The path of its class, as a row takes it."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @classmethod
    def help(cls) -> str:
        """Return what it is, in a line."""
        return (cls.__doc__ or cls.__name__).strip().partition("\n")[0].rstrip(".")

    def options(self) -> dict[str, Option]:
        """Return its options by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if "what" in field.metadata}

    def with_options(self, given: Mapping[str, Any]) -> Self:
        """Return the same part with other options.

        Raises:
            InputError: It has no such option, or a value cannot be used.
        """
        known = self.options()
        for name in given:
            if name not in known:
                there = f"it has {', '.join(known)}" if known else "it has none"
                raise InputError(f"{self.word or self.path} has no option {name!r}; {there}")
        return dataclasses.replace(self, **given)

    def describe(self) -> dict[str, Any]:
        """Return what ``results.json`` says of it."""
        return {"word": self.word or self.path, "class": self.path, "options": self.options()}


PARTS: Registry[Part] = Registry("part of a row", "lit_samseg.parts", Part)
"""All parts by word."""


def part(word: str) -> Callable[[Class], Class]:
    """Return a decorator that makes a class known by a word of a row's text."""

    def known(kind: Class) -> Class:
        PARTS.register(word)(kind)
        kind.word = word
        return kind

    return known


def option(default: Option, what: str, least: float | None = None, most: float | None = None, source: str = "") -> Any:
    """Return a dataclass field that is an option of a part.

    Args:
        default: The value where none is given; its type is the option's.
        what: What it means, with its unit.
        least: The least number allowed.
        most: The largest.
        source: Where the default comes from.
    """
    return dataclasses.field(
        default=default, metadata={"what": what, "least": least, "most": most, "source": source, "type": type(default)}
    )


def _checked(owner: Part, field: "dataclasses.Field[Any]", value: Any) -> Option:
    kind, least, most = (field.metadata[name] for name in ("type", "least", "most"))
    name = f"option {field.name!r} of {owner.word or owner.path}"
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise InputError(f"{name} is {value!r}; it is a {_KINDS[kind]}")
    low, high = least is not None and not value >= least, most is not None and not value <= most
    if low or high or (kind is float and not math.isfinite(value)):
        raise InputError(f"{name} is {value:g}; it is {_range(least, most)}")
    return value  # type: ignore[no-any-return]


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"in {least:g}..{most:g}"
    if least is not None:
        return f"{least:g} or more"
    return "a finite number" if most is None else f"{most:g} or less"
