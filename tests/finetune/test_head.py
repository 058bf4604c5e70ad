"""A convolutional memory from ``lit-samseg fit`` to ``lit-samseg test``, on the built-in networks."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.cache import TensorStore
from lit_samseg.data import Scenes
from lit_samseg.data.digests import global_key
from lit_samseg.errors import InputError
from lit_samseg.finetune import HeadFinetune
from lit_samseg.finetune.crops import Crops
from lit_samseg.finetune.kept_planes import KeptPlanes
from lit_samseg.finetune.unseen_images import as_frequent, count_labels
from lit_samseg.refine import ConvolutionalMemory, read_memory
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.seen_planes import SeenPlanes, see_planes
from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, RunCli, made_once, run_quietly
from tests.recomputation import results_of

UNSEEN = ("scene_00007", "scene_00008")
DEMO = (
    *("--config", PROJECT / "configs" / "demo_finetune.yaml", "--model", "lit_samseg.finetune.HeadFinetune"),
    *("--model.baseline", "demo", "--model.sam", "demo", "--model.variants", "[none@memory]"),
    *("--data.subset", 2, "--data.training.subset", 6, "--data.training.batch_size", 3, "--data.training.views", 1),
    *("--model.width", 16, "--model.lr", 0.01, "--trainer.max_epochs", 8, "--trainer.check_val_every_n_epoch", 8),
)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that saw six scenes eight times."""
    return made_once(tmp_path_factory, "fitted_head", lambda folder: run_quietly("fit", *DEMO, "--output_dir", folder))


def module(**options: object) -> HeadFinetune:
    networks = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    return HeadFinetune(*networks, class_names=Scenes.class_names, background=0, **options)  # type: ignore[arg-type]


def counts_of(data: Scenes, ids: tuple[str, ...] | list[str]) -> torch.Tensor:
    """How often the demo's baseline gives each label in places of each class."""
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    counted = torch.zeros(9, 9, dtype=torch.int64)
    for image_id in ids:
        sample = data.read(image_id, with_target=True)
        assert sample.target is not None
        labels = baseline.label_map(sample.image, image_id)
        counted += count_labels(sample.target, labels, sam.frame(sample.image), 9, 255)
    return counted


def trained_ids(folder: Path) -> list[str]:
    return [key.split("/")[-1] for key in read_memory(folder / "memory.safetensors").trained_on.digests]


