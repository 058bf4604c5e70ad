"""What parts from outside this package do wrong, in one line that names the part."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.part import Part


@contextmanager
def blaming(part: Part, where: str) -> Iterator[None]:
    """Name a part from outside in whatever it raises; an error of this package's own parts is a defect and stays.

    Args:
        part: The part.
        where: What it was asked about.

    Raises:
        InputError: The part raised something.
    """
    if not part.is_foreign:
        yield
        return
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        # Whatever the code of others raises.
        raise InputError(f"{part.title} fails {where}: {type(error).__name__}: {error}") from error


def check_tensor(part: Part, given: object, shape: tuple[int, ...], what: str) -> Tensor:
    """Return what a part from outside gave, if it is a tensor of that shape without NaN.

    A GPU is waited for.

    Raises:
        InputError: It is none.
    """
    if not isinstance(given, Tensor):
        raise InputError(f"{part.title} gives a {type(given).__name__} for {what}, and no tensor")
    if tuple(given.shape) != shape:
        raise InputError(f"{part.title} gives {what} as {list(given.shape)}; it must be {list(shape)}")
    if given.is_floating_point() and bool(torch.isnan(given).any()):
        raise InputError(f"{part.title} gives {what} with NaN")
    return given
