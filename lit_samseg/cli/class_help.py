"""``--data.help`` and its like: which classes there are, and which options one has."""

import inspect
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import ModuleType
from typing import NoReturn

from jsonargparse import ArgumentParser
from lightning import LightningModule

from lit_samseg import baselines, concepts, finetune, sam
from lit_samseg.baselines import Baseline
from lit_samseg.cli.data_names import data_classes, meant_data
from lit_samseg.cli.network_names import names_of
from lit_samseg.concepts import ConceptSegmenter
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.sam import PromptableSegmenter

_HELP = re.compile(r"--(?P<option>data|model)(?:\.init_args)?(?:\.(?P<part>sam|baseline|concepts))?\.help")
_PARTS: Mapping[str, tuple[ModuleType, type]] = {
    "sam": (sam, PromptableSegmenter),
    "baseline": (baselines, Baseline),
    "concepts": (concepts, ConceptSegmenter),
}


def answer_class_help(words: Sequence[str]) -> bool:
    """Print what a request for help about classes asks for, where jsonargparse would not.

    Args:
        words: The command line, its first word the command. ``--data.help`` alone lists the data sets. ``--model.help``
            alone lists what ``fit`` trains. ``--model.sam.help`` alone lists the SAMs, ``--model.sam.help HubSam`` that
            one's options; ``baseline`` and ``concepts`` likewise.

    Returns:
        Whether that was done.

    Raises:
        ArgumentError: There is no such class.
        InputError: There is no such data set.
        SystemExit: A class's options were printed.
    """
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        option, equals, value = word.partition("=")
        asked = _HELP.fullmatch(option)
        if asked is None:
            continue
        name = value if equals else "" if following.startswith("-") else following
        if asked["part"] is None and name:
            if asked["option"] == "data" and "." not in name:
                raise InputError(f"{option}: no such class: {name}; {meant_data(name)}")
            return False
        if name:
            _print_options(words[0], asked["part"], name)
        print(_listing(words[0], option, asked["part"]), end="")
        return True
    return False


def _listing(command: str, option: str, part: str | None) -> str:
    """Return a line for each class."""
    known = ""
    if part is not None:
        package, kind = _PARTS[part]
        classes = _concrete(package, kind)
        known = f"\nAlso a checkpoint's path or hub id, or one of {', '.join(names_of(f'model.{part}'))}.\n"
    elif option.startswith("--data"):
        classes = data_classes()
    else:
        classes = _concrete(finetune, LightningModule) if command == "fit" else {"SamSegEvaluation": SamSegEvaluation}
    width = max(map(len, classes)) + 2
    lines = "".join(f"  {name:<{width}}{_first_line(one)}\n" for name, one in classes.items())
    first = next(iter(classes))
    taken = option.removesuffix(".help")
    head = f"{taken} takes one of these, or a class of your own by its path:"
    return f"{head}\n\n{lines}{known}\nOptions of one: lit-samseg {command} {option} {first}\n"


def _print_options(command: str, part: str, name: str) -> NoReturn:
    """Print the options of one class, and end as help does."""
    _, kind = _PARTS[part]
    parser = ArgumentParser(prog=f"lit-samseg {command}", exit_on_error=False)
    parser.add_subclass_arguments(kind, f"model.{part}")
    parser.parse_args([f"--model.{part}.help={name}"])
    raise AssertionError("jsonargparse ends after help")


def _concrete(package: ModuleType, kind: type) -> dict[str, type]:
    found = {name: getattr(package, name) for name in package.__all__}
    return {
        name: one
        for name, one in found.items()
        if inspect.isclass(one) and issubclass(one, kind) and not inspect.isabstract(one)
    }


def _first_line(one: type) -> str:
    return (one.__doc__ or "").partition("\n")[0].replace("``", "")
