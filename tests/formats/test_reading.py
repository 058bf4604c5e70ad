from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.data.targets import check_labels
from lit_samseg.errors import InputError
from lit_samseg.formats.reading import read_image, read_indices

INDICES = np.array([[0, 1, 2], [3, 1, 0]], dtype=np.uint8)


def test_palette_and_grey_files_give_the_same_indices(tmp_path: Path) -> None:
    grey = Image.fromarray(INDICES)
    grey.save(tmp_path / "grey.png")
    palette = Image.fromarray(INDICES)
    palette.putpalette([10, 20, 30] * 4)
    palette.save(tmp_path / "palette8.png")
    palette.save(tmp_path / "palette2.png", bits=2)
    for path in tmp_path.iterdir():
        assert read_indices(path).tolist() == INDICES.tolist()


def test_one_bit_files_are_zeros_and_ones(tmp_path: Path) -> None:
    Image.fromarray(INDICES > 0).save(tmp_path / "a.png")
    assert read_indices(tmp_path / "a.png").tolist() == [[0, 1, 1], [1, 1, 0]]


def test_low_bit_grey_is_refused_since_pillow_would_stretch_it(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 4, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\x00\x01"))
    path = tmp_path / "grey4.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
    with pytest.raises(InputError, match="grey of 2 or 4 bits"):
        read_indices(path)


WIDE = np.array([[0, 255, 256], [300, 40_000, 65_535]], np.uint16)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_16_bits_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    Image.fromarray(WIDE).save(tmp_path / name)
    labels = read_indices(tmp_path / name)
    assert labels.dtype == torch.int32
    assert labels.tolist() == WIDE.tolist()


def test_16_bits_are_turned_and_of_either_order(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(WIDE).save(tmp_path / "a.png", exif=exif)
    assert read_indices(tmp_path / "a.png", upright=True).tolist() == np.rot90(WIDE, -1).tolist()
    Image.fromarray(WIDE.astype(">u2")).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as picture:
        assert picture.mode == "I;16B"
    assert read_indices(tmp_path / "a.tif").tolist() == WIDE.tolist()


@pytest.mark.parametrize(
    ("labels", "options", "complaint"),
    [
        (WIDE.astype(np.int32), {}, r"32 bits \(mode I\); save it as grey of 8 or 16 bits"),
        (WIDE.astype(np.float32), {}, r"32 bits \(mode F\)"),
        (WIDE, {"tiffinfo": {262: 0}}, "white as 0"),
    ],
)
def test_other_wide_numbers_are_refused(
    tmp_path: Path, labels: np.ndarray, options: dict[str, object], complaint: str
) -> None:
    Image.fromarray(labels).save(tmp_path / "a.tif", **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=complaint):
        read_indices(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P"])
def test_images_become_rgb(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGB", (3, 2), (255, 0, 0)).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    expected = np.array(picture.convert("RGB"))
    image = read_image(path)
    assert image.dtype == torch.uint8
    assert np.array_equal(image.permute(1, 2, 0).numpy(), expected)


def test_labels_out_of_range(tmp_path: Path) -> None:
    check_labels(torch.tensor([0, 4, 255]), 5, 255, tmp_path, "map")
    with pytest.raises(InputError, match=r"label -1; labels are 0\.\.4 and 255"):
        check_labels(torch.tensor([-1]), 5, 255, tmp_path, "map")
