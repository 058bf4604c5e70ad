"""Scores of one's own are as good as the network that made them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lit_samseg import Refiner
from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.errors import InputError
from lit_samseg.sam import SegmentAnything


@pytest.fixture(scope="module")
def image() -> Tensor:
    return Scenes(size=1).read("scene_00000", with_target=False).image


@pytest.fixture(scope="module")
def baseline() -> MobileNetV2DeepLab:
    return MobileNetV2DeepLab("demo")


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    """Without a baseline."""
    return Refiner(SegmentAnything("demo"), background=0, device="cpu")


def test_scores_stand_for_the_network(
    image: Tensor, baseline: MobileNetV2DeepLab, refiner: Refiner, tmp_path: Path
) -> None:
    expected = Refiner(refiner.sam, baseline, background=0, device="cpu")(image)
    labels, logits = baseline.predict(image, "x")
    alone = refiner.refine(image, labels)
    assert not torch.equal(alone.label_map, expected.label_map)
    np.savez(tmp_path / "a.npz", logits=logits.numpy())
    for scores in (logits, logits[None], logits.numpy(), tmp_path / "a.npz", str(tmp_path / "a.npz")):
        found = refiner.refine(image, labels, scores=scores)
        assert torch.equal(found.label_map, expected.label_map)
        without = refiner.refine(image, scores=scores)
        assert torch.equal(without.label_map, expected.label_map)
        assert torch.equal(without.baseline, labels)
    likely = refiner.refine(image, scores=logits.softmax(0)).label_map
    assert (likely == expected.label_map).float().mean() > 0.999


def test_a_folder_of_scores_is_a_baseline(
    image: Tensor, baseline: MobileNetV2DeepLab, refiner: Refiner, tmp_path: Path
) -> None:
    """A picture's name says which scores are its own."""
    labels, logits = baseline.predict(image, "x")
    (tmp_path / "scores").mkdir()
    np.savez(tmp_path / "scores/street.npz", logits=logits.numpy())
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / "street.png")
    found = Refiner.from_pretrained(tmp_path / "scores", refiner.sam, background=0, device="cpu")(
        tmp_path / "street.png"
    )
    assert torch.equal(found.baseline, labels)
    assert torch.equal(found.label_map, refiner.refine(image, labels, scores=logits).label_map)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "there is neither a label map nor scores"),
        ({"scores": [1, 2]}, r"scores are a float tensor or array \[C, h, w\], or a path, not list"),
        ({"scores": torch.zeros(3, 4)}, r"scores has the shape \[3, 4\]"),
        ({"scores": torch.full((3, 4, 4), torch.nan)}, "scores has NaN or infinity"),
        ({"scores": 2 * torch.ones(3, 10, 90)}, "scores are 90x10 cells for an image of"),
        ({"scores": "none.npz"}, "no such file of scores: none.npz"),
    ],
)
def test_what_is_no_scores(refiner: Refiner, image: Tensor, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        refiner.refine(image, **options)


def test_a_label_map_of_other_classes(refiner: Refiner, image: Tensor) -> None:
    labels = torch.full(image.shape[1:], 3)
    with pytest.raises(InputError, match=r"the label map has class 3, but scores are of 0\.\.2"):
        refiner.refine(image, labels, scores=torch.randn(3, 8, 8))
