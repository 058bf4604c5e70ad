"""What a person should look at first, and what keeps its mask."""

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.refined.doubt import LostClass, doubt, keep_lost, lost_classes
from lit_samseg.void import VOID
from tests.conftest import PROJECT
from tests.refined.conftest import LABELS, refinement

SCRIPT = PROJECT / "scripts/measure_doubt.py"


def parts(*classes: int) -> torch.Tensor:
    """A map of 40 x 50 whose columns are shared out among classes."""
    return torch.tensor(classes).repeat_interleave(50 // len(classes)).expand(40, -1).clone()


def test_doubt_is_what_may_have_been_changed_wrongly() -> None:
    before, after, confidence = parts(0, 1, 1, VOID, 2), parts(0, 1, 2, 2, 1), parts(0, 0, 1, 0, 3) / 4
    # Changed: the third part with 3/4 of doubt, and the last one with 1/4; void had no class to lose.
    assert doubt(before, after, confidence) == pytest.approx((0.75 + 0.25) / 5)
    assert doubt(before, before, confidence) == 0
    assert doubt(parts(0), parts(1), parts(0).float()) == 1


UNSURE = torch.full((40, 50), 0.75)


def test_a_class_is_lost_if_two_fifths_of_it_go_and_nobody_is_sure() -> None:
    before, after = parts(0, 1, 1, 2, 3), parts(0, 1, 1, 0, 3)
    assert lost_classes(before, after, UNSURE, background=0) == [LostClass(2, 400, 1.0, 0.75)]
    after[:, 10:18] = 0
    assert [one.class_id for one in lost_classes(before, after, UNSURE, background=0)] == [2]
    after[0, 18] = 0
    first, _ = lost_classes(before, after, UNSURE, background=0)
    assert (first.class_id, first.area, first.lost) == (1, 800, 321 / 800)
    sure = UNSURE.clone()
    sure[:, 30:40] = 0.81
    assert [one.class_id for one in lost_classes(before, after, sure, background=0)] == [1]
    # The background may be lost where it is none.
    assert lost_classes(parts(0, 1), parts(1, 1), UNSURE, background=0) == []
    assert lost_classes(parts(0, 1), parts(1, 1), UNSURE, background=None) == [LostClass(0, 1000, 1.0, 0.75)]


def test_specks_and_void_may_go() -> None:
    before = parts(0)
    before[0, :3] = 1
    before[1, :] = VOID
    # A thousandth of 2000 pixels are two.
    assert [one.area for one in lost_classes(before, parts(0), UNSURE, background=0)] == [3]
    before[0, 1:3] = 0
    assert lost_classes(before, parts(0), UNSURE, background=0) == []


def test_what_is_lost_is_given_back_and_nothing_else() -> None:
    before, after = parts(0, 1, 1, 2, 3), parts(0, 1, 1, 0, 1)
    after[:, 10:15] = 0
    kept = keep_lost(before, after, [LostClass(2, 400, 1.0, 0.5)])
    assert torch.equal(kept[:, 30:40], before[:, 30:40])
    assert torch.equal(kept[:, :30], after[:, :30])
    assert torch.equal(kept[:, 40:], after[:, 40:])
    assert torch.equal(keep_lost(before, after, []), after)


def test_a_refinement_knows_it() -> None:
    after = LABELS.copy()
    after[1:3, 5] = 0
    after[4, 0] = 0
    result = refinement(after, LABELS, confidence=torch.full(LABELS.shape, 0.75))
    assert [one.class_id for one in result.lost] == [2]
    assert result.doubt == pytest.approx(2 * 0.25 / 30)
    kept = result.keeping_lost()
    assert kept.label_map[1:3, 5].tolist() == [2, 2]
    assert kept.label_map[4, 0] == 0
    assert kept.confidence[1:3, 5].tolist() == [0, 0]
    assert float(kept.confidence.sum()) == pytest.approx(28 * 0.75)
    assert kept.lost == []
    assert kept.doubt == 0
    assert result.label_map[1, 5] == 0


@pytest.fixture
def measure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The script with the given words, in this process; returns what it prints."""

    def run(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["measure_doubt.py", *map(str, words)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_the_figures_are_those_of_the_pixels(tmp_path: Path, measure: Callable[..., str]) -> None:
    """Two records of which everything is known, through the script."""
    (tmp_path / "records").mkdir()
    truth = parts(0, 1, 1, 2, 255).numpy().astype(np.int32)
    better, worse = parts(0, 1, 1, 2, 1).numpy(), parts(0, 1, 1, 0, 1).numpy()
    for name, before, after, sure in (("a", worse, better, 0.58), ("b", better, worse, 0.52)):
        confidence = np.where(before == after, 0.97, sure).astype(np.float16)
        np.savez(tmp_path / f"records/{name}.npz", before=before, after=after, truth=truth, confidence=confidence)
    said = measure("--background", "0", "--records", tmp_path / "records")
    lines = said.splitlines()
    assert lines[0] == "2 images; 12.50 % of the pixels mended, 12.50 % made worse"
    assert "worse as a whole: 1, by 12.50 % of all pixels" in lines[1]
    assert lines[2] == "doubt and share made worse, rank correlation: 1.00"
    assert "1 in 1 images; right to keep 1, wrong 0; by pixels 400 and 0, precision 100 %" in said
    assert "0.50..0.60   25.00 %   50.0 %" in said
    assert "0.95..0.99   75.00 %  100.0 %" in said


def test_the_script_refines_what_it_measures(tmp_path: Path, measure: Callable[..., str]) -> None:
    scene, labels = generate_scene(99, 3)
    for folder, picture in (("images", scene), ("truth", labels), ("masks", np.roll(labels, 2, 0))):
        (tmp_path / folder).mkdir()
        Image.fromarray(picture.astype(np.uint8)).save(tmp_path / folder / "a.png")
    options = [word for name in ("images", "truth", "masks", "records") for word in (f"--{name}", tmp_path / name)]
    said = measure("--sam", "demo", "--background", "0", *options)
    assert "1 of 1: a" in said
    with np.load(tmp_path / "records/a.npz") as record:
        shifted = np.roll(labels, 2, 0).astype(int)
        assert np.array_equal(record["before"], np.where(shifted == 255, -1, shifted))
        assert (record["after"] != record["before"]).any()
