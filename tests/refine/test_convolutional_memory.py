"""What a convolutional memory sees of an image, how it tells classes, and its file."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn import functional as F

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.refine import CellMemory, ConvolutionalMemory, read_memory
from lit_samseg.refine.convolutional_memory import _dropped
from lit_samseg.refine.memory_file import write_memory
from lit_samseg.refine.seen_planes import SeenPlanes, see_planes
from lit_samseg.sam.frame import Frame, SquareFrame

FRAME = Frame(height=48, width=64, size=64, mask_size=32)
"""A grid of 24 x 32 cells of two pixels, over an embedding of 6 x 8 of 8 x 8."""


def shown(frame: Frame = FRAME, embedded: int = 8, features: int | None = 4, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """An image, its embedding, and its features, of random numbers."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (3, frame.height, frame.width), dtype=torch.uint8, generator=generator)
    embedding = torch.randn(5, embedded, embedded, generator=generator)
    seen = torch.randn(features or 1, frame.mask_size, frame.mask_size, generator=generator)
    return image, embedding, seen


def planes_of(frame: Frame = FRAME, embedded: int = 8, features: int | None = 4, seed: int = 0) -> SeenPlanes:
    image, embedding, seen = shown(frame, embedded, features, seed)
    return see_planes(image, frame, embedding, None if features is None else seen)


def memory_of(features: int = 4, width: int = 24) -> ConvolutionalMemory:
    torch.manual_seed(3)
    trained_on = TrainedOn({"scenes/a": None, "scenes/b": "0" * 64})
    memory = ConvolutionalMemory(("a", "b", "c"), 5, features, width, "5" * 64, trained_on)
    memory.mixed_up.copy_(torch.tensor([[900.0, 5, 0], [10, 60, 5], [3, 0, 17]]))
    memory.slope.copy_(torch.linspace(0.5, 1.0, 3))
    memory.offset.copy_(torch.linspace(0.1, -2.0, 3))
    return memory.eval()


def test_what_is_seen_of_an_image() -> None:
    image, embedding, features = shown()
    planes = see_planes(image, FRAME, embedding, features)
    for whole, found in ((embedding[:, :6], planes.embedding), (features[:, :24], planes.features)):
        own = whole.double().numpy()
        expected = (own - own.mean(0)) / np.sqrt(own.var(0) + 1e-5)
        assert found.numpy() == pytest.approx(expected, abs=1e-5)
    # The image is not scaled, and a cell has two pixels a side.
    assert torch.allclose(planes.picture, image / 255, atol=1e-6)
    assert planes.places[:, 2, 5].tolist() == pytest.approx([2.5 / 6 * 2 - 1, 5.5 / 8 * 2 - 1])
    assert planes.step == 4
    assert see_planes(image, FRAME, embedding, None).features.shape == (0, 24, 32)


def test_the_pictures_last_parts_are_repeated() -> None:
    # 45 x 64 pixels are 22.5 x 32 cells.
    frame = Frame(height=45, width=64, size=64, mask_size=32)
    image, embedding, features = shown(frame)
    planes = see_planes(image, frame, embedding, features)
    assert planes.features.shape == (4, 23, 32)
    assert planes.picture.shape == (3, 46, 64)
    assert torch.equal(planes.picture[:, 45], planes.picture[:, 44])


