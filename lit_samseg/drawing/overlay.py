"""A label map drawn over its image."""

import numpy as np
from numpy.typing import NDArray

from lit_samseg.drawing.colours import VOID_COLOUR

OPACITY = 0.55


def draw_overlay(
    image: NDArray[np.uint8],
    label_map: NDArray[np.integer],
    colours: NDArray[np.uint8],
    background: int | None = None,
) -> NDArray[np.uint8]:
    """Tint each class with its colour and draw a white line where classes meet.

    Args:
        image: ``[H, W, 3]``, RGB.
        label_map: Class ids ``[H, W]``; an id for which there is no colour is drawn as void.
        colours: RGB by class id, ``[C, 3]`` (``class_colours``).
        background: The class that is left as it is, or None.

    Returns:
        ``[H, W, 3]``.
    """
    named = (label_map >= 0) & (label_map < len(colours))
    known = np.vstack([colours, VOID_COLOUR]).astype(np.float32)
    tinted = (1 - OPACITY) * image + OPACITY * known[np.where(named, label_map, len(colours))]
    if background is not None:
        tinted = np.where((label_map == background)[..., None], image, tinted)
    tinted[_borders(label_map)] = 255
    drawn: NDArray[np.uint8] = tinted.round().astype(np.uint8)
    return drawn


def _borders(label_map: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the pixels whose right or lower neighbour has another class."""
    borders = np.zeros(label_map.shape, bool)
    borders[:, :-1] |= label_map[:, :-1] != label_map[:, 1:]
    borders[:-1] |= label_map[:-1] != label_map[1:]
    return borders