def test_what_fit_wrote_takes_part_in_test(fitted: Path, run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    path = fitted / "memory.safetensors"
    memory = read_memory(path)
    assert isinstance(memory, ConvolutionalMemory)
    assert memory.class_names == Scenes.class_names
    assert len(memory.trained_on) == 6
    # So heavy that the memory's word alone counts: one that is hardly trained need not change a label otherwise.
    rows = ["none@memory", "box@component/fuse", "box@component/fuse/memory=100.0"]
    words = (
        *("test", "--config", demo_config, "--data.size", 3, "--model.variants", f"[{', '.join(rows)}]"),
        *("--model.analysis=false", "--gallery=false", "--report=false", "--model.memory", path),
    )
    outcome = run_cli(*words, "--output_dir", tmp_path)
    assert outcome.code == 0, outcome.err
    results = results_of(tmp_path)
    assert results["memory"] == {"file": str(path), "sha256": memory.sha256, "images": 6}
    found = {row["name"]: row for row in results["rows"]}
    assert found[rows[2]]["miou"] != found[rows[1]]["miou"]
    outcome = run_cli(*words, "--data.split", "train", "--data.size", 30, "--output_dir", tmp_path / "train")
    assert outcome.code == 2
    assert f"of the images were used to train {path}" in outcome.err


def test_the_loss_falls_from_epoch_to_epoch(fitted: Path) -> None:
    with (fitted / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 8
    assert losses[-1] < 0.85 * losses[0]
    # Before its first step it says nothing.
    assert float(rows[0]["val/gain"]) == 0


def test_labels_are_counted_once_on_each_training_image(fitted: Path) -> None:
    memory = read_memory(fitted / "memory.safetensors")
    expected = counts_of(Scenes(split="train", size=30), trained_ids(fitted))
    assert torch.equal(memory.mixed_up, expected.float())
    assert memory.slope.tolist() == [1] * 9
    shares = (expected.sum(1) + 1).double()
    assert memory.offset.numpy() == pytest.approx(0.5 * np.log((shares / shares.sum()).numpy()), abs=1e-5)


@pytest.mark.slow
def test_labels_are_counted_on_unseen_images(fitted: Path, tmp_path: Path) -> None:
    (tmp_path / "unseen.txt").write_text("\n".join(UNSEEN))
    (tmp_path / "held_out.txt").write_text("scene_00001\n")
    words = ("--data.subset", "null", "--data.ids", tmp_path / "held_out.txt", "--trainer.max_epochs", 1)
    run_quietly("fit", *DEMO, *words, "--model.unseen", tmp_path / "unseen.txt", "--output_dir", tmp_path / "fit")
    memory, validated = read_memory(tmp_path / "fit/memory.safetensors"), Scenes(split="val", size=10)
    seen = read_memory(fitted / "memory.safetensors").mixed_up
    assert torch.equal(memory.mixed_up, as_frequent(counts_of(validated, UNSEEN), seen))
    assert memory.unseen
    assert {global_key(validated, image_id) for image_id in UNSEEN} <= memory.trained_on.digests.keys()


def test_what_is_kept_is_what_is_seen(tmp_path: Path) -> None:
    sam, image = SegmentAnything("demo"), Scenes(size=1).read("scene_00000", with_target=False).image
    kept = KeptPlanes(sam, TensorStore(tmp_path, 10**9))
    computed, found = kept(image), kept(image)
    with torch.inference_mode():
        (embedding,) = sam.encode([image])
        planes = see_planes(image, embedding.frame, embedding.features, sam.pixel_features(embedding))
    for name in ("embedding", "features", "picture", "places"):
        assert torch.equal(getattr(computed, name), getattr(found, name))
        # Halves have 11 bits, bytes 8.
        assert torch.allclose(getattr(found, name), getattr(planes, name), rtol=1e-3, atol=2.1e-3)
    assert found.step == planes.step
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1
    # It can take part in a backward pass.
    assert not found.features.is_inference()
    assert not computed.features.is_inference()


def seen_of(seed: int = 0) -> SeenPlanes:
    generator = torch.Generator().manual_seed(seed)
    sizes = {"embedding": (5, 6, 8), "features": (4, 24, 32), "picture": (3, 48, 64), "places": (2, 6, 8)}
    return SeenPlanes(**{name: torch.rand(size, generator=generator) for name, size in sizes.items()}, step=4.0)


def test_a_crop_has_its_own_classes() -> None:
    # Every plane says where it is: cell numbers, of which a crop's must agree.
    planes, classes = seen_of(), torch.arange(24 * 32).view(24, 32)
    planes.features[0], planes.picture[0] = classes, classes.repeat_interleave(2, 0).repeat_interleave(2, 1)
    planes.embedding[0] = classes[::4, ::4]
    found = set()
    for seed in range(20):
        part, own = Crops(0.5, 0.5, 0.0).draw(planes, classes, np.random.default_rng(seed))
        assert part.embedding.shape == (5, 3, 4)
        assert torch.equal(part.features[0].long(), own)
        assert torch.equal(part.picture[0, ::2, ::2].round().long(), own)
        mirrored = bool(own[0, 0] > own[0, 1])
        corner = own[::4].flip(-1) if mirrored else own[::4]
        first = part.embedding[0].flip(-1) if mirrored else part.embedding[0]
        assert torch.equal(first.long(), corner[:, ::4])
        found.add((mirrored, int(corner[0, 0])))
    assert len(found) > 10
    assert {mirrored for mirrored, _ in found} == {False, True}
    whole, own = Crops(1.0, 0.0, 0.0).draw(planes, classes, np.random.default_rng(0))
    assert torch.equal(own, classes)
    assert torch.equal(whole.features, planes.features)


def test_colours_change_in_the_picture_alone() -> None:
    planes = seen_of()
    part, _ = Crops(1.0, 0.0, 0.25).draw(planes, torch.zeros(24, 32), np.random.default_rng(5))
    assert torch.equal(part.features, planes.features)
    before, after = planes.picture.double().flatten(), part.picture.double().flatten()
    slope, start = np.polyfit(before.numpy(), after.numpy(), 1)
    assert after.numpy() == pytest.approx(slope * before.numpy() + start, abs=1e-5)
    assert 0.75**2 <= slope <= 1.25**2
    assert 0.75 <= float(after.mean() / before.mean()) <= 1.25


def test_the_loss_is_cross_entropy_in_which_rare_classes_count_more(tmp_path: Path) -> None:
    head = module(width=16, crop=1.0, flip=0.0, colour=0.0, dropout=0.0)
    head.memory.mixed_up.copy_(torch.diag(torch.arange(9) * 100.0))
    head.planes = KeptPlanes(head.sam, TensorStore(tmp_path, 10**9))
    sample = Scenes(size=1).read("scene_00000", with_target=True)
    head._trainer = type("Epoch", (), {"current_epoch": 0})()  # type: ignore[assignment]
    loss = head._loss(sample)
    assert loss is not None
    assert sample.target is not None
    planes = head.planes(sample.image)
    part, _ = head.crops.draw(planes, torch.zeros(planes.features.shape[1:]), np.random.default_rng(0))
    classes = sample_nearest(sample.target.long(), head.sam.frame(sample.image))
    classes = classes[: part.features.shape[1], : part.features.shape[2]].numpy()
    with torch.inference_mode():
        likely = F.log_softmax(head.memory(part).double(), 0).numpy()
    shares = (np.arange(9) * 100.0 + 1) / (np.arange(9) * 100.0 + 1).sum()
    weights = shares**-0.5 / (shares**0.5).sum()
    at = np.nonzero(classes != 255)
    own = classes[at]
    expected = -(weights[own] * likely[own, at[0], at[1]]).mean()
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    sample.target = torch.full_like(sample.target, 255)
    assert head._loss(sample) is None


def test_first_weights_are_the_seeds() -> None:
    torch.manual_seed(4)
    one = module(width=16).memory.out.weight
    torch.manual_seed(5)
    assert torch.equal(module(width=16).memory.out.weight, one)
    assert not torch.equal(module(width=16, seed=1).memory.out.weight, one)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 4}, "model.width is 4 (8 or more), model.crop 0.6 (above 0, and 1 at most)"),
        ({"crop": 0.0}, "model.crop 0.0 (above 0, and 1 at most)"),
        ({"flip": 1.5}, "model.flip is 1.5, model.colour 0.25, model.dropout 0.1; all are in 0..1"),
        ({"colour": -0.1}, "model.colour -0.1"),
        ({"dropout": 1.0}, "model.dropout 1.0; all are in 0..1, and dropout below 1"),
        ({"variants": ["box"]}, "no row of model.variants has the word memory"),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        module(**options)
    assert message in str(caught.value)


