"""Look at configuration files before anything is built of them; jsonargparse's own complaints name no file."""

import os
import shlex
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import yaml

from lit_samseg.errors import InputError
from lit_samseg.runtime.yaml_mapping import read_yaml_mapping

_OPTIONS = ("-c", "--config", "--data", "--model", "--trainer")
_FIRST = ("-h", "--help", "--version", "--print_config")
"""Options of the program itself."""


def check_config_files(words: Sequence[str]) -> None:
    """Check every YAML file that a command line names.

    Args:
        words: The command line. Files that are not there are left to the parser, which may find a class of that name.

    Raises:
        InputError: A file is no YAML mapping, gives a key twice, has tags that would build objects, or aliases that
            grow without bounds; the message names it and the line.
    """
    for path in _named_files(words):
        try:
            check_config_file(path)
        except InputError as error:
            raise InputError(f"configuration {path} {error}") from error


def check_command_first(words: Sequence[str], commands: Collection[str]) -> None:
    """See that no option stands before the command.

    Args:
        words: The command line, whose files were checked.
        commands: All that there are.

    Raises:
        InputError: There is one; the message has the words in their order.
    """
    option = words[0].partition("=")[0] if words else ""
    if not option.startswith("-") or option in _FIRST:
        return
    place = next((n for n, word in enumerate(words) if word in commands), None)
    for path in _named_files(words[:place]):
        # Lightning's files for all commands: each has a part of its own.
        if path.is_file() and set(commands) & set(yaml.safe_load(path.read_text(encoding="utf-8-sig"))):
            return
    if place is not None:
        ordered = shlex.join([words[place], *words[:place], *words[place + 1 :]])
        raise InputError(f"{option} follows the command; write: lit-samseg {ordered}")
    if option in _OPTIONS:
        raise InputError(f"no command; write lit-samseg COMMAND {option} ..., where COMMAND is {', '.join(commands)}")


def _named_files(words: Sequence[str]) -> Iterator[Path]:
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        option, equals, value = word.partition("=")
        value = value if equals else following
        # A word may also be YAML itself, longer than a name can be.
        # A word of --data and --model may be a class; a pipe can be read only once.
        if option in _OPTIONS and (os.path.isfile(value) or (option in _OPTIONS[:2] and os.path.isdir(value))):
            yield Path(value)


def check_config_file(path: Path) -> None:
    """Check one YAML file.

    Raises:
        InputError: As of `check_config_files`; the message begins with what is wrong, for the caller to name the file.
    """
    read_yaml_mapping(path, "options such as 'data:' and 'model:'", "as in configs/")
