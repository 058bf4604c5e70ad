"""Labels are counted on images that the baseline was not trained on, and those are not evaluated on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.data.digests import global_key
from lit_samseg.finetune.unseen_images import as_frequent, count_labels
from lit_samseg.refine import read_memory
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.frame import Frame
from tests.conftest import PROJECT, RunCli, run_quietly
from tests.finetune.test_memory import DEMO

UNSEEN = ("scene_00007", "scene_00008", "scene_00009")


def test_labels_are_counted_by_class() -> None:
    # Eight pixels a cell, all alike.
    rng = np.random.default_rng(0)
    target, labels = (rng.integers(low, 3, (8, 8)) for low in (0, -1))
    target[0, 0] = 255
    frame = Frame(64, 64, 64, 8)
    whole = [torch.from_numpy(own.repeat(8, 0).repeat(8, 1)) for own in (target, labels)]
    counted = count_labels(*whole, frame, 3, 255)
    for class_id in range(3):
        for label in range(3):
            assert counted[class_id, label] == ((target == class_id) & (labels == label)).sum()


def test_classes_stay_as_frequent_as_in_training() -> None:
    seen = torch.tensor([[90, 10, 0], [0, 20, 0], [0, 1, 4]])
    unseen = torch.tensor([[100, 100, 200], [0, 0, 300], [0, 0, 0]])
    found = as_frequent(unseen, seen)
    # A hundred cells of each class are as in training.
    assert found[0].tolist() == pytest.approx([190 / 5, 110 / 5, 200 / 5])
    assert found[1].tolist() == pytest.approx([0, 20 * 100 / 400, 20 * 300 / 400])
    assert found[2].tolist() == pytest.approx([0, 1, 4])
    assert as_frequent(unseen, torch.zeros(3, 3)).tolist() == [[0] * 3] * 3


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory whose labels were counted on three scenes of the validation's split."""
    folder = tmp_path_factory.mktemp("unseen")
    (folder / "unseen.txt").write_text("\n".join(UNSEEN))
    (folder / "held_out.txt").write_text("scene_00001\n")
    words = ("--data.subset", "null", "--data.ids", folder / "held_out.txt", "--model.unseen", folder / "unseen.txt")
    run_quietly("fit", *DEMO, *words, "--output_dir", folder / "fit")
    return folder


def test_a_memory_counts_on_unseen_images(fitted: Path) -> None:
    memory = read_memory(fitted / "fit/memory.safetensors")
    data, baseline, sam = Scenes(split="val", size=10), MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    classes = len(memory.class_names)
    counted = torch.zeros(classes, classes, dtype=torch.int64)
    for image_id in UNSEEN:
        sample = data.read(image_id, with_target=True)
        assert sample.target is not None
        frame = sam.frame(sample.image)
        counted += count_labels(sample.target, baseline.label_map(sample.image, image_id), frame, classes, 255)
    common = int(counted.sum(1).argmax())
    shares = memory.mixed_up[common] / memory.mixed_up[common].sum()
    cells = int(counted[common].sum())
    assert shares.numpy() == pytest.approx((counted[common] / cells).numpy(), abs=100 / cells)
    digests = memory.trained_on.digests
    assert len(digests) == 6 + len(UNSEEN)
    assert {global_key(data, image_id) for image_id in UNSEEN} <= digests.keys()
    assert all(digests.values())
    # It is believed as it is, whatever accuracy is thought likely.
    for accuracy in (0.9, 0.5):
        assert memory.label_chances(accuracy)[common].numpy() == pytest.approx(shares.numpy(), abs=2e-3)
    memory.unseen = False
    assert abs(float(memory.label_chances(0.5)[common, common] - shares[common])) > 0.1


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("scene_00001\n", "1 of the images in model.unseen are validated on (first: scene_00001); give others"),
        ("", "unseen.txt"),
        ("scene_99999\n", "unseen.txt lists scene_99999, which the split 'val' does not have"),
    ],
)
def test_lists_that_cannot_be_used(fitted: Path, run_cli: RunCli, tmp_path: Path, ids: str, message: str) -> None:
    (tmp_path / "unseen.txt").write_text(ids)
    words = ("--data.subset", "null", "--data.ids", fitted / "held_out.txt", "--model.unseen", tmp_path / "unseen.txt")
    outcome = run_cli("fit", *DEMO, *words, "--output_dir", tmp_path / "fit")
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_unseen_images_are_not_evaluated_on(fitted: Path, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        *("test", "--config", PROJECT / "configs/demo.yaml", "--data.split", "val", "--data.size", 30),
        *("--data.ids", fitted / "unseen.txt", "--model.variants", "[none@memory]"),
        *("--model.memory", fitted / "fit/memory.safetensors", "--output_dir", tmp_path / "run"),
    )
    assert outcome.code == 2
    assert "3 of the images were used to train" in outcome.err