@pytest.mark.parametrize(
    ("frame", "embedded", "features"),
    [
        (FRAME, 8, 4),
        (FRAME, 8, None),
        (FRAME, 16, 4),  # an embedding cell of two grid cells
        (FRAME, 4, 4),  # of eight
        (Frame(50, 37, 70, 20), 4, 4),  # of five, and cells of 3.5 pixels
        (Frame(61, 64, 64, 32), 3, None),  # of no whole number
        (Frame(1, 64, 64, 32), 8, 4),  # one row
        (SquareFrame(30, 50, 64, 32), 8, 4),
    ],
)
def test_every_cell_of_any_grid_gets_log_probabilities(frame: Frame, embedded: int, features: int | None) -> None:
    image, embedding, seen = shown(frame, embedded, features)
    memory = memory_of(features or 0)
    with torch.inference_mode():
        told = memory.remember(image, frame, embedding, None if features is None else seen)
    height, width = (-(-side * frame.mask_size // frame.size) for side in frame.resized)
    assert told.shape == (3, height, width)
    assert torch.allclose(told.exp().sum(0), torch.ones(height, width), atol=1e-5)


def test_logits_are_those_of_the_u_net_written_out() -> None:
    """A file's weights mean something by this arithmetic alone: with another sign anywhere they would be others."""
    memory, planes = memory_of(), planes_of()
    weights = memory.state_dict()

    def conv(name: str, x: torch.Tensor, **how: int) -> torch.Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), **how)

    def normed(name: str, x: torch.Tensor, groups: int, stride: int = 1, dilation: int = 1) -> torch.Tensor:
        x = conv(f"{name}.0", x, stride=stride, dilation=dilation, padding=dilation)
        return F.gelu(F.group_norm(x, groups, weights[f"{name}.1.weight"], weights[f"{name}.1.bias"]))

    def doubled(x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear")

    # Of 24 channels the finer levels have 6, 12 and, on the way up, 8.
    fine = normed("fine.1", normed("fine.0", planes.picture[None] * 4 - 2, 2, stride=2), 2)
    middle = normed("middle.1", normed("middle.0", fine, 4, stride=2), 4)
    coarse = normed("coarse", middle, 8, stride=2)
    coarse = coarse + conv("embedded", torch.cat([planes.embedding, planes.places])[None])
    for number, dilation in enumerate((1, 2, 4, 8)):
        around = normed(f"around.{number}.around", coarse, 8, dilation=dilation)
        coarse = coarse + conv(f"around.{number}.out", around)
    whole = coarse.mean((2, 3)) @ weights["whole.weight"].T + weights["whole.bias"]
    coarse = coarse + whole[..., None, None]
    middle = normed("in_middle", doubled(conv("to_middle", coarse)) + middle, 4)
    detail = conv("detail", torch.cat([fine, planes.features[None]], 1))
    fine = normed("in_fine", doubled(conv("to_fine", middle)) + detail, 8)
    torch.testing.assert_close(memory(planes), conv("out", fine)[0], atol=1e-5, rtol=1e-4)


def test_planes_that_stay_are_raised_by_as_much_as_others_are_left_out() -> None:
    planes = torch.ones(2000, 1, 1)
    kept = _dropped(planes, 0.2, torch.Generator().manual_seed(1))
    assert kept.unique().tolist() == [0, 1.25]
    assert float(kept.mean()) == pytest.approx(1, abs=0.04)
    assert _dropped(planes, 0.0, None) is planes


def test_logits_are_calibrated_as_those_of_any_memory() -> None:
    image, embedding, features = shown()
    memory = memory_of()
    with torch.inference_mode():
        logits = memory(see_planes(image, FRAME, embedding, features)).double().numpy()
        told = memory.remember(image, FRAME, embedding, features).numpy()
    slope, offset = (own.double().numpy()[:, None, None] for own in (memory.slope, memory.offset))
    scaled = slope * (logits - np.log(np.exp(logits).sum(0))) + offset
    assert told == pytest.approx(scaled - np.log(np.exp(scaled).sum(0)), abs=1e-4)


def test_a_new_memory_says_nothing() -> None:
    image, embedding, features = shown()
    with torch.inference_mode():
        said = ConvolutionalMemory(("a", "b", "c"), 5, 4, 8).remember(image, FRAME, embedding, features)
    assert torch.allclose(said, torch.full_like(said, -np.log(3)), atol=1e-6)


def only_embedded(weights: torch.Tensor) -> ConvolutionalMemory:
    """A memory that passes one linear map of the embedding on: all else is 0."""
    memory = memory_of()
    for name, weight in memory.named_parameters():
        weight.data.zero_()
        if name.endswith("in_middle.1.weight") or name.endswith("in_fine.1.weight"):
            weight.data.fill_(1.0)
    memory.embedded.weight.data[: len(weights), :5, 0, 0] = weights
    return memory


@pytest.mark.parametrize("embedded", [8, 4, 16, 5])
def test_the_embedding_lies_where_the_grid_has_it(embedded: int) -> None:
    """What is brought to the coarsest level is what plain interpolation has at its cells' middles."""
    memory, planes = only_embedded(torch.eye(5)), planes_of(embedded=embedded)
    caught: list[torch.Tensor] = []
    memory.around.register_forward_hook(lambda module, given, made: caught.append(given[0]))
    with torch.inference_mode():
        memory(planes)
    found = caught[0][0, :5].numpy()
    height, width = planes.embedding.shape[1:]
    for row, column in ((0, 0), (2, 3), (5, 7)):
        # In the embedding's cells, from the first one's middle.
        y, x = (
            np.clip((4 * at + 2) / planes.step - 0.5, 0, length - 1) for at, length in ((row, height), (column, width))
        )
        above, left = min(int(y), height - 2), min(int(x), width - 2)
        corners = planes.embedding[:, above : above + 2, left : left + 2].double().numpy()
        expected = np.array([1 - (y - above), y - above]) @ corners @ np.array([1 - (x - left), x - left])
        assert found[:, row, column] == pytest.approx(expected, abs=1e-4)


def test_a_picture_moved_by_a_coarse_cell_moves_what_is_told() -> None:
    """Far from borders; in float64, since each group's mean and deviation are those of the whole image."""
    memory = memory_of(width=8).double()
    shapes = {"embedding": (5, 80, 80), "features": (4, 320, 320), "picture": (3, 640, 640), "places": (2, 80, 80)}
    planes = SeenPlanes(**{name: torch.zeros(shape).double() for name, shape in shapes.items()}, step=4.0)
    spot = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)).double()
    told = []
    for shift in (0, 8):
        planes.picture.zero_()
        planes.picture[:, 312 + shift : 328 + shift, 312:328] = spot
        with torch.inference_mode():
            told.append(memory(planes))
    change = (told[0][:, 130:190, 130:190] - told[1][:, 134:194, 130:190]).abs().max()
    assert change < 1e-6
    assert (told[0] - told[1]).abs().max() > 1e-2


