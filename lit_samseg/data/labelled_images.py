"""What a data set answers: which images there are, where their files lie, and what its labels mean."""

from abc import ABC, abstractmethod
from pathlib import Path

from torch import Tensor

from lit_samseg.data.pictures import PictureFolder
from lit_samseg.data.sample import Sample
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import Listing
from lit_samseg.formats.palettes import FileLabels, colours_of


class LabelledImages(ABC):
    """A data set; one of your own says what is here, and `SegmentationDataModule` does the rest.

    Attributes:
        name: The data set's name in files.
        class_names: Names by class id.
        background: The class that is never prompted, or None.
        ignore_index: Void label in targets.
        label_offset: Added to class ids when predictions are written as PNG.
        palette: RGB by written index, flat (``PIL.Image.putpalette``), or None.
        ids_are_names: Whether an id means the same image wherever the data set lies; False where it is no more than a
            file's name.
    """

    name: str
    class_names: tuple[str, ...]
    background: int | None = None
    ignore_index: int = 255
    label_offset: int = 0
    palette: list[int] | None = None
    ids_are_names: bool = True

    @property
    def num_classes(self) -> int:
        """Number of classes, background included."""
        return len(self.class_names)

    @property
    def file_labels(self) -> FileLabels | None:
        """Which labels files hold and how they are drawn; None takes indices as they are."""
        values = [*range(self.label_offset + self.num_classes), self.ignore_index]
        return FileLabels(values, colours_of(self.palette), self.ignore_index)

    @property
    def numbering(self) -> str | None:
        """What the files' labels are, in words; None where they are class ids plus the offset, and one for void."""
        return None

    @abstractmethod
    def find_ids(self) -> list[str]:
        """Return all ids of the split.

        Raises:
            InputError: The data set is not where it should be.
        """

    @abstractmethod
    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the files that an id needs."""

    @abstractmethod
    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample.

        Raises:
            InputError: A file is broken or does not fit; the message names it.
        """

    @property
    def picture_folder(self) -> PictureFolder | None:
        """The folder whose pictures are the run's images; None where the data set has its own layout."""
        return None

    @property
    def mask_listing(self) -> Listing | None:
        """What is in the folder of masks; None where the data set has its own layout."""
        return None

    def why_missing(self, with_target: bool) -> str:
        """Tell why files of chosen ids were not found, as the end of a message; empty if nobody knows."""
        return ""

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth, uint8 ``[H, W]``; data sets whose images are files do without the image.

        Raises:
            InputError: As in `read`.
        """
        target = self.read(image_id, with_target=True).target
        if target is None:
            raise InputError(f"image {image_id} has no ground truth")
        return target

    def image_key(self, image_id: str) -> str:
        """Return what tells an image from those of all splits."""
        return image_id
