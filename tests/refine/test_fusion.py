"""Scores that are added up, against the formulas written out cell by cell."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg.crf import Kernel, colour_features, feature_kernel, mean_field, position_features
from lit_samseg.errors import InputError
from lit_samseg.refine import Decision, Grid, ImageContext, Region, make_grid
from lit_samseg.refine.fields import FeatureField, GridField, PixelField
from lit_samseg.refine.fusion import Fuse, FusedScores, Vote
from lit_samseg.refine.map_kinds import Field
from lit_samseg.refine.principal import principal_components
from lit_samseg.sam import Frame, MaskWindow, Prompt
from tests.refine.contexts import context_of, prompt_of, regions_of
from tests.refine.fake_sam import BoxFillingSam

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


class Featured(BoxFillingSam):
    """Gives features that are given to it."""

    def __init__(self, features: Tensor | None = None) -> None:
        super().__init__()
        self.features = features

    def pixel_features(self, embedding: object) -> Tensor | None:
        return self.features


def image_of(grid: Grid, features: Tensor | None = None) -> ImageContext:
    """An image whose grid is given."""
    labels = torch.zeros(grid.frame.height, grid.frame.width, dtype=torch.int64)
    return context_of(labels, Featured(features), grid=grid)


def answered(class_id: int, logits: Tensor) -> Decision:
    """What SAM answered for a region, of which only the class matters."""
    nothing = torch.zeros(1, 1, dtype=torch.int64)
    region = Region(class_id, nothing, 1, torch.zeros(4), torch.zeros(1, 2), 0, 0)
    window = MaskWindow(0, 0, torch.zeros(1, 1, 1, dtype=torch.bool))
    return Decision(region, Prompt(), window, logits[None], torch.ones(1), torch.tensor(0))


def fielded(context: ImageContext, field: Field) -> Tensor:
    return FusedScores(context, [], field).finish()


def test_evidence_is_the_most_of_a_classs_regions(grid: Grid) -> None:
    one, two, three = answers(3)
    scores = FusedScores(image_of(grid), [Fuse(weight=0.5)], None)
    for class_id, logits in ((2, one), (4, two), (2, three)):
        scores.add(answered(class_id, logits))
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
    scores = FusedScores(image_of(grid), [Vote(weight=2.0)], None)
    for logits in masks:
        scores.add(answered(1, logits))
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
    assert torch.equal(FusedScores(image_of(grid), [Fuse(), Vote()], None).finish(), plain)


def test_a_field_smooths_and_needs_features_for_its_last_kernel(grid: Grid) -> None:
    plain = grid.label_map(grid.log_probabilities)

    def borders(labels: Tensor) -> int:
        return int((labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum())

    smooth = fielded(image_of(grid), GridField())
    assert borders(smooth) < borders(plain)
    height, width = grid.shape
    # Larger than the grid, as SAM gives them.
    features = torch.zeros(8, height + 1, width)
    features[3, :, width // 2 :] = 1
    features[5] = torch.randn(height + 1, width, generator=torch.Generator().manual_seed(0)) * 0.01
    by_features = fielded(image_of(grid, features), FeatureField())
    assert not torch.equal(by_features, smooth)
    with pytest.raises(InputError, match="gives no features for samcrf; use crf"):
        fielded(image_of(grid), FeatureField())


def test_the_fields_constants_are_those_of_the_page() -> None:
    """Kernels and iterations written out; any other distance, weight or sign gives other label maps."""
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(5, 60, 80, generator=generator) * 1.5
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8, generator=generator) // 8
    features = torch.randn(8, 24, 32, generator=generator)
    grid = make_grid(image, logits.argmax(0), logits, FRAME, background=0)
    context = context_of(logits.argmax(0), Featured(features), image=image, logits=logits, grid=grid)
    own = context.pixel_grid
    (height, width), scores = grid.shape, grid.log_probabilities
    smooth = Kernel(position_features(height, width, 0.6), 3.0)
    colour = Kernel(colour_features(grid.image, 33.0, 5.0), 4.0)
    seen = Kernel(feature_kernel(principal_components(features, 4), 20.0, 0.2), 4.0)
    dense = [Kernel(position_features(60, 80, 1.0), 3.0), Kernel(colour_features(own.image, 67.0, 3.0), 4.0)]
    maps = []
    for field, where, kernels, iterations in (
        (GridField(), grid, [smooth, colour], 8),
        (FeatureField(), grid, [smooth, colour, seen], 8),
        (PixelField(), own, dense, 10),
    ):
        expected = where.label_map(mean_field(where.log_probabilities, kernels, iterations))
        maps.append(fielded(context, field))
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
    large, small = regions_of(labels, "component")[:2]
    assert large.area > small.area
    for region, own, other in ((large, (12, 18), (4, 5)), (small, (4, 5), (12, 18))):
        prompt = prompt_of(region, "point+box+margin", context_of(labels, grid=grid))
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
    grid = context_of(logits.argmax(0), image=image, logits=logits).pixel_grid
    assert torch.equal(grid.image, image.float())
    assert torch.allclose(grid.log_probabilities, logits.log_softmax(0)[grid.classes], atol=1e-5)
    assert torch.equal(grid.label_map(grid.log_probabilities), logits.argmax(0))
