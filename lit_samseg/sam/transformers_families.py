"""What tells the SAMs of transformers apart: class, frame, normalisation, and what encoder hands to decoder."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from lit_samseg.checkpoints.pretrained import read_processor_settings
from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame, SquareFrame
from lit_samseg.sam.interface import Embedding

Rgb = tuple[float, float, float]

IMAGENET_MEAN: Rgb = (0.485, 0.456, 0.406)
IMAGENET_STD: Rgb = (0.229, 0.224, 0.225)
HALF: Rgb = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Family(ABC):
    """One architecture.

    Attributes:
        model: Name of its class in transformers.
        frame: How an image lies in its input.
        mean: Mean of RGB in 0..1 where the checkpoint tells none.
        std: Standard deviation likewise.
        encoding: Beginnings of the names of those tensors of the decoder that are used while an image is encoded.
    """

    model: str
    frame: type[Frame]
    mean: Rgb = IMAGENET_MEAN
    std: Rgb = IMAGENET_STD
    encoding: ClassVar[tuple[str, ...]] = ()

    def model_class(self) -> type:
        """Import and return the class; this takes seconds the first time."""
        import transformers

        found: type = getattr(transformers, self.model)
        return found

    @abstractmethod
    def split(self, encoded: Any) -> tuple[Tensor, Sequence[Tensor]]:
        """Split what ``get_image_embeddings`` gave of ``B`` images into features ``[B, D, h, w]`` and other levels."""

    @abstractmethod
    def join(self, embedding: Embedding, count: int) -> dict[str, Any]:
        """Return ``forward``'s arguments that stand for ``count`` times the same encoded image."""


class PlainFamily(Family):
    """SAM: the features are all there is."""

    def split(self, encoded: Any) -> tuple[Tensor, Sequence[Tensor]]:
        """Split into the features and nothing else."""
        return encoded, ()

    def join(self, embedding: Embedding, count: int) -> dict[str, Any]:
        """Return the repeated features."""
        return {"image_embeddings": _repeat(embedding.features, count)}


class HighQualityFamily(Family):
    """SAM-HQ: the decoder also sees the encoder's first block with global attention."""

    def split(self, encoded: Any) -> tuple[Tensor, Sequence[Tensor]]:
        """Split into the features and the first of the intermediate embeddings; the decoder uses no other."""
        features, intermediate = encoded
        return features, intermediate[:1]

    def join(self, embedding: Embedding, count: int) -> dict[str, Any]:
        """Return the repeated features and, once (the decoder broadcasts it), the intermediate embedding."""
        return {
            "image_embeddings": _repeat(embedding.features, count),
            "intermediate_embeddings": [level[None] for level in embedding.levels],
        }


class PyramidFamily(Family):
    """SAM 2, SAM 3's tracker and EdgeTAM: a pyramid, finest level first, the features last."""

    encoding = ("mask_decoder.conv_s0.", "mask_decoder.conv_s1.")

    def split(self, encoded: Any) -> tuple[Tensor, Sequence[Tensor]]:
        """Split into the coarsest level and the finer ones."""
        *levels, features = encoded
        return features, levels

    def join(self, embedding: Embedding, count: int) -> dict[str, Any]:
        """Return the repeated pyramid."""
        return {"image_embeddings": [_repeat(level, count) for level in (*embedding.levels, embedding.features)]}


def _repeat(tensor: Tensor, count: int) -> Tensor:
    return tensor.expand(count, *tensor.shape)


_SAM2 = PyramidFamily("Sam2Model", SquareFrame)
_SAM3 = PyramidFamily("Sam3TrackerModel", SquareFrame, HALF, HALF)
_EDGETAM = PyramidFamily("EdgeTamModel", SquareFrame)

FAMILIES: dict[str, Family] = {
    "sam": PlainFamily("SamModel", Frame),
    "sam_hq": HighQualityFamily("SamHQModel", Frame),
    "sam2": _SAM2,
    "sam2_video": _SAM2,
    "sam3_tracker": _SAM3,
    "sam3_tracker_video": _SAM3,
    "sam3_video": _SAM3,
    "edgetam": _EDGETAM,
    "edgetam_video": _EDGETAM,
}
"""By the ``model_type`` of ``config.json``."""


def read_normalisation(folder: Path, family: Family) -> tuple[Rgb, Rgb]:
    """Return mean and standard deviation of RGB in 0..1: the checkpoint's own, else the family's.

    Raises:
        InputError: The checkpoint's processor settings cannot be read.
    """
    found = read_processor_settings(folder)
    if found is None or "image_mean" not in found[1]:
        return family.mean, family.std
    path, settings = found
    try:
        return _rgb(settings["image_mean"]), _rgb(settings["image_std"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} has no usable image_mean and image_std; download the checkpoint again") from error


def _rgb(values: Any) -> Rgb:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
