"""Curves of a training in Lightning's loggers: what ``curve.csv`` has, under the same names."""

import csv
from pathlib import Path

import pytest

from tests.callbacks.test_live_overlays import offline_wandb  # noqa: F401 (a fixture)
from tests.callbacks.test_picture_loggers import allow_mlflow_files
from tests.conftest import RunCli
from tests.finetune.test_going_on import COMMON, FITS

SHORT = (*COMMON, *FITS["baseline"], "--data.training.views", 1)
SCORES = ("val/miou", "val/gain", "val/baseline/miou", "val/baseline/macc")


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open() as file:
        return list(csv.DictReader(file))


def test_tensorboard_and_tables_have_the_curve(run_cli: RunCli, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board, table = tmp_path / "board", tmp_path / "table"
    outcome = run_cli(
        *(*SHORT, "--output_dir", tmp_path / "fit", "--trainer.log_every_n_steps", 1),
        *("--trainer.logger+=TensorBoardLogger", f"--trainer.logger.save_dir={board}"),
        *("--trainer.logger+=CSVLogger", f"--trainer.logger.save_dir={table}"),
        "--trainer.callbacks+=LearningRateMonitor",
    )
    assert outcome.code == 0, outcome.err
    rows = curve(tmp_path / "fit")
    assert [row["epoch"] for row in rows] == list("012")
    (events,) = board.rglob("events.*")
    found = EventAccumulator(str(events)).Reload()
    (path,) = table.rglob("metrics.csv")
    with path.open() as file:
        logged = list(csv.DictReader(file))
    for name, own in (("train/loss_epoch", "train/loss"), *((name, name) for name in SCORES)):
        expected = [float(row[own]) for row in rows[1:]]
        assert [point.value for point in found.Scalars(name)] == pytest.approx(expected, rel=1e-6)
        assert [float(row[name]) for row in logged if row[name]] == pytest.approx(expected, rel=1e-6)
    steps = [point.value for point in found.Scalars("train/loss_step")]
    losses = [sum(steps[:2]) / 2, sum(steps[2:]) / 2]
    assert losses == pytest.approx([float(row["train/loss"]) for row in rows[1:]], rel=1e-6)
    assert len(found.Scalars("lr-SGD")) == 4
    assert set(found.Tags()["scalars"]) == {*SCORES, "train/loss_step", "train/loss_epoch", "lr-SGD", "epoch"}


# By default the curve goes to two other loggers, above, by the same calls.
@pytest.mark.slow
def test_mlflow_and_wandb_have_its_end(
    run_cli: RunCli,
    tmp_path: Path,
    offline_wandb: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("mlflow")
    wandb = pytest.importorskip("wandb")
    from mlflow import MlflowClient

    uri = allow_mlflow_files(tmp_path, monkeypatch)
    outcome = run_cli(
        *(*SHORT, "--output_dir", tmp_path / "fit"),
        *("--trainer.logger+=MLFlowLogger", f"--trainer.logger.tracking_uri={uri}"),
        *("--trainer.logger+=WandbLogger", f"--trainer.logger.save_dir={offline_wandb}"),
    )
    assert outcome.code == 0, outcome.err
    last = curve(tmp_path / "fit")[-1]
    expected = {name: float(last[name]) for name in SCORES} | {"train/loss_epoch": float(last["train/loss"])}
    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("lightning_logs").experiment_id])
    assert {name: run.data.metrics[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert {name: wandb.run.summary[name] for name in expected} == pytest.approx(expected, rel=1e-6)
