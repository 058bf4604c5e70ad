"""What a class of one's own has to say of itself: looked at when it is built, not when the results are written."""

import inspect
from numbers import Integral
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from torch import nn

from lit_samseg.errors import InputError


def check_declared(made: object, interface: type, what: str) -> None:
    """See that an object has every attribute that its interface declares, of the type it declares.

    Args:
        made: What was given.
        interface: The base class it must have; the annotations of that class are what is declared.
        what: What it is for, as ``baseline``.

    Raises:
        InputError: It is of another class, or lacks an attribute, or has one of another type; the message names class
            and attribute.
    """
    wanted = f"{interface.__module__.rpartition('.')[0]}.{interface.__name__}"
    if not isinstance(made, interface):
        raise InputError(f"{what} is {_described(made)}; give an object of a class that is made from {wanted}")
    name = _name(type(made))
    if isinstance(made, nn.Module):
        try:
            list(made.children())
        except AttributeError as error:
            raise InputError(f"{what} {name} does not call super().__init__() in its own __init__; add it") from error
    package = interface.__module__.partition(".")[0]
    own = {
        attribute
        for base in interface.__mro__
        if base.__module__.partition(".")[0] == package
        for attribute in vars(base).get("__annotations__", {})
    }
    for attribute, hint in get_type_hints(interface).items():
        if attribute not in own:
            continue
        value = getattr(made, attribute, None)
        if value is None and not _fits(None, hint):
            raise InputError(
                f"{what} {name} has no {attribute!r}; set it in the class or in its __init__ (see {wanted})"
            )
        if not _fits(value, hint):
            meant = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
            raise InputError(f"{what} {name} has {attribute} = {value!r}; its type must be {meant} (see {wanted})")


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a value is of a plain type; of others nothing is known."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if kind is Literal:
        return value in inner
    if hint == tuple[str, ...]:
        return isinstance(value, tuple | list) and all(isinstance(word, str) for word in value)
    if hint is int:
        return isinstance(value, Integral)
    return not isinstance(hint, type) or hint not in (str, bool, NoneType) or isinstance(value, hint)


def _described(made: object) -> str:
    if inspect.isclass(made):
        return f"the class {_name(made)}, not an object of it"
    if made is None or isinstance(made, str | int | float):
        return repr(made)
    return f"a {_name(type(made))}"


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
