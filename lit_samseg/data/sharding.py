"""Which process evaluates which image: each image once, the work even."""

import heapq
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

PIXELS_PER_IMAGE = 3e6
"""So many pixels cost as much as what an image costs whatever its size (SAM's encoder, mainly)."""


def share_out(costs: Sequence[float], processes: int) -> list[list[int]]:
    """Share images out so that every process has about as much to do.

    The most expensive first, each to the process that has least so far (longest processing time first; Graham, 1969);
    among equals the earlier image and the lower process. With equal costs image ``i`` goes to ``i % processes``.

    Args:
        costs: Of each image, above 0, in any unit.
        processes: Number of processes.

    Returns:
        For each process the positions of its images, ascending; none where there are fewer images than processes.
    """
    shares: list[list[int]] = [[] for _ in range(processes)]
    loads = [(0.0, process) for process in range(processes)]
    for position in sorted(range(len(costs)), key=lambda i: (-costs[i], i)):
        load, process = loads[0]
        shares[process].append(position)
        heapq.heapreplace(loads, (load + costs[position], process))
    return [sorted(share) for share in shares]


def estimate_cost(path: Path | None) -> float:
    """Estimate what an image costs from its size, which stands in the file's first bytes.

    Args:
        path: The picture; None, or a file that is broken (which is found out when it is read), costs as a small one.
    """
    try:
        with path.open("rb") as file, Image.open(file) as picture:  # type: ignore[union-attr]
            return 1 + picture.width * picture.height / PIXELS_PER_IMAGE
    except (AttributeError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 1.0
