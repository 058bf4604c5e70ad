"""Masks of indices: a pixel's value is its class, in grey of 8 or 16 bits or with a palette."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import Classes, MaskOptions
from lit_samseg.formats.naming import background_of, said_names, said_void
from lit_samseg.formats.palette_agreement import check_palettes_agree
from lit_samseg.formats.palettes import RGB, FileLabels, colours_of, labels_of_palette, voc_palette
from lit_samseg.formats.pixels.forms import Form
from lit_samseg.formats.pixels.looks import Look, PixelMasks, pixel_masks
from lit_samseg.formats.pixels.mapping import Mapping as Changes
from lit_samseg.formats.pixels.mapping import read_mapping
from lit_samseg.formats.pixels.numbers import NumberMasks
from lit_samseg.formats.pixels.void_number import find_void
from lit_samseg.formats.source import MaskSource
from lit_samseg.void import VOID

_LABELS = FileLabels(option="--masks.format", indices="index")
_VOC = colours_of(voc_palette())
_VOID_INDEX = 255


class IndexMasks(NumberMasks):
    """Masks whose values are classes; void is 255 or 65535 unless that may be a class.

    Classes are the values that occur, or as many as the user names: then the first ones that are not void.

    Args:
        source: The masks.

    Raises:
        InputError: One cannot be read, has a value that is no class, or what is void is in doubt.
    """

    format = "index"

    def __init__(self, source: MaskSource) -> None:
        super().__init__(pixel_masks(source))
        options, self._changes = source.options, read_mapping(source.options.mapping)
        self._values: dict[Path, dict[int, int]] = {}
        self._greys: set[Path] = set()
        for path, look in self.masks.looks.items():
            self._values[path] = self._read_values(path, look, options)
        if options.format == "auto":
            check_palettes_agree(self.masks.looks, _LABELS, "mask")
        found = {value for values in self._values.values() for value in values.values()}
        self.classes = _classes_of(found, self.masks, options)
        self._id_of = {value: number for number, value in enumerate(self.classes.values)}
        if self.classes.void is not None:
            self._id_of[self.classes.void] = VOID
        self._check_all_mean_something(options)
        written = [*self.classes.values, *([] if self.classes.void is None else [self.classes.void])]
        self._back = None if self._changes is None else self._changes.back(written)

    def _read_values(self, path: Path, look: Look, options: MaskOptions) -> dict[int, int]:
        """Return the values that a file's numbers stand for: by its palette if that is of greys, and by the mapping."""
        values = {number: number for number in look.found}
        if look.form.mode == "P" and options.format == "auto":
            palette = [part for colour in look.form.palette for part in colour]
            numbers = np.array(look.found, np.uint8)
            labels, reading = labels_of_palette(numbers, palette, _LABELS, f"mask {path}")
            if reading == "grey palette":
                self._greys.add(path)
            values = dict(zip(look.found, labels.tolist(), strict=True))
        return values if self._changes is None else self._changed(path, values, self._changes)

    def _changed(self, path: Path, values: Mapping[int, int], changes: Changes) -> dict[int, int]:
        changed: dict[int, int] = {}
        for number, value in values.items():
            new = changes.of(value)
            if new is None:
                raise InputError(
                    f"mask {path} has the value {value} at {self.place_in(path, number)}, which --masks.mapping does "
                    "not have; add it, or a line * for all others"
                )
            changed[number] = new
        return changed

    def _check_all_mean_something(self, options: MaskOptions) -> None:
        values, void = self.classes.values, self.classes.void
        for path, meant in self._values.items():
            for number, value in meant.items():
                if value not in self._id_of:
                    nor = "" if void is None else f" nor {void}"
                    raise InputError(
                        f"mask {path} has the value {value} at {self.place_in(path, number)}, which is not one of "
                        f"{values[0]}..{values[-1]}{nor}: set --masks.classes to how many there are, --masks.void to "
                        f"{value}, or --masks.mapping"
                    )

    def ids_of(self, path: Path) -> Mapping[int, int]:
        """Return class ids by a file's numbers."""
        return {number: self._id_of[value] for number, value in self._values[path].items()}

    def numbers_of(self, path: Path) -> Mapping[int, int]:
        """Return numbers by class ids: what they were before the mapping, if that can be told."""
        back = self._back
        return {class_id: value if back is None else back[value] for value, class_id in self._id_of.items()}

    def form_of(self, path: Path) -> Form:
        """Return a file's form; where its palette was of greys, plain grey, which has the same numbers."""
        form = super().form_of(path)
        if path not in self._greys:
            return form
        options = {name: value for name, value in form.options.items() if name not in ("bits", "transparency")}
        return replace(form, mode="L", palette=(), options=options)

    def why_void(self) -> str:
        """Say which value is taken for void."""
        return f"the value {self.classes.void} is taken for void; if it is a class, set --masks.void to none"

    def understood(self) -> list[str]:
        """Say which values are classes, which is void, and what is written."""
        lines = super().understood()
        if not self.classes.named and self.masks.source.options.classes is None:
            lines.append(f"classes: the values {_listed(self.classes.values)}")
        if self.classes.void is not None and self.masks.source.options.void == "auto":
            lines.append(f"void: {self.classes.void}")
        if self._changes is not None and self._back is None:
            lines.append("written with the new values, since --masks.mapping cannot be undone")
        return lines


