"""Ground truth and label maps of every kind: the right numbers, or one line that names the file."""

import cv2
import numpy as np
import pytest
from PIL import Image

from lit_samseg.formats.palettes import voc_palette
from tests.conftest import RunCli, refuses, save_indices
from tests.hostile.conftest import HEIGHT, WIDTH, Counts, Refused, Tiny, encoded, labels, mostly_slow
from tests.recomputation import results_of

EXIF = Image.Exif()
EXIF[274] = 6  # the camera was held sideways
GREY = Image.fromarray(labels())


def coloured(**options: object) -> bytes:
    picture = GREY.copy()
    picture.putpalette([n for n in range(256) for _ in range(3)])
    return encoded(picture, "PNG", **options)


def with_value(value: int) -> bytes:
    changed = labels()
    changed[0, 0] = value
    return encoded(Image.fromarray(changed), "PNG")


def renumbered() -> Image.Image:
    """What editors make of VOC's own masks: the colours stay, their numbers are those of a palette of a few."""
    picture = GREY.copy()
    picture.putpalette(voc_palette())
    return picture.convert("RGB").quantize(8)


def foreign() -> Image.Image:
    picture = GREY.copy()
    picture.putpalette([n for index in range(256) for n in (index, 7, 255 - index)])
    return picture


