"""What a user can get wrong ends with exit code 2 and one line that names it; nothing written earlier is damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import VOC2012, Folder
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import parse_variants
from lit_samseg.sam import SegmentAnything
from lit_samseg.writing.picture_folder import PictureFolder
from tests.conftest import RunCli, SmallVoc, refuses, save_indices
from tests.test_weights import broken_files


def assert_fails(run_cli: RunCli, words: list[object], *parts: str) -> None:
    """Run and check: code 2, one line of error, holding every part."""
    outcome = run_cli(*words)
    assert outcome.code == 2, (outcome.code, outcome.err)
    assert "Traceback" not in outcome.err
    (line,) = [x for x in outcome.err.splitlines() if x.startswith(("lit-samseg: error:", "error:"))]
    for part in parts:
        assert part in line


SHORT = ("--model.analysis=false", "--gallery=false", "--report=false")


@pytest.fixture
def words(small_voc: SmallVoc, tmp_path: Path) -> list[object]:
    return [*small_voc.words(), "--output_dir", tmp_path / "out", "--model.variants", "[box]", *SHORT]


def read_all(small_voc: SmallVoc, root: Path | None = None, **options: Any) -> None:
    """Read all images as a run does."""
    data = VOC2012(str(root or small_voc.root), num_workers=0, **options)
    data.setup("test")
    for image_id in data.ids:
        data.read(image_id, with_target=True)


def test_no_such_root(run_cli: RunCli, words: list[object], tmp_path: Path) -> None:
    assert_fails(run_cli, [*words, "--data.root", tmp_path / "nowhere"], "nowhere", "does not exist")


def test_root_without_voc(small_voc: SmallVoc) -> None:
    refuses(lambda: read_all(small_voc, small_voc.coarse), "coarse", "VOC2012", "VOCdevkit")


def test_no_such_split(small_voc: SmallVoc) -> None:
    refuses(lambda: read_all(small_voc, split="test"), "test.txt", "there are val")


def test_empty_split(small_voc: SmallVoc) -> None:
    (small_voc.base / "ImageSets/Segmentation/val.txt").write_text("\n")
    refuses(lambda: read_all(small_voc), "val.txt is empty")


def test_ids_without_image(small_voc: SmallVoc, tmp_path: Path) -> None:
    listing = tmp_path / "ids.txt"
    listing.write_text("2007_000001\na\nb\nc\nd\n")
    refuses(lambda: read_all(small_voc, ids=str(listing)), "4 of 5", "a, b, c, ...", "a.jpg")


def test_subset_larger_than_the_split(small_voc: SmallVoc) -> None:
    refuses(lambda: read_all(small_voc, subset=5), "data.subset is 5", "has 4 images")


# The quicker one is that without workers; data/test_workers has what workers meet.
@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_truncated_jpeg_is_named_and_earlier_files_stay(
    run_cli: RunCli, words: list[object], small_voc: SmallVoc, tmp_path: Path, workers: int
) -> None:
    path = small_voc.base / "JPEGImages" / "2007_000002.jpg"
    whole = path.read_bytes()
    words = [*words, "--model.save_predictions", "true"]
    assert run_cli(*words).code == 0
    earlier = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    path.write_bytes(whole[: len(whole) // 2])
    # Another variant and precision, so that whatever this run wrote over the earlier files would differ.
    again = [
        *words,
        "--overwrite=true",
        "--data.num_workers",
        workers,
        "--model.sam.precision",
        "bf16",
        "--model.variants",
        "[box, mask]",
    ]
    assert_fails(run_cli, again, "2007_000002.jpg", "cannot be decoded")
    # What it had written is beside them.
    assert len(list((tmp_path / "out/predictions.partial/mask").glob("*.png"))) == 2
    assert {p: p.read_bytes() for p in earlier} == earlier
    assert not (tmp_path / "out/predictions/mask").exists()


def test_image_that_is_none(small_voc: SmallVoc) -> None:
    (small_voc.base / "JPEGImages" / "2007_000001.jpg").write_text("not a picture")
    refuses(lambda: read_all(small_voc), "2007_000001.jpg", "is not a picture")


def test_ground_truth_of_another_size(small_voc: SmallVoc) -> None:
    save_indices(small_voc.base / "SegmentationClass" / "2007_000001.png", np.zeros((3, 4)))
    refuses(lambda: read_all(small_voc), "2007_000001.png is 4x3 pixels", "must be equal")


def test_label_out_of_range(small_voc: SmallVoc) -> None:
    path = small_voc.base / "SegmentationClass" / "2007_000003.png"
    labels = np.array(Image.open(path))
    labels[0, 0] = 21
    save_indices(path, labels)
    refuses(lambda: read_all(small_voc), "2007_000003.png has label 21; labels are 0..20 and 255")


def test_ground_truth_in_colours(small_voc: SmallVoc) -> None:
    """VOC's own say what they stand for; one that is none of them says nothing."""
    path = small_voc.base / "SegmentationClass" / "2007_000000.png"
    picture = Image.open(path).convert("RGB")
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(path)
    refuses(lambda: read_all(small_voc), path, "(1, 2, 3)")


