"""A tensor that says it lies on a GPU."""

from typing import Any, ClassVar, Protocol

import torch


class Handler(Protocol):
    """What carries operations out."""

    device: torch.device

    def handle(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry an operation out."""

    def hold(self, inner: torch.Tensor) -> Any:
        """Take down that a tensor of the device has this memory, as long as it has what is returned."""


class OnCuda(torch.Tensor):
    """Has a tensor of the CPU, and dispatches like one of CUDA: by autograd, autocast and inference mode.

    Args:
        inner: Where the data are.
    """

    inner: torch.Tensor
    _held: Any
    handler: ClassVar[Handler]

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "OnCuda":
        assert not isinstance(inner, OnCuda)
        assert inner.device.type == "cpu"
        self: OnCuda = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=cls.handler.device,
        )
        self.inner = inner
        # No weak reference would do: a module that moves swaps its parameters for others that nobody else knows of.
        self._held = cls.handler.hold(inner)
        return self

    def __repr__(self, **_: Any) -> str:
        return f"OnCuda({self.inner!r})"

    def __deepcopy__(self, memo: Any) -> "OnCuda":
        return self.detach().clone()  # type: ignore[return-value]

    def __reduce_ex__(self, protocol: Any) -> Any:
        # As a tensor of CUDA that is saved and loaded with map_location="cpu".
        return self.detach().cpu().__reduce_ex__(protocol)

    def tolist(self) -> Any:
        return self.detach().cpu().tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy it to host first.")

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return cls.handler.handle(func, args, kwargs or {})
