"""Your own pictures and folders, and ADE20K's files, through the real command line."""

from pathlib import Path

import numpy as np
from PIL import Image

from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from tests.conftest import PROJECT, RunCli, SmallVoc
from tests.recomputation import read_predictions

QUICKLY = ("--data.num_workers=0", "--model.analysis=false", "--gallery=false", "--report=false")
"""Leaves out what these tests do not look at."""


def test_predict_takes_pictures_of_ones_own(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    """No file of the data set is needed; its classes are."""
    pictures = tmp_path / "my pictures"
    pictures.mkdir()
    image, _ = generate_scene(SPLIT_SEEDS["test"], 1000)
    Image.fromarray(image).save(pictures / "café 1.webp", lossless=True)
    Image.fromarray(image[:, ::-1]).save(pictures / "two.JPG")
    words = [
        "predict",
        "--config",
        PROJECT / "configs/demo.yaml",
        "--data.images",
        pictures,
        "--trainer.accelerator=cpu",
    ]
    outcome = run_cli(*words, "--output_dir", tmp_path / "out", "--model.variants", "[box@component/iou/baseline]")
    assert outcome.code == 0, outcome.err
    assert f"Written to {tmp_path}/out/predictions" in outcome.out
    for row in ("baseline", "box@component__iou__baseline"):
        maps = read_predictions(tmp_path / "out/predictions" / row)
        assert sorted(maps) == ["café 1", "two"]
        assert maps["two"].shape == image.shape[:2]
        assert len(np.unique(maps["café 1"])) > 1
        with Image.open(tmp_path / "out/overlays" / row / "café 1.jpg") as overlay:
            drawn = np.array(overlay).astype(int)
        assert drawn.shape == image.shape
        # What is background is left as it is (but for JPEG's noise and the borders).
        untouched = maps["café 1"] == 0
        changes = abs(drawn - image)
        assert 4 * np.median(changes[untouched]) < np.median(changes[~untouched])
    assert not list((tmp_path / "out").glob("*.partial"))


def test_a_folder_of_ones_own(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    """The configuration for it, on the same files: the scores are the VOC data set's."""
    base = small_voc.base
    words = ["--model.sam.checkpoint=demo", "--model.variants=[box, points+box+mask]", "--trainer.accelerator=cpu"]
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/folder_precomputed_mobilesam.yaml", *words),
        *("--data.images", base / "JPEGImages", "--data.masks", base / "SegmentationClass", "--data.num_classes", 21),
        "--data.background=0",
        *("--model.baseline.root", small_voc.coarse, "--output_dir", tmp_path / "folder"),
        # As many workers as a run has by default.
        *QUICKLY[1:],
    )
    assert outcome.code == 0, outcome.err
    assert run_cli(*small_voc.words(), *words, *QUICKLY, "--output_dir", tmp_path / "voc").code == 0
    ours, theirs = np.load(tmp_path / "folder/counts.npz"), np.load(tmp_path / "voc/counts.npz")
    assert sorted(ours) == sorted(theirs)
    for name in ours:
        assert np.array_equal(ours[name], theirs[name])
    assert ours["intersection"].sum() > 0
