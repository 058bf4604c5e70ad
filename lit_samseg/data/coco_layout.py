"""Where COCO's images and annotations lie: as the zips unpack, or sorted into images and annotations."""

from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError

COCO_PAGE = "https://cocodataset.org/#download"

_PARTS = {"val": "val2017", "train": "train2017", "val2017": "val2017", "train2017": "train2017"}


def part_of(split: str, name: str) -> str:
    """Return the name of a split's folders.

    Raises:
        InputError: There is no such split.
    """
    if split not in _PARTS:
        raise InputError(f"{name}: no split {split!r}; there are val and train (of 2017)")
    return _PARTS[split]


def image_folder(root: Path, part: str) -> Path:
    """Return the folder of a part's images.

    Raises:
        InputError: It is not there.
    """
    found = first_folder(root, (f"images/{part}", part))
    if found is None:
        what = f"has no {part} and no images/{part}" if root.is_dir() else "does not exist"
        raise InputError(f"data.root {root} {what}; unpack {part}.zip of {COCO_PAGE} there")
    return found


def first_folder(root: Path, places: Sequence[str]) -> Path | None:
    """Return the first of some folders that is there."""
    return next((root / place for place in places if (root / place).is_dir()), None)
