"""Pictures and their masks, looked at before any network is loaded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lit_samseg.baselines import ScoreFolder
from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.orientation import Exif, read_headers
from lit_samseg.formats.pictures import list_pictures
from lit_samseg.formats.reading import read_image
from lit_samseg.formats.recognise import open_masks
from lit_samseg.formats.summary import Summary, summarise


@dataclass(frozen=True)
class Inputs:
    """What is to be refined; all masks were read once, so that a fault in one is found before anything is done.

    Attributes:
        pictures: Files by name, of all pictures that have masks, sorted.
        masks: Theirs.
        summary: What the masks hold.
        exif: How pictures that a camera turned are read.
    """

    pictures: Mapping[str, Path]
    masks: MaskSet
    summary: Summary
    exif: Exif

    @classmethod
    def find(cls, images: Path, masks: Path, options: MaskOptions, exif: Exif = "upright") -> "Inputs":
        """Find pictures, what format their masks have, and what these hold.

        Args:
            images: A folder of pictures, with folders in it or without, or one picture.
            masks: A folder of masks, or one file.
            options: What is known of the masks.
            exif: ``upright`` turns pictures as their EXIF data say, ``ignore`` leaves them as their pixels lie.

        Raises:
            InputError: There are none, they do not belong to each other, the masks' format is not known, or one of them
                has a fault.
        """
        pictures = list_pictures(images, option="PICTURES")
        found = open_masks(masks, list(pictures), options)
        own = {key: pictures[key] for key in found.keys}
        if not own:
            raise InputError(f"{masks} has masks of none of the pictures in {images}; give those that belong together")
        lacking = [key for key in pictures if key not in own]
        return cls(own, found, summarise(found, _sizes(own, exif), lacking), exif)

    def image(self, key: str) -> Tensor:
        """Read a picture, uint8 ``[3, H, W]``.

        Raises:
            InputError: It cannot be read.
        """
        return read_image(self.pictures[key], self.exif == "upright")

    def scores(self, folder: str) -> ScoreFolder:
        """Return a folder of the pictures' class scores, of which all are looked at, as far as their first bytes tell.

        Raises:
            InputError: One is missing, or is no scores of these classes.
        """
        scores = ScoreFolder(folder, num_classes=len(self.masks.classes))
        for key, path in self.pictures.items():
            fault = scores.find_fault(key, path)
            if fault is not None:
                remedy = "; --masks.classes says how many there are" if "classes" in fault else scores.hint(key)
                raise InputError(f"--scores: {fault}{remedy}")
        return scores

    @property
    def background(self) -> int | None:
        """The class that is never asked about; None where there is none, or no pixel has it.

        A format may have a word for pixels of no object, and its pictures none: then nothing can become it either, as
        where the same masks came in a format without that word.
        """
        known = self.masks.classes.background
        return None if known is None or self.summary.total[known] == 0 else known

    def said(self) -> Iterator[str]:
        """Yield what was understood, a line each."""
        yield self.summary.line()
        yield from self.masks.understood()
        if self.background is None:
            total = self.summary.total
            largest = int(total.argmax())
            yield (
                f"no background: every class is asked about; if class {largest}, "
                f"{100 * total[largest] / max(1, total.sum()):.0f} % of the pixels, is background, give "
                f"--masks.background {largest}"
            )
        else:
            yield f"background: {self.masks.classes.names[self.background]}, which is never asked about"


def _sizes(pictures: Mapping[str, Path], exif: Exif) -> dict[str, tuple[int, int]]:
    """Return height and width of pictures as they are read."""
    sizes = {}
    for (key, path), header in zip(pictures.items(), read_headers(list(pictures.values())), strict=True):
        if header is None:
            # Decoding says what is wrong with it.
            _, height, width = read_image(path, exif == "upright").shape
        else:
            width, height = header.size(exif == "upright")
        sizes[key] = (height, width)
    return sizes
