"""A plain folder of pictures: your own, without ground truth."""

from pathlib import Path

from lit_samseg.data.reading import read_image
from lit_samseg.data.sample import Sample
from lit_samseg.data.subset import fault_of_id
from lit_samseg.errors import InputError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")


class PictureFolder:
    """The pictures that lie directly in a folder; an id is a file's name without its suffix.

    Args:
        folder: Where they are.
        suffix: How their names end, as ``_leftImg8bit.png``; None takes every JPEG, PNG, TIFF, WebP and BMP.
        option: The option that names the folder, for messages.

    Raises:
        InputError: There is no such folder, no picture in it, two of one name, or one whose name is no id.
    """

    def __init__(self, folder: str, suffix: str | None = None, option: str = "data.images") -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise InputError(f"{option}: no such folder: {folder}; give the folder that holds the pictures")
        self.suffix = suffix
        self.paths: dict[str, Path] = {}
        for path in sorted(self.folder.iterdir()):
            image_id = _id_of(path.name, suffix)
            # Names with a dot in front are what systems and programs leave behind.
            if image_id is None or path.name.startswith(".") or not path.is_file():
                continue
            fault = fault_of_id(image_id)
            if fault is not None:
                raise InputError(f"{option}: {path.name!a} in {folder} cannot be an id: it {fault}; rename it")
            if image_id in self.paths:
                raise InputError(
                    f"{option}: {self.paths[image_id]} and {path.name} have one id, {image_id}; set "
                    "data.image_suffix or rename one"
                )
            self.paths[image_id] = path
        if not self.paths:
            kinds = suffix or ", ".join(PICTURE_SUFFIXES)
            raise InputError(f"{option}: no picture ({kinds}) directly in {folder}")

    def find_ids(self) -> list[str]:
        """Return all ids."""
        return list(self.paths)

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the picture's file."""
        # An unknown id has no file under any name; ids are without suffix.
        return [self.paths.get(image_id, self.folder / f"{image_id}{self.suffix or PICTURE_SUFFIXES[0]}")]

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read a picture, upright as its EXIF data say."""
        return Sample(image_id, read_image(self.paths[image_id], upright=True), None)


def _id_of(name: str, suffix: str | None) -> str | None:
    if suffix is not None:
        return name.removesuffix(suffix) if name.endswith(suffix) and name != suffix else None
    stem, dot, extension = name.rpartition(".")
    return stem if dot and f".{extension.lower()}" in PICTURE_SUFFIXES else None
