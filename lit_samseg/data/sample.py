"""One image with its ground truth."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lit_samseg.data.origin import Origin
from lit_samseg.errors import InputError
from lit_samseg.runtime.transfer import to_device


@dataclass
class Sample:
    """An image at its own size; a batch is a list of these.

    Attributes:
        id: The image's name in its data set.
        image: uint8 ``[3, H, W]``, RGB.
        target: Ground truth ``[H, W]``, class ids and the ignore index: uint8, or int32 for more than 255 classes; None
            where there is none.
        position: Place of the id among the sorted ids of the run; in training, among those of the training images.
        view: 0 is the image as it is, other numbers are augmented views of it in training.
        turn: How often a training drew the image before in an epoch that draws some more often than others.
        resized: The image in SAM's size, where that was made beforehand.
        origin: The image that an augmented view was made of; None for the image as it is.
        digest: Of a training image's pixels, before it was augmented; None where nobody asked.
    """

    id: str
    image: Tensor
    target: Tensor | None
    position: int = 0
    view: int = 0
    turn: int = 0
    resized: Tensor | None = None
    origin: Origin | None = None
    digest: str | None = None

    def on(self, device: torch.device) -> "Sample":
        """Return it with its tensors on a device; a GPU is not waited for."""
        target, resized = (None if one is None else to_device(one, device) for one in (self.target, self.resized))
        return replace(self, image=to_device(self.image, device), target=target, resized=resized)


@dataclass
class BrokenSample:
    """An image that cannot be read.

    Attributes:
        id: The image's name in its data set.
        error: What is wrong; it names the file.
    """

    id: str
    error: InputError
