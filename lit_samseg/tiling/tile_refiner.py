"""What refines tiles: a row of a SAM, for label maps of one caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.formats.given_void import own_labels
from lit_samseg.refine import ClassScores, Variant
from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.tiling.refine import Given


@dataclass(frozen=True)
class TileRefiner:
    """Refines tiles; `lit_samseg.Refiner.tiles` is one.

    Attributes:
        predictor: Makes rows of images.
        variant: The row.
        device: Where to compute.
        ignore_index: Void in label maps, None for none, ``auto`` where their numbers tell.
        knows_void: Whether somebody said what void is.
    """

    predictor: Predictor
    variant: Variant
    device: torch.device
    ignore_index: int | Literal["auto"] | None = "auto"
    knows_void: bool = False

    @property
    def square(self) -> int:
        """Side of what SAM's encoder sees, in pixels."""
        return self.predictor.sam.frame(torch.empty(3, 1, 1)).size

    @property
    def background(self) -> int | None:
        """The class that is never prompted, or None."""
        return self.predictor.background

    def void_of(self, numbers: Sequence[int]) -> int:
        """Return which of a label map's numbers is void, were it there; `VOID` where none may be.

        Raises:
            InputError: The numbers are no class ids, or nobody can tell.
        """
        return own_labels(np.array([numbers], np.int64), (1, len(numbers)), self.knows_void, self.ignore_index)[1]

    def scores(self, tile: Given) -> ClassScores:
        """Refine a tile, and tell how likely each class is."""
        image, label_map = tile.image.to(self.device), tile.label_map.to(self.device)
        scores = None if tile.scores is None else tile.scores.to(self.device)
        with without_tf32():
            context = self.predictor.set_image(image, label_map, scores)
            return self.predictor.scores(context, self.variant)
