"""Masks in a window against SAM's own steps over the whole image, pixel by pixel."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_samseg.sam import Frame, MaskWindow, SquareFrame, thresholding
from lit_samseg.sam.thresholding import axis_weights, threshold_masks


def by_sams_steps(logits: torch.Tensor, frame: Frame) -> torch.Tensor:
    return frame.to_image(logits) > 0


def blob(side: int, seed: int, radius: float, noise: float) -> torch.Tensor:
    """Three candidates: a disc with a soft edge and noise, deep below 0 far away."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    centre = torch.rand(2, generator=generator) * side
    distance = radius - ((y - centre[0]) ** 2 + (x - centre[1]) ** 2).sqrt()
    slopes = torch.tensor([0.2, 1.0, 5.0])[:, None, None]
    return (distance * slopes + noise * torch.randn(3, side, side, generator=generator)).clamp(-20, 20)


FRAMES = st.builds(
    lambda kind, sizes, height, width: kind(height, width, *sizes),
    st.sampled_from([Frame, SquareFrame]),
    # The demo's, SAM 3's ratio of 3.5, the published ratio.
    st.sampled_from([(128, 32), (112, 32), (128, 32)]),
    st.integers(1, 300),
    st.integers(1, 300),
)


@settings(max_examples=120, deadline=None)
@given(FRAMES, st.integers(0, 10**6), st.floats(0.5, 40), st.sampled_from([0.0, 0.5, 4.0]))
def test_masks_are_sams_to_the_pixel(frame: Frame, seed: int, radius: float, noise: float) -> None:
    logits = blob(frame.mask_size, seed, radius, noise)
    masks = threshold_masks(logits, frame).whole(frame.height, frame.width)
    assert torch.equal(masks, by_sams_steps(logits, frame))


@pytest.mark.parametrize("size", [(375, 500), (500, 333), (1, 700), (683, 1024), (1400, 1100)])
@pytest.mark.parametrize("kind", [Frame, SquareFrame])
def test_masks_of_the_published_sizes(size: tuple[int, int], kind: type[Frame]) -> None:
    frame = kind(*size, 1024, 256)
    for seed, radius in enumerate((3, 40, 200)):
        logits = blob(256, seed, radius, 0.3)
        masks = threshold_masks(logits, frame).whole(*size)
        assert torch.equal(masks, by_sams_steps(logits, frame))


@pytest.mark.parametrize(
    "case", ["next to 0", "a plateau at 0", "zero and one", "huge", "tiny", "infinite", "no number"]
)
def test_logits_at_the_edge_of_arithmetic(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = Frame(90, 120, 128, 32)
    noise = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(5))
    logits = {
        # Rows of opposite sign: between them the steps cancel to a few roundings.
        "next to 0": noise.abs() * torch.tensor([1.0, -1.0]).repeat(16)[:, None],
        "a plateau at 0": noise * (noise > 1),
        "zero and one": (noise > 0).float(),
        "huge": noise * 1e37,
        "tiny": noise * 1e-37,
        "infinite": torch.where(noise > 1.5, torch.inf, noise),
        "no number": torch.where(noise > 1.5, torch.nan, noise),
    }[case]
    for few in (thresholding.FEW, 0):
        monkeypatch.setattr(thresholding, "FEW", few)
        masks = threshold_masks(logits, frame).whole(90, 120)
        assert torch.equal(masks, by_sams_steps(logits, frame))


def test_pixels_in_doubt_are_decided_one_by_one_and_rarely_by_sams_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the masks would be as right, and slow."""
    frame = Frame(375, 500, 1024, 256)
    asked = []
    steps = Frame.to_image
    monkeypatch.setattr(Frame, "to_image", lambda self, logits: asked.append(len(logits)) or steps(self, logits))
    exactly = thresholding._decide_exactly
    decided = []
    monkeypatch.setattr(thresholding, "_decide_exactly", lambda *words: decided.append(0) or exactly(*words))
    for seed in range(20):
        threshold_masks(blob(256, seed, 60, 0.3), frame)
    assert decided
    assert sum(asked) <= 2


@pytest.mark.parametrize("kind", [Frame, SquareFrame])
def test_the_matrices_are_all_steps_together(kind: type[Frame]) -> None:
    frame = kind(61, 97, 128, 32)
    logits = torch.randn(2, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rows, columns = (axis_weights(frame, axis).weights for axis in (0, 1))
    product = rows @ logits @ columns.T
    # The same weights, but for torch's own fp32 ones in the matrices.
    torch.testing.assert_close(product, frame.to_image(logits), atol=2e-5, rtol=0)
    assert torch.allclose(rows.sum(1), torch.ones(61, dtype=torch.float64))
    assert int((rows > 0).sum(1).max()) <= thresholding.TAPS


def test_a_window_holds_what_can_be_set_and_little_else() -> None:
    frame = Frame(375, 500, 1024, 256)
    logits = torch.full((1, 256, 256), -5.0)
    logits[0, 100:110, 50:60] = 5
    window = threshold_masks(logits, frame)
    whole = by_sams_steps(logits, frame)
    assert torch.equal(window.whole(375, 500), whole)
    # 10 x 10 of 4 x 4 frame pixels, at 500/1024 of their size; one source more on either side.
    assert window.masks.shape[1] <= 12 * 4 * 500 / 1024 + 2
    assert window.masks.shape[2] <= 12 * 4 * 500 / 1024 + 2


def test_nothing_set_is_an_empty_window() -> None:
    frame = Frame(30, 40, 128, 32)
    window = threshold_masks(torch.full((3, 32, 32), -1.0), frame)
    assert window.masks.shape == (3, 0, 0)
    assert not window.whole(30, 40).any()
    # What lies in the padding only is not of the image.
    logits = torch.full((3, 32, 32), -1.0)
    logits[:, 31] = 9
    assert not threshold_masks(logits, frame).whole(30, 40).any()


def test_windows_can_be_widened() -> None:
    window = MaskWindow(2, 3, torch.ones(1, 2, 2, dtype=torch.bool))
    wide = window.widened(3, 1, 6, 4)
    assert (wide.top, wide.left, wide.masks.shape) == (2, 1, (1, 4, 4))
    assert torch.equal(wide.whole(8, 9), window.whole(8, 9))
    empty = MaskWindow(0, 0, torch.ones(1, 0, 0, dtype=torch.bool)).widened(3, 4, 5, 7)
    assert (empty.top, empty.left, empty.masks.shape, bool(empty.masks.any())) == (3, 4, (1, 2, 3), False)
