"""Baselines that say of cells, which are the whole image, how likely each class is there."""

from abc import abstractmethod

import torch
from torch import Tensor

from lit_samseg.baselines.bands import Resized, Stored, argmax_in_bands
from lit_samseg.baselines.finite import naming
from lit_samseg.baselines.interface import Baseline
from lit_samseg.errors import InputError


class ScoreBaseline(Baseline):
    """A baseline with class scores of any size, which are brought to the image's bilinearly for its label map.

    No tensor of the image's size with one channel per class is made.
    """

    @abstractmethod
    def cells(self, image: Tensor, image_id: str) -> Tensor:
        """Return class logits, float32 ``[C, h, w]``, of equal cells that are the whole image uint8 ``[3, H, W]``."""

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Compare the number of classes with the data set's, or take it from there.

        Raises:
            InputError: It differs.
        """
        if self.num_classes is None:
            self.num_classes = len(class_names)
        super().check_classes(class_names)

    @torch.inference_mode()
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Return class ids, int64 ``[H, W]``; ties go to the lower class id.

        Raises:
            InputError: A score is NaN or infinite, or the scores are of another number of classes.
        """
        return self.predict(image, image_id)[0]

    @torch.inference_mode()
    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor]:
        """Predict the label map, and the scores it was made of, as `cells` gave them."""
        cells = self.cells(image, image_id)
        if self.num_classes is not None and len(cells) != self.num_classes:
            raise InputError(
                f"baseline {self.checkpoint} gives image {image_id} scores of {len(cells)} classes; there must be "
                f"{self.num_classes}"
            )
        with naming(self.checkpoint, image_id):
            return label_map_of(cells, image.shape[1], image.shape[2]), cells


def label_map_of(cells: Tensor, height: int, width: int) -> Tensor:
    """Return the class of the largest score of each pixel, int64 ``[H, W]``; of equal ones the lowest.

    Args:
        cells: Class logits, float32 ``[C, h, w]``, of equal cells that are the whole image.
        height: H.
        width: W.

    Raises:
        NotFiniteError: A score is NaN or infinite.
    """
    return argmax_in_bands(Resized(Stored(cells), height, width))
