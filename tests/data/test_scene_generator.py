"""The generated world: the same everywhere, complete, and labelled as VOC labels its images."""

import hashlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.data.scene_generator import (
    CLASS_NAMES,
    MAX_SIDE,
    MIN_SIDE,
    SPLIT_SEEDS,
    VOID,
    generate_scene,
)

# The shipped weights were trained on this world: another digest means that they no longer fit.
LABELS_SHA256 = "61f66cb621bcf242bcaf2bb301e1b5a6202620255de7a7aeb1abb96811ffcd20"


def test_labels_are_the_ones_the_demo_weights_were_trained_on() -> None:
    digest = hashlib.sha256()
    for seed in SPLIT_SEEDS.values():
        for index in range(4):
            label = generate_scene(seed, index)[1]
            digest.update(repr(label.shape).encode() + label.tobytes())
    assert digest.hexdigest() == LABELS_SHA256


def test_same_arguments_give_the_same_scene_whatever_was_drawn_before() -> None:
    first = generate_scene(5, 11)
    np.random.seed(0)
    generate_scene(5, 12)
    second = generate_scene(5, 11)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_splits_share_no_scene() -> None:
    assert len(set(SPLIT_SEEDS.values())) == len(SPLIT_SEEDS)
    labels = [generate_scene(seed, i)[1] for seed in SPLIT_SEEDS.values() for i in range(10)]
    assert len({(label.shape, label.tobytes()) for label in labels}) == len(labels)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), index=st.integers(0, 2**40))
def test_shapes_types_and_values(seed: int, index: int) -> None:
    image, label = generate_scene(seed, index)
    assert image.dtype == label.dtype == np.uint8
    assert image.shape == (*label.shape, 3)
    assert all(MIN_SIDE <= side <= MAX_SIDE for side in label.shape)
    assert set(np.unique(label)) <= {*range(len(CLASS_NAMES)), VOID}
    assert 10 < image.mean() < 245
    assert image.std() > 5


def test_every_class_occurs_soon_and_often_several_times() -> None:
    labels = [generate_scene(SPLIT_SEEDS["val"], index)[1] for index in range(30)]
    seen = set().union(*(np.unique(label) for label in labels))
    assert seen == {*range(len(CLASS_NAMES)), VOID}
    assert any(
        cv2.connectedComponents((label == index).astype(np.uint8), connectivity=8)[0] > 2
        for label in labels
        for index in range(1, len(CLASS_NAMES))
    )


@pytest.mark.parametrize("index", range(8))
def test_void_is_a_thin_band_around_objects(index: int) -> None:
    label = generate_scene(SPLIT_SEEDS["test"], index)[1]
    void = label == VOID
    # A band of two pixels is gone after the smallest opening; only where bands meet is more left.
    assert cv2.erode(void.astype(np.uint8), np.ones((5, 5), np.uint8)).mean() < 0.002
    # No object touches the ground or another class without void between them.
    known = np.where(void, 0, label.astype(np.int16) + 1)
    for a, b in ((known[1:], known[:-1]), (known[:, 1:], known[:, :-1])):
        assert not ((a != b) & (a > 0) & (b > 0)).any()
    # Every void pixel has an object, or another void pixel next to one, beside it.
    near = cv2.dilate(((label > 0) & ~void).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (void & ~near).sum() <= 0.1 * void.sum()
