"""Every run says on standard error what it understood of its data, and records it; through the real command line."""

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from tests.conftest import PROJECT, SHARED, RunCli, SmallVoc, save_indices
from tests.recomputation import results_of

SHORT = ("--model.variants=[box]", "--model.analysis=false", "--gallery=false", "--report=false")
CONFIG = PROJECT / "configs/folder_precomputed_mobilesam.yaml"


def own_words(voc: SmallVoc) -> list[object]:
    """Options of a test of the same files as a folder of one's own."""
    return [
        *("test", "--config", CONFIG, "--data.images", voc.base / "JPEGImages", "--data.num_workers=0"),
        *("--data.masks", voc.base / "SegmentationClass", "--data.num_classes=21", "--model.baseline.root", voc.coarse),
        *("--model.sam.checkpoint=demo", "--trainer.accelerator=cpu", *SHORT),
    ]


def said(err: str) -> list[str]:
    return [line.removeprefix("lit-samseg: ") for line in err.splitlines() if line.startswith("lit-samseg: ")]


def turn(path: Path, orientation: int) -> None:
    """Make a square picture of one that EXIF data turn."""
    with Image.open(path) as picture:
        side = min(picture.size)
        square = picture.crop((0, 0, side, side))
    exif = square.getexif()
    exif[274] = orientation
    square.save(path, exif=exif, **({"quality": 95} if path.suffix == ".jpg" else {}))


def test_a_test_says_and_records_what_it_understood(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    (small_voc.base / "JPEGImages/photo.heic").write_text("x")
    shutil.copy(small_voc.coarse / "2007_000000.png", small_voc.coarse / "lost.png")
    words = own_words(small_voc)
    outcome = run_cli(*words, "--data.background=0", "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    pictures, classes, background, *warnings = said(outcome.err)
    assert pictures == (
        f"4 pictures in {small_voc.base}/JPEGImages; 1 other file passed over (1 .heic: photo.heic); 1 label map "
        "without a picture (lost.png)"
    )
    assert classes.startswith("21 classes (class_0, class_1, class_2, ..., class_20), labels 0..20, void 255, masks re")
    assert background.startswith("background: class 0 'class_0' (")
    assert background.endswith(" is never prompted, and fills what no mask claims in box")
    assert ["left out" in warnings[0], "taken for background" in warnings[1]] == [True, True]
    assert len(warnings) == 2
    # By numbers of the whole run; and who reads the tables alone is told too.
    results = results_of(tmp_path / "out")
    dataset = results["dataset"]
    assert [f"warning: {text}" for text in dataset["warnings"]] == warnings
    assert dataset["background"] == 0
    truth = [np.array(Image.open(small_voc.base / f"SegmentationClass/{i}.png")) for i in dataset["ids"]]
    assert dataset["void_share"] == sum((t == 255).sum() for t in truth) / sum(t.size for t in truth)
    assert "Warning: class 0 'class_0' is taken for background" in " ".join(outcome.out.split())
    assert "of 21 classes do not occur in the ground truth (" in " ".join(outcome.out.split())
    schema = json.loads((PROJECT / "lit_samseg/results/results.schema.json").read_text())
    jsonschema.validate(results, schema)


def test_square_pictures_that_exif_turns(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    """Their masks and label maps know of no turning, which nothing but a warning can tell.

    The configuration takes no class for the background by itself.
    """
    for folder, suffix in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
        path = small_voc.base / folder / f"2007_000001.{suffix}"
        turn(path, 6)
        if suffix == "png":
            save_indices(path, np.array(Image.open(path)))
    save_indices(small_voc.coarse / "2007_000001.png", np.array(Image.open(path)) % 21)
    outcome = run_cli(*own_words(small_voc), "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "1 turned as their EXIF data say" in said(outcome.err)[0]
    doubts = said(outcome.err)[3:]
    assert len(doubts) == 2
    for doubt, what in zip(doubts, ("label map", "mask"), strict=True):
        assert f"EXIF data turn 1 images, but 1 {what}s have another EXIF orientation or none" in doubt
        assert "--data.exif ignore" in doubt
    dataset = results_of(tmp_path / "out")["dataset"]
    assert (dataset["turned"], len(dataset["warnings"])) == (1, 2)
    assert "1 of the pictures were turned upright" in " ".join(outcome.out.split())
    chosen = run_cli(*own_words(small_voc), "--data.exif=ignore", "--output_dir", tmp_path / "ignored")
    assert chosen.code == 0, chosen.err
    assert "1 left as they lie though EXIF turns them" in said(chosen.err)[0]
    lines = said(chosen.err)
    assert len(lines) == 3
    assert lines[2].startswith("no background: every class is prompted, pixels that no mask claims keep the baseline's")
    dataset = results_of(tmp_path / "ignored")["dataset"]
    assert (dataset["turned"], dataset["background"]) == (0, None)


def test_predict_turns_or_does_not_and_writes_alike(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    """Label maps drawn on the pixels as they lie name EXIF as the reason; read so, predictions lie so too."""
    path = small_voc.base / "JPEGImages/2007_000002.jpg"
    with Image.open(path) as picture:
        size = (picture.width, picture.height - 8)
        exif = picture.getexif()
        exif[274] = 8
        picture.crop((0, 0, *size)).save(path, exif=exif)
    with Image.open(small_voc.coarse / "2007_000002.png") as labels:
        save_indices(small_voc.coarse / "2007_000002.png", np.array(labels.crop((0, 0, *size))))
    words = ["predict", *small_voc.words()[1:], "--data.images", path.parent, "--model.variants=[box]"]
    outcome = run_cli(*words, "--output_dir", tmp_path / "out")
    assert outcome.code == 2
    line = said(outcome.err)[-1]
    assert f"label map {small_voc.coarse}/2007_000002.png is {size[0]}x{size[1]} pixels, its image " in line
    assert "EXIF" in line
    assert "--data.exif ignore" in line
    outcome = run_cli(*words, "--data.exif=ignore", "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    with Image.open(tmp_path / "out/predictions/box/2007_000002.png") as written:
        assert written.size == size


@pytest.mark.real
@pytest.mark.parametrize("background", ["0", "null"])
def test_camvid_s_sky_is_no_background(run_cli: RunCli, tmp_path: Path, background: str) -> None:
    """What a configuration made for two classes says to eleven."""
    if not (SHARED / "data/CamVid").is_dir():
        pytest.skip(f"needs CamVid in {SHARED}")
    outcome = run_cli(
        *("test", "--config", CONFIG, "--data.images", SHARED / "data/CamVid/val", "--data.background", background),
        *("--data.masks", SHARED / "data/CamVid/valannot", "--data.ignore_index=11", "--data.num_classes=11"),
        *("--model.baseline.root", SHARED / "predictions/camvid_espnet/label_maps", "--data.subset=2"),
        *("--model.sam.checkpoint=demo", "--trainer.accelerator=cpu", "--output_dir", tmp_path / "out", *SHORT),
    )
    assert outcome.code == 0, outcome.err
    lines = said(outcome.err)
    assert lines[0].startswith(f"2 of 101 pictures in {SHARED}/data/CamVid/val; 184 label maps without a picture (")
    assert "labels 0..10, void 11, masks read as indices; in 2 ground truths looked at: 11 of the classes" in lines[1]
    warned = [line for line in lines if line.startswith("warning: class 0 'class_0' is taken for background and cov")]
    assert len(warned) == (background == "0")
