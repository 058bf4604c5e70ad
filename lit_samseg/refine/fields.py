"""Random fields: label maps that follow the edges of an image, and of what SAM sees in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from lit_samseg.crf import Cliques, Kernel, Position, colour_features, feature_kernel, mean_field
from lit_samseg.errors import InputError
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.map_kinds import Field, Start
from lit_samseg.refine.part import option, part
from lit_samseg.refine.principal import principal_components

_TUNED = "the tuning half of 200 images of VOC2012 val, docs/recipes.md"
_SURER = 4.0
"""By how much a mean field's log-probabilities overstate what it knows, as neighbours confirm each other: chosen for
samcrf on 100 images of VOC2012 train (docs/refinement.md)."""

_LEAST = 0.01
"""Of what distances are divided by."""
_DEEPLAB = "DeepLabV2 for VOC2012 (Chen et al., 2018)"


@part("crf")
@dataclass(frozen=True)
class GridField(Field):
    """A random field on SAM's grid has the last word: of position and colour."""

    temperature, takes_cliques = _SURER, True
    main = "strength"
    strength: float = option(1.0, "what the weights of all kernels are multiplied by", least=0)
    smooth_weight: float = option(3.0, "weight of the kernel of position", 0, None, _TUNED)
    smooth_distance: float = option(0.6, "its width, in cells", _LEAST, None, _TUNED)
    colour_weight: float = option(4.0, "weight of the kernel of position and colour", 0, None, _TUNED)
    colour_distance: float = option(33.0, "its width in position, in cells", _LEAST, None, _TUNED)
    colour_difference: float = option(5.0, "its width in colour, of 255", _LEAST, None, _TUNED)
    iterations: int = option(8, "mean-field iterations", 1, None, _TUNED)

    def refine(self, scores: Tensor, context: ImageContext) -> Tensor:
        """Run the mean field."""
        return self.refine_bound(scores, context, [])

    def refine_bound(self, scores: Tensor, context: ImageContext, cliques: Sequence[Cliques]) -> Tensor:
        """Run the mean field with sets of cells that prefer one class."""
        own = [replace(kernel, weight=self.strength * kernel.weight) for kernel in self.kernels(context)]
        return mean_field(scores, [*own, *cliques], self.iterations)

    def kernels(self, context: ImageContext) -> list[Kernel]:
        """Return the field's kernels, with weights as `strength` 1 has them."""
        image = context.grid.image
        height, width = context.grid.shape
        return [
            Kernel(Position(height, width, self.smooth_distance, image.device), self.smooth_weight),
            Kernel(colour_features(image, self.colour_distance, self.colour_difference), self.colour_weight),
        ]


@part("samcrf")
@dataclass(frozen=True)
class FeatureField(GridField):
    """A random field on SAM's grid has the last word: of position, colour and SAM's features."""

    needs_features = True
    feature_weight: float = option(4.0, "weight of the kernel of position and features", 0, None, _TUNED)
    feature_distance: float = option(20.0, "its width in position, in cells", _LEAST, None, _TUNED)
    feature_difference: float = option(
        0.2, "its width in features, in standard deviations of the first component", _LEAST, None, _TUNED
    )
    components: int = option(4, "principal components of the features", 1, None, _TUNED)

    def kernels(self, context: ImageContext) -> list[Kernel]:
        """Return the field's kernels, with weights as `strength` 1 has them.

        Raises:
            InputError: SAM gives no features.
        """
        features = context.features
        if features is None:
            raise InputError("this SAM gives no features for samcrf; use crf, or a checkpoint of segment-anything")
        height, width = context.grid.shape
        found = principal_components(features[:, :height, :width], self.components)
        own = Kernel(feature_kernel(found, self.feature_distance, self.feature_difference), self.feature_weight)
        return [*super().kernels(context), own]


@part("densecrf")
@dataclass(frozen=True)
class PixelField(Field):
    """DeepLabV2's random field on the image's own pixels: a control without SAM."""

    temperature = _SURER
    of_pixels = True
    smooth_weight: float = option(3.0, "weight of the kernel of position", 0, None, _DEEPLAB)
    smooth_distance: float = option(1.0, "its width, in pixels", _LEAST, None, _DEEPLAB)
    colour_weight: float = option(4.0, "weight of the kernel of position and colour", 0, None, _DEEPLAB)
    colour_distance: float = option(67.0, "its width in position, in pixels", _LEAST, None, _DEEPLAB)
    colour_difference: float = option(3.0, "its width in colour, of 255", _LEAST, None, _DEEPLAB)
    iterations: int = option(10, "mean-field iterations", 1, None, _DEEPLAB)

    def refine(self, scores: Tensor, context: ImageContext) -> Tensor:
        """Run the mean field."""
        image = context.pixel_grid.image
        height, width = context.pixel_grid.shape
        position = Position(height, width, self.smooth_distance, image.device)
        colour = colour_features(image, self.colour_distance, self.colour_difference)
        return mean_field(
            scores, [Kernel(position, self.smooth_weight), Kernel(colour, self.colour_weight)], self.iterations
        )


@part("ondensecrf")
@dataclass(frozen=True)
class OnDenseCrf(Start):
    """SAM refines what densecrf made of the baseline's label map."""

    def label_map(self, context: ImageContext) -> Tensor:
        """Return the field's label map, like the image's."""
        return FusedScores(context, [], PixelField()).finish().to(context.label_map.dtype)
