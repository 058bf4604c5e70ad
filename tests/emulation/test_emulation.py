"""The emulated GPU refuses what a GPU refuses, and counts what the host waits for."""

import threading

import pytest
import torch

from tests.emulation.backward import why_no_backward
from tests.emulation.driver import emulated, why_not
from tests.emulation.meter import Meter
from tests.emulation.rules import MixedDevicesError, NoKernelError
from tests.emulation.tensors import OnCuda


def test_it_says_that_it_is_a_gpu_while_it_is_there(gpu: Meter) -> None:
    module = torch.nn.Linear(2, 3).to("cuda")
    assert {p.device for p in module.parameters()} == {torch.device("cuda:0")}
    assert torch.accelerator.is_available()
    assert module(torch.ones(1, 2, device="cuda")).is_cuda
    # Whoever has them, as optimisers do, goes on having them.
    before = list(module.parameters())
    assert all(one is same for one, same in zip(before, module.cuda().parameters(), strict=True))
    with pytest.raises(TypeError, match=r"Use Tensor\.cpu"):
        torch.ones(1, device="cuda").numpy()


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_all_is_as_it_was_afterwards() -> None:
    before = torch.backends.cudnn.enabled, torch._C._only_lift_cpu_tensors(), threading.Thread.run
    with emulated():
        assert torch.cuda.is_available()
    assert not torch.cuda.is_available()
    assert before == (torch.backends.cudnn.enabled, torch._C._only_lift_cpu_tensors(), threading.Thread.run)
    weight = torch.ones(2, requires_grad=True)
    (weight * 3).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [3, 3]


def test_devices_do_not_mix(gpu: Meter) -> None:
    here, there = torch.ones(3), torch.ones(3, device="cuda")
    with pytest.raises(MixedDevicesError, match="aten::add"):
        here + there
    with pytest.raises(MixedDevicesError):
        here[torch.zeros(1, dtype=torch.long, device="cuda")]
    with pytest.raises(MixedDevicesError):
        here += torch.ones((), device="cuda")
    with pytest.raises(MixedDevicesError):
        there[there > 0] = here
    # Numbers of the host come along.
    assert (there * torch.tensor(2.0)).cpu().tolist() == [2, 2, 2]
    with pytest.raises(NoKernelError, match="not implemented on CUDA"):
        torch.ones(2, 2, dtype=torch.long, device="cuda") @ torch.ones(2, 2, dtype=torch.long, device="cuda")


def test_fresh_memory_is_no_zero(gpu: Meter) -> None:
    assert torch.empty(2, device="cuda").isnan().all()
    assert torch.empty(2, dtype=torch.int16, device="cuda").tolist() == [32767, 32767]


@pytest.mark.parametrize("inference", [False, True])
def test_waits(gpu: Meter, inference: bool) -> None:
    with torch.inference_mode(inference):
        small, large = torch.ones(4), torch.ones(2**17)
        x = small.to("cuda", non_blocking=True)
        large.pin_memory().to("cuda", non_blocking=True)
        y = x * 2 + x.sum()
        y[x > 5] = 0
        assert gpu.waits == 0
        kinds = {
            "H2D": lambda: torch.tensor([1], device="cuda"),
            "H2D of pageable memory": lambda: large.to("cuda", non_blocking=True),
            "D2H": lambda: y.cpu(),
            "scalar": lambda: float(y[0]),
            "nonzero": lambda: y.nonzero(),
            "nonzero of a mask": lambda: y[y > 0],
            "unique": lambda: y.unique(),
            "bincount": lambda: y.long().bincount(minlength=9),
            "synchronize": lambda: torch.cuda.synchronize(),
        }
        for kind, wait in kinds.items():
            gpu.reset()
            wait()
            assert {kind for kind, _ in gpu.waits_at} == {kind}
            assert gpu.waits == (2 if kind == "bincount" else 1)


def test_what_is_copied_without_waiting_comes_later(gpu: Meter) -> None:
    source = torch.arange(3.0, device="cuda")
    target = torch.empty(3, pin_memory=True)
    target.copy_(source, non_blocking=True)
    other = source.to("cpu", non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    source += 1
    later = source.to("cpu", non_blocking=True)
    assert target.isnan().all()
    assert other.isnan().all()
    assert gpu.waits == 0
    event.synchronize()
    # What stood there when the copies were launched, and nothing that was launched after the event.
    assert target.tolist() == other.tolist() == [0, 1, 2]
    assert later.isnan().all()
    torch.cuda.synchronize()
    assert later.tolist() == [1, 2, 3]


def test_launches_and_memory(gpu: Meter) -> None:
    x = torch.zeros(1000, device="cuda")
    gpu.reset()
    x.view(10, 100).T[0].detach()
    torch.empty(5, device="cuda")
    assert gpu.launches == 0
    y = (x + 1) * 2
    assert gpu.launches == 2
    # The sum is gone by now.
    assert gpu.peak == 8000
    gpu.reset()
    del y
    x.add_(1)
    assert gpu.peak == 0
    assert gpu.live == 4000


def test_memory_can_run_out(gpu: Meter) -> None:
    gpu.capacity = gpu.live + 1000
    held = torch.zeros(200, device="cuda")
    with pytest.raises(torch.OutOfMemoryError, match="Tried to allocate"):
        torch.zeros(51, device="cuda")
    del held
    assert torch.zeros(250, device="cuda").numel() == 250


def test_other_threads_see_it_and_stop_nobody_by_waiting(gpu: Meter) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.ones(2, device="cuda").sum().item()))
    thread.start()
    thread.join()
    assert found == [2]
    assert gpu.waits == 0
    assert gpu.waits_elsewhere.total() == 1


def test_float32_is_rounded_where_tf32_is_allowed(gpu: Meter) -> None:
    x = torch.full((1, 1), 1 + 2**-12, device="cuda")
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        torch.backends.cuda.matmul.fp32_precision = "ieee"
        assert (x @ torch.ones_like(x)).item() == 1 + 2**-12
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        assert (x @ torch.ones_like(x)).item() == 1
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
    assert gpu.tf32_at.total() == 1


def test_autocast_sees_the_parts_of_an_operation(gpu: Meter) -> None:
    for device in ("cpu", "cuda"):
        x, y = torch.ones(2, 3, device=device), torch.ones(3, 4, dtype=torch.bfloat16, device=device)
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
            assert torch.einsum("ab,bc->ac", x, y).dtype == torch.bfloat16


@pytest.mark.skipif(why_no_backward() is not None, reason=str(why_no_backward()))
def test_it_learns_what_a_cpu_does(gpu: Meter) -> None:
    weights = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)).to(device)
        optimizer = torch.optim.AdamW(module.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            module(torch.eye(3, device=device)).square().sum().backward()
            optimizer.step()
        weights.append(module[0].weight.detach().cpu())
    assert isinstance(module[0].weight.data, OnCuda)
    assert torch.equal(*weights)
