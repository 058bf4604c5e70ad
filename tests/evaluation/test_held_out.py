"""Images that something was trained on are refused by their pixels and by their names."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.checkpoints.trained_on import TrainedOn, check_evaluated, note_trained_on, read_trained_on
from lit_samseg.checkpoints.weights import read_safetensors_metadata
from lit_samseg.data import Folder, Scenes
from lit_samseg.evaluation.held_out import check_held_out, trainings
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.refine import CalibratedWords, CellMemory, LearnedGate
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.onnx_folder import TrainedAdapter
from tests.conftest import refuses

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
KNOWN = TrainedOn({"camvid/a": ONE, "camvid/b": TWO, "camvid/old": None})


@pytest.mark.parametrize(
    ("images", "by_name", "count", "first"),
    [
        ({"camvid/a": ONE}, True, 1, "camvid/a"),
        # Another id, another data set, another folder.
        ({"folder/x": TWO, "folder/y": THREE}, True, 1, "folder/x, which has the pixels of camvid/b"),
        ({"folder/x": TWO, "folder/a": ONE}, False, 2, "folder/a, which has the pixels of camvid/a"),
        # The same file, decoded in another way.
        ({"camvid/a": THREE}, True, 1, "camvid/a"),
        ({"camvid/a": None}, False, 1, "camvid/a"),
        # Of files of earlier versions only names are known.
        ({"camvid/old": THREE}, False, 1, "camvid/old"),
    ],
)
def test_what_is_one_of_the_trainings(images: dict[str, str | None], by_name: bool, count: int, first: str) -> None:
    message = refuses(lambda: check_evaluated(KNOWN, images, "a.safetensors", by_name))
    assert message == (
        f"{count} of the images were used to train a.safetensors (first: {first}); evaluate on others: give --data.ids "
        "or --data.split"
    )


def test_what_is_none_of_them() -> None:
    assert check_evaluated(KNOWN, {"voc2012/a": THREE, "camvid/c": None}, "x") == 0
    # A folder's names are nothing but names; that they are the same is counted.
    assert check_evaluated(KNOWN, {"camvid/a": THREE, "camvid/b": ONE[:-1], "camvid/c": THREE}, "x", False) == 2


def test_images_of_two_trainings_are_those_of_both() -> None:
    both = TrainedOn({"a": None, "b": ONE, "c": TWO}) | TrainedOn({"a": THREE, "b": None, "d": None})
    assert both == TrainedOn({"a": THREE, "b": ONE, "c": TWO, "d": None})
    assert both.listed() == [["a", THREE], ["b", ONE], ["c", TWO], "d"]
    assert TrainedOn.read(both.listed()) == both
    # What earlier versions wrote.
    assert TrainedOn.read(["a", "b"]) == TrainedOn({"a": None, "b": None})
    assert not TrainedOn()


@pytest.mark.parametrize("content", [{}, "a", [1], [["a"]], [["a", 1]], [[None, "b"]], [["a", "b", "c"]]])
def test_what_is_no_list_of_images(content: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        TrainedOn.read(content)


def test_weight_files_say_what_they_were_trained_on(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    tensors = {"a": torch.arange(5.0), "b": torch.ones(2, 3, dtype=torch.float16)}
    save_file(tensors, one, {"format": "pt"})
    save_file(tensors, two)
    assert read_trained_on([one, two, tmp_path / "none.bin"]) == TrainedOn()
    note_trained_on([one], TrainedOn({"x/a": ONE}))
    note_trained_on([two], TrainedOn({"x/b": None, "x/ä": TWO}))
    assert read_trained_on([one, two]) == TrainedOn({"x/a": ONE, "x/b": None, "x/ä": TWO})
    for path in (one, two):
        written = load_file(path)
        assert all(torch.equal(written[name], tensor) for name, tensor in tensors.items())
        assert written.keys() == tensors.keys()
    assert read_safetensors_metadata(one)["format"] == "pt"
    again = one.read_bytes()
    note_trained_on([one], TrainedOn({"x/a": ONE}))
    assert one.read_bytes() == again
    save_file(tensors, two, {"trained_on": json.dumps({"a": 1})})
    refuses(lambda: read_trained_on([two]), two, "train it again")


def test_all_that_takes_part_is_asked() -> None:
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    names = Scenes.class_names
    gate, memory, words = LearnedGate(), CellMemory(names, 2, 2, 2), CalibratedWords(names)
    needs = RowNeeds(gate, memory, None, words)
    needs.gate_file, needs.memory_file, needs.calibration_file = "gate", "memory", "words"
    assert trainings(baseline, sam, needs) == []
    for n, trained in enumerate((baseline, gate, memory, words)):
        trained.trained_on = TrainedOn({f"x/{n}": None})
    sam.adapter, sam.adapter_file = TrainedAdapter("", TrainedOn({"x/4": ONE})), "adapter"
    assert [(*images.digests, file) for images, file in trainings(baseline, sam, needs)] == [
        ("x/0", "the baseline demo"), ("x/4", "adapter"), ("x/1", "gate"), ("x/2", "memory"), ("x/3", "words"),
    ]  # fmt: skip


def test_a_namesake_is_told_of_and_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").touch()
    folder = Folder(str(tmp_path), num_classes=2)
    found = [(TrainedOn({"folder/a": ONE}), "gate.json")]
    check_held_out(folder, {"folder/a": TWO}, found)
    told = capsys.readouterr().err
    assert told == (
        "lit-samseg: 1 of the images are called as ones that gate.json was trained on, and have other pixels: they are "
        "taken for others\n"
    )
    check_held_out(folder, {"folder/a": TWO}, found, announce=False)
    check_held_out(folder, {"folder/b": TWO}, found)
    assert capsys.readouterr().err == ""
    refuses(lambda: check_held_out(folder, {"folder/b": ONE}, found), "gate.json", "the pixels of folder/a")
    # Of a published data set an id says which image it is.
    refuses(lambda: check_held_out(Scenes(), {"folder/a": TWO}, found), "first: folder/a)")
