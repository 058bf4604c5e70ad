"""Sets of pixels in a mean field, against the formulas written out pixel by pixel."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from lit_samseg.crf import Cliques, Kernel, mean_field, position_features


def drawn(cliques: int, height: int, width: int, classes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Members, how far each clique is trusted, and scores."""
    generator = torch.Generator().manual_seed(5)
    members = torch.rand(cliques, height * width, generator=generator)
    members[0] = (members[0] > 0.5).float()
    trust = torch.rand(cliques, generator=generator)
    return members, trust, torch.randn(classes, height, width, generator=generator)


@pytest.mark.parametrize("iterations", [1, 4])
def test_members_hear_the_mean_of_their_cliques(iterations: int) -> None:
    members, trust, scores = drawn(4, 5, 6, 3)
    found = mean_field(scores, [Cliques(members, trust, 2.5)], iterations)
    unary = scores.double().numpy().reshape(3, -1)
    belonging, trusted = members.double().numpy(), trust.double().numpy()
    now = unary
    for _ in range(iterations):
        q = softmax(now, axis=0)
        now = unary.copy()
        for pixel in range(30):
            shared = max(1.0, sum(trusted[k] * belonging[k, pixel] for k in range(4)))
            for label in range(3):
                for k in range(4):
                    mean = (belonging[k] * q[label]).sum() / max(1.0, belonging[k].sum())
                    now[label, pixel] += 2.5 * trusted[k] * belonging[k, pixel] * mean / shared
    np.testing.assert_allclose(found.numpy().reshape(3, -1), log_softmax(now, axis=0), rtol=0, atol=2e-5)


def test_cliques_add_to_other_kernels() -> None:
    members, trust, scores = drawn(2, 5, 6, 3)
    kernel = Kernel(position_features(5, 6, 1.0), 1.0)
    cliques = Cliques(members, trust, 1.5)
    once = mean_field(scores, [kernel, cliques], 1)
    alone = [mean_field(scores, [one], 1) - scores.log_softmax(0) for one in (kernel, cliques)]
    # After one update each message is of the scores themselves, but for what a pixel's classes have in common.
    expected = (scores.log_softmax(0) + alone[0] + alone[1]).log_softmax(0)
    torch.testing.assert_close(once, expected, rtol=0, atol=1e-5)


def test_masks_may_be_bool_and_without_members() -> None:
    _, trust, scores = drawn(2, 5, 6, 3)
    members = torch.zeros(2, 30, dtype=torch.bool)
    torch.testing.assert_close(mean_field(scores, [Cliques(members, trust, 9.0)], 3), scores.log_softmax(0))


def test_members_are_of_all_pixels() -> None:
    members, trust, scores = drawn(2, 5, 6, 3)
    with pytest.raises(ValueError, match="30 pixels"):
        mean_field(scores, [Cliques(members[:, 1:], trust, 1.0)], 1)
