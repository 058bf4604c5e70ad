"""``lit-samseg configs``: the configurations that the package has, as files to edit."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lit_samseg.configurations.shipped import CONFIGURATIONS
from lit_samseg.errors import InputError
from lit_samseg.runtime.shipped_command import ShippedCommand

DESCRIPTION = """\
Print a configuration that is shipped, or list what there is.

  lit-samseg configs                      all of them, each with the command that takes it
  lit-samseg configs demo > mine.yaml     one of them, to edit
"""

EPILOG = """\
Each may be given by its name, from anywhere: lit-samseg test --config demo, lit-samseg study study_demo. A file of that
name goes before it. Options after it, and further --config files, are laid over it.
"""

_TRAINING = "lit_samseg.finetune."


def run_configs(words: Sequence[str]) -> None:
    """Run the command.

    Args:
        words: The command line after ``configs``.

    Raises:
        InputError: There is no such configuration.
        SystemExit: The words are wrong, or help was asked for.
    """
    names = "a shipped one, with or without .yaml; without it, they are listed"
    ShippedCommand("configs", DESCRIPTION, EPILOG, "NAME", names, _listing, _text).run(words)


def _text(given: str) -> str:
    path = CONFIGURATIONS.path(given)
    if path is None:
        hint = CONFIGURATIONS.hint(given, "'lit-samseg configs' lists what there is")
        raise InputError(f"no configuration {given!r} is shipped; {hint}")
    return path.read_text(encoding="utf-8")


def _listing() -> str:
    """Return a line for each shipped configuration: its command, its name, what it is for."""
    width = max(map(len, CONFIGURATIONS.names()), default=0)
    lines = []
    for name in CONFIGURATIONS.names():
        text = _text(name)
        lines.append(f"{_command_of(yaml.safe_load(text)):<7}{name:<{width}}  {_first_sentence(text)}\n")
    return "".join(lines)


def _command_of(content: Mapping[str, Any]) -> str:
    """Return which command takes a configuration."""
    if "pairs" in content:
        return "study"
    return "fit" if content["model"]["class_path"].startswith(_TRAINING) else "test"


def _first_sentence(text: str) -> str:
    """Return the first sentence of the comment that a file begins with."""
    comment = re.match(r"(?:#.*\n)*", text)
    assert comment is not None
    whole = " ".join(line.removeprefix("#").strip() for line in comment[0].splitlines())
    return re.split(r"(?<=[.?!]) (?=[A-Z(])", whole, maxsplit=1)[0]
