"""Which file a configuration's name means: ``demo`` is ``configs/demo.yaml``, wherever that is."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.runtime.option_values import replace_values
from lit_samseg.runtime.shipped_files import ShippedFiles

_OPTIONS = ("-c", "--config")
_YAML_ITSELF = re.compile(r"[{\[\n]|:\s|:$")
"""jsonargparse takes the content of a file in the place of its path."""


def _folder() -> Path:
    """Return the folder of the files: a wheel has it in the package, a checkout beside it."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


CONFIGURATIONS = ShippedFiles(_folder())
"""The configurations that the package has, studies among them."""


def find_configuration(given: str | Path) -> Path:
    """Return the file of a configuration or of a study.

    Args:
        given: A file, or a name of `CONFIGURATIONS` with or without ``.yaml``. A file of that name goes before it.

    Raises:
        InputError: There is neither; the message names what may be meant.
    """
    text = os.path.expanduser(given)
    # Also a pipe; a folder is none.
    if os.path.exists(text) and not os.path.isdir(text):
        return Path(text)
    shipped = CONFIGURATIONS.path(str(given))
    if shipped is not None:
        return shipped
    if os.path.isdir(text):
        raise InputError(f"{text} is a folder; give a YAML file")
    hint = CONFIGURATIONS.hint(text, "give a YAML file, or a name that 'lit-samseg configs' lists")
    raise InputError(f"{text} is not there, and no configuration of that name is shipped; {hint}")


def find_configurations(words: Sequence[str]) -> list[str]:
    """Write out which files ``--config`` means, where a command line has names.

    Args:
        words: The command line.

    Returns:
        The same with paths in the place of names; as it was where there are none.

    Raises:
        InputError: There is no such file, and none of that name is shipped.
    """
    return replace_values(words, _path)


def _path(option: str, value: str) -> str | None:
    if option not in _OPTIONS or _YAML_ITSELF.search(value):
        return None
    try:
        return str(find_configuration(value))
    except InputError as error:
        raise InputError(f"{option}: {error}") from error
