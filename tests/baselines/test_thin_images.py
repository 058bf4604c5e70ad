"""Images so thin that a processor or a network cannot take them as they are."""

from pathlib import Path
from typing import Any

import pytest

from lit_samseg.baselines import HubSegmenter, OneFormer
from lit_samseg.baselines import transformers_segmenter as baselines_hub
from lit_samseg.errors import InputError
from tests.baselines.tiny_oneformer import save_oneformer
from tests.baselines.tiny_segmenters import random_image, save


def sizes_given(baseline: Any) -> list[tuple[int, ...]]:
    sizes: list[tuple[int, ...]] = []
    baseline.model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(tuple(kwargs["pixel_values"].shape)), with_kwargs=True
    )
    return sizes


def refusal(baseline: Any, height: int, width: int) -> str:
    with pytest.raises(InputError) as raised:
        baseline.label_map(random_image(height, width), "2007_000032")
    said = str(raised.value)
    assert "\n" not in said
    assert f"image 2007_000032 of {width} x {height} pixels is too thin or small" in said
    return said


@pytest.mark.parametrize("kind", ["mask2former", "maskformer", "eomt"])
def test_no_pixel_across(tmp_path: Path, kind: str) -> None:
    """Sides of 64 and 256 (EoMT: 64 and 64): a side under half a pixel is refused, one above is not."""
    baseline = HubSegmenter(str(save(kind, tmp_path, **{"do_split_image": False} if kind == "eomt" else {})))
    long = 256 if kind != "eomt" else 64
    assert f"fits it into {long} pixels" in refusal(baseline, 1, 900)
    refusal(baseline, 900, 1)
    assert baseline.label_map(random_image(1, 60), "x").shape == (1, 60)


def test_mobilevits_longer_side_is_bounded(tmp_path: Path) -> None:
    """72 is the shorter side's length; up to 4:1 nothing changes."""
    for kind in ("mobilevit", "mobilevitv2"):
        baseline = HubSegmenter(str(save(kind, tmp_path / kind)))
        sizes = sizes_given(baseline)
        for height, width in [(40, 160), (160, 40), (40, 240), (240, 40), (1, 900), (900, 1)]:
            labels = baseline.label_map(random_image(height, width), "x")
            assert labels.shape == (height, width)
        assert [size[2:] for size in sizes] == [(72, 288), (288, 72), (48, 288), (288, 48), (32, 288), (288, 32)]


def test_windows_go_in_bounded_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The map is that of all at once."""
    baseline = HubSegmenter(str(save("eomt", tmp_path)))
    sizes = sizes_given(baseline)
    classes = set()
    for height, width in [(3, 55), (55, 3), (20, 80)]:
        image = random_image(height, width)
        sizes.clear()
        labels = baseline.label_map(image, "x")
        count = -(-max(height, width) // min(height, width))
        assert [size[0] for size in sizes] == [4] * (count // 4) + [count % 4] * bool(count % 4)
        with monkeypatch.context() as patch:
            patch.setattr(baselines_hub, "WINDOWS_AT_ONCE", 1000)
            at_once = baseline.label_map(image, "x")
        assert sizes[-1][0] == count
        assert (labels != at_once).sum() <= 2
        classes |= set(labels.unique().tolist())
    assert len(classes) > 2


def test_networks_that_are_left_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = HubSegmenter(str(save("upernet", tmp_path, do_resize=False)))
    assert baseline.label_map(random_image(40, 50), "x").shape == (40, 50)
    assert "Kernel size" in refusal(baseline, 1, 50)

    def fail(**inputs: Any) -> None:
        raise RuntimeError("our own fault")

    # What is no fault of the image is not blamed on it.
    monkeypatch.setattr(baseline.model, "forward", fail)
    with pytest.raises(RuntimeError, match="our own fault"):
        baseline.label_map(random_image(40, 50), "x")


def test_oneformer_takes_any(tmp_path: Path) -> None:
    baseline = OneFormer(str(save_oneformer(tmp_path)), short_side=64, long_side=256)
    for height, width in [(1, 900), (900, 1), (1, 1)]:
        assert baseline.label_map(random_image(height, width), "x").shape == (height, width)
