"""What the baseline thinks of an image, on SAM's grid and back."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lit_samseg.refine.cells import low_image, sample, sample_nearest
from lit_samseg.refine.grid import LEAST_PROBABILITY, make_grid
from lit_samseg.sam.frame import Frame, SquareFrame

SIZES = [(37, 80), (80, 37), (64, 64), (1, 50), (333, 500), (128, 90)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [Frame, SquareFrame])
def test_a_plane_is_sampled_at_the_middle_of_each_cell(size: tuple[int, int], kind: type[Frame]) -> None:
    """Linear interpolation is exact on a plane, wherever its points are; beyond the last pixel's middle it is flat."""
    height, width = size
    frame = kind(height, width, 128, 32)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    got = sample(torch.stack([x, y]).float(), frame)
    inside = frame.resized
    rows, columns = -(-inside[0] // 4), -(-inside[1] // 4)
    assert got.shape == (2, rows, columns)
    expected_x = np.clip((np.arange(columns) * 4 + 2) * width / inside[1] - 0.5, 0, width - 1)
    expected_y = np.clip((np.arange(rows) * 4 + 2) * height / inside[0] - 0.5, 0, height - 1)
    assert np.allclose(got[0], np.broadcast_to(expected_x, (rows, columns)), atol=1e-3)
    assert np.allclose(got[1], np.broadcast_to(expected_y[:, None], (rows, columns)), atol=1e-3)
    nearest = sample_nearest(y * width + x, frame)
    assert np.array_equal(nearest % width, np.broadcast_to(np.round(expected_x), (rows, columns)))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_the_same_all_over_an_image_comes_back(size: tuple[int, int]) -> None:
    """Scores of two halves come back as two halves, a border apart by less than a cell."""
    frame = Frame(*size, 128, 32)
    labels = torch.zeros(size, dtype=torch.int64)
    labels[:, size[1] // 2 :] = 7
    logits = F.one_hot(labels, 9).permute(2, 0, 1).float() * 20
    grid = make_grid(torch.zeros(3, *size, dtype=torch.uint8), labels, logits, frame, background=0)
    assert grid.classes.tolist() == [0, 7]
    back = grid.label_map(grid.log_probabilities)
    assert back.shape == labels.shape
    cell = -(-max(size) // 32)
    wrong = (back != labels).nonzero()[:, 1]
    assert all(abs(int(column) - size[1] // 2) <= cell for column in wrong)


def test_likely_classes_take_part_and_others_do_not() -> None:
    frame = Frame(60, 80, 128, 32)
    logits = torch.zeros(5, 60, 80)
    logits[1] += 6
    logits[3, 10:20, 10:20] += 4  # in places 0.1 likely
    logits[4] -= 9
    labels = logits.argmax(0)
    grid = make_grid(torch.zeros(3, 60, 80, dtype=torch.uint8), labels, logits, frame, background=0)
    # 0 is the background; 2 is nowhere likelier than exp(-6).
    assert np.exp(-6) < LEAST_PROBABILITY
    assert grid.classes.tolist() == [0, 1, 3]
    assert torch.allclose(grid.log_probabilities[1, -1, -1], logits[:, -1, -1].log_softmax(0)[1])


def test_a_label_map_alone() -> None:
    frame = Frame(60, 80, 128, 32)
    labels = torch.zeros(60, 80, dtype=torch.int16)
    labels[20:40, 20:60] = 3
    grid = make_grid(torch.zeros(3, 60, 80, dtype=torch.uint8), labels, None, frame, background=None)
    assert grid.classes.tolist() == [0, 3]
    assert torch.allclose(grid.log_probabilities.exp().sum(0), torch.ones(grid.shape))
    assert torch.equal(grid.log_probabilities.argmax(0) * 3, grid.labels.long())


def test_colours_are_means_of_cells() -> None:
    frame = Frame(62, 128, 128, 32)
    image = torch.randint(0, 256, (3, 62, 128), dtype=torch.uint8)
    got = low_image(image, frame)
    assert got.shape == (3, 16, 32)
    assert torch.allclose(got[:, 3, 5], image[:, 12:16, 20:24].float().mean((1, 2)))
    # The last cell reaches beyond the image, whose last row stands in.
    expected = (image[:, 60, :4].float().mean(1) + 3 * image[:, 61, :4].float().mean(1)) / 4
    assert torch.allclose(got[:, 15, 0], expected)


def test_cells_that_are_no_whole_number_of_pixels() -> None:
    """SAM 3's are 3.5."""
    frame = SquareFrame(50, 70, 1008, 288)
    grid = make_grid(
        torch.full((3, 50, 70), 9, dtype=torch.uint8), torch.ones(50, 70, dtype=torch.int64), None, frame, 0
    )
    assert grid.shape == (288, 288)
    assert torch.allclose(grid.image, torch.full_like(grid.image, 9.0))
    assert grid.label_map(grid.log_probabilities).unique().tolist() == [1]
