"""Files of class -> phrases: ``aeroplane: [airplane, plane]``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lit_samseg.errors import InputError
from lit_samseg.runtime.shipped_files import ShippedFiles
from lit_samseg.runtime.yaml_mapping import read_yaml_mapping

Phrases = Mapping[str, tuple[str, ...] | None]
"""Of each class, in the file's order: its phrases, or None where it is never asked for."""

HEADING = "# Class: what is asked for, in words; null: never asked for. Any wording of a class may find it.\n"

_HOLDS = "a line 'class: [phrase, another]' for each class"
_EXAMPLE = "as 'lit-samseg classes voc2012' prints it"
_SHIPPED = ShippedFiles(Path(__file__).parent)


def shipped_names() -> tuple[str, ...]:
    """Return the names of the ontologies that the package has, sorted."""
    return _SHIPPED.names()


def shipped_phrases(name: str) -> Phrases:
    """Return one of the package's ontologies.

    Args:
        name: One of `shipped_names`.
    """
    return read_phrases(_SHIPPED.folder / f"{name}.yaml")


def find_phrases(given: str | Path) -> Phrases:
    """Return what a user names.

    Args:
        given: One of `shipped_names`, or a file (``./voc2012`` where a file has such a name).

    Raises:
        InputError: There is neither, or the file cannot be used.
    """
    names, text = shipped_names(), str(given)
    if text in names:
        return shipped_phrases(text)
    path = Path(given).expanduser()
    if not path.exists():
        hint = _SHIPPED.hint(text, "give a YAML file or one of them")
        raise InputError(f"no ontology {text!r}: no such file, and the shipped ones are {', '.join(names)}; {hint}")
    return read_phrases(path)


def read_phrases(path: Path) -> Phrases:
    """Read one file.

    Args:
        path: YAML in UTF-8: a mapping of class names to a phrase, a list of phrases, or null.

    Raises:
        InputError: It is no such file, a class has no phrases, or two classes have the same; one line with the path.
    """
    try:
        content = read_yaml_mapping(path, _HOLDS, _EXAMPLE)
        phrases = {_name(key): _phrases(str(key), value) for key, value in content.items()}
        check_distinct(phrases)
    except InputError as error:
        raise InputError(f"ontology {path} {error}") from error
    return phrases


def check_distinct(phrases: Phrases) -> None:
    """See that no phrase means two classes: which of them a network found could not be told.

    Raises:
        InputError: One does; the message begins with what is wrong.
    """
    owners: dict[str, str] = {}
    for name, own in phrases.items():
        for phrase in own or ():
            other = owners.setdefault(phrase.casefold(), name)
            if other != name:
                raise InputError(f"has {phrase!r} for both {other!r} and {name!r}; leave it to one of them")


def as_yaml(phrases: Phrases) -> str:
    """Return the text of a file that `read_phrases` reads as the same, a line for each class."""
    return HEADING + "".join(_line(name, own) for name, own in phrases.items())


def _line(name: str, own: tuple[str, ...] | None) -> str:
    # Lists stand in brackets, the mapping around them does not.
    flow = None if own else False
    content = {name: None if own is None else list(own)}
    line: str = yaml.safe_dump(content, default_flow_style=flow, allow_unicode=True, width=10**6)
    return line


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise InputError(f"has the class {key!r}, which YAML reads as no text; write it in quotes")
    return key


def _phrases(name: str, value: Any) -> tuple[str, ...] | None:
    """Return a class's phrases with single blanks."""
    if value is None:
        return None
    given: Sequence[Any] = value if isinstance(value, list) else [value]
    odd = next((one for one in given if not isinstance(one, str)), None)
    if odd is not None or None in given:
        raise InputError(f"has {odd!r} for {name!r}, which YAML reads as no text; write it in quotes")
    phrases = tuple(" ".join(one.split()) for one in given)
    if not all(phrases) or not phrases:
        raise InputError(f"has no phrases for {name!r}; give one, or write '{name}: null' for it never to be asked for")
    if len({phrase.casefold() for phrase in phrases}) < len(phrases):
        raise InputError(f"gives a phrase of {name!r} twice: {', '.join(phrases)}; leave one of them")
    return phrases
