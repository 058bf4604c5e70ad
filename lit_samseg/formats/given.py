"""Turn whatever a caller calls a label map into a tensor."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.formats.binary import has_two_values
from lit_samseg.formats.palettes import ANY_LABELS, labels_of_palette
from lit_samseg.formats.reading import read_indices


def as_label_map(labels: object, knows_void: bool = False) -> Tensor:
    """Turn whatever a caller calls a label map into class ids, int64 ``[H, W]``.

    Args:
        labels: A path or PIL image of indices; or an integer or bool array or tensor ``[H, W]``, True for class 1.
        knows_void: Somebody said what void is; else a label map of 0 and 255 alone is taken for a binary mask.

    Raises:
        InputError: It is something else, has another type or shape, ids below 0, or is a binary mask of 0 and 255.
    """
    given, name = labels, "a label map"
    if isinstance(labels, ImageFile.ImageFile) and labels.filename:
        # As it lies in the file: Pillow changes some kinds of grey when it decodes them. (This closes its own.)
        labels.load()
        labels = Path(os.fsdecode(labels.filename))
    if isinstance(labels, str | Path):
        name = f"label map {labels}"
        labels = read_indices(Path(labels).expanduser())
    elif isinstance(labels, Image.Image):
        labels = _of_picture(labels)
    elif isinstance(labels, np.ndarray):
        labels = _of_array(labels)
    if not isinstance(labels, Tensor):
        raise InputError(
            f"a label map must be integer [H, W], a path or a picture of indices, not {type(labels).__name__}"
        )
    if labels.is_floating_point() or labels.is_complex() or labels.ndim != 2:
        kind = f"{getattr(given, 'dtype', labels.dtype)} {list(labels.shape)}"
        raise InputError(f"a label map must be integer [H, W], not {kind}{_remedy(labels)}")
    labels = labels.long()
    if labels.numel() and int(labels.min()) < 0:
        raise InputError(f"a label map has class ids of 0 and more, not {int(labels.min())}")
    if not knows_void and has_two_values(labels):
        raise InputError(
            f"{name} has the values 0 and 255 only, as a binary mask: give mask > 0, which is classes 0 and 1; or "
            "Refiner(ignore_index=255) if 255 is void"
        )
    return labels


def _of_picture(picture: Image.Image) -> Tensor:
    if picture.mode == "P":
        return torch.from_numpy(
            labels_of_palette(np.array(picture), picture.getpalette(), ANY_LABELS, "a label map")[0]
        )
    if picture.mode not in ("1", "L", "I", "I;16", "I;16B"):
        raise InputError(f"a label map must be a picture of indices or grey, not of mode {picture.mode}")
    return _of_array(np.array(picture))


def _of_array(array: NDArray[Any]) -> Tensor:
    if array.dtype.kind in "biu":
        return torch.from_numpy(array.astype(np.int64))
    if array.dtype.kind == "f":
        return torch.from_numpy(array.astype(np.float64))
    raise InputError(f"a label map must be integer [H, W], not {array.dtype} {list(array.shape)}")


def _remedy(labels: Tensor) -> str:
    """Tell what would make a label map of numbers that are none, as far as they say what they are."""
    if labels.is_complex() or not labels.numel():
        return ""
    if labels.ndim > 2 and 1 in labels.shape and labels.squeeze().ndim == 2:
        return "; leave out the axis of one by .squeeze()"
    if labels.ndim != 2:
        return ""
    found: Tensor = torch.unique(labels)
    if not bool(found.isfinite().all()):
        return "; it has NaN or infinity"
    low, high = float(found[0]), float(found[-1])
    if set(found.tolist()) <= {0.0, 255.0} or (low >= 0 and high <= 1):
        return f"; if it is a mask or a probability, give mask > {0.5 if high <= 1 else 127}"
    if bool((found == found.round()).all()):
        return "; its values are whole: give them as int64"
    return "; give class ids, by argmax over scores or by mask > threshold"
