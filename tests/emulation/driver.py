"""Puts the emulated GPU in place: what ``torch.cuda`` says and does without a driver."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch

from tests.emulation.backward import without_streams
from tests.emulation.dispatch import Emulator, Rules, einsum
from tests.emulation.meter import Meter
from tests.emulation.tensors import OnCuda

NEEDED = (
    *("_ensureCUDADeviceGuardSet", "_set_only_lift_cpu_tensors", "_only_lift_cpu_tensors"),
    *("_dispatch_has_kernel_for_dispatch_key", "_disabled_torch_function_impl"),
)
"""What of PyTorch's private functions it rests on."""


def why_not() -> str | None:
    """Return why there can be no emulation here, or None."""
    if torch.cuda.is_available():
        return "there is a GPU"
    missing = [name for name in NEEDED if not hasattr(torch._C, name)]
    return f"PyTorch {torch.__version__} lacks {', '.join(missing)}" if missing else None


def make_event(emulator: Emulator) -> type:
    """Return what ``torch.cuda.Event`` is on an emulator."""

    class Event:
        """Knows when it was recorded, and which copies to the host had begun by then."""

        alive = 0

        def __init__(self, enable_timing: bool = False, **_: Any) -> None:
            self.seconds, self.begun = 0.0, 0
            Event.alive += 1

        def __del__(self) -> None:
            Event.alive -= 1

        def record(self, stream: Any = None) -> None:
            self.seconds, self.begun = time.perf_counter(), emulator.transfers.begun()

        def wait(self, stream: Any = None) -> None:
            """Make a stream wait, and not the host."""

        def query(self) -> bool:
            emulator.transfers.finish(self.begun)
            return True

        def synchronize(self) -> None:
            emulator.meter.wait("event")
            emulator.transfers.finish(self.begun)

        def elapsed_time(self, other: "Event") -> float:
            return (other.seconds - self.seconds) * 1000

    return Event


def make_stream(emulator: Emulator, event: type) -> type:
    """Return what ``torch.cuda.Stream`` is on an emulator, which does all in order."""

    class Stream:
        """A queue of launches."""

        def __init__(self, *_: Any, **__: Any) -> None:
            self.device = emulator.device

        def synchronize(self) -> None:
            emulator.transfers.wait("stream")

        def record_event(self, recorded: Any = None) -> Any:
            recorded = recorded or event()
            recorded.record(self)
            return recorded

        def wait_event(self, awaited: Any) -> None:
            """Make this stream wait, and not the host."""

        def wait_stream(self, awaited: Any) -> None:
            """Make this stream wait, and not the host."""

    return Stream


def _cuda(emulator: Emulator, count: int) -> dict[str, Any]:
    """Return what stands for the functions of ``torch.cuda``."""
    index, meter = emulator.device.index, emulator.meter
    event = make_event(emulator)
    stream = make_stream(emulator, event)
    properties = mock.Mock(multi_processor_count=108, total_memory=40 << 30, major=8, minor=0)
    properties.name = "Emulated GPU"
    answers: dict[str, Callable[..., Any]] = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: count,
        "current_device": lambda: index,
        "get_device_name": lambda *_: properties.name,
        "get_device_capability": lambda *_: (properties.major, properties.minor),
        "get_device_properties": lambda *_: properties,
        "is_bf16_supported": lambda *_, **__: True,
        "mem_get_info": lambda *_: (properties.total_memory - meter.live, properties.total_memory),
        "max_memory_allocated": lambda *_: max(meter.live, meter.peak, 1),
        "memory_allocated": lambda *_: meter.live,
        "memory_reserved": lambda *_: meter.live,
        "memory_stats": lambda *_: {"allocated_bytes.all.current": meter.live, "allocated_bytes.all.peak": meter.peak},
        "set_per_process_memory_fraction": lambda part, *_: setattr(meter, "capacity", part * properties.total_memory),
        "synchronize": lambda *_: emulator.transfers.wait("synchronize"),
        "current_stream": stream,
        "default_stream": stream,
        "stream": contextlib.nullcontext,
    }
    nothing = ("_lazy_init", "set_device", "empty_cache", "ipc_collect", "reset_peak_memory_stats", "set_stream")
    return answers | {name: lambda *_: None for name in nothing} | {"Event": event, "Stream": stream}


@contextlib.contextmanager
def emulated(index: int = 0, count: int = 1) -> Iterator[Meter]:
    """Have GPUs for a while, of which this process uses one.

    Args:
        index: Which it uses.
        count: How many there are.
    """
    emulator = Emulator(torch.device("cuda", index))
    in_this_thread = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        with Rules(emulator):
            in_this_thread(thread)

    swapping = torch.__future__.get_swap_module_params_on_conversion()
    lifting, cudnn = torch._C._only_lift_cpu_tensors(), torch._C._get_cudnn_enabled()
    patches = [mock.patch.object(torch.cuda, name, value) for name, value in _cuda(emulator, count).items()]
    patches += [
        mock.patch.object(OnCuda, "handler", emulator, create=True),
        mock.patch.object(torch, "einsum", einsum),
        mock.patch.object(threading.Thread, "run", run),
        mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False),
    ]
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_streams())
        torch._C._ensureCUDADeviceGuardSet()
        for patch in patches:
            stack.enter_context(patch)
        # A module that moves keeps its parameters' identity: optimisers that were made before have them.
        torch.__future__.set_swap_module_params_on_conversion(True)
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, swapping)
        # torch.tensor(..., device="cuda") makes a tensor of the host and copies it, where it is seen.
        torch._C._set_only_lift_cpu_tensors(True)
        stack.callback(torch._C._set_only_lift_cpu_tensors, lifting)
        # Normalisations are operations that a CPU has too.
        torch._C._set_cudnn_enabled(False)
        stack.callback(torch._C._set_cudnn_enabled, cudnn)
        stack.enter_context(Rules(emulator))
        yield emulator.meter
