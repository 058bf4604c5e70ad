"""A training with a network that is not at hand: its files go the way of augmented views."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.baselines import Baseline, Precomputed, ScoreFolder
from lit_samseg.cache import TensorStore
from lit_samseg.data import Folder, Sample
from lit_samseg.data.augmentation import Augmentation
from lit_samseg.data.training import Training, TrainingSamples
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.finetune.frozen_views import FrozenViews
from lit_samseg.sam import SegmentAnything
from tests.conftest import RunCli, save_indices

HEIGHT, WIDTH, CLASSES = 24, 32, 3
MIRRORED = Augmentation(flip=1, scale=(1, 1), crop=1, colour=0)


def make_folder(folder: Path, count: int = 3) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images of one grey each, the same mirrored; label maps and scores are not, and contradict the ground truth."""
    rng, made = np.random.default_rng(0), {}
    for name in ("images", "masks", "maps", "scores"):
        (folder / name).mkdir()
    for n in range(count):
        Image.new("RGB", (WIDTH, HEIGHT), (90 + 10 * n,) * 3).save(folder / f"images/{n}.png")
        blocks = rng.integers(0, CLASSES, (3, 4)).repeat(8, 0).repeat(8, 1)
        scores = rng.normal(0, 3, (CLASSES, 3, 4)).astype(np.float32)
        save_indices(folder / f"masks/{n}.png", rng.integers(0, CLASSES, (HEIGHT, WIDTH)))
        save_indices(folder / f"maps/{n}.png", blocks)
        np.savez(folder / f"scores/{n}.npz", logits=scores)
        made[str(n)] = blocks, scores
    return made


def samples_of(folder: Path, augmentation: Augmentation) -> TrainingSamples:
    (folder / "held_out.txt").write_text("0\n")
    (folder / "learnt.txt").write_text("1\n2\n")
    training = Training(ids=str(folder / "learnt.txt"), views=2, augmentation=augmentation)
    names = [str(folder / name) for name in ("images", "masks")]
    data = Folder(*names, CLASSES, ids=str(folder / "held_out.txt"), training=training, num_workers=0)
    data.setup("fit")
    assert data.training_data is not None
    return TrainingSamples(data.training_data, training)


def view(samples: TrainingSamples, position: int, number: int) -> Sample:
    found = samples[position, number]
    assert isinstance(found, Sample)
    return found


def test_label_maps_and_scores_are_mirrored_with_the_image(tmp_path: Path) -> None:
    made, samples = make_folder(tmp_path), samples_of(tmp_path, MIRRORED)
    maps, sam = Precomputed(str(tmp_path / "maps"), CLASSES), SegmentAnything("demo")
    baselines: list[Baseline] = [maps, ScoreFolder(str(tmp_path / "scores"), CLASSES, label_maps=maps)]
    for baseline in baselines:
        predictor = Predictor(sam, baseline, num_classes=CLASSES)
        for position in (0, 1):
            sample = view(samples, position, 1)
            assert sample.target is not None
            plain = view(samples, position, 0)
            assert plain.origin is None
            assert plain.target is not None
            assert torch.equal(sample.target, plain.target.flip(1))
            context = predictor.set_image(sample.image, name=sample.id, origin=sample.origin)
            blocks, scores = made[sample.id]
            assert np.array_equal(context.label_map.numpy(), blocks[:, ::-1])
            if baseline is not maps:
                assert context.logits is not None
                torch.testing.assert_close(context.logits, torch.from_numpy(scores[..., ::-1].copy()))


def test_views_that_look_alike_keep_scores_of_their_own(tmp_path: Path) -> None:
    """A grey image and its mirror image are equal, and what the baseline says of them is not."""
    make_folder(tmp_path)
    samples = samples_of(tmp_path, MIRRORED)
    predictor = Predictor(SegmentAnything("demo"), Precomputed(str(tmp_path / "maps"), CLASSES), num_classes=CLASSES)
    views = FrozenViews(predictor, TensorStore(tmp_path / "kept", 10**8))
    for _ in range(2):
        (_, one), (_, other) = (views(view(samples, 0, number)) for number in (0, 1))
        torch.testing.assert_close(one.log_probabilities.flip(-1), other.log_probabilities)
        assert not torch.equal(one.log_probabilities, other.log_probabilities)


@pytest.mark.parametrize("seed", range(3))
def test_crops_and_sizes_move_files_as_they_move_the_truth(tmp_path: Path, seed: int) -> None:
    """Label maps that are the ground truth are so in every view, but for cells that lie between pixels."""
    make_folder(tmp_path)
    samples = samples_of(tmp_path, Augmentation(scale=(0.7, 1.6), crop=0.5))
    predictor = Predictor(SegmentAnything("demo"), Precomputed(str(tmp_path / "masks"), CLASSES), num_classes=CLASSES)
    sample = view(samples, 1, 1 + seed)
    context = predictor.set_image(sample.image, name=sample.id, origin=sample.origin)
    assert sample.target is not None
    assert sample.target.shape != (HEIGHT, WIDTH)
    assert torch.equal(context.label_map.long(), sample.target.long())


def test_a_window_of_pixels_moves_files_as_it_moves_the_truth(tmp_path: Path) -> None:
    make_folder(tmp_path)
    samples = samples_of(tmp_path, Augmentation(crop_size=(16, 50)))
    predictor = Predictor(SegmentAnything("demo"), Precomputed(str(tmp_path / "masks"), CLASSES), num_classes=CLASSES)
    for number in (1, 2, 3):
        sample = view(samples, 0, number)
        context = predictor.set_image(sample.image, name=sample.id, origin=sample.origin)
        assert sample.target is not None
        assert sample.target.shape == sample.image.shape[1:] == (16, WIDTH)
        assert torch.equal(context.label_map.long(), sample.target.long())


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--data.training.augmentation.crop_size", "[16, 20]")])
def test_a_training_on_files_takes_views(words: tuple[str, ...], run_cli: RunCli, tmp_path: Path) -> None:
    make_folder(tmp_path)
    samples_of(tmp_path, MIRRORED)
    outcome = run_cli(
        *("fit", "--data", "lit_samseg.data.Folder", "--data.images", tmp_path / "images"),
        *("--data.masks", tmp_path / "masks", "--data.num_classes", CLASSES, "--data.num_workers", 0),
        *("--data.ids", tmp_path / "held_out.txt", "--data.training.ids", tmp_path / "learnt.txt"),
        *("--data.training.views", 2, "--model", "lit_samseg.finetune.SamRefinerFinetune"),
        *("--model.baseline", "lit_samseg.baselines.ScoreFolder", "--model.baseline.root", tmp_path / "scores"),
        *("--model.sam", "demo", "--model.truth", 0, "--trainer.max_epochs", 2, "--output_dir", tmp_path / "fit"),
        *words,
    )
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "fit/adapter.safetensors").is_file()
