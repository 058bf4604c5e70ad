"""SAMRefiner's split-then-merge: which components of a class are one thing (Lin et al., ICLR 2025).

A map of classes has no objects. Prompted together, distant objects of a class are too much for one prompt; each
component alone is too little where something covers an object's middle. So components are merged whose common box is
not much emptier than their own ones.
"""

import numpy as np
from numpy.typing import NDArray


def merge_components(
    areas: NDArray[np.int64],
    boxes: NDArray[np.float64],
    near: float = 0.5,
    full: float = 0.5,
    emptier: float = 0.1,
    least_area: int = 5,
) -> list[NDArray[np.int64]]:
    """Group the components of one class.

    The defaults and the passes are those of the published ``sem2ins_mask.py``: each component in turn has its group
    take in what belongs to it among the groups of the components behind, and the group grows meanwhile. Unlike there,
    components come by area and not by place, so that groups do not depend on how the image lies, and all boxes include
    their last pixels.

    Args:
        areas: In pixels, descending, ``[K]``.
        boxes: x_min, y_min, x_max, y_max, corners inclusive, ``[K, 4]``.
        near: Two boxes are near each other if their areas add up to more than this part of their common box's.
        full: A common box that is filled to more than this part is full enough...
        emptier: ... and so is one that is emptier by less than this than the emptier box of the two.
        least_area: A component with fewer pixels is dropped.

    Returns:
        The members of each group, ascending; groups by their first member. Components that are dropped are in none;
        where all of them would be, all are one group. Time: ``O(K^2)``, in vectors.
    """
    large = int((areas >= least_area).sum())
    if not large:
        return [np.arange(len(areas))]
    group_of = np.arange(large)
    area, box = areas[:large].astype(np.float64), boxes[:large].copy()
    for component in range(large):
        one = group_of[component]
        behind = np.arange(component + 1, large)
        while len(behind := behind[group_of[behind] != one]):
            others = group_of[behind]
            least, most = np.minimum(box[one, :2], box[others, :2]), np.maximum(box[one, 2:], box[others, 2:])
            common = np.concatenate([least, most], axis=1)
            whole, own, other = _extent(common), _extent(box[one]), _extent(box[others])
            sparse = np.minimum(area[one] / own, area[others] / other) - emptier
            fill = (area[one] + area[others]) / whole
            alike = np.flatnonzero((own + other > near * whole) & (fill > np.minimum(full, sparse)))
            if not len(alike):
                break
            first = alike[0]
            area[one] += area[others[first]]
            box[one] = common[first]
            group_of[group_of == others[first]] = one
            behind = behind[first + 1 :]
    groups = [np.flatnonzero(group_of == one) for one in np.unique(group_of)]
    return sorted(groups, key=lambda members: int(members[0]))


def _extent(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many pixels boxes ``[..., 4]`` hold."""
    extent: NDArray[np.float64] = (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1)
    return extent
