"""A run's data set, as its configuration has it and the command line overrides it."""

from argparse import ArgumentError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from lit_samseg.data import SegmentationDataModule
from lit_samseg.errors import InputError


def configured_data(folder: Path, words: Sequence[str]) -> SegmentationDataModule:
    """Make the data set of a run; nothing is read from it yet.

    Args:
        folder: The run's, with its ``config.yaml``.
        words: ``--data.root DIR`` and the like, which go before what the configuration says.

    Raises:
        InputError: There is no configuration, or it names no data set that can be made.
    """
    path = folder / "config.yaml"
    try:
        section: Any = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
        given = {"class_path": section["class_path"], "init_args": section.get("init_args") or {}}
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); it says where the run's images are") from error
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} has no section 'data' with a class_path; it is not the config.yaml of a run"
        ) from error
    return make_data(given, f"the data set of {path}", words)


def make_data(given: Any, what: str, words: Sequence[str] = ()) -> SegmentationDataModule:
    """Make a data set; nothing is read from it yet.

    Args:
        given: What a configuration has under ``data``.
        what: It is called so where it cannot be made.
        words: ``--data.root DIR`` and the like, which go before what is given.

    Raises:
        InputError: It cannot be made.
    """
    data = make_object(SegmentationDataModule, "data", given, what, words)
    assert isinstance(data, SegmentationDataModule)
    return data


def make_object(kind: type, option: str, given: Any, what: str, words: Sequence[str] = ()) -> Any:
    """Make an object of a configuration.

    Args:
        kind: Its class is one of these.
        option: What a configuration calls it: ``data``, say.
        given: ``class_path`` and ``init_args``.
        what: It is called so where it cannot be made.
        words: ``--OPTION.NAME VALUE`` and the like, which go before what is given.

    Raises:
        InputError: It cannot be made.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(kind, option, required=True)
    try:
        parser.set_defaults({option: given})
        return parser.instantiate(parser.parse_args(list(words)))[option]
    except (ArgumentError, ImportError, AttributeError, ValueError, TypeError) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        why = str(cause).partition("\n")[0]
        if isinstance(cause, InputError):
            raise InputError(why) from error
        raise InputError(f"{what} cannot be made: {why}; mend its options (--{option}.NAME)") from error
