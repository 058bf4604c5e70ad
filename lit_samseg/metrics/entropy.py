"""How unsure the baseline is of its classes, image by image: no score of a row, but what its gain may depend on."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.columns import Column
from lit_samseg.metrics.metric import METRICS, Counts, ImageFacts, ImageRows, LabelMap, Metric


@METRICS.register("entropy")
class Entropy(Metric):
    """Mean entropy of the baseline's class scores, the same for all rows of an image.

    It is known where the baseline gives scores and a row of the run adds them up, as ``auto`` does: the baseline is not
    asked for them otherwise. They are looked at on SAM's grid; classes that are nowhere likelier than 2 %, and are not
    in the label map, are left out.

    Counts: ``nats``, 0 where it is not known; ``known``, 1 where it is.
    """

    word: ClassVar[str] = "entropy"
    columns = (Column("mean", "entropy", "number", False, (), "of the baseline's class scores, mean over the images"),)

    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> dict[str, float | int]:
        """Know nothing: a label map has no scores."""
        return {"nats": 0.0, "known": 0}

    def count_rows(self, image: ImageRows) -> dict[str, NDArray[np.generic]]:
        """Take down what is known of the image, once for each row."""
        rows, entropy = len(image.maps), image.entropy_on_host
        known, nats = entropy is not None, entropy or 0.0
        return {"nats": np.full(rows, nats), "known": np.full(rows, known, np.int64)}

    def score(self, counts: Counts) -> dict[str, float]:
        """Return the mean over the images of which it is known."""
        known = int(counts["known"])
        return {"mean": float(counts["nats"]) / known if known else np.nan}
