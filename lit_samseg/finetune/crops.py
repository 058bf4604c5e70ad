"""One example of a training: a part of an image as a convolutional memory sees it, and its classes."""

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from lit_samseg.refine.seen_planes import SeenPlanes


@dataclass(frozen=True)
class Crops:
    """How parts of images are drawn.

    Attributes:
        share: Of each side of the image; 1 takes the whole image.
        flip: How many are mirrored, 0 to 1.
        colour: How far brightness and contrast of the picture may be from what they are, as parts of them.
    """

    share: float
    flip: float
    colour: float

    def draw(self, planes: SeenPlanes, classes: Tensor, rng: np.random.Generator) -> tuple[SeenPlanes, Tensor]:
        """Draw a part of an image.

        Its bounds are those of the embedding's cells, so that it can be mirrored and all planes still fit on each
        other. What SAM sees is mirrored, not the image, and colours are changed in the picture alone: SAM is not asked
        again.

        Args:
            planes: What is seen of the image.
            classes: Of the grid's cells, integer ``[h, w]``.
            rng: Draws.

        Returns:
            What is seen of the part, and its classes.
        """
        rows, columns = (max(1, round(self.share * cells)) for cells in planes.whole_cells)
        top, left = (
            int(rng.integers(cells - taken + 1))
            for cells, taken in zip(planes.whole_cells, (rows, columns), strict=True)
        )
        part = planes.window(top, left, rows, columns)
        own = classes[planes.grid_part(top, rows), planes.grid_part(left, columns)]
        brightness, contrast = rng.uniform(1 - self.colour, 1 + self.colour, 2)
        picture = part.picture * float(brightness)
        mean = picture.mean()
        part = replace(part, picture=(picture - mean) * float(contrast) + mean)
        return (part.mirrored(), own.flip(-1)) if rng.random() < self.flip else (part, own)
