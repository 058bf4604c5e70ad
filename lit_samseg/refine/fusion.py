"""Soft fusion: nothing is painted; SAM's logits are added to the baseline's log-probabilities, and classes compete."""

from collections.abc import Callable

import torch
from torch import Tensor

from lit_samseg.crf import Kernel, colour_features, feature_kernel, mean_field, position_features
from lit_samseg.errors import InputError
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.principal import principal_components
from lit_samseg.refine.variant import Fusion

SUREST = 10.0
"""SAM's logits count up to this: beyond, it is no surer of what it sees, only of what it means."""
LEAST_VOTE = -8.0
"""Log-probability below which a class is as good as ruled out."""

# Kernels of the mean field; found on the tuning half of 200 images of VOC2012 val, docs/recipes.md. Distances in cells.
SMOOTH_WEIGHT, SMOOTH_DISTANCE = 3.0, 0.6
COLOUR_WEIGHT, COLOUR_DISTANCE, COLOUR_DIFFERENCE = 4.0, 33.0, 5.0
FEATURE_WEIGHT, FEATURE_DISTANCE, FEATURE_DIFFERENCE = 4.0, 20.0, 0.2
FEATURES = 4
ITERATIONS = 8

# DeepLabV2's constants for VOC2012 (Chen et al., 2018); distances in the image's pixels.
DENSE_SMOOTH_WEIGHT, DENSE_SMOOTH_DISTANCE = 3.0, 1.0
DENSE_COLOUR_WEIGHT, DENSE_COLOUR_DISTANCE, DENSE_COLOUR_DIFFERENCE = 4.0, 67.0, 3.0
DENSE_ITERATIONS = 10


class FusedScores:
    """The scores of an image's classes in the making.

    Args:
        grid: The image and what the baseline thinks of it.
        fusion: What is added.
        features: Returns SAM's features, float32 ``[D, >= h, >= w]``, or None where SAM has none.

    Memory: a few ``[A, h, w]`` of floats, ``A`` the classes that may be in the image.
    """

    def __init__(self, grid: Grid, fusion: Fusion, features: Callable[[], Tensor | None]) -> None:
        self._grid, self._fusion, self._features = grid, fusion, features
        self._evidence: dict[int, Tensor] = {}
        self._votes = torch.zeros_like(grid.log_probabilities)
        self._voters = torch.zeros_like(grid.image[0])

    def add(self, class_id: int, logits: Tensor) -> None:
        """Add what SAM answered for a region.

        Args:
            class_id: The region's class.
            logits: float32 ``[mask_size, mask_size]``.
        """
        height, width = self._grid.shape
        own = logits[:height, :width]
        if self._fusion.weight:
            sure = own.clamp(-SUREST, SUREST)
            # Of several regions of a class, a cell belongs to the one that claims it most.
            known = self._evidence.get(class_id)
            self._evidence[class_id] = sure if known is None else torch.maximum(known, sure)
        if self._fusion.vote:
            mask = own.sigmoid()
            likelihood = self._grid.log_probabilities.clamp(min=LEAST_VOTE)
            mean = (mask * likelihood).sum((1, 2)) / mask.sum().clamp(min=1)
            self._votes += (mean - mean.max())[:, None, None] * mask
            self._voters += mask

    def finish(self) -> Tensor:
        """Return the label map, int64 ``[H, W]``.

        Raises:
            InputError: SAM's features are wanted and it has none.
        """
        scores = self._grid.log_probabilities.clone()
        for class_id, evidence in self._evidence.items():
            own = (self._grid.classes == class_id).to(scores)[:, None, None]
            scores += own * (self._fusion.weight * evidence)
        if self._fusion.vote:
            scores += self._fusion.vote * self._votes / self._voters.clamp(min=1)
        if self._fusion.crf and len(scores) > 1:
            iterations = DENSE_ITERATIONS if self._fusion.crf == "densecrf" else ITERATIONS
            scores = mean_field(scores, self._kernels(), iterations)
        return self._grid.label_map(scores)

    def _kernels(self) -> list[Kernel]:
        image = self._grid.image
        height, width = self._grid.shape
        if self._fusion.crf == "densecrf":
            position = position_features(height, width, DENSE_SMOOTH_DISTANCE, image.device)
            colour = colour_features(image, DENSE_COLOUR_DISTANCE, DENSE_COLOUR_DIFFERENCE)
            return [Kernel(position, DENSE_SMOOTH_WEIGHT), Kernel(colour, DENSE_COLOUR_WEIGHT)]
        kernels = [
            Kernel(position_features(height, width, SMOOTH_DISTANCE, image.device), SMOOTH_WEIGHT),
            Kernel(colour_features(image, COLOUR_DISTANCE, COLOUR_DIFFERENCE), COLOUR_WEIGHT),
        ]
        if self._fusion.crf == "samcrf":
            features = self._features()
            if features is None:
                raise InputError("this SAM gives no features for samcrf; use crf, or a checkpoint of segment-anything")
            components = principal_components(features[:, :height, :width], FEATURES)
            kernels.append(Kernel(feature_kernel(components, FEATURE_DISTANCE, FEATURE_DIFFERENCE), FEATURE_WEIGHT))
        return kernels
