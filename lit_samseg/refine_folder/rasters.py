"""Rasters and their masks, larger than memory or of other bands than three bytes: read and written in windows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions
from lit_samseg.formats.pairing import pair
from lit_samseg.formats.pictures import list_pictures
from lit_samseg.formats.source import MaskSource
from lit_samseg.refiner import Refiner
from lit_samseg.tiling import Outcome, RasterOptions, RasterPair, refine_raster

_SUFFIXES = (".tif", ".tiff", ".png")


@dataclass(frozen=True)
class Rasters:
    """What is to be refined.

    Attributes:
        pictures: Files by name, of all that have a mask, sorted.
        masks: Theirs: one band of class numbers each.
        options: How they are cut, and which bands are colours.
    """

    pictures: Mapping[str, Path]
    masks: Mapping[str, Path]
    options: RasterOptions

    @classmethod
    def find(cls, images: Path, masks: Path, given: MaskOptions, options: RasterOptions) -> "Rasters":
        """Find rasters and their masks, whose names belong together as pictures' and masks' do.

        Args:
            images: A folder of rasters, or one.
            masks: A folder of masks, or one file.
            given: How masks' names end, or a table of them; the rest has no meaning here.
            options: How rasters are refined.

        Raises:
            InputError: There are none, or they do not belong to each other.
        """
        pictures = list_pictures(images, option="PICTURES")
        source = MaskSource(masks, tuple(pictures), given)
        found = pair(source, source.ending_in(*_SUFFIXES)).masks
        return cls({key: pictures[key] for key in found}, found, options)

    def said(self) -> Iterator[str]:
        """Yield what was understood of each raster, a line each.

        Raises:
            InputError: One cannot be read, or does not lie where its mask lies.
        """
        for key, picture in self.pictures.items():
            opened = RasterPair(picture, self.masks[key], self.options.to_rgb)
            try:
                yield opened.describe()
            finally:
                opened.close()

    def out(self, key: str, folder: Path) -> Path:
        """Return where a raster's refined mask goes: a GeoTIFF keeps its suffix."""
        return folder / f"{key}{self.masks[key].suffix}"

    def refine(self, key: str, refiner: Refiner, folder: Path, progress: Progress) -> Outcome:
        """Refine one mask, with a bar of its tiles.

        Raises:
            InputError: Its numbers cannot be used.
            OSError: The disk does not take it.
        """
        task = progress.add_task(Path(key).name, total=None)

        def tell(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        path = self.out(key, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        return refine_raster(refiner.tiles, self.pictures[key], self.masks[key], path, self.options, tell)


def background_number(text: str | None) -> int | None:
    """Return the background of rasters' masks, None for none; nobody finds it out.

    Raises:
        InputError: It is a name.
    """
    if text in ("auto", None):
        return None
    if not text.isdecimal():
        raise InputError(f"--masks.background is {text!r}; of rasters it is a number, or null for none")
    return int(text)


def void_number(text: str) -> int | str | None:
    """Return the void of rasters' masks: a number, ``auto``, or None for none.

    Raises:
        InputError: It is a colour.
    """
    if text in ("auto", "none"):
        return None if text == "none" else text
    if not text.isdecimal():
        raise InputError(f"--masks.void is {text!r}; of rasters it is a number, none or auto")
    return int(text)
