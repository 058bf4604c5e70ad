"""Class scores from files are a baseline like any other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax
from torch.nn import functional as F

from lit_samseg.baselines import Precomputed, ScoreFolder
from lit_samseg.errors import InputError
from tests.conftest import SHARED, RunCli, SmallVoc, save_indices

IMAGE = torch.zeros(3, 30, 40, dtype=torch.uint8)
LOGITS = np.random.default_rng(0).normal(0, 4, (3, 6, 8)).astype(np.float32)


def expected_labels(logits: np.ndarray, height: int, width: int) -> torch.Tensor:
    fine = F.interpolate(torch.from_numpy(logits)[None].double(), (height, width), mode="bilinear")[0]
    return fine.argmax(0)


def test_the_label_map_is_that_of_the_resized_scores(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", logits=LOGITS)
    np.save(tmp_path / "b.npy", softmax(LOGITS, 0))
    (tmp_path / "b.npy").rename(tmp_path / "b.NPY")
    baseline = ScoreFolder(str(tmp_path))
    baseline.check_classes(("x", "y", "z"))
    labels, scores = baseline.predict(IMAGE, "a")
    assert torch.equal(labels, expected_labels(LOGITS, 30, 40))
    assert len(labels.unique()) == 3
    assert np.array_equal(scores, LOGITS)
    assert torch.equal(baseline.label_map(IMAGE, "b"), labels)
    assert baseline.identity is None
    assert baseline.files("a") == [tmp_path / "a.npz"]


def test_label_maps_of_finer_scores_are_refined_in_place_of_their_own(tmp_path: Path) -> None:
    for folder in ("scores", "maps"):
        (tmp_path / folder).mkdir()
    np.save(tmp_path / "scores/a.npy", LOGITS)
    np.save(tmp_path / "scores/b.npy", LOGITS)
    fine = np.random.default_rng(1).integers(0, 3, (30, 40))
    fine[0, 0] = 255
    save_indices(tmp_path / "maps/a.png", fine)
    maps = Precomputed(str(tmp_path / "maps"), ignore_index=255)
    baseline = ScoreFolder(str(tmp_path / "scores"), label_maps=maps)
    baseline.check_classes(("x", "y", "z"))
    assert baseline.ignore_index == 255
    labels, scores = baseline.predict(IMAGE, "a")
    assert np.array_equal(labels, np.where(fine == 255, -1, fine))
    assert np.array_equal(scores, LOGITS)
    assert [path.name for path in baseline.files("a")] == ["a.npy", "a.png"]
    assert baseline.find_fault("a", None) is None
    assert "no such label map" in str(baseline.find_fault("b", None))
    assert "of the 1 PNG files there, a.png is the first" in baseline.hint("b")
    with pytest.raises(InputError, match="no such label map"):
        baseline.check(IMAGE, "b")
    with pytest.raises(InputError, match="ignore_index is 255, but"):
        ScoreFolder(str(tmp_path / "scores"), label_maps=Precomputed(str(tmp_path), ignore_index=255)).check_classes(
            tuple(map(str, range(256)))
        )


def test_equal_scores_are_the_lower_class(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([0, 2, 2, 1], np.float16)[:, None, None].repeat(3, 1).repeat(4, 2))
    assert ScoreFolder(str(tmp_path)).label_map(IMAGE, "a").unique().tolist() == [1]


def test_ids_with_folders(tmp_path: Path) -> None:
    (tmp_path / "town").mkdir()
    np.save(tmp_path / "town/a.npy", LOGITS)
    assert ScoreFolder(str(tmp_path)).find_fault("town/a", None) is None


def test_what_is_wrong_with_files_is_said(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    Image.new("RGB", (40, 30)).save(image)
    folder = tmp_path / "scores"
    folder.mkdir()
    np.save(folder / "a.npy", LOGITS)
    np.save(folder / "side.npy", LOGITS.transpose(0, 2, 1))
    np.save(folder / "last.npy", LOGITS.transpose(1, 2, 0))
    np.save(folder / "thin.npy", LOGITS[:, :2])
    for suffix in ("npy", "npz"):
        (folder / f"both.{suffix}").touch()
    baseline = ScoreFolder(str(folder), 3)
    assert baseline.find_fault("a", image) is None
    # The image may be turned when it is read; read, it is known not to be.
    assert baseline.find_fault("side", image) is None
    with pytest.raises(InputError, match=r"side\.npy are 6x8 cells .* they lie on their side"):
        baseline.check(IMAGE, "side")
    assert "set layout to hwc" in str(baseline.find_fault("last", image))
    assert "are 8x2 cells for an image of 40x30 pixels" in str(baseline.find_fault("thin", image))
    assert ScoreFolder(str(folder), 3, aspect_ratio="any").find_fault("thin", image) is None
    assert "there must be 4" in str(ScoreFolder(str(folder), 4).find_fault("a", image))
    assert str(baseline.find_fault("none", image)).endswith("none.npz")
    with pytest.raises(InputError, match="are both scores of both; remove one"):
        baseline.files("both")
    with pytest.raises(InputError, match="no such folder of scores"):
        ScoreFolder(str(tmp_path / "none"))
    (folder / "b.png").touch()
    assert "b.png is there, but scores are named b.npz" in baseline.hint("b")


def test_a_run_says_it_before_any_network_is_loaded(small_voc: SmallVoc, tmp_path: Path, run_cli: RunCli) -> None:
    words = [
        *("test", "--config=configs/voc_precomputed_mobilesam.yaml", f"--data.root={small_voc.root}"),
        *("--model.baseline=lit_samseg.baselines.ScoreFolder", f"--model.baseline.root={tmp_path}"),
        *("--model.sam.checkpoint=demo", f"--output_dir={tmp_path / 'out'}"),
    ]
    outcome = run_cli(*words)
    assert outcome.code == 2
    assert "lacks what it reads for 4 of 4 images" in outcome.err
    assert "no such file of scores" in outcome.err


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "num_classes", "size", "share"),
    [("voc2012_espnetv2_s2.0", 21, (366, 500), 0.015), ("camvid_espnet", 11, (360, 480), 0.06)],
)
def test_real_scores_are_of_the_label_maps_beside_them(
    name: str, num_classes: int, size: tuple[int, int], share: float
) -> None:
    """Not to the pixel: the files hold fewer cells than the label maps were made of, so borders differ."""
    from scipy.ndimage import distance_transform_edt

    folder = SHARED / "predictions" / name
    path = sorted((folder / "logits").glob("*.npz"))[0]
    baseline = ScoreFolder(str(folder / "logits"), num_classes)
    found = baseline.label_map(torch.zeros(3, *size, dtype=torch.uint8), path.stem).numpy()
    theirs = np.array(Image.open(folder / "label_maps" / f"{path.stem}.png"))
    differs = found != theirs
    assert differs.mean() < share
    inside = np.ones(size, bool)
    inside[:, 1:] &= theirs[:, 1:] == theirs[:, :-1]
    inside[1:] &= theirs[1:] == theirs[:-1]
    assert distance_transform_edt(inside)[differs].max() <= 12
