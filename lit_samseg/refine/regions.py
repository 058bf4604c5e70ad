"""Regions of a label map: what a prompt stands for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.blame import blaming
from lit_samseg.refine.components import Components, find_components
from lit_samseg.refine.part import Part
from lit_samseg.refine.prompt_geometry import farthest_background, pole_of_inaccessibility
from lit_samseg.runtime.transfer import to_device


@dataclass(frozen=True)
class Region:
    """A set of pixels of one class.

    Attributes:
        class_id: The class.
        numbers: integer ``[H, W]`` on the label map's device, shared by the regions of an image.
        number: What ``numbers`` has where the region is.
        box: float64 ``[4]``, x_min, y_min, x_max, y_max in pixels, corners inclusive.
        centroids: float64 ``[K, 2]`` as (x, y): mean pixel of each 8-connected component, components by
            descending area, then by first pixel in row-major order.
        area: In pixels.
        first_pixel: Index of its first pixel in row-major order.
        on_host: ``numbers`` on the CPU, where that is known.
    """

    class_id: int
    numbers: Tensor
    number: int
    box: Tensor
    centroids: Tensor
    area: int
    first_pixel: int
    on_host: Tensor | None = field(default=None, repr=False, compare=False)

    @property
    def mask(self) -> Tensor:
        """Bool ``[H, W]``, made anew at each call: masks of hundreds of regions at once would be gigabytes."""
        return self.numbers == self.number

    @property
    def pixels(self) -> tuple[int, int, int]:
        """Equal for two regions of one label map if and only if they are the same pixels.

        A region is a class, one of its components, or, for ``split``, some of them. Two regions of a class, of any
        kinds, share no pixel, and then their first ones differ; or one holds the other, and then they are the same if
        they have as many pixels.
        """
        return self.class_id, self.area, self.first_pixel

    @cached_property
    def pole(self) -> Tensor:
        """The innermost pixel (`pole_of_inaccessibility`), float64 ``[1, 2]`` as (x, y).

        Like `negative`, it is found on the CPU. A GPU is waited for, once a region, if its map is not known there.
        """
        return self._within_box(pole_of_inaccessibility(self._patch()))

    @cached_property
    def negative(self) -> Tensor | None:
        """The box's pixel farthest from the region (`farthest_background`), float64 ``[1, 2]`` as (x, y), or None."""
        found = farthest_background(self._patch())
        return None if found is None else self._within_box(found)

    @property
    def in_box(self) -> tuple[slice, slice]:
        """Index of the box in a map ``[H, W]``."""
        left, top, right, bottom = (int(corner) for corner in self.box.tolist())
        return slice(top, bottom + 1), slice(left, right + 1)

    def _patch(self) -> NDArray[np.bool_]:
        numbers = self.numbers if self.on_host is None else self.on_host
        patch: NDArray[np.bool_] = (numbers[self.in_box] == self.number).cpu().numpy()
        return patch

    def _within_box(self, place: tuple[int, int]) -> Tensor:
        return (self.box[:2] + torch.tensor(place, dtype=torch.float64))[None]


class Grouping(Protocol):
    """Says which components of a class are one region (`lit_samseg.refine.kinds.RegionFinder`)."""

    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Sequence[NDArray[np.int64]]:
        """Return the members of each region."""


G = TypeVar("G", bound=Grouping)


def find_regions(label_map: Tensor, finder: Grouping, background: int | None) -> list[Region]:
    """Find the regions that are prompted.

    Args:
        label_map: integer ``[H, W]``, class ids; `lit_samseg.void.VOID` is in no region.
        finder: Says which connected components are one region.
        background: Class that is never prompted, or None.

    Returns:
        Regions by ascending class id, those of a class by descending area. Memory: one int32 ``[H, W]`` for all.
    """
    return find_regions_by(label_map, [finder], background)[finder]


def find_regions_by(
    label_map: Tensor, finders: Iterable[G], background: int | None, on_host: Tensor | None = None
) -> dict[G, list[Region]]:
    """Find the regions of several finders, with one search for components; see `find_regions`.

    Connected components are compiled CPU code: a GPU is waited for, unless ``on_host`` is the label map on the CPU.
    """
    components = find_components((label_map.cpu() if on_host is None else on_host).numpy(), background)
    return {finder: _regions(components, finder, label_map.device) for finder in finders}


def _regions(components: Components, finder: Grouping, device: torch.device) -> list[Region]:
    """Make regions of components."""
    found: list[tuple[int, NDArray[np.int64]]] = []
    class_ids, starts = np.unique(components.classes, return_index=True)
    ends = np.append(starts, len(components.classes))[1:]
    for class_id, start, end in zip(class_ids.tolist(), starts.tolist(), ends.tolist(), strict=True):
        groups = _groups(finder, components.areas[start:end], components.boxes[start:end], class_id)
        found += [(class_id, start + members) for members in groups]
    number_of = np.zeros(len(components.classes) + 1, np.int32)
    for number, (_, members) in enumerate(found, start=1):
        number_of[members + 1] = number
    on_host = torch.from_numpy(number_of[components.places])
    numbers = to_device(on_host, device)
    corners = ((components.boxes[members, :2].min(0), components.boxes[members, 2:].max(0)) for _, members in found)
    return [
        Region(
            class_id,
            numbers,
            number,
            torch.from_numpy(np.concatenate(box)),
            torch.from_numpy(components.centroids[members]),
            int(components.areas[members].sum()),
            int(components.first_pixels[members].min()),
            on_host,
        )
        for number, ((class_id, members), box) in enumerate(zip(found, corners, strict=True), start=1)
    ]


def _groups(
    finder: Grouping, areas: NDArray[np.int64], boxes: NDArray[np.float64], class_id: int
) -> Sequence[NDArray[np.int64]]:
    """Return a class's groups of components, looked at where the finder is from outside."""
    if not (isinstance(finder, Part) and finder.is_foreign):
        return finder.group(areas, boxes)
    with blaming(finder, f"for the components of class {class_id}"):
        groups = [np.asarray(members) for members in finder.group(areas, boxes)]
        members = np.concatenate([np.zeros(0, np.int64), *groups])
    fits = members.dtype.kind == "i" and all(group.size for group in groups)
    if not fits or len(np.unique(members)) < len(members) or not np.isin(members, np.arange(len(areas))).all():
        raise InputError(
            f"{finder.title} gives groups {[group.tolist() for group in groups]} of {len(areas)} components; each must "
            "have one or more of their places from 0 on, and none may be in two"
        )
    return groups
