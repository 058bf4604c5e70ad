"""Label maps made by any program: a folder of PNGs."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lit_samseg.baselines.interface import Baseline
from lit_samseg.baselines.looking import like_names, size_of
from lit_samseg.data.targets import check_byte, check_labels, check_size
from lit_samseg.errors import InputError
from lit_samseg.formats.binary import YES, LabelValues, class_of_binary, has_two_values
from lit_samseg.formats.listing import list_folder
from lit_samseg.formats.palette_agreement import check_palettes_agree
from lit_samseg.formats.palettes import FileLabels, colours_of, voc_palette
from lit_samseg.formats.published import CITYSCAPES_CLASSES
from lit_samseg.formats.reading import read_indices
from lit_samseg.runtime.transfer import to_device
from lit_samseg.void import VOID


class Precomputed(Baseline):
    """Reads ``ROOT/ID.png``, so that any program's predictions can be refined and scored.

    Args:
        root: Folder of label-map PNGs (palette indices or grey of 8 or 16 bits) at the images' sizes.
        num_classes: Number of classes; labels must be below it. None takes the data set's.
        label_offset: What the files' labels exceed class ids by (1 for ADE20K's official predictions).
        ignore_index: The files' value for pixels of no class, as in seeds of weak supervision: void. It is never
            prompted, and scored as wrong. Where no mask claims it, it is background in rows with that fill and stays
            void in others; rows that add up scores give it a class. None takes such a value for a mistake.
        label_values: What the files' numbers stand for. ``indices``: a palette's indices, whatever its colours.
            ``colours``: VOC's colours stand for the labels. ``binary``: 0 is class 0, 255 or 1 is class 1. ``auto``
            finds out, and refuses what can be read in two ways.

    Raises:
        InputError: There is no such folder, or the void value is negative.
    """

    sha256 = None

    def __init__(
        self,
        root: str,
        num_classes: int | None = None,
        label_offset: int = 0,
        ignore_index: int | None = None,
        label_values: LabelValues = "auto",
    ) -> None:
        super().__init__()
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise InputError(f"no such folder of label maps: {root}; give a folder with one PNG per image id")
        self._found: dict[str, list[Path]] | None = None
        self.name = "precomputed"
        self.checkpoint = root
        self.num_classes = num_classes
        self.label_offset, self.ignore_index = label_offset, ignore_index
        self.label_values = label_values
        self._has_label_ids_too = False

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the number of classes with the data set's, or take it from there.

        Raises:
            InputError: It differs, or void is the label of a class.
        """
        if self.num_classes is None:
            self.num_classes = len(class_names)
        super().check_classes(class_names)
        self._has_label_ids_too = class_names == CITYSCAPES_CLASSES
        first, void = self.label_offset, self.ignore_index
        if void is not None and (void < 0 or first <= void < first + self.num_classes):
            raise InputError(
                f"model.baseline.ignore_index is {void}, but the label maps' values {first}.."
                f"{first + self.num_classes - 1} are classes; void is another value"
            )
        if self.label_values == "binary" and (self.num_classes != 2 or first or void is not None):
            raise InputError(
                f"model.baseline.label_values is binary: that takes 2 classes, not {self.num_classes}; "
                "model.baseline.label_offset 0 and no model.baseline.ignore_index"
            )

    def files(self, image_id: str) -> list[Path]:
        """Return the image's label map, whose suffix may be in upper case.

        Raises:
            InputError: There are two that differ in case alone.
        """
        if self._found is None:
            self._found = list_folder(self.root, None, (".png",)).found
        paths = self._found.get(image_id, [self.root / f"{image_id}.png"])
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1].name} are both label maps of {image_id}; remove one")
        return paths

    def find_fault(self, image_id: str, image: Path | None) -> str | None:
        """Tell whether the label map is missing or of another size than the image."""
        (path,) = self.files(image_id)
        if not path.is_file():
            return f"no such label map: {path}"
        own, wanted = size_of(path), None if image is None else size_of(image)
        # The image may be turned when it is read, so that sides may be the other way round here.
        if own is None or wanted is None or sorted(own) == sorted(wanted):
            return None
        return f"label map {path} is {own[0]}x{own[1]} pixels, its image {wanted[0]}x{wanted[1]}; they must be equal"

    def hint(self, image_id: str) -> str:
        """Tell which file may have been meant by a label map that is not there."""
        (path,) = self.files(image_id)
        return "" if path.is_file() else like_names(self.root, image_id)

    def compare_files(self, image_ids: Sequence[str]) -> None:
        """Check that the palettes of all label maps agree."""
        labels = self._file_labels()
        if labels is not None:
            check_palettes_agree((path for i in image_ids for path in self.files(i)), labels, "label map")

    def _file_labels(self) -> FileLabels | None:
        if self.label_values == "indices" or self.num_classes is None:
            return None
        void = YES if self.ignore_index is None else self.ignore_index
        values = [*range(self.label_offset + self.num_classes), void]
        own = self.label_values == "colours"
        return FileLabels(values, colours_of(voc_palette()), void, own, "model.baseline.label_values")

    def check(self, image: Tensor, image_id: str) -> None:
        """Read the label map, and forget it."""
        self.label_map(image, image_id)

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Read the image's label map.

        Raises:
            InputError: It is missing, broken, of another size, or has a label that is neither a class nor void.
        """
        (path,) = self.files(image_id)
        if self.num_classes is None:
            raise ValueError("num_classes is not known; give it or call check_classes first")
        values = read_indices(path, labels=self._file_labels())
        check_byte(values, self.num_classes, self.label_offset, path, "label map")
        values = values.long()
        check_size(values, image, path, "label map")
        if self.label_values == "binary":
            values = class_of_binary(values, path, "label map")
        elif self.ignore_index is None and self.num_classes <= 2 and has_two_values(values):
            raise InputError(
                f"label map {path} has the values 0 and 255 only: set model.baseline.label_values to binary if 255 is "
                "class 1, or model.baseline.ignore_index to 255 if that is void"
            )
        void = torch.zeros_like(values, dtype=torch.bool) if self.ignore_index is None else values == self.ignore_index
        labels = torch.where(void, VOID, values - self.label_offset)
        try:
            check_labels(labels[~void], self.num_classes, None, path, "label map", self.label_offset, self.ignore_index)
        except InputError as error:
            if self.ignore_index is not None:
                raise
            ids = "; label ids of Cityscapes must become train ids first" if self._has_label_ids_too else ""
            raise InputError(f"{error}{ids}; if that is no class but void, set model.baseline.ignore_index") from error
        return to_device(labels, image.device)
