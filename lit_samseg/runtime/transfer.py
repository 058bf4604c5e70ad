"""Between host and device in one copy: a GPU is not waited for to give it something, and once to take something."""

from collections.abc import Sequence

import torch
from torch import Tensor

ALIGNMENT = 16
"""Bytes at whose multiples each tensor begins, as a view of another type must."""


def upload(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Bring tensors to a device.

    On a GPU they are parts of one tensor of bytes. It is copied from pinned memory, so the host goes on at once.

    Args:
        tensors: On the CPU, of any types and shapes.
        device: Where to.

    Returns:
        The same, in their order; on a CPU themselves.
    """
    if device.type == "cpu":
        return list(tensors)
    starts = _starts(tensors)
    together = torch.zeros(starts[-1], dtype=torch.uint8)
    for start, tensor in zip(starts, tensors, strict=False):
        _part(together, start, tensor).copy_(tensor)
    sent = to_device(together, device)
    return [_part(sent, start, tensor) for start, tensor in zip(starts, tensors, strict=False)]


def download(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Bring tensors of one device to the CPU, and wait for a GPU once.

    Args:
        tensors: Of any types and shapes.

    Returns:
        The same on the CPU, in their order; of a CPU themselves.
    """
    if all(tensor.device.type == "cpu" for tensor in tensors):
        return list(tensors)
    # The widest numbers first: each part then begins at a multiple of its numbers' width, and one launch joins them.
    order = sorted(range(len(tensors)), key=lambda n: -tensors[n].element_size())
    together = torch.cat([tensors[n].reshape(-1).view(torch.uint8) for n in order]).cpu()
    came, start = {}, 0
    for n in order:
        came[n] = _part(together, start, tensors[n])
        start += came[n].numel() * came[n].element_size()
    return [came[n] for n in range(len(tensors))]


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Bring one tensor of the CPU to a device; for a copy to a GPU nobody waits."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _starts(tensors: Sequence[Tensor]) -> list[int]:
    """Return where each tensor's bytes begin, and the end of all."""
    starts = [0]
    for tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        starts.append(starts[-1] + -(-size // ALIGNMENT) * ALIGNMENT)
    return starts


def _part(together: Tensor, start: int, like: Tensor) -> Tensor:
    """Return the bytes from ``start`` on as a tensor like another one."""
    end = start + like.numel() * like.element_size()
    return together[start:end].view(like.dtype).view(like.shape)
