"""Categories of objects to classes: those of the file, and one for pixels of no object."""

from collections.abc import Mapping
from dataclasses import replace

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskOptions
from lit_samseg.formats.naming import background_of, is_void, said_names

BACKGROUND = "background"
NO_CATEGORY = -1
"""The number of a background that is no category of the file."""


def object_classes(categories: Mapping[int, str], options: MaskOptions, where: str, named: bool = True) -> Classes:
    """Return what the categories of a file mean as classes.

    Classes are in the order of the categories' numbers, or of the names that the user gives. Pixels of no object are
    the background: the category of that name, or else a class of its own before all others.

    Args:
        categories: Names by the file's own numbers.
        options: What the user says: names, which must be those of the file, in any order; background; void, by the
            category's name or number. A category that is called void is void unless that is said to be none.
        where: The file, for messages.
        named: Whether the names are the file's and not made up.

    Raises:
        InputError: A name is there twice, or options name what the file does not have.
    """
    _check(categories, options, where)
    void = void_category(categories, options, where)
    numbers = [number for number in _in_order(categories, options, where, void) if number != void]
    names = [categories[number] for number in numbers]
    background = background_of(names, options.background)
    if background is None and options.background == "auto":
        names, numbers, background = [BACKGROUND, *names], [NO_CATEGORY, *numbers], 0
    return Classes(tuple(names), tuple(numbers), void=void, background=background, named=named)


def void_category(categories: Mapping[int, str], options: MaskOptions, where: str) -> int | None:
    """Return the number of the category whose objects are void, or None.

    Raises:
        InputError: The user names one that is not there.
    """
    if options.void == "none":
        return None
    if options.void == "auto":
        return next((number for number, name in categories.items() if is_void(name)), None)
    for number, name in categories.items():
        if options.void in (name, str(number)):
            return number
    shown = ", ".join(list(categories.values())[:5])
    raise InputError(f"{where} has no category {options.void!r}, as --masks.void says; there are {shown}")


def void_said(categories: Mapping[int, str], classes: Classes) -> list[str]:
    """Say which category is void, where one is."""
    return [] if classes.void is None else [f"objects of {categories[classes.void]!r} are void"]


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


def _check(categories: Mapping[int, str], options: MaskOptions, where: str) -> None:
    if options.mapping is not None:
        raise InputError(f"{where} tells its objects' categories by name; leave --masks.mapping out")
    by_name: dict[str, int] = {}
    for number, name in categories.items():
        if name in by_name:
            raise InputError(f"{where}: categories {by_name[name]} and {number} are both {name!r}; rename one")
        by_name[name] = number


def _in_order(categories: Mapping[int, str], options: MaskOptions, where: str, void: int | None) -> list[int]:
    """Return the categories' numbers; what is void need not be among the names that the user gives."""
    if options.classes is None or isinstance(options.classes, int):
        if options.classes not in (None, len(categories)):
            raise InputError(f"{where} has {len(categories)} categories, but --masks.classes is {options.classes}")
        return sorted(categories)
    names = said_names(options.classes) or ()
    numbers = {name: number for number, name in categories.items()}
    needed = [name for number, name in categories.items() if number != void]
    odd = [name for name in names if name not in numbers] + [name for name in needed if name not in names]
    if odd:
        raise InputError(f"{where} and --masks.classes differ: {odd[0]!r} is in one of them; give the file's, or none")
    return [numbers[name] for name in names]
