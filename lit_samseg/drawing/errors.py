"""Where a label map is right and wrong, and what refinement changed about it."""

import numpy as np
from numpy.typing import NDArray

ERROR_KINDS = ("right", "wrong", "void", "mended", "broken")
"""What a pixel of an error map is, by its number: ``mended`` is right here and wrong in the baseline, ``broken`` the
other way round; ``right`` and ``wrong`` are so in both; ``void`` has no ground truth."""

RIGHT, WRONG, VOID, MENDED, BROKEN = range(len(ERROR_KINDS))


def find_errors(
    label_map: NDArray[np.integer],
    target: NDArray[np.integer],
    ignore_index: int,
    baseline: NDArray[np.integer] | None = None,
) -> NDArray[np.uint8]:
    """Compare a label map with the ground truth.

    Args:
        label_map: Class ids ``[H, W]``.
        target: Ground truth ``[H, W]``.
        ignore_index: Void label in ``target``.
        baseline: The label map that was refined, ``[H, W]``; None compares with the ground truth only.

    Returns:
        uint8 ``[H, W]``, positions in ``ERROR_KINDS``.
    """
    right = label_map == target
    errors = np.where(right, RIGHT, WRONG).astype(np.uint8)
    if baseline is not None:
        was_right = baseline == target
        errors[right & ~was_right] = MENDED
        errors[~right & was_right] = BROKEN
    errors[target == ignore_index] = VOID
    return errors
