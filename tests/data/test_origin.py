"""What files say of an image goes the way of its views."""

import numpy as np
import pytest
import torch

from lit_samseg.data.augmentation import Augmentation
from lit_samseg.data.origin import Origin
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene


def view_of(
    image: np.ndarray, target: np.ndarray, seed: int, **options: object
) -> tuple[np.ndarray, np.ndarray, Origin]:
    view, labels, rows, columns = Augmentation(**options).trace(image, target, seed)  # type: ignore[arg-type]
    whole = torch.from_numpy(image.copy()).permute(2, 0, 1)
    return view, labels, Origin(whole, torch.from_numpy(rows), torch.from_numpy(columns))


@pytest.mark.parametrize("kind", [np.uint8, np.int32])
@pytest.mark.parametrize("seed", range(12))
def test_a_label_map_goes_the_targets_way(seed: int, kind: type[np.integer]) -> None:
    image, _ = generate_scene(SPLIT_SEEDS["train"], seed)
    # Every pixel has a label of its own, or nearly so; some are void.
    target = np.random.default_rng(seed).integers(0, 256, image.shape[:2]).astype(kind)
    view, labels, origin = view_of(image, target, seed, scale=(0.4, 2.5), crop=0.4)
    assert view.shape[:2] == labels.shape
    assert np.array_equal(origin.label_map(torch.from_numpy(target)).numpy(), labels)
    # What a baseline's files have: void, and 64-bit labels.
    own = torch.from_numpy(target.astype(np.int64)) - 1
    assert np.array_equal(origin.label_map(own).numpy(), labels.astype(np.int64) - 1)


def test_scores_of_a_mirror_image_are_mirrored() -> None:
    image, target = generate_scene(SPLIT_SEEDS["train"], 0)
    *_, origin = view_of(image, target, 0, flip=1, scale=(1, 1), crop=1, colour=0)
    for cells in ((7, 11), (1, 1), image.shape[:2]):
        scores = torch.randn(5, *cells, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(origin.scores(scores), scores.flip(-1))


@pytest.mark.parametrize("seed", range(8))
def test_scores_of_a_view_are_those_of_its_place(seed: int) -> None:
    """Two classes whose scores are a cell's place in the image, against where the view's pixels were."""
    height, width = 120, 160
    y, x = np.mgrid[:height, :width]
    image = np.dstack([y, x, y]).astype(np.uint8)
    ramps = torch.from_numpy(np.stack(np.mgrid[:30, :40])).float()
    _, _, origin = view_of(image, y.astype(np.int32), seed, scale=(0.5, 2), crop=0.5, colour=0)
    found = origin.scores(ramps)
    rows, columns = origin.rows.numpy(), origin.columns.numpy()
    # Cells are as large as the image's were.
    for count, places in zip(found.shape[1:], (rows, columns), strict=True):
        assert count == round((np.ptp(places) + 1) / 4)
    for own, places, cells, last in ((found[0, :, 0], rows, 30, height), (found[1, 0], columns, 40, width)):
        inside = (np.arange(len(own)) + 0.5) / len(own) * len(places) - 0.5
        expected = (np.interp(inside, np.arange(len(places)), places) + 0.5) / last * cells - 0.5
        # Places are whole pixels: half of one is an eighth of a cell, and the interpolation stops at the border.
        assert np.abs(own.numpy() - expected.clip(0, cells - 1)).max() < 0.26


def test_a_crop_along_cells_has_their_very_scores() -> None:
    scores = torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(1))
    whole = torch.zeros(3, 24, 32, dtype=torch.uint8)
    origin = Origin(whole, torch.arange(4, 20), torch.arange(8, 28))
    torch.testing.assert_close(origin.scores(scores), scores[:, 1:5, 2:7])


@pytest.mark.parametrize("flip", [0, 1])
@pytest.mark.parametrize("cells", [(120, 160), (30, 40)])
def test_files_are_cut_as_a_window_of_pixels_is(cells: tuple[int, int], flip: int) -> None:
    """Labels and scores of whole images against plain slices of them."""
    rng = np.random.default_rng(0)
    image, target = np.zeros((120, 160, 3), np.uint8), rng.choice([0, 1, 2, 255], (120, 160)).astype(np.uint8)
    labels, scores = rng.integers(-1, 9, target.shape), rng.normal(size=(4, *cells)).astype(np.float32)
    for seed in range(4):
        view, cut, origin = view_of(image, target, seed, flip=flip, colour=0, crop_size=(48, 64))
        top, left = int(origin.rows.min()), int(origin.columns.min())
        own = slice(top, top + 48), slice(left, left + 64)
        step = -1 if flip else 1
        assert view.shape == (48, 64, 3)
        assert np.array_equal(cut, target[own][:, ::step])
        assert np.array_equal(origin.label_map(torch.from_numpy(labels)).numpy(), labels[own][:, ::step])
        found = origin.scores(torch.from_numpy(scores)).numpy()
        if cells == target.shape:
            np.testing.assert_allclose(found, scores[:, *own][..., ::step], atol=1e-5)
            continue
        # A cell is four pixels wide: the window's cells lie between the image's, by a part of one.
        rows, columns = (np.arange(12) + top / 4).clip(0, 29), (np.arange(16) + left / 4).clip(0, 39)
        expected = [[np.interp(columns, np.arange(40), row) for row in plane] for plane in scores]
        expected = np.stack([[np.interp(rows, np.arange(30), side) for side in np.array(p).T] for p in expected])
        np.testing.assert_allclose(found, expected.transpose(0, 2, 1)[..., ::step], atol=1e-5)
