"""Where COCO's images and annotations lie: as the zips unpack, or sorted into images and annotations."""

from collections.abc import Sequence
from pathlib import Path

from lit_samseg.checkpoints.download import fetch
from lit_samseg.data.archives import unpack_part
from lit_samseg.errors import InputError

COCO_PAGE = "https://cocodataset.org/#download"

_SERVER = "http://images.cocodataset.org"
# As GluonCV's tables of data sets and others have them; the organisers publish none.
_IMAGE_HASHES = {
    "val2017": "sha1:4950dc9d00dbe1c933ee0170f5797584351d2a41",
    "train2017": "sha1:10ad623668ab00c62c096f0ed636d6aff41faca5",
}
_PANOPTIC = "panoptic_annotations_trainval2017"
_PANOPTIC_HASH = "sha256:c05f76d2129b6b561eb70efe16e7006df62f73fb92889132d373b9d90e31a370"

_PARTS = {"val": "val2017", "train": "train2017", "val2017": "val2017", "train2017": "train2017"}


def part_of(split: str, name: str) -> str:
    """Return the name of a split's folders.

    Raises:
        InputError: There is no such split.
    """
    if split not in _PARTS:
        raise InputError(f"{name}: no split {split!r}; there are val and train (of 2017)")
    return _PARTS[split]


def download_images(root: Path, part: str) -> None:
    """Fetch and unpack a part's images (1 GB, or 18 for training) unless they are there.

    Raises:
        InputError: They cannot be fetched, or the archive is broken.
    """
    if first_folder(root, (f"images/{part}", part)) is None:
        url = f"{_SERVER}/zips/{part}.zip"
        archive = fetch(url, root / f"{part}.zip", _IMAGE_HASHES[part], "archive of COCO's images")
        unpack_part(archive, part, root / part)


def download_panoptic(root: Path, part: str) -> None:
    """Fetch and unpack a part's panoptic annotations (0.8 GB, both parts) unless they are there.

    Raises:
        InputError: They cannot be fetched, or the archive is broken.
    """
    name = f"annotations/panoptic_{part}"
    listed, folder = root / f"{name}.json", root / name
    if listed.is_file() and folder.is_dir():
        return
    url = f"{_SERVER}/annotations/{_PANOPTIC}.zip"
    archive = fetch(url, root / f"{_PANOPTIC}.zip", _PANOPTIC_HASH, "archive of COCO's panoptic annotations")
    unpack_part(archive, f"{name}.json", listed)
    # The pictures are in an archive inside it.
    unpack_part(archive, f"{name}.zip", root / f"{name}.zip")
    unpack_part(root / f"{name}.zip", folder.name, folder)


def image_folder(root: Path, part: str) -> Path:
    """Return the folder of a part's images.

    Raises:
        InputError: It is not there.
    """
    found = first_folder(root, (f"images/{part}", part))
    if found is None:
        what = f"has no {part} and no images/{part}" if root.is_dir() else "does not exist"
        raise InputError(
            f"data.root {root} {what}; unpack {part}.zip of {COCO_PAGE} there, or set --data.download true"
        )
    return found


def first_folder(root: Path, places: Sequence[str]) -> Path | None:
    """Return the first of some folders that is there."""
    return next((root / place for place in places if (root / place).is_dir()), None)
