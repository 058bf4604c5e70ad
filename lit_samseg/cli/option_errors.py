"""jsonargparse's complaints about options in one line: which option, what is wrong with it, what may be meant."""

import difflib
import importlib
import inspect
import pkgutil
import re

from lit_samseg.cli.data_names import meant_data
from lit_samseg.cli.network_names import OPTIONS, names_of

_NOISE = (
    "Does not validate against any of the Union subtypes",
    "Subtypes:",
    "Errors:",
    "Expected a <class 'NoneType'>",
    "Given value type:",
    "Parser key ",
    "Problem with given class_path ",
)
_GIVEN = "Given value:"
_NO_CLASS = "no such class:"
_NO_PATH = "Expected a path but"


def in_one_line(message: str) -> str:
    """Return what a complaint of several lines says.

    Args:
        message: ``str`` of jsonargparse's ``ArgumentError``. One of another layout stays what it is, in one line.
    """
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    given = [
        line.removeprefix(_GIVEN).strip() for line in lines if line.startswith(_GIVEN) and "NestedArg(" not in line
    ]
    facts = [line for line in lines if line and not line.startswith((*_NOISE, _GIVEN))]
    # A class may also be the path of a file with its options.
    facts = [fact for fact in facts if not fact.startswith(_NO_PATH)] or facts
    keys = re.findall(r'Parser key "([^"]+)"', message)
    if not keys or not facts:
        # A complaint of argparse's own follows its key in the same line.
        text = _plainly(" ".join(message.split()))
        return re.sub(r'^Parser key "([^"]+)": ', r"--\1: ", text)
    text = "; ".join(dict.fromkeys(map(_plainly, facts)))
    if given and not re.search(rf"(?<!\w){re.escape(given[0])}(?!\w)", text):
        text += f", not {given[0]}"
    return f"--{'.'.join(keys)}: {text}{_hints(keys, text, message)}"


def _hints(keys: list[str], text: str, message: str) -> str:
    return f"{_suggestion(message)}{_not_written(text)}{_of_that_kind(text)}{_names('.'.join(keys), text)}"


def _plainly(fact: str) -> str:
    fact = re.sub(r"Expected an? <class '(\w+)'>", r"expected \1", fact)
    fact = fact.replace("Expected a dot import path string:", _NO_CLASS)
    fact = re.sub(r"Expected an? typing\.Literal\[(.*)\]\.", r"expected one of \1.", fact)
    fact = re.sub(r"Import path ([\w.]+) does not correspond to a subclass of (\w+)", r"\1 is no \2", fact)
    return re.sub(r"\. Got value: ", ", not ", fact)


def _not_written(text: str) -> str:
    """Return which methods a class lacks that cannot be instantiated."""
    abstract = re.search(r"but ([\w.]+) is abstract", text)
    try:
        lacking = sorted(pkgutil.resolve_name(abstract[1]).__abstractmethods__) if abstract else []
    except (ImportError, AttributeError, ValueError):
        return ""
    return f": it has no {', '.join(lacking)}" if lacking else ""


def _of_that_kind(text: str) -> str:
    """Return which classes are of the kind that is needed, beside one that is not."""
    wrong = re.search(r"([\w.]+)\.\w+ is no (\w+)", text)
    room = wrong and importlib.import_module(wrong[1])
    kind = room and getattr(room, wrong[2], None)  # type: ignore[index]
    if not isinstance(kind, type):
        return ""
    named = [getattr(room, name) for name in getattr(room, "__all__", ())]
    named = [one for one in named if not inspect.isabstract(one)]
    found = [one.__name__ for one in named if inspect.isclass(one) and issubclass(one, kind)]
    return f"; give {' or '.join(name for name in found)}"


def _names(option: str, text: str) -> str:
    """Return which names an option takes in place of a class that there is not: checkpoints', data sets'."""
    if option not in (*OPTIONS, "data") or not text.startswith(_NO_CLASS):
        return ""
    given = text.removeprefix(_NO_CLASS).strip()
    if option == "data":
        return f"; {meant_data(given)}"
    names = names_of(option)
    if given in names:
        return "; a file names a checkpoint by class_path and init_args (lit-samseg test --print_config shows how)"
    # A hub id is known by what follows its owner.
    short = {name.rpartition("/")[2]: name for name in names}
    meant = [one for one in short if given and one.startswith(given)] or difflib.get_close_matches(given, short, 1)
    if meant:
        return f"; did you mean {short[meant[0]]}?"
    return f"; give a class, a checkpoint's path or hub id, or one of {', '.join(names)}"


def _suggestion(message: str) -> str:
    """Return what may have been meant by an option that a class does not have."""
    wrong, classes = re.search(r"Option '(\w+)' is not accepted", message), re.findall(r"class_path '([^']+)'", message)
    if wrong is None or not classes:
        return ""
    module, _, name = classes[-1].rpartition(".")
    try:
        options = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    except (ImportError, AttributeError, ValueError, TypeError):
        return ""
    meant = difflib.get_close_matches(wrong[1], options, 1)
    return f" by {name}" + (f"; did you mean {meant[0]}?" if meant else f"; it has {', '.join(options)}")
