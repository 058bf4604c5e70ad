"""A plain folder of pictures: your own, without ground truth."""

from pathlib import Path

from lit_samseg.data.sample import Sample
from lit_samseg.data.subset import fault_of_id
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import PICTURE_SUFFIXES, Listing, in_words, list_folder
from lit_samseg.formats.orientation import Exif
from lit_samseg.formats.reading import read_image


class PictureFolder:
    """The pictures that lie directly in a folder; an id is a file's name without its suffix.

    Args:
        folder: Where they are.
        suffix: How their names end, as ``_leftImg8bit.png``; None takes every JPEG, PNG, TIFF, WebP, BMP and PPM.
        option: The option that names the folder, for messages.
        exif: ``upright`` turns pictures as their EXIF data say, ``ignore`` leaves them as their pixels lie.

    Attributes:
        listing: All that was found there.

    Raises:
        InputError: There is no such folder, no picture in it, two of one name, or one whose name is no id.
    """

    def __init__(
        self, folder: str, suffix: str | None = None, option: str = "data.images", exif: Exif = "upright"
    ) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise InputError(f"{option}: no such folder: {folder}; give the folder that holds the pictures")
        self.suffix, self.exif = suffix, exif
        self.listing = list_folder(self.folder, suffix, PICTURE_SUFFIXES)
        self.paths: dict[str, Path] = {}
        for image_id, paths in self.listing.found.items():
            fault = fault_of_id(image_id)
            if fault is not None:
                raise InputError(f"{option}: {paths[0].name!a} in {folder} cannot be an id: it {fault}; rename it")
            if len(paths) > 1:
                raise InputError(
                    f"{option}: {paths[0]} and {paths[1].name} have one id, {image_id}; set "
                    "data.image_suffix or rename one"
                )
            self.paths[image_id] = paths[0]
        if not self.paths:
            kinds = suffix or ", ".join(PICTURE_SUFFIXES)
            raise InputError(
                f"{option}: no picture ({kinds}) directly in {folder}{why_none(self.folder, self.listing, option)}"
            )

    def find_ids(self) -> list[str]:
        """Return all ids."""
        return list(self.paths)

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the picture's file."""
        # An unknown id has no file under any name; ids are without suffix.
        return [self.paths.get(image_id, self.folder / f"{image_id}{self.suffix or PICTURE_SUFFIXES[0]}")]

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read a picture, upright as its EXIF data say if it is asked for."""
        return Sample(image_id, read_image(self.paths[image_id], upright=self.exif == "upright"), None)


def why_none(folder: Path, listing: Listing, option: str) -> str:
    """Tell why nothing was found in a folder, as the end of a message; empty where it is just empty."""
    if listing.subfolders:
        more = f" (there are {in_words(listing.subfolders)})" if len(listing.subfolders) > 1 else ""
        return f"; sub-folders are not read: give --{option} {folder / listing.subfolders[0]}{more}"
    if listing.foreign:
        return f"; {in_words(listing.foreign)} would have to be converted, or be chosen by another suffix"
    return f"; there are other files: {in_words(listing.passed_over)}" if listing.passed_over else ""
