"""Views of images, against NumPy and against what they were made from."""

import builtins
import hashlib
import os
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter, minimum_filter

from lit_samseg.data.augmentation import Augmentation
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.errors import InputError

NOTHING = Augmentation(flip=0, scale=(1, 1), crop=1, colour=0)


def scene(number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return generate_scene(SPLIT_SEEDS["train"], number)


def blocks(rows: int = 6, columns: int = 8, side: int = 20) -> np.ndarray:
    """Draw squares of random labels, some of them void."""
    labels = np.random.default_rng(0).choice([0, 1, 2, 7, 20, 149, 254, 255], (rows, columns))
    return labels.astype(np.uint8).repeat(side, 0).repeat(side, 1)


def test_no_step_is_the_image_itself() -> None:
    image, target = scene()
    for seed in range(5):
        got_image, got_target = NOTHING.apply(image, target, seed)
        assert np.array_equal(got_image, image)
        assert np.array_equal(got_target, target)


@pytest.mark.parametrize("kind", [np.uint8, np.int32])
def test_a_flip_is_numpys(kind: type[np.integer]) -> None:
    image, target = scene()
    # More than 255 classes have void beyond a byte.
    target = np.where(target == 255, np.iinfo(kind).max if kind is np.uint8 else 65_535, target).astype(kind)
    got_image, got_target = Augmentation(flip=1, scale=(1, 1), crop=1, colour=0).apply(image, target, 3)
    assert np.array_equal(got_image, image[:, ::-1])
    assert np.array_equal(got_target, target[:, ::-1])
    assert got_image.flags.c_contiguous
    assert got_target.flags.c_contiguous


def test_flips_are_as_frequent_as_asked_for() -> None:
    image, target = scene()
    image, target = image[:9, :9].copy(), target[:9, :9].copy()
    augmentation = Augmentation(flip=0.3, scale=(1, 1), crop=1, colour=0)
    flipped = sum(np.array_equal(augmentation.apply(image, target, seed)[0], image[:, ::-1]) for seed in range(600))
    # Four standard deviations of a binomial distribution.
    assert abs(flipped - 180) < 4 * (600 * 0.3 * 0.7) ** 0.5


def test_a_crop_is_a_part_of_the_image() -> None:
    """Every pixel says where it was."""
    height, width = 100, 140
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    image = np.dstack([rows, columns, rows])
    corners = set()
    for seed in range(60):
        part, target = Augmentation(flip=0, scale=(1, 1), crop=0.6, colour=0).apply(image, rows, seed)
        h, w = target.shape
        assert h >= 0.6 * height - 1
        assert w >= 0.6 * width - 1
        top, left = int(part[0, 0, 0]), int(part[0, 0, 1])
        corners.add((top, left))
        assert np.array_equal(part, image[top : top + h, left : left + w])
        assert np.array_equal(target, rows[top : top + h, left : left + w])
    assert len(corners) > 50


def test_factors_are_spread_over_their_range() -> None:
    target = np.zeros((1000, 10), np.uint8)
    image = np.zeros((1000, 10, 3), np.uint8)
    augmentation = Augmentation(flip=0, scale=(0.5, 2), crop=1, colour=0)
    factors = np.array([len(augmentation.apply(image, target, seed)[1]) / 1000 for seed in range(400)])
    assert 0.5 <= factors.min() < 0.52
    assert 1.95 < factors.max() <= 2
    # As many smaller as larger images, within four standard deviations.
    assert abs((factors < 1).sum() - 200) < 40


def test_steps_draw_numbers_of_their_own() -> None:
    """Albumentations' own seed gives every step the same numbers: flipped images would be the small ones."""
    columns = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    image = np.dstack([columns] * 3)
    augmentation = Augmentation(flip=0.5, scale=(0.99, 1.01), crop=0.6, colour=0)
    rows = []
    for seed in range(300):
        _, target = augmentation.apply(image, columns, seed)
        flipped = target[0, 0] > target[0, -1]
        border = 199 - int(target[0, 0]) if flipped else int(target[0, 0])
        rows.append((flipped, border, target.shape[1], target.shape[0]))
    correlation = np.corrcoef(np.array(rows, float).T)
    # A border of its own is part of the width; everything else has nothing to do with each other.
    for one, other in ((0, 1), (0, 2), (0, 3), (1, 3), (2, 3)):
        assert abs(correlation[one, other]) < 4 / 300**0.5


@pytest.mark.parametrize("seed", range(12))
def test_image_and_labels_stay_aligned(seed: int) -> None:
    """A picture painted from its labels is still that, but within two pixels of borders, where colours mix."""
    labels = blocks()
    palette = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
    image, target = Augmentation(colour=0, scale=(0.5, 2), crop=0.5).apply(palette[labels], labels, seed)
    # Around a crop there is colour of what was beside it: its edge counts as a border.
    edge = {"size": 5, "mode": "constant"}
    inside = maximum_filter(target, **edge, cval=255) == minimum_filter(target, **edge, cval=0)
    assert inside.mean() > 0.3
    assert np.array_equal(image[inside], palette[target][inside])


def test_resized_labels_are_centred_on_the_image() -> None:
    """A border between two halves lies in the middle, whatever the size; plain INTER_NEAREST moves it."""
    for seed in range(20):
        target = np.repeat(np.array([3, 9], np.uint8), 51)[None].repeat(102, 0)
        image = np.where(target == 3, 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
        got_image, got = Augmentation(flip=0, scale=(0.4, 2.5), crop=1, colour=0).apply(image, target, seed)
        assert abs(int((got[0] == 3).sum()) - got.shape[1] / 2) <= 0.5
        # The mean of the greys is where the border lies to a fraction of a pixel.
        assert abs(got_image[..., 0].mean() / 255 - 0.5) < 0.01


@pytest.mark.parametrize("number", range(3))
def test_no_label_appears_that_was_not_there(number: int) -> None:
    image, target = scene(number)
    before = set(np.unique(target).tolist())
    for seed in range(20):
        got_image, got = Augmentation(scale=(0.3, 3), crop=0.2, colour=1).apply(image, target, seed)
        assert set(np.unique(got).tolist()) <= before
        assert (got_image.dtype, got.dtype) == (np.uint8, np.uint8)
        assert got_image.shape == (*got.shape, 3)


def test_nothing_is_padded() -> None:
    """A white image without void stays one."""
    white, target = np.full((60, 90, 3), 255, np.uint8), np.full((60, 90), 4, np.uint8)
    for seed in range(20):
        image, got = Augmentation(scale=(0.3, 3), crop=0.2, colour=0).apply(white, target, seed)
        assert (image == 255).all()
        assert (got == 4).all()


def test_colours_change_and_labels_do_not() -> None:
    image, target = scene()
    means = []
    for seed in range(30):
        got_image, got = Augmentation(flip=0, scale=(1, 1), crop=1, colour=0.3).apply(image, target, seed)
        assert np.array_equal(got, target)
        means.append(got_image.mean() / image.mean())
    # Contrast and saturation leave the mean about where it is; brightness multiplies it.
    assert 0.65 < min(means) < 0.85
    assert 1.1 < max(means) < 1.35


def digest(seed: int) -> str:
    views = Augmentation().apply(*scene(), seed)
    return hashlib.sha256(b"".join(view.tobytes() for view in views)).hexdigest()


def test_a_seed_gives_a_view_of_its_own_and_the_same_again() -> None:
    seeds = [*range(8), 2**64 - 1]
    first = [digest(seed) for seed in seeds]
    random.seed(1)
    np.random.seed(1)
    assert [digest(seed) for seed in reversed(seeds)] == first[::-1]
    assert len(set(first)) == len(seeds)


def test_no_other_random_numbers_are_touched() -> None:
    random.seed(7)
    np.random.seed(7)
    expected = random.random(), np.random.random()
    random.seed(7)
    np.random.seed(7)
    digest(3)
    assert (random.random(), np.random.random()) == expected


def test_albumentations_asks_nobody_for_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "0")
    digest(0)
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "albumentations":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"lit_samseg\[finetune\]"):
        NOTHING.apply(*scene(), 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 2**64 - 1))