def test_broken_checkpoints(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    torch.save(
        {"layer4.0.conv1.weight": torch.zeros(1), "fc.weight": torch.zeros(1)},
        folder / "resnet.pth",
    )
    complaints = {
        "page.pth": "web page",
        "cut.pth": "truncated zip",
        "zipcode.pth": "could run code",
    }
    assert complaints.keys() <= broken_files(folder).keys()
    for name, complaint in {
        **complaints,
        "resnet.pth": "a ResNet classifier",
        "none.pth": "no such",
    }.items():
        path = folder / name
        refuses(lambda path=path: SegmentAnything(str(path)), path, complaint)  # type: ignore[misc]
        baseline = tmp_path / "baseline"
        baseline.mkdir(exist_ok=True)
        (baseline / "config.json").write_text('{"model_type": "mobilenet_v2", "image_size": 65, "output_stride": 16}')
        weights = baseline / "pytorch_model.bin"
        weights.unlink(missing_ok=True)
        if path.exists():
            weights.write_bytes(path.read_bytes())
        expected = "does not fit MobileNetV2" if name == "resnet.pth" else complaint
        refuses(lambda folder=baseline: MobileNetV2DeepLab(str(folder)), baseline, expected)  # type: ignore[misc]
    assert not (folder / "pwned").exists()


def test_unknown_recipe() -> None:
    refuses(
        lambda: parse_variants(["boxes"], has_background=True),
        "unknown recipe 'boxes'",
        "point, points, pole, negative, box, wide, cebox, mask, margin, gauss",
    )


def test_baseline_of_other_classes() -> None:
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    refuses(
        lambda: SamSegEvaluation(baseline, sam, class_names=VOC2012.class_names, background=0),
        "predicts 9 classes, the data set has 21",
    )


# The quicker one is that of a test.
@pytest.mark.parametrize("command", ["test", pytest.param("predict", marks=pytest.mark.slow)])
def test_output_folder_that_cannot_be_written(
    run_cli: RunCli, words: list[object], tmp_path: Path, command: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    asked = [command, *words[1:], "--output_dir", tmp_path / "file" / "out"]
    assert_fails(run_cli, asked, "file/out cannot be written")


# The quicker one is that of the label maps, a folder of the same class.
@pytest.mark.parametrize("folder", ["predictions", pytest.param("overlays", marks=pytest.mark.slow)])
def test_folders_of_ones_own_are_not_replaced(
    run_cli: RunCli, words: list[object], tmp_path: Path, folder: str
) -> None:
    mine = tmp_path / "out" / folder / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("x")
    asked = ["predict", *[word for word in words[1:] if word not in SHORT]]
    assert_fails(run_cli, asked, f"{folder} was not written by lit-samseg")
    assert mine.read_text() == "x"


def test_the_baselines_label_maps_are_not_replaced(run_cli: RunCli, words: list[object], tmp_path: Path) -> None:
    again = [*words, "--data.subset=1", "--overwrite=true", "--model.save_predictions", "true"]
    assert run_cli(*again).code == 0
    # Those that a run wrote may be.
    PictureFolder(tmp_path / "out", "predictions", lambda image_id: []).check_replaceable()
    own = tmp_path / "out/predictions/baseline"
    assert_fails(run_cli, [*again, "--model.baseline.root", own], "would be replaced; give another --output_dir")
    assert len(list(own.iterdir())) == 1


def test_a_test_without_masks_names_the_stage(small_voc: SmallVoc) -> None:
    data = Folder(str(small_voc.base / "JPEGImages"), num_classes=21)
    for stage in ("test", TrainerFn.TESTING):
        refuses(
            lambda stage=stage: data.setup(stage),  # type: ignore[misc]
            "data.masks is not set; test needs the ground truth's folder",
        )


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        (["--model.sam.precision", "int8"], ["precision", "int8"]),
        (["--data.subsett", "3"], ["subsett"]),
        (["--outputdir", "x"], ["outputdir"]),
        # By default a module is asked, in tests/hostile/test_yaml.py.
        pytest.param(["--data.batch_size", "0"], ["data.batch_size is 0"], marks=pytest.mark.slow),
        (["--trainer.precision", "bf16-mixed"], ["trainer.precision is bf16-mixed"]),
        # What Lightning's trainer refuses is that of devices, below.
        pytest.param(["--trainer.accelerator", "abacus"], ["abacus"], marks=pytest.mark.slow),
        (["--trainer.devices", "many"], ["lit-samseg: error: --trainer:", "devices"]),
        (["--data", "VOC2013"], ["VOC2013"]),
        (["--config", "none.yaml"], ["none.yaml"]),
    ],
)
def test_typing_errors(run_cli: RunCli, words: list[object], extra: list[object], parts: list[str]) -> None:
    outcome = run_cli(*words, *extra)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert all(part in outcome.err for part in parts)


def test_no_model_and_a_subcommand_it_has_not(run_cli: RunCli, words: list[object]) -> None:
    assert_fails(run_cli, ["test"], "required: test.data, test.model")
    outcome = run_cli("validate", *words[1:])
    assert outcome.code == 2
    assert "no command 'validate'; there are test, predict, refine, fit" in outcome.err
    assert "Traceback" not in outcome.err