def _classes_of(found: set[int], masks: PixelMasks, options: MaskOptions) -> Classes:
    names, looks = said_names(options.classes), masks.looks.values()
    count = None if names is None else len(names)
    void = said_void(options.void)
    if options.void == "auto" and not (shows_void(masks) and count != 2):
        wide = any(look.form.mode == "I;16" for look in looks)
        void = find_void(found, count, wide, f"masks {masks.source.path}")
    elif options.void == "auto":
        void = _VOID_INDEX
    some = sorted(found) if count is None else range(count + 1)
    values = [value for value in some if value != void][:count]
    if not values:
        raise InputError(
            f"masks {masks.source.path} are void alone ({void}); set --masks.void to none or another value"
        )
    made_up = names is None or isinstance(options.classes, int)
    names = names or tuple(f"class {value}" for value in values)
    colours = _palette_colours(masks, values)
    usual = 0 if 0 in values and colours is not None and _is_usual(masks) else None
    background = background_of(names, options.background, None if usual is None else values.index(usual))
    return Classes(names, tuple(values), colours, void, background, not made_up)


def _palettes(masks: PixelMasks) -> list[Form]:
    return [look.form for look in masks.looks.values() if look.form.mode == "P"]


def _palette_colours(masks: PixelMasks, values: list[int]) -> tuple[RGB, ...] | None:
    """Return the colours of values, where files have palettes that give each a colour of its own."""
    for form in _palettes(masks):
        if max(values) < len(form.palette):
            colours = tuple(form.palette[value] for value in values)
            return colours if len(set(colours)) == len(colours) else None
    return None


def _is_usual(masks: PixelMasks) -> bool:
    """Tell whether all palettes are VOC's, where 0 is background."""
    forms = _palettes(masks)
    return len(forms) == len(masks.looks) and all(
        all(_VOC[index] == colour for index, colour in enumerate(form.palette[:21])) and len(form.palette) > 2
        for form in forms
    )


def shows_void(masks: PixelMasks) -> bool:
    """Tell whether files have VOC's palette, which gives 255 the colour of void."""
    return _is_usual(masks) and any(form.palette[_VOID_INDEX:] == (_VOC[_VOID_INDEX],) for form in _palettes(masks))


def _listed(values: tuple[int, ...]) -> str:
    if len(values) > 2 and values == tuple(range(values[0], values[-1] + 1)):
        return f"{values[0]}..{values[-1]}"
    return ", ".join(map(str, values[:12])) + (", ..." if len(values) > 12 else "")
