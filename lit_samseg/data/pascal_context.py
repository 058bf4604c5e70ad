"""PASCAL-Context (Mottaghi et al., 2014): VOC 2010's images with 59 classes, or 60 with background."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from lit_samseg.data.ade20k import ade20k_palette
from lit_samseg.data.pairs import Pair, PairedFiles
from lit_samseg.data.subset import read_ids
from lit_samseg.data.targets import translate
from lit_samseg.errors import InputError

PAGE = "https://cs.stanford.edu/~roozbeh/pascal-context/"

# In alphabetical order, as mmsegmentation numbers them from 1; 59_labels.txt of the authors has another order.
CONTEXT_CLASSES = (
    "aeroplane", "bag", "bed", "bedclothes", "bench", "bicycle", "bird", "boat", "book", "bottle", "building", "bus",
    "cabinet", "car", "cat", "ceiling", "chair", "cloth", "computer", "cow", "cup", "curtain", "dog", "door", "fence",
    "floor", "flower", "food", "grass", "ground", "horse", "keyboard", "light", "motorbike", "mountain", "mouse",
    "person", "plate", "platform", "pottedplant", "road", "rock", "sheep", "shelves", "sidewalk", "sign", "sky", "snow",
    "sofa", "table", "track", "train", "tree", "truck", "tvmonitor", "wall", "water", "window", "wood",
)  # fmt: skip

# Their numbers among the 459 labels of the authors' files (labels.txt, which is in alphabetical order too).
AMONG_459 = (
    2, 9, 18, 19, 22, 23, 25, 31, 33, 34, 44, 45, 46, 59, 65, 68, 72, 80, 85, 98, 104, 105, 113, 115, 144, 158, 159,
    162, 187, 189, 207, 220, 232, 258, 259, 260, 284, 295, 296, 308, 324, 326, 347, 349, 354, 355, 360, 366, 368, 397,
    415, 416, 420, 424, 427, 440, 445, 454, 458,
)  # fmt: skip
NUM_LABELS = 459

_SPLITS = ("train", "val")


class PascalContext(PairedFiles):
    """PASCAL-Context's 59 classes without background, or 60 with it as class 0; void 255.

    Ground truth is ``VOC2010/SegmentationClassContext/ID.png`` as mmsegmentation's converter writes it (0 is
    background, 1 to 59 are the classes in alphabetical order), or the authors' ``VOC2010/trainval/ID.mat`` with 459
    labels, of which all but 59 are background. The lists are ``ImageSets/SegmentationContext/SPLIT.txt``, or VOC's own
    in ``ImageSets/Main``, which has the same split. It is not downloaded: get VOC 2010 and the labels
    (https://cs.stanford.edu/~roozbeh/pascal-context/). The classes have no colours of their own; they get ADE20K's, as
    in mmsegmentation.

    Args:
        root: The folder that holds ``VOCdevkit``, or ``VOC2010``, or ``VOC2010`` itself.
        split: ``train`` or ``val``.
        classes: 59: background is void, and predictions are written as in the files, from 1. 60: it is class 0.
        labels: Which files are read: ``png``, ``mat``, or, with ``auto``, PNG where there is their folder.
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: There is no such split.
    """

    palette = ade20k_palette()[3 : 3 + 3 * 60]

    def __init__(
        self,
        root: str = "data",
        split: str = "val",
        classes: Literal[59, 60] = 59,
        labels: Literal["auto", "png", "mat"] = "auto",
        **options: Any,
    ) -> None:
        super().__init__(root, split, **options)
        for chosen in (split, self.training.split):
            if chosen not in _SPLITS:
                raise InputError(f"pascal_context: no split {chosen!r}; there are {' and '.join(_SPLITS)}")
        self.labels = labels
        self.name = f"pascal_context{classes}"
        self.class_names = CONTEXT_CLASSES if classes == 59 else ("background", *CONTEXT_CLASSES)
        self.background, self.label_offset = (None, 1) if classes == 59 else (0, 0)

    @property
    def kind(self) -> Literal["png", "mat"]:
        """Which files are read."""
        if self.labels != "auto":
            return self.labels
        # Where other pictures are predicted, the data set need not be there.
        if self.pictures is not None or (self.base / "SegmentationClassContext").is_dir():
            return "png"
        return "mat" if (self.base / "trainval").is_dir() else "png"

    @property
    def class_of(self) -> dict[int, int]:
        """Class ids by what the files hold."""
        background = self.ignore_index if self.background is None else self.background
        numbers = range(1, 1 + len(AMONG_459)) if self.kind == "png" else AMONG_459
        classes = {number: n - self.label_offset for n, number in enumerate(numbers, 1)}
        if self.kind == "png":
            return {0: background, **classes, 255: self.ignore_index}
        return dict.fromkeys(range(NUM_LABELS + 1), background) | classes

    @property
    def numbering(self) -> str | None:
        """Which labels of the authors' files are classes."""
        if self.kind == "png":
            return None
        others = "void" if self.background is None else "background"
        return f"59 of the {NUM_LABELS} labels in the .mat files, all others {others}"

    @property
    def remedy(self) -> str:
        """What files hold."""
        if self.kind == "mat":
            return f"the authors' files have 0..{NUM_LABELS}; get them from {PAGE}"
        return "files of mmsegmentation's converter have 0..59; give the authors' .mat files with --data.labels mat"

    @cached_property
    def base(self) -> Path:
        """The folder ``VOC2010``.

        Raises:
            InputError: It is not below ``root``.
        """
        for base in (self.root / "VOCdevkit/VOC2010", self.root / "VOC2010", self.root):
            if (base / "JPEGImages").is_dir():
                return base
        what = "has no VOC2010 with JPEGImages" if self.root.is_dir() else "does not exist"
        raise InputError(
            f"data.root {self.root} {what}; give the folder that holds it: VOC 2010, with labels of {PAGE} in it"
        )

    def find_pairs(self) -> dict[str, Pair]:
        """Return what the split's list names."""
        lists = [self.base / f"ImageSets/{kind}/{self.split}.txt" for kind in ("SegmentationContext", "Main")]
        listing = next((path for path in lists if path.is_file()), None)
        if listing is None:
            raise InputError(f"pascal_context: no list {lists[0]}, and none of VOC 2010 ({lists[1]}); add either")
        images = self.base / "JPEGImages"
        truths = self.base / ("SegmentationClassContext" if self.kind == "png" else "trainval")
        return {i: Pair(images / f"{i}.jpg", truths / f"{i}.{self.kind}") for i in read_ids(listing)}

    def why_missing(self, with_target: bool) -> str:
        """Say where ground truth is looked for."""
        return f"; labels are PNG in SegmentationClassContext or .mat in trainval ({PAGE})" if with_target else ""

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""
        path = self.files(image_id, with_target=True)[1]
        if self.kind == "png":
            return super().read_target(image_id)
        return translate(_read_label_map(path, self.remedy), self.class_of, self.ignore_index, path, self.remedy)


def _read_label_map(path: Path, remedy: str) -> Tensor:
    """Read the labels of one of the authors' files, int32 ``[H, W]``.

    Raises:
        InputError: It is missing, broken, or holds something else.
    """
    # Not for those who have no such files: it takes a while to import.
    from scipy.io import loadmat

    try:
        with path.open("rb") as file:
            labels = loadmat(file, variable_names=["LabelMap"])["LabelMap"]
    except OSError as error:
        raise InputError(f"ground truth {path} cannot be read ({error.strerror or error}); {remedy}") from error
    except Exception as error:
        # Of a file that is cut off or no MATLAB file, SciPy raises errors of many kinds, some its own.
        raise InputError(f"ground truth {path} is no MATLAB file with a LabelMap ({error}); {remedy}") from error
    if not isinstance(labels, np.ndarray) or labels.ndim != 2 or labels.dtype.kind != "u":
        raise InputError(f"ground truth {path} has a LabelMap that is no table of labels; {remedy}")
    return torch.from_numpy(labels.astype(np.int32))
