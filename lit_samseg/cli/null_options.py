"""Refuse null where an option needs a value; jsonargparse lets it pass."""

import inspect
import pkgutil
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jsonargparse import Namespace

from lit_samseg.errors import InputError

_NEED_A_VALUE = (bool, int, float, str)


def check_nulls(config: Any, option: str) -> None:
    """Check the options of a class, and of the classes among them.

    Args:
        config: ``class_path`` and ``init_args``; everything else is left to the parser.
        option: What the command line calls the class, as ``data``.

    Raises:
        InputError: An option is null whose type is a plain number, text, yes-or-no or choice; the message names it.
    """
    if not isinstance(config, Namespace) or "class_path" not in config or not config.get("init_args"):
        return
    hints = _hints(config.class_path)
    for name, value in vars(config.init_args).items():
        if value is None and (needed := _needed(hints.get(name))):
            raise InputError(f"{option}.{name} is null; give {needed}, or leave it out")
        check_nulls(value, f"{option}.{name}")


def _needed(hint: Any) -> str:
    """Return what an option of this type takes; empty where null may be meant."""
    if hint in _NEED_A_VALUE:
        return f"a value of type {hint.__name__}"
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    return "" if None in choices else " or ".join(map(str, choices))


def _hints(class_path: str) -> dict[str, Any]:
    """Return the types of a class's options: also of those that its constructor hands on to a base class's."""
    found = pkgutil.resolve_name(class_path)
    # A function may stand for the class that it makes.
    makers = [vars(base).get("__init__") for base in reversed(found.__mro__)] if inspect.isclass(found) else [found]
    hints: dict[str, Any] = {}
    for maker in makers:
        try:
            hints |= get_type_hints(maker)
        except (NameError, TypeError):
            # Annotations that only a type checker can look up.
            continue
    return hints
