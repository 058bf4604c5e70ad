"""A memory from ``lit-samseg fit`` to ``lit-samseg test``, on the built-in networks."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.checkpoints.adapter import Adapter
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import Scenes
from lit_samseg.errors import InputError
from lit_samseg.finetune import MemoryFinetune
from lit_samseg.finetune.memory_fit import Cells, Recipe, calibrate_memory, calibration, fit_memory, joined
from lit_samseg.refine import CellMemory, read_memory
from lit_samseg.refiner import Refiner
from lit_samseg.sam import SegmentAnything
from tests.conftest import PROJECT, RunCli, made_once, run_quietly
from tests.recomputation import results_of

DEMO = (
    *("--config", PROJECT / "configs" / "demo_finetune.yaml", "--model", "lit_samseg.finetune.MemoryFinetune"),
    *("--model.baseline", "demo", "--model.sam", "demo", "--model.variants", "[none@memory]"),
    *("--data.subset", 2, "--data.training.subset", 6, "--data.training.batch_size", 3, "--data.training.views", 1),
    *("--model.cells", 150, "--model.hidden", 16, "--model.epochs", 2, "--model.folds", 2, "--trainer.max_epochs", 1),
)
RECIPE = Recipe(epochs=30, lr=1e-2, weight_decay=1e-3, dropout=0.0, seed=0)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory of six scenes."""
    return made_once(
        tmp_path_factory, "fitted_memory", lambda folder: run_quietly("fit", *DEMO, "--output_dir", folder)
    )


