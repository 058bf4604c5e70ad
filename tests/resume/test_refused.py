"""What an interrupted run finished is not mixed with anything that would have given other numbers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from lit_samseg.journal import Journal, run_identity
from tests.conftest import PROJECT, RunCli, SmallVoc, save_indices
from tests.resume.conftest import Interrupt


def refuse(run_cli: RunCli, *words: object) -> str:
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    line = outcome.err.strip().splitlines()[-1]
    assert line.startswith("lit-samseg: error: ")
    return line


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("--model.variants=[points]", 'model.init_args.variants was ["points", "box@component"], is ["points"]'),
        pytest.param("--model.analysis=false", "model.init_args.analysis was true, is false", marks=pytest.mark.slow),
        pytest.param("--seed_everything=7", "seed_everything was 0, is 7", marks=pytest.mark.slow),
        ("--model.sam.precision=bf16", 'model.init_args.sam.init_args.precision was "fp32", is "bf16"'),
        ("--data.subset=3", "data.init_args.subset was null, is 3; images.count was 4, is 3"),
    ],
)
def test_another_configuration(
    word: str, named: str, interrupt: Interrupt, run_cli: RunCli, words: list[str], tmp_path: Path
) -> None:
    interrupt(2)
    assert named in refuse(run_cli, *words, word)
    # And nothing is lost by it.
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 0, outcome.err
    assert "2 of 4 images are done already" in outcome.err


def test_another_list_of_images(interrupt: Interrupt, run_cli: RunCli, words: list[str], small_voc: SmallVoc) -> None:
    interrupt(2)
    listing = small_voc.base / "ImageSets/Segmentation/val.txt"
    listing.write_text("".join(f"{i}\n" for i in small_voc.ids[:-1]))
    assert "images.count was 4, is 3; images.sha256 was" in refuse(run_cli, *words)


def test_other_weights_in_the_same_file(interrupt: Interrupt, run_cli: RunCli, tmp_path: Path) -> None:
    folder = tmp_path / "deeplab"
    shutil.copytree(PROJECT / "lit_samseg/demo_weights/deeplab", folder)
    words = ["test", f"--config={PROJECT / 'configs/demo.yaml'}", "--data.size=4", "--trainer.accelerator=cpu"]
    words += [f"--model.baseline.checkpoint={folder}", "--model.variants=[points]", f"--output_dir={tmp_path / 'run'}"]
    assert interrupt(2, words=words).code == 130
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = min(name for name, tensor in tensors.items() if tensor.is_floating_point())
    save_file(tensors | {name: tensors[name] + 1}, path, metadata={"format": "pt"})
    assert "weights.baseline was" in refuse(run_cli, *words)


def rewrite_image(voc: SmallVoc) -> Path:
    path = voc.base / "JPEGImages/2007_000001.jpg"
    Image.fromarray(255 - np.array(Image.open(path))).save(path)
    return path


def rewrite_mask(voc: SmallVoc) -> Path:
    path = voc.base / "SegmentationClass/2007_000001.png"
    save_indices(path, np.zeros_like(np.array(Image.open(path))))
    return path


def rewrite_label_map(voc: SmallVoc) -> Path:
    path = voc.coarse / "2007_000001.png"
    save_indices(path, np.zeros_like(np.array(Image.open(path))))
    return path


@pytest.mark.parametrize("rewrite", [rewrite_image, rewrite_mask, rewrite_label_map])
def test_a_file_that_changed(
    rewrite: Callable[[SmallVoc], Path],
    interrupt: Interrupt,
    run_cli: RunCli,
    words: list[str],
    small_voc: SmallVoc,
) -> None:
    interrupt(2)
    path = rewrite(small_voc)
    line = refuse(run_cli, *words)
    assert "image 2007_000001 has changed since the interrupted run" in line
    assert str(path) in line


def test_a_file_that_no_finished_image_was_made_of(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], small_voc: SmallVoc
) -> None:
    interrupt(1)
    rewrite_image(small_voc)
    assert run_cli(*words, "--resume=true").code == 0


def test_another_library(
    monkeypatch: pytest.MonkeyPatch, interrupt: Interrupt, run_cli: RunCli, words: list[str]
) -> None:
    interrupt(2)
    monkeypatch.setattr(run_identity, "installed_versions", lambda: {"torch": "0.1"})
    assert f'versions.torch was "{torch.__version__.partition("+")[0]}' in refuse(run_cli, *words)


def test_other_code(monkeypatch: pytest.MonkeyPatch, interrupt: Interrupt, run_cli: RunCli, words: list[str]) -> None:
    interrupt(2)
    monkeypatch.setattr(run_identity, "code_digest", lambda classes: "another")
    assert 'is "another"' in refuse(run_cli, *words)


def test_another_command(interrupt: Interrupt, run_cli: RunCli, words: list[str]) -> None:
    interrupt(2)
    words = ["predict", *(word for word in words[1:] if word.partition("=")[0] not in ("--gallery", "--report"))]
    assert 'command was "test", is "predict"' in refuse(run_cli, *words)


def test_a_finished_run(run_cli: RunCli, words: list[str], tmp_path: Path) -> None:
    assert run_cli(*words).code == 0
    before = (tmp_path / "run/results.json").read_bytes()
    assert "nothing to resume: the run in" in refuse(run_cli, *words)
    assert (tmp_path / "run/results.json").read_bytes() == before


def test_nothing_to_go_on_with_begins(run_cli: RunCli, words: list[str], tmp_path: Path) -> None:
    """So a batch system can give the same command again and again."""
    assert run_cli(*words, "--resume=true").code == 0
    assert json.loads((tmp_path / "run/results.json").read_text())["resumed"] == 0


def test_without_a_folder(run_cli: RunCli, words: list[str]) -> None:
    assert "--resume true needs --output_dir" in refuse(run_cli, *words[:-1])


def test_a_part_of_a_run(run_cli: RunCli, words: list[str], tmp_path: Path) -> None:
    assert "leave out trainer.limit_* and fast_dev_run" in refuse(run_cli, *words, "--trainer.limit_test_batches=2")
    assert run_cli(*words, "--trainer.limit_test_batches=2").code == 0
    assert not (tmp_path / "run/journal").exists()


def test_a_part_of_a_run_over_unfinished_work(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], tmp_path: Path
) -> None:
    """It keeps no journal, and would have cleared the pictures that the unfinished one counts on."""
    interrupt(2)
    outcome = run_cli(*words, "--trainer.limit_test_batches=1")
    assert outcome.code == 2
    assert "an unfinished run, 2 of its images are done" in outcome.err
    assert len(list((tmp_path / "run/predictions.partial/points").glob("*.png"))) == 2


def test_a_disk_that_is_full_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, words: list[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "run.json")

    monkeypatch.setattr(Journal, "begin", fail)
    assert "No space left on device" in refuse(run_cli, *words)


def test_a_journal_without_its_identity(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], tmp_path: Path
) -> None:
    interrupt(2)
    (tmp_path / "run/journal/run.json").write_text("{")
    assert "run.json cannot be read" in refuse(run_cli, *words)
