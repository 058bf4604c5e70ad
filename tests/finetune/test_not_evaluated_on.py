"""Images of a training are not evaluated on, through the real command line."""

from pathlib import Path

from PIL import Image

from lit_samseg.data import Scenes
from tests.conftest import PROJECT, RunCli, save_indices


def test_images_of_the_training_are_not_evaluated_on(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    options = ("--data.size", 30, "--report", False, "--output_dir", tmp_path / "run")
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "train", *options),
        *("--model.sam.adapter", trained / "adapter.safetensors"),
    )
    assert outcome.code == 2
    assert "4 of the images were used to train" in outcome.err
    assert outcome.err.count("\n") == 1


def test_nor_are_they_under_other_names(trained: Path, run_cli: RunCli, tmp_path: Path) -> None:
    """In another folder, of another data set, called otherwise and written anew."""
    scenes = Scenes(size=30, split="train", subset=4)
    scenes.setup("test")
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for n, image_id in enumerate(scenes.ids[:2]):
        sample = scenes.read(image_id, with_target=True)
        assert sample.target is not None
        Image.fromarray(sample.image.permute(1, 2, 0).numpy()).save(tmp_path / f"images/x{n}.tif")
        save_indices(tmp_path / f"masks/x{n}.png", sample.target.numpy())
    words = (
        "--data",
        "lit_samseg.data.Folder",
        "--data.images",
        tmp_path / "images",
        "--data.masks",
        tmp_path / "masks",
    )
    words += ("--data.num_classes", len(Scenes.class_names), "--model", "lit_samseg.module.SamSegEvaluation")
    words += ("--model.baseline", "lit_samseg.baselines.MobileNetV2DeepLab", "--model.baseline.checkpoint", "demo")
    words += ("--model.sam", "lit_samseg.sam.SegmentAnything", "--model.sam.checkpoint", "demo")
    words += ("--model.sam.adapter", trained / "adapter.safetensors", "--output_dir", tmp_path / "run")
    outcome = run_cli("test", *words)
    assert outcome.code == 2
    assert f"2 of the images were used to train {trained / 'adapter.safetensors'}" in outcome.err
    assert f"(first: folder/x0, which has the pixels of scenes/train/{scenes.ids[0]})" in outcome.err
    assert outcome.err.count("\n") == 1
    # Without ground truth nothing is measured, and nothing refused.
    outcome = run_cli("predict", *words, "--trainer.enable_progress_bar", False)
    assert outcome.code == 0, outcome.err
    assert "used to train" not in outcome.err
