"""Pictures and scores in the user's logger: real runs with the real loggers, read back from what they wrote."""

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image

from lit_samseg.callbacks.live_overlays import OverlayLogger, choose_ids, draw_maps
from lit_samseg.data import Sample, Scenes
from lit_samseg.drawing.sheet import GAP, NAME_HEIGHT
from lit_samseg.errors import InputError
from lit_samseg.evaluation.label_maps import LabelMaps
from tests.callbacks.live_runs import CALLBACK, CHOSEN, run_live
from tests.callbacks.test_picture_loggers import allow_mlflow_files
from tests.conftest import PROJECT, RunCli, has_loopback, refuses
from tests.test_module import evaluation


def read_events(folder: Path) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return what TensorBoard shows of a run: scalars and pictures by tag."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    tags = events.Tags()
    scalars = {tag: event.value for tag in tags["scalars"] for event in events.Scalars(tag)}
    pictures = {}
    for tag in tags["images"]:
        (event,) = events.Images(tag)
        pictures[tag] = np.array(Image.open(io.BytesIO(event.encoded_image_string)))
        assert pictures[tag].shape == (event.height, event.width, 3)
    return scalars, pictures


def test_tensorboard_csv_and_mlflow_side_by_side(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings are errors: Lightning's of a name that MLflow does not take would end the run."""
    pytest.importorskip("tensorboard")
    mlflow = pytest.importorskip("mlflow")
    board, table, uri = tmp_path / "board", tmp_path / "table", allow_mlflow_files(tmp_path, monkeypatch)
    run = run_live(
        *(run_cli, demo_config, tmp_path / "out"),
        *("--trainer.logger+=TensorBoardLogger", f"--trainer.logger.save_dir={board}"),
        *("--trainer.logger+=CSVLogger", f"--trainer.logger.save_dir={table}"),
        *("--trainer.logger+=MLFlowLogger", f"--trainer.logger.tracking_uri={uri}"),
    )
    scalars, pictures = read_events(board / "lightning_logs/version_0")
    assert scalars == run.scores | {"epoch": 0}
    assert list(pictures) == [f"overlays/{image_id}" for image_id in CHOSEN]
    for tag, picture in pictures.items():
        run.check_picture(tag.removeprefix("overlays/"), picture)

    with (table / "lightning_logs/version_0/metrics.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert {name: float(value) for name, value in line.items()} == run.scores | {"epoch": 0, "step": 0}
    assert [path.name for path in table.rglob("*.*")] == ["metrics.csv"]

    client = mlflow.MlflowClient(uri)
    (logged,) = client.search_runs([client.get_experiment_by_name("lightning_logs").experiment_id])
    assert logged.info.status == "FINISHED"
    assert logged.data.metrics == run.scores | {"epoch": 0}
    paths = [artifact.path for artifact in client.list_artifacts(logged.info.run_id, "overlays")]
    assert paths == [f"overlays/{image_id}.png" for image_id in CHOSEN]
    for path in paths:
        picture = np.array(Image.open(client.download_artifacts(logged.info.run_id, path, str(tmp_path))))
        # What `check_picture` has found.
        assert np.array_equal(picture, pictures[path.removesuffix(".png")])


@pytest.fixture
def offline_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Weights & Biases without a network, keeping all it writes in one folder; its process ends with the test."""
    wandb = pytest.importorskip("wandb")
    if not has_loopback():
        pytest.skip("wandb talks to a process of its own, which needs the loopback interface")
    folder = tmp_path / "wandb_home"
    folder.mkdir()
    for name in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(folder))
    for name, value in (("MODE", "offline"), ("SILENT", "true"), ("CONSOLE", "off"), ("ERROR_REPORTING", "false")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    # It looks for inputs of W&B's own job queue, and for that imports for seconds what no run here uses.
    monkeypatch.setattr("wandb.sdk.wandb_run.Run._detect_and_apply_job_inputs", lambda run: None, raising=False)
    yield folder
    wandb.finish()
    wandb.teardown()


# The quicker ones are the run with three other loggers above, and test_picture_loggers.
@pytest.mark.slow
def test_wandb(run_cli: RunCli, demo_config: Path, tmp_path: Path, offline_wandb: Path) -> None:
    """Without a network, so that what W&B's servers make of it is not seen; with ids of the user's choice."""
    wandb = pytest.importorskip("wandb")
    run = run_live(
        *(run_cli, demo_config, tmp_path / "out"),
        *("--trainer.callbacks.ids=[scene_00004, scene_00002]", "--trainer.logger=WandbLogger"),
        f"--trainer.logger.save_dir={offline_wandb}",
    )
    logged = wandb.run.summary
    summary = {name: logged[name] for name in logged.keys() if not name.startswith("_")}  # noqa: SIM118 (no dict)
    pictures = {name: summary.pop(name) for name in list(summary) if name.startswith("overlays/")}
    assert summary == run.scores | {"epoch": 0, "trainer/global_step": 0}
    assert sorted(pictures) == ["overlays/scene_00002", "overlays/scene_00004"]
    for name in pictures:
        (path,) = offline_wandb.glob(f"wandb/offline-run-*/files/media/images/{name}_*.png")
        run.check_picture(name.removeprefix("overlays/"), np.array(Image.open(path)))


def test_an_id_that_the_run_does_not_have_ends_it_at_once(tmp_path: Path) -> None:
    """Before the first batch, which a process of its own may have to wait for."""
    pytest.importorskip("tensorboard")
    data = Scenes(size=5)
    data.setup("test")
    trainer: Any = SimpleNamespace(
        loggers=[TensorBoardLogger(tmp_path)], datamodule=data, world_size=1, is_global_zero=True
    )
    told = "'nowhere' is none of this run's 5 images; its ids are like 'scene_00000', ids.txt of a run"
    refuses(lambda: OverlayLogger(["scene_00004", "nowhere"]).on_test_start(trainer, evaluation(1)), told)


# The quicker one is MLflow's: both raise while the trainer's options are read.
@pytest.mark.parametrize(
    ("logger", "complaint"),
    [("MLFlowLogger", "mlruns"), pytest.param("CometLogger", "comet-ml", marks=pytest.mark.slow)],
)
def test_a_logger_that_cannot_be_had_is_one_line(
    logger: str, complaint: str, run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow refuses its default store; Comet is not installed."""
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    words = ["test", "--config", demo_config, "--output_dir", tmp_path / "out"]
    outcome = run_cli(*words, f"--trainer.logger={logger}")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert complaint in outcome.err


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(InputError, match="count is -1; it cannot be negative"):
        OverlayLogger(count=-1)


def test_without_a_logger_for_pictures_nothing_is_looked_at(tmp_path: Path) -> None:
    """There is no data set to choose from, and what stands for the batch would be no image."""
    for logger in (False, CSVLogger(tmp_path)):
        trainer = Trainer(logger=logger, accelerator="cpu", enable_checkpointing=False)
        overlays = OverlayLogger(["nowhere"])
        overlays.on_test_start(trainer, evaluation(1))
        overlays.on_test_batch_end(trainer, evaluation(1), [None], [None], 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "count", "expected"),
    [(5, 4, [0, 1, 3, 4]), (100, 4, [12, 37, 62, 87]), (3, 4, [0, 1, 2]), (9, 0, [])],
)
def test_ids_are_spread_over_the_first_processs_share(size: int, count: int, expected: list[int]) -> None:
    ids = [f"{n:03d}" for n in range(size)]
    assert [int(chosen) for chosen in choose_ids(ids, count)] == expected


@given(st.integers(1, 300), st.integers(0, 40))
def test_chosen_ids_are_distinct_and_as_many_as_there_can_be(size: int, count: int) -> None:
    share = [f"{n:03d}" for n in range(size)]
    chosen = choose_ids(share, count)
    assert len(chosen) == min(count, len(share))
    assert sorted(set(chosen) & set(share)) == chosen
    gaps = np.diff([share.index(image_id) for image_id in chosen])
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


def test_large_images_are_shrunk() -> None:
    image, target = torch.zeros(3, 600, 1500, dtype=torch.uint8), torch.zeros(600, 1500, dtype=torch.uint8)
    rows = {row: torch.ones(600, 1500, dtype=torch.int16) for row in ("baseline", "box")}
    sheet = draw_maps(LabelMaps("x", rows), Sample("x", image, target), Scenes())
    assert sheet.shape == (NAME_HEIGHT + 204, 4 * 512 + 3 * GAP, 3)


@pytest.mark.slow
@pytest.mark.skipif(not has_loopback(), reason="needs the loopback interface between the processes")
def test_of_two_processes_the_first_sends_its_share(demo_config: Path, tmp_path: Path) -> None:
    words = ["test", "--config", demo_config, "--data.size", 5, "--model.variants=[box]", "--model.analysis=false"]
    words += [CALLBACK, "--trainer.callbacks.ids=[scene_00001, scene_00002]", "--output_dir", tmp_path / "out"]
    words += ["--trainer.logger=TensorBoardLogger", f"--trainer.logger.save_dir={tmp_path}"]
    words += ["--trainer.accelerator=cpu", "--trainer.devices=2"]
    command = [sys.executable, "-m", "lit_samseg", *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    scalars, pictures = read_events(tmp_path / "lightning_logs/version_0")
    assert "box/miou" in scalars
    assert list(pictures) == ["overlays/scene_00002"]
    assert done.stderr.count("no picture of scene_00001; other processes evaluate them") == 1
