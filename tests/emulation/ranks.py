"""Several processes under NCCL's rules.

Gloo does the work, what lies on the host is refused, and a process that is gone is waited for.

DDP's own wrapper needs real memory of a GPU. What it does is done without it: parameters begin as those of the first
process, and gradients are averaged after each backward pass.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from lightning.fabric.utilities import distributed as connecting
from lightning.pytorch.strategies import DDPStrategy, ddp
from torch import Tensor, nn
from torch.distributed import distributed_c10d as collectives
from torch.utils._pytree import tree_map

from tests.emulation.tensors import OnCuda

NAMES = ("all_gather", "all_gather_into_tensor", "all_reduce", "broadcast", "gather", "reduce", "scatter")
"""Collectives that take tensors."""


class NoBackendError(RuntimeError):
    """What NCCL says to tensors of the host."""


def _inner(x: Any) -> Any:
    """Return what gloo can take."""
    if isinstance(x, OnCuda):
        if not x.inner.is_contiguous():
            raise ValueError("Tensors must be contiguous")
        return x.inner
    if isinstance(x, Tensor):
        raise NoBackendError("No backend type associated with device type cpu")
    return x


def _strict(collective: Callable[..., Any]) -> Callable[..., Any]:
    def strict(*args: Any, **kwargs: Any) -> Any:
        return _patiently(collective, *tree_map(_inner, args), **tree_map(_inner, kwargs))

    return strict


def _patiently(collective: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Wait for a process that is gone, where gloo would say that it is."""
    try:
        return collective(*args, **kwargs)
    except RuntimeError as error:
        if "peer" in str(error):
            time.sleep(1800)
        raise


def _begin_equally(module: nn.Module) -> None:
    """Take the first process's parameters and buffers, as DDP does, which has them on the GPU by then."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            dist.broadcast(tensor.detach(), 0)


def _average(strategy: DDPStrategy, loss: Tensor) -> None:
    """Average the gradients of all processes, as DDP does during the backward pass."""
    assert strategy.model is not None
    for parameter in strategy.model.parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, "DDP waits for the gradient of every parameter that learns"
            dist.all_reduce(parameter.grad)
            parameter.grad /= dist.get_world_size()


def _without_wrapper(strategy: DDPStrategy, module: nn.Module) -> nn.Module:
    _begin_equally(module)
    return module


@contextlib.contextmanager
def under_nccl(device: torch.device) -> Iterator[None]:
    """Have the processes of a run speak as they do on GPUs.

    Args:
        device: This process's.
    """
    connect = connecting._init_dist_connection

    def connect_by_gloo(environment: Any, backend: str, *args: Any, device_id: Any = None, **kwargs: Any) -> None:
        assert backend == "nccl"
        assert device_id == device
        connect(environment, "gloo", *args, **kwargs)

    barrier = dist.barrier
    strict = {name: _strict(getattr(dist, name)) for name in NAMES}
    patches = [mock.patch.object(place, name, strict[name]) for place in (dist, collectives) for name in NAMES]
    patches += [
        mock.patch.object(dist, "barrier", lambda group=None, **_: _patiently(barrier, group)),
        # Objects travel as tensors of the GPU.
        mock.patch.object(collectives, "_get_object_coll_device", return_value=device),
        mock.patch.object(ddp, "_init_dist_connection", connect_by_gloo),
        mock.patch.object(ddp, "_sync_module_states", _begin_equally),
        mock.patch.object(DDPStrategy, "_setup_model", _without_wrapper),
        mock.patch.object(DDPStrategy, "_register_ddp_hooks", return_value=None),
        mock.patch.object(DDPStrategy, "post_backward", _average),
    ]
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield
