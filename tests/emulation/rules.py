"""What CUDA refuses, and what it makes the host wait for, by operation."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten

WAITS = {
    "aten::_local_scalar_dense": "scalar",
    "aten::nonzero": "nonzero",
    "aten::masked_select": "masked_select",
    "aten::_unique": "unique",
    "aten::_unique2": "unique",
    "aten::unique_dim": "unique",
    "aten::unique_consecutive": "unique",
    "aten::equal": "equal",
    "aten::bincount": "bincount",
    "aten::repeat_interleave": "repeat_interleave",
    "aten::_linalg_eigh": "linear algebra",
    "aten::_linalg_check_errors": "linear algebra",
}
"""Operations whose result, or its size, the host must know."""

FILLED = {"aten::empty", "aten::empty_like", "aten::new_empty", "aten::empty_strided", "aten::new_empty_strided"}
"""Operations that only fetch memory."""

WHOLE = {"aten::scaled_dot_product_attention", "aten::adaptive_avg_pool2d"}
"""Composite operations that are one kernel on a GPU, or whose parts cannot be followed."""

FLOATS_ONLY = {
    *("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm", "aten::addmv", "aten::addbmm", "aten::dot", "aten::mv"),
    *("aten::matmul", "aten::linear", "aten::convolution", "aten::avg_pool2d", "aten::_adaptive_avg_pool2d"),
    *("aten::_upsample_bilinear2d_aa", "aten::upsample_linear1d", "aten::cdist", "aten::_cdist_forward"),
    *("aten::native_layer_norm", "aten::native_batch_norm", "aten::gelu", "aten::_softmax", "aten::_log_softmax"),
}
"""Operations that have no kernel for integers on CUDA."""

INDEXING = {"aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"}

TAKE_BOTH = {
    *("aten::copy_", "aten::_to_copy", "aten::to", "aten::lift_fresh", "aten::set_data", "aten::detach"),
    *INDEXING,
}
"""Operations that take tensors of host and device at once."""

TAKE_SCALARS = {
    *("aten::where", "aten::masked_fill", "aten::masked_fill_", "aten::fill_", "aten::fill", "aten::lerp"),
    *("aten::index_fill_", "aten::clamp", "aten::searchsorted"),
}
"""Operations that take tensors of the host with one element, as all pointwise ones do."""

TENSOR_CORES = {"aten::convolution", "aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm"}
"""Operations that may be done in TF32."""


class MixedDevicesError(RuntimeError):
    """What a GPU answers to tensors of two devices."""


class NoKernelError(NotImplementedError):
    """CUDA has no kernel for it."""


def is_view(func: Any) -> bool:
    """Tell whether the result is another look at what was given."""
    return any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)


def in_tf32(name: str) -> bool:
    """Tell whether tensor cores may take an operation's float32."""
    if name not in TENSOR_CORES:
        return False
    backend = torch.backends.cudnn.conv if name == "aten::convolution" else torch.backends.cuda.matmul
    return bool(backend.fp32_precision == "tf32")


def refuse(func: Any, args: Sequence[Any], ours: Sequence[Tensor], strangers: Sequence[Tensor]) -> None:
    """Refuse what a GPU would.

    Args:
        func: The operation.
        args: Its arguments.
        ours: Tensors of the device among them.
        strangers: Tensors of the host among them.

    Raises:
        MixedDevicesError: They may not come together.
        NoKernelError: There is none for them.
    """
    name = func._schema.name
    if ours and strangers and not _may_meet(func, args, strangers):
        shapes = [(str(x.device), tuple(x.shape)) for x in (*ours, *strangers)]
        raise MixedDevicesError(f"{name}: Expected all tensors to be on the same device, but got {shapes}")
    if name in FLOATS_ONLY and ours and not (ours[0].is_floating_point() or ours[0].is_complex()):
        raise NoKernelError(f'"{name}" not implemented on CUDA for {ours[0].dtype}')
    if any(x.layout != torch.strided for x in ours):
        raise NoKernelError(f"{name} of a sparse tensor is not emulated")


def _may_meet(func: Any, args: Sequence[Any], strangers: Sequence[Tensor]) -> bool:
    name = func._schema.name
    first_is_strange = isinstance(args[0], Tensor) and any(args[0] is x for x in strangers)
    if name in INDEXING:
        # Indices may lie on the host, what they look into and what is written there may not.
        values = () if name == "aten::index" else args[2:3]
        return not first_is_strange and not any(value is x and x.dim() for value in values for x in strangers)
    if name in TAKE_BOTH:
        return True
    if any(x.dim() for x in strangers) or (first_is_strange and name.endswith("_")):
        return False
    return torch.Tag.pointwise in func.tags or name in TAKE_SCALARS
