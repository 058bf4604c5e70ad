"""COCO's category ids: 80 things, 91 kinds of stuff, and what panoptic segmentation merged; which are VOC's classes."""

from collections.abc import Iterable
from typing import Literal

from lit_samseg.formats.published import VOC_CLASSES

CocoClasses = Literal["own", "voc"]
"""A data set's own classes, or VOC's 21: of things those that VOC has, everything else is background."""

_THINGS = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
# Ids of things that nobody annotated, such as street signs.
_NO_THINGS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)

# From id 92 on (labels.txt of nightrome/cocostuff).
_STUFF = (
    "banner", "blanket", "branch", "bridge", "building-other", "bush", "cabinet", "cage", "cardboard", "carpet",
    "ceiling-other", "ceiling-tile", "cloth", "clothes", "clouds", "counter", "cupboard", "curtain", "desk-stuff",
    "dirt", "door-stuff", "fence", "floor-marble", "floor-other", "floor-stone", "floor-tile", "floor-wood", "flower",
    "fog", "food-other", "fruit", "furniture-other", "grass", "gravel", "ground-other", "hill", "house", "leaves",
    "light", "mat", "metal", "mirror-stuff", "moss", "mountain", "mud", "napkin", "net", "paper", "pavement", "pillow",
    "plant-other", "plastic", "platform", "playingfield", "railing", "railroad", "river", "road", "rock", "roof",
    "rug", "salad", "sand", "sea", "shelf", "sky-other", "skyscraper", "snow", "solid-other", "stairs", "stone",
    "straw", "structural-other", "table", "tent", "textile-other", "towel", "tree", "vegetable", "wall-brick",
    "wall-concrete", "wall-other", "wall-panel", "wall-stone", "wall-tile", "wall-wood", "water-other", "waterdrops",
    "window-blind", "window-other", "wood",
)  # fmt: skip

# From id 184 on (panoptic_coco_categories.json of cocodataset/panopticapi), which also keeps some of the stuff.
_MERGED = (
    "tree-merged", "fence-merged", "ceiling-merged", "sky-other-merged", "cabinet-merged", "table-merged",
    "floor-other-merged", "pavement-merged", "mountain-merged", "grass-merged", "dirt-merged", "paper-merged",
    "food-other-merged", "building-other-merged", "rock-merged", "wall-other-merged", "rug-merged",
)  # fmt: skip
_KEPT = (
    92, 93, 95, 100, 107, 109, 112, 118, 119, 122, 125, 128, 130, 133, 138, 141, 144, 145, 147, 148, 149, 151, 154, 155,
    156, 159, 161, 166, 168, 171, 175, 176, 177, 178, 180, 181,
)  # fmt: skip

THING_IDS = tuple(number for number in range(1, 91) if number not in _NO_THINGS)
STUFF_IDS = (*THING_IDS, *range(92, 183))
"""Categories of COCO-Stuff, in its order."""
PANOPTIC_IDS = (*THING_IDS, *_KEPT, *range(184, 201))
"""Categories of COCO panoptic, in its order."""
COCO_NAMES = dict(zip((*STUFF_IDS, *range(184, 201)), (*_THINGS, *_STUFF, *_MERGED), strict=True))
"""Names by category id."""

# The thing that is each of VOC's classes, in VOC's order.
_VOC_THINGS = (5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72)

# Of panoptic's categories, RGB in hexadecimal digits (panoptic_coco_categories.json).
PANOPTIC_COLOURS = (
    "dc143c770b2000008e0000e66a00e4003c640050640000460000c0faaa1e64aa1edcdc00af74affa001ea52a2aff4dff00e2fcb6b6ff"
    "00520078a69d6e4c00ae39ffc76400480076ffb3f0007d5cd10097bcd0b600dcb0ff63a45c00498581ff4eb4ff00e400aefff32d59ff"
    "8686679194aeffd0bac5e2ffab86016d3f36cf8aff97005f09503d5469334a4169a6c466d0c3d2ff6d41008f95b300c2d1636a057900"
    "e3ffcd93bad0994501035fa1a3ff007700aa00b6c700a578b782585f20008272876e8185a64a76db8eb94fd272b25a3e41460f7fa773"
    "3b696a8e6c2dc4ac005f3650804cffc93901f6007abfa2d0ffff8093d3cb966464a8abac9270c6d2aa645c8859da58b8f18100d911ff"
    "7c4ab5464646ffe4ff9ad000c1005c4c5b71ffb4c36a9ab0e6968c3c8fff8040805c5237fed47c494daeffa062ffffff68546da9a483"
    "e1c7ff89364a879edf07f6e76bffc83a2995b7798eff49616b8e23be9999928b8d4682b486c79cd1e28c60246c60606040aa4098fb98"
    "d0e5e4cebaab98a14074700000728f66669cfa8dff"
)


def names_of(categories: Iterable[int], classes: CocoClasses) -> tuple[str, ...]:
    """Return the names of a data set's classes."""
    return VOC_CLASSES if classes == "voc" else tuple(COCO_NAMES[number] for number in categories)


def class_of_category(categories: Iterable[int], classes: CocoClasses) -> dict[int, int]:
    """Return the class id of each category of a data set."""
    if classes == "own":
        return {number: class_id for class_id, number in enumerate(categories)}
    return {number: _VOC_THINGS.index(number) + 1 if number in _VOC_THINGS else 0 for number in categories}