def test_bad_options_end_fit_in_a_line(run_cli: RunCli, tmp_path: Path) -> None:
    for words, message in (
        (("--model.crop", 2), "model.crop 2.0 (above 0, and 1 at most)"),
        (("--model.cache_max_gb", 0), "model.cache_max_gb is 0.0; give a number above 0"),
        (("--model.lr", 0), "model.lr is 0.0 (above 0)"),
    ):
        outcome = run_cli("fit", *DEMO, *words, "--output_dir", tmp_path / "out")
        assert outcome.code == 2
        assert message in outcome.err
        assert outcome.err.count("\n") == 1


def test_a_checkpoint_is_the_memory_again(fitted: Path) -> None:
    checkpoint = torch.load(fitted / "checkpoints/last.ckpt", map_location="cpu", weights_only=True)
    written = read_memory(fitted / "memory.safetensors").state_dict()
    assert checkpoint["state_dict"].keys() == written.keys()
    assert all(torch.equal(checkpoint["state_dict"][name], own) for name, own in written.items())
    head = module(width=16)
    head.load_state_dict(checkpoint["state_dict"])
    assert torch.equal(head.memory.out.weight, written["out.weight"])
    with pytest.raises(InputError, match="of another model, or of other classes; fit the memory again"):
        module(width=24).load_state_dict(checkpoint["state_dict"])


@pytest.mark.slow
def test_other_optimisers_are_taken(fitted: Path, run_cli: RunCli, tmp_path: Path) -> None:
    words = ("--optimizer", "SGD", "--optimizer.lr", 1e-9, "--trainer.max_epochs", 1)
    more = ("--lr_scheduler", "ConstantLR", "--lr_scheduler.factor", 1.0)
    outcome = run_cli("fit", *DEMO, *words, *more, "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    still = read_memory(tmp_path / "out/memory.safetensors").state_dict()
    first = module(width=16).memory.state_dict()
    assert torch.allclose(still["embedded.weight"], first["embedded.weight"], atol=1e-6)
    moved = read_memory(fitted / "memory.safetensors").state_dict()["embedded.weight"]
    assert not torch.allclose(moved, first["embedded.weight"], atol=1e-4)
