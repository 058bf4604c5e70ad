"""Classes are compared by synonyms, and a background too many is met with what to set."""

import pytest
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.errors import InputError
from tests.conftest import SHARED

# Rows of ADE20K's objectInfo150.txt that are hard: spaces at the end, synonyms of several rows, near names.
FULL = (
    "wall",
    "building, edifice",
    "bed ",
    "windowpane, window ",
    "case, display case, showcase, vitrine",
    "screen door, screen",
    "stairway, staircase",
    "blind, screen",
    "counter",
    "television, television receiver, television set, tv, tv set",
    "buffet, counter, sideboard",
    "screen, silver screen, projection screen",
    "ashcan, trash can, garbage can, ash-bin",
)
FIRST = tuple(name.split(",")[0].strip() for name in FULL)
# As the hub's checkpoints have them.
SHORT = (*FIRST[:2], "bed ", *FIRST[3:9], "television receiver", *FIRST[10:])
VOC = ("background", "aeroplane", "diningtable", "motorbike", "pottedplant", "sofa", "tvmonitor")


class Fake(Baseline):
    """A baseline that has only what is compared."""

    def __init__(self, names: tuple[str, ...] | None, count: int | None = None, first_class: int | None = 0) -> None:
        super().__init__()
        self.checkpoint = "some/checkpoint"
        self.class_names = names
        self.num_classes = len(names) if names is not None else count
        self.first_class = first_class

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        raise NotImplementedError


def complaint(baseline: Baseline, names: tuple[str, ...]) -> str:
    with pytest.raises(InputError) as raised:
        baseline.check_classes(names)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("own", [FULL, FIRST, SHORT])
@pytest.mark.parametrize("wanted", [FULL, FIRST])
def test_synonyms_at_their_own_place_fit(own: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    Fake(own).check_classes(wanted)


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        (("__background__", "airplane", "dining table", "motorcycle", "potted-plant", "couch", "TV"), VOC),
        (("BACKGROUND", "Aeroplane", "dining_table", "motorbike", "potted plant", "sofa", "tv/monitor"), VOC),
        (tuple(f"LABEL_{i}" for i in range(7)), VOC),
        (("LABEL_1", *VOC[1:]), VOC),
        (("a", "b", "c"), ("x", "y", "z")),
        (("wall", "b", "c"), ("wall", "y", "z")),
        # One name may stand for two classes of the data set, if another class has its place.
        (("counter", "counter, sideboard"), ("counter", "buffet")),
    ],
)
def test_spellings_and_unknown_names_fit(own: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    Fake(own).check_classes(wanted)


@pytest.mark.parametrize("own", [FULL, FIRST, SHORT])
@pytest.mark.parametrize("by", [1, -1, 5])
def test_another_order_is_an_error(own: tuple[str, ...], by: int) -> None:
    rotated = (*own[by:], *own[:by])
    assert "the orders differ" in complaint(Fake(rotated), FIRST)


def test_two_exchanged_classes_are_an_error() -> None:
    exchanged = ("building, edifice", "wall", *FULL[2:])
    said = complaint(Fake(exchanged), FIRST)
    assert "calls class 0 'building, edifice', the data set 'wall'" in said
    # Its name is known, that of the data set's class is not.
    assert "the orders differ" in complaint(Fake(("a", "wall")), ("wall", "b"))


def test_a_background_too_many_says_what_to_set() -> None:
    option = "set --model.baseline.first_class 1"
    assert option in complaint(Fake(("background", *FULL)), FIRST)
    assert option in complaint(Fake(("other", "a", "b")), ("x", "y"))
    assert option in complaint(Fake(("Void ", "a", "b")), ("x", "y"))
    assert option in complaint(Fake(("something", *SHORT)), FIRST)
    said = complaint(Fake(None, 14), FIRST)
    assert "predicts 14 classes, the data set has 13" in said
    assert f"or {option} if its first class is a background" in said
    # Where there is no such option it is not named.
    said = complaint(Fake(("background", *FULL), first_class=None), FIRST)
    assert "give a checkpoint without it" in said
    assert "first_class" not in said
    assert "first_class" not in complaint(Fake(None, 14, first_class=None), FIRST)


def test_a_background_too_few_says_what_to_do() -> None:
    assert "leave it out of the data set's classes" in complaint(Fake(VOC[1:]), VOC)
    assert "leave it out of the data set's classes" in complaint(Fake(FULL), ("anything", *FIRST))
    # It was left out by the option.
    said = complaint(Fake(FULL[1:], first_class=1), FIRST)
    assert "set --model.baseline.first_class 0" in said


@pytest.mark.parametrize("count", [1, 7, 12, 15, 150])
def test_any_other_number_is_another_checkpoint(count: int) -> None:
    names = tuple(f"thing {i}" for i in range(count))
    said = complaint(Fake(names), FIRST)
    assert f"predicts {count} classes, the data set has 13; give a checkpoint trained for these classes" in said


@pytest.mark.real
def test_all_of_ade20k() -> None:
    lines = (SHARED / "data/ADEChallengeData2016/objectInfo150.txt").read_text().splitlines()[1:]
    full = tuple(line.split("\t")[4] for line in lines)
    first = tuple(name.split(",")[0].strip() for name in full)
    assert len(full) == 150
    for own in (full, first):
        Fake(own).check_classes(first)
        Fake(own).check_classes(full)
        for by in range(1, 150):
            assert "the orders differ" in complaint(Fake((*own[by:], *own[:by])), first)
        assert "first_class 1" in complaint(Fake(("background", *own)), first)


@pytest.mark.real
def test_vocs_checkpoint() -> None:
    from lit_samseg.baselines import MobileNetV2DeepLab
    from lit_samseg.data.voc import VOC_CLASSES

    baseline = MobileNetV2DeepLab(str(SHARED / "weights/deeplabv3_mobilenetv2_voc"))
    baseline.check_classes(VOC_CLASSES)
    assert baseline.class_names is not None
    assert "the orders differ" in complaint(baseline, (*VOC_CLASSES[1:], VOC_CLASSES[0]))
