"""All that is counted of one image, as one thing that can be added up, kept in a file, and read again."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.analysis import ImageAnalysis


@dataclass(frozen=True)
class ImageCounts:
    """The numbers of one image; ``R`` rows.

    Attributes:
        metrics: Each metric's counts by its word and their names, ``[R, ...]``.
        analysis: What the ground truth says of every step, or None where that is not asked.
        areas: int64 ``[2]``: void pixels of the ground truth, and all of its pixels.
    """

    metrics: Mapping[str, Mapping[str, NDArray[Any]]]
    analysis: ImageAnalysis | None
    areas: Tensor

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the numbers as arrays in host memory; those of metrics as ``word.name``."""
        arrays = {"areas": self.areas.cpu().numpy()}
        for word, counts in self.metrics.items():
            arrays |= {f"{word}.{name}": numbers for name, numbers in counts.items()}
        if self.analysis is not None:
            arrays |= {name: numbers.cpu().numpy() for name, numbers in self.analysis._asdict().items()}
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], device: torch.device) -> "ImageCounts":
        """Return what `arrays` made arrays of; what is analysed on a device.

        Raises:
            KeyError: One is missing.
        """
        metrics: dict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
        for key, numbers in arrays.items():
            word, dot, name = key.partition(".")
            if dot:
                metrics[word][name] = numbers
        analysis = None
        if ImageAnalysis._fields[0] in arrays:
            analysis = ImageAnalysis(*(torch.from_numpy(arrays[name]).to(device) for name in ImageAnalysis._fields))
        return cls(dict(metrics), analysis, torch.from_numpy(arrays["areas"]))
