"""A data set by its name: ``--data voc2012`` in place of a class."""

import difflib
import inspect
import os
from collections.abc import Sequence

from lit_samseg import data
from lit_samseg.data import SegmentationDataModule
from lit_samseg.runtime.option_values import replace_values

_OPTIONS = ("--data", "--data.help")


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
        words: The command line. A file goes before a name, and so does a class; ``_`` and ``-`` mean the same.

    Returns:
        The same with ``--data lit_samseg.data.VOC2012`` for ``--data voc2012``, also in ``--data.help``.
    """
    return replace_values(words, _class_path)


def meant_data(given: str) -> str:
    """Return what to say of a name that no data set has: which may be meant, or which there are."""
    names = list(data_classes())
    meant = difflib.get_close_matches(_plain(given), names, 1)
    return f"did you mean {meant[0]}?" if meant else f"give a class, or one of {', '.join(names)}"


def _class_path(option: str, value: str) -> str | None:
    kind = data_classes().get(_plain(value))
    if option not in _OPTIONS or kind is None or os.path.isfile(value):
        return None
    return f"{data.__name__}.{kind.__name__}"


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
