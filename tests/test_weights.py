"""Weight files are read as data; each kind of broken one is named."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

from lit_samseg.baselines import HubSegmenter, MobileNetV2DeepLab, TorchvisionDeepLab
from lit_samseg.checkpoints.weights import (
    DEMO_WEIGHTS,
    load_strictly,
    read_safetensors_metadata,
    read_state_dict,
    sha256_of_file,
)
from lit_samseg.checkpoints.writing import write_safetensors
from lit_samseg.errors import InputError
from lit_samseg.sam import HubSam, SegmentAnything
from tests.baselines import tiny_segmenters
from tests.sam import tiny_hub

STATE = {"a": torch.arange(3.0), "b.c": torch.ones(2, 2)}


def test_all_three_formats_and_wrappers(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "a.safetensors")
    torch.save(STATE, tmp_path / "b.pth")
    torch.save(STATE, tmp_path / "c.pt", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": STATE, "epoch": 3}, tmp_path / "d.ckpt")
    torch.save({"model": STATE}, tmp_path / "e.pth")
    for path in sorted(tmp_path.iterdir()):
        state = read_state_dict(path)
        assert state.keys() == STATE.keys()
        assert all(torch.equal(state[k], STATE[k]) for k in STATE)


def test_what_is_written_twice_has_the_same_bytes(tmp_path: Path) -> None:
    facts = {f"fact {n}": 'Straße "猫"\n\u2028' * n for n in range(8)}
    state = {**STATE, "half": torch.arange(5).half(), "none": torch.zeros(0, 3), "number": torch.tensor(2)}
    # The library takes another order each time: of eight texts twice the same once in forty thousand.
    paths = [tmp_path / f"{n}.safetensors" for n in range(4)]
    for path in paths:
        write_safetensors(state, path, facts)
    assert len({path.read_bytes() for path in paths}) == 1
    read = safetensors.torch.load_file(paths[0])
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], state[name]) and read[name].dtype == state[name].dtype for name in state)
    assert read_safetensors_metadata(paths[0]) == facts
    assert int.from_bytes(paths[0].read_bytes()[:8], "little") % 8 == 0


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "module.model.", "model.model."]
)
def test_what_a_training_put_before_every_name_is_left_out_and_said(
    prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """DistributedDataParallel, torch.compile and Lightning do so."""
    wrapped = {f"{prefix}{name}": tensor for name, tensor in STATE.items()}
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "a.ckpt")
    torch.save(wrapped, tmp_path / "b.pth")
    safetensors.torch.save_file(wrapped, tmp_path / "c.safetensors")
    for path in sorted(tmp_path.iterdir()):
        caplog.clear()
        state = read_state_dict(path)
        assert state.keys() == STATE.keys()
        assert all(torch.equal(state[k], STATE[k]) for k in STATE)
        (line,) = caplog.messages
        assert line == (
            f"every tensor of {path} has '{prefix}' before its name, as training programs write it; it is read without"
        )


def test_a_prefix_of_some_names_is_part_of_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    states = [{"module.a": torch.zeros(1), "head": torch.zeros(1)}, {"model.": torch.zeros(1)}, {}]
    for n, state in enumerate(states):
        safetensors.torch.save_file(state, tmp_path / f"{n}.safetensors")
        assert read_state_dict(tmp_path / f"{n}.safetensors").keys() == state.keys()
    # Of shards all names count: a Mask2Former's first ones begin alike.
    safetensors.torch.save_file({"model.b": torch.zeros(1)}, tmp_path / "shard.safetensors")
    together = read_state_dict(tmp_path / "shard.safetensors", tmp_path / "0.safetensors")
    assert together.keys() == {"model.b", "module.a", "head"}
    assert not caplog.messages


def _wrapped(path: Path, prefix: str) -> None:
    """Put a prefix before all names of a safetensors file."""
    metadata = read_safetensors_metadata(path)
    state = {f"{prefix}{name}": tensor for name, tensor in safetensors.torch.load_file(path).items()}
    safetensors.torch.save_file(state, path, metadata=metadata)


def test_every_loader_reads_such_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    deeplab, sam = tmp_path / "deeplab", tmp_path / "sam.safetensors"
    shutil.copytree(DEMO_WEIGHTS / "deeplab", deeplab)
    shutil.copy(DEMO_WEIGHTS / "sam.safetensors", sam)
    for path, prefix in ((deeplab / "model.safetensors", "module."), (sam, "_orig_mod.")):
        _wrapped(path, prefix)
    for kind, save in (
        ("segformer", tiny_segmenters.save),
        ("mask2former", tiny_segmenters.save),
        ("sam", tiny_hub.save),
    ):
        for folder in (tmp_path / kind, tmp_path / f"wrapped_{kind}"):
            folder.mkdir()
            torch.manual_seed(0)
            save(kind, folder)
        _wrapped(tmp_path / f"wrapped_{kind}/model.safetensors", "model.")
    torch.manual_seed(0)
    network = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4, aux_loss=True)
    torch.save(network.state_dict(), tmp_path / "plain.pth")
    torch.save({"state_dict": {f"model.{k}": v for k, v in network.state_dict().items()}}, tmp_path / "lightning.ckpt")
    pairs: list[tuple[torch.nn.Module, torch.nn.Module]] = [
        (MobileNetV2DeepLab("demo"), MobileNetV2DeepLab(str(deeplab))),
        (SegmentAnything("demo"), SegmentAnything(str(sam))),
        (HubSam(str(tmp_path / "sam")), HubSam(str(tmp_path / "wrapped_sam"))),
        *(
            (HubSegmenter(str(tmp_path / kind)), HubSegmenter(str(tmp_path / f"wrapped_{kind}")))
            for kind in ("segformer", "mask2former")
        ),
        tuple(
            TorchvisionDeepLab("deeplabv3_mobilenet_v3_large", str(tmp_path / name), resize=None)
            for name in ("plain.pth", "lightning.ckpt")
        ),  # type: ignore[list-item]
    ]
    assert len(caplog.messages) == len(pairs)
    for plain, wrapped in pairs:
        own, other = plain.state_dict(), wrapped.state_dict()
        assert own.keys() == other.keys()
        assert all(torch.equal(own[name], other[name]) for name in own)


class RunsCode:
    """A pickle that would leave a file behind when opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def broken_files(folder: Path) -> dict[str, str]:
    """Make broken checkpoints; return the complaint expected for each."""
    torch.save(STATE, folder / "whole.pth")
    whole = (folder / "whole.pth").read_bytes()
    safetensors.torch.save_file(STATE, folder / "whole.safetensors")
    files = {
        "page.pth": (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        "spaced.pth": (b"\n  <html lang=en>", "web page"),
        "lfs.pth": (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        "empty.pth": (b"", "is empty"),
        "cut.pth": (whole[: len(whole) // 2], "truncated zip"),
        "cut.safetensors": (
            (folder / "whole.safetensors").read_bytes()[:-5],
            "not a whole safetensors",
        ),
        "text.pth": (b"hello world, these are not weights at all", "not a PyTorch or safetensors"),
        "noise.pth": (bytes(range(200, 250)) * 9, "not a PyTorch or safetensors"),
        "pickle.pth": (b"\x80\x02" + bytes(range(200, 250)), "could run code|cannot be read"),
        "code.pkl": (pickle.dumps(RunsCode(folder / "pwned")), "could run code"),
        "list.pth": (None, "holds list"),
        "objects.pth": (None, "'epoch' is not a tensor"),
        "zipcode.pth": (None, "could run code"),
    }
    torch.save([1, 2], folder / "list.pth")
    torch.save({**STATE, "epoch": 3}, folder / "objects.pth")
    torch.save({"a": RunsCode(folder / "pwned")}, folder / "zipcode.pth")
    for name, (content, _) in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return {name: complaint for name, (_, complaint) in files.items()}


def test_broken_files_are_named_and_no_code_runs(tmp_path: Path) -> None:
    for name, complaint in broken_files(tmp_path).items():
        with pytest.raises(InputError, match=complaint) as caught:
            read_state_dict(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such weight file"):
        read_state_dict(tmp_path / "none.pth")
    with pytest.raises(InputError, match="is a folder"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"weight": torch.zeros(2, 3)}, r"1 missing \(e.g. bias\)"),
        (
            {"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "x": torch.zeros(1)},
            r"1 unknown \(e.g. x\)",
        ),
        ({"weight": torch.zeros(3, 3), "bias": torch.zeros(2)}, r"1 misshapen \(e.g. weight\)"),
    ],
)
def test_a_state_dict_fits_or_is_refused(state: dict[str, torch.Tensor], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_strictly(torch.nn.Linear(3, 2), state, Path("w.pth"), "a layer")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "f") == ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
