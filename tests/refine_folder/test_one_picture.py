"""What is made of one picture's masks, and what is said of it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg import Refiner
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.formats.interface import Classes, LabelMap
from lit_samseg.refine_folder.answer import ask
from lit_samseg.refine_folder.one_picture import Refined, Ways, refine_picture
from lit_samseg.refined import Refinement
from lit_samseg.tiling import Tiling
from lit_samseg.void import VOID

CLASSES = Classes(("background", "bottle", "dog"), (0, 1, 2), background=0)


class Fixed:
    """In a refiner's place: gives one label map, whatever it is asked."""

    tiles = SimpleNamespace(square=1024)

    def __init__(self, label_map: Tensor) -> None:
        self.label_map = label_map
        self.asked: Tensor | None = None

    def refine(self, image: Tensor, label_map: Tensor, details: Callable[..., None], scores: Any) -> Refinement:
        self.asked = label_map
        confidence = torch.full(label_map.shape, 0.75)
        return Refinement(self.label_map, label_map, image, confidence, void=len(CLASSES), seconds=2.0)


def refined(before: np.ndarray, after: np.ndarray, **options: Any) -> tuple[Refined, Fixed]:
    refiner = Fixed(torch.from_numpy(after).long())
    image = torch.zeros(3, *before.shape, dtype=torch.uint8)
    masks = LabelMap(before.astype(np.int32))
    return refine_picture(refiner, "a", image, masks, CLASSES, **options), refiner  # type: ignore[arg-type]


@pytest.fixture
def before() -> np.ndarray:
    """20 x 30: a bottle of 40 pixels, a dog of 100, void of 30."""
    labels = np.zeros((20, 30), np.int64)
    labels[2:12, 3:7] = 1
    labels[5:15, 15:25] = 2
    labels[19] = VOID
    return labels


def test_a_class_of_which_little_would_be_left_keeps_its_pixels(before: np.ndarray) -> None:
    after = np.where(before == VOID, 3, before)
    after[2:10, 3:7] = 0
    after[5, 15:25] = 0
    careful, _ = refined(before, after, ways=Ways(careful=True))
    assert careful.record.kept == ("bottle",)
    assert np.array_equal(careful.after == 1, before == 1)
    # The dog's ten pixels alone.
    assert careful.record.changed == 10 / 600
    assert careful.record.doubt == pytest.approx(0.25 * 10 / 600)
    careless, _ = refined(before, after)
    assert careless.record.kept == ()
    assert (careless.after == 1).sum() == 8
    assert careless.record.changed == 42 / 600
    assert careless.record.classes == ("bottle", "dog")


def test_what_is_said_of_regions_is_what_became_of_them() -> None:
    image, target = generate_scene(SPLIT_SEEDS["test"], 5)
    labels = torch.from_numpy(np.where(target == 255, 0, target)[4::8, 4::8].repeat(8, 0).repeat(8, 1).astype(np.int64))
    pixels = torch.from_numpy(image).permute(2, 0, 1)[:, : labels.shape[0], : labels.shape[1]].contiguous()
    labels = labels[: pixels.shape[1], : pixels.shape[2]].contiguous()
    refiner = Refiner.from_pretrained(sam="demo", background=0, device="cpu")
    expected = refiner.refine(pixels, labels, details=True)
    answer = ask(refiner, pixels, labels, None, 255, Tiling())
    assert torch.equal(answer.label_map, expected.label_map)
    assert len(answer.regions) == len(expected.decisions) > 2
    changed = (expected.label_map != labels).numpy()
    names = tuple(f"class {n}" for n in range(9))
    for one, decision in zip(answer.regions, expected.decisions, strict=True):
        own, mask = decision.region.mask, decision.candidates[int(decision.chosen)]
        record = one.record(names, changed, expected.confidence)
        assert record.agreement == pytest.approx(float((own & mask).sum() / (own | mask).sum()))
        assert (record.label, record.area) == (names[decision.region.class_id], int(own.sum()))
        assert record.changed == int((changed & own.numpy()).sum())
        assert record.confidence == pytest.approx(float(expected.confidence[own].mean()), rel=1e-5)
        rows, columns = own.any(1).nonzero()[:, 0], own.any(0).nonzero()[:, 0]
        assert (record.x, record.y) == (int(columns[0]), int(rows[0]))
        assert (record.width, record.height) == (int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)


def test_void_goes_in_and_comes_out(before: np.ndarray) -> None:
    # It was filled, and a pixel of the dog became void.
    after = np.where(before == VOID, 2, before)
    after[5, 15] = 3
    outcome, refiner = refined(before, after)
    assert refiner.asked is not None
    assert torch.equal(refiner.asked == 3, torch.from_numpy(before == VOID))
    assert np.array_equal(outcome.after, before)
    assert (outcome.record.changed, outcome.record.doubt, outcome.record.seconds) == (0, 0, 2.0)