def test_parts_of_an_image_fit_on_each_other() -> None:
    planes = planes_of()
    part = planes.window(1, 2, 3, 4)
    assert torch.equal(part.embedding, planes.embedding[:, 1:4, 2:6])
    assert torch.equal(part.features, planes.features[:, 4:16, 8:24])
    assert torch.equal(part.picture, planes.picture[:, 8:32, 16:48])
    assert torch.equal(part.places, planes.places[:, 1:4, 2:6])
    # Of 23 rows of cells, five embedding cells of four are whole.
    assert planes_of(Frame(45, 64, 64, 32)).whole_cells == (5, 8)
    assert planes_of(Frame(1, 64, 64, 32)).whole_cells == (1, 8)


def test_a_mirrored_part_is_one_of_the_mirrored_image() -> None:
    planes = planes_of()
    mirrored = planes.mirrored()
    assert torch.equal(mirrored.mirrored().places, planes.places)
    # Places stay where they are; what is there changes sides.
    assert torch.allclose(mirrored.places, planes.places, atol=1e-6)
    assert torch.equal(planes.window(0, 0, 6, 3).mirrored().features, mirrored.window(0, 5, 6, 3).features)
    assert torch.equal(mirrored.embedding[:, :, 0], planes.embedding[:, :, 7])
    assert torch.equal(mirrored.picture[:, :, 0], planes.picture[:, :, 63])


