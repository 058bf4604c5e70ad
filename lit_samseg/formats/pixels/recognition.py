"""Which of the formats of pictures masks have, told by all numbers and colours that they hold."""

from functools import lru_cache

from lit_samseg.errors import InputError
from lit_samseg.formats.binary import YES
from lit_samseg.formats.naming import said_names
from lit_samseg.formats.pixels.binary_masks import could_be_binary
from lit_samseg.formats.pixels.cityscapes import look_like_cityscapes
from lit_samseg.formats.pixels.class_files import look_like_class_files
from lit_samseg.formats.pixels.index import shows_void
from lit_samseg.formats.pixels.looks import PixelMasks, pixel_masks
from lit_samseg.formats.source import MaskSource


def look_like_index(source: MaskSource) -> str | None:
    """Tell whether masks hold numbers that are classes."""
    return _reasons(source).get("index")


def look_like_binary(source: MaskSource) -> str | None:
    """Tell whether masks hold 0 and one number more."""
    return _reasons(source).get("binary")


def look_like_colours(source: MaskSource) -> str | None:
    """Tell whether masks hold colours."""
    return _reasons(source).get("colours")


@lru_cache(maxsize=1)
def _reasons(source: MaskSource) -> dict[str, str]:
    """Return what speaks for each format of one picture for each picture.

    Raises:
        InputError: Masks cannot be paired or read, or some have colours and others numbers.
    """
    if look_like_cityscapes(source) is not None or look_like_class_files(source) is not None:
        return {}
    masks = pixel_masks(source)
    if not masks.files:
        return {}
    if source.options.colours != "auto":
        return {"colours": "--masks.colours is given"}
    coloured = [path for path, look in masks.looks.items() if look.coloured]
    plain = [path for path, look in masks.looks.items() if look.form.mode not in ("RGB", "RGBA")]
    if coloured and plain:
        raise InputError(
            f"mask {coloured[0]} holds colours, mask {plain[0]} numbers; give masks of one kind, or set "
            "--masks.colours if the colours of a palette are meant"
        )
    return {"colours": "pixels are colours"} if coloured else _of_numbers(masks)


def _of_numbers(masks: PixelMasks) -> dict[str, str]:
    options = masks.source.options
    found = {number for look in masks.looks.values() for number in look.found}
    names = said_names(options.classes)
    count = None if names is None else len(names)
    index, binary = {"index": f"{len(found)} values"}, {"binary": "0 and one value more"}
    if options.mapping is not None or options.void not in ("auto", "none") or not could_be_binary(masks.looks):
        return index
    last = max(found)
    if len(found - {0}) > 1:
        reason = f"no mask has more of {', '.join(map(str, sorted(found)))} than 0 and one"
        return {"binary": reason, "index": f"{reason}, and --masks.void {last} may be meant"}
    if count not in (None, 2):
        if last <= 1:
            return index
        return {"binary": f"0 and {last}", "index": f"{count} classes, and --masks.void {last} may be meant"}
    if count is None and YES in found and shows_void(masks):
        return index
    return binary
