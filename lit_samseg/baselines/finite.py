"""Scores that are no numbers are refused: the largest of them would be a class like any other."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from lit_samseg.errors import InputError


class NotFiniteError(ValueError):
    """The scores of some pixel have no largest number."""


def check_largest(finite: Tensor) -> None:
    """Check that each pixel has a largest score.

    That is NaN where one of the pixel's scores is, and infinite where one overflowed or all are minus infinity; a class
    that a network rules out by minus infinity does not show. So one number a pixel is enough to look at.

    Args:
        finite: Whether the largest scores are, bool of any shape. The device is waited for once.

    Raises:
        NotFiniteError: One is NaN or infinite.
    """
    if not finite.all():
        raise NotFiniteError


@contextmanager
def naming(checkpoint: str, image_id: str) -> Iterator[None]:
    """Say whose scores they were.

    Raises:
        InputError: The block met scores that are no numbers.
    """
    try:
        yield
    except NotFiniteError as error:
        raise InputError(
            f"baseline {checkpoint} gives image {image_id} scores that are NaN or infinite; use another checkpoint, or "
            "leave the image out of the data set"
        ) from error
