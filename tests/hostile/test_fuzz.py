"""A minute of files that nobody thought of: each is read, or refused by one error that names it."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from lit_samseg.data.subset import fault_of_id, read_ids
from lit_samseg.errors import InputError
from lit_samseg.formats.reading import read_image, read_indices
from tests.hostile.conftest import encoded
from tests.hostile.pictures import PLAIN, indexed, turned

pytestmark = pytest.mark.slow

SECONDS = 20
"""For each of the three readers."""

PICTURES = [
    *(encoded(PLAIN, kind) for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP")),
    encoded(PLAIN, "JPEG", progressive=True),
    encoded(PLAIN, "TIFF", compression="tiff_lzw"),
    encoded(turned(), "JPEG", exif=turned().getexif()),
    *(encoded(indexed(), kind) for kind in ("PNG", "GIF")),
]


@st.composite
def damaged_pictures(draw: st.DrawFn) -> bytes:
    """A picture of some format with bytes changed, put in or lost, mostly in its first ones; or none at all."""
    content = bytearray(draw(st.sampled_from([*PICTURES, b""])))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, min(len(content), draw(st.sampled_from([40, 400, 1 << 20])))))
        lost = draw(st.sampled_from([0, 1, 1, 2, 4, 50]))
        content[place : place + lost] = draw(st.binary(max_size=6))
    return bytes(content)


LINES = st.one_of(
    st.sampled_from(["2007_000001", "..", "/etc/passwd", "a b", "\ufeff", "\u202e", "é" * 130, "\x00", "\r", "\t", ""]),
    st.text(max_size=20),
)
LISTS = st.one_of(
    st.binary(max_size=200),
    st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines).encode("utf-8", "ignore")),
)


def read_or_refuse(path: Path, read: Callable[[Path], Any], check: Callable[[Any], bool]) -> Callable[[bytes], None]:
    """Return a function that asserts what becomes of a file."""

    def assert_sound(content: bytes) -> None:
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            message = ""
            try:
                result = read(path)
            except InputError as error:
                message = str(error)
        if message:
            assert str(path) in message
            assert "\n" not in message
        else:
            assert check(result)

    return assert_sound


def fuzz(files: st.SearchStrategy[bytes], assert_sound: Callable[[bytes], None]) -> None:
    """Try files for `SECONDS`, the same ones in the same order each time."""
    deadline, number = time.monotonic() + SECONDS, 0
    ways = settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    while time.monotonic() < deadline:
        seed(number)(ways(given(files)(assert_sound)))()
        number += 1


def is_image(image: Any) -> bool:
    return image.dtype == torch.uint8 and image.shape[0] == 3 and 0 < image[0].numel() <= (Image.MAX_IMAGE_PIXELS or 0)


def is_label_map(labels: Any) -> bool:
    return labels.ndim == 2 and 0 < labels.numel() <= (Image.MAX_IMAGE_PIXELS or 0) and not labels.is_floating_point()


def are_ids(ids: Any) -> bool:
    return 0 < len(ids) == len(set(ids)) and all(fault_of_id(image_id) is None for image_id in ids)


def test_images(tmp_path: Path) -> None:
    fuzz(
        damaged_pictures(), read_or_refuse(tmp_path / "picture", lambda path: read_image(path, upright=True), is_image)
    )


def test_label_maps(tmp_path: Path) -> None:
    fuzz(damaged_pictures(), read_or_refuse(tmp_path / "labels", read_indices, is_label_map))


def test_lists(tmp_path: Path) -> None:
    fuzz(LISTS, read_or_refuse(tmp_path / "ids.txt", read_ids, are_ids))
