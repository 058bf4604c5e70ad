"""How alike two workers' outputs are."""

from pathlib import Path

import numpy as np


def share_of_equal_pixels(ours: Path, reference: Path) -> float:
    """Compare label maps, all refined rows and images pooled.

    Args:
        ours: npz with ``ID|ROW`` as names.
        reference: The same of another worker.

    Returns:
        nan where neither has a refined row.

    Raises:
        ValueError: They hold different images or rows.
    """
    equal = pixels = 0
    with np.load(ours) as our_maps, np.load(reference) as their_maps:
        if set(our_maps.files) != set(their_maps.files):
            raise ValueError(f"{ours} and {reference} hold different images or rows")
        for name in our_maps.files:
            if name.endswith("|baseline"):
                continue
            same = our_maps[name] == their_maps[name]
            equal, pixels = equal + int(same.sum()), pixels + same.size
    return equal / pixels if pixels else float("nan")


def largest_difference(ours: Path, reference: Path) -> float:
    """Return the largest absolute difference of two workers' features."""
    with np.load(ours) as our_arrays, np.load(reference) as their_arrays:
        return float(np.abs(our_arrays["features"] - their_arrays["features"]).max())
