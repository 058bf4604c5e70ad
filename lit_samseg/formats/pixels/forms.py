"""How numbers and colours lie in a picture file: its format, depth, palette and geography; to write another like it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from lit_samseg.formats.opening import opened
from lit_samseg.formats.palettes import RGB, colours_of

_GEOGRAPHY = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)
"""TIFF's tags of where on Earth its pixels lie (GeoTIFF 1.1), and GDAL's own."""


@dataclass(frozen=True)
class Form:
    """How a picture file holds its pixels.

    Attributes:
        kind: Pillow's word for the file's format: ``PNG``, ``TIFF``, ``WEBP`` or ``BMP``.
        mode: Pillow's word for pixels: ``1``, ``L``, ``I;16``, ``P``, ``RGB`` or ``RGBA``.
        palette: RGB by index; empty where pixels are no indices.
        options: What else Pillow is told to write the same.
    """

    kind: str = "PNG"
    mode: str = "L"
    palette: tuple[RGB, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def form_of(path: Path, what: str = "mask") -> Form:
    """Tell how a picture file holds its pixels.

    Raises:
        InputError: It cannot be read.
    """
    with opened(path, what) as picture:
        mode = "I;16" if picture.mode.startswith("I;16") else picture.mode
        kind, options = picture.format or "PNG", _options(picture)
        if kind == "PNG" and mode == "P":
            # Behind its size the header has the bits of an index.
            with path.open("rb") as file:
                options["bits"] = file.read(25)[24]
        palette = tuple(colours_of(picture.getpalette()).values()) if mode == "P" else ()
    return Form(kind, mode, palette, options)


def _options(picture: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if picture.format == "WEBP":
        # Exact: else colours that are transparent would be changed.
        options |= {"lossless": True, "exact": True}
    if picture.mode == "P" and "transparency" in picture.info:
        options["transparency"] = picture.info["transparency"]
    if picture.format == "TIFF":
        tags: ImageFileDirectory_v2 = getattr(picture, "tag_v2", ImageFileDirectory_v2())
        kept = ImageFileDirectory_v2()
        for tag in _GEOGRAPHY:
            if tag in tags:
                kept.tagtype[tag] = tags.tagtype[tag]
                kept[tag] = tags[tag]
        options |= {"compression": picture.info.get("compression"), "tiffinfo": kept}
    return options