def cells_of(count: int, seed: int, noise: float = 1.0, classes: int = 3) -> Cells:
    """Cells whose class shows in one of four coarse channels, and a little in the fine ones."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.randint(0, classes, (count,), generator=generator)
    coarse = noise * torch.randn(count, 4, generator=generator)
    coarse[torch.arange(count), own] += 2
    fine = torch.randn(count, 2, generator=generator) + own[:, None] / 4
    return Cells(coarse.half(), fine.half(), own, torch.ones(count))


def memory_of(counts: list[float]) -> CellMemory:
    memory = CellMemory(tuple("abc"), 4, 2, 8)
    memory.mixed_up.copy_(torch.diag(torch.tensor(counts)))
    return memory


def test_a_fit_finds_what_tells_classes_apart() -> None:
    memory, cells, others = memory_of([100, 100, 100]), cells_of(3000, 0), cells_of(3000, 1)
    loss = fit_memory(memory, cells, RECIPE)
    with torch.inference_mode():
        found = memory(others.coarse.float(), others.fine.float()).argmax(1)
    assert (found == others.classes).double().mean() > 0.8
    assert 0.2 < loss < 0.6
    again = memory_of([100, 100, 100])
    torch.manual_seed(77)
    assert fit_memory(again, cells, RECIPE) == loss
    assert torch.equal(again.out.weight, memory.out.weight)


def test_cells_that_were_likelier_drawn_count_less() -> None:
    # A coin: cells look alike, two thirds are class 0, of which each was drawn twice as likely.
    count = 3000
    own = (torch.arange(count) % 3 == 0).long()
    drawn = torch.where(own == 0, 2.0, 1.0)
    alike = Cells(torch.zeros(count, 4).half(), torch.zeros(count, 2).half(), own, drawn)
    memory = memory_of([100, 100, 0.0])
    fit_memory(memory, alike, RECIPE)
    with torch.inference_mode():
        odds = memory(torch.zeros(1, 4), torch.zeros(1, 2))[0]
    assert float(odds[0] - odds[1]) == pytest.approx(0.0, abs=0.1)


def test_rare_classes_count_more_by_the_root_of_their_rarity() -> None:
    memory = memory_of([899.0, 99.0, 0.0])
    assert memory.balance().tolist() == pytest.approx([(1001 / 900) ** 0.5, 1001**0.5 / 10, 1001**0.5], rel=1e-5)
    assert memory.uncalibrated().tolist() == pytest.approx([0.5 * np.log(n / 1001) for n in (900, 100, 1)], rel=1e-5)


def test_slopes_and_offsets_are_those_of_another_solver() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(400, 3, generator=generator)
    classes = torch.multinomial((logits * torch.tensor([0.3, 0.6, 0.9])).softmax(1), 1, generator=generator)[:, 0]
    weights = torch.rand(400, generator=generator) + 0.5
    start = torch.tensor([0.1, -0.2, 0.0])
    slope, offset = calibration(logits, classes, weights, start)
    x, share, own = logits.double().numpy(), (weights / weights.sum()).double().numpy(), classes.numpy()

    def loss(found: np.ndarray) -> float:
        scores = found[:3] * x + found[3:]
        largest = scores.max(1)
        each = largest + np.log(np.exp(scores - largest[:, None]).sum(1)) - scores[np.arange(400), own]
        left = ((found[:3] - 1) ** 2).sum() + ((found[3:] - start.double().numpy()) ** 2).sum()
        return float(share @ each + 1e-4 * left)

    expected = minimize(loss, np.r_[np.ones(3), start.numpy()], method="BFGS", options={"gtol": 1e-9})
    assert torch.cat([slope, offset]).numpy() == pytest.approx(expected.x, abs=2e-4)
    # Calibration finds what the classes were drawn with.
    assert slope.tolist() == pytest.approx([0.3, 0.6, 0.9], abs=0.2)


def test_a_memory_that_knows_only_its_own_images_is_believed_less() -> None:
    # What is seen in one half of the images says nothing of the classes.
    ours, theirs = cells_of(4000, 5), cells_of(4000, 6)
    theirs = Cells(theirs.coarse, theirs.fine, cells_of(4000, 7).classes, theirs.drawn)
    memory = memory_of([100, 100, 100])
    calibrate_memory(memory, [ours, theirs], 2, RECIPE)
    assert memory.slope.abs().max() < 0.25
    calibrate_memory(memory, [cells_of(600, n) for n in range(4)], 4, RECIPE)
    assert memory.slope.min() > 0.5
    calibrate_memory(memory, [ours], 4, RECIPE)
    assert memory.slope.tolist() == [1, 1, 1]
    assert torch.equal(memory.offset, memory.uncalibrated())


def test_what_was_likelier_drawn_counts_less_in_the_calibration() -> None:
    # A coin again: two thirds of the cells are class 0, each of which was drawn twice as likely.
    own = (torch.arange(3000) % 3 == 0).long()
    alike = Cells(torch.zeros(3000, 4).half(), torch.zeros(3000, 2).half(), own, torch.where(own == 0, 2.0, 1.0))
    memory = memory_of([150, 50, 0])
    calibrate_memory(memory, [alike.pick(torch.arange(n, 3000, 4)) for n in range(4)], 4, RECIPE)
    fit_memory(memory, alike, RECIPE)
    with torch.inference_mode():
        chances = memory.natural(memory(torch.zeros(1, 4), torch.zeros(1, 2))).exp()[0]
    assert chances.tolist() == pytest.approx([0.5, 0.5, 0.0], abs=0.03)


def test_what_is_taken_from_an_image() -> None:
    module = MemoryFinetune(
        MobileNetV2DeepLab("demo"), SegmentAnything("demo"), cells=200, class_names=Scenes.class_names, background=0
    )
    images = SimpleNamespace(datamodule=SimpleNamespace(training_data=SimpleNamespace(ids=["scene_00000"])))
    module._trainer = images  # type: ignore[assignment]
    sample = Scenes(size=1).read("scene_00000", with_target=True)
    with torch.inference_mode():
        cells, mixed_up = module.look(sample)
        label_map = module.baseline.label_map(sample.image, sample.id)
    assert sample.target is not None
    # The demo's SAM has cells of two pixels in its square of 128; the image's pixel under each one's middle.
    height, width = sample.target.shape
    scale = 128 / max(height, width)
    at = [
        ((np.arange(-(-round(side * scale) // 2)) * 2 + 1) / scale - 0.5).clip(0, side - 1) for side in (height, width)
    ]
    rows, columns = (np.rint(place).astype(int) for place in at)
    truth, said = (tensor.numpy()[rows][:, columns].ravel() for tensor in (sample.target, label_map))
    expected = np.zeros((9, 9), int)
    np.add.at(expected, (truth[truth != 255], said[truth != 255]), 1)
    # Where a middle lies between two pixels, either may be meant.
    assert np.abs(mixed_up.numpy() - expected).sum() < 0.02 * expected.sum()
    assert np.abs(mixed_up.numpy().T - expected).sum() > 0.02 * expected.sum()
    counts = np.bincount(truth[truth != 255], minlength=9)
    few, many = sorted(np.flatnonzero(counts > 30), key=lambda c: counts[c])[:: max(1, (counts > 30).sum() - 1)]
    drawn = {c: float(cells.drawn[cells.classes == int(c)].mean()) for c in (few, many)}
    assert drawn[few] / drawn[many] == pytest.approx((counts[many] / counts[few]) ** 0.5, rel=0.02)
    assert (cells.classes != 255).all()
    assert len(cells) == 200
    module.cells = 10**6
    with torch.inference_mode():
        assert torch.equal(module.look(sample)[0].drawn, torch.ones(int(counts.sum())))


def test_joined_cells_are_those_of_each() -> None:
    one, two = cells_of(5, 0), cells_of(7, 1)
    both = joined([one, two])
    assert len(both) == 12
    assert torch.equal(both.pick(torch.arange(5, 12)).coarse, two.coarse)


def test_what_fit_wrote_takes_part_in_test(fitted: Path, run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    path = fitted / "memory.safetensors"
    memory = read_memory(path)
    assert memory.class_names == Scenes.class_names
    assert len(memory.trained_on) == 6
    assert memory.mixed_up.sum() > 0
    rows = ["none@memory", "box@component/fuse", "box@component/fuse/memory"]
    words = (
        *("test", "--config", demo_config, "--data.size", 3, "--model.variants", f"[{', '.join(rows)}]"),
        *("--model.analysis=false", "--gallery=false", "--report=false", "--model.memory", path),
    )
    outcome = run_cli(*words, "--output_dir", tmp_path)
    assert outcome.code == 0, outcome.err
    results = results_of(tmp_path)
    assert results["memory"] == {"file": str(path), "sha256": memory.sha256, "images": 6}
    found = {row["name"]: row for row in results["rows"]}
    assert found[rows[2]]["parts"]["judge"]["word"] == "memory"
    assert found[rows[2]]["miou"] != found[rows[1]]["miou"]
    outcome = run_cli(*words, "--data.split", "train", "--data.size", 30, "--output_dir", tmp_path / "train")
    assert outcome.code == 2
    assert f"of the images were used to train {path}" in outcome.err


def test_a_row_without_its_memory_is_refused(
    fitted: Path, run_cli: RunCli, demo_config: Path, small_voc: object, tmp_path: Path
) -> None:
    words = ("test", "--config", demo_config, "--model.variants", "[box@memory]", "--output_dir", tmp_path / "out")
    outcome = run_cli(*words)
    assert outcome.code == 2
    assert "variant 'box@memory' needs a memory; give --model.memory FILE, which lit-samseg fit writes" in outcome.err
    outcome = run_cli(*words, "--model.memory", tmp_path / "missing.safetensors")
    assert outcome.code == 2
    assert "no such weight file" in outcome.err
    # A fine-tuned decoder makes other features of the same embedding.
    frozen, adapter = SegmentAnything("demo"), tmp_path / "adapter.safetensors"
    state = {n: tensor + 0.01 for n, tensor in frozen.model.state_dict().items() if n.startswith("mask_decoder.")}
    Adapter(state, frozen.sha256).write(adapter)
    outcome = run_cli(*words, "--model.memory", fitted / "memory.safetensors", "--model.sam.adapter", adapter)
    assert outcome.code == 2
    assert "knows the features of another SAM" in outcome.err
    assert "with another adapter it is another" in outcome.err
    with pytest.raises(InputError, match="needs a memory; give memory=FILE"):
        Refiner.from_pretrained("demo", "demo", variant="none@memory")
    refiner = Refiner.from_pretrained("demo", "demo", variant="none@memory", memory=fitted / "memory.safetensors")
    assert refiner.class_names == Scenes.class_names
    image = Scenes(size=1).read("scene_00000", with_target=False).image
    assert refiner(image).label_map.shape == image.shape[1:]


def test_options_out_of_range_are_named() -> None:
    networks = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    classes = {"class_names": Scenes.class_names, "background": 0}
    with pytest.raises(InputError, match="folds 2 or more"):
        MemoryFinetune(*networks, folds=1, **classes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no row of model\.variants has the word memory"):
        MemoryFinetune(*networks, variants=["box"], **classes)  # type: ignore[arg-type]


def test_a_checkpoint_is_the_memory_again(fitted: Path) -> None:
    checkpoint = torch.load(fitted / "checkpoints/last.ckpt", map_location="cpu", weights_only=True)
    written = read_memory(fitted / "memory.safetensors").state_dict()
    assert checkpoint["state_dict"].keys() == written.keys()
    assert all(torch.equal(checkpoint["state_dict"][name], own) for name, own in written.items())
    module = MemoryFinetune(
        MobileNetV2DeepLab("demo"), SegmentAnything("demo"), hidden=16, class_names=Scenes.class_names, background=0
    )
    module.load_state_dict(checkpoint["state_dict"])
    assert torch.equal(module.memory.out.weight, written["out.weight"])
    with pytest.raises(InputError, match="of another model, or of other classes"):
        module.load_state_dict({"out.weight": torch.zeros(1)})
    images = TrainedOn.read(checkpoint["trained_on"]).digests
    assert len(images) == 6
    assert all(key.startswith("scenes/") and digest and len(digest) == 64 for key, digest in images.items())
