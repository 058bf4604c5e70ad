"""A synthetic picture whose label map has a given number of regions and classes; nothing in it is measured but time."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample, SegmentationDataModule

Shape = tuple[int, int, int, int]
"""Height, width, regions and classes, background included."""

HARMONICS = 4


@lru_cache(maxsize=1)
def draw_blobs(shape: Shape) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one blob of irregular outline into each cell of a grid, each of a class of its own while there are enough.

    Returns:
        Picture ``[H, W, 3]`` and label map ``[H, W]``, the same in every process.
    """
    height, width, regions, classes = shape
    random = np.random.default_rng(list(shape))
    columns = int(np.ceil(np.sqrt(regions * width / height)))
    rows = int(np.ceil(regions / columns))
    order = 1 + random.permutation(classes - 1)
    colours = random.integers(0, 256, (classes, 3))
    labels = np.zeros((height, width), np.uint8)
    for number in range(regions):
        row, column = divmod(number, columns)
        cell = np.s_[
            row * height // rows : (row + 1) * height // rows,
            column * width // columns : (column + 1) * width // columns,
        ]
        labels[cell][_blob(labels[cell].shape, random)] = order[number % len(order)]
    noise = random.integers(-20, 21, (height, width, 1))
    return np.clip(colours[labels] + noise, 0, 255).astype(np.uint8), labels


def _blob(shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.bool_]:
    """A star-shaped set of pixels: its radius, in units of half the cell, is a short Fourier series of the angle."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    radius = 0.6 * np.ones_like(x)
    for harmonic in range(1, HARMONICS + 1):
        phase = random.uniform(0, 2 * np.pi)
        radius += random.uniform(0, 0.25 / harmonic) * np.cos(harmonic * np.arctan2(y, x) + phase)
    inside: NDArray[np.bool_] = np.hypot(x, y) < radius
    return inside


class Blobs(SegmentationDataModule):
    """The same picture under as many ids as are asked for; its ground truth is the label map moved by a few pixels.

    Args:
        shape: Of `draw_blobs`.
        size: Number of ids.
        subset: Evaluate so many.
        batch_size: Together.
    """

    name = "blobs"
    background = 0

    def __init__(self, shape: Shape, size: int, subset: int | None = None, batch_size: int = 1) -> None:
        super().__init__("test", subset, num_workers=0, batch_size=batch_size)
        self.shape, self.size = shape, size
        self.class_names = tuple(f"class {number}" for number in range(shape[-1]))

    def find_ids(self) -> list[str]:
        """Return ``blobs_00000`` and so on."""
        return [f"blobs_{number:05d}" for number in range(self.size)]

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        """Nothing is read."""
        return []

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Return the picture."""
        picture, labels = draw_blobs(self.shape)
        target = torch.from_numpy(np.roll(labels, (3, 4), axis=(0, 1))) if with_target else None
        return Sample(image_id, torch.from_numpy(picture).permute(2, 0, 1), target)


class BlobsBaseline(Baseline):
    """Gives the blobs' label map.

    Args:
        shape: Of `draw_blobs`.
    """

    name, checkpoint, sha256 = "blobs", "blobs", None

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Return the label map, int64 ``[H, W]``."""
        return torch.from_numpy(draw_blobs(self.shape)[1]).long().to(image.device)
