"""Refuse null where an option needs a value; jsonargparse lets it pass."""

import pkgutil
from typing import Any, get_type_hints

from jsonargparse import Namespace

from lit_samseg.errors import InputError

_NEED_A_VALUE = (bool, int, float, str)


def check_nulls(config: Any, option: str) -> None:
    """Check the options of a class, and of the classes among them.

    Args:
        config: ``class_path`` and ``init_args``; everything else is left to the parser.
        option: What the command line calls the class, as ``data``.

    Raises:
        InputError: An option is null whose type is a plain number, text or yes-or-no; the message names it.
    """
    if not isinstance(config, Namespace) or "class_path" not in config or not config.get("init_args"):
        return
    hints = _hints(config.class_path)
    for name, value in vars(config.init_args).items():
        kind = hints.get(name)
        if value is None and kind in _NEED_A_VALUE:
            raise InputError(f"{option}.{name} is null; give a value of type {kind.__name__}, or leave it out")
        check_nulls(value, f"{option}.{name}")


def _hints(class_path: str) -> dict[str, Any]:
    constructor: Any = pkgutil.resolve_name(class_path).__init__
    try:
        return get_type_hints(constructor)
    except NameError:
        # Annotations that only a type checker can look up.
        return {}
