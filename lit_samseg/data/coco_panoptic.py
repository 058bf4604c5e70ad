"""COCO panoptic (Kirillov et al., 2019) as semantic segmentation: 133 classes or VOC's, from segments and a JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.data.coco_classes import PANOPTIC_COLOURS, PANOPTIC_IDS, CocoClasses, class_of_category
from lit_samseg.data.coco_layout import COCO_PAGE, download_panoptic, image_folder
from lit_samseg.data.coco_pairs import CocoPairs
from lit_samseg.data.pairs import Pair
from lit_samseg.errors import InputError
from lit_samseg.formats.opening import opened
from lit_samseg.formats.palettes import hex_palette

_VOID = 0
"""The id of pixels without a segment."""


class COCOPanoptic(CocoPairs):
    """COCO's 133 panoptic categories as classes without background, or VOC's 21 with it; void 255.

    A pixel's segment is R + 256 G + 65536 B of ``annotations/panoptic_val2017/ID.png``, whose category is in
    ``annotations/panoptic_val2017.json``; 0 is void. As in the semantic ground truth that Mask2Former is scored by,
    crowds (``iscrowd``) count as their category. Images lie in ``val2017`` or ``images/val2017``.

    Args:
        root: The folder that holds these.
        split: ``val`` or ``train``, of 2017.
        classes: ``own``, or ``voc``: VOC's classes among the things, all else is background.
        download: Fetch the split's images (1 GB; 18 GB for ``train``) and the annotations (0.8 GB) into ``root`` where
            they are not there.
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: There is no such split.
    """

    kind = "coco_panoptic"
    category_ids = PANOPTIC_IDS
    own_palette = hex_palette(PANOPTIC_COLOURS)

    def __init__(
        self,
        root: str = "data",
        split: str = "val",
        classes: CocoClasses = "own",
        download: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(root, split, classes, download, **options)
        self._segments: dict[str, dict[str, NDArray[np.int32]]] = {}

    def fetch(self) -> None:
        """Download the images and the annotations."""
        super().fetch()
        download_panoptic(self.root, self.part)

    @property
    def class_of(self) -> dict[int, int]:
        """Class ids by category."""
        return class_of_category(PANOPTIC_IDS, self.classes)

    @property
    def remedy(self) -> str:
        """Which files are meant."""
        return f"get panoptic_annotations_trainval2017.zip of {COCO_PAGE}, or set --data.download true"

    @property
    def numbering(self) -> str:
        """Files have segments, not labels."""
        return f"by the segments' categories in {self._json.name}, void where there is no segment"

    @property
    def _json(self) -> Path:
        return self.root / f"annotations/panoptic_{self.part}.json"

    def find_pairs(self) -> dict[str, Pair]:
        """Return the pictures that the JSON lists, and keep what it says of their segments."""
        found = self._json
        images, segments = _read_segments(found, self.class_of, self.remedy)
        self._segments[self.split] = segments
        folder, truths = image_folder(self.root, self.part), found.with_suffix("")
        return {image_id: Pair(folder / name, truths / f"{image_id}.png") for image_id, name in images.items()}

    def read_target(self, image_id: str) -> Tensor:
        """Read one ground truth."""
        path = self.files(image_id, with_target=True)[1]
        ids = _read_ids(path, self.remedy)
        known, class_ids = self._segments[self.split][image_id]
        places = np.searchsorted(known, ids).clip(max=len(known) - 1)
        strange = known[places] != ids
        if strange.any():
            raise InputError(
                f"ground truth {path} has segment {ids[strange].min()}, which {self._json.name} does not list; "
                f"{self.remedy}"
            )
        return torch.from_numpy(np.where(ids == _VOID, self.ignore_index, class_ids[places]).astype(np.uint8))


def _read_ids(path: Path, remedy: str) -> NDArray[np.int32]:
    """Return the segment of each pixel, ``[H, W]``.

    Raises:
        InputError: The file is no picture in colours.
    """
    with opened(path, "ground truth") as picture:
        if picture.mode != "RGB":
            raise InputError(
                f"ground truth {path} has mode {picture.mode}, not RGB, whose colours are segments; {remedy}"
            )
        pixels = np.array(picture).astype(np.int32)
    ids: NDArray[np.int32] = pixels @ np.array([1, 1 << 8, 1 << 16], np.int32)
    return ids


def _read_segments(
    path: Path, class_of: dict[int, int], remedy: str
) -> tuple[dict[str, str], dict[str, NDArray[np.int32]]]:
    """Read panoptic annotations.

    Returns:
        The image's file by id; and by id int32 ``[2, S]``: segments, ascending, void among them, and their class ids.

    Raises:
        InputError: The file is missing or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
        names = {image["id"]: image["file_name"] for image in content["images"]}
        images, segments = {}, {}
        for annotation in content["annotations"]:
            image_id = Path(annotation["file_name"]).stem
            pairs = [
                (_VOID, 0),
                *((segment["id"], class_of[segment["category_id"]]) for segment in annotation["segments_info"]),
            ]
            images[image_id] = str(names[annotation["image_id"]])
            segments[image_id] = np.array(sorted(pairs), np.int32).T.copy()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is not COCO's panoptic JSON ({type(error).__name__}: {error}); {remedy}") from error
    return images, segments
