"""``regions.csv``: every region of every image and row, written and read back."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from typing_extensions import TypedDict

from lit_samseg.runtime.atomic import atomic_file

_Of = TypedDict("_Of", {"class": str})

CANDIDATES = 3

_WORDS = ("id", "row", "region", "class")
_BOX = ("x_min", "y_min", "x_max", "y_max")
_IOUS = ("before", "after", "best")
_LISTS = ("score", "iou", "truth")
HEADER = (
    *_WORDS, "area", *_BOX, "tags", *_IOUS, "chosen", *(f"{what}_{i}" for what in _LISTS for i in range(CANDIDATES)),
)  # fmt: skip
"""``before``, ``after``, ``best``: IoU with the class's ground truth of the region, of the mask kept, of SAM's best
candidate; ``chosen``: which candidate was kept; ``score_i``, ``iou_i``, ``truth_i``: of candidate i the IoU that SAM
predicts, that with the region and that with the ground truth; ``tags`` are joined by +; corners are inclusive."""


class RegionLine(_Of):
    """A region as ``regions.csv`` has it; see `HEADER`."""

    id: str
    row: str
    region: int
    area: int
    box: list[int]
    tags: list[str]
    before: float
    after: float
    best: float
    chosen: int
    score: list[float]
    iou: list[float]
    truth: list[float]


def write_regions(path: Path, regions: Iterable[Mapping[str, Any]]) -> None:
    """Write regions.

    Args:
        path: The CSV file.
        regions: Each with ``id``, ``row``, ``region``, ``class``, ``area``, ``box``, ``tags``, ``before``, ``after``,
            ``best``, ``chosen``, and the lists ``score``, ``iou``, ``truth``.
    """
    with atomic_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for region in regions:
            line = [*(region[key] for key in _WORDS), region["area"], *region["box"], "+".join(region["tags"])]
            line += [*(repr(region[key]) for key in _IOUS), region["chosen"]]
            for what in _LISTS:
                line += [*map(repr, region[what]), *[""] * (CANDIDATES - len(region[what]))]
            writer.writerow(line)


def read_regions(path: Path) -> list[RegionLine]:
    """Read what ``write_regions`` wrote."""
    regions = []
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            region: dict[str, Any] = {key: line[key] for key in ("id", "row", "class")}
            region |= {key: int(line[key]) for key in ("region", "area", "chosen")}
            region |= {key: float(line[key]) for key in _IOUS}
            region["box"] = [int(line[key]) for key in _BOX]
            region["tags"] = line["tags"].split("+")
            for what in _LISTS:
                values = [line[f"{what}_{i}"] for i in range(CANDIDATES)]
                region[what] = [float(value) for value in values if value]
            regions.append(cast(RegionLine, region))
    return regions


def by_row_and_image(regions: Iterable[RegionLine]) -> dict[str, dict[str, Sequence[RegionLine]]]:
    """Group regions by row, then by image id."""
    grouped: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(list))
    for region in regions:
        grouped[region["row"]][region["id"]].append(region)
    return {row: dict(images) for row, images in grouped.items()}
