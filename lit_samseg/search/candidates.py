"""The recipes that are tried on the pairs of a study: its own rows, and those of a space."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from lit_samseg.data.subset import draw_subset
from lit_samseg.errors import InputError
from lit_samseg.refine import Variant
from lit_samseg.refine.grammar import RowText, parse_variant, parse_variants
from lit_samseg.search.configuration import gives_features
from lit_samseg.search.pair_images import PairImages
from lit_samseg.search.space import Space
from lit_samseg.study.plan import Pair

AUTO = "auto"
"""The recommended recipe, with which all others are compared."""

TUNED = "tuned"
"""The row that stands for each pair's own recipe."""


@dataclass(frozen=True, order=True)
class Setting:
    """What the meaning of a row's text depends on.

    Attributes:
        has_background: Whether the data set has a background class.
        has_features: Whether SAM gives features.
    """

    has_background: bool
    has_features: bool

    @classmethod
    def of(cls, pair: Pair, has_background: bool) -> "Setting":
        """Return a pair's; SAM's class is asked, and no SAM is made."""
        sam = pair.options["model"]["init_args"]["sam"]
        return cls(has_background, gives_features(sam if isinstance(sam, str) else str(sam["class_path"])))


def settings_of(pairs: Sequence[PairImages]) -> list[Setting]:
    """Return the settings of pairs, each once, and check that the pairs' own rows mean something.

    Raises:
        InputError: A row means nothing, or SAM's class is not there; the message names the pair.
    """
    settings = []
    for own in pairs:
        try:
            settings.append(Setting.of(own.pair, own.has_background))
            parse_variants(own.pair.options["model"]["init_args"]["variants"], *astuple(settings[-1]))
        except InputError as error:
            raise InputError(f"pair {own.pair.name!r}: {error}") from error
    return sorted(set(settings))


class _Known:
    """Rows by name, each recipe once whatever it is called."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        self._settings = settings
        self._meanings: dict[str, str] = {}
        self.rows: dict[str, RowText] = {}

    def add(self, name: str, row: RowText) -> None:
        """Take a row in, if it can be tried in all settings and is not there yet."""
        variants = [_parse(row, setting) for setting in self._settings]
        if any(variant is None or variant.learned or variant.selector.needs_truth for variant in variants):
            return
        meaning = json.dumps([variant.describe() for variant in variants if variant is not None], default=str)
        if meaning not in self._meanings.values():
            self._meanings[name], self.rows[name] = meaning, row


def candidates(
    pairs: Sequence[Pair], settings: Sequence[Setting], space: Space, trials: int, seed: int
) -> dict[str, RowText]:
    """Return the rows to try on all pairs, by name; ``auto`` first, then the study's own, then those of the space.

    What needs the ground truth is no result, and what was learned is of one data set: neither is among them.

    Args:
        pairs: Of the study.
        settings: Those of the pairs, each once; a row is left out that means nothing in one of them.
        space: What may be tried.
        trials: How many of the space are tried; where there are more, they are drawn.
        seed: Of the draw.

    Raises:
        InputError: A name stands for different rows, or the space holds nothing that can be tried.
    """
    own = _own_rows(pairs)
    known = _Known(settings)
    known.add(AUTO, own.get(AUTO, AUTO))
    for name, row in own.items():
        known.add(name, row)
    texts = _texts(space, settings)
    drawn = set(texts if len(texts) <= trials else draw_subset(texts, trials, seed))
    for text in texts:
        if text in drawn:
            known.add(text, text)
    return known.rows


def _own_rows(pairs: Sequence[Pair]) -> dict[str, RowText]:
    rows: dict[str, RowText] = {}
    for pair in pairs:
        for row in pair.options["model"]["init_args"]["variants"]:
            for name, one in [(name, {name: row[name]}) for name in row] if isinstance(row, Mapping) else [(row, row)]:
                if rows.setdefault(str(name).strip(), one) != one:
                    raise InputError(f"row {name!r} is not the same in all pairs; give each a name of its own")
    if TUNED in rows:
        raise InputError(f"row {TUNED!r} is a pair's recipe that is found here; give that of the study another name")
    rows.pop("baseline", None)
    return rows


def _texts(space: Space, settings: Sequence[Setting]) -> list[str]:
    """Return what a space holds, each in the shortest form that means the same in all settings."""
    by_setting = [space.rows(setting.has_background, setting.has_features) for setting in settings]
    texts: dict[tuple[str, ...], str] = {}
    for point, name in by_setting[0].items():
        if not all(point in rows for rows in by_setting):
            continue
        names = tuple(rows[point] for rows in by_setting)
        alike = all(
            parse_variant(name, setting.has_background).name == there
            for setting, there in zip(settings, names, strict=True)
        )
        texts.setdefault(names, name if alike else space.text(point))
    return list(texts.values())


def _parse(row: RowText, setting: Setting) -> Variant | None:
    """Return what a row means; None where that is nothing."""
    try:
        (variant,) = parse_variants([row], setting.has_background, setting.has_features)
    except InputError:
        return None
    wanting = variant.field is not None and variant.field.needs_features and not setting.has_features
    return None if wanting else variant


def renamed(row: RowText, name: str) -> dict[str, Any]:
    """Return a row under another name."""
    return {name: next(iter(row.values())) if isinstance(row, Mapping) else row}
