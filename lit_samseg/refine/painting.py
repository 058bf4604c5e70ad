"""Rows that paint kept masks: on background, or on the baseline's label map."""

from dataclasses import dataclass

from torch import Tensor

from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.map_kinds import Composition, Painter
from lit_samseg.refine.merging import Canvas, Union
from lit_samseg.refine.part import part


class Unrefined(Composition):
    """The image's own label map, for a judge to look at."""

    def __init__(self, context: ImageContext) -> None:
        self._label_map = context.label_map

    def add(self, decision: Decision) -> None:
        """Nothing is asked."""

    def finish(self) -> Tensor:
        """Return it."""
        return self._label_map


@part("background")
@dataclass(frozen=True)
class OnBackground(Painter):
    """Masks are painted; what none of them claims becomes background."""

    fill = "background"

    def begin(self, context: ImageContext) -> Composition:
        """Begin with an empty map."""
        return Painting(context, self.fill)


@part("baseline")
@dataclass(frozen=True)
class OnBaseline(Painter):
    """Masks are painted over the baseline's label map."""

    fill = "baseline"

    def begin(self, context: ImageContext) -> Composition:
        """Begin with the baseline's map."""
        return Painting(context, self.fill)


class Painting(Composition):
    """Paints class by class, so that no more than one class's masks are held.

    Args:
        context: The image.
        fill: As for `Canvas`.
    """

    def __init__(self, context: ImageContext, fill: str) -> None:
        self._context = context
        self._canvas = Canvas(context.label_map, fill, context.background)
        self._class_id = -1
        self._kept = Union()

    def add(self, decision: Decision) -> None:
        """Add a region's mask; the class before is painted where another one begins."""
        if decision.region.class_id != self._class_id:
            self._paint()
            self._class_id = decision.region.class_id
        self._kept.add(decision.painted)

    def finish(self) -> Tensor:
        """Return the label map ``[H, W]`` like the image's."""
        self._paint()
        return self._canvas.finish()

    def _paint(self) -> None:
        kept = self._kept.take()
        if kept is not None:
            self._canvas.paint(self._class_id, kept, self._context.area_of(self._class_id))
