"""All that is counted of one image, as one thing that can be added up, kept in a file, and read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.analysis import ImageAnalysis
from lit_samseg.metrics import BoundaryCounts


@dataclass(frozen=True)
class ImageCounts:
    """The numbers of one image; ``R`` rows, ``C`` classes.

    Attributes:
        pixels: int64 ``[R, 3, C]``: intersection, gt_area, pred_area.
        boundary: Each row's.
        analysis: What the ground truth says of every step, or None where that is not asked.
        areas: int64 ``[2]``: void pixels of the ground truth, and all of its pixels.
    """

    pixels: Tensor
    boundary: Sequence[BoundaryCounts]
    analysis: ImageAnalysis | None
    areas: Tensor

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the numbers as arrays in host memory."""
        arrays = {"pixels": self.pixels.cpu().numpy(), "areas": self.areas.cpu().numpy()}
        arrays |= {
            field.name: np.stack([getattr(row, field.name) for row in self.boundary])
            for field in fields(BoundaryCounts)
        }
        if self.analysis is not None:
            arrays |= {name: numbers.cpu().numpy() for name, numbers in self.analysis._asdict().items()}
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], device: torch.device) -> "ImageCounts":
        """Return what `arrays` made arrays of, on a device.

        Raises:
            KeyError: One is missing.
        """
        names = [field.name for field in fields(BoundaryCounts)]
        rows = zip(*(arrays[name] for name in names), strict=True)
        analysis = None
        if ImageAnalysis._fields[0] in arrays:
            analysis = ImageAnalysis(*(torch.from_numpy(arrays[name]).to(device) for name in ImageAnalysis._fields))
        return cls(
            torch.from_numpy(arrays["pixels"]).to(device),
            [BoundaryCounts(**dict(zip(names, row, strict=True))) for row in rows],
            analysis,
            torch.from_numpy(arrays["areas"]),
        )
