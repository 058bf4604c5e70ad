"""Which phrases a text-prompted segmenter is asked for each class of a data set."""

import difflib
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.ontologies import Phrases, find_phrases, shipped_names, shipped_phrases
from lit_samseg.ontologies.phrases import check_distinct

_NAMELESS = re.compile(r"(class|label)[\s_-]*\d+|\d+", re.IGNORECASE)
"""Names that programs make up where nobody gave any."""

_OF_COCO = re.compile(r"(-other|-merged|-stuff)+$")
"""What COCO's names of stuff end with, which no caption has."""


@dataclass(frozen=True)
class Ontology:
    """The phrases of a data set's classes.

    Attributes:
        of_class_names: The data set's names by class id.
        classes: The ids that are asked for, ascending; the background is never among them.
        phrases: Of each of them, at least one. No phrase is of two classes.
        source: Where they are from, for messages and tables: a shipped ontology's name, a path, or ``class names``.
    """

    of_class_names: tuple[str, ...]
    classes: tuple[int, ...]
    phrases: tuple[tuple[str, ...], ...]
    source: str

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """All phrases, class by class: what `ConceptSegmenter.segment` is given, length ``P``."""
        return tuple(phrase for own in self.phrases for phrase in own)

    @cached_property
    def class_of_asked(self) -> tuple[int, ...]:
        """The class id of each of `asked`."""
        pairs = zip(self.classes, self.phrases, strict=True)
        return tuple(class_id for class_id, own in pairs for _ in own)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of all that answers depend on: class names, ids and phrases; not of where they are from."""
        content = json.dumps([self.of_class_names, self.classes, self.phrases])
        return hashlib.sha256(content.encode()).hexdigest()


def read_ontology(
    given: str | Path | None, class_names: tuple[str, ...], background: int | None, data_name: str = ""
) -> Ontology:
    """Return the phrases of a data set's classes.

    Args:
        given: A shipped ontology's name or a file. None takes the shipped one of these classes, in whatever order;
            where there is none, the names themselves are the phrases (`phrases_of_names`).
        class_names: The data set's, by class id.
        background: Its class that is never asked for, or None.
        data_name: The data set's name: its ontology is the first that is tried.

    Raises:
        InputError: The file cannot be used, has a class that the data set does not have, lacks one, gives the
            background phrases, or asks for no class.
    """
    if given is not None:
        return _bind(find_phrases(given), class_names, background, str(given))
    wanted = {name for class_id, name in enumerate(class_names) if class_id != background}
    for name in sorted(shipped_names(), key=lambda name: name != data_name):
        phrases = shipped_phrases(name)
        if wanted == {one for one, own in phrases.items() if own is not None}:
            return _bind(phrases, class_names, background, name)
    return _bind(phrases_of_names(class_names, background), class_names, background, "class names")


def phrases_of_names(class_names: tuple[str, ...], background: int | None) -> Phrases:
    """Make phrases of class names: underscores are blanks, what COCO's stuff ends with is left out.

    Names divided by commas or semicolons are synonyms (``wall;brick wall``). One that several classes have stays with
    the class whose first it is, and with none where it is nobody's first.

    Raises:
        InputError: A name says nothing (``class_7``), or two say the same.
    """
    split = {name: _wordings(name) for class_id, name in enumerate(class_names) if class_id != background}
    for name, wordings in split.items():
        if not wordings or _NAMELESS.fullmatch(name.strip()):
            raise InputError(
                f"the class {name!r} has a name that says nothing in words; give an ontology: a YAML file with "
                "'class: [phrase, another]' for each class"
            )
    count = Counter(wording for wordings in split.values() for wording in wordings)
    phrases: dict[str, tuple[str, ...] | None] = {
        name: (wordings[0], *(one for one in wordings[1:] if count[one] == 1)) for name, wordings in split.items()
    }
    try:
        check_distinct(phrases)
    except InputError as error:
        raise InputError(f"an ontology made of the class names {error}, in a file of your own") from error
    return phrases


def _wordings(name: str) -> tuple[str, ...]:
    parts = (" ".join(_OF_COCO.sub("", part.strip()).replace("_", " ").split()) for part in re.split("[,;]", name))
    return tuple(dict.fromkeys(part.casefold() for part in parts if part))


def _bind(phrases: Phrases, class_names: tuple[str, ...], background: int | None, source: str) -> Ontology:
    """Give each class of the data set its phrases."""
    for name, own in phrases.items():
        # A class that is not there is not asked for either way; of a misspelt one the true name is missing below.
        if name not in class_names and own is not None:
            meant = difflib.get_close_matches(name, class_names, 1)
            hint = f"did you mean {meant[0]!r}?" if meant else f"there are {', '.join(class_names)}"
            raise InputError(f"ontology {source} has {name!r}, which is no class of the data set; {hint}")
    asked: dict[int, tuple[str, ...]] = {}
    for class_id, name in enumerate(class_names):
        own = phrases.get(name)
        if class_id == background:
            if own is not None:
                raise InputError(
                    f"ontology {source} has phrases for {name!r}, the background, which is never asked for; "
                    f"write '{name}: null'"
                )
        elif name not in phrases:
            raise InputError(
                f"ontology {source} lacks the class {name!r}; give it phrases, or write '{name}: null' for it never "
                "to be asked for"
            )
        elif own is not None:
            asked[class_id] = own
    if not asked:
        raise InputError(f"ontology {source} asks for no class; give at least one of them phrases")
    return Ontology(class_names, tuple(asked), tuple(asked.values()), source)
