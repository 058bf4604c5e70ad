"""High-dimensional Gaussian filtering in a time that grows linearly with the number of points."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lit_samseg.runtime.transfer import download, upload

# Above, float32 could not tell a lattice point's coordinate from its neighbour's.
_LARGEST_COORDINATE = 2**23


class PermutohedralLattice:
    """Filters the values of points by ``exp(-|f_i - f_j|^2 / 2)``, approximately and up to a constant factor.

    Every point spreads its value over the d + 1 corners of the simplex it lies in (splat), the corners are blurred
    along the d + 1 axes of the lattice, and every point reads its corners again (slice): Adams, Baek and Davis, "Fast
    High-Dimensional Filtering Using the Permutohedral Lattice", 2010. Step by step it is the arithmetic of the dense
    CRF's permutohedral.cpp (Kraehenbuehl and Koltun, 2011), with its ties: a simplex on whose border a point lies
    brings corners of weight 0, which pass values on when blurred. (That code also fills up the points to a multiple of
    4 with points at the origin, which bring their corners too. Here no such corners are.)

    All three steps are sums of a few weighted rows of a table, which is what `embedding_bag` computes. A corner is one
    integer, whose digits count the steps along the first d axes that lead to it. So a step adds a constant.

    Args:
        features: float ``[N, d]``, divided by the filter's standard deviations. N and d are at least 1.

    Attributes:
        num_vertices: Number of corners ``M``, at most ``N * (d + 1)``.

    Raises:
        ValueError: The features are not finite, or spread too far for coordinates in float32 or keys in int64 (in 8
            dimensions over more than about 90 standard deviations in each).

    Memory: ``16 N (d + 1) + 8 M (d + 1)`` bytes, several times that while it is made.
    """

    def __init__(self, features: Tensor) -> None:
        points, dimensions = features.shape
        elevated = _elevate(features.float().T)
        closest, rank, offset = _locate(elevated)
        digits = (closest[:-1] - closest[-1]).long()
        digits -= digits.amin(1, keepdim=True)
        # A GPU is waited for here, and once more for the number of corners.
        largest, highest = download([elevated.abs().amax(), digits.amax(1)])
        if not largest < _LARGEST_COORDINATE:
            raise ValueError("features must be finite, and at most about a million standard deviations from zero")
        (base,) = upload([_digit_values(highest.tolist())], features.device)
        # A step along every axis leads back to where it began.
        steps = torch.cat([base, -base.sum(0, keepdim=True)])

        # The simplex's corners lie on a walk of one step back along every axis, in ascending order of the offsets.
        place = dimensions - rank
        ordered = torch.empty_like(offset).scatter_(0, place, offset)
        weights = ordered.diff(dim=0, prepend=ordered[-1:] - 1)
        axis = torch.arange(dimensions + 1, device=features.device)[:, None].expand_as(place)
        walked = steps[torch.empty_like(place).scatter_(0, place, axis)].cumsum(0)
        keys = (base[:, None] * digits).sum(0) - F.pad(walked[:-1], (0, 0, 1, 0))

        # Sorted by corner and then by point: the splat's order, and every corner once.
        by_corner, order = keys.T.flatten().sort(stable=True)
        first = F.pad(by_corner.diff() != 0, (1, 0), value=True)
        corner = first.cumsum(0, dtype=torch.int32) - 1
        starts = first.nonzero().flatten()
        corners = by_corner[starts]
        self.num_vertices = len(corners)
        self._weights = weights.T.contiguous()
        self._corners = torch.empty_like(corner).scatter_(0, order, corner).view(points, dimensions + 1)
        self._splat_points = (order // (dimensions + 1)).int()
        self._splat_weights = self._weights.flatten()[order]
        # One more row stands for all missing corners: no point gives to it, and it stays zero.
        self._splat_starts = F.pad(starts, (0, 1), value=len(order)).int()
        self._neighbours = [_neighbours(corners, step).flatten() for step in steps]
        self._pairs = torch.arange(0, 2 * len(corners) + 2, 2, dtype=torch.int32, device=features.device)
        self._scale = 1 / (1 + 2.0**-dimensions)

    def filter(self, values: Tensor) -> Tensor:
        """Filter values.

        Args:
            values: float ``[N, C]``.

        Returns:
            float32 ``[N, C]``. Divide by the filtered ones for a weighted mean. The blurs do not commute where corners
            are missing, so the filter's matrix is only nearly symmetric, as the dense CRF's.
        """
        # Only contiguous rows are summed fast.
        table = values.float().contiguous()
        table = F.embedding_bag(
            self._splat_points, table, self._splat_starts, mode="sum", per_sample_weights=self._splat_weights
        )
        for neighbours in self._neighbours:
            table = torch.add(table, F.embedding_bag(neighbours, table, self._pairs, mode="sum"), alpha=0.5)
        return F.embedding_bag(self._corners, table, mode="sum", per_sample_weights=self._weights).mul_(self._scale)


def _elevate(features: Tensor) -> Tensor:
    """Place features ``[d, N]`` in the lattice's hyperplane: coordinates ``[d + 1, N]`` of sum zero."""
    dimensions = len(features)
    # The blur's own standard deviation (page 6 of the paper), in float32 as the dense CRF rounds it.
    deviation = torch.tensor(math.sqrt(2 / 3) * (dimensions + 1), dtype=torch.float32).item()
    elevated = features.new_empty(dimensions + 1, features.shape[1])
    total = torch.zeros_like(elevated[0])
    for i in range(dimensions, 0, -1):
        scaled = features[i - 1] * (deviation / math.sqrt((i + 1) * i))
        elevated[i] = total - i * scaled
        total = total + scaled
    elevated[0] = total
    return elevated


