"""Merging: against painting as SPEC 1 words it, and under every order of classes."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.refine import merge


def paint(masks: dict[int, np.ndarray], label_map: np.ndarray, fill: str) -> np.ndarray:
    """Paint class masks in ascending IoU with their regions; on a tie the lower id last."""

    def key(class_id: int) -> tuple[float, int]:
        region = label_map == class_id
        union = (masks[class_id] | region).sum()
        return ((masks[class_id] & region).sum() / union if union else 0.0, -class_id)

    out = label_map.copy() if fill == "baseline" or not masks else np.zeros_like(label_map)
    for class_id in sorted(masks, key=key):
        out[masks[class_id]] = class_id
    return out


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32)))
    label_map = numbers.integers(0, 5, (height, width))
    classes = [c for c in np.unique(label_map).tolist() if c]
    density = draw(st.sampled_from([0.1, 0.5, 0.9]))
    return label_map, {c: numbers.random((height, width)) < density for c in classes}


@settings(max_examples=200, deadline=None)
@given(scenes(), st.sampled_from(["background", "baseline"]))
def test_merge_is_painting_and_no_order_of_classes_matters(
    scene: tuple[np.ndarray, dict[int, np.ndarray]], fill: str
) -> None:
    label_map, masks = scene
    expected = paint(masks, label_map, fill)
    tensors = {c: torch.from_numpy(m) for c, m in masks.items()}
    for order in itertools.permutations(tensors):
        merged = merge({c: tensors[c] for c in order}, torch.from_numpy(label_map), fill, 0)
        assert np.array_equal(merged.numpy(), expected)


def test_on_equal_keys_the_lower_class_is_on_top() -> None:
    label_map = torch.tensor([[1, 2]])
    both = torch.ones(1, 2, dtype=torch.bool)
    assert merge({2: both, 1: both}, label_map, "background", 0).tolist() == [[1, 1]]


def test_an_empty_mask_leaves_the_fill() -> None:
    label_map = torch.tensor([[3, 3, 0]])
    empty = torch.zeros(1, 3, dtype=torch.bool)
    assert merge({3: empty}, label_map, "background", 0).tolist() == [[0, 0, 0]]
    assert merge({3: empty}, label_map, "baseline", 0).tolist() == [[3, 3, 0]]


@pytest.mark.parametrize("fill", ["background", "baseline"])
def test_without_prompts_the_map_stays(fill: str) -> None:
    label_map = torch.zeros(2, 3, dtype=torch.int64)
    merged = merge({}, label_map, fill, 0)
    assert torch.equal(merged, label_map)
    assert merged is not label_map


def test_background_fill_without_background_is_refused() -> None:
    with pytest.raises(ValueError, match="background"):
        merge({1: torch.ones(1, 1, dtype=torch.bool)}, torch.ones(1, 1).long(), "background", None)
