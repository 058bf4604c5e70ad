"""A label map drawn over its image."""

import numpy as np
from numpy.typing import NDArray

OPACITY = 0.55


def draw_overlay(
    image: NDArray[np.uint8],
    label_map: NDArray[np.integer],
    palette: list[int] | None,
    label_offset: int = 0,
    background: int | None = None,
) -> NDArray[np.uint8]:
    """Tint each class with its colour and draw a white line where classes meet.

    Args:
        image: ``[H, W, 3]``, RGB.
        label_map: Class ids ``[H, W]``.
        palette: RGB by written index, flat; None spreads hues over the classes.
        label_offset: What written indices exceed class ids by.
        background: The class that is left as it is, or None.

    Returns:
        ``[H, W, 3]``.
    """
    colours = np.array(_hues(int(label_map.max()) + 1) if palette is None else palette, np.float32).reshape(-1, 3)
    offset = 0 if palette is None else label_offset
    tinted = (1 - OPACITY) * image + OPACITY * colours[label_map + offset]
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


def _hues(count: int) -> list[int]:
    import colorsys

    # Steps of the golden ratio keep neighbouring ids apart however many there are.
    colours = [colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.8, 0.95) for index in range(count)]
    return [round(255 * value) for colour in colours for value in colour]
