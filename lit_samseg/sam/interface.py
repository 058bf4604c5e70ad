"""What the evaluation asks of a promptable segmenter: encode an image once, decode many prompts."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.trained_on import Trained
from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame, Resizer
from lit_samseg.sam.thresholding import MaskWindow, threshold_masks

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Prompt:
    """One prompt, for one object, in pixels of the original image.

    Attributes:
        points: Foreground points, float64 ``[K, 2]`` as (x, y), or None.
        box: float64 ``[4]`` as x_min, y_min, x_max, y_max, corners inclusive, or None.
        mask: bool ``[H, W]``, or None.
        mask_strength: Logit that a pixel well inside the mask gets in the mask prompt.
        mask_logits: A mask prompt as SAM takes it, float32 ``[mask_size, mask_size]``, in place of ``mask``; or None.
        negative_points: Points of the background, float64 ``[K, 2]`` as (x, y), or None.
        mask_gamma: How fast the mask prompt falls off from the mask's innermost cell (`bell`); None for not at all.
        class_id: The class that is asked about, for a segmenter that knows classes; None for one it does not know.
        beliefs: What the baseline thinks of that class, of its best rival and of each class that the segmenter knows,
            0 (ruled out) to 1 (certain), float32 ``[2 + classes, mask_size / 4, mask_size / 4]``; after them the same
            by its second look, for a segmenter that wants it; or None.
    """

    points: Tensor | None = None
    box: Tensor | None = None
    mask: Tensor | None = None
    mask_strength: float = 10.0
    mask_logits: Tensor | None = None
    negative_points: Tensor | None = None
    mask_gamma: float | None = None
    class_id: int | None = None
    beliefs: Tensor | None = None

    @property
    def token_layout(self) -> tuple[int, int, bool, bool]:
        """Foreground points, points of the background, whether there is a box, and whether there is a mask.

        Prompts with the same layout can be decoded together without padding, which would change the result.
        """
        counts = [0 if points is None else len(points) for points in (self.points, self.negative_points)]
        return counts[0], counts[1], self.box is not None, self.mask is not None or self.mask_logits is not None


@dataclass(frozen=True)
class Embedding:
    """An encoded image.

    Attributes:
        features: float ``[D, h, w]`` from the image encoder.
        frame: How the image lies in the encoder's square.
        levels: What else of the encoder a decoder needs (SAM 2's finer levels, SAM-HQ's early features).
    """

    features: Tensor
    frame: Frame
    levels: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Candidates:
    """What SAM answers to ``N`` prompts: ``M`` candidate masks each, kept at low resolution.

    Attributes:
        low_res_logits: float32 ``[N, M, mask_size, mask_size]``; positive is foreground. What lies in the frame's
            padding need not be SAM's.
        scores: float32 ``[N, M]``, the IoU that SAM predicts for each candidate.
        frame: The image's frame.
    """

    low_res_logits: Tensor
    scores: Tensor
    frame: Frame

    def __len__(self) -> int:
        return len(self.low_res_logits)

    def window(self, index: int) -> MaskWindow:
        """Return the candidates of one prompt at the original resolution, where one of them can be set.

        One prompt at a time: full-size floats of all prompts together are never held.
        """
        return threshold_masks(self.low_res_logits[index], self.frame)

    def masks(self, index: int) -> Tensor:
        """Return the candidates of one prompt in the whole image, bool ``[M, H, W]``."""
        return self.window(index).whole(self.frame.height, self.frame.width)


Asked = Sequence[tuple[Embedding, Sequence[Prompt]]]
"""Encoded images, each with its prompts."""


class PromptableSegmenter(nn.Module, ABC):
    """A frozen promptable segmenter.

    Attributes:
        name: What it is, for tables and files (``vit_h``, ``mobile_sam``).
        checkpoint: Where its weights came from.
        sha256: SHA-256 of the weight file.
        precision: One precision for the whole run, since precision alone moves scores.
        has_pixel_features: Whether `pixel_features` gives any.
        takes_resized: Whether `encode` scales images by `Frame.resize_image` of their own frame, which may then be done
            while they are read.
        class_names: The classes that prompts may name; empty where they say what is believed of classes, but name none;
            None where prompts say nothing of classes.
        second_look: Prompts say too what the baseline thinks of the image enlarged by this; None where they do not.
        adapter: What a fine-tuning put in place of some weights; None for none.
        adapter_file: Where that came from.
    """

    name: str
    checkpoint: str
    sha256: str
    precision: Precision
    has_pixel_features: bool = False
    takes_resized: bool = False
    class_names: tuple[str, ...] | None = None
    second_look: float | None = None
    adapter: Trained | None = None
    adapter_file: str | None = None

    @property
    def identity(self) -> str | None:
        """A text that decides, with an image and `precision`, what `encode` gives: weights and every setting.

        Who gives one promises float32 embeddings that depend on nothing else. None, where nobody has said what they
        depend on: such embeddings are never cached.
        """
        return None

    @property
    def tuned_sha256(self) -> str:
        """SHA-256 of what decides masks: that of the weight file, unless there is a fine-tuning."""
        return self.sha256

    @property
    def embeddings_sha256(self) -> str:
        """SHA-256 of what decides embeddings: that of the weight file, unless a fine-tuning changed them."""
        return self.sha256

    @property
    def features_sha256(self) -> str:
        """SHA-256 of what decides all features of images, those of `pixel_features` too."""
        return self.tuned_sha256 if self.has_pixel_features else self.embeddings_sha256

    def check_classes(self, class_names: tuple[str, ...] | None) -> None:
        """See that prompts name classes that a data set has.

        Args:
            class_names: The data set's; None where they are not known.

        Raises:
            InputError: It was trained on other classes.
        """
        own = self.class_names
        if own and class_names is not None and own != class_names:
            raise InputError(
                f"adapter {self.adapter_file} knows {len(own)} classes ({', '.join(own[:3])}, ...), not the data set's "
                f"{len(class_names)} ({', '.join(class_names[:3])}, ...); train one on this data set, or give "
                "--model.sam.unknown_classes true"
            )

    @abstractmethod
    def frame(self, image: Tensor) -> Frame:
        """Return the frame of the embedding of an image ``[3, H, W]``; only its size counts."""

    def resizer(self) -> Resizer | None:
        """Return what scales an image on a CPU before `encode` gets it; None where `encode` alone does that."""
        if not self.takes_resized:
            return None
        frame = self.frame(torch.empty(3, 1, 1, dtype=torch.uint8))
        # Others scale where the network is.
        return Resizer(frame.size, frame.mask_size) if type(frame) is Frame else None

    @abstractmethod
    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Encode images of any sizes, uint8 ``[3, H, W]`` RGB each, in their order."""

    @abstractmethod
    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode prompts of one image.

        Args:
            embedding: The image.
            prompts: ``N`` prompts, in any mixture; ``N`` may be 0.
            multimask: Three candidates per prompt; False asks for the single-mask token, one candidate.

        Returns:
            Candidates in the prompts' order.
        """

    def decode_images(self, asked: Asked, multimask: bool = True) -> list[Candidates]:
        """Decode prompts of several images: together where that is faster, here one image after the other.

        Args:
            asked: The images, each with any number of prompts.
            multimask: As for `decode`.

        Returns:
            What `decode` gives of each.
        """
        return [self.decode(embedding, prompts, multimask) for embedding, prompts in asked]

    def pixel_features(self, embedding: Embedding) -> Tensor | None:
        """Return features of the decoder for each cell of its low-resolution grid: alike within what SAM sees as one.

        Returns:
            float32 ``[D, h, w]`` where the image is; None where the segmenter has no such thing.
        """
        return None
