"""Which metrics a run has: pixels and borders always, others by word or path."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.metrics import boundary_metric, entropy, pixel_metric, specks
from lit_samseg.metrics.metric import METRICS, ImageRows, Metric

OWN = (pixel_metric.PixelMetric, boundary_metric.BoundaryMetric, specks.Specks, entropy.Entropy)
"""This package's metrics; named here, they are registered."""

_WORD = re.compile("[a-z][a-z0-9_]*")


def always() -> list[Metric]:
    """Return the metrics that every run has."""
    return [kind() for kind in OWN[:2]]


def find_metrics(words: Sequence[str], num_classes: int) -> list[Metric]:
    """Return the metrics that words or paths mean beside those that every run has, in their order, each once.

    Each is tried on a blank image, so that one that cannot work is refused before any work is done.

    Args:
        words: ``specks``, ``package.module:Name``.
        num_classes: Number of classes.

    Raises:
        InputError: There is no such metric, it cannot be used, or two of them have one word.
    """
    found: dict[str, Metric] = {metric.word: metric for metric in always()}
    own = len(found)
    for word in words:
        kind = METRICS.find(word)
        metric = _made(kind, word, num_classes)
        if type(found.setdefault(metric.word, metric)) is not kind:
            raise InputError(f"metric {word}: there is another metric with the word {metric.word!r}; rename one")
    return list(found.values())[own:]


def count_others(metric: Metric, image: ImageRows, nothing: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Count an image by a metric that anybody may have written.

    Args:
        metric: What counts.
        image: The rows' label maps.
        nothing: Counts of no image, by name ``[R, ...]``.

    Raises:
        InputError: It raises something, or its counts are not those that it said; the message names it and the image.
    """
    try:
        counts = metric.count_rows(image)
    except InputError:
        raise
    except Exception as error:
        raise _unusable(metric, f"image {image.facts.id}", error) from error
    was, now = ({name: (a.shape, a.dtype) for name, a in arrays.items()} for arrays in (nothing, counts))
    if now != was:
        raise InputError(
            f"metric {metric.word}, image {image.facts.id}: counts are {_described(counts)}; of other images they are "
            f"{_described(nothing)}"
        )
    if broken := [name for name, array in counts.items() if array.dtype.kind == "f" and np.isnan(array).any()]:
        raise InputError(f"metric {metric.word}, image {image.facts.id}: count {broken[0]!r} is not a number (nan)")
    return counts


def _made(kind: type[Metric], word: str, num_classes: int) -> Metric:
    missing = [name for name in ("word", "columns") if not getattr(kind, name, None)]
    if missing:
        raise InputError(f"metric {word}: {kind.__name__} has no {' and no '.join(missing)}; give the class one")
    if not _WORD.fullmatch(kind.word):
        raise InputError(f"metric {word}: its word {kind.word!r} is not of small letters, digits and _")
    try:
        metric = kind()
        counts = metric.count_blank(num_classes)
        scores = metric.score_images({n: a if n in kind.summed else a[None] for n, a in counts.items()})
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"metric {word} cannot be used: {type(error).__name__}: {error}") from error
    keys = [column.key for column in kind.columns]
    if sorted(scores) != sorted(keys):
        raise InputError(f"metric {word} scores {', '.join(scores)}; its columns are {', '.join(keys)}")
    if floats := [name for name in kind.summed if counts[name].dtype.kind == "f"]:
        raise InputError(
            f"metric {word}: {floats[0]!r} is summed and no integer; leave it out of {kind.__name__}.summed"
        )
    return metric


def _unusable(metric: Metric, where: str, error: Exception) -> InputError:
    return InputError(f"metric {metric.word}, {where}: {type(error).__name__}: {error}")


def _described(counts: Mapping[str, NDArray[Any]]) -> str:
    return ", ".join(f"{name} {array.dtype} {list(array.shape[1:])}" for name, array in counts.items())
