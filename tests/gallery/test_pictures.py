import numpy as np
import pytest
import torch

from lit_samseg.drawing import ERROR_KINDS
from lit_samseg.gallery import shrink
from lit_samseg.gallery.pictures import SIDE, WEBP_SIDE, small_size


def noise(height: int, width: int, rows: int = 3) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(256, (3, height, width), generator=generator, dtype=torch.uint8)
    target = torch.randint(4, (height, width), generator=generator, dtype=torch.uint8)
    target[torch.rand((height, width), generator=generator) < 0.1] = 255
    maps = [torch.randint(4, (height, width), generator=generator, dtype=torch.int16) for _ in range(rows)]
    return image, target, maps


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 31), (512, 512)])
def test_small_images_are_kept_as_they_are(height: int, width: int) -> None:
    image, target, maps = noise(height, width)
    pictures = shrink(image, target, maps, 255)
    assert (pictures.photo == image.permute(1, 2, 0).numpy()).all()
    assert (pictures.labels == torch.stack([target, *maps]).numpy()).all()
    kinds = np.array(ERROR_KINDS)[pictures.errors]
    assert ((kinds == "void") == (target == 255).numpy()).all()
    seen = (target != 255).numpy()
    right = [(labels == target).numpy() for labels in maps]
    assert (np.isin(kinds[1], ["right"]) == (right[0] & seen)).all()
    for n, now in enumerate(right[1:], start=2):
        for kind, where in (
            ("right", right[0] & now),
            ("wrong", ~right[0] & ~now),
            ("mended", ~right[0] & now),
            ("broken", right[0] & ~now),
        ):
            assert ((kinds[n] == kind) == (where & seen)).all()


def test_large_ones_keep_a_pixel_of_each_block() -> None:
    """Of 24 megapixels: pixels are not mixed, so no class appears that was not there."""
    image, target, maps = noise(4000, 6000, rows=1)
    pictures = shrink(image, target, maps, 255)
    assert pictures.photo.shape == (341, 512, 3)
    assert pictures.labels.shape == (2, 341, 512)
    for y, x in ((0, 0), (170, 300), (340, 511)):
        middle = int((y + 0.5) * 4000 / 341), int((x + 0.5) * 6000 / 512)
        assert pictures.labels[:, y, x].tolist() == [int(labels[middle]) for labels in (target, *maps)]
    # Each pixel of the small image is the mean of some 137: close to the mean of all.
    assert abs(pictures.photo.astype(float).mean() - 127.5) < 1
    assert pictures.photo.std() < 10


@pytest.mark.parametrize("tiles", [2, 9, 40, 400])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 100_000), (100_000, 1), (512, 512), (4000, 6000)])
def test_sizes_fit_into_one_file(height: int, width: int, tiles: int) -> None:
    h, w = small_size(height, width, tiles)
    assert 1 <= h <= min(SIDE, height)
    assert 1 <= w <= min(SIDE, width)
    assert h * tiles <= WEBP_SIDE
