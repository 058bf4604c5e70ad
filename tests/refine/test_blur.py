"""What is believed of a label map, against SciPy's Gaussian filter."""

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from lit_samseg.refine.belief_parts import SCALES, Blur
from lit_samseg.refine.cells import sample
from lit_samseg.sam import Frame
from lit_samseg.void import VOID
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam

SIDE = 48


class Coarse(BoxFillingSam):
    """Its grid has half the image's pixels along a side."""

    def frame(self, image: Tensor) -> Frame:
        return Frame(*image.shape[1:], size=SIDE, mask_size=SIDE // 2)


def blocks() -> Tensor:
    """Three classes in blocks, one of them thin."""
    labels = torch.zeros(40, SIDE, dtype=torch.int64)
    labels[10:30, 8:24] = 1
    labels[6:34, 30:32] = 2
    return labels


def test_belief_is_a_mixture_of_labels_around() -> None:
    context = context_of(blocks(), Coarse())
    believed = Blur(own=0.6, unsure=0.1).revise(context.grid, context)
    own = sample(torch.stack([(blocks() == c).float() for c in range(3)]), context.grid.frame).double().numpy()
    expected = 0.6 * own + 0.1 / 3
    for sigma, share in SCALES.items():
        expected += 0.3 * share * np.stack([gaussian_filter(one, sigma, mode="nearest", truncate=3) for one in own])
    np.testing.assert_allclose(believed.log_probabilities.exp().numpy(), expected, rtol=0, atol=2e-6)
    assert abs(sum(SCALES.values()) - 1) < 1e-12


def test_a_label_stays_the_likeliest_at_its_cells() -> None:
    context = context_of(blocks(), Coarse())
    believed = Blur().revise(context.grid, context)
    # Each block begins and ends with a cell: nothing is between two labels.
    assert torch.equal(believed.log_probabilities.argmax(0), context.grid.labels)
    assert len(context.grid.labels.unique()) == 3


def test_of_void_what_is_around_is_believed() -> None:
    labels = blocks()
    labels[18:22, 14:18] = VOID
    context = context_of(labels, Coarse())
    believed = Blur().revise(context.grid, context)
    inside = believed.log_probabilities[:, 10, 8].exp()
    torch.testing.assert_close(believed.log_probabilities.exp().sum(0), torch.ones(context.grid.shape))
    assert int(inside.argmax()) == 1


def test_scores_are_kept() -> None:
    context = context_of(blocks(), Coarse(), logits=torch.randn(3, 10, 12, generator=torch.Generator().manual_seed(1)))
    assert Blur().revise(context.grid, context) is context.grid


def test_with_no_class_nothing_is_believed() -> None:
    context = context_of(torch.full((40, SIDE), VOID), Coarse())
    nothing = replace(context.grid)
    assert not len(nothing.classes)
    assert Blur().revise(nothing, context) is nothing
