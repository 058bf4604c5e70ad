"""Metrics as objects: found by word and path, tried before any work, counted image by image, gathered and scored."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from torch.utils._python_dispatch import TorchDispatchMode

from lit_samseg.analysis import Analysis
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.evaluation.scoring import Scoring
from lit_samseg.metrics import METRICS, Column, ImageFacts, Metric, count_pixels, find_metrics

CLASSES = 4
ROWS = ["baseline", "box"]
HERE = "tests.metrics.test_metric"


class Classes(Metric):
    """How many classes a label map has, of which how many are wrong; the share right of all pixels, as a float."""

    word: ClassVar[str] = "classes"
    columns = (
        Column("per_image", "classes", "number", False, note="classes in an image"),
        Column("right", "right", shown=()),
        Column("invented", "inv.", "number", False, ("log",)),
    )
    summed = frozenset({"invented"})

    def count(self, label_map: np.ndarray, target: np.ndarray, image: ImageFacts) -> Mapping[str, ArrayLike]:
        has, should = (np.isin(range(image.num_classes), labels) for labels in (label_map, target))
        right = float((label_map == target).mean())
        return {"has": has, "number": int(has.sum()), "right": right, "invented": has & ~should}

    def score(self, counts: Mapping[str, np.ndarray]) -> dict[str, float]:
        images = counts["images"]
        return {
            "per_image": counts["number"] / images if images else np.nan,
            "right": counts["right"] / images if images else np.nan,
            "invented": float(counts["invented"].sum()),
        }

    def merge(self, images: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**super().merge(images), "images": np.array(len(images["number"]))}


class Wordless(Classes):
    word = ""


class Shouting(Classes):
    word = "Big-Word"


class Twin(Classes):
    pass


class OtherKeys(Classes):
    word = "other_keys"
    columns = (Column("one", "1"),)


class Failing(Classes):
    word = "failing"

    def count(self, label_map: np.ndarray, target: np.ndarray, image: ImageFacts) -> Mapping[str, ArrayLike]:
        raise KeyError("lost")


class FailingLater(Classes):
    """Works on the blank image it is tried on, and then no more."""

    word = "later"
    how: ClassVar[str] = "raise"

    def count(self, label_map: np.ndarray, target: np.ndarray, image: ImageFacts) -> Mapping[str, ArrayLike]:
        counts = dict(super().count(label_map, target, image))
        if image.id == "blank":
            return counts
        if self.how == "raise":
            raise ZeroDivisionError("by zero")
        return counts | ({"right": np.nan} if self.how == "nan" else {"number": [1, 2]})


class FloatSum(Classes):
    word = "float_sum"
    summed = frozenset({"right"})


class Words(Classes):
    word = "words"

    def count(self, label_map: np.ndarray, target: np.ndarray, image: ImageFacts) -> Mapping[str, ArrayLike]:
        return {"number": "three"}


def images(number: int) -> list[tuple[Sample, LabelMaps]]:
    numbers = np.random.default_rng(number)
    made = []
    for n in range(number):
        target = torch.from_numpy(numbers.integers(0, CLASSES, (30, 40 + n)))
        target[:5] = 255
        target[:, -3:] = 0
        rows = {row: torch.from_numpy(numbers.integers(-1, CLASSES, target.shape).astype(np.int16)) for row in ROWS}
        sample = Sample(f"i{n}", torch.zeros(3, *target.shape, dtype=torch.uint8), target, n)
        made.append((sample, LabelMaps(sample.id, rows)))
    return made


def test_a_path_finds_a_metric_and_a_word_another() -> None:
    found = find_metrics([f"{HERE}:Classes", "pixels", f"{HERE}:Classes", "boundary"], CLASSES)
    assert [type(metric) for metric in found] == [Classes]
    assert {"pixels", "boundary"} <= set(METRICS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["speks"], "is no metric; there are boundary, entropy, pixels"),
        (["os:getcwd"], "os:getcwd is no metric; it must be a class derived from lit_samseg.metrics.metric.Metric"),
        (["nowhere.at.all:Metric"], "cannot be imported: ModuleNotFoundError"),
        ([f"{HERE}:Wordless"], "Wordless has no word; give the class one"),
        ([f"{HERE}:Shouting"], "its word 'Big-Word' is not of small letters"),
        ([f"{HERE}:Classes", f"{HERE}:Twin"], "another metric with the word 'classes'"),
        ([f"{HERE}:OtherKeys"], "scores per_image, right, invented; its columns are one"),
        ([f"{HERE}:Failing"], "cannot be used: KeyError: 'lost'"),
        ([f"{HERE}:FloatSum"], "'right' is summed and no integer"),
        ([f"{HERE}:Words"], "counts are integers or floats"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_before_any_work(words: list[str], said: str) -> None:
    with pytest.raises(InputError, match="metric") as caught:
        find_metrics(words, CLASSES)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raise", "metric later, image i0: ZeroDivisionError: by zero"),
        ("nan", "metric later, image i0: count 'right' is not a number (nan)"),
        ("shape", "metric later, image i0: counts are has int64 [4], number int64 [2], "),
    ],
)
def test_a_metric_that_fails_on_an_image_is_named(how: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailingLater, "how", how)
    scoring = Scoring(ROWS, CLASSES, 255, others=[FailingLater()])
    with pytest.raises(InputError) as caught:
        scoring.count(*images(1)[0])
    assert str(caught.value).startswith(said)


def test_counts_are_kept_by_image_and_go_through_a_file() -> None:
    scoring, again = (Scoring(ROWS, CLASSES, 255, others=find_metrics([f"{HERE}:Classes"], CLASSES)) for _ in range(2))
    made = images(3)
    for sample, maps in reversed(made):
        counts = scoring.count(sample, maps)
        scoring.add(sample.position, counts)
        again.add(sample.position, ImageCounts.of_arrays(counts.arrays(), torch.device("cpu")))
    scoring.check()
    positions, pixels = scoring.pixels()
    assert positions == [0, 1, 2]
    assert pixels.shape == (2, 3, 3, CLASSES)
    found = scoring.gathered()["classes"]
    assert found.positions == positions
    assert {name: array.shape for name, array in found.counts.items()} == {
        "has": (2, 3, CLASSES), "number": (2, 3), "right": (2, 3), "invented": (2, CLASSES),
    }  # fmt: skip
    for n, (sample, maps) in enumerate(made):
        assert sample.target is not None
        for r, label_map in enumerate(maps.rows.values()):
            np.testing.assert_array_equal(pixels[r, :, n], count_pixels(label_map, sample.target, CLASSES, 255))
            assert found.counts["right"][r, n] == (label_map == sample.target).double().mean()
    for word, gathered in again.gathered().items():
        assert gathered.positions == positions
        for name, array in gathered.counts.items():
            np.testing.assert_array_equal(array, scoring.gathered()[word].counts[name])


class Largest(TorchDispatchMode):
    """Takes down the numbers in the largest tensor that anything made."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.numbers = max(self.numbers, made.untyped_storage().nbytes() // made.element_size())
        return made


