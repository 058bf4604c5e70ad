"""`Refiner` and the networks give on a GPU, in fp32, what they give on a CPU, pixel by pixel."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lit_samseg import Refiner
from lit_samseg.baselines import load_baseline
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.refine.decision import Decision
from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.sam import load_promptable_segmenter
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.emulation.meter import Meter
from tests.sam import tiny_hub

ROWS = (
    "points+box+mask",
    # Every part that computes anything, by one row or the other.
    pytest.param("pole+negative+cebox+gauss@component/rounds", marks=pytest.mark.slow),
    "point+box+margin@component/single/fuse/vote/crf",
)


def scene() -> tuple[Any, Tensor]:
    image, labels = generate_scene(99, 3)
    labels[labels == 255] = 0
    return image, torch.from_numpy(labels)


def tensors(record: Any) -> Iterator[Tensor]:
    """Yield the tensors of a dataclass and of those in its fields."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Tensor):
            yield value
        elif dataclasses.is_dataclass(value):
            yield from tensors(value)


@pytest.mark.parametrize("row", ROWS)
def test_a_refinement_is_that_of_the_cpu_and_lies_there(gpu: Meter, row: str) -> None:
    sam, found = load_promptable_segmenter("demo"), []
    for device in ("cpu", "cuda"):
        refiner = Refiner(sam.to(device), variant=row, background=0, device=device)
        found.append(refiner.refine(*scene(), details=True))
    ours, theirs = found
    assert torch.equal(ours.label_map, theirs.label_map)
    torch.testing.assert_close(ours.confidence, theirs.confidence, atol=1e-4, rtol=0)
    assert not torch.equal(ours.label_map, ours.baseline)
    assert len(ours.decisions) == len(theirs.decisions) > 1
    for decision, other in zip(ours.decisions, theirs.decisions, strict=True):
        assert {tensor.device.type for tensor in tensors(other)} == {"cpu"}
        assert torch.equal(decision.region.mask, other.region.mask)
        assert torch.equal(decision.candidates, other.candidates)
        assert decision.chosen == other.chosen
        # There all prompts are decoded at once, in sums of another order.
        torch.testing.assert_close(decision.logits, other.logits, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(decision.scores, other.scores, atol=1e-4, rtol=0)
    # One map for all regions, not one each.
    assert len({id(decision.region.numbers) for decision in theirs.decisions}) == 1


def test_a_function_gets_decisions_where_they_were_made(gpu: Meter) -> None:
    seen: list[Decision] = []
    refiner = Refiner(load_promptable_segmenter("demo"), variant="box", background=0, device="cuda")
    assert refiner.refine(*scene(), details=seen.append).decisions == []
    assert {tensor.device.type for decision in seen for tensor in tensors(decision)} == {"cpu", "cuda"}


def some(kinds: Iterable[str], by_default: str) -> list[Any]:
    """Take one by default, and the others, which differ in what tests on the CPU look at, where there is time."""
    return [kind if kind == by_default else pytest.param(kind, marks=pytest.mark.slow) for kind in kinds]


@pytest.mark.parametrize("kind", some([*tiny_segmenters.BUILDERS, "oneformer"], "mask2former"))
def test_baselines(gpu: Meter, kind: str, tmp_path: Path) -> None:
    folder = save_oneformer(tmp_path) if kind == "oneformer" else tiny_segmenters.save(kind, tmp_path)
    image = tiny_segmenters.random_image(90, 140)
    baseline = load_baseline(str(folder))
    expected = baseline.label_map(image, "x")
    with without_tf32():
        label_map = baseline.cuda().label_map(image.cuda(), "x")
    assert label_map.is_cuda
    assert int((label_map.cpu() != expected).sum()) == 0


@pytest.mark.parametrize("kind", some(tiny_hub.MODELS, "sam2"))
def test_promptable_segmenters(gpu: Meter, kind: str, tmp_path: Path) -> None:
    tiny_hub.save(kind, tmp_path)
    maps = []
    for device in ("cpu", "cuda"):
        sam = load_promptable_segmenter(str(tmp_path))
        maps.append(Refiner(sam, variant="points+box+mask", background=0, device=device).refine(*scene()).label_map)
    assert torch.equal(*maps)
