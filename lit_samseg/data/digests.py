"""Pictures told by their pixels: the same one under another name, in another folder, in another format."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor
from torch.utils.data import Dataset

from lit_samseg.data.sample import Sample
from lit_samseg.data.workers import make_loader
from lit_samseg.errors import InputError

_TOGETHER = 16
"""Images of which a reader sends the digests at once."""


class Keyed(Protocol):
    """A data set whose images are known beyond it.

    Attributes:
        name: The data set's.
        ids: Of its images.
    """

    name: str
    ids: list[str]

    @property
    def num_workers(self) -> int:
        """Processes that read."""

    def image_key(self, image_id: str) -> str:
        """Return what tells an image from those of all splits."""

    def read(self, image_id: str, with_target: bool) -> Sample:
        """Read one sample."""


def digest_of_pixels(image: Tensor) -> str:
    """Return the SHA-256 of an image's size and of its pixels, row by row, as 64 hexadecimal digits.

    A picture that was copied, renamed or written again without loss has the same. A picture that was written again
    with loss or scaled has another, and so may have a JPEG that another version of the decoder reads.

    Args:
        image: uint8 ``[3, H, W]``, on the CPU.
    """
    # In this order most images lie in memory already.
    pixels = image.permute(1, 2, 0).contiguous().numpy()
    digest = hashlib.sha256(f"{pixels.shape[0]}x{pixels.shape[1]}:".encode())
    digest.update(pixels.data)
    return digest.hexdigest()


def global_key(data: Keyed, image_id: str) -> str:
    """Return what tells an image from those of all data sets, ``data set/key``."""
    return f"{data.name}/{data.image_key(image_id)}"


def pixel_digests(data: Keyed, ids: Sequence[str] | None = None) -> dict[str, str | None]:
    """Read images and return their digests by `global_key`; None of one that cannot be read.

    Costs what reading costs, in the data set's own workers.

    Args:
        data: The data set.
        ids: Which; None is all.
    """
    ids = data.ids if ids is None else ids
    loader = make_loader(_Digests(data, ids), _TOGETHER, data.num_workers)
    found = [digest for batch in loader for digest in batch]
    return {global_key(data, image_id): digest or None for image_id, digest in zip(ids, found, strict=True)}


class _Digests(Dataset[str]):
    """Digests of images, in the order of ids; empty of an image that cannot be read, since None is left out."""

    def __init__(self, data: Keyed, ids: Sequence[str]) -> None:
        self.data, self.ids = data, ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> str:
        try:
            return digest_of_pixels(self.data.read(self.ids[index], with_target=False).image)
        except InputError:
            # Who evaluates it says so, or leaves it out.
            return ""
