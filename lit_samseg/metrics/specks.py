"""Specks: tiny components, which refined label maps have more of than their scores show."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from lit_samseg.metrics.columns import Column
from lit_samseg.metrics.metric import METRICS, Counts, ImageFacts, LabelMap, Metric
from lit_samseg.void import VOID

SHARE = 0.001
"""A component with fewer pixels than this share of the image's is a speck."""


@METRICS.register("specks")
class Specks(Metric):
    """How many components of a label map are smaller than 0.1 % of the image.

    A component is a largest set of pixels of one class in which a way leads from each to each over the eight neighbours
    of pixels. It is a speck if it has fewer than 0.001 H W pixels: fewer than 188 at 375x500. Pixels without a class
    (`VOID`) are in no component. The whole label map takes part, also where the ground truth is void. The ground
    truth's own specks are counted by the same rule, its void in no component, for something to compare with.

    Counts: ``specks``, their ``pixels``, the ground truth's ``true_specks``, the image's ``area``, ``images`` (1).
    """

    word: ClassVar[str] = "specks"
    columns = (
        Column("per_image", "specks", "number", False, note="components smaller than 0.1 % of the image, per image"),
        Column("area", "specks' area", "per cent", False, ("log",), "share of all pixels that are in specks"),
        Column("truth_per_image", "true specks", "number", False, (), "those of the ground truth, per image"),
    )

    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> dict[str, int]:
        """Count one row's specks."""
        return self.prepare(target, image)(label_map)

    def prepare(self, target: LabelMap, image: ImageFacts) -> Callable[[LabelMap], dict[str, int]]:
        """Count the ground truth's specks, once for all rows."""
        true_specks, _ = count_specks(np.where(target == image.ignore_index, VOID, target))

        def count(label_map: LabelMap) -> dict[str, int]:
            specks, pixels = count_specks(label_map)
            return {
                "specks": specks, "pixels": pixels, "true_specks": true_specks, "area": label_map.size, "images": 1,
            }  # fmt: skip

        return count

    def score(self, counts: Counts) -> dict[str, float]:
        """Return specks per image, their share of the area, and the ground truth's per image."""
        images, area = int(counts["images"]), int(counts["area"])
        return {
            "per_image": int(counts["specks"]) / images if images else np.nan,
            "area": int(counts["pixels"]) / area if area else np.nan,
            "truth_per_image": int(counts["true_specks"]) / images if images else np.nan,
        }


def count_specks(label_map: LabelMap) -> tuple[int, int]:
    """Return how many specks a label map ``[H, W]`` has, and their pixels; `VOID` is in none."""
    # Here, since a finished run is scored again without it.
    from skimage.measure import label

    areas = np.bincount(label(label_map, background=VOID, connectivity=2).ravel())[1:]
    specks = areas[areas < SHARE * label_map.size]
    return len(specks), int(specks.sum())
