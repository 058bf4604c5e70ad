"""Look at configuration files before anything is built of them; jsonargparse's own complaints name no file."""

import os
import shlex
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import yaml

from lit_samseg.errors import InputError

_OPTIONS = ("-c", "--config", "--data", "--model", "--trainer")
_FIRST = ("-h", "--help", "--version", "--print_config")
"""Options of the program itself."""
_MOST_VALUES = 100_000
"""With every alias written out. Real files have hundreds; a "billion laughs" would never end."""


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
    try:
        text = path.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except IsADirectoryError as error:
        raise InputError("is a folder; give a YAML file") from error
    except UnicodeDecodeError as error:
        raise InputError("is not a text file in UTF-8; give a YAML file") from error
    except RecursionError as error:
        raise InputError("is nested too deep; give a YAML file as in configs/") from error
    except yaml.YAMLError as error:
        raise InputError(f"is not YAML ({' '.join(str(error).split())}); mend it") from error
    if root is None:
        raise InputError("is empty; it must hold options such as 'data:' and 'model:'")
    if not isinstance(root, yaml.MappingNode):
        raise InputError("is no mapping; it must hold options such as 'data:' and 'model:'")
    if _values_below(root, {}) > _MOST_VALUES:
        raise InputError(f"holds more than {_MOST_VALUES} values once its aliases are written out; it was refused")
    try:
        # Numbers without end, lists as keys and merges of no mapping show only here.
        yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())}); mend it") from error


def _values_below(node: yaml.Node, known: dict[int, int]) -> int:
    """Count values with aliases written out, each node looked at once."""
    if id(node) in known:
        if not known[id(node)]:
            raise InputError(f"has an alias to what it is part of ({_place(node)}); write it out")
        return known[id(node)]
    if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
        raise InputError(f"has the tag {node.tag} ({_place(node)}), which would build objects; it was refused")
    known[id(node)] = 0  # until it is known
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key in keys[:place] and key != "<<":
                raise InputError(f"gives {key!r} twice ({_place(node)}); leave one of them")
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    known[id(node)] = 1 + sum(_values_below(child, known) for child in children)
    return known[id(node)]


def _place(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"
