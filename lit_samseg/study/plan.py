"""A study as its file says it: pairs, each with a whole configuration of ``test``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lit_samseg.cli.config_files import check_config_file
from lit_samseg.configurations import find_configuration
from lit_samseg.errors import InputError
from lit_samseg.study.layering import lay_over

SHARED = ("config", "data", "baseline", "sam", "rows", "model", "trainer", "seed_everything", "gallery", "report")
"""Keys of the file that all pairs share, and of each pair, whose own are laid over them. ``config`` is a file
or a shipped one's name, or a list of them, to start from: all other keys are laid over it."""

_OF_TEST = ("data", "trainer", "seed_everything", "gallery", "report")
"""Keys that a configuration of ``test`` has as well."""

SEARCH = "search"
"""A key of the file and of each pair, laid over each other too: what ``lit-samseg search --study`` is to know of a pair
and ``lit-samseg study`` does without."""

CONTROLS = ("none@densecrf", "none@crf")
"""Rows without SAM: what they gain is no merit of SAM's."""

EVALUATION = "lit_samseg.module.SamSegEvaluation"

_NAME = 60
"""Letters of a pair's folder."""


@dataclass(frozen=True)
class Pair:
    """A data set and a baseline, which a segmenter is to improve.

    Attributes:
        name: As the file has it.
        folder: The name of its run's folder, of letters that every file system takes.
        options: The configuration of its test.
        search: What the file says under `SEARCH`.
    """

    name: str
    folder: str
    options: Mapping[str, Any]
    search: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> list[str]:
        """The rows that the pair is asked for, by the names under which they are pooled, in the order of its run."""
        asked = self.options["model"]["init_args"].get("variants", ())
        # A row with a name of its own is a mapping of one.
        names = [str(name).strip() for row in asked for name in (row if isinstance(row, Mapping) else [row])]
        return [name for name in names if name != "baseline"]

    @property
    def data_key(self) -> str:
        """What pairs over one data set have in common: they need not run at the same time."""
        return str(self.options["data"])


@dataclass(frozen=True)
class StudyPlan:
    """What a study's file says.

    Attributes:
        path: The file.
        title: What the study is called: ``title`` in the file, or the file's name.
        pairs: At least one.
        control: The row that others are compared with as well: ``control`` in the file, or the random field without
            SAM that is among the rows. None where there is none.
    """

    path: Path
    title: str
    pairs: Sequence[Pair]
    control: str | None


def read_plan(path: Path) -> StudyPlan:
    """Read a study's file.

    Args:
        path: A file, or the name of a shipped one. YAML: ``pairs``, a list of mappings with ``name`` and any of
            `SHARED` and `SEARCH`; beside it any of these, for all pairs.

    Raises:
        InputError: It cannot be read, or a pair is wanting something; the message names the pair and the remedy.
    """
    path = find_configuration(path)
    given = _read(path)
    unknown = [key for key in given if key not in (*SHARED, SEARCH, "pairs", "title", "control")]
    if unknown:
        raise InputError(
            f"{path} has {unknown[0]!r}; it may have title, pairs, control, and for all pairs {', '.join(SHARED)}"
        )
    pairs = given.get("pairs")
    if not isinstance(pairs, list) or not pairs:
        raise InputError(f"{path} has no pairs; give a list, each with a name, data and baseline")
    shared = {key: value for key, value in given.items() if key in (*SHARED, SEARCH)}
    made = [_pair(path, number, pair, shared) for number, pair in enumerate(pairs, 1)]
    for what in ("name", "folder"):
        names = [getattr(pair, what).lower() for pair in made]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{path}: two pairs would have the {what} {twice!r}; give each a name of its own")
    return StudyPlan(path, str(given.get("title", path.stem)), made, _control(path, given, made))


def _control(path: Path, given: Mapping[str, Any], pairs: Sequence[Pair]) -> str | None:
    rows = list(dict.fromkeys(row for pair in pairs for row in pair.rows))
    if "control" in given:
        if given["control"] not in (None, *rows):
            raise InputError(f"{path}: control {given['control']!r} is no row of a pair; there are {', '.join(rows)}")
        return None if given["control"] is None else str(given["control"])
    return next((row for row in CONTROLS if row in rows), None)


def _pair(path: Path, number: int, given: Any, shared: Mapping[str, Any]) -> Pair:
    if not isinstance(given, Mapping) or not str(given.get("name") or "").strip():
        raise InputError(f"{path}: pair {number} has no name; write name: DATA x BASELINE")
    name = " ".join(str(given["name"]).split())
    where = f"{path}: pair {name!r}"
    unknown = [str(key) for key in given if key not in (*SHARED, SEARCH, "name")]
    if unknown:
        raise InputError(f"{where} has {unknown[0]!r}; it may have name, {', '.join(SHARED)}")
    options: Mapping[str, Any] = {}
    # Files are what to start from: a pair's own has rows, where the study's are to be pooled.
    for layer in (*_files(where, shared), *_files(where, given), _own(where, shared), _own(where, given)):
        options = lay_over(options, layer)
    if "data" not in options:
        raise InputError(f"{where} has no data; give a class_path and its init_args")
    arguments = options.get("model", {}).get("init_args", {})
    for needed in ("baseline", "sam"):
        if needed not in arguments:
            raise InputError(f"{where} has no {needed}; give a class_path and its init_args")
    if not arguments.get("variants"):
        raise InputError(f"{where} has no rows; write rows: [auto, box] for all pairs")
    search = [layer.get(SEARCH) or {} for layer in (shared, given)]
    if not all(isinstance(layer, Mapping) for layer in search):
        raise InputError(f"{where}: {SEARCH} is no mapping; write {SEARCH}: {{tune: 24}}")
    return Pair(name, folder_name(name), options, lay_over(*search))


def _files(where: str, layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the configurations that a layer names."""
    files = layer.get("config") or []
    try:
        paths = [find_configuration(str(file)) for file in (files if isinstance(files, list) else [files])]
    except InputError as error:
        raise InputError(f"{where}: config {error}") from error
    return [_read(path, f"{where}: config ") for path in paths]


def _own(where: str, layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a layer's own options as a configuration of ``test``."""
    arguments = dict(layer.get("model") or {})
    for key in ("baseline", "sam"):
        if key in layer:
            arguments[key] = layer[key]
    if "rows" in layer:
        if not isinstance(layer["rows"], list):
            raise InputError(f"{where}: rows is no list; write rows: [auto, box]")
        arguments["variants"] = layer["rows"]
    own: dict[str, Any] = {key: layer[key] for key in _OF_TEST if key in layer}
    own["model"] = {"class_path": EVALUATION, "init_args": arguments}
    return own


def _read(path: Path, before: str = "") -> Mapping[str, Any]:
    try:
        check_config_file(path)
    except InputError as error:
        raise InputError(f"{before}{path} {error}") from error
    read: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    return read


def folder_name(name: str) -> str:
    """Return a name as a folder of letters, digits, ``-``, ``_`` and ``.`` that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:_NAME] or "pair"
