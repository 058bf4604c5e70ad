from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.data.reading import check_labels, read_image, read_indices
from lit_samseg.errors import InputError

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


def test_wide_integers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(INDICES.astype(np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="mode I;16"):
        read_indices(tmp_path / "a.png")


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
