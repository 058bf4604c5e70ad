"""The Lightning module apart from the command line."""

import pytest
import torch
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
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


@pytest.mark.parametrize("label", [-1, 3, 255])
def test_a_label_that_is_no_class_is_an_error_not_a_dropped_pixel(label: int) -> None:
    with pytest.raises(InputError, match=rf"image x label {label}; the data set's labels are 0\.\.2"):
        evaluation(label).label_maps([Sample("x", torch.zeros(3, 4, 5, dtype=torch.uint8), None)])


def test_no_frozen_parameter_is_in_a_checkpoint() -> None:
    assert evaluation(1).state_dict() == {}
