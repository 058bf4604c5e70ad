"""Cells of one frame on those of another, against the way by the image's pixels."""

import pytest
import torch

from lit_samseg.refine.cells import between, cells_to_image, sample
from lit_samseg.sam.frame import Frame, SquareFrame


@pytest.mark.parametrize("size", [(37, 90), (120, 64), (1, 1), (3, 200)])
@pytest.mark.parametrize("given", [Frame, SquareFrame])
@pytest.mark.parametrize("wanted", [Frame, SquareFrame])
def test_the_way_by_pixels(size: tuple[int, int], given: type[Frame], wanted: type[Frame]) -> None:
    ours, theirs = given(*size, 1008, 288), wanted(*size, 1024, 256)
    values = torch.rand(3, 288, 288, generator=torch.Generator().manual_seed(sum(size)))
    expected = sample(cells_to_image(values, ours), theirs)
    found = between(values, ours, theirs)
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 1e-5