RIGHT: dict[str, bytes] = {
    "grey": encoded(GREY, "PNG"),
    "palette": coloured(),
    "palette-with-alpha": coloured(transparency=bytes(range(256))),
    "palette-with-a-transparent-index": coloured(transparency=3),
    "renumbered-by-an-editor": encoded(renumbered(), "PNG"),
    "grey-gif-named-png": encoded(GREY, "GIF"),
    "16-bits": encoded(Image.fromarray(labels().astype(np.uint16)), "PNG"),
    "16-bit-tiff": encoded(Image.fromarray(labels().astype(np.uint16)), "TIFF", compression="tiff_lzw"),
    "written-by-opencv": cv2.imencode(".png", labels())[1].tobytes(),
    "tiff-named-png": encoded(GREY, "TIFF", compression="tiff_lzw"),
    "bmp-named-png": encoded(GREY, "BMP"),
    "lossless-webp-named-png": encoded(GREY.convert("RGB"), "WEBP", lossless=True),
    "turned-by-exif-as-the-pixels-lie": encoded(GREY, "PNG", exif=EXIF),
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "colours": (encoded(GREY.convert("RGB"), "PNG"), "has mode RGB"),
    "colours-with-alpha": (encoded(GREY.convert("RGBA"), "PNG"), "has mode RGBA"),
    "grey-with-alpha": (encoded(GREY.convert("LA"), "PNG"), "has mode LA"),
    "jpeg-named-png": (encoded(GREY, "JPEG", quality=100), "compressed with loss"),
    "lossy-webp-named-png": (encoded(GREY.convert("RGB"), "WEBP"), "compressed with loss"),
    "32-bits": (encoded(Image.fromarray(labels().astype(np.int32)), "TIFF"), "signed numbers, fractions or 32 bits"),
    "floats": (encoded(Image.fromarray(labels().astype(np.float32)), "TIFF"), "32 bits (mode F)"),
    "16-bits-stretched": (
        encoded(Image.fromarray(labels() * np.uint16(257)), "PNG"),
        "has label 771; labels are 0..20",
    ),
    "jpeg-2000": (encoded(GREY, "JPEG2000"), "may be compressed with loss (JPEG2000)"),
    "one-above-the-classes": (with_value(21), "has label 21; labels are 0..20 and 255"),
    "one-below-void": (with_value(254), "has label 254; labels are 0..20 and 255"),
    "other-size": (
        encoded(GREY.resize((WIDTH + 1, HEIGHT), Image.Resampling.NEAREST), "PNG"),
        f"is 41x24 pixels, its image {WIDTH}x{HEIGHT}",
    ),
    "sides-swapped": (encoded(GREY.transpose(Image.Transpose.TRANSPOSE), "PNG"), "is 24x40 pixels, its image 40x24"),
    "two-pages": (encoded(GREY, "TIFF", [GREY]), "holds several pictures"),
    "animated-gif": (encoded(GREY, "GIF", [GREY.point(lambda value: value // 2)]), "holds several pictures"),
    "palette-of-other-colours": (
        encoded(foreign(), "PNG"),
        "has a palette of other colours than the data set's: index 0 is (0, 7, 255), there (0, 0, 0); save it as",
    ),
    "empty": (b"", "is not a picture"),
    "text": (b"0 0 0 3 3 3", "is not a picture"),
    "array": (b"\x93NUMPY\x01\0v\0{}", "is not a picture"),
    "cut-off": (encoded(GREY, "PNG")[:-40], "cannot be decoded"),
}


# The quicker one is `test_a_mask_of_void_only_counts_nothing`.
@pytest.mark.slow
def test_counts_of_other_labels_differ(run_cli: RunCli, tiny: Tiny, plain_counts: Counts) -> None:
    """Without this the comparisons below would show nothing."""
    tiny.mask.write_bytes(with_value(4))
    assert run_cli(*tiny.words()).code == 0
    assert tiny.counts() != plain_counts


@pytest.mark.parametrize("case", RIGHT)
def test_labels_are_read(tiny: Tiny, case: str) -> None:
    tiny.mask.write_bytes(RIGHT[case])
    target = tiny.sample().target
    assert target is not None
    assert np.array_equal(target, labels())


@pytest.mark.parametrize("case", REFUSED)
def test_labels_are_refused_by_name(tiny: Tiny, case: str) -> None:
    content, complaint = REFUSED[case]
    tiny.mask.write_bytes(content)
    refuses(tiny.sample, tiny.mask, complaint)


# Label maps may have any colours.
@pytest.mark.parametrize("case", [case for case in REFUSED if case != "palette-of-other-colours"])
def test_a_baselines_labels_are_refused_by_name(tiny: Tiny, case: str) -> None:
    content, complaint = REFUSED[case]
    tiny.label_map.write_bytes(content)
    # A baseline cannot leave pixels out: 255 is no label of its.
    refuses(tiny.baselines_labels, tiny.label_map, complaint.removesuffix(" and 255"))


@pytest.mark.parametrize("case", mostly_slow(RIGHT, []))
def test_counts_are_those_of_the_same_labels_given_plainly(
    run_cli: RunCli, tiny: Tiny, case: str, plain_counts: Counts
) -> None:
    tiny.mask.write_bytes(RIGHT[case])
    outcome = run_cli(*tiny.words())
    assert outcome.code == 0, outcome.err
    assert "Warning" not in outcome.err
    assert tiny.counts() == plain_counts


@pytest.mark.parametrize("case", mostly_slow(REFUSED, []))
def test_ground_truth_refused_by_name(refused: Refused, tiny: Tiny, case: str) -> None:
    content, complaint = REFUSED[case]
    tiny.mask.write_bytes(content)
    refused(tiny.words(), tiny.mask, complaint)
    assert not (tiny.out / "results.json").exists()


def test_a_renumbered_mask_has_other_indices() -> None:
    assert np.unique(np.array(renumbered())).tolist() == [0, 1, 2]


def test_a_renumbered_label_map_is_refused(tiny: Tiny) -> None:
    """Nobody knows a baseline's colours: its user says what stands for the labels."""
    tiny.label_map.write_bytes(encoded(renumbered(), "PNG"))
    complaint = ("has the usual colours at other indices", "set model.baseline.label_values")
    refuses(tiny.baselines_labels, tiny.label_map, *complaint)


# By default `test_a_baselines_labels_are_refused_by_name` refuses them.
@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in REFUSED if case != "palette-of-other-colours"])
def test_label_maps_refused_by_name(refused: Refused, tiny: Tiny, case: str) -> None:
    content, complaint = REFUSED[case]
    tiny.label_map.write_bytes(content)
    refused(tiny.words(), tiny.label_map, complaint.removesuffix(" and 255"))


def test_a_label_map_with_void_is_refused(tiny: Tiny) -> None:
    save_indices(tiny.label_map, labels())
    refuses(tiny.baselines_labels, tiny.label_map, "has label 255; labels are 0..20")


@pytest.mark.parametrize("make", ["missing", "directory", "loop"])
def test_a_label_map_that_is_no_file(tiny: Tiny, make: str) -> None:
    tiny.label_map.unlink()
    if make == "directory":
        tiny.label_map.mkdir()
    elif make == "loop":
        tiny.label_map.symlink_to(tiny.label_map)
    refuses(tiny.baselines_labels, tiny.label_map)


def test_a_binary_mask_is_named_before_it_is_scored(refused: Refused, run_cli: RunCli, tiny: Tiny) -> None:
    """Read as void, all of the foreground would be left out, and SAM seem to help."""
    yes = labels() == 3
    Image.fromarray(yes.astype(np.uint8) * 255).save(tiny.mask, "PNG")
    save_indices(tiny.label_map, np.array(Image.open(tiny.label_map)) // 3)
    words = [*tiny.folder_words(), "--data.num_classes=2"]
    refused(words, tiny.mask, "has the values 0 and 255 only: set data.label_values to binary")
    outcome = run_cli(*words, "--data.label_values=binary")
    assert outcome.code == 0, outcome.err
    assert "Masks were read as binary: 0 is class_0, 255 or 1 is class_1." in " ".join(outcome.out.split())
    dataset = results_of(tiny.out)["dataset"]
    assert (dataset["label_values"], dataset["void_share"]) == ("binary", 0)
    (background, foreground), *_ = np.array(tiny.counts()["gt_area"])[0]
    assert (background, foreground) == ((~yes).sum(), yes.sum())


def test_classes_that_may_be_void_are_said(run_cli: RunCli, tiny: Tiny) -> None:
    """Two classes, and all that is none of them is void."""
    Image.fromarray(np.where(labels() == 3, 255, 0).astype(np.uint8)).save(tiny.mask, "PNG")
    save_indices(tiny.label_map, np.array(Image.open(tiny.label_map)) // 3)
    outcome = run_cli(*tiny.folder_words(), "--data.num_classes=2", "--data.label_values=indices")
    assert outcome.code == 0, outcome.err
    sentence = "50.0 % of the ground truth is void, and class_1 occurs nowhere in it"
    assert sentence in outcome.err
    assert sentence in " ".join(outcome.out.split())
    assert results_of(tiny.out)["dataset"]["void_share"] == 0.5


def test_a_mask_of_void_only_counts_nothing(run_cli: RunCli, tiny: Tiny, plain_counts: Counts) -> None:
    save_indices(tiny.mask, np.full((HEIGHT, WIDTH), 255))
    outcome = run_cli(*tiny.words())
    assert outcome.code == 0, outcome.err
    counts = tiny.counts()
    for name in ("intersection", "gt_area", "pred_area"):
        assert not np.any(counts[name])
        assert np.any(plain_counts[name])