def test_what_is_left_out_is_drawn_by_the_generator() -> None:
    memory, planes = memory_of(), planes_of()
    with torch.inference_mode():
        whole = memory(planes)
        drawn = [memory(planes, 0.5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], whole)


def test_a_file_is_the_memory_again(tmp_path: Path) -> None:
    memory, path = memory_of(), tmp_path / "memory.safetensors"
    memory.unseen = True
    write_memory(memory, path)
    again = read_memory(path)
    assert isinstance(again, ConvolutionalMemory)
    assert (again.class_names, again.sam_sha256, again.trained_on, again.unseen) == (
        memory.class_names, memory.sam_sha256, memory.trained_on, True,
    )  # fmt: skip
    image, embedding, features = shown()
    with torch.inference_mode():
        told = [one.remember(image, FRAME, embedding, features) for one in (memory, again)]
    assert torch.equal(*told)
    assert not any(weight.requires_grad for weight in again.parameters())


def test_what_is_no_memory_is_named(tmp_path: Path) -> None:
    write_memory(memory_of(), path := tmp_path / "memory.safetensors")
    state = safetensors.torch.load_file(path)
    with safetensors.safe_open(path, "pt") as file:
        facts = dict(file.metadata())
    assert facts["kind"] == "convolutional"
    flat = state["embedded.weight"].flatten(1)
    damaged = {
        "kind": (state, facts | {"kind": "recurrent"}),
        # Files without a kind are of single cells.
        "none": (state, {name: fact for name, fact in facts.items() if name != "kind"}),
        "other": (state, facts | {"kind": "cells"}),
        "shape": (state | {"out.weight": state["out.weight"][:2].clone()}, facts),
        "dimensions": (state | {"embedded.weight": flat}, facts),
        "small": (state | {"embedded.weight": state["embedded.weight"][:4].clone()}, facts),
        "few": (state | {"embedded.weight": state["embedded.weight"][:, :1].clone()}, facts),
        "missing": ({name: value for name, value in state.items() if name != "detail.weight"}, facts),
    }
    for name, (tensors, metadata) in damaged.items():
        safetensors.torch.save_file(tensors, bad := tmp_path / f"{name}.safetensors", metadata=metadata)
        with pytest.raises(InputError, match="is no memory"):
            read_memory(bad)
    safetensors.torch.save_file(state | {"mixed_up": -state["mixed_up"]}, bad, metadata=facts)
    with pytest.raises(InputError, match="is damaged; fit it again"):
        read_memory(bad)


def test_a_file_of_an_earlier_version_is_a_memory_of_cells(tmp_path: Path) -> None:
    memory, path = CellMemory(("a", "b"), 15, 14, 4), tmp_path / "memory.safetensors"
    write_memory(memory, path)
    with safetensors.safe_open(path, "pt") as file:
        facts = dict(file.metadata())
    assert facts.pop("kind") == "cells"
    safetensors.torch.save_file(memory.state_dict(), path, metadata=facts)
    again = read_memory(path)
    assert isinstance(again, CellMemory)
    assert torch.equal(again.around.weight, memory.around.weight)


def test_another_sams_features_are_refused() -> None:
    image, embedding, features = shown()
    for other, seen in ((embedding[:4], features), (embedding, features[:3]), (embedding, None)):
        with pytest.raises(InputError, match="features of 5 and 4 numbers, and this SAM gives"):
            memory_of().remember(image, FRAME, other, seen)


def test_a_width_of_few_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="width is 7, for 5 and 4 channels; give 8 or more"):
        ConvolutionalMemory(("a",), 5, 4, 7)


def test_gradients_reach_every_weight() -> None:
    memory = memory_of()
    target = torch.zeros(1, 24, 32, dtype=torch.long)
    torch.autograd.backward(F.cross_entropy(memory(planes_of())[None], target))
    silent = [name for name, weight in memory.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []
