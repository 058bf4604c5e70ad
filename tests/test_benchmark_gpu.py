"""The benchmark on a GPU, as far as machines without one can show: what is asked, counted and written."""

import argparse
import json
import runpy
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lit_samseg.sam.official.architecture import SAM_VIT_B, build_sam
from scripts.benchmarking import encoder, suites
from scripts.benchmarking.job import Job
from scripts.benchmarking.peaks import Peaks, peaks_of, share_of_peak
from scripts.benchmarking.plot import has_matplotlib
from scripts.benchmarking.targets import targets_of
from tests.conftest import PROJECT

H100 = "NVIDIA H100 80GB HBM3"
MACHINE = {"cuda": H100, "versions": {"torch": torch.__version__}}


@pytest.mark.parametrize(
    ("card", "peaks"),
    [
        (H100, Peaks(66.9, 989.4)),
        ("NVIDIA H100 PCIe", Peaks(51.2, 756.5)),
        ("NVIDIA H200", Peaks(66.9, 989.4)),
        ("NVIDIA H200 NVL", Peaks(60, 835.5)),
        ("NVIDIA A100-SXM4-80GB", Peaks(19.5, 312)),
        ("NVIDIA A100 80GB PCIe", Peaks(19.5, 312)),
        ("NVIDIA A10", Peaks(31.2, 125)),
        ("NVIDIA L4", Peaks(30.3, 121)),
        ("NVIDIA L40S", Peaks(91.6, 362)),
        ("Tesla V100-SXM2-32GB", Peaks(15.7, None)),
        # Others that only begin like a known one.
        ("NVIDIA A10G", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        (None, None),
    ],
)
def test_peaks_by_name(card: str | None, peaks: Peaks | None) -> None:
    assert peaks_of(card) == peaks
    if peaks is not None:
        assert share_of_peak(card, "fp32", peaks.fp32 * 5e11) == pytest.approx(0.5)
    if peaks is None or peaks.bf16 is None:
        assert share_of_peak(card, "bf16", 1e12) is None


def test_operations_are_those_that_are_published() -> None:
    """SAM's ViT-B is given as 487 billion products and sums."""
    with torch.device("meta"):
        official = build_sam(SAM_VIT_B).image_encoder
    assert encoder.flops_of(official) / 2e9 == pytest.approx(487, rel=0.005)


def options(**changed: Any) -> argparse.Namespace:
    known = {"images": None, "warmup": None, "batch": None, "rows": None, "compile": False, "device": "cuda"}
    return argparse.Namespace(**known | {"root": None, "baseline": "demo", "sam": "demo", "concepts": "demo"} | changed)


def test_on_a_gpu_images_come_in_batches_and_warm_up_in_whole_ones(tmp_path: Path) -> None:
    for suite in suites.DEFAULT_IMAGES:
        jobs = suites.jobs_of(suite, options(), tmp_path)
        assert {(job.batch, job.device) for job in jobs} == {(8, "cuda")}
        assert all(job.images % 8 == job.warmup % 8 == 0 for job in jobs if job.kind in ("ours", "plain"))
        assert {job.batch for job in suites.jobs_of(suite, options(device="cpu"), tmp_path)} == {1}
    (first, *_) = suites.jobs_of("main", options(batch=3, warmup=4), tmp_path)
    assert (first.batch, first.warmup) == (3, 6)
    rows = {(job.row, job.case) for job in suites.jobs_of("encoder", options(), tmp_path)}
    assert {(f"ours {precision}", "vit_h of random weights") for precision in ("fp32", "bf16")} < rows
    assert not any("vit_h" in job.sam for job in suites.jobs_of("encoder", options(device="cpu"), tmp_path))


def answer(job: Job) -> dict[str, Any]:
    """Stand for a worker beside a GPU, with made-up figures."""
    if job.kind == "machine":
        return MACHINE | {"cuda_bf16": True, "cpu_bf16": True}
    if job.output is not None:
        np.savez(Path(job.output), features=np.zeros(3, np.float32))
    result: dict[str, Any] = {"seconds": 0.05 if job.precision == "fp32" else 0.01}
    if job.kind.endswith("encoder"):
        result["flops"] = 1e12
    elif job.kind != "boundary":
        result |= {"stages": {"read": 0.01, "encode": 0.02, "refine": 0.01, "count": 0.005}, "peak_mb": 1.0}
        result |= {"miou": {"baseline": 0.5, "box": 0.6}}
    return result | ({"busy": result["seconds"] * 0.9} if job.profile else {})


def test_one_command_times_everything_and_leaves_a_file_to_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(PROJECT / "scripts")
    monkeypatch.setattr("benchmarking.process.run_job", answer)
    monkeypatch.setattr("sys.argv", ["benchmark.py", "--device=cuda", "--repeats=1", f"--output={tmp_path}"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        runpy.run_path(str(PROJECT / "scripts/benchmark.py"), run_name="__main__")
    finally:
        signal.signal(signal.SIGTERM, before)
    content = json.loads((tmp_path / "gpu.json").read_text())
    assert content["machine"]["cuda"] == H100
    assert content["peaks"] == {"fp32_tflops": 66.9, "bf16_tflops": 989.4}
    assert list(content["suites"]) == list(suites.DEFAULT_IMAGES)
    plain, ours, *_ = content["suites"]["main"]
    assert (plain["row"], ours["row"]) == ("plain loop", "ours fp32")
    assert "host_bound" not in plain
    assert ours["host_bound"] == pytest.approx(0.1)
    assert ours["identical"] == 1
    found = {(record["row"], record["case"]): record for record in content["suites"]["encoder"]}
    for precision, peak in (("fp32", 66.9), ("bf16", 989.4)):
        record = found[f"ours {precision}", "vit_h of random weights"]
        assert record["of_peak"] == pytest.approx(record["tflops"] / peak)
    assert found["ours bf16", "vit_h of random weights"]["tflops"] == pytest.approx(100)
    table = (tmp_path / "gpu.md").read_text()
    assert table.count("**main:") == 2
    for heading in ("| of peak % |", "| idle % |", "| plain loop |", "ours bf16, vit_h of random weights"):
        assert heading in table
    assert [(target["wanted"], target["met"]) for target in content["targets"]] == [
        (0.4, False),
        (20, None),
        (0.15, True),
    ]
    out = capsys.readouterr().out
    assert "ViT-H's encoder in bf16, share of the card's peak: 0.101, target 0.4 missed\n" in out
    assert (tmp_path / "benchmark.svg").is_file() is has_matplotlib()
    assert f"Written to {tmp_path}" in out


def test_targets() -> None:
    """Those of an H100-class card; rows are counted with ViT-B alone."""
    records = [{"row": "ours bf16", "case": "", "images_per_second": 21.0, "host_bound": 0.2}]
    of_vit_b = targets_of({"main": records}, "sam_vit_b_01ec64.pth")
    assert [target.met for target in of_vit_b] == [None, True, False]
    assert of_vit_b[1].sentence() == "six rows with ViT-B in bf16, images a second: 21, target 20 met"
    assert [target.met for target in targets_of({"main": records}, "mobile_sam")] == [None, None, False]
    assert of_vit_b[0].sentence().endswith("not timed (target 0.4)")
