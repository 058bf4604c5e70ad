"""Lists of class names as programs write them: plain, numbered, with colours, or as JSON."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import RGB

_HEADINGS = (
    "name",
    "names",
    "class",
    "classes",
    "class_name",
    "class name",
    "label",
    "labels",
    "category",
    "categories",
)

_COLOURED = (
    # CVAT's and Datumaro's labelmap.txt: name:colour:parts:actions
    re.compile(r"(?P<name>[^:]+):(?P<colour>\d+,\d+,\d+)?:[^:]*:[^:]*"),
    # class_dict.csv: name,r,g,b
    re.compile(r"(?P<name>[^,]+),\s*(?P<colour>\d+\s*,\s*\d+\s*,\s*\d+)"),
)
_NUMBERED = (
    re.compile(r"(?P<number>\d+)[\s:,;=.)]\s*(?P<name>\S.*)"),
    re.compile(r"(?P<name>.*\S)\s*[\t:,;=]\s*(?P<number>\d+)"),
)
_TABLE = re.compile(r"\d+[\s,;]+\d+[\s,;]+\d+")


@dataclass(frozen=True)
class ClassList:
    """Names of classes.

    Attributes:
        names: By class id.
        colours: RGB by class id where the file gives each class a colour of its own, else None.
    """

    names: tuple[str, ...]
    colours: tuple[RGB, ...] | None = None


def choose_names(names: list[str] | str | None, count: int | None, first: int) -> ClassList:
    """Return the classes that a user means.

    Args:
        names: The names, or the path of a file with them, or None.
        count: How many there are, or None.
        first: The first class's number in files.

    Raises:
        InputError: There is neither, both contradict each other, or a name is there twice.
    """
    if isinstance(names, str):
        found, where = read_class_list(Path(names).expanduser(), first), f"data.class_names: {names}"
    elif names is not None:
        found, where = ClassList(tuple(names)), "data.class_names"
    elif count is not None:
        return ClassList(tuple(f"class_{i}" for i in range(count)))
    else:
        raise InputError("data.num_classes or data.class_names is needed: how many classes do the masks have?")
    twice = [name for name, times in Counter(found.names).items() if times > 1]
    if not found.names or twice:
        what = f"has {twice[0]!r} more than once" if twice else "is empty"
        raise InputError(f"{where} {what}; it must hold at least one name and none twice")
    if count is not None and len(found.names) != count:
        raise InputError(f"data.num_classes is {count}, but {where} has {len(found.names)} names")
    return found


def read_class_list(path: Path, first: int = 0, option: str = "data.class_names") -> ClassList:
    """Read a list of class names.

    Args:
        path: A text file in UTF-8, or in UTF-16 with a byte-order mark: one name a line; or each with its number before
            or behind it; CVAT's ``labelmap.txt``; ``name,r,g,b``; a JSON list of names or mapping of numbers and names.
            Empty lines and comments (``# ...``) are left out, and labelme's ``__ignore__`` at the beginning.
        first: The number that the first class has where classes are numbered.
        option: The option that names the file, for messages.

    Raises:
        InputError: It cannot be read, or is none of these.
    """
    where = f"{option}: {path}"
    text = _read_text(path, where)
    if path.suffix.lower() in (".yaml", ".yml", ".xml"):
        raise InputError(f"{where} is no list of names; give a text file with one name a line")
    if text.lstrip()[:1] in ("[", "{"):
        return ClassList(_names_of_json(text, first, where))
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and line != "#" and not line.startswith(("# ", "#\t"))]
    if lines[:1] == ["__ignore__"]:
        # Labelme's number -1, which is void in its masks.
        del lines[0]
    return _list_of_lines(lines, first, where)


def _read_text(path: Path, where: str) -> str:
    try:
        content = path.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{where} is no readable text file ({reason}); give one name a line") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    odd = next((c for c in text if not c.isprintable() and c not in "\n\t"), None)
    if odd is not None:
        raise InputError(f"{where} holds {odd!a}, which no name does; give a text file with one name a line")
    return text


def _list_of_lines(lines: Sequence[str], first: int, where: str) -> ClassList:
    for pattern in _COLOURED:
        matches = _matches(pattern, lines)
        if matches:
            names = tuple(match["name"].strip() for match in matches)
            return ClassList(names, _colours(match["colour"] for match in matches))
    for line in lines:
        if line.startswith("#") or line.endswith(("{", "}")) or _TABLE.search(line):
            raise InputError(f"{where}: {line[:80]!a} is no name; give one name a line")
    for pattern in _NUMBERED:
        matches = _matches(pattern, lines)
        pairs = [(int(match["number"]), match["name"].strip()) for match in matches]
        # Names that differ by their number only, as `lane: 0` and `lane: 1`, are whole names.
        if pairs and (len(pairs) == 1 or len({name for _, name in pairs}) > 1):
            return ClassList(_in_order(pairs, first, where))
        counted = [int(match["number"]) for line in lines if (match := pattern.fullmatch(line))][:2]
        if not pairs and counted == [first, first + 1]:
            other = next(line for line in lines if not pattern.fullmatch(line))
            raise InputError(f"{where}: some lines have a number, {other[:80]!a} has none; give one name a line")
    if len(lines) == 1 and re.search(r"[,;\t]", lines[0]):
        raise InputError(f"{where} has one line, {lines[0][:80]!a}; give one name a line")
    if lines and lines[0].casefold() in _HEADINGS:
        raise InputError(f"{where} begins with {lines[0]!a}, which looks like a heading; delete that line")
    return ClassList(tuple(lines))


def _matches(pattern: re.Pattern[str], lines: Sequence[str]) -> list[re.Match[str]]:
    """Return the matches of all lines, the first of which may be a heading; of none if another line is different."""
    found = [pattern.fullmatch(line) for line in lines]
    if len(found) > 1 and found[0] is None and not re.search(r"\d", lines[0]):
        del found[0]
    matches = [match for match in found if match is not None]
    return matches if len(matches) == len(found) else []


def _in_order(pairs: Sequence[tuple[int, str]], first: int, where: str) -> tuple[str, ...]:
    ordered = sorted(pairs)
    numbers = [number for number, _ in ordered]
    if numbers != list(range(first, first + len(numbers))):
        given = ", ".join(map(str, numbers[:4])) + (", ..." if len(numbers) > 4 else "")
        remedy = "give every class a line, or one name a line without numbers"
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            remedy += f"; where the masks' label {numbers[0]} is the first class, data.label_offset is {numbers[0]}"
        raise InputError(f"{where} numbers its classes {given}, but labels are {first}, {first + 1}, ...: {remedy}")
    return tuple(name for _, name in ordered)


def _colours(texts: Iterable[str | None]) -> tuple[RGB, ...] | None:
    found: list[RGB] = []
    for text in texts:
        red, green, blue = map(int, text.split(",")) if text else (256, 0, 0)
        found.append((red, green, blue))
    are_all = all(max(colour) < 256 for colour in found) and len(set(found)) == len(found)
    return tuple(found) if are_all else None


def _names_of_json(text: str, first: int, where: str) -> tuple[str, ...]:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} begins like JSON and is none; give one name a line") from error
    if isinstance(content, dict) and isinstance(content.get("id2label"), dict):
        # A configuration of transformers, whose numbers are class ids.
        content, first = content["id2label"], 0
    if isinstance(content, dict) and content:
        pairs = [(int(n), name) for n, name in content.items() if n.isdecimal() and isinstance(name, str)]
        pairs = pairs or [(n, name) for name, n in content.items() if type(n) is int]
        if len(pairs) == len(content):
            return _in_order(pairs, first, where)
    if isinstance(content, list) and all(isinstance(name, str) for name in content):
        return tuple(content)
    raise InputError(f"{where} is JSON, but neither a list of names nor a mapping of numbers and names")
