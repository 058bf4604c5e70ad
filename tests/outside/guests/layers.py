"""A way to make a label map: masks are laid over the baseline's, one over the other."""

from dataclasses import dataclass

from torch import Tensor

from lit_samseg.refine import Composer, Composition, Decision, ImageContext, part


@part("layers")
@dataclass(frozen=True)
class Layers(Composer):
    """Masks are laid over the baseline's label map, later classes over earlier ones."""

    def begin(self, context: ImageContext) -> Composition:
        return Layering(context.label_map.clone())


class Layering(Composition):
    """A label map under more and more masks."""

    def __init__(self, label_map: Tensor) -> None:
        self.label_map = label_map

    def add(self, decision: Decision) -> None:
        mask = decision.painted
        self.label_map[mask.area][mask.masks[0]] = decision.region.class_id

    def finish(self) -> Tensor:
        return self.label_map
