"""What numpy counts against what torch does."""

import pytest
import torch

from lit_samseg.runtime.pixels import count_set, has_label


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (2, 3, 5, 7), (3, 0, 0)])
def test_as_torch_counts(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(shape, generator=generator) > 0.5
    for part in (masks, masks[..., 1:, 2:], masks.mT):
        counted = count_set(part)
        assert counted.dtype == torch.int64
        assert torch.equal(counted, part.sum((-2, -1)))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_as_torch_compares(dtype: torch.dtype) -> None:
    label_map = torch.arange(40).view(5, 8).remainder(3).to(dtype)
    for label in (0, 2, 7, 255, -1):
        assert torch.equal(has_label(label_map[1:, 2:], label), label_map[1:, 2:] == label)
