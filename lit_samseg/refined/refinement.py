"""What one picture came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from lit_samseg.formats.objects.outlines import Polygon, outline
from lit_samseg.refine import Decision
from lit_samseg.refined import exports, pictures, saving
from lit_samseg.refined.doubt import LostClass, doubt, keep_lost, lost_classes
from lit_samseg.refined.regions import RefinedRegion, find_refined_regions
from lit_samseg.void import VOID

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMED = 6
"""Classes that a `repr` names; it counts the others."""


@dataclass(eq=False, repr=False)
class Refinement:
    """What one picture came to; tensors are on the CPU. In a notebook it shows itself.

    What lists objects (`regions`, `polygons`, `to_coco`, `to_supervision`) leaves the background and void out.

    Attributes:
        label_map: The refined class ids, int64 ``[H, W]``; void, where there is any, is what it was given as.
        baseline: What was refined: the baseline's or the caller's label map, int64 ``[H, W]``.
        image: The picture, uint8 ``[3, H, W]``, RGB.
        confidence: How sure the refined label map is of each pixel, float32 ``[H, W]`` in 0..1, 0 in void: the higher,
            the likelier the label is right (`lit_samseg.refine.certainty`).
        void: What pixels without a class have in both label maps.
        background: The class that was never prompted, or None.
        class_names: By class id, or None where nobody knows them.
        row: Name of the row that made it.
        seconds: What it took, encoding the picture included.
        decisions: With ``details``: for each region its prompt, SAM's candidates and scores, and the one kept.
    """

    label_map: Tensor
    baseline: Tensor
    image: Tensor
    confidence: Tensor
    void: int = VOID
    background: int | None = None
    class_names: tuple[str, ...] | None = None
    row: str = ""
    seconds: float = 0.0
    decisions: list[Decision] = field(default_factory=list)

    @property
    def names(self) -> dict[int, str]:
        """Names of the classes that occur in the refined label map, by ascending id; ids as text if none are known."""
        return {class_id: self.name_of(class_id) for class_id in self._classes}

    def name_of(self, class_id: int) -> str:
        """Return a class's name, or its id as text."""
        known = self.class_names or ()
        return known[class_id] if class_id < len(known) else str(class_id)

    @property
    def changed(self) -> float:
        """Share of the pixels that have another class than before, 0..1."""
        return float((self.label_map != self.baseline).float().mean())

    @cached_property
    def doubt(self) -> float:
        """How doubtful the refinement is, 0..1, for looking at the most doubtful pictures first.

        See `lit_samseg.refined.doubt`.
        """
        return doubt(self._without_void(self.baseline), self._without_void(self.label_map), self.confidence)

    @cached_property
    def lost(self) -> list[LostClass]:
        """The classes of which little would be left, for no good reason (`lit_samseg.refined.doubt`)."""
        before, after = self._without_void(self.baseline), self._without_void(self.label_map)
        return lost_classes(before, after, self.confidence, self.background)

    def keeping_lost(self) -> "Refinement":
        """Return a refinement in which `lost` classes keep the pixels that they had.

        What they get back has a confidence of 0 there: the scores say otherwise.
        """
        label_map = keep_lost(self.baseline, self.label_map, self.lost)
        return replace(self, label_map=label_map, confidence=self.confidence * (label_map == self.label_map))

    def masks(self) -> dict[str | int, Tensor]:
        """Return each class that occurs, the background too, bool ``[H, W]``; by name, or by id if names are unknown.

        Where two classes have one name, all keys are ids.
        """
        return {self._key(class_id): self.label_map == class_id for class_id in self._classes}

    def polygons(self) -> Mapping[str | int, list[Polygon]]:
        """Return the outlines of each class's regions, with holes, exact to the pixel; keys are as in `masks`."""
        wanted = [class_id for class_id in self._classes if class_id != self.background]
        return {self._key(class_id): outline((self.label_map == class_id).numpy()) for class_id in wanted}

    @cached_property
    def regions(self) -> list[RefinedRegion]:
        """The connected regions by ascending class id, those of a class by descending area."""
        after, before = (self._without_void(maps).numpy() for maps in (self.label_map, self.baseline))
        return find_refined_regions(after, before, self.confidence.numpy(), self.name_of, self.background)

    def to_coco(self, image_id: int | str = 0) -> list[dict[str, Any]]:
        """Return an annotation of each region as COCO's json has it; see `lit_samseg.refined.exports.coco`."""
        return exports.coco(self.regions, image_id)

    def to_supervision(self) -> Any:
        """Return ``supervision.Detections`` of the regions.

        Raises:
            InputError: The library is not installed.
        """
        return exports.supervision_detections(self.regions, tuple(self.label_map.shape))

    def overlay(self) -> Image.Image:
        """Return the refined label map drawn over the picture."""
        return Image.fromarray(pictures.overlay(self._drawn))

    def plot(self) -> "Figure":
        """Return a figure of matplotlib: before, after, and what changed."""
        return pictures.plot(self._drawn, self.names)

    def save(self, path: str | Path, format: str | None = None) -> Path:
        """Write it to a file; see `lit_samseg.refined.saving.save`.

        Args:
            path: ``.png``, ``.tif``: the label map; ``.npy``: the same as an array; ``.jpg``: the overlay; ``.json``:
                COCO's annotations.
            format: ``palette``, ``index``, ``colours``, ``npy``, ``overlay`` or ``coco``; None goes by the suffix.

        Returns:
            The path.

        Raises:
            InputError: The suffix is of no format, or does not go with the one that is given.
        """
        saved = saving.Saved(self.label_map.numpy(), self.void, self.overlay, self.to_coco)
        return saving.save(saved, Path(path).expanduser(), format)

    def _repr_png_(self) -> bytes:
        return pictures.png(self._drawn)

    def __repr__(self) -> str:
        height, width = self.label_map.shape
        names = list(self.names.values())
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        count = "1 class" if len(names) == 1 else f"{len(names)} classes"
        listed = f": {', '.join(names[:_NAMED])}{more}" if names else ""
        return (
            f"Refinement of {width} x {height} pixels with {count}{listed}; {100 * self.changed:.1f} % of the pixels "
            f"changed, in {self.seconds:.2g} s"
        )

    @cached_property
    def _classes(self) -> list[int]:
        return [c for c in torch.unique(self.label_map).tolist() if c not in (self.void, VOID)]

    def _key(self, class_id: int) -> str | int:
        known = self.class_names or ()
        unique = len(set(known)) == len(known) and class_id < len(known)
        return known[class_id] if unique else class_id

    @property
    def _drawn(self) -> pictures.Drawn:
        before, after = (self._without_void(maps).numpy() for maps in (self.baseline, self.label_map))
        image = self.image.permute(1, 2, 0).contiguous()
        return pictures.Drawn(image.numpy(), before, after, self.background)

    def _without_void(self, label_map: Tensor) -> Tensor:
        return torch.where(label_map == self.void, VOID, label_map)
