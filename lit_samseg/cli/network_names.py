"""A network by its checkpoint's name: ``--model.sam mobile_sam`` in place of a class and its option."""

from collections.abc import Callable, Sequence
from itertools import product, zip_longest
from pathlib import Path
from typing import get_args

from lit_samseg import baselines, concepts, sam
from lit_samseg.baselines.by_name import baseline_class
from lit_samseg.baselines.torchvision_deeplab import Architecture
from lit_samseg.concepts.by_name import PUBLISHED, concepts_class
from lit_samseg.sam.by_name import segmenter_class
from lit_samseg.sam.known_weights import KNOWN_WEIGHTS

_BETWEEN = ("", ".init_args")
OPTIONS = {f"model{between}.{name}": name for between in _BETWEEN for name in ("sam", "baseline", "concepts")} | {
    # That of `BoxesByText`.
    f"model{one}.concepts{other}.sam": "sam"
    for one, other in product(_BETWEEN, _BETWEEN)
}
"""The options that take a checkpoint in place of a class, without dashes, and what each is for."""
_CONFIGURATIONS = (".yaml", ".yml", ".json")
"""jsonargparse reads a class and its options from such files."""


def with_classes(words: Sequence[str]) -> list[str]:
    """Write out which class reads a checkpoint, where a command line names a checkpoint in place of a class.

    Args:
        words: The command line.

    Returns:
        The same with ``--model.sam CLASS --model.sam.checkpoint NAME`` for ``--model.sam NAME``, and for the baseline
        and the text-prompted segmenter likewise; as it was where there is none.

    Raises:
        InputError: A checkpoint's folder is of no kind that is known.
    """
    written: list[str] = []
    pairs = iter(zip_longest(words, words[1:], fillvalue=""))
    for word, following in pairs:
        option, equals, value = word.partition("=")
        value = value if equals else following
        which = OPTIONS.get(option.removeprefix("--"))
        if which is None or not _is_name(which, value):
            written.append(word)
            continue
        path, argument = _READERS[which](value)
        written += [option, path, f"{option}.{argument}", value]
        if not equals:
            next(pairs, None)
    return written


def names_of(option: str) -> tuple[str, ...]:
    """Return the checkpoints that have a name, for one of `OPTIONS`."""
    return _NAMES[OPTIONS[option]]


def _is_name(which: str, value: str) -> bool:
    package, known = _PACKAGES[which], _NAMES[which]
    if value.startswith(("{", "[", "-")) or value.endswith(_CONFIGURATIONS) or hasattr(package, value):
        return False
    # A class has no slash; a folder may have any name.
    return value in known or "/" in value or (bool(value) and Path(value).expanduser().exists())


def _reader_of_sam(checkpoint: str) -> tuple[str, str]:
    return f"{sam.__name__}.{segmenter_class(checkpoint).__name__}", "checkpoint"


def _reader_of_baseline(checkpoint: str) -> tuple[str, str]:
    folder = Path(checkpoint).expanduser()
    # Label maps alone: any other folder is a network's or has scores.
    if folder.is_dir() and {p.suffix.lower() for p in folder.iterdir() if not p.name.startswith(".")} == {".png"}:
        return f"{baselines.__name__}.{baselines.Precomputed.__name__}", "root"
    found, option = baseline_class(checkpoint)
    return f"{baselines.__name__}.{found.__name__}", option


def _reader_of_concepts(checkpoint: str) -> tuple[str, str]:
    return f"{concepts.__name__}.{concepts_class(checkpoint).__name__}", "checkpoint"


_PACKAGES = {"sam": sam, "baseline": baselines, "concepts": concepts}
_NAMES: dict[str, tuple[str, ...]] = {
    "sam": (*KNOWN_WEIGHTS, "demo"),
    "baseline": (*get_args(Architecture), "demo"),
    "concepts": (*PUBLISHED, "demo"),
}
_READERS: dict[str, Callable[[str], tuple[str, str]]] = {
    "sam": _reader_of_sam,
    "baseline": _reader_of_baseline,
    "concepts": _reader_of_concepts,
}
