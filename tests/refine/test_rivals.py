"""Regions of classes that lose."""

from dataclasses import replace

import numpy as np
import torch

from lit_samseg.finetune.training_prompts import draw_exercises
from lit_samseg.refine import Grid, ImageContext, parse_variants
from lit_samseg.refine.rivals import PEAK, SECOND, left_out_classes, second_classes
from lit_samseg.sam import Frame
from tests.refine.contexts import context_of, regions_of
from tests.refine.fake_sam import BoxFillingSam

CLASSES = torch.tensor([0, 2, 3, 5])


def context(shares: dict[int, torch.Tensor]) -> ImageContext:
    """An image whose cells are its pixels, with the probabilities of classes 2, 3 and 5; the rest is background."""
    planes = torch.zeros(4, 40, 60)
    for place, class_id in enumerate(CLASSES.tolist()):
        if class_id in shares:
            planes[place] = shares[class_id]
    planes[0] = 1 - planes[1:].sum(0)
    labels = CLASSES[planes.max(0).indices]
    frame = Frame(40, 60, size=60, mask_size=60)
    grid = Grid(frame, CLASSES, planes.clamp(min=1e-6).log(), labels, torch.zeros(3, 40, 60), scored=True)
    return context_of(labels, BoxFillingSam(), grid=grid)


def square(share: float, left: int, right: int, least: float = 0.0) -> torch.Tensor:
    plane = torch.full((40, 60), least)
    plane[10:30, left:right] = share
    return plane


def test_a_regions_second_class_is_the_likeliest_of_those_that_are_things() -> None:
    image = context({2: square(0.6, 5, 25), 3: square(0.1, 5, 25) + square(0.7, 35, 50), 5: square(0.15, 5, 25)})
    regions = regions_of(image.label_map, "component")
    assert [region.class_id for region in regions] == [2, 3]
    found = second_classes(image, regions)
    # Of the second region no other thing is likely.
    assert [region.class_id for region in found] == [5]
    assert torch.equal(found[0].mask, regions[0].mask)
    assert torch.equal(found[0].box, regions[0].box)
    unlikely = context({2: square(0.6, 5, 25), 5: square(0.9 * SECOND, 5, 25)})
    assert second_classes(unlikely, regions_of(unlikely.label_map, "component")) == []
    everything = replace(image, background=None)
    everything.grid = image.grid
    assert [r.class_id for r in second_classes(everything, regions)] == [5, 0]


def test_a_class_that_is_likely_and_wins_nowhere_has_a_region() -> None:
    image = context({2: square(0.6, 5, 25), 3: square(0.3, 35, 50) + square(0.2, 52, 54), 5: square(PEAK * 0.9, 5, 9)})
    (found,) = left_out_classes(image)
    assert found.class_id == 3
    # The larger of two places, and where it is at least half as likely as at its likeliest.
    expected = torch.zeros(40, 60, dtype=torch.bool)
    expected[10:30, 35:50] = True
    assert torch.equal(found.mask, expected)
    assert left_out_classes(context({2: square(0.6, 5, 25)})) == []


def test_a_training_asks_about_them_too() -> None:
    image = context({2: square(0.6, 5, 25), 3: square(0.3, 35, 50), 5: square(0.15, 5, 25)})
    target = torch.zeros(40, 60, dtype=torch.int64)
    target[10:30, 5:25] = 5
    image.target = target
    (variant,) = parse_variants(["box@component/single/fuse"], has_background=True)
    plain = draw_exercises(image, variant, 4, 0.0, np.random.default_rng(1))
    every = draw_exercises(image, variant, 4, 0.0, np.random.default_rng(1), rivals=1.0)
    assert plain is not None
    assert every is not None
    assert [region.class_id for region in plain.regions] == [2]
    assert [region.class_id for region in every.regions] == [2, 5, 3]
    # The baseline is wrong about what it sees, and its second class is right.
    assert [float(target.sum()) > 0 for target in every.target] == [False, True, False]
    few = draw_exercises(image, variant, 1, 0.0, np.random.default_rng(1), rivals=1.0)
    assert few is not None
    assert [region.class_id for region in few.regions] == [2, 5]
    alone = context({3: square(0.3, 35, 50)})
    alone.target = target
    missed = draw_exercises(alone, variant, 4, 0.0, np.random.default_rng(1), rivals=1.0)
    assert missed is not None
    assert [region.class_id for region in missed.regions] == [3]
    assert draw_exercises(alone, variant, 4, 0.0, np.random.default_rng(1)) is None
