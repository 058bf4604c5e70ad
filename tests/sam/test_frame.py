"""SAM's frame against segment-anything's own transforms."""

import numpy as np
import pytest
import torch
from segment_anything.utils.transforms import ResizeLongestSide
from torch.nn import functional as F

from lit_samseg.sam import Frame, SquareFrame

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


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_square_pixels_are_those_of_sam2(height: int, width: int) -> None:
    """sam2's SAM2Transforms: ToTensor, then Resize on floats. In 1/255: equal to rounding of float32."""
    from torchvision.transforms import Resize, ToTensor

    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = Resize((1024, 1024))(ToTensor()(image)) * 255
    resized = SquareFrame(height, width, 1024, 256).resize_image(torch.from_numpy(image).permute(2, 0, 1))
    torch.testing.assert_close(resized, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("size", "side"), [(1024, 256), (1008, 288)])
def test_square_pixels_are_near_the_processors(size: int, side: int) -> None:
    """The library rounds columns and rows to bytes, each by up to half a level."""
    from transformers import Sam2ImageProcessor

    height, width = 90, 41
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    processor = Sam2ImageProcessor(size={"height": size, "width": size}, do_normalize=False, do_rescale=False)
    theirs = processor(images=image, return_tensors="pt")["pixel_values"][0]
    resized = SquareFrame(height, width, size, side).resize_image(torch.from_numpy(image).permute(2, 0, 1))
    difference = (resized - theirs).abs()
    assert float(difference.max()) < 1.05
    assert float(difference.mean()) < 0.35


def test_square_coordinates_stretch_with_the_image() -> None:
    frame = SquareFrame(50, 200, 100, 25)
    assert frame.resized == (100, 100)
    moved = frame.to_frame(torch.tensor([[200.0, 50.0], [20.0, 10.0]]))
    assert moved.tolist() == [[100, 100], [10, 20]]
    assert frame.pad(torch.ones(3, 100, 100)).shape == (3, 100, 100)


@pytest.mark.parametrize("frame_type", [Frame, SquareFrame])
def test_cells_of_whole_pixels_are_plainly_averaged(frame_type: type[Frame]) -> None:
    """Bit by bit what SAM's published sizes have always got."""
    mask = torch.randn(70, 110, generator=torch.Generator().manual_seed(0))
    frame = frame_type(70, 110, 1024, 256)
    height, width = frame.resized
    inside = F.interpolate(mask[None, None], (height, width), mode="bilinear")
    padded = F.pad(inside, (0, 1024 - width, 0, 1024 - height), value=-1.0)
    assert torch.equal(frame.mask_prompt(mask), F.avg_pool2d(padded, 4)[0])


@pytest.mark.parametrize(("size", "side"), [(1008, 288), (14, 4), (15, 6), (10, 7)])
def test_cells_of_split_pixels_are_averaged_by_area(size: int, side: int) -> None:
    """SAM 3: 3.5 pixels a cell. Against the average of the piecewise constant picture, by its cumulated sum."""
    mask = torch.randn(size, size, generator=torch.Generator().manual_seed(0))
    prompt = SquareFrame(size, size, size, side).mask_prompt(mask)
    total = np.zeros((size + 1, size + 1))
    total[1:, 1:] = mask.double().numpy().cumsum(0).cumsum(1)
    at, pixels = np.arange(side + 1) * size / side, np.arange(size + 1)
    rows = np.stack([np.interp(at, pixels, column) for column in total.T], axis=1)
    corners = np.stack([np.interp(at, pixels, row) for row in rows])
    expected = np.diff(np.diff(corners, axis=0), axis=1) * (side / size) ** 2
    np.testing.assert_allclose(prompt[0].numpy(), expected, atol=1e-5)
    assert prompt.shape == (1, side, side)


@pytest.mark.parametrize("size", [(375, 500), (500, 375), (1, 700), (683, 1024), (64, 48), (333, 500)])
@pytest.mark.parametrize("sizes", [(1024, 256), (128, 32), (1008, 288)])
@pytest.mark.parametrize("kind", [Frame, SquareFrame])
def test_only_the_low_resolution_logits_in_use_reach_the_image(
    kind: type[Frame], sizes: tuple[int, int], size: tuple[int, int]
) -> None:
    frame = kind(*size, *sizes)
    rows, columns = frame.low_res_used
    for count, axis in ((rows, 0), (columns, 1)):
        reached = int((frame.axis_weights(axis) > 0).any(0).nonzero().max()) + 1
        # An image smaller than the frame may step over the last ones.
        assert reached == count if min(size) > sizes[0] / 3 and kind is Frame else reached <= count
    logits = torch.randn(1, sizes[1], sizes[1], generator=torch.Generator().manual_seed(0))
    other = logits.clone()
    other[:, rows:] = 1e9
    other[..., columns:] = 1e9
    assert torch.equal(frame.to_image(logits), frame.to_image(other))
