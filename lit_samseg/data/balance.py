"""Images with rare classes more often: how much each training image counts, and how often an epoch draws it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.errors import InputError


def class_shares(ids: Sequence[str], read_target: Callable[[str], Tensor], classes: int) -> NDArray[np.float64]:
    """Read every ground truth once, and return which part of its known pixels each class has.

    Args:
        ids: Of the images.
        read_target: Returns a ground truth, integer ``[H, W]``.
        classes: How many there are; other labels are void.

    Returns:
        ``[N, classes]``; zeros where all is void, and where a file cannot be read.
    """
    shares = np.zeros((len(ids), classes))
    for own, image_id in zip(shares, ids, strict=True):
        try:
            labels = read_target(image_id).numpy().ravel()
        except InputError:
            # Whoever draws the image says so, or leaves it out.
            continue
        known = labels[(labels >= 0) & (labels < classes)]
        own += np.bincount(known, minlength=classes) / max(1, len(known))
    return shares


def image_weights(shares: NDArray[np.float64], balance: float) -> NDArray[np.float64]:
    """Return how much likelier each image is to be drawn than the mean.

    A pixel of a class counts the class's share of all pixels to the power of ``-balance``; an image, what its known
    pixels do on average.

    Args:
        shares: From `class_shares`.
        balance: 0 counts all images alike, but for those that are void; 1 has each class count alike.

    Returns:
        ``[N]`` with mean 1; all ones where nothing is known of any image.
    """
    frequency = shares.mean(0)
    value = np.where(frequency > 0, np.where(frequency > 0, frequency, 1) ** -balance, 0)
    weights = shares @ value
    mean = weights.mean() if len(weights) else 0.0
    return np.asarray(weights / mean if mean > 0 else np.ones(len(weights)))


def draws(weights: NDArray[np.float64], order: Sequence[int], offset: float) -> list[tuple[int, int]]:
    """Draw as many images as there are, each as often as its weight to less than one (systematic sampling).

    Args:
        weights: ``[N]`` with mean 1.
        order: The positions in the order in which they are gone through.
        offset: Random, in 0..1 without 1.

    Returns:
        ``N`` pairs of a position, and how often it was drawn before.
    """
    passed = weights[list(order)].cumsum() + offset
    # But for rounding this is what the sum is.
    passed[-1:] = len(weights) + offset
    counts = np.diff(np.floor(passed).astype(np.int64), prepend=0)
    return [(position, turn) for position, count in zip(order, counts.tolist(), strict=True) for turn in range(count)]
