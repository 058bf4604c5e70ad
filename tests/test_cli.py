"""The real command line: options, subcommands, loggers, other data and other people's label maps, Ctrl-C."""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_samseg.cli.command_line import run
from lit_samseg.journal import Journal
from lit_samseg.refine.variant import RECOMMENDED
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.plan import read_plan
from tests.conftest import PROJECT, RunCli, SmallVoc
from tests.forked import Forked
from tests.recomputation import read_predictions, recompute, results_of

SHORT = ("--model.analysis=false", "--gallery=false", "--report=false")
"""For what is not about these."""

STUDIES = sorted((PROJECT / "configs").glob("study_*.yaml"))
CONFIGS = [path for path in sorted((PROJECT / "configs").glob("*.yaml")) if path not in STUDIES]


def test_scores_reach_any_lightning_logger(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    outcome = run_cli(
        *("test", "--config", demo_config, "--output_dir", tmp_path, "--data.size", 2),
        *("--model.variants", "[box]", *SHORT, "--trainer.logger", "lightning.pytorch.loggers.CSVLogger"),
        *("--trainer.logger.save_dir", tmp_path / "csv"),
    )
    assert outcome.code == 0, outcome.err
    (path,) = (tmp_path / "csv").rglob("metrics.csv")
    with path.open() as file:
        (logged,) = csv.DictReader(file)
    for row in results_of(tmp_path)["rows"]:
        for name in ("miou", "macc", "miou_gt_present", "pixel_acc"):
            assert float(logged[f"{row['name']}/{name}"]) == pytest.approx(row[name], abs=1e-6)


def test_voc_folder_with_label_maps_of_another_program(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(
        *small_voc.words(), "--model.variants", "[box@component, mask]", "--output_dir", tmp_path / "out",
        "--model.save_predictions", "true", "--model.analysis", "false",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "the paper contradicts itself" in " ".join(outcome.out.split())
    results = results_of(tmp_path / "out")
    for image_id in small_voc.ids:
        copied = np.array(Image.open(tmp_path / "out/predictions/baseline" / f"{image_id}.png"))
        assert np.array_equal(copied, np.array(Image.open(small_voc.coarse / f"{image_id}.png")))
    with Image.open(tmp_path / "out/predictions/mask" / f"{small_voc.ids[0]}.png") as written:
        assert written.mode == "P"
    targets = {i: np.array(Image.open(small_voc.base / "SegmentationClass" / f"{i}.png")) for i in small_voc.ids}
    for row in results["rows"]:
        predictions = read_predictions(tmp_path / "out/predictions" / row["name"])
        for name, value in recompute(predictions, targets, 21).items():
            assert row[name] == pytest.approx(value, abs=1e-6)


def test_predict_writes_the_recommended_row_alone(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    words = ["predict", *small_voc.words()[1:], "--data.subset=1"]
    config = tmp_path / "rows.yaml"
    config.write_text(
        "model:\n  class_path: lit_samseg.module.SamSegEvaluation\n  init_args: {variants: [box, mask]}\n"
    )
    outcome = run_cli(*words, "--config", config, "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "predict writes the recommended row, auto, alone; --model.variants '[ROW, ...]' writes others" in outcome.err
    assert not (tmp_path / "out/predictions").exists()
    refined = read_predictions(tmp_path / "out/refined")
    assert [path.stem for path in sorted((tmp_path / "out/overlays").glob("*.jpg"))] == sorted(refined)
    # Named on the command line, rows have folders, and the baseline is one.
    assert run_cli(*words, "--model.variants=[auto, box]", "--output_dir", tmp_path / "named").code == 0
    folders = sorted(path.name for path in (tmp_path / "named/predictions").iterdir() if path.is_dir())
    assert folders == ["baseline", "box", RECOMMENDED.replace("/", "__")]
    for image_id, label_map in read_predictions(tmp_path / f"named/predictions/{folders[2]}").items():
        assert np.array_equal(label_map, refined.pop(image_id))
    assert not refined
    # A configuration with one row means that one, and nothing needs to be said.
    config.write_text("model:\n  class_path: lit_samseg.module.SamSegEvaluation\n  init_args: {variants: [box]}\n")
    outcome = run_cli(*words, "--config", config, "--output_dir", tmp_path / "one")
    assert "predict writes" not in outcome.err
    boxed = read_predictions(tmp_path / "named/predictions/box")
    assert len(boxed) == 1
    assert all(
        np.array_equal(label_map, boxed[i]) for i, label_map in read_predictions(tmp_path / "one/refined").items()
    )


def test_predict_writes_label_maps_without_ground_truth(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    for path in (small_voc.base / "SegmentationClass").iterdir():
        path.unlink()
    words = ["predict", *small_voc.words()[1:], "--output_dir", tmp_path / "out"]
    outcome = run_cli(*words, "--model.variants", "[box]")
    assert outcome.code == 0, outcome.err
    assert sorted(read_predictions(tmp_path / "out/predictions/box")) == small_voc.ids
    assert not (tmp_path / "out/results.json").exists()
    outcome = run_cli(*words, "--overwrite=true", "--model.variants", "[box@class/oracle]")
    assert outcome.code == 2
    assert "needs the ground truth" in outcome.err


def test_one_class(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    """Also where half of a label map is no class, without which every score would be 100."""
    masks, maps = tmp_path / "masks", tmp_path / "maps"
    for folder in (masks, maps):
        folder.mkdir()
    for image_id in small_voc.ids[:2]:
        labels = np.zeros_like(np.array(Image.open(small_voc.coarse / f"{image_id}.png")))
        Image.fromarray(labels).save(masks / f"{image_id}.png")
        labels[:, : labels.shape[1] // 2] = 255
        Image.fromarray(labels).save(maps / f"{image_id}.png")
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(small_voc.ids[:2]))
    words = [word for word in small_voc.words() if not word.startswith(("--data", "--model.baseline.root"))]
    words += ["--data=lit_samseg.data.Folder", f"--data.images={small_voc.base / 'JPEGImages'}", f"--data.ids={ids}"]
    words += [f"--data.masks={masks}", "--data.num_classes=1", "--data.num_workers=0"]
    words += [f"--model.baseline.root={maps}", "--model.baseline.ignore_index=255"]
    words.append("--model.analysis=false")
    outcome = run_cli(*words, "--model.variants=[box, box@component/single]", "--output_dir", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "With one class no label can be wrong" in " ".join(outcome.out.split())
    rows = results_of(tmp_path / "out")["rows"]
    assert rows[0]["miou"] == rows[0]["macc"] == pytest.approx(0.5, abs=0.01)


def test_an_oracle_row_is_no_worse_per_region_choice(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    outcome = run_cli(
        *("test", "--config", demo_config, "--output_dir", tmp_path, "--data.size", 2),
        *("--model.variants", "[box, box@class/oracle]", *SHORT),
    )
    assert outcome.code == 0, outcome.err
    rows = {row["name"]: row["miou"] for row in results_of(tmp_path)["rows"]}
    assert rows["box@class/oracle"] >= rows["box"]


def test_default_output_folder_is_named_after_the_configuration(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_cli("test", "--config", demo_config, "--data.size", 1, "--model.variants", "[box]", *SHORT)
    assert outcome.code == 0, outcome.err
    (folder,) = (tmp_path / "logs" / "demo").iterdir()
    assert (folder / "results.json").is_file()
    assert str(Path("logs") / "demo" / folder.name) in outcome.out


@pytest.mark.parametrize(
    ("option", "count"),
    [
        ("limit_test_batches=2", 2),
        # The quicker one is that of two batches, the same option.
        pytest.param("limit_test_batches=1", 1, marks=pytest.mark.slow),
        ("fast_dev_run=true", 1),
    ],
)
def test_a_run_may_be_stopped_early_on_purpose(
    option: str, count: int, run_cli: RunCli, demo_config: Path, tmp_path: Path
) -> None:
    words = ["test", "--config", demo_config, "--output_dir", tmp_path, "--model.variants", "[box]", *SHORT]
    # On a GPU a batch has more by default.
    outcome = run_cli(*words, f"--trainer.{option}", "--data.batch_size=1")
    assert outcome.code == 0, outcome.err
    assert results_of(tmp_path)["dataset"]["ids"] == ["scene_00000", "scene_00001"][:count]
    assert np.load(tmp_path / "counts.npz")["intersection"].shape[:2] == (2, count)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_parses(config: Path, run_cli: RunCli) -> None:
    outcome = run_cli("fit" if "finetune" in config.stem else "test", "--config", config, "--print_config")
    assert outcome.code == 0, outcome.err
    sam = yaml.safe_load(outcome.out)["model"]["init_args"]["sam"]
    # To train a baseline, none is needed.
    assert sam is None if config.stem == "voc_finetune_baseline" else sam["init_args"]["precision"] == "fp32"


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_every_pair_of_a_shipped_study_parses(study: Path, run_cli: RunCli, tmp_path: Path) -> None:
    plan = read_plan(study)
    folder = StudyFolder(tmp_path)
    folder.write_plan(plan)
    # Pairs of the same classes differ in names of folders.
    kinds = {str(_class_paths(pair.options)): pair for pair in plan.pairs}
    for pair in kinds.values():
        outcome = run_cli("test", "--config", folder.config(pair), "--print_config")
        assert outcome.code == 0, outcome.err
        model = yaml.safe_load(outcome.out)["model"]["init_args"]
        assert model["variants"] == pair.options["model"]["init_args"]["variants"]
        assert model["sam"]["init_args"]["precision"] == "fp32"


def _class_paths(options: Mapping[str, Any]) -> list[str]:
    return [options["data"]["class_path"], options["model"]["init_args"]["baseline"]["class_path"]]


def test_trainer_options_are_lightnings(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    words = ["test", "--config", demo_config, "--output_dir", tmp_path, "--data.size", 1, "--model.variants", "[]"]
    words += [
        *SHORT,
        "--trainer.callbacks",
        "lightning.pytorch.callbacks.ModelSummary",
        "--trainer.enable_progress_bar",
        "false",
    ]
    outcome = run_cli(*words)
    assert outcome.code == 0, outcome.err
    assert "images/s" not in outcome.err
    assert [row["name"] for row in results_of(tmp_path)["rows"]] == ["baseline"]


def test_modules_are_told_what_lightning_would_tell_them(demo_config: Path, tmp_path: Path) -> None:
    words = ["test", f"--config={demo_config}", "--data.size=1", "--model.variants=[]", *SHORT]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lit-samseg"])
        cli = run([*words, f"--output_dir={tmp_path}"])
    ours = cli.config_dump
    del cli.config_dump
    cli._dump_config()
    assert ours == cli.config_dump
    assert ours["model"]["init_args"]["ignore_index"] == 255


def test_a_defect_of_the_program_keeps_its_traceback(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a file error was being handled when it happened: it must not pass for the user's mistake."""

    def defect(self: object, image_id: str, with_target: bool) -> None:
        try:
            Path("nowhere").read_text()
        except OSError:
            raise KeyError("defect")  # noqa: B904 (the context without a cause is the point)

    monkeypatch.setattr("lit_samseg.data.Scenes.read", defect)
    with pytest.raises(KeyError, match="defect"):
        run_cli("test", "--config", demo_config, "--data.size", 1, "--output_dir", tmp_path)


def test_label_offset_is_added_to_written_labels(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["test", "--config", demo_config, "--data.size", 1, "--model.variants", "[]"]
    words += [*SHORT, "--model.save_predictions", "true", "--output_dir"]
    assert run_cli(*words, tmp_path / "plain").code == 0
    monkeypatch.setattr("lit_samseg.data.Scenes.label_offset", 1)
    assert run_cli(*words, tmp_path / "offset").code == 0
    plain, offset = (read_predictions(tmp_path / name / "predictions/baseline") for name in ("plain", "offset"))
    assert np.array_equal(offset["scene_00000"], plain["scene_00000"] + 1)


def test_help_and_version(run_cli: RunCli) -> None:
    top = run_cli("--help")
    assert top.code == 0
    assert "--config demo " in top.out
    assert "--output_dir" in run_cli("test", "--help").out
    assert "subset_seed" in run_cli("test", "--data.help", "lit_samseg.data.VOC2012").out
    assert "0.1.0" in run_cli("--version").out


def test_import_is_light() -> None:
    code = "import sys, lit_samseg; print([m for m in ('torch', 'lightning', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("sent", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
    ],
)
def test_ctrl_c_and_sigterm_end_a_run_and_keep_earlier_files(
    sent: signal.Signals, code: int, word: str, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "results.json").write_text("earlier")
    words = ["test", "--config=configs/demo.yaml", "--data.size=200", "--model.variants=[box]", "--overwrite=true"]
    words += ["--model.analysis=false", "--model.save_predictions=true", f"--output_dir={output}"]
    process = Forked(words)
    try:
        deadline = time.monotonic() + 120
        while not Journal(output).records() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(sent)
        _, err = process.communicate(timeout=60)
    finally:
        # Left running, it would fail whichever test comes when it is collected.
        process.kill()
    assert process.returncode == code
    assert word in err
    assert "Traceback" not in err
    assert (output / "results.json").read_text() == "earlier"
    # What is finished is kept, for --resume true.
    assert "images are done and kept" in err
    kept = {"results.json", "journal", "gallery.partial", "predictions.partial"}
    assert {path.name for path in output.iterdir()} == kept
