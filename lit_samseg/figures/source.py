"""The pixels that a figure shows, and the proof that they are the run's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lit_samseg.data import SegmentationDataModule
from lit_samseg.data.targets import check_labels
from lit_samseg.drawing import class_colours
from lit_samseg.errors import InputError
from lit_samseg.formats.reading import read_indices
from lit_samseg.metrics import count_pixels
from lit_samseg.results.contents import Results
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.layout import prediction_path
from lit_samseg.void import VOID

Labels = NDArray[np.integer]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class FigureSource:
    """A run beside its data set.

    Attributes:
        folder: The run's.
        results: Its ``results.json``.
        evidence: Its counts and regions.
        data: Its data set.
    """

    folder: Path
    results: Results
    evidence: Evidence
    data: SegmentationDataModule

    @property
    def colours(self) -> Pixels:
        """RGB by class id, uint8 ``[C, 3]``."""
        return class_colours(self.data.num_classes, self.data.palette, self.data.label_offset)

    def check_files(self, ids: Sequence[str]) -> None:
        """Check that the data set is the run's and has its files.

        Raises:
            InputError: It has other classes, or a file is missing; the message says how to tell where it is.
        """
        names = self.results["dataset"]["class_names"]
        if list(self.data.class_names) != names:
            raise InputError(
                f"the data set {self.data.name} has other classes than the run; leave out such --data options"
            )
        if self.data.pictures is not None:
            raise InputError("data.images is for predict; a figure shows the data set's own images, leave it out")
        root = getattr(self.data, "root", None)
        remedy = "give --data.root DIR" if root is not None else "give --data.images DIR and --data.masks DIR"
        if isinstance(root, Path) and not root.is_dir():
            raise InputError(f"the run's data are not in {root}; {remedy}")
        try:
            missing = [path for i in ids for path in self.data.files(i, with_target=True) if not path.is_file()]
        except InputError as error:
            raise InputError(f"{str(error).rpartition(';')[0] or error}; {remedy}") from error
        if missing:
            raise InputError(f"missing files of the run's images: {len(missing)} (first: {missing[0]}); {remedy}")

    def read(self, image_id: str) -> tuple[Pixels, Labels]:
        """Read an image and its ground truth.

        Returns:
            uint8 ``[H, W, 3]``, RGB, and uint8 ``[H, W]``, class ids and the ignore index.

        Raises:
            InputError: A file is broken, or the ground truth is not the one that the run was scored against.
        """
        sample = self.data.read(image_id, with_target=True)
        assert sample.target is not None, "only pictures of one's own have none"
        target = sample.target.numpy()
        counted = np.bincount(target[target != self.data.ignore_index].ravel(), minlength=self.data.num_classes)
        if not np.array_equal(counted, self.evidence.counts[0, 1, self._place(image_id)]):
            file = next(iter(self.data.files(image_id, with_target=True)[1:]), image_id)
            raise InputError(
                f"ground truth {file} has other areas than {self.folder / 'counts.npz'}: it is not what the run was "
                "scored against; give the run's own data set by --data options"
            )
        return np.ascontiguousarray(sample.image.permute(1, 2, 0).numpy()), target

    def label_map(self, row: str, image_id: str, target: Labels) -> Labels:
        """Read a row's label map as the run saved it.

        Args:
            row: One of the run's.
            image_id: One of the run's.
            target: The image's ground truth ``[H, W]``.

        Returns:
            int32 ``[H, W]``, class ids and `VOID`.

        Raises:
            InputError: It was not saved, or its counts are not the run's.
        """
        stem = prediction_path(self.folder / "predictions", row, image_id)
        path = stem.with_name(f"{stem.name}.png")
        if not path.is_file():
            raise InputError(f"no label map {path}; run the test again with --model.save_predictions true")
        what, offset = f"label map of {row}", self.data.label_offset
        # The run wrote class ids, whatever numbers the data set's own files have.
        numbers = read_indices(path, what, labels=None).to(torch.int32)
        void = self.results["baseline"].get("void")
        labels = torch.where(numbers == void, VOID, numbers - offset) if void is not None else numbers - offset
        check_labels(labels, self.data.num_classes, None if void is None else VOID, path, what, offset, void)
        counts = self.evidence.counts[list(self.evidence.rows).index(row), :, self._place(image_id)]
        if tuple(labels.shape) != target.shape or not np.array_equal(self._count(labels, target), counts):
            raise InputError(
                f"{what} {path} does not have the counts of {self.folder / 'counts.npz'}: it, or the ground truth, is "
                "not of this run; run the test again with --model.save_predictions true"
            )
        drawn: Labels = labels.numpy()
        return drawn

    def _count(self, labels: torch.Tensor, target: Labels) -> NDArray[np.int64]:
        counts = count_pixels(labels, torch.from_numpy(target), self.data.num_classes, self.data.ignore_index)
        counted: NDArray[np.int64] = counts.numpy()
        return counted

    def _place(self, image_id: str) -> int:
        return list(self.evidence.ids).index(image_id)
