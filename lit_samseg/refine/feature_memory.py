"""A memory of features: a network, fitted on training images, that tells classes by what SAM sees of them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.sam.frame import Frame

FLOOR = 1e-4
"""Least probability of an error."""


def _floored(chances: Tensor) -> Tensor:
    """Return chances ``[C, C]`` of which none is 0, each row with sum 1, float32."""
    table = chances + FLOOR
    return (table / table.sum(1, keepdim=True)).float()


class FeatureMemory(nn.Module, ABC):
    """Tells how likely each class is at each cell, by what SAM sees there; the baseline is not asked.

    A new one says nothing.

    Args:
        class_names: Of the classes that it knows.
        sam_sha256: SHA-256 of the SAM whose features it knows.
        trained_on: The training's images; they cannot be evaluated on.
        sha256: SHA-256 of the file; empty for one that is not written yet.

    Attributes:
        unseen: Whether `mixed_up` is of images that the baseline was not trained on: it is believed as it is.
        slope: What each class's log-probability is multiplied with, float32 ``[C]``: below 1 where a class was told
            less surely in images that were left out of a fit.
        offset: What is added then, likewise.
        mixed_up: How many cells of each class the baseline gave each label in training, float32 ``[C, C]``.
    """

    slope: Tensor
    offset: Tensor
    mixed_up: Tensor

    def __init__(
        self,
        class_names: tuple[str, ...],
        sam_sha256: str | None = None,
        trained_on: TrainedOn = TrainedOn(),
        sha256: str = "",
    ) -> None:
        super().__init__()
        self.class_names, self.sam_sha256, self.trained_on, self.sha256 = class_names, sam_sha256, trained_on, sha256
        self.unseen = False
        self.register_buffer("slope", torch.zeros(len(class_names)))
        self.register_buffer("offset", torch.zeros(len(class_names)))
        self.register_buffer("mixed_up", torch.zeros(len(class_names), len(class_names)))

    @staticmethod
    @abstractmethod
    def sizes(state: Mapping[str, Tensor]) -> tuple[int, int, int]:
        """Return what the constructor takes after the classes: two numbers of channels, and a width.

        Args:
            state: A file's tensors.

        Raises:
            KeyError: One is missing.
            ValueError: One has another shape.
        """

    @abstractmethod
    def remember(self, image: Tensor, frame: Frame, embedding: Tensor, features: Tensor | None) -> Tensor:
        """Return how likely each class is at each cell, classes as frequent as in training.

        Args:
            image: uint8 ``[3, H, W]``.
            frame: How it lies in SAM's square.
            embedding: float ``[D, h', w']`` of the whole square.
            features: The decoder's of each grid cell, float ``[F, >= h, >= w]``; None where SAM gives none.

        Returns:
            Log-probabilities, float32 ``[C, h, w]``.

        Raises:
            InputError: SAM's embedding or features have other channels than in training.
        """

    def natural(self, logits: Tensor) -> Tensor:
        """Return log-probabilities ``[N, C]`` of logits, classes as frequent as in training."""
        # Of logits that have some number in common, slopes of classes would mean nothing.
        return (self.slope * logits.log_softmax(-1) + self.offset).log_softmax(-1)

    def balance(self) -> Tensor:
        """Return what a cell of each class counts in training, float32 ``[C]``: its rarity's square root.

        Rare classes count as much in mIoU as frequent ones; with the whole rarity a few cells would outweigh all else.
        """
        return (-0.5 * self.log_shares()).exp()

    def uncalibrated(self) -> Tensor:
        """Return the offset by which classes that were balanced are as frequent as in training, float32 ``[C]``."""
        return 0.5 * self.log_shares()

    def label_chances(self, accuracy: float) -> Tensor:
        """Return how likely each label is in places of each class, float32 ``[C, C]``; each row sums to 1.

        Which classes are mixed up is as it was in training, but not how often: a baseline may know its own training
        images better than others. So where more labels were right than ``accuracy``, all errors are made so much more
        frequent that as many are, classes as frequent as in training. What was counted on images that the baseline was
        not trained on needs nothing of the kind.

        Args:
            accuracy: In 0..1, without both.
        """
        # On the CPU: a table of a few numbers, of which each step of the search asks.
        seen = self.mixed_up.cpu().double()
        # As if one more label of each class had been seen, so that of a class never seen something is known.
        right, wrong = torch.eye(len(seen)), (1 - torch.eye(len(seen))) / max(1, len(seen) - 1)
        chances = (seen + accuracy * right + (1 - accuracy) * wrong) / (seen.sum(1, keepdim=True) + 1)
        right, shares = chances.diagonal().clamp(min=FLOOR), self.log_shares().cpu().double().exp()
        if self.unseen:
            return _floored(chances).to(self.mixed_up.device)
        wrong = chances - torch.diag(chances.diagonal())
        least, most = 0.0, 20.0
        for _ in range(60):
            middle = (least + most) / 2
            found = (shares * right / (right + math.exp(middle) * wrong.sum(1))).sum()
            least, most = (middle, most) if found > accuracy else (least, middle)
        table = torch.diag(right) + math.exp(middle) * wrong
        return _floored(table).to(self.mixed_up.device)

    def log_shares(self) -> Tensor:
        """Return how frequent each class was in training, as logarithms of shares, float32 ``[C]``."""
        # A class that was never seen is taken to be rare, not impossible.
        seen = self.mixed_up.sum(1) + 1
        return seen.log() - seen.sum().log()


def check_channels(known: tuple[int, int], given: tuple[int, int]) -> None:
    """See that a SAM gives as many channels as a memory knows.

    Raises:
        InputError: It gives others.
    """
    if known != given:
        raise InputError(
            f"the memory was fitted to features of {known[0]} and {known[1]} numbers, and this SAM gives "
            f"{given[0]} and {given[1]}; fit one with this SAM"
        )
