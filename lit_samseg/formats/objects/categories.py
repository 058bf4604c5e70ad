"""Categories of objects to classes: those of the file, and one for pixels of no object."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.class_list import read_class_list
from lit_samseg.formats.interface import Classes, MaskOptions

BACKGROUND = "background"
NO_CATEGORY = -1
"""The number of a background that is no category of the file."""

_NAMES_OF_BACKGROUND = (BACKGROUND, "_background_", "__background__")


def object_classes(categories: Mapping[int, str], options: MaskOptions, where: str, named: bool = True) -> Classes:
    """Return what the categories of a file mean as classes.

    Classes are in the order of the categories' numbers, or of the names that the user gives. Pixels of no object are
    the background: the category of that name, or else a class of its own before all others.

    Args:
        categories: Names by the file's own numbers.
        options: What the user says: names, which must be those of the file, in any order; background; void, by the
            category's name or number.
        where: The file, for messages.
        named: Whether the names are the file's and not made up.

    Raises:
        InputError: A name is there twice, or options name what the file does not have.
    """
    _check(categories, options, where)
    void = None if options.void == "auto" else _number(options.void, categories, "void", where)
    numbers = [number for number in _in_order(categories, options, where) if number != void]
    names = [categories[number] for number in numbers]
    background = _background(names, options, where)
    if background is None and options.background == "auto":
        names, numbers, background = [BACKGROUND, *names], [NO_CATEGORY, *numbers], 0
    return Classes(tuple(names), tuple(numbers), void=void, background=background, named=named)


def for_new_file(classes: Classes, first: int) -> tuple[Classes, dict[int, str]]:
    """Return what classes of another format are in a new file of objects, and the categories' names by number.

    A first class ``background`` is no category there, for without one it is what no object covers. Where no class is
    the background, no object covers what is void.

    Args:
        classes: The other format's.
        first: The first category's number.
    """
    left_out = int(classes.background == 0 and classes.names[0] == BACKGROUND)
    numbers = range(first, first + len(classes) - left_out)
    own = replace(classes, values=(*[NO_CATEGORY] * left_out, *numbers), void=None)
    return own, dict(zip(numbers, classes.names[left_out:], strict=True))


def given_names(options: MaskOptions) -> list[str] | None:
    """Return the names of classes that the user gives; None for none, or for their number alone.

    Raises:
        InputError: They cannot be read.
    """
    if isinstance(options.classes, str):
        return list(read_class_list(Path(options.classes).expanduser(), option="--masks.classes").names)
    return options.classes if isinstance(options.classes, list) else None


def _check(categories: Mapping[int, str], options: MaskOptions, where: str) -> None:
    if options.mapping is not None:
        raise InputError(f"{where} tells its objects' categories by name; leave --masks.mapping out")
    by_name: dict[str, int] = {}
    for number, name in categories.items():
        if name in by_name:
            raise InputError(
                f"{where}: categories {by_name[name]} and {number} are both {name!r}; give one another name"
            )
        by_name[name] = number


def _in_order(categories: Mapping[int, str], options: MaskOptions, where: str) -> list[int]:
    names = given_names(options)
    if isinstance(options.classes, int) and options.classes != len(categories):
        raise InputError(f"{where} has {len(categories)} categories, but --masks.classes is {options.classes}")
    if names is None:
        return sorted(categories)
    numbers = {name: number for number, name in categories.items()}
    odd = [name for name in names if name not in numbers] + [name for name in numbers if name not in names]
    if odd or len(names) != len(numbers):
        what = f"{odd[0]!r} is in one of them" if odd else "one name is there twice"
        raise InputError(f"{where} and --masks.classes differ in their names: {what}; give the file's names, or none")
    return [numbers[name] for name in names]


def _background(names: list[str], options: MaskOptions, where: str) -> int | None:
    if options.background is None:
        return None
    if options.background == "auto":
        return next((index for index, name in enumerate(names) if name.casefold() in _NAMES_OF_BACKGROUND), None)
    return _number(options.background, dict(enumerate(names)), "background", where)


def _number(word: str, names: Mapping[int, str], option: str, where: str) -> int:
    for number, name in names.items():
        if name == word:
            return number
    if word.isdecimal() and int(word) in names:
        return int(word)
    shown = ", ".join(list(names.values())[:5])
    raise InputError(f"{where} has no category {word!r}, as --masks.{option} says; there are {shown}")
