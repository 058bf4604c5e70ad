"""One image, any number of rows: the object that every user of an image goes through."""

import re
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Sample, Scenes
from lit_samseg.errors import InputError
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import parse_variants
from lit_samseg.refiner import Refiner
from lit_samseg.sam import Embedding, SegmentAnything
from lit_samseg.void import VOID
from tests.conftest import PROJECT

ROWS = ["box", "points+box+mask@component/gate", "auto", "none@crf", "box@ondensecrf"]


class Counting(SegmentAnything):
    """Counts the images that are encoded."""

    encoded = 0

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        self.encoded += len(images)
        return super().encode(images)


@pytest.fixture(scope="module")
def sam() -> Counting:
    return Counting("demo")


@pytest.fixture(scope="module")
def baseline() -> MobileNetV2DeepLab:
    return MobileNetV2DeepLab("demo")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Scenes(size=3).read("scene_00002", with_target=True)


def test_rows_are_those_of_the_evaluation(sam: Counting, baseline: MobileNetV2DeepLab, sample: Sample) -> None:
    data = Scenes(size=3)
    module = SamSegEvaluation(baseline, sam, ROWS, class_names=data.class_names, background=0)
    (expected,) = module.label_maps([sample])
    sam.encoded = 0
    predictor = Predictor(sam, baseline, background=0, num_classes=data.num_classes)
    context = predictor.set_image(sample.image)
    assert sam.encoded == 0
    found = {
        name: row
        for text in ROWS
        for name, row in predictor.refine(context, parse_variants([text], has_background=True)).items()
    }
    assert sam.encoded == 1
    assert list(found) == list(expected.rows)[1:]
    for name, label_map in found.items():
        assert torch.equal(label_map, expected.rows[name]), name


def test_a_label_map_of_ones_own(sam: Counting, sample: Sample) -> None:
    assert sample.target is not None
    labels = torch.where(sample.target == 255, 0, sample.target).long()
    (box,) = parse_variants(["box"], has_background=True)
    predictor = Predictor(sam, background=0)
    refined = predictor.refine(predictor.set_image(sample.image, labels), [box])["box"]
    theirs = Refiner(sam, variant="box", background=0, device="cpu").refine(sample.image, labels)
    assert torch.equal(refined, theirs.label_map)
    assert not torch.equal(refined, labels)
    empty = predictor.set_image(sample.image, torch.zeros_like(labels))
    sam.encoded = 0
    assert torch.equal(predictor.refine(empty, [box])["box"], empty.label_map)
    assert sam.encoded == 0


def test_label_maps_that_cannot_be_used(sam: Counting, baseline: MobileNetV2DeepLab, sample: Sample) -> None:
    with pytest.raises(ValueError, match="without a baseline an image needs a label map"):
        Predictor(sam).set_image(sample.image)
    with pytest.raises(InputError, match=r"gives image street label \d; the data set's labels are 0\.\.0"):
        Predictor(sam, baseline, num_classes=1).set_image(sample.image, name="street")


def test_the_documentations_lines_run() -> None:
    page = (PROJECT / "docs/extend.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(from lit_samseg.baselines import MobileNetV2DeepLab.*?)```", page, re.DOTALL)
    found: dict[str, object] = {}
    exec(lines, found)
    rows = found["rows"]
    assert isinstance(rows, dict)
    assert list(rows) == ["box", "point+box+margin@component/fuse/vote/samcrf"]


@pytest.mark.parametrize("text", ROWS)
def test_scores_are_those_of_the_row(sam: Counting, baseline: MobileNetV2DeepLab, sample: Sample, text: str) -> None:
    predictor = Predictor(sam, baseline, background=0, num_classes=9)
    (row,) = parse_variants([text], has_background=True)
    context = predictor.set_image(sample.image)
    refined = predictor.refine(context, [row])[row.name]
    scores = predictor.scores(context, row)
    assert torch.equal(scores.label_map, refined.long())
    assert torch.equal(scores.classes, scores.classes.unique())
    torch.testing.assert_close(scores.probabilities.sum(0), torch.ones(refined.shape))
    certain = torch.isin(scores.probabilities, torch.tensor([0.0, 1.0])).all()
    assert bool(certain) == (not row.adds_scores)


def test_without_regions_the_label_map_is_certain(sam: Counting, sample: Sample) -> None:
    predictor = Predictor(sam, background=0)
    labels = torch.zeros(sample.image.shape[1:], dtype=torch.int64)
    labels[3, 5] = VOID
    (row,) = parse_variants(["auto"], has_background=True)
    scores = predictor.scores(predictor.set_image(sample.image, labels), row)
    assert scores.classes.tolist() == [VOID, 0]
    assert torch.equal(scores.label_map, labels)
    assert scores.probabilities.unique().tolist() == [0, 1]
