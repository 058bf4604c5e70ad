"""Other data sets than the built-in one: where their files are, their colours, their names."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data.ade20k import ADE20K_CLASSES, ade20k_palette
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from tests.conftest import PROJECT, RunCli, SmallVoc, run_quietly, save_indices
from tests.figures.conftest import RunFigure
from tests.figures.reading import read_svg
from tests.figures.test_errors import complaint
from tests.recomputation import results_of


def test_a_voc_folder_that_was_moved(small_voc: SmallVoc, run_cli: RunCli, figure: RunFigure, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["--model.variants=[box]", "--model.save_predictions=true", f"--output_dir={run}"]
    assert run_cli(*small_voc.words(), *words).code == 0
    before = figure(run, "4", "--output", tmp_path / "before.svg")
    assert before.code == 0, before.err
    moved = small_voc.root.rename(tmp_path / "moved")
    for name in ("1", "3", "4"):
        text = complaint(figure(run, name))
        assert f"the run's data are not in {small_voc.root}; give --data.root DIR" in text
    assert figure(run, "4", "--output", tmp_path / "after.svg", "--data.root", moved).code == 0
    # Before the run and its name, too.
    assert figure(f"--data.root={moved}", run, "4", "--output", tmp_path / "first.svg").code == 0
    for name in ("after", "first"):
        assert (tmp_path / f"{name}.svg").read_bytes() == (tmp_path / "before.svg").read_bytes()
    (tmp_path / "empty").mkdir()
    text = complaint(figure(run, "4", "--data.root", tmp_path / "empty"))
    assert f"{tmp_path}/empty has no VOC2012 with ImageSets/Segmentation; give --data.root DIR" in text
    image_id = small_voc.ids[2]
    picture = moved / f"VOCdevkit/VOC2012/JPEGImages/{image_id}.jpg"
    kept = picture.rename(tmp_path / "kept.jpg")
    text = complaint(figure(run, "4", "--data.root", moved))
    assert f"missing files of the run's images: 1 (first: {picture}); give --data.root DIR" in text
    # An image that is not shown is not looked for.
    words = ["4", "--ids", small_voc.ids[0], "--output", tmp_path / "one.svg"]
    assert figure(run, *words, "--data.root", moved).code == 0
    shutil.copy(kept, picture)
    truth = moved / f"VOCdevkit/VOC2012/SegmentationClass/{image_id}.png"
    labels = np.array(Image.open(truth))
    save_indices(truth, np.where(labels == 1, 2, labels) if (labels == 1).any() else np.where(labels == 0, 2, labels))
    assert f"ground truth {truth} has other areas than" in complaint(figure(run, "3", "--data.root", moved))
    # The same areas elsewhere: only label maps can tell.
    save_indices(truth, labels[::-1])
    assert f"{image_id}.png does not have the counts" in complaint(figure(run, "4", "--data.root", moved))


@pytest.fixture(scope="module")
def ade_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene as an ADE20K folder, its classes 140 and more in the files, with its run in ``out``."""
    tmp_path = tmp_path_factory.mktemp("ade")
    base, coarse = tmp_path / "ADEChallengeData2016", tmp_path / "coarse"
    for folder in (base / "images/validation", base / "annotations/validation", coarse):
        folder.mkdir(parents=True)
    image, scene = generate_scene(SPLIT_SEEDS["test"], 1000)
    truth = np.where(scene == 255, 0, scene.astype(int) + 140)
    Image.fromarray(image).save(base / "images/validation/ADE_val_00000001.jpg", quality=95)
    Image.fromarray(truth.astype(np.uint8)).save(base / "annotations/validation/ADE_val_00000001.png")
    blocks = np.where(truth == 0, 140, truth)[::8, ::8].repeat(8, 0).repeat(8, 1)[: truth.shape[0], : truth.shape[1]]
    Image.fromarray(blocks.astype(np.uint8)).save(coarse / "ADE_val_00000001.png")
    words = ["--config", PROJECT / "configs/ade20k_precomputed_mobilesam.yaml", "--data.root", tmp_path]
    words += ["--model.baseline.root", coarse, "--model.sam.checkpoint=demo", "--model.save_predictions=true"]
    words += ["--model.variants=[box]", "--output_dir", tmp_path / "out", "--trainer.accelerator=cpu", "--report=false"]
    run_quietly("test", *words, "--data.num_workers=0", "--gallery=false")
    return tmp_path


def test_ade20k_predictions_are_written_as_the_official_files_are(ade_root: Path) -> None:
    """0 stands for no class, class c for c + 1; the default fill is the baseline's map, since nothing is background."""
    truth, coarse, *written = (
        np.array(Image.open(ade_root / folder / "ADE_val_00000001.png"))
        for folder in (
            "ADEChallengeData2016/annotations/validation", "coarse", "out/predictions/baseline", "out/predictions/box"
        )
    )  # fmt: skip
    assert np.array_equal(written[0], coarse)
    assert written[1].min() >= 140
    for row, maps in zip(results_of(ade_root / "out")["rows"], written, strict=True):
        # Scored again from the files as the official ones are scored: where the truth is not 0.
        predicted, valid = maps.astype(int), truth > 0
        classes = np.union1d(truth[valid], predicted[valid])
        ious = [
            (valid & (truth == c) & (predicted == c)).sum() / (valid & ((truth == c) | (predicted == c))).sum()
            for c in classes
        ]
        assert row["miou"] == pytest.approx(np.mean(ious), abs=1e-9)
        assert len(row["per_class"]) == 150