def _locate(elevated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the simplex around each point.

    Args:
        elevated: Coordinates of sum zero, float32 ``[d + 1, N]``.

    Returns:
        The simplex's corner whose coordinates are multiples of d + 1, divided by d + 1, float32 ``[d + 1, N]``; each
        coordinate's rank by its offset from there, the largest first, int64 ``[d + 1, N]``; that offset over d + 1.
    """
    size = len(elevated)
    closest = (elevated * (1 / size)).round()
    offset = elevated - closest * size
    rank = torch.zeros_like(offset, dtype=torch.int64)
    for i in range(size - 1):
        smaller = offset[i] < offset[i + 1 :]
        rank[i] += smaller.sum(0)
        rank[i + 1 :] += ~smaller
    # Rounding may leave the hyperplane; the coordinates with the largest errors lead back.
    rank += closest.sum(0).long()
    back = (rank < 0).int() - (rank >= size).int()
    rank += back * size
    closest += back
    return closest, rank, (elevated - closest * size) * (1 / size)


def _digit_values(highest: Sequence[int]) -> Tensor:
    """Return what a unit of each digit adds to a key, int64 ``[d]``.

    Args:
        highest: The largest of each digit; the smallest is 0.

    Raises:
        ValueError: An int64 has no room for the keys.
    """
    # A simplex's other corners are up to one unit to either side, their neighbours one more. With room for them a step
    # never carries into the next digit, so no key stands for two corners.
    values = [1]
    for high in highest:
        values.append(values[-1] * (high + 5))
    if values[-1] >= 2**63:
        raise ValueError(f"features of {len(highest)} dimensions spread too far for keys of 63 bits")
    return torch.tensor(values[:-1])


def _neighbours(corners: Tensor, step: Tensor) -> Tensor:
    """Find each corner's neighbours on both sides along an axis.

    Args:
        corners: Keys, increasing, int64 ``[M]``.
        step: What one step along the axis adds.

    Returns:
        Rows of a table of M corners and a row of zeros, int32 ``[M + 1, 2]``; the last where there is no corner.
    """
    missing = len(corners)
    wanted = corners + step
    position = torch.searchsorted(corners, wanted).clamp_(max=missing - 1)
    there = torch.where(corners[position] == wanted, position, missing)
    neighbours = torch.full((missing + 1, 2), missing, dtype=torch.int32, device=corners.device)
    neighbours[:-1, 0] = there
    # The row of zeros takes what has no neighbour, and forgets it.
    neighbours[:, 1].scatter_(0, there, torch.arange(missing, dtype=torch.int32, device=corners.device))
    neighbours[-1:, 1].fill_(missing)
    return neighbours
