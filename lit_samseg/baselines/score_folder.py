"""Class scores made by any program: a folder of ``.npz`` or ``.npy``."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lit_samseg.baselines.looking import like_names, size_of
from lit_samseg.baselines.precomputed import Precomputed
from lit_samseg.baselines.score_baseline import ScoreBaseline
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import list_folder
from lit_samseg.formats.score_files import SCORE_SUFFIXES, read_scores, shape_of
from lit_samseg.formats.scores import AspectRatio, ScoreKind, ScoreLayout, axes_of, misfit
from lit_samseg.runtime.transfer import to_device


class ScoreFolder(ScoreBaseline):
    """Reads ``ROOT/ID.npz`` or ``ROOT/ID.npy``: rows that add up scores then do as well as with the network at hand.

    An array is ``[classes, height, width]``, of any size: its cells are the whole image. In a ``.npz`` it is the only
    array, or is called ``logits``, ``scores``, ``probabilities`` or ``softmax``. nnU-Net's files are such ones
    (``[classes, 1, height, width]``, ``.pkl`` beside them). The label map is made as the networks' are: logits are
    brought to the image's size bilinearly, then the largest is taken.

    Args:
        root: Folder of the files.
        num_classes: Number of classes. None takes the data set's.
        kind: ``logits``, ``probabilities``, or ``auto``: probabilities, if all of a file are in 0..1 and add up to 1.
            Of probabilities the logarithm is taken, of 0 that of 1e-6.
        layout: ``chw``, or ``hwc`` where classes are the last axis.
        aspect_ratio: ``image``: scores that are not square have the image's. ``any``: the image was squashed.
        label_maps: The same program's label maps, where they were made of finer scores than were kept: they are refined
            in place of the scores' own.

    Raises:
        InputError: There is no such folder.
    """

    sha256 = None

    def __init__(
        self,
        root: str,
        num_classes: int | None = None,
        kind: ScoreKind = "auto",
        layout: ScoreLayout = "chw",
        aspect_ratio: AspectRatio = "image",
        label_maps: Precomputed | None = None,
    ) -> None:
        super().__init__()
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise InputError(f"no such folder of scores: {root}; give a folder with one .npz or .npy per image id")
        self._found: dict[str, list[Path]] | None = None
        self.name = "scores"
        self.checkpoint = root
        self.num_classes = num_classes
        self.kind, self.layout, self.aspect_ratio = kind, layout, aspect_ratio
        self.label_maps = label_maps
        self.ignore_index = None if label_maps is None else label_maps.ignore_index

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the number of classes with the data set's, or take it from there.

        Raises:
            InputError: It differs, or the label maps' void is a class.
        """
        super().check_classes(class_names)
        if self.label_maps is not None:
            self.label_maps.check_classes(class_names)

    def compare_files(self, image_ids: Sequence[str]) -> None:
        """Check that the palettes of all label maps agree."""
        if self.label_maps is not None:
            self.label_maps.compare_files(image_ids)

    def files(self, image_id: str) -> list[Path]:
        """Return the image's scores, and its label map where that is read.

        Raises:
            InputError: There are two files of one.
        """
        return [self._file(image_id), *([] if self.label_maps is None else self.label_maps.files(image_id))]

    def _file(self, image_id: str) -> Path:
        if self._found is None:
            self._found = list_folder(self.root, None, SCORE_SUFFIXES).found
        named = (self.root / f"{image_id}{suffix}" for suffix in SCORE_SUFFIXES)
        paths = self._found.get(image_id) or [path for path in named if path.is_file()]
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1].name} are both scores of {image_id}; remove one")
        return paths[0] if paths else self.root / f"{image_id}.npz"

    def find_fault(self, image_id: str, image: Path | None) -> str | None:
        """Tell whether the scores are missing, of other classes, or of another aspect ratio; or of the label map."""
        fault = self._fault_of_scores(image_id, image)
        return fault if fault or self.label_maps is None else self.label_maps.find_fault(image_id, image)

    def _fault_of_scores(self, image_id: str, image: Path | None) -> str | None:
        path = self._file(image_id)
        if not path.is_file():
            return f"no such file of scores: {path}"
        shape, size = shape_of(path), None if image is None else size_of(image)
        if shape is None:
            return None
        try:
            axes = axes_of(shape, self.num_classes, self.layout, f"scores {path}")
        except InputError as error:
            return str(error)
        if size is None:
            return None
        cells = (shape[axes.rows], shape[axes.columns])
        # The image may be turned when it is read.
        faults = [misfit(cells, turned, self.aspect_ratio) for turned in (size[::-1], size)]
        return f"scores {path} are {faults[0]}" if all(faults) else None

    def hint(self, image_id: str) -> str:
        """Tell which file may have been meant by one that is not there."""
        if not self._file(image_id).is_file():
            return like_names(self.root, image_id, ".npz", "scores")
        return "" if self.label_maps is None else self.label_maps.hint(image_id)

    def check(self, image: Tensor, image_id: str) -> None:
        """Read the files, and forget them."""
        self.cells(image, image_id)
        if self.label_maps is not None:
            self.label_maps.check(image, image_id)

    @torch.inference_mode()
    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor]:
        """Predict the label map, or read it, and the scores."""
        if self.label_maps is None:
            return super().predict(image, image_id)
        return self.label_maps.label_map(image, image_id), self.cells(image, image_id)

    def cells(self, image: Tensor, image_id: str) -> Tensor:
        """Read the image's scores as logits, float32 ``[C, h, w]``.

        Raises:
            InputError: They are missing, broken, of another number of classes or aspect ratio, or no numbers.
        """
        path = self._file(image_id)
        logits = read_scores(path, self.num_classes, self.kind, self.layout)
        height, width = image.shape[1:]
        if fault := misfit((logits.shape[1], logits.shape[2]), (height, width), self.aspect_ratio):
            raise InputError(f"scores {path} are {fault}")
        return to_device(logits, image.device)
