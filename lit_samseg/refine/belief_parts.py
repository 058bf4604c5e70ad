"""What is believed of a label map that comes without scores."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from lit_samseg.refine.cells import sample
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.map_kinds import Belief
from lit_samseg.refine.part import option, part
from lit_samseg.runtime.transfer import to_device

SCALES = {2.0: 0.36, 4.0: 0.32, 8.0: 0.12, 16.0: 0.20}
"""Standard deviations in cells of the Gaussians that labels are blurred by, and their shares of the blurred part: near
the likeliest ones for training images of VOC2012, CamVid and ADE20K (docs/recipes.md)."""
_KNOWN = "docs/recipes.md"


@part("blur")
@dataclass(frozen=True)
class Blur(Belief):
    """Of a label map without scores, a label is trusted less where other labels are near."""

    main = "own"
    own: float = option(0.7, "share of belief in a cell's own label", 0, 1, _KNOWN)
    unsure: float = option(0.05, "share that all classes divide evenly", 0.001, 1, _KNOWN)

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Believe in a mixture of a cell's own label, of those around at four scales, and of all; scores are kept."""
        if grid.scored or not len(grid.classes):
            return grid
        labels = context.label_map
        shares = sample((labels[None] == grid.classes[:, None, None]).float(), grid.frame)
        around = max(0.0, 1 - self.own - self.unsure)
        belief = self.own * shares + self.unsure / len(grid.classes)
        height, width = grid.shape
        for sigma, share in SCALES.items():
            rows, columns = (_gaussian(length, sigma, shares.device) for length in (height, width))
            belief += around * share * (rows @ shares @ columns.T)
        # Void is no class: there, what is around counts alone.
        return replace(grid, log_probabilities=(belief / belief.sum(0)).log())


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _gaussian(length: int, sigma: float, device: torch.device) -> Tensor:
    """Return a Gaussian filter of a line as a matrix ``[length, length]``; beyond its ends it goes on as they are."""
    reach = int(3 * sigma + 0.5)
    steps = torch.arange(-reach, reach + 1)
    weights = (-0.5 * (steps / sigma).double() ** 2).exp()
    weights /= weights.sum()
    matrix = torch.zeros(length, length, dtype=torch.float64)
    at = torch.arange(length)[:, None]
    matrix.scatter_add_(1, (at + steps).clamp(0, length - 1), weights.expand(length, -1))
    return to_device(matrix.float(), device)
