"""What recognition would be worth to each row, as counts in a file: ``recognition.npz``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lit_samseg.results.row_contents import RecognitionFacts

COUNTED = ("intersection", "pred_area")
"""What is counted of each step; how many pixels the ground truth has of a class is the same for all."""


@dataclass(frozen=True)
class RecognitionCounts:
    """Counts of ``R`` rows, the baseline first, and ``N`` images.

    Attributes:
        steps: Names of what is put right, ``S`` of them (see `lit_samseg.analysis.recognition.RUNGS`).
        pixels: int64 ``[R, S, 2, N, C]``: intersection and pred_area.
        names: Names of what was found, ``F`` of them (see `lit_samseg.analysis.recognition.FOUND`).
        found: int64 ``[R, F, N]``.
        by_scores: 1 for images of which the baseline's scores say what takes the place of absent classes, int64
            ``[N]``.
    """

    steps: Sequence[str]
    pixels: NDArray[np.int64]
    names: Sequence[str]
    found: NDArray[np.int64]
    by_scores: NDArray[np.int64]

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "RecognitionCounts":
        """Return what `arrays` made arrays of.

        Raises:
            KeyError: One is missing.
        """
        pixels = np.stack([arrays[name] for name in COUNTED], axis=2)
        return cls(arrays["steps"].tolist(), pixels, arrays["names"].tolist(), arrays["found"], arrays["by_scores"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all as arrays by name."""
        pixels = {name: self.pixels[:, :, n] for n, name in enumerate(COUNTED)}
        others = {"names": np.array(self.names), "found": self.found, "by_scores": self.by_scores}
        return {"steps": np.array(self.steps)} | pixels | others

    def steps_of(self, row: int, gt_area: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Return a row's steps by name, int64 ``[3, N, C]``.

        Args:
            row: Its place.
            gt_area: Pixels of the ground truth, int64 ``[N, C]``.
        """
        return {
            step: np.stack([intersection, gt_area, predicted])
            for step, (intersection, predicted) in zip(self.steps, self.pixels[row], strict=True)
        }

    def facts_of(self, row: int) -> RecognitionFacts:
        """Return what was found of a row, summed over the images."""
        found = dict(zip(self.names, self.found[row].sum(axis=1).tolist(), strict=True))
        return cast(RecognitionFacts, found | {"by_scores": int(self.by_scores.sum())})


def recognition_counts(
    steps: Sequence[str], names: Sequence[str], gathered: Mapping[str, NDArray[Any]]
) -> RecognitionCounts:
    """Return gathered counts in the order of axes that ``recognition.npz`` has.

    Args:
        steps: Names of what is put right.
        names: Names of what was found.
        gathered: ``rungs`` ``[R, N, S, 2, C]``, ``found`` ``[R, N, F]``, ``by_scores`` ``[R, N]``.
    """
    pixels = np.ascontiguousarray(np.moveaxis(gathered["rungs"], 1, 3))
    found = np.ascontiguousarray(np.moveaxis(gathered["found"], 1, 2))
    # The scores are the baseline's, the same for all rows.
    return RecognitionCounts(steps, pixels, names, found, gathered["by_scores"][0])
