"""Cityscapes' masks: label ids, of which 19 are classes, or train ids, which are the classes; named as its zips do."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes
from lit_samseg.formats.naming import background_of
from lit_samseg.formats.palettes import colours_of, hex_palette
from lit_samseg.formats.pixels.looks import MASK_SUFFIXES, PixelMasks, pixel_masks, read_numbers
from lit_samseg.formats.pixels.numbers import NumberMasks
from lit_samseg.formats.published import CITYSCAPES_CLASSES, CITYSCAPES_COLOURS, LABEL_IDS, NUM_IDS
from lit_samseg.formats.source import MaskSource
from lit_samseg.void import VOID

_ENDING = re.compile(r"(?:_gt(?:Fine|Coarse))?_label(?:Train)?Ids$")
_UNLABELLED, _VOID_TRAIN_ID = 0, 255


class CityscapesMasks(NumberMasks):
    """Cityscapes' 19 classes in ``*_labelIds.png`` or ``*_labelTrainIds.png``, wherever they lie.

    Label ids that are no class are void, as they are for the benchmark. Where a pixel stays void it is written with the
    number that it had; where it becomes void, with 0, ``unlabeled``.

    Args:
        source: The masks. Where there are files of both kinds, label ids are read unless a suffix says otherwise.

    Raises:
        InputError: One cannot be read, or has a number that Cityscapes has not.
    """

    format = "cityscapes"

    def __init__(self, source: MaskSource) -> None:
        endings = _endings(source)
        if not endings:
            raise InputError(
                f"masks {source.path}: no name ends in _labelIds.png or _labelTrainIds.png; set --masks.format to index"
            )
        chosen = source.options.suffix or f"{endings[0]}.png"
        self._doubt = f"{chosen} is read, and not {endings[1]}.png" if len(endings) > 1 else None
        super().__init__(_masks(source, chosen))
        options = source.options
        if options.classes is not None or options.mapping is not None or options.void != "auto":
            raise InputError(
                "Cityscapes' masks have classes and void of their own: leave out --masks.classes, mapping and void, or "
                "set --masks.format to index"
            )
        self._train_ids = "train" in chosen.lower()
        if self._train_ids:
            values: tuple[int, ...] = tuple(range(len(CITYSCAPES_CLASSES)))
            known = {value: value for value in values} | {_VOID_TRAIN_ID: VOID}
        else:
            values = LABEL_IDS
            known = dict.fromkeys(range(NUM_IDS), VOID) | {value: number for number, value in enumerate(values)}
        self._id_of = known
        colours = tuple(colours_of(hex_palette(CITYSCAPES_COLOURS)).values())
        void = _VOID_TRAIN_ID if self._train_ids else _UNLABELLED
        background = background_of(CITYSCAPES_CLASSES, options.background)
        self.classes = Classes(CITYSCAPES_CLASSES, values, colours, void, background, True)
        for path, look in self.masks.looks.items():
            strange = next((number for number in look.found if number not in known), None)
            if strange is not None:
                kind = "train ids are 0..18 and 255" if self._train_ids else "label ids are 0..33"
                raise InputError(
                    f"mask {path} has the value {strange} at {self.place_in(path, strange)}, but Cityscapes' {kind}; "
                    "take the official files, or set --masks.format to index"
                )

    def ids_of(self, path: Path) -> Mapping[int, int]:
        """Return class ids by label ids, or by train ids."""
        return self._id_of

    def numbers_of(self, path: Path) -> Mapping[int, int]:
        """Return label ids or train ids by class ids."""
        void = self.classes.void
        assert void is not None, "Cityscapes has one"
        return {**dict(enumerate(self.classes.values)), VOID: void}

    def fill_void(self, path: Path, numbers: NDArray[np.int32], void: NDArray[np.bool_]) -> None:
        """Give pixels that were void, and are, the number back that they had."""
        if self._train_ids or not void.any():
            return
        before = read_numbers(path, self.masks.looks[path].form)
        if before.shape == numbers.shape:
            kept = void & ~np.isin(before, LABEL_IDS)
            numbers[kept] = before[kept]

    def why_void(self) -> str:
        """Say what may have been mistaken for what."""
        if self._train_ids:
            return "255 is void; test's files are all void, since its ground truth is not public"
        return "label ids that are no class of the 19 are void; if these are train ids, name them _labelTrainIds.png"

    def understood(self) -> list[str]:
        """Say which files are read, and what is void."""
        what = "train ids, void 255" if self._train_ids else "label ids; those that are no class are void"
        return [*super().understood(), *([] if self._doubt is None else [self._doubt]), f"Cityscapes' {what}"]


def look_like_cityscapes(source: MaskSource) -> str | None:
    """Tell whether files are named as Cityscapes'."""
    endings = _endings(source)
    return f"names end in {endings[0]}" if endings else None


def _endings(source: MaskSource) -> list[str]:
    """Return the endings of Cityscapes' names that occur, of label ids first; the one alone that a suffix says."""
    files = source.ending_in(*MASK_SUFFIXES)
    if source.options.suffix is not None:
        named = Path(f"a{source.options.suffix}")
        stem = named.stem if named.suffix else named.name
        return [stem[1:]] if _ENDING.search(stem) and any(stem[1:] in path.stem for path in files) else []
    found = {match.group() for path in files if (match := _ENDING.search(path.stem))}
    return sorted(found)


@lru_cache(maxsize=1)
def _masks(source: MaskSource, suffix: str) -> PixelMasks:
    return pixel_masks(replace(source, options=replace(source.options, suffix=suffix)))
