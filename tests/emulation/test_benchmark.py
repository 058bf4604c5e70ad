"""The benchmark's jobs on the emulated GPU; their times mean nothing."""

import pytest

from scripts.benchmarking import encoder, ours, peer
from scripts.benchmarking.job import Job
from tests.emulation.meter import Meter

JOB = Job("ours", suite="main", images=2, warmup=2, device="cuda", batch=2, variants=("box",))


@pytest.mark.filterwarnings("ignore")
def test_ours(gpu: Meter) -> None:
    found = ours.run_ours(JOB)
    assert gpu.launches > 0
    assert found["cuda_mb"] > 0
    assert found["stages"].keys() >= {"read", "baseline", "encode", "refine", "count"}
    assert sum(found["stages"].values()) == pytest.approx(found["seconds"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_plain_loop_does_the_same_work(gpu: Meter) -> None:
    plain = peer.run_plain(JOB.replace(kind="plain"))
    assert plain["miou"] == pytest.approx(ours.run_ours(JOB)["miou"], abs=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_encoder(gpu: Meter, precision: str) -> None:
    found = encoder.run_ours(JOB.replace(kind="encoder", images=1, warmup=1, precision=precision))
    assert found["flops"] == 452984832
    assert gpu.tf32_at.total() == 0
