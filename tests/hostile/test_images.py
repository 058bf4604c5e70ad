"""Images of every kind: the right numbers, or one line that names the file."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.formats.reading import read_image
from tests.conftest import RunCli, refuses, save_indices
from tests.hostile.conftest import Counts, Refused, Tiny, encoded, labels, mostly_slow, pixels
from tests.hostile.pictures import (
    FRAMES,
    GREY,
    ORIENTATION,
    PLAIN,
    TURNED_RIGHT,
    broken_exif,
    indexed,
    png,
    text,
    thumbnail_behind,
    turned,
    with_alpha,
)  # fmt: skip

RIGHT: dict[str, tuple[bytes, np.ndarray, int]] = {
    # Content of a.jpg, the pixels it stands for, and how far compression may take them.
    "jpeg": (encoded(PLAIN, "JPEG", quality=100, subsampling=0), pixels(), 8),
    "progressive-jpeg": (encoded(PLAIN, "JPEG", quality=100, subsampling=0, progressive=True), pixels(), 8),
    "png-named-jpg": (encoded(PLAIN, "PNG"), pixels(), 0),
    "webp-named-jpg": (encoded(PLAIN, "WEBP", lossless=True), pixels(), 0),
    "bmp-named-jpg": (encoded(PLAIN, "BMP"), pixels(), 0),
    "tiff-lzw": (encoded(PLAIN, "TIFF", compression="tiff_lzw"), pixels(), 0),
    "cmyk-jpeg": (encoded(PLAIN.convert("CMYK"), "JPEG", quality=100, subsampling=0), pixels(), 8),
    "cmyk-tiff": (encoded(PLAIN.convert("CMYK"), "TIFF"), pixels(), 0),
    "grey-jpeg": (encoded(GREY, "JPEG", quality=100), pixels()[..., [1, 1, 1]], 4),
    "grey-png": (encoded(GREY, "PNG"), pixels()[..., [1, 1, 1]], 0),
    "one-bit-png": (
        encoded(Image.fromarray(pixels()[..., 0] > 99), "PNG"),
        np.where(pixels()[..., [0] * 3] > 99, 255, 0),
        0,
    ),
    "rgba-png": (encoded(with_alpha("RGB"), "PNG"), pixels(), 0),
    "rgba-webp": (encoded(with_alpha("RGB"), "WEBP", lossless=True, exact=True), pixels(), 0),
    "la-png": (encoded(with_alpha("L"), "PNG"), np.array(PLAIN.convert("L").convert("RGB")), 0),
    "rgb-png-with-a-transparent-colour": (encoded(PLAIN, "PNG", transparency=(40, 0, 0)), pixels(), 0),
    "palette": (encoded(indexed(), "PNG"), np.array(indexed().convert("RGB")), 0),
    "palette-with-transparency": (
        encoded(indexed(), "PNG", transparency=bytes(range(0, 256, 32))),
        np.array(indexed().convert("RGB")),
        0,
    ),
    "one-frame-gif": (encoded(indexed(), "GIF"), np.array(indexed().convert("RGB")), 0),
    "exif-turned-as-the-pixels-lie": (encoded(turned(), "PNG", exif=turned().getexif()), pixels(), 0),
    "broken-exif": (broken_exif(), pixels(), 8),
    "five-megabytes-of-text": (encoded(PLAIN, "PNG", pnginfo=text(plain=5_000_000)), pixels(), 0),
    "large-icc-profile": (encoded(PLAIN, "JPEG", quality=100, subsampling=0, icc_profile=bytes(900_000)), pixels(), 8),
    "bytes-behind-the-end": (encoded(PLAIN, "PNG") + b"<script>" * 999, pixels(), 0),
    "tiff-with-a-thumbnail-behind": (thumbnail_behind(), pixels(), 0),
    "phone-jpeg-with-a-second-picture": (
        encoded(PLAIN, "MPO", FRAMES, quality=100, subsampling=0),
        pixels(),
        8,
    ),
}

WIDE = pixels().astype(np.uint16) * 16  # of a camera with 12 bits

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not a picture"),
    "text": (b"not a picture", "is not a picture"),
    "web-page": (b"<!DOCTYPE html><html>404</html>", "is not a picture"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 24\n%%EndComments\n", "is not a picture"),
    "noise": (bytes(range(256)) * 9, "is not a picture"),
    "magic-only": (b"\x89PNG\r\n\x1a\n", "is not a picture"),
    "half-a-jpeg": (encoded(PLAIN, "JPEG")[:-400], "cannot be decoded"),
    "half-a-png": (encoded(PLAIN, "PNG")[:-60], "cannot be decoded"),
    "png-without-pixels": (png(40, 24), "cannot be decoded"),
    "grey-png-of-16-bits": (encoded(Image.fromarray(WIDE[..., 0]), "PNG"), "more than 8 bits a channel"),
    "grey-tiff-of-16-bits": (encoded(Image.fromarray(WIDE[..., 0]), "TIFF"), "more than 8 bits a channel"),
    "colour-png-of-16-bits": (cv2.imencode(".png", WIDE)[1].tobytes(), "more than 8 bits a channel (16)"),
    "colour-tiff-of-16-bits": (cv2.imencode(".tif", WIDE)[1].tobytes(), "more than 8 bits a channel (16)"),
    "tiff-of-floats": (encoded(Image.fromarray(np.ones((24, 40), np.float32)), "TIFF"), "more than 8 bits"),
    "animated-gif": (encoded(PLAIN, "GIF", FRAMES), "holds several pictures"),
    "animated-webp": (encoded(PLAIN, "WEBP", FRAMES), "holds several pictures"),
    "animated-png": (encoded(PLAIN, "PNG", FRAMES), "holds several pictures"),
    "tiff-of-pages": (encoded(PLAIN, "TIFF", FRAMES), "holds several pictures"),
    "bomb-beyond-pillows-limit": (png(60_000, 60_000), "claims more than 89478485 pixels"),
    "bomb-where-pillow-only-warns": (png(10_000, 10_000), "claims more than 89478485 pixels"),
    "bomb-of-one-bit": (png(2_000_000_000, 2_000_000_000, 1, 0), "claims more than 89478485 pixels"),
    "bomb-in-metadata": (encoded(PLAIN, "PNG", pnginfo=text(zipped=80_000_000)), "cannot be decoded"),
    "png-of-no-pixels": (png(0, 0), "a.jpg"),
    "gif-of-no-pixels": (b"GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0\x02\0;", "a.jpg"),
}


# The functions read all.
QUICK = ["png-named-jpg"]


@pytest.mark.parametrize("case", RIGHT)
def test_pixels_are_read(tiny: Tiny, case: str) -> None:
    content, expected, tolerance = RIGHT[case]
    tiny.image.write_bytes(content)
    image = read_image(tiny.image).permute(1, 2, 0).numpy()
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("case", REFUSED)
def test_pixels_are_refused_by_name(tiny: Tiny, case: str) -> None:
    content, complaint = REFUSED[case]
    tiny.image.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_image(tiny.image)
    assert str(tiny.image) in str(caught.value)


@pytest.mark.parametrize("case", mostly_slow(RIGHT, QUICK))
def test_counts_are_those_of_the_same_image_given_plainly(
    run_cli: RunCli, tiny: Tiny, case: str, plain_counts: Counts
) -> None:
    tiny.image.write_bytes(RIGHT[case][0])
    image = read_image(tiny.image).permute(1, 2, 0).numpy()
    outcome = run_cli(*tiny.words())
    assert outcome.code == 0, outcome.err
    assert "Warning" not in outcome.err
    counts = tiny.counts()
    if np.array_equal(image, pixels()):
        assert counts == plain_counts
    else:
        Image.fromarray(image).save(tiny.image, "PNG")
        assert run_cli(*tiny.words(), "--overwrite=true").code == 0
        assert tiny.counts() == counts


# Those of other labels differ by default, in test_masks.py.
@pytest.mark.slow
def test_counts_of_another_image_differ(run_cli: RunCli, tiny: Tiny, plain_counts: Counts) -> None:
    """Without this the comparisons above would show nothing."""
    Image.fromarray(pixels()[::-1, ::-1]).save(tiny.image, "PNG")
    assert run_cli(*tiny.words()).code == 0
    assert tiny.counts() != plain_counts


# What ends a run is shown by tests/test_bad_input.py too.
@pytest.mark.parametrize("case", mostly_slow(REFUSED, []))
def test_refused_by_name(refused: Refused, tiny: Tiny, case: str) -> None:
    content, complaint = REFUSED[case]
    tiny.image.write_bytes(content)
    refused(tiny.words(), tiny.image, complaint)
    assert not (tiny.out / "results.json").exists()


def directory(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


@pytest.mark.parametrize("make", [directory, loop, dangling])
def test_what_is_no_file(tiny: Tiny, make: Callable[[Path], None]) -> None:
    tiny.image.unlink()
    make(tiny.image)
    refuses(tiny.sample, tiny.image, "1 of 1 listed images have no file")
    with pytest.raises(InputError, match=r"a\.jpg"):
        read_image(tiny.image)


def test_a_folder_of_ones_own_is_turned_upright_with_its_mask(tiny: Tiny) -> None:
    for array, path in ((pixels(), tiny.image), (labels(), tiny.mask)):
        picture = Image.fromarray(np.ascontiguousarray(np.rot90(array)))
        exif = picture.getexif()
        exif[ORIENTATION] = TURNED_RIGHT
        picture.save(path, "PNG", exif=exif)
    sample = tiny.folder_sample()
    assert np.array_equal(sample.image.permute(1, 2, 0), pixels())
    assert sample.target is not None
    assert np.array_equal(sample.target, labels())


def test_a_turned_image_whose_mask_is_not_turned_is_refused(tiny: Tiny) -> None:
    turned().save(tiny.image, "PNG", exif=turned().getexif())
    save_indices(tiny.mask, labels())
    refuses(tiny.folder_sample, tiny.mask, "is 40x24 pixels, its image 24x40")
