"""Published data sets of one image file and one ground-truth file for each id."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import Sample
from lit_samseg.data.targets import check_size, translate
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import list_folder
from lit_samseg.formats.palettes import FileLabels, colours_of
from lit_samseg.formats.reading import read_image, read_indices


class Pair(NamedTuple):
    """Where an image and its ground truth lie, or should lie."""

    image: Path
    truth: Path


class PairedFiles(SegmentationDataModule):
    """A data set that finds its pairs in an official layout, and has a table of what its files' numbers mean.

    Args:
        root: Where the data set lies.
        split: Which part of it.
        options: Those of every data set (`SegmentationDataModule`).
    """

    def __init__(self, root: str, split: str, **options: Any) -> None:
        super().__init__(split, **options)
        self.root = Path(root).expanduser()
        # By split: training's images are those of another one.
        self._pairs: dict[str, dict[str, Pair]] = {}

    @abstractmethod
    def find_pairs(self) -> dict[str, Pair]:
        """Find the split's images, and where their ground truth belongs, by id.

        Raises:
            InputError: The data set is not where it should be, or is in doubt.
        """

    @property
    @abstractmethod
    def class_of(self) -> Mapping[int, int]:
        """Class ids, or the ignore index, by the numbers of ground-truth files."""

    @property
    @abstractmethod
    def remedy(self) -> str:
        """What helps where a file has another number, for messages."""

    @property
    def pairs(self) -> dict[str, Pair]:
        """What `find_pairs` found in the split."""
        if self.split not in self._pairs:
            self._pairs[self.split] = self.find_pairs()
        return self._pairs[self.split]

    @property
    def file_labels(self) -> FileLabels | None:
        """The numbers of ground-truth files; the data set's colours where these are class ids."""
        class_of = self.class_of
        others = [number for number, label in class_of.items() if label == self.ignore_index]
        colours = colours_of(self.palette) if self.numbering is None else {}
        return FileLabels(class_of.keys(), colours, others[0] if len(others) == 1 else self.ignore_index)

    @property
    def numbering(self) -> str | None:
        """Which numbers of the files are classes, where these are not the class ids."""
        classes = sorted(number for number, label in self.class_of.items() if label != self.ignore_index)
        if classes == list(range(self.label_offset, self.label_offset + self.num_classes)):
            return None
        first, second, *_, last = map(str, classes)
        return f"labels {first}, {second}, ..., {last} in the files, all others void"

    def find_ids(self) -> list[str]:
        """Return the ids of all pairs."""
        return sorted(self.pairs)

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the image and, where it is wanted, the ground truth; files that are not there for a foreign id."""
        pair = self.pairs.get(image_id) or Pair(self.root / image_id, self.root / image_id)
        return [pair.image, pair.truth] if with_target else [pair.image]

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample; the ground truth keeps its size."""
        image_path, *truth_path = self.files(image_id, with_target)
        image = read_image(image_path)
        if not truth_path:
            return Sample(image_id, image, None)
        target = self.read_target(image_id)
        check_size(target, image, truth_path[0], "ground truth")
        return Sample(image_id, image, target)

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""
        path = self.files(image_id, with_target=True)[1]
        labels = read_indices(path, "ground truth", labels=self.file_labels)
        return translate(labels, self.class_of, self.ignore_index, path, self.remedy)


def find_images(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Return the images that lie in a folder, by what stands before the suffix.

    Raises:
        InputError: Two images have one id.
    """
    found = list_folder(folder, None, suffixes).found
    for image_id, paths in found.items():
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1].name} are both the image {image_id}; remove one")
    return {image_id: paths[0] for image_id, paths in found.items()}
