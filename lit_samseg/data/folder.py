"""Your own data set: a folder of images and one of masks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.pictures import PictureFolder, why_none
from lit_samseg.data.sample import Sample
from lit_samseg.data.targets import check_size, to_target, widest_label
from lit_samseg.data.training import Training
from lit_samseg.data.turned import Turned, find_turned
from lit_samseg.errors import InputError
from lit_samseg.formats.binary import YES, LabelValues, class_of_binary, has_two_values, values_of
from lit_samseg.formats.class_list import choose_names
from lit_samseg.formats.listing import Listing, in_words, list_folder
from lit_samseg.formats.orientation import Exif
from lit_samseg.formats.palette_agreement import check_palettes_agree
from lit_samseg.formats.palettes import FileLabels, colours_of, voc_palette
from lit_samseg.formats.reading import read_image, read_indices

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".bmp", ".gif")

MASKS_ASKED = 100
"""Masks that are read at most to find out whether 255 is void."""


class Folder(SegmentationDataModule):
    """Images and label maps of your own.

    Args:
        images: Folder of the images (PNG, JPEG, TIFF, WebP, BMP, PPM); an image's id is its name without the suffix.
        masks: Folder of the ground truth: one picture per id whose pixels are numbers. Not needed by ``predict``.
        num_classes: Number of classes, background included; None counts ``class_names``.
        class_names: Names by class id, as a list or the path of a file with one a line (or as CVAT, JSON and other
            programs have them, see `read_class_list`); None makes them up.
        background: The class that is never prompted and fills what no mask claims, or None.
        ignore_index: The masks' value for pixels that count nowhere; None is 255, or 65535 in masks of 16 bits, which
            are for more than 255 classes.
        label_offset: What the masks' values exceed class ids by; lower values are void too. With 1, value 1 is class 0,
            as in ADE20K. Written predictions have the same offset.
        image_suffix: How the images' names end, as ``_leftImg8bit.png``; None takes every picture.
        mask_suffix: How the masks' names end after the id; None tries .png, .tif, .tiff, .webp, .bmp, .gif,
            in upper or lower case.
        label_values: What the masks' numbers stand for. ``indices``: a palette's indices, whatever its colours.
            ``colours``: VOC's colours stand for the labels, or those in the file of ``class_names``. ``binary``: 0 is
            class 0, 255 or 1 is class 1. ``auto`` finds out, and refuses what can be read in two ways.
        exif: How images that a camera turned are read, and with them their masks. ``upright``: as their EXIF data say.
            ``ignore``: as their pixels lie in the file, which is right where masks were drawn by a program that does
            not know EXIF. Predictions are written the same way.
        training: For ``fit``: which images of the folder a network is trained on, and how; its ``ids`` choose them.
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: The options contradict each other, or a folder is not there.
    """

    name = "folder"
    ids_are_names = False
    palette = voc_palette()

    def __init__(
        self,
        images: str,
        masks: str | None = None,
        num_classes: int | None = None,
        class_names: list[str] | str | None = None,
        background: int | None = None,
        ignore_index: int | None = None,
        label_offset: int = 0,
        image_suffix: str | None = None,
        mask_suffix: str | None = None,
        label_values: LabelValues = "auto",
        exif: Exif = "upright",
        training: Training = Training(),
        **options: Any,
    ) -> None:
        split = Path(images).name
        # Of the same folder: it is the only split there is.
        training = replace(training, split=split)
        super().__init__(split, training=training, **options)
        classes = choose_names(class_names, num_classes, label_offset)
        self.class_names = classes.names
        if background is not None and not 0 <= background < self.num_classes:
            raise InputError(
                f"data.background is {background}; classes are 0..{self.num_classes - 1}, or null for none"
            )
        # What targets hold; the masks' own value for it is `void`.
        self.ignore_index = widest_label(self.num_classes, label_offset)
        self.void = self.ignore_index if ignore_index is None else ignore_index
        if self.ignore_index > YES and label_offset <= self.void < label_offset + self.num_classes:
            raise InputError(
                f"data.ignore_index is {self.void}, which is a class of {self.num_classes}; leave it out "
                f"({self.ignore_index}), or give the masks' own value"
            )
        if label_values == "binary" and (self.num_classes != 2 or label_offset or self.void < 2):
            raise InputError(
                f"data.label_values is binary: that takes 2 classes, not {self.num_classes}; data.label_offset 0, not "
                f"{label_offset}; and a data.ignore_index that is neither class, not {self.void}"
            )
        self.label_values, self._has_colours = label_values, classes.colours is not None
        if classes.colours is not None:
            # Indices below the offset are void.
            self.palette = [*[0] * (3 * label_offset), *(part for colour in classes.colours for part in colour)]
        self.background, self.label_offset = background, label_offset
        self._image_folder = PictureFolder(images, image_suffix, exif=exif)
        self._mask_listing: Listing | None = None
        self.masks = None if masks is None else Path(masks).expanduser()
        self.mask_suffix = mask_suffix
        self._void_is_certain: bool | None = None

    def setup(self, stage: str) -> None:
        """Choose the ids and check that their files exist."""
        if stage != "predict" and (self.masks is None or not self.masks.is_dir()):
            what = "data.masks is not set" if self.masks is None else f"data.masks: no such folder: {self.masks}"
            # Lightning's stages are words of an enumeration, or plain ones.
            raise InputError(
                f"{what}; {getattr(stage, 'value', stage)} needs the ground truth's folder, predict does not"
            )
        super().setup(stage)

    def choose_ids(self, with_target: bool) -> None:
        """Choose the ids, check that their files exist, and that the masks' palettes do not contradict each other."""
        super().choose_ids(with_target)
        if with_target and self.label_values in ("auto", "binary"):
            masks = [self._mask(image_id) for image_id in self.ids]
            check_palettes_agree([path for path in masks if path.is_file()], self._file_labels(), "mask")

    def _file_labels(self) -> FileLabels:
        values = [*range(self.label_offset + self.num_classes), self.void]
        if self.label_values == "binary":
            values.append(YES)
        own = self.label_values == "colours" or self._has_colours
        return FileLabels(values, colours_of(self.palette), self.void, own, "data.label_values")

    @property
    def file_labels(self) -> FileLabels | None:
        """The classes' numbers and colours, or None where indices are taken as they are."""
        return None if self.label_values == "indices" else self._file_labels()

    def find_ids(self) -> list[str]:
        """Return the ids of all images."""
        return self._image_folder.find_ids()

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the image and, where the ground truth is wanted, the mask."""
        paths = self._image_folder.files(image_id, with_target)
        return [*paths, self._mask(image_id)] if with_target else paths

    @property
    def picture_folder(self) -> PictureFolder:
        """The images."""
        return self._image_folder

    @property
    def mask_listing(self) -> Listing:
        """What is in the folder of masks."""
        assert self.masks is not None, "setup refuses to test without masks"
        if self._mask_listing is None:
            # A figure asks for masks that may have been moved: none is there then.
            there = self.masks.is_dir()
            self._mask_listing = (
                list_folder(self.masks, self.mask_suffix, MASK_SUFFIXES) if there else Listing({}, [], [])
            )
        return self._mask_listing

    def _mask(self, image_id: str) -> Path:
        assert self.masks is not None, "setup refuses to test without masks"
        paths = self.mask_listing.found.get(image_id, [self.masks / f"{image_id}{self.mask_suffix or '.png'}"])
        if len(paths) > 1:
            raise InputError(
                f"data.masks: {paths[0]} and {paths[1].name} are both masks of {image_id}; set data.mask_suffix or "
                "remove one"
            )
        return paths[0]

    def find_turned(self, with_target: bool) -> Turned:
        """Compare the orientation of images and masks."""
        images = [self._image_folder.files(image_id, with_target)[0] for image_id in self.ids]
        masks = [self._mask(image_id) for image_id in self.ids] if with_target else None
        if masks is not None and images[0].absolute() == masks[0].absolute():
            raise InputError(
                f"{images[0]} is both an image and its mask: data.images and data.masks are one folder; give another, "
                "or tell them apart by data.image_suffix and data.mask_suffix"
            )
        return find_turned(images, masks, self._image_folder.exif, "mask", labels_turn=True)

    def why_missing(self, with_target: bool) -> str:
        """Tell why masks were not found, where that can be seen."""
        if not with_target:
            return ""
        listing, images = self.mask_listing, self._image_folder.paths
        if not listing.found:
            assert self.masks is not None, "they were listed"
            return why_none(self.masks, listing, "data.masks")
        for stem, paths in listing.found.items():
            image_id = next((stem[:end] for end in range(len(stem), 0, -1) if stem[:end] in images), None)
            if image_id is not None and image_id not in listing.found:
                return f"; if {paths[0].name} is that of {image_id}: data.mask_suffix {paths[0].name[len(image_id) :]}"
        strangers = [paths[0].name for stem, paths in listing.found.items() if stem not in images]
        if not strangers and listing.subfolders:
            return f"; sub-folders are not read ({in_words(listing.subfolders)})"
        return f"; masks without a picture: {in_words(strangers)}" if strangers else ""

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample; the ground truth keeps its size."""
        image_path, *mask_path = self.files(image_id, with_target)
        exif = self._image_folder.exif
        image = read_image(image_path, exif == "upright")
        if not mask_path:
            return Sample(image_id, image, None)
        target = self.read_target(image_id)
        check_size(target, image, mask_path[0], "ground truth", image_path, exif)
        return Sample(image_id, image, target)

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""
        path = self._mask(image_id)
        labels = read_indices(path, "ground truth", self._image_folder.exif == "upright", labels=self.file_labels)
        if self.label_values == "binary":
            labels = class_of_binary(labels, path, "ground truth")
        elif self.label_values == "auto" and self.void == YES and self.num_classes <= 2 and has_two_values(labels):
            self._check_void(path)
        return to_target(labels, self.num_classes, self.label_offset, self.void, self.ignore_index, path)

    def _check_void(self, path: Path) -> None:
        """Refuse a mask of 0 and 255 unless another mask shows that 255 is void: one that has class 1 beside it."""
        if self._void_is_certain is None:
            others = (self._mask(image_id) for image_id in self.ids[:MASKS_ASKED])
            self._void_is_certain = any(_holds(other, {1, YES}, self.file_labels) for other in others)
        if not self._void_is_certain:
            raise InputError(
                f"ground truth {path} has the values 0 and 255 only: set data.label_values to binary (with "
                "data.num_classes 2) if 255 is class 1, or to indices if 255 is void"
            )


def _holds(path: Path, values: set[int], labels: FileLabels | None) -> bool:
    try:
        return values <= set(values_of(read_indices(path, "ground truth", labels=labels)))
    except InputError:
        return False
