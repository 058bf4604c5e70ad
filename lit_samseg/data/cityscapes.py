"""Cityscapes (Cordts et al., 2016): 19 classes, in files of label ids or of train ids, as the official zips unpack."""

from pathlib import Path
from typing import Any, Literal

from lit_samseg.data.pairs import Pair, PairedFiles
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import in_words, list_folder
from lit_samseg.formats.palettes import hex_palette
from lit_samseg.formats.published import CITYSCAPES_CLASSES, CITYSCAPES_COLOURS, LABEL_IDS, NUM_IDS

PAGE = "https://www.cityscapes-dataset.com"

Numbers = Literal["ids", "train_ids"]
_ENDINGS: dict[Numbers, str] = {"ids": "labelIds", "train_ids": "labelTrainIds"}
_SPLITS = {"fine": ("train", "val", "test"), "coarse": ("train", "train_extra", "val")}


class Cityscapes(PairedFiles):
    """Cityscapes' 19 classes; no background, void 255. Predictions have train ids, the class ids here.

    ``leftImg8bit/SPLIT/CITY/ID_leftImg8bit.png`` belongs to ``gtFine/SPLIT/CITY/ID_gtFine_labelIds.png``, or to
    ``..._labelTrainIds.png``. It is not downloaded: register at https://www.cityscapes-dataset.com.

    Args:
        root: The folder that holds ``leftImg8bit`` and ``gtFine``, or the folders that their zips were unpacked into.
        split: ``train`` or ``val``; ``test`` for ``predict``, since its ground truth is not public. ``train_extra``
            with coarse annotations.
        labels: Which files are read. ``ids``: ``labelIds``, of which 19 ids are classes. ``train_ids``:
            ``labelTrainIds``. ``auto``: the first of them that all images have.
        annotation: ``fine`` (``gtFine``) or ``coarse`` (``gtCoarse``).
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: There is no such split.
    """

    name = "cityscapes"
    class_names = CITYSCAPES_CLASSES
    palette = hex_palette(CITYSCAPES_COLOURS)

    def __init__(
        self,
        root: str = "data",
        split: str = "val",
        labels: Literal["auto", "ids", "train_ids"] = "auto",
        annotation: Literal["fine", "coarse"] = "fine",
        **options: Any,
    ) -> None:
        super().__init__(root, split, **options)
        self.labels, self.annotation = labels, annotation
        for chosen in (split, self.training.split):
            if chosen not in _SPLITS[annotation]:
                raise InputError(f"cityscapes: no split {chosen!r}; there are {', '.join(_SPLITS[annotation])}")
        self._numbers: dict[str, Numbers] = {}

    @property
    def numbers(self) -> Numbers:
        """What the split's files hold."""
        if self.labels != "auto":
            return self.labels
        if self.pictures is not None:
            # Of other images; the data set need not be there.
            return "train_ids"
        if self.split not in self._numbers:
            self._numbers[self.split] = self._what_is_there(self._images())
        return self._numbers[self.split]

    @property
    def class_of(self) -> dict[int, int]:
        """Class ids by what the files hold."""
        if self.numbers == "train_ids":
            return {**{number: number for number in range(self.num_classes)}, self.ignore_index: self.ignore_index}
        table = dict.fromkeys(range(NUM_IDS), self.ignore_index)
        return table | {label_id: train_id for train_id, label_id in enumerate(LABEL_IDS)}

    @property
    def remedy(self) -> str:
        """What such files hold."""
        if self.numbers == "train_ids":
            return "files of train ids have 0..18 and 255; make them with cityscapesScripts, or set data.labels to ids"
        return "files of label ids have 0..33, those of train ids 255 too; take the official ones"

    def choose_ids(self, with_target: bool) -> None:
        """Choose the ids, of a split that has ground truth where that is wanted."""
        if with_target and self.split == "test":
            raise InputError(
                "cityscapes: the ground truth of the split 'test' is not public (its files are all void); score on "
                f"val, or predict and give the server of {PAGE} label ids"
            )
        super().choose_ids(with_target)

    def find_pairs(self) -> dict[str, Pair]:
        """Return the pictures of all cities of the split."""
        images = self._images()
        truths = self._truths(images, self.numbers)
        return {image_id: Pair(image, truths[image_id]) for image_id, image in images.items()}

    def _images(self) -> dict[str, Path]:
        suffix = "_leftImg8bit.png"
        found = self._folders("leftImg8bit")
        if not found:
            what = f"has no leftImg8bit/{self.split}" if self.root.is_dir() else "does not exist"
            raise InputError(
                f"data.root {self.root} {what}, nor a folder that holds it; unpack the zips of {PAGE} there"
            )
        cities = sorted(city for city in found[0].iterdir() if city.is_dir())
        images = {i: paths[0] for city in cities for i, paths in list_folder(city, suffix, ()).found.items()}
        if not images:
            raise InputError(f"cityscapes: no CITY/*{suffix} in {found[0]}; the split {self.split!r} is empty")
        return images

    def _truths(self, images: dict[str, Path], numbers: Numbers) -> dict[str, Path]:
        """Return where the ground truth of images belongs."""
        kind = "gtFine" if self.annotation == "fine" else "gtCoarse"
        folder = next(iter(self._folders(kind)), self.root / kind / self.split)
        name = f"{kind}_{_ENDINGS[numbers]}.png"
        return {image_id: folder / image.parent.name / f"{image_id}_{name}" for image_id, image in images.items()}

    def _folders(self, kind: str) -> list[Path]:
        """Return the folder that holds the split's cities, if there is one.

        Raises:
            InputError: There are several.
        """
        # The zips have a folder of this name in them, and may have been unpacked into folders of their own.
        places = [place / self.split for place in (self.root / kind, *sorted(self.root.glob(f"*/{kind}")))]
        found = [place for place in places if place.is_dir()]
        if len(found) > 1 and not found[0].samefile(found[1]):
            raise InputError(f"cityscapes: there are both {found[0]} and {found[1]}; set data.root to what holds one")
        return found

    def _what_is_there(self, images: dict[str, Path]) -> Numbers:
        """Return which files all images have.

        Raises:
            InputError: Some have label ids alone, and others train ids alone.
        """
        ids, train_ids = (
            [image_id for image_id, path in self._truths(images, numbers).items() if not path.is_file()]
            for numbers in _ENDINGS
        )
        if ids and train_ids and max(len(ids), len(train_ids)) < len(images):
            raise InputError(
                f"cityscapes: some images of the split {self.split!r} have no labelIds ({in_words(ids)}), others no "
                f"labelTrainIds ({in_words(train_ids)}); set data.labels to ids or train_ids"
            )
        return "train_ids" if len(train_ids) < len(ids) else "ids"
