"""Files of a refinement; what is read back is what was refined."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg import Refinement
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import voc_palette
from lit_samseg.formats.reading import read_indices
from tests.refined.conftest import LABELS, refinement


@pytest.mark.parametrize("name", ["a.png", "sub/a.tif", "a.TIFF"])
@pytest.mark.parametrize("format", [None, "palette", "index"])
def test_label_maps_are_read_back(ring: Refinement, tmp_path: Path, name: str, format: str | None) -> None:
    path = ring.save(tmp_path / name, format)
    assert path == tmp_path / name
    assert np.array_equal(read_indices(path), LABELS)
    with Image.open(path) as picture:
        assert picture.mode == ("L" if format == "index" else "P")
        if format != "index":
            assert picture.getpalette()[:9] == voc_palette()[:9]  # type: ignore[index]


@pytest.mark.parametrize("format", ["palette", "index"])
def test_ids_above_255_take_16_bits(tmp_path: Path, format: str) -> None:
    labels = np.array([[0, 255, 256], [1000, 65_534, 65_535]])
    path = refinement(labels, void=65_535).save(tmp_path / "a.png", format)
    assert np.array_equal(read_indices(path), labels)
    with pytest.raises(InputError, match=r"a\.png: colours stand for ids up to 255, and there are more"):
        refinement(labels, void=65_535).save(tmp_path / "a.png", "colours")


def test_void_of_ones_own_parts_is_written_as_a_number(tmp_path: Path) -> None:
    for ids, written in (([-1, 0, 254], [255, 0, 254]), ([-1, 255, 256], [65_535, 255, 256])):
        path = refinement(np.array([ids]), void=-1).save(tmp_path / "a.png")
        assert read_indices(path).tolist() == [written]


def test_colours_are_vocs(ring: Refinement, tmp_path: Path) -> None:
    pixels = np.array(Image.open(ring.save(tmp_path / "a.png", "colours")))
    assert pixels[1, 5].tolist() == [0, 128, 0]
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[4, 0].tolist() == [224, 224, 192]


def test_arrays_overlays_and_annotations(ring: Refinement, tmp_path: Path) -> None:
    array = np.load(ring.save(tmp_path / "a.npy"))
    assert array.dtype == np.uint8
    assert np.array_equal(array, LABELS)
    assert np.load(refinement(np.array([[300]])).save(tmp_path / "b.npy")).dtype == np.uint16
    with Image.open(ring.save(tmp_path / "a.jpg")) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (6, 5)
    assert np.array_equal(np.array(Image.open(ring.save(tmp_path / "o.png", "overlay"))), np.array(ring.overlay()))
    assert json.loads(ring.save(tmp_path / "a.json").read_text()) == ring.to_coco()


@pytest.mark.parametrize(
    ("name", "format", "complaint"),
    [
        ("a.bmp", None, r"a\.bmp: a refinement is written as .*\.png, .* not \.bmp"),
        ("a", None, "not without a suffix"),
        ("a.jpg", "palette", r"format palette is written as \.png, \.tif, \.tiff, not \.jpg"),
        ("a.png", "svg", r"there is no format 'svg'; give palette, index"),
    ],
)
def test_what_cannot_be_written(
    ring: Refinement, tmp_path: Path, name: str, format: str | None, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        ring.save(tmp_path / name, format)
    assert list(tmp_path.iterdir()) == []
