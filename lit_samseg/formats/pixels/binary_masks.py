"""Masks of two values: 0 is background, and 1, 255 or 65535 what is in front of it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.binary import YES
from lit_samseg.formats.interface import Classes
from lit_samseg.formats.naming import background_of, said_names
from lit_samseg.formats.pixels.looks import Look, pixel_masks
from lit_samseg.formats.pixels.numbers import NumberMasks
from lit_samseg.formats.pixels.saving import WORD
from lit_samseg.formats.source import MaskSource

_YES = (1, YES, WORD)


class BinaryMasks(NumberMasks):
    """Masks of 0 and 255 (65535 of 16 bits), of 0 and 1, or of single bits; each keeps the values that it had.

    Args:
        source: The masks.

    Raises:
        InputError: One cannot be read or has another value, or something was said that such masks have not.
    """

    format = "binary"

    def __init__(self, source: MaskSource) -> None:
        super().__init__(pixel_masks(source))
        options = source.options
        names = said_names(options.classes)
        if names is not None and len(names) != 2:
            raise InputError(f"--masks.classes are {len(names)}, but binary masks have 2; set --masks.format to index")
        if options.void not in ("auto", "none") or options.mapping is not None:
            what = "mapping" if options.mapping is not None else f"void {options.void}"
            raise InputError(f"--masks.{what}: binary masks have none; set --masks.format to index")
        for path, look in self.masks.looks.items():
            self._check(path, look)
        made_up = names is None or isinstance(options.classes, int)
        names = ("background", "foreground") if names is None or made_up else names
        self.classes = Classes(names, (0, 1), None, None, background_of(names, options.background, 0), not made_up)
        most = Counter(max(look.found) for look in self.masks.looks.values() if max(look.found) > 0).most_common(1)
        self._usual = most[0][0] if most else YES

    def _check(self, path: Path, look: Look) -> None:
        yes = look.found[-1] if look.found[-1] in _YES else YES
        strange = next((value for value in look.found if value not in (0, yes)), None)
        if strange is not None:
            raise InputError(
                f"mask {path} is not binary: it has the value {strange} at {self.place_in(path, strange)}"
                f"{f' beside {yes}' if yes in look.found else ''}; binary masks have 0 and 1, or 0 and 255: set "
                "--masks.format to index, or save the mask anew"
            )

    def _yes(self, path: Path) -> int:
        look = self.masks.looks[path]
        if look.form.mode == "1":
            return 1
        return max(look.found) or self._usual

    def ids_of(self, path: Path) -> Mapping[int, int]:
        """Return class ids by a file's values."""
        return {0: 0, self._yes(path): 1}

    def numbers_of(self, path: Path) -> Mapping[int, int]:
        """Return a file's values by class ids."""
        return {0: 0, 1: self._yes(path)}

    def understood(self) -> list[str]:
        """Say which value is the class."""
        values = sorted({self._yes(path) for path in self.masks.looks})
        return [*super().understood(), f"binary: 0 is background, {' or '.join(map(str, values))} is class 1"]


def could_be_binary(looks: Mapping[Path, Look]) -> bool:
    """Tell whether files hold numbers that binary masks have."""
    return not any(look.coloured for look in looks.values()) and all(
        set(look.found) <= {0, look.found[-1]} and look.found[-1] in (0, *_YES) for look in looks.values()
    )
