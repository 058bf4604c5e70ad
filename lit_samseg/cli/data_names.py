"""A data set by its name: ``--data voc2012`` in place of a class."""

import difflib
import inspect
import os
from collections.abc import Sequence

from lit_samseg import data
from lit_samseg.data import SegmentationDataModule
from lit_samseg.runtime.option_values import replace_values

_OPTIONS = ("--data", "--data.help")
_ALSO = {"demo": "scenes", "pascal_voc": "voc2012", "context": "pascal_context"}
"""Further names, and the data sets that have them."""
_LEAST = 3
"""Letters that a beginning of a name needs."""


def data_classes() -> dict[str, type[SegmentationDataModule]]:
    """Return the data sets of the package by their names: ``voc2012``, ``coco_stuff``, ``folder``."""
    found = [getattr(data, name) for name in data.__all__]
    kinds = [
        one
        for one in found
        if inspect.isclass(one) and issubclass(one, SegmentationDataModule) and one is not SegmentationDataModule
    ]
    # Those of several sets of classes have a name for each; their modules have one.
    return {
        kind.name if isinstance(kind.__dict__.get("name"), str) else kind.__module__.rpartition(".")[2]: kind
        for kind in kinds
    }


def with_data_class(words: Sequence[str]) -> list[str]:
    """Write out which class a data set is, where a command line has its name.

    Args:
        words: The command line. A name may be shortened to any beginning that only one data set has (``voc``,
            ``ade``); ``_`` and ``-`` mean the same. A file of the same name is taken as a file, and a class as a class.

    Returns:
        The same with ``--data lit_samseg.data.VOC2012`` for ``--data voc2012``, also in ``--data.help``.
    """
    return replace_values(words, _class_path)


def meant_data(given: str) -> str:
    """Return what to say of a name that no data set has: which may be meant, or which there are."""
    names = list(data_classes())
    meant = sorted(_begun(given)) or _similar(given)
    return f"did you mean {' or '.join(meant)}?" if meant else f"give a class, or one of {', '.join(names)}"


def _class_path(option: str, value: str) -> str | None:
    if option not in _OPTIONS or os.path.isfile(value):
        return None
    meant = _begun(value)
    return f"{data.__name__}.{data_classes()[meant.pop()].__name__}" if len(meant) == 1 else None


def _begun(given: str) -> set[str]:
    """Return the data sets that a name means: the one it is, or all that it begins."""
    plain = _plain(given)
    known = {name: name for name in data_classes()} | _ALSO
    if plain in known:
        return {known[plain]}
    return {name for one, name in known.items() if len(plain) >= _LEAST and one.startswith(plain)}


def _similar(given: str) -> list[str]:
    known = {name: name for name in data_classes()} | _ALSO
    return [known[one] for one in difflib.get_close_matches(_plain(given), known, 1)]


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
