"""What an interrupted run finished is not mixed with anything that would have given other numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.journal import Journal, run_identity
from tests.conftest import SmallVoc, save_indices
from tests.writing.small_run import SmallRun, with_option


@pytest.fixture
def interrupted(small: SmallRun) -> SmallRun:
    """A run of which two images are done."""
    with pytest.raises(KeyboardInterrupt):
        small.run(2)
    return small


def refuse(small: SmallRun, **options: Any) -> str:
    """Go on, and return the refusal; nothing is lost by it."""
    with pytest.raises(InputError) as caught:
        small.run(resume=True, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("model.init_args.variants", ["box"], 'model.init_args.variants was ["box@component"], is ["box"]'),
        ("model.init_args.analysis", False, "model.init_args.analysis was true, is false"),
        ("seed_everything", 7, "seed_everything was 0, is 7"),
        (
            "model.init_args.sam.init_args.precision",
            "bf16",
            'model.init_args.sam.init_args.precision was "fp32", is "bf16"',
        ),
        ("data.init_args.subset", 3, "data.init_args.subset was null, is 3"),
    ],
)
def test_another_configuration(
    option: str, value: Any, named: str, interrupted: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = replace(interrupted.plan(), config=with_option(option, value))
    assert f"{interrupted.folder}/journal is of another run: {named}; give what" in refuse(interrupted, plan=plan)
    # And nothing is lost by it.
    interrupted.run(resume=True)
    assert "2 of 4 images are done already" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("data.init_args.batch_size", 2), ("gallery", False)])
def test_options_that_change_no_number_may_differ(option: str, value: Any, interrupted: SmallRun) -> None:
    plan = interrupted.run(resume=True, plan=replace(interrupted.plan(), config=with_option(option, value)))
    assert len(plan.data.finished) == 2


def test_another_list_of_images(interrupted: SmallRun, small_voc: SmallVoc) -> None:
    listing = small_voc.base / "ImageSets/Segmentation/val.txt"
    listing.write_text("".join(f"{i}\n" for i in small_voc.ids[:-1]))
    assert "images.count was 4, is 3; images.sha256 was" in refuse(interrupted)


@pytest.mark.parametrize("network", ["baseline", "sam"])
def test_other_weights_in_the_same_file(network: str, interrupted: SmallRun) -> None:
    plan = interrupted.plan()
    getattr(plan.module, network).sha256 = "of others"
    line = refuse(interrupted, plan=plan)
    assert f"weights.{network} was" in line
    assert 'is "of others"' in line


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
def test_a_file_that_changed(rewrite: Callable[[SmallVoc], Path], interrupted: SmallRun, small_voc: SmallVoc) -> None:
    path = rewrite(small_voc)
    line = refuse(interrupted)
    assert "image 2007_000001 has changed since the interrupted run" in line
    assert str(path) in line


def test_a_file_that_no_finished_image_was_made_of(small: SmallRun, small_voc: SmallVoc) -> None:
    with pytest.raises(KeyboardInterrupt):
        small.run(1)
    rewrite_image(small_voc)
    assert small.run(resume=True).data.finished == {0}


def test_another_library(monkeypatch: pytest.MonkeyPatch, interrupted: SmallRun) -> None:
    monkeypatch.setattr(run_identity, "installed_versions", lambda: {"torch": "0.1"})
    assert f'versions.torch was "{torch.__version__.partition("+")[0]}' in refuse(interrupted)


def test_other_code(monkeypatch: pytest.MonkeyPatch, interrupted: SmallRun) -> None:
    monkeypatch.setattr(run_identity, "code_digest", lambda classes: "another")
    assert 'is "another"' in refuse(interrupted)


def test_the_code_is_that_of_all_parts(monkeypatch: pytest.MonkeyPatch, small: SmallRun) -> None:
    seen: list[set[type]] = []
    monkeypatch.setattr(run_identity, "code_digest", lambda classes: str(seen.append(set(classes))))
    plan = small.plan()
    plan.identity()
    module = plan.module
    assert seen[0] >= {type(plan.data), type(module), type(module.baseline), type(module.sam)}


def test_another_command(interrupted: SmallRun) -> None:
    assert 'command was "test", is "predict"' in refuse(interrupted._replace(command="predict"))


def test_a_disk_that_is_full_before_anything_is_done(monkeypatch: pytest.MonkeyPatch, small: SmallRun) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "run.json")

    monkeypatch.setattr(Journal, "begin", fail)
    assert "No space left on device" in refuse(small)
    assert list(small.folder.iterdir()) == []


def test_a_journal_without_its_identity(interrupted: SmallRun) -> None:
    (interrupted.folder / "journal/run.json").write_text("{")
    assert "run.json cannot be read" in refuse(interrupted)
