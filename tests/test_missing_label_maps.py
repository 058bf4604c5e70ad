"""Label maps of a baseline that are not there, or of another size: found before any network runs, or left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.baselines import Precomputed
from lit_samseg.baselines.looking import look_for_files, look_for_training_files
from lit_samseg.data import Folder
from lit_samseg.data.training import Training
from lit_samseg.errors import InputError
from tests.conftest import RunCli, SmallVoc, save_indices
from tests.recomputation import results_of

SHORT = ("--model.variants=[box]", "--model.analysis=false")
SKIP = "--data.on_error=skip"


def make(folder: Path, count: int = 3, on_error: str = "raise", **options: object) -> tuple[Precomputed, Folder]:
    """A folder of images with label maps, in which a test leaves out or replaces some."""
    for name in ("images", "masks", "maps"):
        (folder / name).mkdir()
    for n in range(count):
        Image.new("RGB", (6, 4)).save(folder / f"images/{n}.png")
        save_indices(folder / f"maps/{n}.png", np.zeros((4, 6)))
        save_indices(folder / f"masks/{n}.png", np.zeros((4, 6)))
    data = Folder(str(folder / "images"), str(folder / "masks"), 2, on_error=on_error, num_workers=0, **options)  # type: ignore[arg-type]
    data.choose_ids(with_target=False)
    return Precomputed(str(folder / "maps"), 2), data


def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    baseline, data = make(tmp_path, 6)
    look_for_files(baseline, data)
    for n in range(1, 6):
        (tmp_path / f"maps/{n}.png").unlink()
    with pytest.raises(
        InputError,
        match=r"for 5 of 6 images \(1, 2, 3, \.\.\.\); first: no such label map: .*1\.png; of the 1 PNG files",
    ):
        look_for_files(baseline, data)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("0.tif", r"0\.tif is there, but label maps are named 0\.png"),
        ("0_pred.png", r"0_pred\.png is there, but label maps are named 0\.png"),
        ("val/0.png", "it is in the sub-folder val, give that as the root"),
        ("notes.txt", "no PNG is there"),
        ("0.png/0.png", "what has that name is a folder, or a link to nothing"),
        ("x.png", r"of the 1 PNG files there, x\.png is the first"),
    ],
)
def test_what_may_have_been_meant(tmp_path: Path, name: str, hint: str) -> None:
    baseline, data = make(tmp_path, 1)
    path = tmp_path / "maps" / name
    (tmp_path / "maps/0.png").rename(tmp_path / "0.png")
    path.parent.mkdir(exist_ok=True)
    (tmp_path / "0.png").rename(path)
    with pytest.raises(InputError, match=rf"no such label map: .*; {hint}; mend"):
        look_for_files(baseline, data)


def test_sizes_are_looked_at_unless_the_image_may_be_turned(tmp_path: Path) -> None:
    baseline, data = make(tmp_path)
    save_indices(tmp_path / "maps/1.png", np.zeros((6, 4)))
    look_for_files(baseline, data)
    save_indices(tmp_path / "maps/1.png", np.zeros((4, 7)))
    with pytest.raises(
        InputError, match=r"for 1 of 3 images \(1\); first: label map .*1\.png is 7x4 pixels, its image 6x4"
    ):
        look_for_files(baseline, data)
    # Who cannot be opened is named by those who read it.
    (tmp_path / "maps/1.png").write_bytes(b"no picture")
    look_for_files(baseline, data)


def test_what_is_left_out_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline, data = make(tmp_path, on_error="skip")
    (tmp_path / "maps/1.png").unlink()
    look_for_files(baseline, data)
    assert "these images will be skipped" in capsys.readouterr().err
    look_for_files(baseline, data, announce=False)
    assert not capsys.readouterr().err
    loaded = [item for batch in data.predict_dataloader() for item in batch]
    assert [type(item).__name__ for item in loaded] == ["Sample", "BrokenSample", "Sample"]
    for n in (0, 2):
        (tmp_path / f"maps/{n}.png").unlink()
    with pytest.raises(InputError, match="for 3 of 3 images"):
        look_for_files(baseline, data)


def test_files_of_training_images_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "held_out.txt").write_text("0\n")
    (tmp_path / "learnt.txt").write_text("1\n2\n")
    training = Training(ids=str(tmp_path / "learnt.txt"), views=2)
    baseline, data = make(tmp_path, ids=str(tmp_path / "held_out.txt"), training=training)
    data.setup("fit")
    look_for_training_files(baseline, data)
    (tmp_path / "maps/2.png").unlink()
    with pytest.raises(InputError, match=r"for 1 of 2 images \(2\)"):
        look_for_training_files(baseline, data)


@pytest.mark.parametrize("command", ["test", pytest.param("predict", marks=pytest.mark.slow)])
def test_the_rest_is_evaluated(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path, command: str) -> None:
    """One label map is missing, one is cut, one has a label that is no class: one image is left."""
    first, second, third, last = small_voc.ids
    (small_voc.coarse / f"{first}.png").unlink()
    save_indices(small_voc.coarse / f"{second}.png", np.zeros((3, 5)))
    save_indices(
        small_voc.coarse / f"{third}.png", np.full_like(np.array(Image.open(small_voc.coarse / f"{third}.png")), 77)
    )
    words = [command, *small_voc.words()[1:], *SHORT, "--output_dir", tmp_path / "out"]
    words = [word for word in words if command == "test" or not str(word).startswith(("--gallery", "--report"))]
    outcome = run_cli(*words)
    assert outcome.code == 2
    assert f"for 2 of 4 images ({first}, {second}); first: no such label map" in outcome.err
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    outcome = run_cli(*words, SKIP)
    assert outcome.code == 0, outcome.err
    assert f"for 2 of 4 images ({first}, {second}); first: no such label map" in outcome.err
    assert "3 images were skipped:" in outcome.err
    assert "has label 77" in outcome.err
    if command == "test":
        results = results_of(tmp_path / "out")
        assert results["dataset"]["ids"] == [last]
        assert [image["id"] for image in results["dataset"]["skipped"]] == [first, second, third]
    else:
        assert [path.stem for path in (tmp_path / "out/predictions/box").iterdir()] == [last]
