"""Where a label map is right and wrong, and what refinement changed about it."""

import numpy as np
from numpy.typing import NDArray

ERROR_KINDS = ("right", "wrong", "void", "mended", "broken")
"""What a pixel of an error map is, by its number: ``mended`` is right here and wrong in the baseline, ``broken`` the
other way round; ``right`` and ``wrong`` are so in both; ``void`` has no ground truth."""

RIGHT, WRONG, VOID, MENDED, BROKEN = range(len(ERROR_KINDS))

_KINDS = np.array([WRONG, MENDED, BROKEN, RIGHT, *[VOID] * 4], np.uint8)
"""By what is right here (1), was right in the baseline (2), and is void (4)."""


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
    right, void = label_map == target, target == ignore_index
    was_right = right if baseline is None else baseline == target
    kinds: NDArray[np.uint8] = _KINDS.take(
        right.view(np.uint8) + 2 * was_right.view(np.uint8) + 4 * void.view(np.uint8)
    )
    return kinds
