"""The Lightning module apart from the command line."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.sam import Embedding
from tests.refine.fake_sam import BoxFillingSam


class Constant(Baseline):
    """Gives every pixel the same label; says nothing of its classes."""

    name, checkpoint, sha256 = "constant", "constant", None

    def __init__(self, label: int) -> None:
        super().__init__()
        self.label = label

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        return torch.full(image.shape[1:], self.label)


def evaluation(label: int) -> SamSegEvaluation:
    return SamSegEvaluation(Constant(label), BoxFillingSam(), ["box"], class_names=("void", "a", "b"), background=0)


def test_rows_of_one_image() -> None:
    (maps,) = evaluation(1).label_maps([Sample("x", torch.zeros(3, 4, 5, dtype=torch.uint8), None)])
    assert list(maps.rows) == ["baseline", "box"]
    assert maps.rows["box"].unique().tolist() == [1]


class CountingSam(BoxFillingSam):
    """Keeps how many images each call of ``encode`` was given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        self.calls.append(len(images))
        return super().encode(images)


def test_a_batch_is_encoded_in_one_call_and_images_without_regions_not_at_all() -> None:
    sam = CountingSam()
    names = ("void", "a", "b")
    samples = [Sample(str(n), torch.zeros(3, 4, 5 + n, dtype=torch.uint8), None) for n in range(3)]
    found = SamSegEvaluation(Constant(1), sam, ["box", "point"], class_names=names, background=0).label_maps(samples)
    assert sam.calls == [3]
    assert [maps.rows["box"].shape for maps in found] == [(4, 5), (4, 6), (4, 7)]
    empty = SamSegEvaluation(Constant(0), sam, ["box", "point"], class_names=names, background=0).label_maps(samples)
    assert sum(sam.calls) == 3
    assert all(torch.equal(maps.rows[row], maps.rows["baseline"]) for maps in empty for row in ("box", "point"))


@pytest.mark.parametrize("label", [-1, 3, 255])
def test_a_label_that_is_no_class_is_an_error_not_a_dropped_pixel(label: int) -> None:
    with pytest.raises(InputError, match=rf"image x label {label}; the data set's labels are 0\.\.2"):
        evaluation(label).label_maps([Sample("x", torch.zeros(3, 4, 5, dtype=torch.uint8), None)])


def test_no_frozen_parameter_is_in_a_checkpoint() -> None:
    assert evaluation(1).state_dict() == {}
