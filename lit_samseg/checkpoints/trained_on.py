"""Images that something was trained on cannot be evaluated on."""

from collections.abc import Iterable
from typing import Protocol

from lit_samseg.errors import InputError


class Trained(Protocol):
    """A file that a training wrote."""

    @property
    def trained_on(self) -> frozenset[str]:
        """The images, as ``data set/key`` each."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file; empty for one that is not written yet."""


def check_evaluated(trained_on: frozenset[str], keys: Iterable[str], path: str) -> None:
    """Refuse an evaluation on images of the training.

    Args:
        trained_on: The training's images, as ``data set/key`` each.
        keys: Those of the evaluation.
        path: What was trained, for the message.

    Raises:
        InputError: Some of the images were trained on.
    """
    both = sorted(trained_on.intersection(keys))
    if both:
        raise InputError(f"{len(both)} of the images were used to train {path} (first: {both[0]}); evaluate on others")


def as_keys(images: object) -> frozenset[str]:
    """Return the keys that a file lists.

    Raises:
        ValueError: It is no list of texts.
    """
    if not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        raise ValueError("expected a list of images")
    return frozenset(images)
