"""JSON that people and programs hand over: read whole, or refused in one line."""

import json
from pathlib import Path
from typing import Any, TypeVar

from lit_samseg.errors import InputError

Kind = TypeVar("Kind")

_IN_WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        InputError: It cannot be read, is cut off or otherwise no JSON, holds NaN or infinity, or is something else.
    """
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "too deep"
        raise InputError(f"{what} {path} is no valid JSON ({reason[:120]}); export it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{what} {path} holds {_kind(content)} instead of an object; export it again, as a whole")
    return content


def entry(holder: dict[str, Any], key: str, kind: type[Kind], where: str) -> Kind:
    """Return what an object has under a key.

    Raises:
        InputError: It lacks it, or has something of another kind; true and false are no numbers.
    """
    if key not in holder:
        raise InputError(f"{where} has no {key!r}; export it again, or add it")
    value = holder[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{where} has {_kind(value)} as {key!r}, which must be {_IN_WORDS[kind]}; export it again")
    return value


def entries(holder: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """Return a list of objects that an object has under a key.

    Raises:
        InputError: It lacks it, or it is something else.
    """
    found = entry(holder, key, list, where)
    for index, one in enumerate(found):
        if not isinstance(one, dict):
            raise InputError(f"{where} has {_kind(one)} as {key!r} {index}, which must be an object; export it again")
    return found


def _kind(value: object) -> str:
    return _IN_WORDS.get(type(value), "nothing" if value is None else f"{str(value)[:40]!a}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
