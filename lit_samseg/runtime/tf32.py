"""fp32 that means fp32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


def _places() -> tuple[Any, ...]:
    """Return what has a setting of its own, those that others follow first."""
    of = torch.backends
    operations = (of.cuda.matmul, of.cudnn.conv, of.cudnn.rnn, of.mkldnn.matmul, of.mkldnn.conv, of.mkldnn.rnn)  # type: ignore[attr-defined]
    return (of, of.cudnn, *operations)


def forbid_tf32() -> Callable[[], None]:
    """Have fp32 computed as such everywhere: TF32, and oneDNN's bfloat16, move scores (FIELD's D20).

    PyTorch's older switches (``allow_tf32``) are neither read nor set: they raise where a program has used the newer
    ones, and what they switch off still follows ``torch.backends.fp32_precision``.

    Returns:
        What puts every setting back. One that follows another was not touched, and follows it again.
    """
    changed: list[tuple[Any, str]] = []
    for place in _places():
        # By now those above it are "ieee", so it has another one for itself.
        if (found := place.fp32_precision) != "ieee":
            place.fp32_precision = "ieee"
            changed.append((place, found))

    def restore() -> None:
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
