"""What a memory sees of an image, how it tells classes, and its file, against plain numpy."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn import functional as F

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.refine import CellMemory, check_memory, read_memory
from lit_samseg.refine.memory_file import write_memory
from lit_samseg.refine.seen_cells import COLOURS, PLACES, POOLS, SeenCells, see_cells, seen_at
from lit_samseg.sam.frame import Frame

FRAME = Frame(height=48, width=64, size=64, mask_size=32)
"""A grid of 24 x 32 cells, over an embedding of 6 x 8 of 8 x 8."""


@pytest.fixture
def cells() -> SeenCells:
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8, generator=generator)
    embedding, features = torch.randn(5, 8, 8, generator=generator), torch.randn(4, 32, 32, generator=generator)
    return see_cells(image, FRAME, embedding, features)


def memory_of(seed: int = 0, classes: int = 3) -> CellMemory:
    torch.manual_seed(seed)
    names = tuple(f"class {n}" for n in range(classes))
    memory = CellMemory(
        names, 15, 4 + COLOURS + PLACES, 7, "5" * 64, TrainedOn({"scenes/a": None, "scenes/b": "0" * 64})
    )
    memory.mixed_up.copy_(torch.tensor([[900.0, 5, 0], [10, 60, 5], [3, 0, 17]])[:classes, :classes])
    memory.slope.copy_(torch.linspace(0.5, 1.0, classes))
    memory.offset.copy_(torch.linspace(0.1, -2.0, classes))
    return memory.eval()


def test_what_is_seen_around_a_cell_is_a_mean_of_what_is_in_the_image() -> None:
    embedding = torch.randn(5, 8, 8, generator=torch.Generator().manual_seed(1))
    seen = see_cells(torch.zeros(3, 48, 64, dtype=torch.uint8), FRAME, embedding, None)
    assert seen.coarse.shape == (5 * (1 + len(POOLS)), 6, 8)
    assert seen.step == 4
    inside = embedding[:, :6].numpy()
    for place, side in enumerate((1, *POOLS)):
        for y, x in ((0, 0), (2, 3), (5, 7)):
            reach = side // 2
            window = inside[:, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            mean = window.mean((1, 2))
            expected = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-5)
            found = seen.coarse[5 * place : 5 * place + 5, y, x].numpy()
            assert found == pytest.approx(expected, abs=1e-5)


def test_what_is_seen_in_a_cell_is_its_features_colour_and_place() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8, generator=generator)
    features = torch.randn(4, 32, 32, generator=generator)
    fine = see_cells(image, FRAME, torch.randn(5, 8, 8, generator=generator), features).fine
    assert fine.shape == (4 + COLOURS + PLACES, 24, 32)
    own = features[:, 5, 9].double().numpy()
    assert fine[:4, 5, 9].numpy() == pytest.approx((own - own.mean()) / np.sqrt(own.var() + 1e-5), abs=1e-5)
    # A cell is 2 x 2 pixels of an image that is not scaled.
    colour = image.float().view(3, 24, 2, 32, 2).mean((2, 4)) / 255
    assert torch.allclose(fine[4:7], colour, atol=1e-6)
    around = colour[:, 1:10, 5:14].mean((1, 2))
    assert torch.allclose(fine[7:10, 5, 9], colour[:, 5, 9] - around, atol=1e-6)
    y, x = 5.5 / 24 - 0.5, 9.5 / 32 - 0.5
    assert fine[10:, 5, 9].tolist() == pytest.approx([y, x, y * y, x * x], abs=1e-6)
    assert see_cells(image, FRAME, torch.ones(5, 8, 8), None).fine.shape[0] == COLOURS + PLACES


def test_single_cells_are_those_of_the_whole(cells: SeenCells) -> None:
    some = torch.tensor([0, 31, 32 * 11 + 17, 32 * 23 + 31])
    coarse, fine = seen_at(cells, some)
    whole = F.interpolate(cells.coarse[None], scale_factor=4, mode="bilinear", align_corners=False)[0]
    assert torch.allclose(coarse, whole[:, some // 32, some % 32].T, atol=1e-5)
    assert torch.equal(fine, cells.fine[:, some // 32, some % 32].T)


def test_classes_are_told_by_one_hidden_layer(cells: SeenCells) -> None:
    memory = memory_of()
    state = {name: tensor.double().numpy() for name, tensor in memory.state_dict().items()}
    whole = F.interpolate(cells.coarse[None], scale_factor=4, mode="bilinear", align_corners=False)[0].double().numpy()
    for y, x in ((0, 0), (11, 17), (23, 31)):
        hidden = state["around.weight"] @ whole[:, y, x] + state["around.bias"]
        hidden = hidden + state["within.weight"] @ cells.fine[:, y, x].double().numpy()
        hidden = F.gelu(torch.from_numpy(hidden)).numpy()
        logits = state["out.weight"] @ hidden + state["out.bias"]
        logits = state["slope"] * (logits - np.log(np.exp(logits).sum())) + state["offset"]
        expected = logits - np.log(np.exp(logits).sum())
        with torch.inference_mode():
            assert memory.log_probabilities(cells)[:, y, x].numpy() == pytest.approx(expected, abs=1e-4)


def test_another_sams_features_are_refused(cells: SeenCells) -> None:
    memory = CellMemory(("a", "b"), 15, 9, 4)
    with pytest.raises(InputError, match=r"features of 15 and 9 numbers, and this SAM gives 15 and 14"):
        memory.log_probabilities(cells)


@pytest.mark.parametrize("accuracy", [0.9, 0.95, 0.7])
def test_errors_become_so_frequent_that_labels_are_right_as_often_as_told(accuracy: float) -> None:
    memory = memory_of()
    table = memory.label_chances(accuracy).double().numpy()
    assert table.sum(1) == pytest.approx(np.ones(3), abs=1e-6)
    assert (table > 0).all()
    shares = memory.mixed_up.sum(1).numpy() + 1
    assert float((shares / shares.sum()) @ np.diagonal(table)) == pytest.approx(accuracy, abs=2e-3)
    # Errors keep their proportions.
    one = (1 - accuracy) / 2
    assert table[1, 0] / table[1, 2] == pytest.approx((10 + one) / (5 + one), rel=2e-2)


def test_a_baseline_that_errs_more_often_is_believed_as_it_is() -> None:
    memory = memory_of()
    seen = memory.mixed_up.numpy()
    expected = (seen + 0.999 * np.eye(3) + 0.0005 * (1 - np.eye(3))) / (seen.sum(1, keepdims=True) + 1)
    assert memory.label_chances(0.999).numpy() == pytest.approx(expected, abs=1e-3)


def test_a_new_memory_says_nothing(cells: SeenCells) -> None:
    memory = CellMemory(("a", "b", "c"), 15, 4 + COLOURS + PLACES, 7)
    with torch.inference_mode():
        said = memory.log_probabilities(cells)
    assert torch.allclose(said, torch.full_like(said, -np.log(3)), atol=1e-6)
    assert memory.label_chances(0.9).numpy() == pytest.approx(0.85 * np.eye(3) + 0.05, abs=1e-3)


def test_a_file_is_the_memory_again(tmp_path: Path, cells: SeenCells) -> None:
    memory, path = memory_of(), tmp_path / "memory.safetensors"
    write_memory(memory, path)
    again = read_memory(path)
    assert (again.class_names, again.sam_sha256, again.trained_on) == (
        memory.class_names, memory.sam_sha256, memory.trained_on,
    )  # fmt: skip
    with torch.inference_mode():
        assert torch.equal(again.log_probabilities(cells), memory.log_probabilities(cells))
    assert len(again.sha256) == 64
    assert not any(weight.requires_grad for weight in again.parameters())
    check_memory(again, "m", memory.class_names, "5" * 64)
    check_memory(again, "m", None, "5" * 64)


def test_what_is_no_memory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such weight file"):
        read_memory(tmp_path / "missing.safetensors")
    other = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, other)
    with pytest.raises(InputError, match=r"is no memory; give the memory\.safetensors"):
        read_memory(other)
    write_memory(memory_of(), path := tmp_path / "memory.safetensors")
    state = safetensors.torch.load_file(path)
    with safetensors.safe_open(path, "pt") as file:
        facts = dict(file.metadata())
    damaged = {
        "shape": (state | {"out.weight": state["out.weight"][:2].clone()}, facts),
        "missing": ({name: value for name, value in state.items() if name != "slope"}, facts),
        "names": (state, facts | {"class_names": json.dumps("abc")}),
        "images": (state, facts | {"trained_on": json.dumps([1])}),
    }
    for name, (tensors, metadata) in damaged.items():
        safetensors.torch.save_file(tensors, bad := tmp_path / f"{name}.safetensors", metadata=metadata)
        with pytest.raises(InputError, match="is no memory"):
            read_memory(bad)
    safetensors.torch.save_file(state | {"mixed_up": -state["mixed_up"]}, bad, metadata=facts)
    with pytest.raises(InputError, match="is damaged; fit it again"):
        read_memory(bad)


def test_another_data_set_and_another_sam_are_named() -> None:
    memory = memory_of()
    with pytest.raises(
        InputError, match=r"memory m knows 3 classes \(class 0, class 1, class 2, \.\.\.\), not the data"
    ):
        check_memory(memory, "m", ("a", "b"), "5" * 64)
    with pytest.raises(InputError, match=r"another SAM \(SHA-256 555555555555\.\.\., not 777777777777"):
        check_memory(memory, "m", memory.class_names, "7" * 64)