def test_deterministic_algorithms_count_the_same_in_as_little_memory() -> None:
    made = images(3)
    usual, strict = (Scoring(ROWS, CLASSES, 255) for _ in range(2))
    for sample, maps in made:
        usual.add(sample.position, usual.count(sample, maps))
    torch.use_deterministic_algorithms(True)
    try:
        with Largest() as largest:
            for sample, maps in made:
                strict.add(sample.position, strict.count(sample, maps))
            strict.check()
    finally:
        torch.use_deterministic_algorithms(False)
    np.testing.assert_array_equal(strict.pixels()[1], usual.pixels()[1])
    # Torchmetrics' own way has a number for each pixel and pair of classes.
    pixels = len(ROWS) * max(maps.rows[ROWS[0]].numel() for _, maps in made)
    assert pixels <= largest.numbers <= 2 * pixels


def test_numbers_stay_in_host_memory_wherever_the_networks_are() -> None:
    scoring = Scoring(ROWS, CLASSES, 255, others=[Classes()])
    for gathers in (*scoring.counts.values(), scoring.void_share):
        # A device that keeps no number, and would not give one back.
        gathers.to("meta")
    scoring.begin()
    for sample, maps in images(2):
        scoring.add(sample.position, scoring.count(sample, maps))
    assert {gathers.device.type for gathers in scoring.counts.values()} == {"meta"}
    assert scoring.gathered()["classes"].counts["has"].shape == (2, 2, CLASSES)
    assert scoring.void_share.compute() == pytest.approx(5 * (37 + 38) / (30 * (40 + 41)))


def test_loggers_get_the_numbers_that_are_meant_for_them() -> None:
    scoring = Scoring(ROWS, CLASSES, 255, others=[Classes()])
    for sample, maps in images(2):
        scoring.add(sample.position, scoring.count(sample, maps))
    logged = scoring.logged()
    assert list(logged) == ROWS
    own = ["classes/per_image", "classes/invented"]
    assert list(logged["box"]) == ["miou", "macc", "miou_gt_present", "pixel_acc", *own]
    assert logged["box"]["miou"] == scoring.scores()["box"].miou
    assert logged["box"]["classes/per_image"] == CLASSES


def test_the_ground_truth_may_be_prepared_once_an_image() -> None:
    class Prepared(Classes):
        prepared = 0

        def prepare(self, target: np.ndarray, image: ImageFacts) -> Any:
            Prepared.prepared += 1
            return super().prepare(target, image)

    scoring = Scoring(ROWS, CLASSES, 255, others=[Prepared()])
    for sample, maps in images(3):
        scoring.count(sample, maps)
    assert Prepared.prepared == 3


def test_the_analysis_has_a_word_that_no_other_metric_may_have() -> None:
    class Own(Classes):
        word = "recognition"

    analysis = Analysis([], CLASSES, 0, 255)
    assert [m.word for m in Scoring(ROWS, CLASSES, 255, analysis).metrics] == ["pixels", "boundary", "recognition"]
    with pytest.raises(InputError, match="metric Own: the analysis has the word 'recognition'; rename it"):
        Scoring(ROWS, CLASSES, 255, analysis, [Own()])
    # Without an analysis it is as good as any.
    assert Scoring(ROWS, CLASSES, 255, None, [Own()]).others[0].word == "recognition"
