"""COCO-Stuff (Caesar et al., 2018): things and stuff of COCO 2017 in one label map, 171 classes or VOC's."""

from lit_samseg.data.coco_classes import STUFF_IDS, class_of_category
from lit_samseg.data.coco_layout import first_folder, image_folder
from lit_samseg.data.coco_pairs import CocoPairs
from lit_samseg.data.pairs import Pair, find_images
from lit_samseg.errors import InputError

PAGE = "https://github.com/nightrome/cocostuff"


class COCOStuff(CocoPairs):
    """COCO-Stuff's 171 classes without background, or VOC's 21 with it; void 255.

    Files of ``stuffthingmaps_trainval2017.zip`` have category ids less 1: 0 (person) to 181 (wood) with eleven gaps,
    and 255 where there is no label. Images lie in ``val2017`` or ``images/val2017``, ground truth in
    ``annotations/val2017``, ``stuffthingmaps/val2017`` or ``stuffthingmaps_trainval2017/val2017``. The
    label maps are not downloaded: get them from https://github.com/nightrome/cocostuff. The classes have no colours of
    their own.

    Args:
        root: The folder that holds these.
        split: ``val`` or ``train``, of 2017.
        classes: ``own``, or ``voc``: VOC's classes among the things, all else is background.
        download: Fetch the split's images (1 GB; 18 GB for ``train``) into ``root`` where they are not there.
        options: Those of every data set (`SegmentationDataModule`).

    Raises:
        InputError: There is no such split.
    """

    kind = "coco_stuff"
    category_ids = STUFF_IDS

    @property
    def class_of(self) -> dict[int, int]:
        """Files have category ids less 1."""
        of_category = class_of_category(STUFF_IDS, self.classes)
        return {number - 1: label for number, label in of_category.items()} | {255: self.ignore_index}

    @property
    def remedy(self) -> str:
        """Which files are meant."""
        return (
            "files of stuffthingmaps have 0 (person) to 181 (wood) with gaps, and 255; those of other releases, where "
            "person is 1, are not read"
        )

    def find_pairs(self) -> dict[str, Pair]:
        """Return the pictures of the split."""
        folder = image_folder(self.root, self.part)
        images = find_images(folder, (".jpg",))
        if not images:
            raise InputError(f"coco_stuff: no picture in {folder}; the split {self.split!r} is empty")
        places = [f"{place}/{self.part}" for place in ("annotations", "stuffthingmaps", "stuffthingmaps_trainval2017")]
        truths = first_folder(self.root, places) or self.root / places[1]
        return {image_id: Pair(image, truths / f"{image_id}.png") for image_id, image in images.items()}

    def why_missing(self, with_target: bool) -> str:
        """Name the page that has the label maps."""
        return f"; the label maps are in stuffthingmaps_trainval2017.zip of {PAGE}" if with_target else ""
