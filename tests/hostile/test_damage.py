"""Pictures that were cut off or changed on their way: all of the pixels, or an error; nothing between."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.errors import InputError
from lit_samseg.formats.reading import read_image
from tests.hostile.conftest import encoded
from tests.hostile.pictures import PLAIN, indexed, turned

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("BMP", {}),
        ("GIF", {}),
    ],
)  # fmt: skip
def test_cut_off_at_every_length(tmp_path: Path, kind: str, options: dict[str, object]) -> None:
    """Either all the pixels are there, or the file is refused; never a picture with a grey end."""
    content = encoded(indexed() if kind == "GIF" else PLAIN, kind, **options)
    path = tmp_path / "cut"
    path.write_bytes(content)
    whole = read_image(path).numpy()
    messages = []
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            image = read_image(path).numpy()
        except InputError as error:
            messages.append(str(error))
        else:
            assert np.array_equal(image, whole), length
    # What may be missing is the mark of the end.
    assert len(messages) >= len(content) - 32
    assert all(str(path) in message for message in messages)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"])
def test_damaged_bytes_end_in_no_other_error(tmp_path: Path, kind: str) -> None:
    content = encoded(indexed() if kind == "GIF" else turned(), kind, exif=turned().getexif())
    path = tmp_path / "damaged"
    draw = np.random.default_rng(0)
    refusals = 0
    for _ in range(200):
        damaged = np.frombuffer(content, np.uint8).copy()
        # Headers come first and are most of what can go wrong.
        places = draw.integers(0, min(len(content), int(draw.choice([60, 300, len(content)]))), 4)
        damaged[places] = draw.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        with warnings.catch_warnings(record=True) as seen:
            try:
                read_image(path, upright=True)
            except InputError:
                refusals += 1
        assert not seen
    assert refusals > 20
