"""The real command line with ``--model.cache_dir``."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.module import SamSegEvaluation
from lit_samseg.sam import SegmentAnything
from tests.conftest import RunCli, refuses
from tests.recomputation import results_of

SIZE = 2


def counts_of_row(run: Path, row: str) -> list[np.ndarray]:
    counts = np.load(run / "counts.npz")
    place = counts["rows"].tolist().index(row)
    return [counts[name][place] for name in ("intersection", "gt_area", "pred_area")]


def test_a_second_run_computes_only_what_is_damaged_and_counts_the_same(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(name: str, variants: str, *words: object) -> dict[str, Any]:
        common = (
            "--config",
            demo_config,
            "--data.size",
            SIZE,
            "--trainer.accelerator",
            "cpu",
            "--model.analysis=false",
            "--gallery=false",
            "--report=false",
        )
        outcome = run_cli("test", *common, "--output_dir", tmp_path / name, "--model.variants", variants, *words)
        assert outcome.code == 0, outcome.err
        return results_of(tmp_path / name)

    cache = ("--model.cache_dir", tmp_path / "cache")
    uncached = run("uncached", "[box]")
    assert uncached["cache"] is None
    nothing = {"hits": 0, "misses": SIZE}
    assert run("first", "[points]", *cache)["cache"] == {
        "dtype": "fp32",
        "embeddings": nothing,
        "label_maps": nothing,
    }
    paths = sorted((tmp_path / "cache").glob("*/*"), key=lambda path: path.stat().st_size)
    assert len(paths) == 2 * SIZE
    # One label map is cut off, one embedding has a wrong bit.
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    flipped = bytearray(paths[-1].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    paths[-1].write_bytes(flipped)
    caplog.clear()

    second = run("second", "[point,box]", *cache, "--data.batch_size", 2)
    one_missing = {"hits": SIZE - 1, "misses": 1}
    assert second["cache"] == {"dtype": "fp32", "embeddings": one_missing, "label_maps": one_missing}
    complaints = [record.message for record in caplog.records]
    assert len(complaints) == 2
    assert all(any(str(path) in complaint for complaint in complaints) for path in (paths[0], paths[-1]))
    for row in ("baseline", "box"):
        for one, other in zip(
            counts_of_row(tmp_path / "uncached", row), counts_of_row(tmp_path / "second", row), strict=True
        ):
            assert np.array_equal(one, other)
    assert (uncached["sam"], uncached["baseline"]) == (second["sam"], second["baseline"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model.cache_dir", "FILE"), "cache_dir {file} cannot be written (File exists); give another folder"),
        # By default `test_what_cannot_be_a_cache` refuses them.
        pytest.param(
            ("--model.cache_dir", "FILE/below"),
            "cache_dir {file}/below cannot be written (Not a directory)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("--model.cache_dir", "NEW", "--model.cache_max_gb", "0"), "cache_max_gb is 0", marks=pytest.mark.slow
        ),
    ],
)
def test_a_cache_that_cannot_be_used_ends_with_one_line(
    words: tuple[str, ...], message: str, run_cli: RunCli, demo_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    given = [word.replace("FILE", str(tmp_path / "file")).replace("NEW", str(tmp_path / "new")) for word in words]
    outcome = run_cli("test", "--config", demo_config, "--output_dir", tmp_path / "run", *given)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert message.format(file=tmp_path / "file") in outcome.err
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_a_cache(tmp_path: Path) -> None:
    def build(folder: str, max_gb: float) -> None:
        SamSegEvaluation(
            *(MobileNetV2DeepLab("demo"), SegmentAnything("demo")),
            cache_dir=str(tmp_path / folder), cache_max_gb=max_gb, class_names=Scenes.class_names, background=0,
        )  # fmt: skip

    (tmp_path / "file").touch()
    refuses(lambda: build("file/below", 1.0), f"cache_dir {tmp_path}/file/below cannot be written (Not a directory)")
    refuses(lambda: build("new", 0.0), "cache_max_gb is 0")
    assert not (tmp_path / "new").exists()
