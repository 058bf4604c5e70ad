"""Pascal VOC 2012, the official layout (Everingham et al.)."""

from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.data.sample import Sample
from lit_samseg.data.subset import read_ids
from lit_samseg.data.targets import as_narrow, check_labels, check_size
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import FileLabels, colours_of, voc_palette
from lit_samseg.formats.published import VOC_CLASSES
from lit_samseg.formats.reading import read_image, read_indices


class VOC2012(SegmentationDataModule):
    """Pascal VOC 2012 segmentation: 21 classes with background 0, void 255.

    Args:
        root: The folder that holds ``VOCdevkit``, or ``VOCdevkit``, or ``VOC2012`` itself.
        split: ``train``, ``val`` or ``trainval`` (a list in ``ImageSets/Segmentation``).
        download: Fetch the official archive into ``root`` when it is not there (2 GB; checked by torchvision).
        options: Those of every data set (`SegmentationDataModule`).
    """

    name = "voc2012"
    class_names = VOC_CLASSES
    background = 0
    palette = voc_palette()

    def __init__(
        self,
        root: str = "data",
        split: str = "val",
        download: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(split, **options)
        self.root = Path(root).expanduser()
        self.download = download

    @property
    def file_labels(self) -> FileLabels:
        """VOC's own colours, by which its files were made."""
        return FileLabels([*range(self.num_classes), self.ignore_index], colours_of(self.palette), own=True)

    def prepare_data(self) -> None:
        """Download the archive where asked to (on one process)."""
        if not self.download or self.pictures is not None or self._find_base() is not None:
            return
        from torchvision.datasets import VOCSegmentation

        try:
            VOCSegmentation(str(self.root), year="2012", image_set="val", download=True)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"VOC 2012 could not be downloaded to {self.root} ({error}); fetch "
                "VOCtrainval_11-May-2012.tar by hand, unpack it there and leave out --data.download"
            ) from error

    def _find_base(self) -> Path | None:
        for base in (self.root / "VOCdevkit/VOC2012", self.root / "VOC2012", self.root):
            if (base / "ImageSets/Segmentation").is_dir():
                return base
        return None

    @cached_property
    def base(self) -> Path:
        """The folder ``VOC2012``.

        Raises:
            InputError: It is not below ``root``.
        """
        base = self._find_base()
        if base is None:
            what = "has no VOC2012 with ImageSets/Segmentation" if self.root.is_dir() else "does not exist"
            raise InputError(
                f"data.root {self.root} {what}; give the folder that holds VOCdevkit, or set --data.download true"
            )
        return base

    def find_ids(self) -> list[str]:
        """Read the split's official list."""
        path = self.base / "ImageSets/Segmentation" / f"{self.split}.txt"
        if not path.is_file():
            there = sorted(p.stem for p in path.parent.glob("*.txt"))
            raise InputError(f"no such split: {path}; there are {', '.join(there) or 'no lists'}")
        return read_ids(path)

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Return the JPEG and, where the ground truth is wanted, the PNG."""
        paths = [self.base / "JPEGImages" / f"{image_id}.jpg"]
        if with_target:
            paths.append(self.base / "SegmentationClass" / f"{image_id}.png")
        return paths

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample; the ground truth keeps its size and its palette indices."""
        paths = self.files(image_id, with_target)
        image = read_image(paths[0])
        if not with_target:
            return Sample(image_id, image, None)
        target = self.read_target(image_id)
        check_size(target, image, paths[1], "ground truth")
        return Sample(image_id, image, target)

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""
        path = self.files(image_id, with_target=True)[1]
        target = read_indices(path, "ground truth", labels=self.file_labels)
        check_labels(target, self.num_classes, self.ignore_index, path, "ground truth")
        return as_narrow(target, self.ignore_index)
