"""Weights of every kind: the same numbers, or one line that names the file; and nothing in them runs."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.sam import SegmentAnything
from tests.conftest import RunCli, refuses
from tests.hostile.conftest import Counts, Refused, Tiny, mostly_slow

SAM = DEMO_WEIGHTS / "sam.safetensors"
WEIGHT = "mask_decoder.iou_token.weight"

State = dict[str, Tensor]


def sam() -> tuple[State, dict[str, str]]:
    with safetensors.safe_open(SAM, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def changed(change: Callable[[State], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        state, metadata = sam()
        change(state)
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in state.items()}, path, metadata)

    return write


def described(architecture: str) -> Callable[[Path], None]:
    return lambda path: safetensors.torch.save_file(sam()[0], path, {"architecture": architecture})


def content(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


class RunsCode:
    """A pickle that would make a folder when opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def with_value(value: float) -> Callable[[Path], None]:
    return changed(lambda state: state[WEIGHT][0].__setitem__(0, value))


WHOLE = SAM.read_bytes()

REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (content(b""), "is empty"),
    "web-page": (content(b"<html>404</html>"), "is a web page"),
    "pointer": (content(b"version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"),
    "half": (content(WHOLE[: len(WHOLE) // 2]), "is not a whole safetensors file"),
    "one-byte-short": (content(WHOLE[:-1]), "is not a whole safetensors file"),
    "head-only": (content(WHOLE[:100]), "is not a whole safetensors file"),
    "length-of-the-head-beyond-all-bounds": (content(b"\xff" * 8 + WHOLE[8:]), "is not a whole safetensors file"),
    "noise": (content(bytes(range(256)) * 9), "is not a whole safetensors file"),
    "missing-tensor": (changed(lambda state: state.pop(WEIGHT)), f"tensors 1 missing (e.g. {WEIGHT})"),
    "extra-tensor": (changed(lambda state: state.update(x=torch.zeros(1))), "tensors 1 unknown (e.g. x)"),
    "other-shape": (changed(lambda state: state.update({WEIGHT: torch.zeros(2, 64)})), "tensors 1 misshapen"),
    "sides-swapped": (changed(lambda state: state.update({WEIGHT: state[WEIGHT].T})), "tensors 1 misshapen"),
    "nan": (with_value(float("nan")), f"values that are not finite (NaN or infinity) in {WEIGHT}"),
    "infinity": (with_value(float("-inf")), f"values that are not finite (NaN or infinity) in {WEIGHT}"),
    "whole-numbers": (changed(lambda state: state.update({WEIGHT: state[WEIGHT].char()})), "1 of whole numbers"),
    "no-tensors": (lambda path: safetensors.torch.save_file({}, path), "is not a SAM checkpoint"),
    "architecture-that-is-no-json": (described("{"), "unusable architecture in its metadata"),
    "architecture-that-is-a-list": (described("[]"), "unusable architecture in its metadata"),
    "architecture-nested-without-end": (described("[" * 100_000), "unusable architecture in its metadata"),
    "architecture-of-negative-sizes": (described('{"encoder_dim": -1}'), "unusable architecture in its metadata"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_weights_are_refused_by_name(tmp_path: Path, case: str) -> None:
    write, complaint = REFUSED[case]
    path = tmp_path / "sam.safetensors"
    write(path)
    refuses(lambda: SegmentAnything(str(path)), path, complaint)


@pytest.mark.parametrize("case", mostly_slow(REFUSED, ["half"]))
def test_refused_by_name(refused: Refused, tiny: Tiny, case: str) -> None:
    write, complaint = REFUSED[case]
    path = tiny.root / "sam.safetensors"
    write(path)
    refused([*tiny.words(), f"--model.sam.checkpoint={path}"], path, complaint)
    assert not tiny.out.exists()


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_pickles_run_nothing(tmp_path: Path, zipped: bool, wrapped: bool) -> None:
    path, trace = tmp_path / "sam.pth", tmp_path / "ran"
    evil: object = {**sam()[0], "x": RunsCode(trace)}
    torch.save({"state_dict": evil} if wrapped else evil, path, _use_new_zipfile_serialization=zipped)
    refuses(lambda: SegmentAnything(str(path)), path, "could run code when opened; it was refused")
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the pickle does nothing, so that nothing was shown"


def test_a_not_finite_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"image_encoder.pos_embed": torch.full((1, 2, 2, 768), float("nan"))}, path)
    refuses(lambda: SegmentAnything(str(path)), path, "not finite", "image_encoder.pos_embed")


@pytest.mark.parametrize("make", ["directory", "loop", "dangling"])
def test_what_is_no_file(tmp_path: Path, make: str) -> None:
    path = tmp_path / "sam.safetensors"
    if make == "directory":
        path.mkdir()
    else:
        path.symlink_to(path if make == "loop" else path.parent / "nowhere")
    refuses(lambda: SegmentAnything(str(path)), path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_precisions_are_read_as_the_same_numbers(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "sam file.safetensors"
    changed(lambda state: state.update({name: tensor.to(dtype) for name, tensor in state.items()}))(path)
    (plain, plain_precision), (read, precision) = (
        (network.state_dict(), network.precision) for network in (SegmentAnything("demo"), SegmentAnything(str(path)))
    )
    assert precision == plain_precision
    assert plain.keys() == read.keys()
    for name, tensor in plain.items():
        assert tensor.dtype == read[name].dtype
        assert torch.equal(tensor, read[name])


# The quicker one is above.
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_precisions_of_the_same_numbers(
    run_cli: RunCli, tiny: Tiny, dtype: torch.dtype, plain_counts: Counts
) -> None:
    path = tiny.root / "sam file.safetensors"
    changed(lambda state: state.update({name: tensor.to(dtype) for name, tensor in state.items()}))(path)
    outcome = run_cli(*tiny.words(), f"--model.sam.checkpoint={path}")
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts


def baseline_nan(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = safetensors.torch.load_file(path)
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name] = torch.full_like(state[name], float("nan"))
    safetensors.torch.save_file(state, path, {"format": "pt"})


def config(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(text)


def setting(**settings: object) -> Callable[[Path], object]:
    own = json.loads((DEMO_WEIGHTS / "deeplab/config.json").read_text())
    return config(json.dumps(own | settings))


@pytest.mark.parametrize(
    ("spoil", "name", "complaint"),
    [
        (config(""), "config.json", "is not JSON"),
        (config("{"), "config.json", "is not JSON"),
        (config("[1]"), "config.json", "names no model_type"),
        (config("{}"), "config.json", "names no model_type"),
        (config('{"model_type": 3}'), "config.json", "names no model_type"),
        (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe"), "config.json", "is not JSON"),
        (lambda folder: (folder / "config.json").unlink(), "config.json", "has no"),
        (config("[" * 100_000), "config.json", "is not JSON"),
        (setting(image_size="large"), "config.json", "image_size 'large'"),
        (setting(output_stride=-8), "config.json", "output_stride -8"),
        (setting(depth_multiplier="x"), "", "cannot be"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors", "no such weight file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "model.safetensors", "is empty"),
        (baseline_nan, "model.safetensors", "values that are not finite"),
    ],
    ids=[
        "empty", "half", "list", "nothing", "number", "binary", "missing", "deep", "word-for-number", "negative",
        "word-for-factor", "no-weights", "empty-weights", "nan",
    ],
)  # fmt: skip
def test_a_folder_of_the_baseline(tmp_path: Path, spoil: Callable[[Path], object], name: str, complaint: str) -> None:
    folder = tmp_path / "deeplab"
    shutil.copytree(DEMO_WEIGHTS / "deeplab", folder)
    spoil(folder)
    refuses(lambda: MobileNetV2DeepLab(str(folder)), folder / name, complaint)


# The quicker one is above, and weights of SAM are refused in a run.
@pytest.mark.slow
def test_a_folder_of_the_baseline_in_a_run(refused: Refused, tiny: Tiny) -> None:
    folder = tiny.root / "deeplab"
    shutil.copytree(DEMO_WEIGHTS / "deeplab", folder)
    baseline_nan(folder)
    words = [word for word in tiny.words() if "model.baseline" not in str(word)]
    words += ["--model.baseline=lit_samseg.baselines.MobileNetV2DeepLab", f"--model.baseline.checkpoint={folder}"]
    refused(words, folder / "model.safetensors", "values that are not finite")