def test_ade20k_in_its_own_colours(ade_root: Path, figure: RunFigure, tmp_path: Path) -> None:
    ade_run = ade_root / "out"
    outcome = figure(ade_run, "4", "--output", tmp_path / "4.svg")
    assert outcome.code == 0, outcome.err
    drawn = read_svg(tmp_path / "4.svg")
    with Image.open(ade_root / "ADEChallengeData2016/images/validation/ADE_val_00000001.jpg") as picture:
        assert np.array_equal(drawn.panels[0].pixels, np.array(picture.convert("RGB")))
    # By written index: 0 is void here, class c is c + 1.
    table = np.array(ade20k_palette(), np.uint8).reshape(-1, 3)
    table[0] = (224, 224, 192)
    written = [
        np.array(Image.open(path))
        for path in (
            ade_root / "ADEChallengeData2016/annotations/validation/ADE_val_00000001.png",
            ade_run / "predictions/baseline/ADE_val_00000001.png",
            ade_run / "predictions/box/ADE_val_00000001.png",
        )
    ]
    for panel, indices in zip(drawn.panels[1:], written, strict=True):
        assert np.array_equal(panel.pixels, table[indices])
    seen = sorted({int(index) for indices in written for index in np.unique(indices)} - {0})
    legend = {ADE20K_CLASSES[index - 1]: f"#{bytes(table[index]).hex()}" for index in seen}
    assert drawn.legend == legend | {"void": "#e0e0c0"}
    assert figure(ade_run, "3", "--output", tmp_path / "3.svg").code == 0
    assert read_svg(tmp_path / "3.svg").panels[0].boxes


NAMES = ["a$b$", "<b>", "数字", "x & y"]


# The quicker ones are the moved VOC folder above, and the names and sizes of test_panels.
@pytest.mark.slow
def test_a_folder_with_hostile_names_and_tiny_images(run_cli: RunCli, figure: RunFigure, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks", "coarse"):
        (tmp_path / folder).mkdir()
    sizes = {"one $1 pixel": (1, 1), "lying": (40, 90), "standing <i>": (90, 40), "a line": (1, 60)}
    for image_id, (height, width) in sizes.items():
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(tmp_path / f"images/{image_id}.png")
        mask = np.arange(height * width).reshape(height, width) * 4 // (height * width)
        save_indices(tmp_path / f"masks/{image_id}.png", mask)
        save_indices(tmp_path / f"coarse/{image_id}.png", np.minimum(mask + (mask == 1), 3))
    (tmp_path / "names.txt").write_text("\n".join(NAMES), encoding="utf-8")
    words = ["--config", PROJECT / "configs/folder_precomputed_mobilesam.yaml", "--data.images", tmp_path / "images"]
    words += [
        "--data.masks",
        tmp_path / "masks",
        "--data.class_names",
        tmp_path / "names.txt",
        "--data.num_classes=null",
    ]
    words += ["--model.baseline.root", tmp_path / "coarse", "--model.sam.checkpoint=demo", "--model.variants=[box]"]
    words += [
        "--model.save_predictions=true",
        "--output_dir",
        tmp_path / "out",
        "--trainer.accelerator=cpu",
        "--report=false",
        "--data.num_workers=0",
    ]
    outcome = run_cli("test", *words)
    assert outcome.code == 0, outcome.err
    run = tmp_path / "out"
    # Other formats' plates have such names in test_panels.
    for file in ("1.svg", "3.svg", "4.svg"):
        outcome = figure(run, file[0], "--ids", *sizes, "--output", tmp_path / file)
        assert outcome.code == 0, outcome.err
    drawn = read_svg(tmp_path / "4.svg")
    assert list(drawn.legend) == NAMES
    assert [panel.pixels.shape[:2] for panel in drawn.panels[::4]] == list(sizes.values())
    for panel, image_id in zip(drawn.panels[::4], sizes, strict=True):
        assert np.array_equal(panel.pixels, np.array(Image.open(tmp_path / f"images/{image_id}.png")))
        assert image_id in drawn.texts
    images = (tmp_path / "images").rename(tmp_path / "moved")
    text = complaint(figure(run, "1"))
    assert f"data.images: no such folder: {tmp_path}/images" in text
    as_svg = ("--output", tmp_path / "moved.svg")
    assert figure(run, "1", "--data.images", images, *as_svg).code == 0
    masks = (tmp_path / "masks").rename(tmp_path / "masks2")
    text = complaint(figure(run, "1", "--data.images", images))
    assert "missing files of the run's images: 4" in text
    assert "give --data.images DIR and --data.masks DIR" in text
    assert figure(run, "1", "--data.images", images, "--data.masks", masks, *as_svg).code == 0
