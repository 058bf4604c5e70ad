"""SAM's frame against segment-anything's own transforms."""

import numpy as np
import pytest
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from lit_samseg.sam import Frame

SIZES = [(375, 500), (500, 333), (1024, 1024), (128, 192), (1500, 2000), (37, 501)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pixels_and_coordinates_are_those_of_segment_anything(height: int, width: int) -> None:
    theirs = ResizeLongestSide(1024)
    frame = Frame(height, width, 1024, 256)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = theirs.apply_image(image)
    resized = frame.resize_image(torch.from_numpy(image).permute(2, 0, 1))
    assert frame.resized == expected.shape[:2]
    assert np.array_equal(resized.permute(1, 2, 0).numpy(), expected)
    points = np.array([[0.0, 0.0], [width - 1, height - 1], [12.25, 31.5]])
    moved = frame.to_frame(torch.from_numpy(points))
    np.testing.assert_allclose(moved.numpy(), theirs.apply_coords(points, (height, width)), rtol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 700), (700, 1), (1, 3000), (3000, 1)])
def test_thin_images_keep_a_pixel(height: int, width: int) -> None:
    frame = Frame(height, width, 1024, 256)
    assert min(frame.resized) >= 1
    image = torch.full((3, height, width), 7, dtype=torch.uint8)
    assert frame.pad(frame.resize_image(image)).shape == (3, 1024, 1024)
    assert frame.to_image(torch.ones(2, 256, 256)).shape == (2, height, width)
    assert frame.mask_prompt(torch.ones(height, width)).shape == (1, 256, 256)


def test_mask_prompt_lies_where_the_image_lies() -> None:
    """A stretch to a square would reach the padding, and put a wide mask at twice its height."""
    frame = Frame(256, 512, 1024, 256)
    mask = torch.full((256, 512), -1.0)
    mask[128:, :256] = 1
    prompt = frame.mask_prompt(mask)[0]
    assert prompt[128:].unique().tolist() == [-1]
    inside = prompt > 0
    rows, columns = inside.nonzero().unbind(1)
    assert (int(rows.min()), int(rows.max())) == (64, 127)
    assert (int(columns.min()), int(columns.max())) == (0, 127)
    assert float(prompt.max()) == 1


def test_padding_is_zero_after_normalising() -> None:
    frame = Frame(2, 4, 8, 4)
    padded = frame.pad(torch.ones(3, 4, 8))
    assert padded[:, :4].unique().tolist() == [1]
    assert padded[:, 4:].unique().tolist() == [0]
