"""Large pictures in memory, or mapped into it from a file (`numpy.memmap`)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.tiling.plan import Tiling, Window
from lit_samseg.tiling.refine import Done, Given, Outcome, refine_tiles
from lit_samseg.tiling.score_windows import scores_of_window
from lit_samseg.tiling.tile_refiner import TileRefiner
from lit_samseg.void import VOID


class Arrays:
    """A picture and its label map as arrays: a source of windows.

    Args:
        image: uint8 ``[H, W, 3]``, RGB.
        label_map: integer ``[H, W]``.
        void: The label map's number for void.
        scores: Class scores of the whole picture, logits ``[C, h, w]`` of any size; None where there are none.
    """

    def __init__(
        self, image: NDArray[np.uint8], label_map: NDArray[Any], void: int = VOID, scores: Tensor | None = None
    ) -> None:
        self._image, self._label_map, self._void, self._scores = image, label_map, void, scores

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self._label_map.shape
        return height, width

    def read(self, window: Window) -> Given:
        """Copy a window."""
        image = torch.from_numpy(np.array(self._image[window.area])).permute(2, 0, 1)
        label_map = torch.from_numpy(self._label_map[window.area].astype(np.int64))
        label_map[label_map == self._void] = VOID
        scores = None if self._scores is None else scores_of_window(self._scores, window, self.shape)
        return Given(image, label_map, scores=scores)


class ArraySink:
    """Takes windows into an array.

    Args:
        out: integer ``[H, W]``.
        void: Its number for void.
        confidence: Takes how sure the labels are, float ``[H, W]``; None where nobody wants to know.
    """

    def __init__(self, out: NDArray[Any], void: int = VOID, confidence: NDArray[Any] | None = None) -> None:
        self._out, self._void, self._confidence = out, void, confidence

    def write(self, window: Window, done: Done) -> None:
        """Write a window."""
        self._out[window.area] = torch.where(done.label_map == VOID, self._void, done.label_map).numpy()
        if self._confidence is not None:
            self._confidence[window.area] = done.confidence.numpy()


def refine_array(
    refiner: TileRefiner,
    image: NDArray[np.uint8],
    label_map: NDArray[Any],
    out: NDArray[Any],
    tiling: Tiling | None = None,
    void: int = VOID,
    progress: Callable[[int, int], None] | None = None,
    confidence: NDArray[Any] | None = None,
    scores: Tensor | None = None,
) -> Outcome:
    """Refine the label map of a large picture, tile by tile; arrays may be mapped into memory.

    Args:
        refiner: Refines the tiles.
        image: uint8 ``[H, W, 3]``, RGB.
        label_map: Class ids, integer ``[H, W]``.
        out: Takes the refined class ids, integer ``[H, W]``; may not be the label map itself.
        tiling: How the picture is cut; None for the default.
        void: The number for void in both label maps.
        progress: Called with the number of tiles that are done and of all.
        confidence: Takes the probability of each label, float ``[H, W]``; None where nobody wants to know.
        scores: Class scores of the whole picture, logits ``[C, h, w]`` of any size, for rows that add up scores; None
            where there are none.

    Raises:
        ValueError: The sizes differ, or both label maps are one.
    """
    if image.shape != (*label_map.shape, 3) or out.shape != label_map.shape:
        raise ValueError(
            f"an image {image.shape} and label maps {label_map.shape} and {out.shape} do not belong together"
        )
    if np.may_share_memory(out, label_map):
        raise ValueError("tiles overlap: a label map cannot be written over itself")
    source = Arrays(image, label_map, void, scores)
    plan = (tiling or Tiling()).plan(*source.shape, refiner.square)
    return refine_tiles(refiner.scores, source, ArraySink(out, void, confidence), plan, progress)
