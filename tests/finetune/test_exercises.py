"""What is asked in training: corrupted ground truth, moved guesses, prompts by the evaluation's code, true masks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.finetune.guesses import guess_of_baseline, guess_of_truth
from lit_samseg.finetune.perturbed_maps import (
    LEAST_AREA,
    coarsened,
    corrupted,
    corrupted_label_map,
    cut,
    dilated,
    eroded,
    spilled,
)
from lit_samseg.finetune.training_prompts import draw_exercises, true_mask
from lit_samseg.refine import Variant, make_grid, parse_variants
from lit_samseg.sam import Embedding, SegmentAnything
from tests.refine.contexts import context_of, prompt_of, regions_of


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60))
def test_corruptions_do_what_they_are_called(seed: int, height: int, width: int) -> None:
    rng = generator(seed)
    mask = np.zeros((64, 64), bool)
    top, left = rng.integers(0, 64 - height + 1), rng.integers(0, 64 - width + 1)
    mask[top : top + height, left : left + width] = True
    assert not (mask & ~dilated(mask, rng)).any()
    assert not (eroded(mask, rng) & ~mask).any()
    assert not (cut(mask, rng) & ~mask).any()
    assert cut(mask, rng).sum() < mask.sum()
    assert not (mask & ~spilled(mask, rng)).any()
    assert coarsened(mask, rng).shape == mask.shape
    wrong = corrupted(mask, rng)
    assert wrong.sum() >= min(LEAST_AREA, mask.sum())
    assert wrong.dtype == bool


def test_corruption_is_drawn_and_makes_a_difference() -> None:
    mask = np.zeros((90, 120), bool)
    mask[20:70, 30:100] = True
    tries = [corrupted(mask, generator(seed)) for seed in range(40)]
    assert np.array_equal(tries[3], corrupted(mask, generator(3)))
    ious = [(mask & t).sum() / (mask | t).sum() for t in tries]
    assert 0.5 < np.mean(ious) < 0.95
    assert len({t.tobytes() for t in tries}) > 30


def test_wrong_label_maps_have_the_classes_of_the_truth() -> None:
    _, target = generate_scene(99, 3)
    wrong = corrupted_label_map(target, 0, 255, generator(1))
    assert set(np.unique(wrong)) <= set(np.unique(target)) - {255}
    assert len(np.unique(wrong)) > 2
    assert not np.array_equal(wrong, np.where(target == 255, 0, target))
    unpainted = corrupted_label_map(target, 255, 255, generator(1))
    assert (unpainted == 255).any()


@pytest.fixture(scope="module")
def scene() -> tuple[torch.Tensor, torch.Tensor, Embedding]:
    image, target = generate_scene(99, 3)
    pixels = torch.from_numpy(image).permute(2, 0, 1)
    (embedding,) = SegmentAnything("demo").encode([pixels])
    return pixels, torch.from_numpy(target).long(), embedding


def test_noise_moves_what_the_baseline_thinks(scene: tuple[torch.Tensor, torch.Tensor, Embedding]) -> None:
    image, target, embedding = scene
    labels = torch.where(target == 255, 0, target)
    logits = torch.nn.functional.one_hot(labels, 8).permute(2, 0, 1) * 3.0
    grid = make_grid(image, labels, logits, embedding.frame, 0)
    same, grid_of_same = guess_of_baseline(grid, 0.0, generator())
    assert torch.equal(same, grid.label_map(grid.log_probabilities))
    assert torch.allclose(grid_of_same.log_probabilities, grid.log_probabilities, atol=1e-5)
    moved = [guess_of_baseline(grid, 3.0, generator(seed)) for seed in range(4)]
    for label_map, moved_grid in moved:
        assert torch.equal(label_map, moved_grid.label_map(moved_grid.log_probabilities))
        assert torch.allclose(moved_grid.log_probabilities.exp().sum(0), torch.ones(grid.shape), atol=1e-4)
        assert torch.equal(moved_grid.labels, grid.classes[moved_grid.log_probabilities.argmax(0)])
    assert any(not torch.equal(label_map, same) for label_map, _ in moved)


def row(text: str) -> Variant:
    (variant,) = parse_variants([text], has_background=True)
    return variant


def test_prompts_are_the_evaluations(scene: tuple[torch.Tensor, torch.Tensor, Embedding]) -> None:
    image, target, embedding = scene
    labels = torch.where(target == 255, 0, target)
    grid = make_grid(image, labels, None, embedding.frame, 0)
    guess = guess_of_truth(image, target, grid, 0, 255, generator(5))
    recipe = "point+box+margin"
    context = context_of(guess[0], image=image, embedding=embedding, grid=guess[1], target=target)
    variant = row(f"{recipe}@component/fuse")
    exercises = draw_exercises(context, variant, 3, 0.0, generator(2))
    assert exercises is not None
    assert 1 < len(exercises.prompts) <= 3
    found = {region.pixels: region for region in regions_of(guess[0], "component")}
    for prompt, region in zip(exercises.prompts, exercises.regions, strict=True):
        expected = prompt_of(found[region.pixels], recipe, context)
        for part in ("points", "box", "mask_logits"):
            assert torch.equal(getattr(prompt, part), getattr(expected, part))
    jittered = draw_exercises(context, variant, 3, 0.1, generator(2))
    assert jittered is not None
    height, width = labels.shape
    boxes = torch.stack([p.box for p in jittered.prompts if p.box is not None])
    assert (boxes[:, :2] <= boxes[:, 2:]).all()
    assert (boxes >= 0).all()
    assert (boxes <= torch.tensor([width - 1, height - 1] * 2)).all()
    empty = context_of(torch.zeros_like(labels), image=image, embedding=embedding, grid=grid, target=target)
    assert draw_exercises(empty, row("box"), 3, 0.0, generator()) is None


def test_the_true_mask_is_what_the_region_touches() -> None:
    target = torch.zeros(40, 60, dtype=torch.int64)
    target[5:15, 5:15] = target[5:15, 40:55] = 3  # two things of a class
    target[20:30, 5:20] = 4
    target[15, 5:15] = 255
    labels = torch.zeros_like(target)
    labels[8:20, 8:20] = 3  # over the first
    labels[32:38, 32:50] = 3  # over nothing
    first, second = sorted(regions_of(labels, "component"), key=lambda region: region.first_pixel)
    mask, known = true_mask(first, target, 255)
    left = torch.zeros_like(mask)
    left[5:15, 5:15] = True
    assert torch.equal(mask, left)
    assert torch.equal(~known, (target == 255) | ((target == 3) & ~left))
    mask, known = true_mask(second, target, 255)
    assert not mask.any()
    assert torch.equal(~known, (target == 255) | (target == 3))
    whole = replace(first, numbers=(labels == 3).int(), number=1)
    target[33, 33] = 3
    assert true_mask(whole, target, 255)[0].sum() == 101
