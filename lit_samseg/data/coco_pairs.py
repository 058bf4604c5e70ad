"""What COCO's ways of labelling its images have in common: splits, classes of their own or VOC's, a download."""

from collections.abc import Sequence
from typing import Any, ClassVar

from lit_samseg.data.coco_classes import CocoClasses, names_of
from lit_samseg.data.coco_layout import download_images, part_of
from lit_samseg.data.pairs import PairedFiles
from lit_samseg.formats.palettes import voc_palette


class CocoPairs(PairedFiles):
    """Images of COCO 2017 with ground truth of some kind.

    Args:
        root: The folder that holds them.
        split: ``val`` or ``train``, of 2017.
        classes: ``own``, or ``voc``: VOC's classes among the things, all else is background.
        download: Fetch what can be fetched into ``root`` where it is not there.
        options: Those of every data set (`SegmentationDataModule`).

    Attributes:
        kind: What a message calls the data set.
        category_ids: COCO's ids of its own classes, in their order.
        own_palette: Colours of its own classes; None where they have none.

    Raises:
        InputError: There is no such split.
    """

    kind: ClassVar[str]
    category_ids: ClassVar[Sequence[int]]
    own_palette: ClassVar[list[int] | None] = None

    def __init__(
        self,
        root: str = "data",
        split: str = "val",
        classes: CocoClasses = "own",
        download: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(root, split, **options)
        for chosen in (split, self.training.split):
            part_of(chosen, self.kind)
        self.classes: CocoClasses = classes
        self.download = download
        self.name = self.kind if classes == "own" else f"{self.kind}_voc"
        self.class_names = names_of(self.category_ids, classes)
        self.background, self.palette = (None, self.own_palette) if classes == "own" else (0, voc_palette())

    @property
    def part(self) -> str:
        """The name of the split's folders."""
        return part_of(self.split, self.kind)

    def prepare_data(self) -> None:
        """Download the split where asked to (on one process)."""
        if self.download and self.pictures is None:
            self.fetch()

    def fetch(self) -> None:
        """Download what can be: the images."""
        download_images(self.root, self.part)
