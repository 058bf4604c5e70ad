"""Networks as one file: read, asked, and never run for what is pickled in them."""

import pickle
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lit_samseg.baselines import ExportedBaseline, Preparation, ScoreFolder, load_baseline
from lit_samseg.errors import InputError

IMAGE = torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": self.conv(x)}


class Bomb:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network, for one size and for any, as both kinds of files, and as pickles."""
    folder, net, example = tmp_path_factory.mktemp("exported"), Net().eval(), torch.zeros(1, 3, 20, 30)
    torch.export.save(torch.export.export(net, (example,)), folder / "fixed.pt2")
    auto = torch.export.Dim.AUTO
    free = torch.export.export(net, (example,), dynamic_shapes={"x": {2: auto, 3: auto}})
    torch.export.save(free, folder / "free.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net, example, strict=False).save(str(folder / "net.ts"))  # type: ignore[no-untyped-call]
    torch.save(net, folder / "net.pt")
    torch.save(net.state_dict(), folder / "state.pt")
    return folder


@pytest.mark.parametrize("name", ["fixed.pt2", "free.pt2", "net.ts"])
def test_files_answer_as_the_network(files: Path, name: str) -> None:
    baseline = load_baseline(str(files / name))
    assert isinstance(baseline, ExportedBaseline)
    # As the trainer does with whatever it holds.
    baseline.eval().train().eval()
    assert not any(parameter.requires_grad for parameter in baseline.parameters())
    labels, scores = baseline.predict(IMAGE, "x")
    assert scores is not None
    torch.testing.assert_close(scores, Net()(IMAGE[None] / 255)["out"][0].detach())
    assert len(labels.unique()) > 1
    assert baseline.identity is not None
    assert baseline.identity != ExportedBaseline(str(files / name), prepare=Preparation(size=9)).identity


def test_another_size_than_it_was_exported_for(files: Path) -> None:
    image = torch.zeros(3, 22, 30, dtype=torch.uint8)
    baseline = ExportedBaseline(str(files / "fixed.pt2"))
    with pytest.raises(InputError, match=r"given as \[1, 3, 22, 30\] .*; set model\.baseline\.prepare\.size"):
        baseline.label_map(image, "x")
    sized = ExportedBaseline(str(files / "fixed.pt2"), prepare=Preparation(size=(20, 30)))
    assert sized.label_map(image, "x").shape == (22, 30)
    assert ExportedBaseline(str(files / "free.pt2")).predict(image, "x")[1].shape == (4, 11, 15)


def test_what_is_no_such_file(files: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pt2").write_text("a network")
    for path, complaint in (
        (files / "none.pt2", "no such file"),
        (files / "net.pt", "is no archive of torch.export or TorchScript; of a pickled network write torch.export"),
        (files / "state.pt", "is no archive of torch.export or TorchScript; of a pickled network"),
        (tmp_path / "text.pt2", "is no archive of torch.export or TorchScript .*; export it again"),
    ):
        with pytest.raises(InputError, match=complaint):
            ExportedBaseline(str(path))


def with_entry(archive: Path, made: Path, name: str, content: bytes) -> Path:
    """Copy an archive with one entry put in or replaced."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(made, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for entry in old.infolist():
            if entry.filename != f"{root}/{name}":
                new.writestr(entry, old.read(entry))
        new.writestr(f"{root}/{name}", content)
    return made


def test_pickles_in_exported_networks_are_not_run(files: Path, tmp_path: Path) -> None:
    left = tmp_path / "left"
    bomb = pickle.dumps(Bomb(left))
    pickle.loads(bomb)
    assert left.exists()
    left.unlink()
    torch.save(Bomb(left), tmp_path / "bomb.pt")
    sample = (tmp_path / "bomb.pt").read_bytes()
    names = zipfile.ZipFile(files / "free.pt2").namelist()
    assert any(name.endswith("/data/sample_inputs/model.pt") for name in names)
    for name, content in (
        ("data/constants/opaque_obj_0", bomb),
        ("data/aotinductor/model/model.so", b""),
        ("data/sample_inputs/model.pt", sample),
    ):
        made = with_entry(files / "free.pt2", tmp_path / "made.pt2", name, content)
        with pytest.raises(InputError, match=f"{made} (holds {name}, which loading would run|cannot be loaded)"):
            ExportedBaseline(str(made))
        assert not left.exists()


def test_folders_of_scores_are_found_by_name(tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "notes.txt")
    (tmp_path / "a.npz").touch()
    assert isinstance(load_baseline(str(tmp_path)), ScoreFolder)
