"""Tensors copied to host memory together, so that the host waits for the device once."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def copy_to_host(*tensors: Tensor) -> list[NDArray[Any]]:
    """Return tensors as arrays in host memory; from a CPU they are not copied.

    Args:
        tensors: Of any dtypes that numpy has, of any shapes, on one device.
    """
    if all(tensor.device.type == "cpu" for tensor in tensors):
        return [tensor.numpy() for tensor in tensors]
    # The widest numbers first: each then begins at a multiple of its own width.
    order = sorted(range(len(tensors)), key=lambda n: -tensors[n].element_size())
    packed = torch.cat([tensors[n].reshape(-1).view(torch.uint8) for n in order]).cpu()
    sizes = [tensors[n].numel() * tensors[n].element_size() for n in order]
    arrays = {
        n: part.view(tensors[n].dtype).view(tensors[n].shape).numpy()
        for n, part in zip(order, torch.split(packed, sizes), strict=True)
    }
    return [arrays[n] for n in range(len(tensors))]
