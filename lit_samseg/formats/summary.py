"""What masks hold, counted over all of them and said in one line; and what of it looks like a mistake."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.formats.interface import MaskSet
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.void import VOID

MUCH_VOID = 0.5
"""The share of a mask's pixels; more that are void look like a mistake."""

_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Summary:
    """What masks hold.

    Attributes:
        masks: The masks.
        areas: Pixels of each class by picture, int64 ``[C]``.
        void: Pixels of no class by picture.
        lacking: Pictures without a mask.
    """

    masks: MaskSet
    areas: Mapping[str, NDArray[np.int64]]
    void: Mapping[str, int]
    lacking: Sequence[str] = ()

    @property
    def total(self) -> NDArray[np.int64]:
        """Pixels of each class, int64 ``[C]``."""
        total: NDArray[np.int64] = np.sum(list(self.areas.values()), axis=0, dtype=np.int64)
        return total

    @property
    def void_share(self) -> float:
        """The share of all pixels that are void."""
        void = sum(self.void.values())
        return void / max(1, void + int(self.total.sum()))

    def line(self) -> str:
        """Say it all: ``6 pairs, 21 classes (colours: voc), 2.1 % void, 1 class never occurs``."""
        number = len(self.masks.classes)
        classes = f"{number} class{'' if number == 1 else 'es'} ({self.masks.called()})"
        parts = [counted(len(self.areas), "pair"), classes, f"{100 * self.void_share:.1f} % void"]
        absent = int((self.total == 0).sum())
        if absent:
            parts.append(f"{absent} class{' never occurs' if absent == 1 else 'es never occur'}")
        if self.lacking:
            parts.append(f"{counted(len(self.lacking), 'picture')} without a mask left out ({in_words(self.lacking)})")
        return ", ".join(parts)

    def warnings(self) -> list[str]:
        """Return what looks like a mistake, a sentence each, with the likely cause."""
        shares = {key: void / (void + int(self.areas[key].sum())) for key, void in self.void.items()}
        alone = [key for key, share in shares.items() if share == 1]
        much = [key for key, share in shares.items() if MUCH_VOID < share < 1]
        found = []
        for keys, what in ((alone, "void alone"), (much, "void by more than half")):
            if keys:
                one = "mask is" if len(keys) == 1 else "masks are"
                found.append(f"{len(keys)} {one} {what} ({in_words(keys)}): {self.masks.why_void()}")
        return found


def summarise(masks: MaskSet, sizes: Mapping[str, tuple[int, int]], lacking: Sequence[str] = ()) -> Summary:
    """Read all masks and count what they hold.

    Args:
        masks: The masks.
        sizes: Height and width of the pictures, by their names.
        lacking: Names of pictures without a mask.

    Raises:
        InputError: A mask is broken, or has not its picture's size.
    """

    def count(key: str) -> NDArray[np.int64]:
        labels = masks.read(key, *sizes[key]).labels
        # Void is -1: the first bin.
        return np.bincount(labels.ravel() - VOID, minlength=len(masks.classes) + 1)

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            counts = dict(zip(masks.keys, pool.map(count, masks.keys), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    areas = {key: found[1:] for key, found in counts.items()}
    return Summary(masks, areas, {key: int(found[0]) for key, found in counts.items()}, lacking)
