"""What the evaluation asks of a baseline."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.baselines.class_names import compare_classes
from lit_samseg.baselines.finite import check_largest, naming
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class Baseline(nn.Module, ABC):
    """A frozen semantic segmenter.

    Attributes:
        name: What it is, for files.
        checkpoint: Where its weights came from.
        sha256: SHA-256 of the weight file; None where there is none.
        num_classes: Number of classes it predicts; None where it is not known.
        class_names: Names by class id; None where they are not known.
        first_class: The checkpoint's class id that is class 0 here; None where there is no such option.
        ignore_index: What its files have for pixels of no class, which its label maps have as `lit_samseg.void.VOID`;
            None where each pixel has a class.
        trained_on: Images that ``lit-samseg fit`` trained its weights on; they cannot be evaluated on.
    """

    name: str
    checkpoint: str
    sha256: str | None
    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None
    first_class: int | None = None
    ignore_index: int | None = None
    trained_on: TrainedOn = TrainedOn()

    @property
    def identity(self) -> str | None:
        """A text that decides, with an image, what `label_map` gives: weights and every setting.

        Who gives one promises label maps that depend on nothing else, the image's id included. None, where nobody has
        said what they depend on: such label maps are never cached.
        """
        return None

    def files(self, image_id: str) -> list[Path]:
        """Return the files that decide this image's label map beside the weights and the image; mostly none."""
        return []

    def find_fault(self, image_id: str, image: Path | None) -> str | None:
        """Tell what is wrong with `files`, as far as a look at all of a run's before its beginning can.

        Args:
            image_id: The image's id in its data set.
            image: The image's own file, or None where it has none.

        Returns:
            For the user, or None where nothing is wrong.
        """
        missing = next((path for path in self.files(image_id) if not path.is_file()), None)
        return None if missing is None else f"no such file: {missing}"

    def hint(self, image_id: str) -> str:
        """Return what may be meant where `find_fault` found something, as the end of its text; mostly nothing."""
        return ""

    def compare_files(self, image_ids: Sequence[str]) -> None:
        """Check that the `files` of all images of a run, as far as they are there, do not contradict each other.

        Raises:
            InputError: They do.
        """

    def check(self, image: Tensor, image_id: str) -> None:
        """Check the image's `files`: in workers, on the CPU, where images are left out that cannot be used.

        Args:
            image: As for `label_map`.
            image_id: As for `label_map`.

        Raises:
            InputError: One is missing, broken, or does not fit the image.
        """
        fault = self.find_fault(image_id, None)
        if fault is not None:
            raise InputError(fault)

    @abstractmethod
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Predict the label map of one image.

        Args:
            image: uint8 ``[3, H, W]``, RGB.
            image_id: The image's id in its data set.

        Returns:
            Class ids, int64 ``[H, W]``, on the image's device; `lit_samseg.void.VOID` where it says nothing, if
            `ignore_index` is set.
        """

    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor | None]:
        """Predict the label map, and what it was made of.

        Args:
            image: As for `label_map`.
            image_id: As for `label_map`.

        Returns:
            The label map, int64 ``[H, W]``, and class logits, float32 ``[C, h, w]``, of any size: ``h`` times ``w``
            equal cells are the whole image. None where there are none.
        """
        return self.label_map(image, image_id), None

    def look_closer(self, image: Tensor, scale: float) -> Tensor | None:
        """Look at an image again, enlarged.

        Args:
            image: As for `label_map`.
            scale: How much larger than `label_map` sees it; below 1, smaller.

        Returns:
            Class logits, float32 ``[C, h, w]``, of equal cells that are the whole image; None from a baseline that
            cannot look again.
        """
        return None

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the baseline's classes with the data set's, see :mod:`lit_samseg.baselines.class_names`.

        Raises:
            InputError: Their number differs, or a name known to both stands at another place.
        """
        if self.num_classes is not None:
            compare_classes(self.checkpoint, self.class_names, self.num_classes, class_names, self.first_class)


class TrainableBaseline(Baseline):
    """A baseline that can be trained on (`lit_samseg.finetune.SegmenterFinetune`).

    Attributes:
        model: The network.
    """

    model: nn.Module

    def check_trainable(self) -> None:
        """See that `scores` can be asked.

        Raises:
            InputError: This network cannot be trained by a loss of each pixel.
        """

    @abstractmethod
    def scores(self, image: Tensor, image_id: str) -> Tensor:
        """Return class logits, float32 ``[C, H, W]``, of one image uint8 ``[3, H, W]``, with the weights' gradients."""

    @abstractmethod
    def save(self, folder: Path) -> Path:
        """Write the network as it is now into a new folder; return what ``checkpoint`` takes."""


class LogitBaseline(Baseline):
    """A baseline that has logits at the image's own size."""

    @abstractmethod
    def logits(self, image: Tensor) -> Tensor:
        """Return class logits, float32 ``[C, H, W]``, of one image uint8 ``[3, H, W]``."""

    @torch.inference_mode()
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Take the class of the largest logit; ties go to the lower class id.

        Raises:
            InputError: A logit is NaN or infinite.
        """
        return self.predict(image, image_id)[0]

    @torch.inference_mode()
    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor]:
        """Predict the label map and the logits, float32 ``[C, H, W]``; see `label_map`."""
        logits = self.logits(image)
        # max too gives the first of equal ones.
        largest, labels = logits.max(0)
        with naming(self.checkpoint, image_id):
            check_largest(largest.isfinite())
        return labels, logits


def check_label_map(labels: object, image: Tensor, whose: str) -> None:
    """See that what a baseline gave is a label map of its image.

    Args:
        labels: What it gave.
        image: The image ``[3, H, W]``.
        whose: What the label map is of, for the message.

    Raises:
        InputError: It is no tensor of whole numbers ``[H, W]``.
    """
    size = list(image.shape[1:])
    if isinstance(labels, Tensor) and labels.dtype in _INTEGERS and list(labels.shape) == size:
        return
    given = f"{labels.dtype} {list(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
    raise InputError(f"{whose}: a label map must be a tensor int64 {size} as its image, not {given}")


def resize_bilinear(image: Tensor, height: int, width: int, antialias: bool) -> Tensor:
    """Resize float ``[C, h, w]`` to ``[C, height, width]``."""
    return F.interpolate(image[None], (height, width), mode="bilinear", align_corners=False, antialias=antialias)[0]
