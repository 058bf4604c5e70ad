"""YAML files that users write, looked at before anything is made of them; PyYAML's own complaints name no file."""

from pathlib import Path
from typing import Any

import yaml

from lit_samseg.errors import InputError

_MOST_VALUES = 100_000
"""With every alias written out. Real files have hundreds; a "billion laughs" would never end."""


def read_yaml_mapping(path: Path, holds: str, example: str) -> dict[Any, Any]:
    """Read one YAML file.

    Args:
        path: The file, in UTF-8.
        holds: What it must hold, for messages: ``options such as 'data:'``.
        example: Where such files can be seen, for messages: ``as in configs/``.

    Raises:
        InputError: It is no YAML mapping, gives a key twice, has tags that would build objects, or aliases that grow
            without bounds. The message begins with what is wrong, for the caller to name the file.
        OSError: It cannot be opened.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except IsADirectoryError as error:
        raise InputError("is a folder; give a YAML file") from error
    except UnicodeDecodeError as error:
        raise InputError("is not a text file in UTF-8; give a YAML file") from error
    except RecursionError as error:
        raise InputError(f"is nested too deep; give a YAML file {example}") from error
    except yaml.YAMLError as error:
        raise InputError(f"is not YAML ({' '.join(str(error).split())}); mend it") from error
    if root is None:
        raise InputError(f"is empty; it must hold {holds}")
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"is no mapping; it must hold {holds}")
    if _values_below(root, {}) > _MOST_VALUES:
        raise InputError(f"holds more than {_MOST_VALUES} values once its aliases are written out; it was refused")
    try:
        # Numbers without end, lists as keys and merges of no mapping show only here.
        content: dict[Any, Any] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())}); mend it") from error
    return content


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