def test_the_smallest_images_stay_images(height: int, width: int, crop: float, least: float, seed: int) -> None:
    augmentation = Augmentation(scale=(least, 1), crop=crop)
    image, target = augmentation.apply(
        np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8), seed
    )
    assert target.size >= 1
    assert image.shape == (*target.shape, 3)


def numbered(height: int, width: int) -> np.ndarray:
    """Make an image in which every pixel says where it is."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows % 256, columns % 256, 16 * (rows // 256) + columns // 256]).astype(np.uint8)


def where(pixel: np.ndarray) -> tuple[int, int]:
    red, green, blue = pixel.tolist()
    return red + 256 * (blue // 16), green + 256 * (blue % 16)


# As Cityscapes' images, and smaller than the window along one side, the other, both.
@pytest.mark.parametrize(
    ("size", "window"),
    [((1024, 2048), (512, 768)), ((90, 200), (100, 128)), ((200, 90), (64, 128)), ((50, 60), (512, 512))],
)
@pytest.mark.parametrize("flip", [0, 1])
def test_a_window_of_pixels_is_cut_out_as_it_is(size: tuple[int, int], window: tuple[int, int], flip: int) -> None:
    image, target = numbered(*size), np.random.default_rng(0).choice([0, 7, 18, 255], size).astype(np.uint8)
    augmentation, corners = Augmentation(flip=flip, colour=0, crop_size=window), set()
    if flip:
        image, target = image[:, ::-1].copy(), target[:, ::-1].copy()
    for seed in range(5):
        # What is mirrored is mirrored back: the window is the image's own.
        view, labels, rows, columns = augmentation.trace(image, target, seed)
        whole, truth = (image[:, ::-1], target[:, ::-1]) if flip else (image, target)
        assert view.shape[:2] == labels.shape == (min(size[0], window[0]), min(size[1], window[1]))
        top, left = where(view[0, 0])
        own = slice(top, top + view.shape[0]), slice(left, left + view.shape[1])
        assert np.array_equal(view, whole[own])
        assert np.array_equal(labels, truth[own])
        # Where it was in the file, whose columns a mirror image has the other way round.
        assert np.array_equal(rows, np.arange(size[0])[own[0]])
        assert np.array_equal(columns, np.arange(size[1])[:: -1 if flip else 1][own[1]])
        corners.add((top, left))
    # Two seeds may have the same place.
    assert len(corners) == 1 if max(size) < min(window) else len(corners) > 2


def test_windows_lie_anywhere() -> None:
    """Each of the 4 x 6 places of a window comes as often as others, its corners too."""
    image = numbered(8, 10)
    augmentation = Augmentation(flip=0, colour=0, crop_size=(5, 5))
    found = Counter(where(augmentation.apply(image, image[..., 0], seed)[0][0, 0]) for seed in range(1200))
    assert set(found) == {(top, left) for top in range(4) for left in range(6)}
    # Five standard deviations of a binomial distribution.
    assert all(abs(count - 50) < 5 * (1200 / 24 * 23 / 24) ** 0.5 for count in found.values())


def test_a_window_of_a_resized_image() -> None:
    """The image is resized first, where that is asked for: the window has its own number of pixels."""
    image, target = np.zeros((60, 90, 3), np.uint8), np.zeros((60, 90), np.uint8)
    doubled = Augmentation(scale=(2, 2), crop_size=(100, 100))
    assert doubled.apply(image, target, 0)[1].shape == (100, 100)
    assert np.ptp(doubled.trace(image, target, 0)[2]) == pytest.approx(49, abs=1)
    assert Augmentation(scale=(0.5, 0.5), crop_size=(100, 40)).apply(image, target, 0)[1].shape == (30, 40)


def test_what_is_left_out_is_as_it_was() -> None:
    plain = Augmentation()
    assert (plain.factors, plain.share) == ((0.75, 1.5), 0.75)
    cut = Augmentation(crop_size=(5, 6))
    assert (cut.factors, cut.share) == ((1, 1), 1)
    image, target = scene()
    for own, other in zip(
        plain.apply(image, target, 4), Augmentation(0.5, (0.75, 1.5), 0.75, 0.2).apply(image, target, 4), strict=True
    ):
        assert np.array_equal(own, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip": 1.5}, "augmentation.flip is 1.5; give 0 to 1"),
        ({"flip": None}, "augmentation.flip is null; give a value, or leave it out"),
        ({"flip": float("nan")}, "augmentation.flip is nan"),
        ({"colour": -0.1}, "augmentation.colour is -0.1; give 0 to 1"),
        ({"crop": 0}, "augmentation.crop is 0; give more than 0, and 1 at most"),
        ({"crop": 1.01}, "augmentation.crop is 1.01"),
        ({"scale": (0, 1)}, r"augmentation.scale is \[0, 1\]; give two factors above 0, the smaller first"),
        ({"scale": (2, 1)}, r"augmentation.scale is \[2, 1\]"),
        ({"scale": (1, float("inf"))}, r"augmentation.scale is \[1, inf\]"),
        ({"crop_size": (0, 9)}, r"augmentation.crop_size is \[0, 9\]; give height and width in pixels, 1 or more"),
        (
            {"crop_size": (512, 1024), "crop": 0.75},
            r"augmentation.crop keeps a share \(0.75\) and data.training.augmentation.crop_size a number of pixels "
            r"\(\[512, 1024\]\); they exclude each other, leave one of them out",
        ),
    ],
)
def test_values_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Augmentation(**options)
