"""What a refinement changed about a label map."""

import numpy as np
from numpy.typing import NDArray

from lit_samseg.drawing.colours import VOID_COLOUR

_FADED = 0.45
"""How much of the picture's grey is left where nothing changed; the rest is white."""


def draw_change(
    image: NDArray[np.uint8],
    before: NDArray[np.integer],
    after: NDArray[np.integer],
    colours: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Draw changed pixels in the colour of their new class, and the rest of the picture faded.

    Args:
        image: ``[H, W, 3]``, RGB.
        before: Class ids ``[H, W]``.
        after: Class ids ``[H, W]``; one for which there is no colour is drawn as void.
        colours: RGB by class id, ``[C, 3]`` (`class_colours`).

    Returns:
        ``[H, W, 3]``. Black, the background of many a palette, is drawn as dark grey: it would be taken for a hole.
    """
    named = (after >= 0) & (after < len(colours))
    known = np.vstack([colours, np.array(VOID_COLOUR, np.uint8)])
    known[(known == 0).all(1)] = 64
    faded = 255 - _FADED * (255 - image.mean(2, keepdims=True))
    drawn = np.where((before != after)[..., None], known[np.where(named, after, len(colours))], faded)
    return drawn.round().astype(np.uint8)
