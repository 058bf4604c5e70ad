"""Masks of 0 and 255: with two classes it must be said whether 255 is one of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import Folder
from lit_samseg.errors import InputError

NO_YES = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)


def folder(root: Path, masks: list[Image.Image | np.ndarray], suffix: str = ".png", **options: object) -> Folder:
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for name, mask in zip("abcdefg", masks, strict=False):
        picture = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
        picture.save(root / "masks" / f"{name}{suffix}")
        Image.new("RGB", picture.size).save(root / "images" / f"{name}.png")
    data = Folder(str(root / "images"), str(root / "masks"), **({"num_classes": 2} | options))  # type: ignore[arg-type]
    data.setup("test")
    return data


def target(data: Folder, image_id: str = "a") -> list[list[int]]:
    sample = data.read(image_id, True)
    assert sample.target is not None
    return sample.target.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp"])
def test_refused_by_name_where_nothing_is_said(tmp_path: Path, suffix: str, classes: int) -> None:
    data = folder(tmp_path, [NO_YES, np.zeros_like(NO_YES)], suffix, num_classes=classes)
    with pytest.raises(
        InputError,
        match=rf"a\{suffix} has the values 0 and 255 only: set data\.label_values to binary .* if 255 is class 1, "
        "or to indices if 255 is void",
    ):
        data.read("a", True)
    # Of background alone nothing is wrong.
    assert target(data, "b") == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
def test_read_as_binary_where_that_is_said(tmp_path: Path, suffix: str) -> None:
    data = folder(tmp_path, [NO_YES, NO_YES // 255, NO_YES * 0], suffix, label_values="binary")
    for image_id in "ab":
        assert target(data, image_id) == [[0, 1, 1], [0, 0, 1]]
    assert target(data, "c") == [[0, 0, 0], [0, 0, 0]]


def test_read_as_void_where_that_is_said(tmp_path: Path) -> None:
    assert target(folder(tmp_path, [NO_YES], label_values="indices")) == NO_YES.tolist()


def test_void_where_another_mask_shows_it(tmp_path: Path) -> None:
    """A picture without the class, with a void margin, is nothing unusual."""
    data = folder(tmp_path, [NO_YES, np.array([[0, 1, 255]], np.uint8)])
    assert target(data) == NO_YES.tolist()
    # Class 1 without void shows nothing: these may be masks of two kinds.
    mixed = folder(tmp_path / "mixed", [NO_YES, np.array([[0, 1, 1]], np.uint8)])
    with pytest.raises(InputError, match="0 and 255 only"):
        mixed.read("a", True)


def test_more_classes_or_another_void_leave_no_doubt(tmp_path: Path) -> None:
    assert target(folder(tmp_path / "more", [NO_YES], num_classes=3)) == NO_YES.tolist()
    with pytest.raises(InputError, match=r"has label 255; labels are 0\.\.1 and 254"):
        target(folder(tmp_path / "void", [NO_YES], ignore_index=254))


def test_black_and_white_palettes_are_such_masks(tmp_path: Path) -> None:
    """Whichever of the two has index 0."""
    for name, palette, indices in (("a", [0, 0, 0, 255, 255, 255], [[0, 1]]), ("b", [255] * 3 + [0] * 3, [[1, 0]])):
        picture = Image.fromarray(np.array(indices, np.uint8))
        picture.putpalette(palette)
        assert target(folder(tmp_path / name, [picture], label_values="binary")) == [[0, 1]]
        with pytest.raises(InputError, match="0 and 255 only"):
            target(folder(tmp_path / f"{name} unsaid", [picture]))


@pytest.mark.parametrize(
    ("mask", "options", "complaint"),
    [
        ([[0, 1, 255]], {}, r"a\.png is no binary mask: it has the values 0, 1, 255"),
        ([[0, 128]], {}, "is no binary mask: it has the values 0, 128"),
        ([[0]], {"num_classes": 3}, "binary: that takes 2 classes, not 3"),
        ([[0]], {"label_offset": 1}, r"data\.label_offset 0, not 1"),
        ([[0]], {"ignore_index": 0}, r"neither class, not 0"),
    ],
)
def test_what_is_not_binary(tmp_path: Path, mask: list[list[int]], options: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        target(folder(tmp_path, [np.array(mask, np.uint8)], label_values="binary", **options))
