"""fp32 that means fp32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


def _older_switch() -> bool:
    """Return whether cuDNN's older switch is on; not where it cannot be read."""
    try:
        return bool(torch.backends.cudnn.allow_tf32)
    except RuntimeError:
        return False


def _places() -> tuple[Any, ...]:
    """Return what has a setting of its own, those that others follow first."""
    of = torch.backends
    operations = (of.cuda.matmul, of.cudnn.conv, of.cudnn.rnn, of.mkldnn.matmul, of.mkldnn.conv, of.mkldnn.rnn)  # type: ignore[attr-defined]
    return (of, of.cudnn, *operations)


def forbid_tf32() -> Callable[[], None]:
    """Have fp32 computed as such everywhere: TF32, and oneDNN's bfloat16, move scores (FIELD's D20).

    PyTorch's older switch of cuDNN says the same meanwhile: `torch.export` and `torch.backends.cudnn.flags` read it,
    and it raises where the newer settings contradict it. Where a program has made them do so, it is left alone.

    Returns:
        What puts every setting back. One that follows another follows it again.
    """
    switched, before = _older_switch(), [place.fp32_precision for place in _places()]
    changed: list[tuple[Any, str]] = []
    for place, reading in zip(_places(), before, strict=True):
        # By now those above it are "ieee".
        if (own := place.fp32_precision) != "ieee":
            place.fp32_precision = "ieee"
            changed.append((place, own))
        elif reading != "ieee":
            changed.append((place, "none"))
    if switched:
        torch.backends.cudnn.allow_tf32 = False

    def restore() -> None:
        nonlocal switched
        if switched:
            torch.backends.cudnn.allow_tf32, switched = True, False
        while changed:
            place, found = changed.pop()
            place.fp32_precision = found

    return restore


@contextmanager
def without_tf32() -> Iterator[None]:
    """Have fp32 computed as such for a while, and leave the settings as they were."""
    restore = forbid_tf32()
    try:
        yield
    finally:
        restore()


def arithmetic_of_fp32() -> list[str]:
    """Return how a GPU computes fp32: matrix products, convolutions."""
    return [torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision]  # type: ignore[attr-defined]
