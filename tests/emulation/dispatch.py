"""Carries operations out on the CPU, as an emulated GPU would."""

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from tests.emulation.meter import Meter, line_of_package
from tests.emulation.rules import FILLED, INDEXING, WAITS, WHOLE, NoKernelError, in_tf32, is_view, refuse
from tests.emulation.tensors import OnCuda
from tests.emulation.transfers import Transfers, spoil

COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd  # type: ignore[attr-defined]


class Emulator:
    """See the package.

    Args:
        device: Which GPU this is.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.meter = device, Meter()
        self.transfers = Transfers(self.meter)
        self.hold = self.meter.hold

    def handle(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry one operation out, wherever its tensors are."""
        flat, spec = tree_flatten((args, kwargs))
        ours = [x for x in flat if isinstance(x, OnCuda)]
        wanted = next((torch.device(x) for x in (kwargs.get("device"), *flat) if _is_device(x)), None)
        name = func._schema.name
        if not ours and (wanted is None or wanted.type != "cuda"):
            return self._on_host(func, args, kwargs)
        # In inference mode composite operations come whole.
        if name not in WHOLE and torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), COMPOSITE.name):
            with Rules(self):
                return func._op_dk(COMPOSITE, *args, **kwargs)
        refuse(func, args, ours, [x for x in flat if isinstance(x, Tensor) and not isinstance(x, OnCuda)])
        if name == "aten::_fused_sdp_choice":
            return 0
        if name == "aten::record_stream":
            return None
        if name == "aten::is_pinned":
            return False
        if name == "aten::_to_copy":
            return self._to_copy(args[0], kwargs, wanted)
        if name == "aten::copy_":
            return self._copy(*args, **kwargs)
        self._wait_for(name, args, kwargs)
        args, kwargs = tree_unflatten([x.inner if isinstance(x, OnCuda) else x for x in flat], spec)
        if wanted is not None:
            kwargs = {**kwargs, "device": torch.device("cpu")}
        return self._wrap(func, tree_unflatten(flat, spec), self._compute(func, name, args, kwargs))

    def _on_host(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Leave an operation to the CPU, but for memory that only a driver could pin."""
        name = func._schema.name
        if name == "aten::is_pinned":
            return self.transfers.is_pinned(args[0])
        if name in ("aten::pin_memory", "aten::_pin_memory"):
            return args[0] if self.transfers.is_pinned(args[0]) else self.transfers.pin(args[0].clone())
        if kwargs.get("pin_memory"):
            return self.transfers.pin(func(*args, **{**kwargs, "pin_memory": False}))
        return func(*args, **kwargs)

    def _compute(self, func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        if in_tf32(name):
            self.meter.tf32_at[line_of_package()] += 1
            args = tree_map(_ten_bits, args)
        if name in ("aten::_softmax", "aten::_log_softmax") and args[2]:
            args = (args[0].float(), args[1], False)  # a CPU has no kernel from half to float
        result = func(*args, **kwargs)
        if is_view(func):
            return result
        made = [x for x in tree_leaves(result) if isinstance(x, Tensor)]
        if name in FILLED:
            made = [spoil(x) for x in made]
        else:
            self.meter.launch()
        size = sum(x.numel() * x.element_size() for x in made)
        if self.meter.capacity is not None and self.meter.live + size > self.meter.capacity:
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size / 2**20:.2f} MiB. GPU 0 has a total capacity of 1 GiB."
            )
        return result

    def _wait_for(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Wait where the host must know something before it can go on."""
        if name in WAITS:
            if name != "aten::repeat_interleave" or kwargs.get("output_size") is None:
                # The least and the largest value are looked at.
                self.transfers.wait(WAITS[name], 2 if name == "aten::bincount" else 1)
        elif name in INDEXING:
            indices = [index for index in args[1] if index is not None]
            if name != "aten::index" and len(indices) == 1 and _is_mask(indices[0]) and args[2].numel() == 1:
                return  # masked_fill
            for index in indices:
                if not isinstance(index, OnCuda):
                    self.transfers.wait("H2D of an index")
                elif _is_mask(index):
                    self.transfers.wait("nonzero of a mask")
        elif name == "aten::fill_" and isinstance(args[1], OnCuda) and not isinstance(args[0], OnCuda):
            self.transfers.wait("scalar")

    def _to_copy(self, source: Tensor, kwargs: dict[str, Any], wanted: torch.device | None) -> Tensor:
        kwargs = {key: value for key, value in kwargs.items() if key not in ("device", "pin_memory")}
        waits = not kwargs.pop("non_blocking", False)
        if not isinstance(source, OnCuda):
            self.transfers.to_device(source, waits)
            return OnCuda(torch.ops.aten._to_copy(source, **kwargs))
        self.meter.launch()
        copied: Tensor = torch.ops.aten._to_copy(source.inner, **kwargs)
        if wanted is None or wanted.type == "cuda":
            return OnCuda(copied)
        # PyTorch pins what it is not to wait for.
        target = torch.empty_like(copied) if waits else self.transfers.pin(torch.empty_like(copied))
        self.transfers.to_host(target, copied, waits)
        return target

    def _copy(self, target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
        self.meter.launch()
        if isinstance(target, OnCuda):
            if not isinstance(source, OnCuda):
                self.transfers.to_device(source, not non_blocking)
            target.inner.copy_(source.inner if isinstance(source, OnCuda) else source)
        elif isinstance(source, OnCuda):
            self.transfers.to_host(target, source.inner, not non_blocking)
        return target

    def _wrap(self, func: Any, given: Any, result: Any) -> Any:
        args, kwargs = given
        # What is written to comes back as itself.
        written: dict[int, OnCuda] = {}
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                for x in tree_leaves(args[place] if place < len(args) else kwargs.get(argument.name)):
                    if isinstance(x, OnCuda):
                        written[id(x.inner)] = x
                        if x.shape != x.inner.shape or x.stride() != x.inner.stride():
                            raise NoKernelError(f"{func} changed a tensor's shape in place, which is not emulated")

        def wrap(x: Any) -> Any:
            if not isinstance(x, Tensor) or isinstance(x, OnCuda):
                return x
            return written[id(x)] if id(x) in written else OnCuda(x)

        # A view of a tensor that takes part in autograd is one too, in inference mode as well.
        normal = is_view(func) and isinstance(args[0], OnCuda) and not args[0].is_inference()
        leave = normal and torch.is_inference_mode_enabled()
        with torch.inference_mode(False) if leave else contextlib.nullcontext():
            return tree_map(wrap, result)


class Rules(TorchDispatchMode):
    """Has a thread's operations carried out by an emulator."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.emulator = emulator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.emulator.handle(func, args, kwargs or {})


def einsum(equation: str, *operands: Any) -> Tensor:
    """``torch.einsum`` for inference mode, where it would come whole, and autocast would not see its parts."""
    given = list(operands[0]) if isinstance(operands[0], list | tuple) else list(operands)
    result: Tensor = torch.ops.aten.einsum.default._op_dk(COMPOSITE, equation, given)
    return result


def _is_device(x: Any) -> bool:
    return isinstance(x, torch.device)


def _is_mask(index: Tensor) -> bool:
    return index.dtype in (torch.bool, torch.uint8)


def _ten_bits(x: Any) -> Any:
    """Return float32 with a mantissa of ten bits, as tensor cores take it."""
    if not isinstance(x, Tensor) or x.dtype != torch.float32:
        return x
    return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)
