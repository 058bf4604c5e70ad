"""Networks by their checkpoints' names on the command line, in place of classes."""

import shutil
from pathlib import Path

import pytest

from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.cli.network_names import with_classes
from tests.conftest import RunCli, SmallVoc
from tests.recomputation import results_of

SAM, BASELINE = "lit_samseg.sam.", "lit_samseg.baselines."


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (
            ["--model.sam", "mobile_sam", "--x", "1"],
            ["--model.sam", SAM + "SegmentAnything", "--model.sam.checkpoint", "mobile_sam", "--x", "1"],
        ),
        (
            ["--model.init_args.sam=owner/name"],
            ["--model.init_args.sam", SAM + "HubSam", "--model.init_args.sam.checkpoint", "owner/name"],
        ),
        (["--model.sam=a/b.pt"], ["--model.sam", SAM + "SegmentAnything", "--model.sam.checkpoint", "a/b.pt"]),
        (
            ["--model.baseline", "deeplabv3_resnet50"],
            [
                "--model.baseline",
                BASELINE + "TorchvisionDeepLab",
                "--model.baseline.architecture",
                "deeplabv3_resnet50",
            ],
        ),
    ],
)
def test_a_checkpoint_is_read_by_its_class(words: list[str], written: list[str]) -> None:
    assert with_classes(["test", *words]) == ["test", *written]


@pytest.mark.parametrize(
    "words",
    [
        ["--model.sam", "lit_samseg.sam.HubSam"],
        ["--model.sam", "HubSam"],
        ["--model.sam", "configs/sam.yaml"],
        ["--model.sam={class_path: lit_samseg.sam.HubSam, init_args: {checkpoint: a/b}}"],
        ["--model.sam.checkpoint", "mobile_sam"],
        ["--model.variants", "mobile_sam"],
        ["--model.sam"],
        ["--model.sam", "nothing_of_this_name"],
    ],
)
def test_all_else_stays_as_it_is(words: list[str]) -> None:
    assert with_classes(words) == words


def test_a_class_goes_before_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "HubSam").mkdir()
    (tmp_path / "mine").mkdir()
    assert with_classes(["--model.sam", "HubSam"]) == ["--model.sam", "HubSam"]
    assert with_classes(["--model.sam", "mine"])[1] == SAM + "HubSam"


def test_a_folder_of_label_maps_alone_is_known(tmp_path: Path) -> None:
    for name in ("a.png", "b.PNG", ".DS_Store"):
        (tmp_path / name).touch()
    words = ["--model.baseline", str(tmp_path)]
    assert with_classes(words)[1:3] == [BASELINE + "Precomputed", "--model.baseline.root"]
    (tmp_path / "a.npz").touch()
    assert with_classes(words)[1] == BASELINE + "ScoreFolder"


def test_a_run_by_names_is_the_run_by_classes(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    # Under a name of one's own, so that it is read as any checkpoint file.
    own = shutil.copy(DEMO_WEIGHTS / "sam.safetensors", tmp_path / "own.safetensors")
    rows = ["--model.variants=[box]", "--model.analysis=false", "--data.ids=" + str(tmp_path / "ids.txt")]
    (tmp_path / "ids.txt").write_text("\n".join(small_voc.ids[:2]) + "\n")
    plain = run_cli(*small_voc.words(), *rows, "--model.sam.checkpoint", own, "--output_dir", tmp_path / "plain")
    assert plain.code == 0, plain.err
    named = [word for word in small_voc.words() if not word.startswith(("--model.sam", "--model.baseline"))]
    outcome = run_cli(
        *(*named, *rows, "--model.sam", own, f"--model.baseline={small_voc.coarse}"),
        *("--output_dir", tmp_path / "named"),
    )
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "named/counts.npz").read_bytes() == (tmp_path / "plain/counts.npz").read_bytes()
    one, other = results_of(tmp_path / "plain"), results_of(tmp_path / "named")
    assert (one["sam"], one["baseline"]) == (other["sam"], other["baseline"])
