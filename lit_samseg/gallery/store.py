"""A gallery on disk: three pictures and the prompts of each image, and one legend.

``image/<id>.webp`` is the image. ``labels/<id>.webp`` has the label maps below each other, the ground truth first, then
the rows; a background class is transparent. ``errors/<id>.webp`` has the error maps in the same order; what is right is
transparent. ``prompts/<id>.json`` has what SAM was asked (:mod:`lit_samseg.gallery.prompts`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_samseg.drawing import VOID_COLOUR
from lit_samseg.gallery.prompts import PROMPTS, GalleryPrompts, unreadable
from lit_samseg.runtime.atomic import atomic_file

if TYPE_CHECKING:
    from lit_samseg.gallery.pictures import GalleryPictures

FILES = {"photo": "image/{}.webp", "labels": "labels/{}.webp", "errors": "errors/{}.webp"}
"""Pictures of an image by what they show, in the gallery's folder."""

ERROR_COLOURS = ((0, 0, 0, 0), (213, 94, 0, 255), (170, 170, 170, 255), (0, 158, 115, 255), (204, 0, 119, 255))
"""RGBA by position in ``ERROR_KINDS``; told apart by people who see no red or green."""

_LEGEND = "gallery.json"

ASKED = 2
"""The version from which on a gallery has the prompts that SAM got, of every row; before, it had regions."""


@dataclass(frozen=True)
class GalleryLegend:
    """What all images of a gallery share.

    Attributes:
        key: Of the counts of the run (`key_of`): pictures of another one in the same folder are not believed.
        colours: ``#rrggbb`` by class id.
        background: The class that is transparent, or None.
        rows: For each row ``name``, ``region`` (``class``, ``component``, ``split``, or empty for the baseline),
            ``recipe`` (a list of words) and ``rounds``, the baseline first.
        version: How the files are written; see `ASKED`.
    """

    key: str
    colours: list[str]
    background: int | None
    rows: list[dict[str, Any]]
    version: int = 1

    def write(self, folder: Path) -> None:
        """Write it into the gallery's folder."""
        with atomic_file(folder / _LEGEND) as draft:
            draft.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "GalleryLegend":
        """Read what ``write`` wrote.

        Raises:
            InputError: There is none, or it is broken.
        """
        path = folder / _LEGEND
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise unreadable(path, error) from error


def key_of(ids: Sequence[str], rows: Sequence[str], counts: NDArray[np.int64]) -> str:
    """Return what tells a run's pictures from another's: a digest of its images, rows and counts.

    Args:
        ids: ``N`` of them.
        rows: ``R`` of them.
        counts: int64 ``[R, 3, N, C]``.
    """
    digest = hashlib.sha256(json.dumps([list(ids), list(rows), counts.shape]).encode())
    digest.update(np.ascontiguousarray(counts).tobytes())
    return digest.hexdigest()


def has_gallery(folder: Path) -> bool:
    """Tell whether a folder is a finished gallery."""
    return (folder / _LEGEND).is_file()


def entry_files(image_id: str) -> list[str]:
    """Return the files that `write_entry` writes, relative to the gallery's folder."""
    return [pattern.format(image_id) for pattern in (*FILES.values(), PROMPTS)]


def write_entry(
    folder: Path,
    image_id: str,
    pictures: "GalleryPictures",
    prompts: GalleryPrompts,
    colours: NDArray[np.uint8],
    background: int | None,
) -> None:
    """Write an image's files.

    Args:
        folder: The gallery's.
        image_id: Its name in the data set.
        pictures: What to write.
        prompts: What to write.
        colours: RGB by class id, uint8 ``[C, 3]``.
        background: The class that is left transparent, or None.
    """
    opaque = np.full((len(colours) + 1, 1), 255, np.uint8)
    if background is not None:
        opaque[background] = 0
    # Void is beyond the last class.
    by_class = np.hstack([np.vstack([colours, VOID_COLOUR]).astype(np.uint8), opaque])
    # As unsigned numbers, -1 is beyond it too.
    numbers = np.minimum(pictures.labels.astype(np.uint32), len(colours))
    labels, errors = _paint(by_class, numbers), _paint(np.array(ERROR_COLOURS, np.uint8), pictures.errors)
    _save(folder / FILES["photo"].format(image_id), pictures.photo, quality=75, method=2)
    for what, tiles in (("labels", labels), ("errors", errors)):
        below = tiles.reshape(-1, *tiles.shape[2:])
        # More effort takes half as long again, and 1 % off the file.
        _save(folder / FILES[what].format(image_id), below, lossless=True, quality=10, method=1)
    prompts.write(folder, image_id)


def _paint(colours: NDArray[np.uint8], numbers: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the colours ``[..., 4]`` of numbers ``[...]``; RGBA is looked up as one number: five times faster."""
    pixels = np.ascontiguousarray(colours).view(np.uint32)[:, 0].take(numbers)
    return pixels[..., None].view(np.uint8)


def _save(path: Path, pixels: NDArray[np.uint8], **options: Any) -> None:
    with atomic_file(path) as draft:
        Image.fromarray(pixels).save(draft, **options)
