"""One image with its label maps, small enough for a page of hundreds."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.drawing.errors import VOID, find_errors
from lit_samseg.runtime.transfer import download

SIDE = 512
"""The longer side of a picture in pixels, at most; smaller images keep their size."""

WEBP_SIDE = 16383
"""The longest side that WebP can have; all label maps of an image lie below each other in one file."""


@dataclass(frozen=True)
class GalleryPictures:
    """An image and its label maps, shrunk alike.

    Attributes:
        photo: uint8 ``[h, w, 3]``, RGB.
        labels: integer ``[1 + R, h, w]``: the ground truth, then each row's label map, the baseline first.
        errors: uint8 ``[1 + R, h, w]``, positions in ``ERROR_KINDS``; of the ground truth only what is void.
    """

    photo: NDArray[np.uint8]
    labels: NDArray[np.integer]
    errors: NDArray[np.uint8]


def shrink(image: Tensor, target: Tensor, label_maps: list[Tensor], ignore_index: int) -> GalleryPictures:
    """Shrink an image (averaged) and its label maps (a pixel of each block); compare them with the ground truth.

    Args:
        image: uint8 ``[3, H, W]``, RGB.
        target: Ground truth, integer ``[H, W]``.
        label_maps: The rows', integer ``[H, W]``, the baseline first.
        ignore_index: Void label in ``target``.

    Only the small pictures leave the device. Memory: beside them one copy of the image.
    """
    height, width = target.shape
    h, w = small_size(height, width, 1 + len(label_maps))
    maps = [target, *label_maps]
    if (h, w) != (height, width):
        rows = ((torch.arange(h, device=target.device) + 0.5) * height / h).long()
        columns = ((torch.arange(w, device=target.device) + 0.5) * width / w).long()
        maps = [labels[rows][:, columns] for labels in maps]
    stacked = torch.stack([labels.to(torch.int32) for labels in maps])
    labels, pixels = (tensor.numpy() for tensor in download([stacked, image]))
    photo: NDArray[np.uint8] = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    if (h, w) != (height, width):
        photo = np.asarray(cv2.resize(photo, (w, h), interpolation=cv2.INTER_AREA), np.uint8).reshape(h, w, 3)
    truth, baseline = labels[0], labels[1]
    void = np.where(truth == ignore_index, VOID, 0).astype(np.uint8)
    errors = [void, find_errors(baseline, truth, ignore_index)]
    errors += [find_errors(row, truth, ignore_index, baseline) for row in labels[2:]]
    return GalleryPictures(photo, labels, np.stack(errors))


def small_size(height: int, width: int, tiles: int) -> tuple[int, int]:
    """Return the size of a gallery's picture, which is never enlarged; ``tiles`` of them go below each other."""
    scale = min(1.0, SIDE / max(height, width), WEBP_SIDE // tiles / height)
    return max(1, int(height * scale)), max(1, round(width * scale))
