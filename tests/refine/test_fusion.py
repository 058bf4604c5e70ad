"""Scores that are added up, against the formulas written out cell by cell."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg.crf import Kernel, colour_features, feature_kernel, mean_field, position_features
from lit_samseg.errors import InputError
from lit_samseg.refine import Grid, find_regions, make_grid
from lit_samseg.refine.fusion import FusedScores
from lit_samseg.refine.principal import principal_components
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.variant import Fusion
from lit_samseg.sam.frame import Frame

FRAME = Frame(60, 80, 128, 32)
"""24 x 32 cells of 4 pixels of the frame, 2.5 of the image."""


@pytest.fixture
def grid() -> Grid:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 60, 80, generator=generator) * 3
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8, generator=generator)
    return make_grid(image, logits.argmax(0), logits, FRAME, background=0)


def answers(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(32, 32, generator=generator) * 9 for _ in range(count)]


def no_features() -> None:
    return None


def test_evidence_is_the_most_of_a_classs_regions(grid: Grid) -> None:
    one, two, three = answers(3)
    scores = FusedScores(grid, Fusion(weight=0.5), no_features)
    for class_id, logits in ((2, one), (4, two), (2, three)):
        scores.add(class_id, logits)
    height, width = grid.shape
    expected = grid.log_probabilities.numpy().copy()
    for y in range(height):
        for x in range(width):
            for class_id, own in ((2, (one, three)), (4, (two,))):
                most = max(min(10.0, max(-10.0, float(logits[y, x]))) for logits in own)
                expected[grid.classes.tolist().index(class_id), y, x] += 0.5 * most
    assert torch.equal(scores.finish(), grid.label_map(torch.from_numpy(expected)))


def test_a_mask_votes_with_what_the_baseline_thinks_of_it(grid: Grid) -> None:
    masks = answers(2)
    scores = FusedScores(grid, Fusion(vote=2.0), no_features)
    for logits in masks:
        scores.add(1, logits)
    height, width = grid.shape
    likelihood = grid.log_probabilities.numpy().astype(float)
    total, voters = np.zeros_like(likelihood), np.zeros((height, width))
    for logits in masks:
        mask = np.array([[1 / (1 + math.exp(-float(logits[y, x]))) for x in range(width)] for y in range(height)])
        mean = np.array([(mask * np.maximum(of_class, -8)).sum() / max(1, mask.sum()) for of_class in likelihood])
        total += mask * (mean - mean.max())[:, None, None]
        voters += mask
    expected = likelihood + 2.0 * total / np.maximum(1, voters)
    got = scores.finish()
    assert torch.equal(got, grid.label_map(torch.from_numpy(expected).float()))
    assert not torch.equal(got, grid.label_map(grid.log_probabilities))


def test_without_an_answer_the_baseline_stays(grid: Grid) -> None:
    plain = grid.label_map(grid.log_probabilities)
    assert torch.equal(FusedScores(grid, Fusion(0.3, 0.3), no_features).finish(), plain)


def test_a_field_smooths_and_needs_features_for_its_last_kernel(grid: Grid) -> None:
    plain = grid.label_map(grid.log_probabilities)

    def borders(labels: Tensor) -> int:
        return int((labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum())

    smooth = FusedScores(grid, Fusion(crf="crf"), no_features).finish()
    assert borders(smooth) < borders(plain)
    height, width = grid.shape
    # Larger than the grid, as SAM gives them.
    features = torch.zeros(8, height + 1, width)
    features[3, :, width // 2 :] = 1
    features[5] = torch.randn(height + 1, width, generator=torch.Generator().manual_seed(0)) * 0.01
    by_features = FusedScores(grid, Fusion(crf="samcrf"), lambda: features).finish()
    assert not torch.equal(by_features, smooth)
    with pytest.raises(InputError, match="gives no features for samcrf; use crf"):
        FusedScores(grid, Fusion(crf="samcrf"), no_features).finish()


def test_the_fields_constants_are_those_of_the_page() -> None:
    """Kernels and iterations written out; any other distance, weight or sign gives other label maps."""
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(5, 60, 80, generator=generator) * 1.5
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8, generator=generator) // 8
    features = torch.randn(8, 24, 32, generator=generator)
    grid = make_grid(image, logits.argmax(0), logits, FRAME, background=0, with_pixels=True)
    own = grid.pixels
    assert own is not None
    (height, width), scores = grid.shape, grid.log_probabilities
    smooth = Kernel(position_features(height, width, 0.6), 3.0)
    colour = Kernel(colour_features(grid.image, 33.0, 5.0), 4.0)
    seen = Kernel(feature_kernel(principal_components(features, 4), 20.0, 0.2), 4.0)
    dense = [Kernel(position_features(60, 80, 1.0), 3.0), Kernel(colour_features(own.image, 67.0, 3.0), 4.0)]
    maps = []
    for crf, where, kernels, iterations in (
        ("crf", grid, [smooth, colour], 8),
        ("samcrf", grid, [smooth, colour, seen], 8),
        ("densecrf", own, dense, 10),
    ):
        expected = where.label_map(mean_field(where.log_probabilities, kernels, iterations))
        maps.append(FusedScores(where, Fusion(crf=crf), lambda: features).finish())
        assert torch.equal(maps[-1], expected)
    assert not torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[0], grid.label_map(scores))


def test_principal_components_are_numpys() -> None:
    features = torch.randn(7, 9, 11, generator=torch.Generator().manual_seed(1)) * torch.arange(1, 8)[:, None, None]
    got = principal_components(features, 3).flatten(1).numpy()
    flat = features.flatten(1).numpy().astype(float)
    flat -= flat.mean(1, keepdims=True)
    left, sizes, _ = np.linalg.svd(flat, full_matrices=False)
    expected = left[:, :3].T @ flat / (sizes[0] / math.sqrt(flat.shape[1]))
    for ours, theirs in zip(got, expected, strict=True):
        assert min(np.abs(ours - theirs).max(), np.abs(ours + theirs).max()) < 1e-4


def test_features_that_are_all_alike() -> None:
    assert torch.equal(principal_components(torch.ones(4, 3, 5), 2), torch.zeros(2, 3, 5))


def test_a_margin_prompt(grid: Grid) -> None:
    """Two components of class 1: each one's prompt is positive on itself and negative on the other."""
    labels = torch.zeros(60, 80, dtype=torch.int64)
    labels[5:25, 5:35] = 1
    labels[30:55, 40:75] = 1
    labels[10:20, 50:70] = 2
    logits = torch.nn.functional.one_hot(labels, 4).permute(2, 0, 1) * 6.0
    logits[3] += 2.5
    image = torch.zeros(3, 60, 80, dtype=torch.uint8)
    grid = make_grid(image, labels, logits, FRAME, background=0)
    large, small = find_regions(labels, "component", 0)[:2]
    assert large.area > small.area
    for region, own, other in ((large, (12, 18), (4, 5)), (small, (4, 5), (12, 18))):
        prompt = build_prompt(region, ["point", "box", "margin"], grid=grid)
        assert prompt.mask is None
        assert prompt.mask_logits is not None
        assert prompt.mask_logits.shape == (32, 32)
        # 6 against the 2.5 of class 3, which is nowhere the likeliest.
        assert float(prompt.mask_logits[own]) == pytest.approx(3.5, abs=1e-5)
        assert float(prompt.mask_logits[other]) == pytest.approx(-3.5, abs=1e-5)
        assert float(prompt.mask_logits[4, 18]) == pytest.approx(-6.0, abs=1e-5)
        # The padding.
        assert (prompt.mask_logits[24:] == -10).all()


def test_the_images_own_pixels() -> None:
    """Scores there are the baseline's own, untouched by any sampling."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 37, 50, generator=generator) * 3
    image = torch.randint(0, 256, (3, 37, 50), dtype=torch.uint8, generator=generator)
    frame = Frame(37, 50, 128, 32)
    grid = make_grid(image, logits.argmax(0), logits, frame, background=0, with_pixels=True).pixels
    assert grid is not None
    assert torch.equal(grid.image, image.float())
    assert torch.allclose(grid.log_probabilities, logits.log_softmax(0)[grid.classes], atol=1e-5)
    assert torch.equal(grid.label_map(grid.log_probabilities), logits.argmax(0))
