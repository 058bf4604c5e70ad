"""fp32 that means fp32."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def forbid_tf32() -> None:
    """Switch off TF32 in matrix products and convolutions of NVIDIA GPUs: it moves scores (FIELD's D20)."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


@contextmanager
def without_tf32() -> Iterator[None]:
    """Switch it off for a while, and leave the setting as it was."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    forbid_tf32()
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
